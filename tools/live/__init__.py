"""An acceptance run against the real service: `poe live`. See docs/testing.md."""

"""Score cards of the conformance suite, see README.md."""

"""The command `oxen-llm`; see docs/cli.md. Extra: `cli`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command. Exit code: 0, 1 for a failure, 2 for wrong arguments, 130 after Ctrl-C."""
    try:
        from _oxen_transport.cli.app import run  # noqa: PLC0415 - to explain its absence
    except ImportError as error:
        sys.exit(f"oxen-llm needs {error.name}: pip install 'oxen-integrations[cli]'")
    run()

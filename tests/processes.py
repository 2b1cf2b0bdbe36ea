"""Programs in processes of their own, with the packages of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these variables beside those that are there, and keep what it prints."""
    given = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(  # noqa: S603 - our own
        command, cwd=cwd, env=given, capture_output=True, text=True, check=False, timeout=120
    )


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments."""
    return run(sys.executable, *arguments, **environment)

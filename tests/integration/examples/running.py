"""Runs an example as a reader runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def start(module: str, *arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
    """`python -m examples.<module>`, its two outputs as pipes, in a session of its own as in a terminal."""
    command = [sys.executable, "-u", "-m", f"examples.{module}", *arguments]
    warned = "error::DeprecationWarning:__main__"
    return subprocess.Popen(  # noqa: S603 - our own examples
        command,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": warned, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(module: str, *arguments: str, code: int = 0, cwd: Path = ROOT, **environment: str) -> tuple[str, str]:
    """What it printed, and what it said beside it."""
    with start(module, *arguments, cwd=cwd, **environment) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == code, err[-3000:] + out[-1000:]
    return out, err

"""Runs an example as a reader runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def start(module: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """`python -m examples.<module>`, its two outputs as pipes."""
    command = [sys.executable, "-u", "-m", f"examples.{module}", *arguments]
    warned = "error::DeprecationWarning:__main__"
    return subprocess.Popen(  # noqa: S603 - our own examples
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": warned, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(module: str, *arguments: str, code: int = 0, **environment: str) -> tuple[str, str]:
    """What it printed, and what it said beside it."""
    with start(module, *arguments, **environment) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == code, err[-3000:] + out[-1000:]
    return out, err

"""Something to talk to: the live service if there is a key, else a real small model on this machine."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MODEL = "open-mixtral-8x22b"  # the id that the live service knows; the local server answers to it as well


def connection(*, slots: int = 1) -> dict[str, Any]:
    """Arguments for `ChatOxen` or `Oxen`: none with OXEN_API_KEY or OXEN_BASE_URL set, else a local server's.

    The server lives as long as this process; processes started by it find it in OXEN_BASE_URL. `slots` is how many
    answers it writes at a time.
    """
    if not os.environ.get("OXEN_API_KEY") and not os.environ.get("OXEN_BASE_URL"):
        os.environ["OXEN_BASE_URL"] = start_server(slots=slots)
    return {"base_url": os.environ["OXEN_BASE_URL"]} if os.environ.get("OXEN_BASE_URL") else {}


def start_server(*, slots: int = 1) -> str:
    """Start llama.cpp's server with the small model, and say so. Returns: its base URL."""
    from examples.support.weights import weights  # not needed with a key, and so is what it imports

    file = weights()
    log = tempfile.TemporaryFile()  # noqa: SIM115 - the server's, as long as it lives
    command = [sys.executable, "-m", "examples.support.server", str(file), MODEL, str(slots)]
    server = subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
    )
    atexit.register(_stop, server)
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    if not address:
        server.wait()
        log.seek(0)
        said = log.read().decode(errors="replace").strip().splitlines()[-5:]
        raise RuntimeError("the local server did not start:\n" + "\n".join(said))
    print(
        f"No OXEN_API_KEY: answers come from {file.stem}, a small model that runs on this machine at {address}",
        file=sys.stderr,
    )
    return f"{address}/v1"


def _stop(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    server.stdin.close()  # it ends by itself then
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()

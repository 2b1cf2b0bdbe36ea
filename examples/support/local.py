"""Something to talk to: the live service if there is a key, else a real small model on this machine."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from examples.support.endings import ExampleError

ROOT = Path(__file__).parents[2]
MODEL = "open-mixtral-8x22b"  # the id that the live service knows; the local server answers to it as well

_server: subprocess.Popen[str] | None = None


def connection(*, slots: int = 1) -> dict[str, Any]:
    """Arguments for `ChatOxen` or `Oxen`: none with OXEN_API_KEY or OXEN_BASE_URL set, else a local server's.

    The server lives as long as this process; processes started by it find it in OXEN_BASE_URL. `slots` is how many
    answers it writes at a time.
    """
    if not os.environ.get("OXEN_API_KEY") and not os.environ.get("OXEN_BASE_URL"):
        os.environ["OXEN_BASE_URL"] = start_server(slots=slots)
    return {"base_url": os.environ["OXEN_BASE_URL"]} if os.environ.get("OXEN_BASE_URL") else {}


def note(text: str) -> None:
    """A line about what the small local model cannot do; nothing if the live service answers."""
    if not os.environ.get("OXEN_API_KEY"):
        print(f"Note: {text}", file=sys.stderr)


def start_server(*, slots: int = 1) -> str:
    """Start llama.cpp's server with the small model, and say so. Returns: its base URL. Raises: ExampleError."""
    global _server  # noqa: PLW0603 - one for the process, which stops it
    from examples.support.weights import weights  # not needed with a key, and so is what it imports

    file = weights()
    log = tempfile.TemporaryFile()  # noqa: SIM115 - the server's, as long as it lives
    command = [sys.executable, "-m", "examples.support.server", str(file), MODEL, str(slots)]
    _server = subprocess.Popen(  # noqa: S603 - our own module
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,  # Ctrl-C is for this process, which then stops it
    )
    atexit.register(stop_server)
    assert _server.stdout is not None
    address = _server.stdout.readline().strip()
    if not address:
        _server.wait()
        log.seek(0)
        last = log.read().decode(errors="replace").strip().splitlines()[-5:]
        raise ExampleError(
            "The local server did not start; OXEN_LOCAL_MODEL may name another model, OXEN_API_KEY the live service. "
            "Its last words:\n" + "\n".join(last)
        )
    print(
        f"No OXEN_API_KEY: answers come from {file.stem}, a small model that runs on this machine at {address}",
        file=sys.stderr,
    )
    return f"{address}/v1"


def stop_server() -> None:
    """Stop the server that this process started, if it did."""
    global _server
    server, _server = _server, None
    if server is None:
        return
    assert server.stdin is not None
    server.stdin.close()  # it ends by itself then
    try:
        server.wait(timeout=10)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        server.kill()

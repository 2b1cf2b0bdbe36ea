"""One server for all workers of a test session: the first that needs it starts it, and outlasts the others."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock


@contextlib.contextmanager
def shared_server(folder: Path, start: Callable[[], str]) -> Iterator[str]:
    """Use the session's server.

    Args:
        folder: A folder that all workers of the session know.
        start: Starts a server that ends with this process. Returns: its address.
    """
    address, starting = folder / "server-address", FileLock(folder / "server-lock")
    with (folder / "server-users").open("w") as users:
        with starting:
            is_owner = not address.exists()
            if is_owner:
                address.write_text(start(), encoding="utf-8")
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield address.read_text(encoding="utf-8")
        finally:
            while is_owner and not _is_last(starting, users.fileno(), address):
                time.sleep(0.1)


def _is_last(starting: FileLock, users: int, address: Path) -> bool:
    """Whether nobody else uses it; from then on the next one starts another."""
    with starting:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        address.unlink()
        return True

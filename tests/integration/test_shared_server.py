"""Two workers, one server: started once, and there for as long as anybody uses it."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.shared_server import shared_server


def test_the_first_starts_it_and_waits_for_the_last(tmp_path: Path) -> None:
    started: list[str] = []
    addresses: list[str] = []
    first_may_end, second_may_end = threading.Event(), threading.Event()

    def start() -> str:
        started.append("http://one")
        return "http://one"

    def use(may_end: threading.Event) -> None:
        with shared_server(tmp_path, start) as address:
            addresses.append(address)
            may_end.wait(10)

    first = threading.Thread(target=use, args=[first_may_end])
    first.start()
    while not addresses:
        first.join(0.01)
    second = threading.Thread(target=use, args=[second_may_end])
    second.start()
    while len(addresses) < 2:
        second.join(0.01)
    first_may_end.set()
    first.join(0.3)
    assert first.is_alive(), "it took the server away from the second"
    second_may_end.set()
    first.join(10)
    assert (started, addresses) == (["http://one"], ["http://one"] * 2)
    with shared_server(tmp_path, start):
        assert len(started) == 2, "what has ended is started anew"

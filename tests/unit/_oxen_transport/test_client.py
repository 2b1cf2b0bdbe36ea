"""What both clients make of a failure inside a stream."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from _oxen_transport.async_client import AsyncOxenClient
from _oxen_transport.client import OxenClient
from _oxen_transport.errors import OxenError, OxenTimeoutError


def test_time_that_is_up_between_two_pieces_is_the_end_of_the_stream() -> None:
    late, lost = OxenTimeoutError("no time left"), list[OxenError]()

    def expect(_: Any) -> None:
        raise late

    parts: Any = (SimpleNamespace(expect=expect), SimpleNamespace(lose=lost.append), None)
    client: Any = None
    assert OxenClient._next(client, *parts) is None
    assert asyncio.run(AsyncOxenClient._next(client, *parts)) is None
    assert lost == [late, late]

"""The pools' rarer ways: a proxy of another kind, connections that died while idle, another process's pools."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import httpcore
import pytest

from _oxen_transport.http import pools
from _oxen_transport.http.sockets import Deadline, DeadlineStream
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import FIN, Server, good
from tests.entry_points import entry_points


def test_a_socks_proxy_is_httpcores_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(httpcore, "SOCKSProxy", lambda **options: made.append(options) or "pool")
    assert pools._pool(httpcore, "", "socks5://127.0.0.1:1080", {"http2": False}) == "pool"
    assert made == [{"proxy_url": "socks5://127.0.0.1:1080", "http2": False}]


@pytest.mark.parametrize("api", [api for api in entry_points() if api.kind == "client"], ids=str)
def test_connections_that_died_while_idle_are_closed_and_not_used(api: Any, server: Server) -> None:
    stage = server.stage(lambda request: [*good(request), 0.05, FIN])
    model = api.make(stage.url, max_retries=0)
    pools.close_sync(model)  # the connection of the test before may be about to die, too

    async def twice() -> None:
        await api.ask_async(model)
        await asyncio.sleep(0.4)
        await api.ask_async(model)

    if api.is_async:
        asyncio.run(twice())
    else:
        api.ask(model)
        asyncio.run(asyncio.sleep(0.4))
        api.ask(model)
    assert len({request.connection for request in stage.requests}) == 2


class Idle:
    """A connection that was used and is free."""

    def __init__(self) -> None:
        self.expired = False

    def has_expired(self) -> bool:
        return self.expired

    def is_idle(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False


class Maker:
    def create_connection(self, origin: Any) -> Idle:
        return Idle()


def taken(pool: pools._Pool, count: int) -> list[Any]:
    return [pool._take(httpcore.Origin(b"http", b"x", 80))[0] for _ in range(count)]


def test_the_oldest_is_closed_when_it_has_expired() -> None:
    pool = pools._Pool(Maker())
    first, second, third = taken(pool, 3)
    assert pool._sort_back(first) == []
    assert pool._sort_back(second) == [], "the oldest is still good"
    first.expired = True
    assert pool._sort_back(third) == [first]
    assert taken(pool, 2) == [third, second]


def test_no_more_are_kept_than_are_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "KEEP", 2)
    pool = pools._Pool(Maker())
    first, second, third = taken(pool, 3)
    assert [pool._sort_back(one) for one in (first, second, third)] == [[], [], [first]]


def test_at_exit_only_this_processs_pools_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    class Pool:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)

    key = pools.Connection.of(OxenSettings(base_url="http://127.0.0.1:9"))
    monkeypatch.setattr(pools, "_sync", {(os.getpid(), key): Pool("ours"), (1, key): Pool("a parent's")})
    pools._close_all()
    assert closed == ["ours"]


def test_a_socket_takes_a_plain_timeout_too() -> None:
    class Wire(httpcore.NetworkStream):
        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return f"{max_bytes} {timeout}".encode()

    stream = DeadlineStream(Wire())
    assert stream.read(10, 5.0) == b"10 5.0"
    assert stream.read(10, None) == b"10 10.0", "no wait is without an end"
    stream.put_back(b"again")
    assert stream.read(3, 5.0) == b"aga"


def test_a_deadline_that_has_passed_ends_a_read_before_it_begins() -> None:
    class Wire(httpcore.NetworkStream):
        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            raise AssertionError("a socket with this timeout would not wait, or would wait for ever")

    stream = DeadlineStream(Wire())
    with pytest.raises(httpcore.ReadTimeout):
        stream.read(10, Deadline(-1.0))
    stream.put_back(b"here")
    assert stream.read(10, Deadline(-1.0)) == b"here", "what has come already is not late"

"""Connection pools at their end: of a loop, of a fork, of a process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator
from typing import Any

import httpcore
import httpx
import pytest

from _oxen_transport.http import async_requests, sync_requests
from _oxen_transport.http.async_requests import AsyncPool
from _oxen_transport.http.config import ConnectionConfig
from _oxen_transport.http.outgoing import Deadline
from _oxen_transport.http.sync_requests import DeadlineBackend, DeadlineStream, SyncTransport
from _oxen_transport.settings import OxenSettings
from tests.tables import each_row

KEY = "sk-made-up-0123456789"


@pytest.mark.parametrize("module", [sync_requests, async_requests])
def test_a_fork_leaves_its_parents_connections_open(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(module, "_pools", {(-1, None, 0): object()})  # closing it would fail
        module._close_all()


def test_at_exit_a_loop_that_still_runs_in_another_thread_closes_its_own() -> None:
    closed: list[asyncio.AbstractEventLoop] = []

    async def guard() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            closed.append(asyncio.get_running_loop())

    loop, transport = asyncio.new_event_loop(), httpx.AsyncHTTPTransport()
    pool = AsyncPool(loop, transport, None, guard())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(pool.guard.__anext__(), loop).result()
    pool.close_at_exit()
    assert closed == [loop]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    pool.close_at_exit()  # its loop is closed: httpx's pool is left to the system, without an error
    pool.abandon()


def test_nothing_waits_after_the_deadline() -> None:
    stream, late = DeadlineStream(httpcore.MockStream([b"late"])), Deadline(-1.0)
    with pytest.raises(httpcore.ReadTimeout, match="the deadline has passed"):
        stream.read(4, late)
    with pytest.raises(httpcore.WriteTimeout):
        stream.write(b"late", late)
    with pytest.raises(httpcore.ConnectTimeout):
        stream.start_tls(None, timeout=late)
    with pytest.raises(httpcore.ConnectTimeout):
        DeadlineBackend().connect_tcp("127.0.0.1", 9, late)


@each_row("answering", [True, False])
def test_all_addresses_of_a_host_share_the_time_for_connecting(answering: bool) -> None:
    deadline, waits = Deadline(3600.0), list[float]()

    def connect(self: Any, host: str, port: int, timeout: float) -> httpcore.NetworkStream:
        waits.append(timeout)
        deadline.ends -= timeout  # as if it had been waited for
        if answering and len(waits) == 4:
            return httpcore.MockStream([b"ox"])
        raise httpcore.ConnectTimeout

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("192.0.2.1", 443))] * 4)
        patch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
        if answering:
            assert DeadlineBackend().connect_tcp("many.test", 443, deadline).read(2, None) == b"ox"
        else:
            with pytest.raises(httpcore.ConnectTimeout):
                DeadlineBackend().connect_tcp("many.test", 443, deadline)
    assert len(waits) == 4
    assert sum(waits) <= 3600


def test_a_server_that_reads_a_little_at_a_time_does_not_prolong_the_deadline() -> None:
    deadline, sent = Deadline(3600.0), list[bytes]()

    class Slow(httpcore.MockStream):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            assert timeout is not None
            sent.append(buffer)
            deadline.ends -= 0.6 * timeout if len(sent) < 3 else timeout

    prompt = bytes(range(256)) * 1024
    with pytest.raises(httpcore.WriteTimeout):
        DeadlineStream(Slow([])).write(prompt, deadline)
    assert len(sent) == 3
    assert b"".join(sent) == prompt[: 3 * sync_requests.PIECE_BYTES]


def test_another_pool_of_httpx_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_requests, "_sync_pool", lambda config: object())
    assert type(SyncTransport(ConnectionConfig.of(OxenSettings(api_key=KEY)))._pool) is httpcore.ConnectionPool

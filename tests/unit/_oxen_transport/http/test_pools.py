"""Connection pools at their end: of a loop, of a fork, of a process."""

from __future__ import annotations

import asyncio
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
from _oxen_transport.http.sync_requests import DeadlineStream, SyncTransport
from _oxen_transport.settings import OxenSettings

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


def test_a_read_after_the_deadline_does_not_wait() -> None:
    with pytest.raises(httpcore.ReadTimeout, match="the deadline has passed"):
        DeadlineStream(httpcore.MockStream([b"late"])).read(4, Deadline(-1.0))


def test_another_pool_of_httpx_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_requests, "_sync_pool", lambda config: object())
    assert type(SyncTransport(ConnectionConfig.of(OxenSettings(api_key=KEY)))._pool) is httpcore.ConnectionPool

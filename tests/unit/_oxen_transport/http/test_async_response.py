"""One timer bounds all reads of a response, and moves with the deadline."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.http.async_requests import AsyncResponse
from _oxen_transport.http.outgoing import Deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOON, NEVER = 0.02, 3600.0


class Body:
    """A body that a test feeds by hand."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.pieces.get():
            yield piece

    async def aclose(self) -> None:
        pass


def response(body: Body, deadline: Deadline) -> AsyncResponse:
    raw: Any = SimpleNamespace(status_code=200, headers={}, stream=body, aclose=body.aclose)
    return AsyncResponse(raw, deadline)


async def test_a_read_ends_at_the_deadline_and_the_task_goes_on() -> None:
    with pytest.raises(TimeoutError):
        await response(Body(), Deadline(SOON)).read()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_deadline_that_moved_on_cancels_nothing() -> None:
    body, deadline = Body(), Deadline(SOON)
    reading = asyncio.create_task(response(body, deadline).read())
    await asyncio.sleep(0)  # the timer is set
    deadline.arm(NEVER)
    await asyncio.sleep(3 * SOON)  # and has gone off
    body.pieces.put_nowait(b"late")
    assert await reading == b"late"


async def test_a_deadline_that_came_closer_counts() -> None:
    body, deadline = Body(), Deadline(NEVER)
    reading = response(body, deadline)
    body.pieces.put_nowait(b"first")
    assert await reading.read() == b"first"
    deadline.arm(SOON)
    with pytest.raises(TimeoutError):
        await reading.read()


async def test_a_timer_that_nobody_waits_for_cancels_nobody() -> None:
    body, deadline = Body(), Deadline(SOON)
    reading = response(body, deadline)
    body.pieces.put_nowait(b"first")
    assert await reading.read() == b"first"
    await asyncio.sleep(3 * SOON)
    body.pieces.put_nowait(b"second")
    assert await reading.read() == b"second"
    with pytest.raises(TimeoutError):
        await reading.read()


async def test_a_task_that_somebody_else_cancels_is_cancelled() -> None:
    reading = asyncio.create_task(response(Body(), Deadline(SOON)).read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_its_timer_ends_with_it() -> None:
    reading = response(Body(), Deadline(SOON))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await reading.read()
    await reading.aclose()
    await asyncio.sleep(3 * SOON)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0

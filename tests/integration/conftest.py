"""What the tests on real sockets share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

import langchain_oxen  # noqa: F401 - imported here: on a busy machine that takes half a minute, which is no test's
import llama_index_oxen  # noqa: F401
from _oxen_transport import async_client, call, capabilities, client, continuation
from _oxen_transport.http import outgoing


@pytest.fixture(autouse=True)
def _nothing_learnt() -> Iterator[None]:
    """What one test's server could not do is not held against the next."""
    yield
    capabilities.reset()


class Clock:
    """The clock of the calls: it moves when a call waits to be tried again, or when the test moves it.

    Attributes:
        now: Seconds.
        waits: The waits between attempts, in seconds, which take no time.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    fake = SimpleNamespace(monotonic=lambda: made.now, time=time.time, sleep=made.sleep)

    async def sleep(seconds: float) -> None:
        made.sleep(seconds)

    for module in (call, client, continuation, outgoing):
        monkeypatch.setattr(module, "time", fake)
    monkeypatch.setattr(async_client, "sleep", sleep)
    return made


@pytest.fixture
def waits(clock: Clock) -> list[float]:
    """The waits between attempts, in seconds, which take no time."""
    return clock.waits


@pytest.fixture
def patient_with_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a stream's body is waited for also on a busy machine: only then its connection serves again."""
    monkeypatch.setattr(call, "LINGER_SECONDS", 30.0)

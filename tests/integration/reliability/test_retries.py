"""Who is asked again, how often, and after how long; and that an outage is not made worse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.errors import OxenConnectionError, OxenError, OxenRateLimitError, OxenServerError
from _oxen_transport.testing import ANSWER, FIN, RST, closed_port, error_body, good, head, reply, whole
from tests.entry_points import EntryPoint, Transport, each, each_scenario, entry_points
from tests.integration.faults.secrets_and_resources import watched

if TYPE_CHECKING:
    from _oxen_transport.testing import Attempt, Received, Server, Step

TRANSIENT = (408, 409, 425, 429, 500, 502, 503, 504, 529)


@pytest.mark.usefixtures("fast_retries")
@each_scenario("fault", [*TRANSIENT, "rst", "fin"])
def test_every_transient_fault_is_recovered(fault: int | str, api: EntryPoint, server: Server) -> None:
    broken: Attempt = {"rst": [RST], "fin": [FIN]}.get(str(fault)) or reply(error_body(), int(fault))
    stage = server.stage(broken, broken, good)
    assert watched(lambda: api.ask(api.make(stage.url, max_retries=2))).text == ANSWER
    assert len(stage.requests) == 3
    bodies = {request.body for request in stage.requests}
    assert len(bodies) == 1, "the same request, sent again"


@pytest.mark.usefixtures("fast_retries")
@each_scenario("status", [400, 401, 402, 403, 404, 405, 413, 422, 426, 451, 301, 307])
def test_nothing_else_is_asked_again(status: int, api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply(error_body("no"), status))
    with pytest.raises(OxenError) as caught:
        watched(lambda: api.ask(api.make(stage.url)))
    assert len([request for request in stage.requests if request.method == "POST"]) == 1
    assert caught.value.attempts == 1


@pytest.mark.usefixtures("fast_retries")
@each_scenario("max_retries", [0, 1, 4])
def test_one_call_makes_at_most_one_and_max_retries_requests(max_retries: int, api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply(error_body(), 503))
    with pytest.raises(OxenServerError) as caught:
        watched(lambda: api.ask(api.make(stage.url, max_retries=max_retries)))
    assert len(stage.requests) == caught.value.attempts == 1 + max_retries
    assert f"{1 + max_retries} attempt" in str(caught.value)
    assert caught.value.model == "open-mixtral-8x22b"
    assert stage.url.startswith(f"http://{caught.value.host}/")


@pytest.mark.usefixtures("fast_retries")
def test_max_retries_can_be_said_per_call(api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply(error_body(), 503))
    with pytest.raises(OxenServerError):
        watched(lambda: api.ask(api.make(stage.url), max_retries=1))
    assert len(stage.requests) == 2


@pytest.mark.usefixtures("fast_retries")
def test_a_refused_connection_is_tried_again(api: EntryPoint) -> None:
    with closed_port() as port, pytest.raises(OxenConnectionError) as caught:
        watched(lambda: api.ask(api.make(f"http://127.0.0.1:{port}/api/ai", max_retries=3)))
    assert caught.value.attempts == 4


# -- Retry-After ---------------------------------------------------------------------------


def _date(_: Received) -> Iterable[Step]:
    """Dates have whole seconds, so this one is 1 to 2 s ahead."""
    return [whole(error_body(), 429, retry_after=formatdate(time.time() + 2, usegmt=True))]


@each_scenario(
    "refusal, least, most",
    [
        (reply(error_body(), 429, retry_after=1), 1.0, 2.0),
        (reply(error_body(), 503, retry_after="0.4"), 0.4, 1.2),
        (reply(error_body(), 429, retry_after_ms=300), 0.3, 1.2),
        (reply(error_body(), 429, retry_after_ms=300, retry_after=30), 0.3, 1.2),
        (reply(error_body(), 429, retry_after=0), 0.0, 1.0),
        (_date, 0.9, 3.0),
    ],
    ids=["seconds", "half a second, with 503", "milliseconds", "milliseconds win", "none", "date"],
)
def test_retry_after_is_obeyed(refusal: Attempt, least: float, most: float, api: EntryPoint, server: Server) -> None:
    stage = server.stage(refusal, good)
    assert watched(lambda: api.ask(api.make(stage.url))).text == ANSWER
    first, second = stage.requests
    assert least <= second.at - first.at <= most


def test_a_longer_wait_than_the_ceiling_is_the_callers_to_decide(api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply(error_body(), 429, retry_after=3600))
    began = time.monotonic()
    with pytest.raises(OxenRateLimitError) as caught:
        watched(lambda: api.ask(api.make(stage.url)))
    assert time.monotonic() - began < 2
    assert caught.value.retry_after == 3600
    assert len(stage.requests) == 1


@pytest.mark.usefixtures("fast_retries")
@each_scenario("nonsense", ["-5", "nan", "inf", "soon", "", "1e999", "Thu, 32 Foo 2026 25:61:61 GMT"])
def test_a_nonsensical_retry_after_is_none(nonsense: str, api: EntryPoint, server: Server) -> None:
    stage = server.stage([head(429, retry_after=nonsense, content_length=0)], good)
    assert watched(lambda: api.ask(api.make(stage.url))).text == ANSWER


# -- an outage -----------------------------------------------------------------------------

CALLS = 1_000


@pytest.mark.usefixtures("fast_retries")
@each(*entry_points(Transport, streams=False))
def test_an_outage_is_not_made_worse(api: EntryPoint, server: Server) -> None:
    """Each retry is paid from a budget that only answers refill: without answers it runs dry."""
    stage = server.stage([whole(error_body(), 503)])
    model = api.make(stage.url, max_retries=2)
    failures: list[OxenError] = []

    async def one(limit: asyncio.Semaphore) -> None:
        async with limit:
            try:
                await api.ask_async(model)
            except OxenError as error:
                failures.append(error)

    async def many() -> None:
        limit = asyncio.Semaphore(32)
        await asyncio.gather(*(one(limit) for _ in range(CALLS)))

    def blocking(_: int) -> None:
        try:
            api.ask(model)
        except OxenError as error:
            failures.append(error)

    if api.is_async:
        asyncio.run(many())
    else:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(blocking, range(CALLS)))
    assert {type(error).__name__ for error in failures} == {"OxenServerError"}
    assert len(failures) == CALLS
    assert len(stage.requests) <= 1.2 * CALLS + 50
    assert max(error.attempts for error in failures) <= 3


@pytest.mark.usefixtures("fast_retries")
def test_after_the_outage_retries_come_back(server: Server) -> None:
    """Five answers pay for one retry."""
    api = Transport(is_async=False, streams=False)
    dead = server.stage([whole(error_body(), 503)])
    model = api.make(dead.url, max_retries=2)
    for _ in range(60):
        with suppress(OxenError):
            api.ask(model)
    stage = server.stage([RST], good)
    with pytest.raises(OxenConnectionError):
        api.ask(api.make(stage.url))  # nothing left to pay with
    well = api.make(server.stage(good).url)
    for _ in range(6):
        api.ask(well)
    recovering: Any = server.stage([RST], good)
    assert api.ask(api.make(recovering.url)).text == ANSWER
    assert len(recovering.requests) == 2

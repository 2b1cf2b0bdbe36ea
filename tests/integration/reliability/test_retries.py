"""Who is asked again, how often, and after how long; and that an outage is not made worse."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import pytest

from _oxen_transport.errors import (
    OxenConnectionError,
    OxenError,
    OxenRateLimitError,
    OxenServerError,
    OxenTruncatedStreamError,
)
from _oxen_transport.rate_limiter import RateLimiter
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import (
    ANSWER,
    FIN,
    RST,
    Attempt,
    Server,
    chunks,
    error_body,
    good,
    head,
    open_stream,
    reply,
    sse,
    streamed,
    whole,
)
from tests.entry_points import EntryPoint, Transport, each, each_scenario, entry_points
from tests.integration.faults.secrets_and_resources import watched
from tests.integration.reliability.test_cancel import cancelled
from tests.tables import each_row

FAULTS: dict[Any, Attempt] = {
    **{status: reply(error_body(), status) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)},
    "502 with a page": reply(b"<html><h1>Bad gateway</h1></html>", 502, "text/html"),
    "reset": [RST],
    "closed": [FIN],
}


@each_scenario("fault", FAULTS)
def test_a_passing_fault_is_survived(fault: Any, api: EntryPoint, server: Server, waits: list[float]) -> None:
    stage = server.stage(FAULTS[fault], FAULTS[fault], good)
    assert watched(lambda: api.ask(api.make(stage.url, max_retries=2))).text == ANSWER
    assert len(stage.requests) == 3
    assert len({request.body for request in stage.requests}) == 1, "the same request, sent again"
    assert 0 <= waits[0] <= 0.5 >= waits[1] / 2 >= 0, "at random, up to twice as long each time"


@each_row("status", [400, 401, 402, 403, 404, 405, 413, 422, 426, 451, 301, 307])
def test_nothing_else_is_asked_again(status: int, api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply(error_body("no"), status))
    with pytest.raises(OxenError) as caught:
        watched(lambda: api.ask(api.make(stage.url)))
    assert len([request for request in stage.requests if request.method == "POST"]) == caught.value.attempts == 1


@each(*entry_points(streams=True))
def test_what_was_begun_is_not_asked_for_again(api: EntryPoint, server: Server) -> None:
    begun = sse(chunks()[:4], done=False)
    for script in (streamed(begun), [*open_stream(begun), FIN], [*open_stream(), FIN], [*open_stream(), RST]):
        stage = server.stage(script, good)
        with pytest.raises((OxenTruncatedStreamError, OxenConnectionError)):
            watched(lambda stage=stage: api.ask(api.make(stage.url)))  # type: ignore[misc]
        assert len(stage.requests) == 1


@each_row("most", [0, 1, 4])
def test_one_call_makes_at_most_one_and_max_retries_requests(
    most: int, api: EntryPoint, server: Server, waits: list[float]
) -> None:
    for options, call in (({"max_retries": most}, {}), ({}, {"max_retries": most})):
        stage = server.stage(reply(error_body(), 503))
        with pytest.raises(OxenServerError, match=rf"\b{1 + most} attempt") as caught:
            watched(lambda stage=stage: api.ask(api.make(stage.url, **options), **call))  # type: ignore[misc] # noqa: B023
        assert len(stage.requests) == caught.value.attempts == 1 + most
        assert caught.value.model == "open-mixtral-8x22b"
        assert stage.url.startswith(f"http://{caught.value.host}/")


def test_a_refused_connection_is_tried_again(api: EntryPoint, closed_port: int, waits: list[float]) -> None:
    with pytest.raises(OxenConnectionError, match=rf"127\.0\.0\.1:{closed_port}\b") as caught:
        watched(lambda: api.ask(api.make(f"http://127.0.0.1:{closed_port}/api/ai", max_retries=3)))
    assert caught.value.attempts == 4


# -- Retry-After ---------------------------------------------------------------------------


def soon(_: Any) -> Any:
    return reply(error_body(), 429, retry_after=formatdate(time.time() + 30, usegmt=True))


@each_row(
    "refusal, bounds",
    [
        (reply(error_body(), 503, retry_after=1), (1, 1.25)),
        (reply(error_body(), 429, retry_after_ms=300, retry_after=30), (0.3, 0.55)),
        (soon, (1, 30.25)),
        (reply(error_body(), 429, retry_after="soon"), (0, 0.5)),
        ([head(429, retry_after="Thu, 32 Foo 2026 25:61:61 GMT", content_length=0)], (0, 0.5)),
    ],
)
def test_the_server_says_how_long_to_wait(
    refusal: Any, bounds: tuple[float, float], api: EntryPoint, server: Server, waits: list[float]
) -> None:
    """A date too; milliseconds win over seconds; nonsense is no answer."""
    waits.clear()
    assert watched(lambda: api.ask(api.make(server.stage(refusal, good).url))).text == ANSWER
    (wait,) = waits
    assert bounds[0] <= wait <= bounds[1]


@each_row("options, seconds", [({}, 3600), ({"total_timeout": 5}, 30)])
def test_a_wait_that_is_too_long_is_not_begun(
    options: dict[str, Any], seconds: int, api: EntryPoint, server: Server, waits: list[float]
) -> None:
    """Longer than a minute, or than the time that is left: the caller decides; the error holds how long it would be."""
    stage = server.stage(reply(error_body(), 429, retry_after=seconds))
    with pytest.raises(OxenRateLimitError) as caught:
        watched(lambda: api.ask(api.make(stage.url, **options)))
    assert caught.value.retry_after == seconds
    assert len(stage.requests) == 1
    assert waits == []


class Limited(OxenSettings):
    """A model's settings with a rate limiter; both frameworks' models have the field of their own accord."""

    rate_limiter: Any = None


@each(*entry_points(Transport))
def test_a_429_under_a_rate_limiter_is_no_failure(api: EntryPoint, server: Server) -> None:
    """The call waits for its turn, as long as the server asked for, and is not counted as a retry."""
    stage = server.stage(reply(error_body("slowly"), 429, retry_after=1), good)
    model = Limited(base_url=stage.url, rate_limiter=RateLimiter(requests_per_minute=6_000), max_retries=0)
    assert api.ask(model).text == ANSWER
    first, second = stage.requests
    assert second.at - first.at > 0.9


# -- an outage -----------------------------------------------------------------------------


@each(*entry_points(Transport, streams=False))
def test_an_outage_is_not_made_worse(api: EntryPoint, server: Server, waits: list[float]) -> None:
    """Each retry is paid from a budget that only answers refill: without answers it runs dry."""
    stage = server.stage([whole(error_body(), 503)])
    model = api.make(stage.url, max_retries=2)

    def attempts(_: int) -> int:
        with pytest.raises(OxenServerError) as caught:
            api.ask(model)
        return caught.value.attempts

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(attempts, range(500))) <= 3
    assert len(stage.requests) <= 500 + 60


def test_after_the_outage_retries_come_back(server: Server, waits: list[float]) -> None:
    """Five answers pay for one retry."""
    api = Transport(is_async=False, streams=False)
    model = api.make(server.stage([whole(error_body(), 503)]).url, max_retries=2)
    for _ in range(60):
        with suppress(OxenError):
            api.ask(model)
    with pytest.raises(OxenConnectionError):
        api.ask(api.make(server.stage([RST], good).url))  # nothing left to pay with
    well = api.make(server.stage(good).url)
    for _ in range(6):
        api.ask(well)
    assert api.ask(api.make(server.stage([RST], good).url)).text == ANSWER


@each(*entry_points(is_async=True))
def test_a_task_is_cancelled_while_it_waits_to_try_again(api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply(error_body(), 429, retry_after=30), good)
    model = api.make(stage.url)
    watched(lambda: asyncio.run(cancelled(lambda: api.ask_async(model), stage)))
    assert watched(lambda: api.ask(model)).text == ANSWER
    assert len(stage.requests) == 2

"""Faults before and in place of an answer: the network, the status, a 200 that is none, Retry-After."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from _oxen_transport.errors import (
    OxenAPIError,
    OxenAuthenticationError,
    OxenBadRequestError,
    OxenConnectionError,
    OxenNotFoundError,
    OxenPermissionError,
    OxenRateLimitError,
    OxenResponseError,
    OxenServerError,
    OxenStatusError,
    OxenTimeoutError,
)
from _oxen_transport.testing import (
    ANSWER,
    FIN,
    HANG,
    RST,
    USAGE,
    chunks,
    completion,
    drip,
    error_body,
    event,
    good,
    head,
    reply,
    sse,
    whole,
)
from _oxen_transport.testing.answers import dumps
from tests.integration.faults.fault import BOOM, RETRIED, UP_TO, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _oxen_transport.testing import Attempt, Received, Step

OXEN_ENVELOPE = {"status": "error", "status_message": BOOM}


def until_closed(request: Received) -> Iterable[Step]:
    """A good answer without a length: the end of the connection is its end."""
    body = sse(chunks(usage=USAGE)) if request.wants_stream else dumps(completion())
    kind = "text/event-stream" if request.wants_stream else "application/json"
    return [head(200, content_type=kind, connection="close"), body, FIN]


def early_hints(request: Received) -> Iterable[Step]:
    return [b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n", *good(request)]


def slow_head(_: Received) -> Iterable[Step]:
    return drip(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-pad: " + b"a" * 500, 0.1)


def slow_body(_: Received) -> Iterable[Step]:
    body = dumps(completion())
    return [head(200, content_type="application/json", content_length=len(body)), *drip(body, 0.1)]


def date_soon(_: Received) -> Iterable[Step]:
    """A date 0.5 to 1.5 s ahead: dates have whole seconds."""
    return [whole(error_body(), 429, retry_after=formatdate(time.time() + 1.5, usegmt=True))]


NETWORK = [
    Fault("resets instead of answering, always", ([RST],), (OxenConnectionError,), requests=UP_TO),
    Fault("resets once, then answers", ([RST], good), requests=(2, 2)),
    Fault("closes without a byte once, then answers", ([FIN], good), requests=(2, 2)),
    Fault("reads the request and stays silent", ([HANG],), (OxenTimeoutError,), requests=UP_TO),
    Fault("sends the head a byte at a time, for ever", (slow_head,), (OxenTimeoutError,), requests=UP_TO),
    Fault("sends the body a byte at a time", (slow_body,), (OxenTimeoutError,), requests=UP_TO, ways="send"),
    Fault("ends a good answer by closing", (until_closed,)),
    Fault("sends 103 Early Hints before the answer", (early_hints,)),
    Fault("speaks SSH", ([b"SSH-2.0-OpenSSH_9.6\r\n", FIN],), (OxenConnectionError,), requests=UP_TO),
]


def lasting(status: int, kind: type[OxenStatusError], requests: tuple[int, int] = (1, 1)) -> Fault:
    script = (reply(error_body(), status),)
    return Fault(f"answers {status}, always", script, (kind,), requests=requests, says=BOOM)


STATUS = [
    lasting(400, OxenBadRequestError),
    lasting(401, OxenAuthenticationError),
    lasting(403, OxenPermissionError),
    lasting(404, OxenNotFoundError),
    lasting(422, OxenBadRequestError),
    lasting(429, OxenRateLimitError, RETRIED),
    lasting(500, OxenServerError, RETRIED),
    lasting(503, OxenServerError, RETRIED),
    Fault("answers 400 in Oxen's own words", (reply(OXEN_ENVELOPE, 400),), (OxenBadRequestError,), says=BOOM),
    *(
        Fault(f"answers {status} once, then well", (reply(error_body(), status), good), requests=(2, 2))
        for status in (408, 409, 425, 429, 500, 503, 504, 529)
    ),
    Fault(
        "answers 502 with a page once, then well",
        (reply(b"<html><h1>Bad gateway</h1></html>", 502, "text/html"), good),
        requests=(2, 2),
    ),
]

CUT_JSON = dumps(completion())[: len(dumps(completion())) // 2]
PORTAL = b"<!doctype html><html><body>Please log in to the hotel network</body></html>"
NO_ANSWER = (OxenResponseError,)

BAD_200 = [
    Fault("200 with an error object", (reply(error_body()),), (OxenAPIError,), requests=UP_TO, says=BOOM),
    Fault("200 with a login page", (reply(PORTAL, 200, "text/html"),), NO_ANSWER, requests=UP_TO),
    Fault("200 with nothing", (reply(b""),), NO_ANSWER, requests=UP_TO, ways="send"),
    Fault("200 with half a JSON text", (reply(CUT_JSON),), NO_ANSWER, requests=UP_TO, ways="send"),
    Fault("200 with no choices", (reply(completion(choices=[])),), NO_ANSWER, requests=UP_TO, ways="send"),
    Fault("answers a stream request with one JSON body", (reply(completion()),), ways="stream"),
    Fault(
        "502 with a page of 5 MB",
        (reply(b"<html>" + b"x" * 5_000_000 + b"</html>", 502, "text/html"),),
        (OxenServerError,),
        requests=RETRIED,
        within=10,
    ),
    Fault(
        "429 as an event stream",
        (reply(event(error_body()), 429, "text/event-stream"),),
        (OxenRateLimitError,),
        requests=UP_TO,
        ways="stream",
        says=BOOM,
    ),
    Fault("200 with Oxen's error", (reply(OXEN_ENVELOPE),), (OxenAPIError,), requests=UP_TO, says=BOOM),
]


def come_back(what: str, first: Attempt, least_wait: float = 0.0) -> Fault:
    return Fault(what, (first, good), requests=(2, 2), least_wait=least_wait)


RETRY_AFTER = [
    come_back("429, come back in 1 s", reply(error_body(), 429, retry_after=1), 0.95),
    come_back("429, come back at a date", date_soon, 0.4),
    come_back("429, come back in 300 ms", reply(error_body(), 429, retry_after_ms=300), 0.29),
    come_back("503, come back in 1 s", reply(error_body(), 503, retry_after=1), 0.95),
    come_back("429 with a nonsensical Retry-After", reply(error_body(), 429, retry_after="-5, nan, soon")),
    Fault(
        "429, come back in an hour",
        (reply(error_body(), 429, retry_after=3600),),
        (OxenRateLimitError,),
        requests=UP_TO,
        says=BOOM,
    ),
]

BASE = [Fault("answers well", (good,), answer=ANSWER)]
ALL = [*BASE, *NETWORK, *STATUS, *BAD_200, *RETRY_AFTER]

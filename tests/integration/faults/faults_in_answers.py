"""Faults before and in place of an answer: the network, the status, a 200 that is none."""

from __future__ import annotations

from collections.abc import Iterable

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
)
from _oxen_transport.testing import (
    ANSWER,
    FIN,
    RST,
    USAGE,
    Received,
    Step,
    chunks,
    completion,
    error_body,
    event,
    good,
    head,
    reply,
    sse,
)
from _oxen_transport.testing.answers import dumps
from tests.integration.faults.fault import BOOM, RETRIED, UP_TO, Fault

OXEN_ENVELOPE = {"status": "error", "status_message": BOOM}


def until_closed(request: Received) -> Iterable[Step]:
    """A good answer without a length: the end of the connection is its end."""
    body = sse(chunks(usage=USAGE)) if request.wants_stream else dumps(completion())
    kind = "text/event-stream" if request.wants_stream else "application/json"
    return [head(200, content_type=kind, connection="close"), body, FIN]


def early_hints(request: Received) -> Iterable[Step]:
    return [b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n", *good(request)]


NETWORK = [
    Fault("resets instead of answering, always", ([RST],), (OxenConnectionError,), requests=UP_TO),
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


BASE = [Fault("answers well", (good,), answer=ANSWER)]
ALL = [*BASE, *NETWORK, *STATUS, *BAD_200]

"""What a soak's server does to each request, and what must become of each call: one function, two readers.

The plan of a call depends on its number alone, so server and judge need not talk to each other.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from _oxen_transport.errors import (
    OxenBadRequestError,
    OxenConnectionError,
    OxenError,
    OxenRateLimitError,
    OxenResponseError,
    OxenServerError,
    OxenStreamError,
    OxenTimeoutError,
    OxenTruncatedStreamError,
)
from _oxen_transport.testing import (
    FIN,
    HANG,
    RST,
    chunks,
    completion,
    error_body,
    event,
    head,
    open_stream,
    sse,
    streamed,
    whole,
)
from _oxen_transport.testing.answers import dumps

if TYPE_CHECKING:
    from _oxen_transport.testing import Received, Step

FAULTY = 0.1
"""Share of attempts that go wrong."""
RETRIES = 2

AGAIN: dict[str, type[OxenError]] = {
    "503": OxenServerError,
    "429": OxenRateLimitError,
    "rst": OxenConnectionError,
    "fin": OxenConnectionError,
}
"""Faults after which the client asks again; the error if it may not any more."""
BROKEN: dict[str, type[OxenError]] = {
    "400": OxenBadRequestError,
    "cut in the middle": OxenConnectionError,
    "reset in the middle": OxenConnectionError,
    "not JSON": OxenResponseError,
}
BROKEN_STREAM: dict[str, type[OxenError]] = {
    "400": OxenBadRequestError,
    "ends early, in order": OxenTruncatedStreamError,
    "reset in the middle": OxenConnectionError,
    "an error event": OxenStreamError,
    "half an event": OxenResponseError,
}


@dataclass(frozen=True)
class Expected:
    """How a call ends: the error, or None for the right answer; and how many requests it takes."""

    error: type[OxenError] | None
    attempts: int


def prompt_of(number: int) -> str:
    """The question of one call."""
    return f"p{number:07d}"


def answer_to(prompt: str) -> str:
    """The right answer, and nobody else's."""
    return f"echo:{prompt} " + " ".join(f"w{place}" for place in range(20))


@lru_cache(maxsize=4096)
def plan(number: int, streams: bool) -> tuple[str, ...]:
    """What happens to each attempt of a call, in order."""
    rnd = random.Random(f"soak {number} {streams}")  # noqa: S311 - repeatable is what it must be
    faults = [*AGAIN, *AGAIN, *(BROKEN_STREAM if streams else BROKEN)]
    made = []
    for _ in range(1 + RETRIES):
        if rnd.random() >= FAULTY:
            made.append("ok")
        else:  # silence is rare, since it costs its whole timeout
            made.append("silence" if rnd.random() < 0.02 else rnd.choice(faults))
    return tuple(made)


def expected(number: int, streams: bool) -> Expected:
    """How a call must end."""
    broken = {**(BROKEN_STREAM if streams else BROKEN), "silence": OxenTimeoutError}
    attempts = plan(number, streams)
    for attempt, fault in enumerate(attempts, 1):
        if fault not in AGAIN:
            return Expected(broken.get(fault), attempt)
    return Expected(AGAIN[attempts[-1]], len(attempts))


class Behaviour:
    """The server's side: plays the plan, counts requests and whole answers per prompt."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()

    def __call__(self, request: Received) -> Iterable[Step]:
        """One attempt."""
        if request.path.endswith("/counts"):
            return [whole({"requests": self.requests, "answers": self.answers})]
        prompt = request.json["messages"][-1]["content"]
        self.requests[prompt] += 1
        attempts = plan(int(prompt[1:]), request.wants_stream)
        fault = attempts[min(self.requests[prompt], len(attempts)) - 1]
        if fault == "ok":
            self.answers[prompt] += 1
        return _stream(fault, prompt) if request.wants_stream else _body(fault, prompt)


_BEFORE: dict[str, Iterable[Step]] = {
    "503": [whole(error_body("busy"), 503)],
    "429": [whole(error_body("slow down"), 429, retry_after_ms=20)],
    "400": [whole(error_body("no"), 400)],
    "rst": [RST],
    "fin": [FIN],
    "silence": [HANG],
}


def _body(fault: str, prompt: str) -> Iterable[Step]:
    data = dumps(completion(answer_to(prompt)))
    half = [head(200, content_type="application/json", content_length=len(data)), data[: len(data) // 2]]
    after = {
        "ok": [whole(data)],
        "cut in the middle": [*half, FIN],
        "reset in the middle": [*half, RST],
        "not JSON": [whole(data[:-20])],
    }
    return _BEFORE[fault] if fault in _BEFORE else after[fault]


def _stream(fault: str, prompt: str) -> Iterable[Step]:
    made = chunks(answer_to(prompt).partition("w3")[::1])
    begun = sse(made[:2], done=False)
    after = {
        "ok": streamed(sse(made)),
        "ends early, in order": streamed(begun),
        "reset in the middle": open_stream(begun, RST),
        "an error event": streamed(begun, event(error_body("gave up"))),
        "half an event": streamed(begun, b'data: {"choices": [\n\n'),
    }
    return _BEFORE[fault] if fault in _BEFORE else after[fault]

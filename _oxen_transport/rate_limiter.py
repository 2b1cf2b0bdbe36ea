"""A rate limiter that any number of model objects share.

`x-ratelimit-*` headers set the rate, `Retry-After` is a pause for every caller; while more than a minute of it is left,
each call is an error at once. Where no header names the rate, it is doubled each second until the first 429, then a
little more with each second, and a part less after each 429, as in TCP's congestion control
(https://www.rfc-editor.org/rfc/rfc5681).
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from _oxen_transport.errors import Details, OxenRateLimitError
from _oxen_transport.retry import CEILING, retry_after_seconds, seconds_from

FIRST_RATE = 10.0  # requests per second to begin with, if no limit is known
LEAST_RATE = 0.05
DECREASE = 0.9  # factor of the rate after a 429; less if a smaller part of the requests was accepted
FEW = 5  # so many responses more count as accepted, so that the part of a few requests means little
# seconds in which a tenth of the rate is regained after a pause of one; the longer a pause, the later the next 429
RECOVERY = 3.0
DEFAULT_PAUSE = 1.0  # seconds that every caller waits after a 429 without `Retry-After`
BURST_SECONDS = 10.0  # how many seconds' worth of tokens may be used at once

_RENAMED = {"turn": "reserve", "told": "on_response", "spent": "record_usage", "free": "would_wait"}
"""Methods of 0.1 that work until 0.3, with a warning."""


class Reservation(NamedTuple):
    """The earliest start of a request, and the generation it belongs to (each pause starts a new one)."""

    generation: int
    start: float
    wait: float = 0.0  # seconds from now; 0: start
    tokens: int = 0  # booked for it, and given back if it does not start


class RateLimiter:
    """Requests and tokens per minute, shared by every model object that has it. Thread-safe.

    Args:
        requests_per_minute: The limit, if known; else it is read from headers, or found by trying.
        tokens_per_minute: The limit of prompt and answer tokens together; else it is read from headers.
        clock: Monotonic seconds; for tests.
    """

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests_per_minute, self.tokens_per_minute = requests_per_minute, tokens_per_minute
        self._clock, self._lock = clock, threading.Lock()
        self._rate = requests_per_minute / 60 if requests_per_minute else FIRST_RATE
        self._token_rate = tokens_per_minute / 60 if tokens_per_minute else None
        self._known = requests_per_minute is not None
        self._growth: float | None = None  # requests per second, per second; None: doubling, no 429 yet
        self._accepted = self._refused = 0  # since the rate was last decreased
        self._grown = clock()
        self._next = self._next_tokens = self._paused = 0.0
        self._generation = self._waiting_tokens = 0  # of this generation, booked for requests that have not started

    def __deepcopy__(self, memo: dict[int, Any]) -> RateLimiter:
        return self  # a copy of a model shares the limiter

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.requests_per_minute, self.tokens_per_minute)

    def __getattr__(self, name: str) -> Any:
        if name not in _RENAMED:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        new, negated = _RENAMED[name], name == "free"
        opposite = " (which answers the opposite)" if negated else ""
        note = f"{name} was renamed to {new}{opposite}; the old name will be gone in 0.3"
        warnings.warn(note, DeprecationWarning, stacklevel=2)
        return (lambda: not self.would_wait()) if negated else getattr(self, new)

    def wait(self, tokens: int = 0) -> None:
        """Block until one request may start."""
        reservation = self.reserve(tokens=tokens)
        try:
            while reservation.wait > 0:
                time.sleep(reservation.wait)
                reservation = self.reserve(reservation, tokens=tokens)
        finally:
            self.release(reservation)

    async def wait_async(self, tokens: int = 0) -> None:
        """Async version of `wait`."""
        reservation = self.reserve(tokens=tokens)
        try:
            while reservation.wait > 0:
                await asyncio.sleep(reservation.wait)
                reservation = self.reserve(reservation, tokens=tokens)
        finally:
            self.release(reservation)

    def reserve(self, reservation: Reservation | None = None, *, requests: int = 1, tokens: int = 0) -> Reservation:
        """Reserve a request's start. After its `wait` call again with it: a pause meanwhile makes a new one.

        Who does not wait to the end calls `release`. Raises: OxenRateLimitError, in a pause that is too long to wait.
        """
        with self._lock:
            now = self._clock()
            if (left := self._paused - now) > CEILING:
                what = f"not sent: the server asked every caller of this rate limiter to wait, for {left:.0f} s more"
                raise OxenRateLimitError(what, Details(status_code=429, retry_after=left))
            if reservation is None or reservation.generation != self._generation:
                self._increase(now)
                booked = tokens if self._token_rate else 0
                reservation = Reservation(self._generation, self._start(now, requests, booked), tokens=booked)
            wait = max(0.0, reservation.start - now)
            self._waiting_tokens += reservation.tokens * ((wait > 0) - (reservation.wait > 0))
            return reservation._replace(wait=wait)

    def release(self, reservation: Reservation) -> None:
        """Give back the tokens of a request that stops to wait; nothing, if it has started."""
        with self._lock:
            if reservation.wait > 0 and reservation.generation == self._generation:
                self._waiting_tokens -= reservation.tokens
                self._book(-reservation.tokens)

    def would_wait(self) -> bool:
        """Whether a request that started now would have to wait. Reserves nothing."""
        with self._lock:
            return max(self._next, self._paused) > self._clock()

    def on_response(self, status: int, headers: Mapping[str, str]) -> None:
        """Take the headers of a response into account; their names in lower case."""
        with self._lock:
            now = self._clock()
            self._read_limits(headers)
            for kind in ("requests", "tokens"):
                if headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0":
                    reset = _seconds(headers.get(f"x-ratelimit-reset-{kind}", "")) or DEFAULT_PAUSE
                    self._pause(now, min(reset, CEILING))  # nobody was refused yet: then the server is asked again
            self._accepted += status < 400
            self._refused += status == 429
            if status == 429:
                wait = retry_after_seconds(headers, time.time())
                self._decrease(now, DEFAULT_PAUSE if wait is None else wait)

    def record_usage(self, expected: int, tokens: int) -> None:
        """Correct the tokens that were reserved by those that an answer used."""
        with self._lock:
            self._book(tokens - expected)

    def _book(self, tokens: int) -> None:
        if self._token_rate:
            self._next_tokens += tokens / self._token_rate

    def _start(self, now: float, requests: int, tokens: int) -> float:
        start = max(now, self._paused)
        if requests:
            start = max(start, self._next)
            self._next = start + requests / self._rate
        if self._token_rate and tokens:
            cost, base = tokens / self._token_rate, max(now, self._paused, self._next_tokens)
            start = max(start, base + min(cost, BURST_SECONDS) - BURST_SECONDS)
            self._next_tokens = base + cost
        return start

    def _increase(self, now: float) -> None:
        """Raise the rate while it is what callers wait for."""
        if not self._known and self._next > now > self._grown:
            seconds = now - self._grown
            self._rate += self._rate * min(1.0, seconds) if self._growth is None else self._growth * seconds
        self._grown = max(now, self._grown)

    def _decrease(self, now: float, wait: float) -> None:
        if not self._known and now >= self._paused:  # responses to requests from before the pause count once
            accepted = (self._accepted + FEW) / (self._accepted + self._refused + FEW)
            self._rate = max(LEAST_RATE, self._rate * min(accepted, DECREASE))
            self._growth = self._rate * (1 - DECREASE) / (RECOVERY * max(wait, 0.1) * max(wait, 1.0))
            self._accepted = self._refused = 0
        self._pause(now, wait)
        self._grown = max(self._grown, self._paused)

    def _pause(self, now: float, seconds: float) -> None:
        """Stop every caller. Those that wait reserve anew, and so their tokens are given back."""
        if now + seconds > self._paused:
            self._paused = self._next = now + seconds
            self._generation += 1
            self._book(-self._waiting_tokens)
            self._waiting_tokens = 0

    def _read_limits(self, headers: Mapping[str, str]) -> None:
        limit = _number(headers.get("x-ratelimit-limit-requests", ""))
        if limit and self.requests_per_minute is None:
            self._rate, self._known = limit / 60, True
        limit = _number(headers.get("x-ratelimit-limit-tokens", ""))
        if limit and self.tokens_per_minute is None:
            self._token_rate = limit / 60


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,15}(\.\d+)?", text.strip()) else None


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _seconds(text: str) -> float | None:
    """A duration such as "6m0s", "20ms" or "1.5", or a time since 1970, as seconds from now; None: neither."""
    if plain := _number(text):
        return seconds_from(plain, time.time())
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None

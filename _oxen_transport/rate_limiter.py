"""A pace that all objects sharing it keep: no faster than the server allows, and not much slower.

What the server says counts first: `x-ratelimit-*` headers give the limit, `Retry-After` a pause for
everybody. What it does not say is learnt: the pace rises until a 429, then settles a little below
what was accepted, and tries a little more from time to time. Decides, never sleeps.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from _oxen_transport.retry import retry_after_seconds

FIRST = 10.0
"""Requests per second to begin with, if nothing is known; doubled each second until a 429."""
BELOW = 0.97
"""Part of the accepted pace that is kept after a 429."""
RISE = 1.01
"""What is tried from time to time: so much more."""
RISE_AFTER_VAIN = 1.05
"""What is tried where 429s follow no pace, and the calls have become too slow for nothing."""
OFTEN, SELDOM = 5.0, 60.0
"""How often, in seconds: each 429 makes it more seldom, each rise that went well more often."""
WINDOW_SECONDS = 5.0
"""How far back the accepted pace is measured."""
BURST_SECONDS = 10.0
"""How many seconds' worth of tokens may be used at once."""
IN_VAIN = 3
"""After so many 429s in a row that a slower pace did not spare, they are taken to follow no pace."""
FEW = 0.2
"""Part of the answers that such 429s may be; with more of them there is a limit all the same."""
PAUSE = 1.0
"""Seconds that all wait after a 429 that does not say how long."""
_LEAST = 0.05


class Place(NamedTuple):
    """A place in the line: when it is one's turn, and for which line that holds."""

    line: int
    start: float
    wait: float = 0.0


class Limiter:
    """Requests and tokens per minute, kept by every object that shares it. Thread-safe.

    Args:
        requests_per_minute: The limit, if it is known; else it is learnt.
        tokens_per_minute: The limit of prompt and answer tokens together, if there is one; else it
            is learnt from the server's headers.
        clock: Seconds that only go forward; for tests.
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
        self._rate = requests_per_minute / 60 if requests_per_minute else FIRST
        self._token_rate = tokens_per_minute / 60 if tokens_per_minute else None
        self._known = requests_per_minute is not None
        self._settled = False  # whether a 429 has shown where the limit is
        self._next = self._next_tokens = self._paused = 0.0
        self._accepted: deque[float] = deque(maxlen=4096)
        self._counting = self._raised = clock()
        self._blind = 0.0
        self._line, self._every = 0, OFTEN
        self._waited = False
        self._in_vain = 0  # 429s since the last rise that going slower did not spare
        self._outcomes: deque[bool] = deque(maxlen=100)

    def __deepcopy__(self, memo: dict[int, Any]) -> Limiter:
        return self  # a copy of a model keeps the same pace

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.requests_per_minute, self.tokens_per_minute)

    def turn(self, place: Place | None = None, *, requests: int = 1, tokens: int = 0) -> Place:
        """Take a place in the line, or look whether the one taken still holds.

        Returns:
            The place; its `wait` is in seconds, 0 when it is this one's turn. After the wait, ask
            again: a 429 meanwhile makes a new line.
        """
        with self._lock:
            now = self._clock()
            if place is None or place.line != self._line:
                self._rise(now)
                place = Place(self._line, self._reserve(now, requests, tokens))
            return place._replace(wait=max(0.0, place.start - now))

    def free(self) -> bool:
        """Whether a request could go at once. Takes no place."""
        with self._lock:
            return max(self._next, self._paused) <= self._clock()

    def _reserve(self, now: float, requests: int, tokens: int) -> float:
        start = max(now, self._paused)
        if requests:
            start = max(start, self._next)
            self._next = start + requests / self._rate
        if self._token_rate and tokens:
            cost, base = tokens / self._token_rate, max(now, self._next_tokens)
            start = max(start, base + min(cost, BURST_SECONDS) - BURST_SECONDS)
            self._next_tokens = base + cost
        self._waited = self._waited or start > now
        return start

    def told(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of an answer has come: learn from it."""
        with self._lock:
            now = self._clock()
            self._read_limits(headers)
            for kind in ("requests", "tokens"):
                if headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0":
                    self._pause(now, _seconds(headers.get(f"x-ratelimit-reset-{kind}", "")))
            if status == 429:
                self._outcomes.append(False)
                wait = retry_after_seconds(headers, time.time())
                self._pause(now, wait)
                self._settle(now, PAUSE if wait is None else wait)
            elif status < 400:
                self._outcomes.append(True)
                self._accepted.append(now)

    def spent(self, expected: int, tokens: int) -> None:
        """An answer's tokens are known: take the difference into account."""
        with self._lock:
            if self._token_rate:
                self._next_tokens += (tokens - expected) / self._token_rate

    def _pause(self, now: float, seconds: float | None) -> None:
        until = now + (PAUSE if seconds is None else seconds)
        if until > self._paused:
            self._paused = self._next = until
            self._line += 1  # who waits for a place in the old line takes one in the new

    def _settle(self, now: float, wait: float) -> None:
        """After a 429: a little below what was accepted. Many that come at once are one."""
        if self._known or now < self._blind:
            return
        # while the pace still doubles each second, only the last second says what is accepted
        since = max(self._counting, now - (WINDOW_SECONDS if self._settled else 1.0))
        accepted = sum(1 for moment in self._accepted if moment >= since)
        if not self._follows_no_pace(wait):
            if now - since >= 0.5 and accepted:
                self._rate = min(self._rate, accepted / (now - since))
            elif wait > PAUSE:  # refused at once, and each attempt costs a long wait
                self._rate /= 2
            self._rate = max(_LEAST, self._rate * BELOW)
            self._every, self._raised = min(SELDOM, self._every * 4), self._paused
        self._settled = True
        self._blind = self._paused + 1 / self._rate  # what was under way already says nothing new
        self._counting = self._paused
        self._accepted.clear()

    def _follows_no_pace(self, wait: float) -> bool:
        """Whether this 429 would have come at any pace: an overloaded server sends some, too.

        A limit is kept by going slower. Where that spares nothing, it would end at a standstill.
        """
        few = self._outcomes.count(False) <= FEW * len(self._outcomes)
        self._in_vain = self._in_vain + 1 if few and wait <= PAUSE else 0  # who names a long wait has a limit
        return self._in_vain > IN_VAIN

    def _rise(self, now: float) -> None:
        """Try more, if the pace is what holds the calls back."""
        if self._known:
            return
        in_vain = self._in_vain >= IN_VAIN
        if in_vain:
            every, factor = OFTEN, RISE_AFTER_VAIN
        elif self._settled:
            every, factor = self._every, RISE
        else:
            every, factor = 1.0, 2.0
        if now - self._raised >= every:
            if self._waited:
                self._rate *= factor
                self._every = max(OFTEN, self._every / 2)
                self._in_vain = IN_VAIN if in_vain else 0
            self._raised, self._waited = now, False

    def _read_limits(self, headers: Mapping[str, str]) -> None:
        limit = _number(headers.get("x-ratelimit-limit-requests", ""))
        if limit and self.requests_per_minute is None:
            self._rate, self._known = limit / 60, True
        limit = _number(headers.get("x-ratelimit-limit-tokens", ""))
        if limit and self.tokens_per_minute is None:
            self._token_rate = limit / 60


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,12}(\.\d+)?", text.strip()) else None


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _seconds(text: str) -> float | None:
    """A text such as "6m0s", "20ms" or "1.5" -> seconds; None: it says nothing."""
    if plain := _number(text):
        return plain
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None

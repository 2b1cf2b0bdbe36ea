"""Whether to try again, and when. The error says whether, the policy says when, the client waits.

Retries are paid from a budget that all calls of the process to one host share, so that an outage is not made worse: a
success pays a part of a retry in (https://github.com/grpc/proposal/blob/master/A6-client-retries.md,
https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from _oxen_transport.errors import OxenConnectionError, OxenError, OxenStatusError, OxenTimeoutError

_SECONDS = re.compile(r"\s*(\d{1,15}(?:\.\d*)?)\s*(?:,|$)", re.ASCII)
CEILING = 60.0  # seconds: a server that asks for a longer wait is not waited for; the error says how long


class AttemptState(NamedTuple):
    """How far an attempt came before it failed."""

    connected: bool = False
    answered: bool = False


class RetryPolicy(NamedTuple):
    """Full jitter: a random wait between 0 and `first * 2**attempt`, at most `cap`, in seconds."""

    max_retries: int = 2
    first: float = 0.5
    cap: float = 8.0

    def wait(self, attempt: int, retry_after: float | None) -> float | None:
        """Seconds to wait after attempt number `attempt` (from 1); None: do not try again."""
        if attempt > self.max_retries:
            return None
        if retry_after is None:
            return random.uniform(0, min(self.cap, self.first * 2 ** (attempt - 1)))  # noqa: S311 - jitter, no secret
        # the server's word is the least; a little on top keeps a crowd from coming back as one
        return None if retry_after > CEILING else retry_after + random.uniform(0, self.first / 2)  # noqa: S311


def is_retryable(error: OxenError, progress: AttemptState) -> bool:
    """Whether the same request, sent again, could succeed without being paid for twice.

    Not after a read timeout, when the server may still be at work, nor after a good answer's head came.
    """
    if isinstance(error, OxenStatusError):
        return error.is_retryable
    if isinstance(error, OxenTimeoutError):
        return not progress.connected
    return isinstance(error, OxenConnectionError) and error.is_retryable and not progress.answered


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds a server asks to wait (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after); None for nonsense."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        # a proxy may double the header: "5, 5"
        if number := _SECONDS.match(headers.get(name, "")):
            return seconds_from(float(number[1]) * unit, now)
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
        if date.tzinfo is None:  # an HTTP date is GMT, whatever this machine's zone is
            date = date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def seconds_from(number: float, now: float) -> float:
    """A wait in seconds; a number beyond 30 years is a time since 1970, in seconds or milliseconds."""
    if number < 1e9:
        return number
    return max(0.0, (number if number < 1e12 else number / 1000) - now)


class RetryBudget:
    """Tokens for retries, shared by all calls to one host. Thread-safe."""

    def __init__(self, capacity: float = 50.0, refill: float = 0.2) -> None:
        self._tokens, self._capacity, self._refill = capacity, capacity, refill
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Pay for one retry, if there is enough."""
        with self._lock:
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def give_back(self) -> None:
        """A call succeeded: the host is well."""
        with self._lock:
            self._tokens = min(self._capacity, self._tokens + self._refill)


_budgets: dict[str, RetryBudget] = {}


def budget_of(host: str) -> RetryBudget:
    """The budget that all calls of this process to one host share."""
    return _budgets.setdefault(host, RetryBudget())


def forget_budgets() -> None:
    """Begin again with full budgets: one test's outage must not use up the retries of the next."""
    _budgets.clear()

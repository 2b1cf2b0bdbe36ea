"""When a wait ends: a timeout that knows its moment on the clock."""

from __future__ import annotations

import time


class Deadline(float):
    """A timeout in seconds that also knows the moment at which it ends.

    A plain read timeout is per read: a server that sends one byte a second holds a client for
    ever. To an HTTP library a deadline is a plain float; our own reads ask `left()`.

    Attributes:
        ends: The moment, in seconds of the monotonic clock.
    """

    ends: float
    _total_end: float | None

    def __new__(cls, seconds: float, total_end: float | None = None) -> Deadline:
        deadline = super().__new__(cls, seconds)
        deadline._total_end = total_end
        deadline.arm(seconds)
        return deadline

    def arm(self, seconds: float) -> None:
        """Start again: it ends after `seconds` from now, or with the whole call, whichever comes first."""
        ends = time.monotonic() + seconds
        self.ends = ends if self._total_end is None else min(ends, self._total_end)

    def left(self) -> float:
        """Seconds until the end; negative when it has passed."""
        return self.ends - time.monotonic()

    @property
    def total_passed(self) -> bool:
        """Whether the time for the whole call has passed, not only that of the current wait."""
        return self._total_end is not None and time.monotonic() >= self._total_end

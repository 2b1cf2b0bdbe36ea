"""The shared pace, as LangChain's `rate_limiter`."""

from __future__ import annotations

import asyncio
import time

from langchain_core.rate_limiters import BaseRateLimiter

from _oxen_transport.rate_limiter import Limiter


class OxenRateLimiter(Limiter, BaseRateLimiter):
    """One pace for all models that share it: give the same object to each as `rate_limiter`.

    It obeys the server's `x-ratelimit-*` and `Retry-After`, counts the tokens of each call, and
    learns the limit where nobody says it. A 429 sends a call back into the line; it is no error.

    Args:
        requests_per_minute: The limit, if it is known; else it is learnt.
        tokens_per_minute: The limit of prompt and answer tokens together, if there is one.

    Example:
        >>> pace = OxenRateLimiter(tokens_per_minute=100_000)
        >>> chat, judge = ChatOxen(rate_limiter=pace), ChatOxen(rate_limiter=pace)  # doctest: +SKIP
    """

    def acquire(self, *, blocking: bool = True) -> bool:
        """Wait for one's turn; LangChain calls this before each call."""
        if not blocking and not self.free():
            return False
        place = self.turn()
        while place.wait > 0:
            time.sleep(place.wait)
            place = self.turn(place)
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """The same, awaited."""
        if not blocking and not self.free():
            return False
        place = self.turn()
        while place.wait > 0:
            await asyncio.sleep(place.wait)
            place = self.turn(place)
        return True

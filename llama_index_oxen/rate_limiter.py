"""The shared pace, as LlamaIndex's `rate_limiter`."""

from __future__ import annotations

import asyncio
import time

from llama_index.core.rate_limiter import BaseRateLimiter

from _oxen_transport.rate_limiter import Limiter


class OxenRateLimiter(Limiter, BaseRateLimiter):
    """One pace for all models that share it: give the same object to each as `rate_limiter`.

    It obeys the server's `x-ratelimit-*` and `Retry-After`, counts the tokens of each call (core's
    own limiter is never told them), and learns the limit where nobody says it. A 429 sends a call
    back into the line; it is no error.

    Args:
        requests_per_minute: The limit, if it is known; else it is learnt.
        tokens_per_minute: The limit of prompt and answer tokens together, if there is one.

    Example:
        >>> from llama_index_oxen import Oxen, OxenRateLimiter
        >>> pace = OxenRateLimiter(tokens_per_minute=100_000)
        >>> llm, judge = Oxen(rate_limiter=pace), Oxen(rate_limiter=pace)
    """

    def acquire(self, num_tokens: int = 0) -> None:
        """Wait for one's turn; LlamaIndex calls this before each call."""
        place = self.turn(tokens=num_tokens)
        while place.wait > 0:
            time.sleep(place.wait)
            place = self.turn(place, tokens=num_tokens)

    async def async_acquire(self, num_tokens: int = 0) -> None:
        """The same, awaited."""
        place = self.turn(tokens=num_tokens)
        while place.wait > 0:
            await asyncio.sleep(place.wait)
            place = self.turn(place, tokens=num_tokens)

"""The shared rate limiter, as LangChain's `rate_limiter`."""

from __future__ import annotations

from langchain_core.rate_limiters import BaseRateLimiter

from _oxen_transport.rate_limiter import RateLimiter
from langchain_oxen.errors import LangChainErrors


class OxenRateLimiter(RateLimiter, BaseRateLimiter):
    """One rate limit for all models that share it: give the same object to each as `rate_limiter`.

    It obeys the server's `x-ratelimit-*` and `Retry-After` headers, counts the tokens of each call, and
    finds the limit by itself where no header names it. After a 429 a call is queued again, without an error, unless
    the server asks for a wait of more than 60 seconds: then each call is an `OxenRateLimitError` at once.

    Args:
        requests_per_minute: The limit, if known.
        tokens_per_minute: The limit of prompt and answer tokens together, if there is one.

    Example:
        >>> from langchain_oxen import ChatOxen, OxenRateLimiter
        >>> limiter = OxenRateLimiter(tokens_per_minute=100_000)
        >>> chat, judge = ChatOxen(rate_limiter=limiter), ChatOxen(rate_limiter=limiter)  # doctest: +SKIP
    """

    def acquire(self, *, blocking: bool = True) -> bool:
        """Wait until a request may start; LangChain calls this before each call."""
        if not blocking and self.would_wait():
            return False
        with LangChainErrors():
            self.wait()
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Async version of `acquire`."""
        if not blocking and self.would_wait():
            return False
        with LangChainErrors():
            await self.wait_async()
        return True

"""The shared rate limiter, as LlamaIndex's `rate_limiter`."""

from __future__ import annotations

from llama_index.core.rate_limiter import BaseRateLimiter

from _oxen_transport.rate_limiter import RateLimiter


class OxenRateLimiter(RateLimiter, BaseRateLimiter):
    """One rate limit for all models that share it: give the same object to each as `rate_limiter`.

    It obeys the server's `x-ratelimit-*` and `Retry-After` headers, counts the tokens of each call (core's own
    limiter never learns of them), and finds the limit by itself where no header names it. After a 429 a call is
    queued again, without an error, unless the server asks for a wait of more than 60 seconds: then each call is an
    `OxenRateLimitError` at once.

    Args:
        requests_per_minute: The limit, if known.
        tokens_per_minute: The limit of prompt and answer tokens together, if there is one.

    Example:
        >>> from llama_index_oxen import Oxen, OxenRateLimiter
        >>> limiter = OxenRateLimiter(tokens_per_minute=100_000)
        >>> llm, judge = Oxen(rate_limiter=limiter), Oxen(rate_limiter=limiter)
    """

    def acquire(self, num_tokens: int = 0) -> None:
        """Wait until a request may start; LlamaIndex calls this before each call."""
        self.wait(num_tokens)

    async def async_acquire(self, num_tokens: int = 0) -> None:
        """Async version of `acquire`."""
        await self.wait_async(num_tokens)

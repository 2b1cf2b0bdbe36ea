"""What a tracer (`otel` is one) learns about an answer; a request carries it to `call.py`, which knows the attempts."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec

from _oxen_transport.errors import OxenError
from _oxen_transport.types import Completion

logger = logging.getLogger("oxen_integrations")

P = ParamSpec("P")


class Observer:
    """Watches one answer with all its requests and attempts. A subclass overrides what it wants to know."""

    completion: Completion | None = None

    def __enter__(self) -> Observer:
        """The answer is asked for."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """It is over. A generator that its reader left is not a failure."""
        self.on_end(self.completion, None if isinstance(error, GeneratorExit) else error)

    def on_request(self) -> None:
        """A request is made. A second one continues an answer that was cut, see `continuation.py`."""

    def on_attempt(self) -> None:
        """An attempt begins: what runs until `on_attempt_end` belongs to it."""

    def on_attempt_end(self, number: int, status: int | None, error: OxenError | None, wait: float | None) -> None:
        """An attempt is over.

        Args:
            number: From 1 upward, within one request.
            status: The HTTP status; None: no response came.
            error: Why it failed; None: its status is 2xx.
            wait: Seconds until the next attempt; None: there is none.
        """

    def on_chunk(self) -> None:
        """A chunk of a stream came."""

    def on_end(self, completion: Completion | None, error: BaseException | None) -> None:
        """The answer is whole, or failed; neither, if its reader left early."""


_warned = False


def guarded(method: Callable[P, None]) -> Callable[P, None]:
    """A tracer's own failure ends in one warning, not in the call."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        global _warned  # noqa: PLW0603 - once in a process
        try:
            method(*args, **kwargs)
        except Exception:
            if not _warned:
                _warned = True
                logger.warning("tracing failed in %s; calls go on", method.__qualname__, exc_info=True)

    return call

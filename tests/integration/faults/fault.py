"""What a fault is: what the server does, and what must become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from _oxen_transport.errors import OxenError
from _oxen_transport.testing import ANSWER, Attempt

BOOM = "boom-7731 upstream exploded"
"""What the server says when it fails; must be found in the error."""

RETRIES = 2
ONCE = (1, 1)
RETRIED = (1 + RETRIES, 1 + RETRIES)
UP_TO = (1, 1 + RETRIES)


@dataclass(frozen=True)
class Fault:
    """One row.

    Attributes:
        what: What the server does, in words; the name of its tests.
        script: What the server does, attempt by attempt; the last one repeats.
        ends_in: Error classes of which the outcome must be one. Empty: the right answer is due.
        or_right: The right answer is welcome as well.
        requests: The least and the most requests that may reach the server.
        ways: Whether it applies to answers sent whole, streamed, or both.
        most_mib: By how many MiB the memory in use may grow.
        answer: The right answer.
        says: What the error's text must hold.
        options: Settings of the object under test, beyond `timeout` and `max_retries`.
    """

    what: str
    script: tuple[Attempt, ...]
    ends_in: tuple[type[OxenError], ...] = ()
    or_right: bool = False
    requests: tuple[int, int] = ONCE
    ways: Literal["both", "send", "stream"] = "both"
    most_mib: int = 1024
    answer: str = ANSWER
    says: str = ""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return self.what.replace(" ", "_")

    def fits(self, streams: bool) -> bool:
        """Whether it applies to this way of asking."""
        return self.ways == "both" or (self.ways == "stream") is streams

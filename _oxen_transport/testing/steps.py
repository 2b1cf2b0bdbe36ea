"""The words of a script.

An attempt is what the server does with one request: a sequence of steps, or a function from the
request to such a sequence. Steps:

    b"..."     write these bytes, as they are
    0.25       wait, in seconds
    FIN        close the connection in order
    RST        tear it down
    HANG       stay silent until the client goes away
    Gate()     wait until the test calls `gate.open()`

When the steps are used up the connection stays open for the next request (keep-alive). A sequence
may be endless (`itertools.cycle`): it ends when the client goes away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _oxen_transport.testing.connection import Received


class End(Enum):
    """How an attempt ends that does not leave the connection open."""

    FIN = "fin"
    RST = "rst"
    HANG = "hang"


FIN, RST, HANG = End.FIN, End.RST, End.HANG


class Gate:
    """A point where the server waits for the test; `reached` tells that it got there."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def open(self) -> None:
        self.opened.set()


Step = bytes | float | int | End | Gate
Attempt = Iterable[Step] | Callable[["Received"], Iterable[Step]]


def drip(data: bytes, every: float) -> Iterator[Step]:
    """The bytes one by one, `every` seconds each: alive by the byte, dead by the clock."""
    for value in data:
        yield bytes([value])
        yield every

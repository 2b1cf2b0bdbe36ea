"""A sign of life while nothing is to be seen: a model reads its prompt, an agent thinks."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.status import Status

T = TypeVar("T")

_status: Status | None = None


@contextmanager
def working(what: str) -> Iterator[None]:
    """On a terminal, a line that moves as long as the block runs, below all that it prints; elsewhere `what`, once."""
    if not sys.stderr.isatty():
        print(f"{what} ...", file=sys.stderr, flush=True)
        yield
        return
    from rich.console import Console

    global _status
    with Console(stderr=True).status(f"{what} ...") as _status:
        yield


def stop() -> None:
    """Give the terminal back, if the process ends in the middle of such a block."""
    if _status is not None:
        _status.stop()


def announced(pieces: Iterable[T], what: str = "The model reads") -> Iterator[T]:
    """The pieces of a stream, and until the first one with a text comes a sign of life."""
    rest, early = iter(pieces), []
    with working(what):
        for piece in rest:
            early.append(piece)
            if _text(piece):
                break
    yield from early
    yield from rest


def _text(piece: Any) -> Any:
    """What a piece shows: a string, a message of LangChain's, a chain's dict with an answer."""
    if isinstance(piece, dict):
        return _text(piece.get("answer", ""))
    return piece if isinstance(piece, str) else piece.text

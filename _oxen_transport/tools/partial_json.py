"""JSON that is still being written -> the object it is about to become."""

from __future__ import annotations

from typing import Any

from _oxen_transport.tools.arguments import partial_arguments

_GROWTH = 32


class PartialObject:
    """Feed it text, read the object; `text` is exact, the object of a long text lags a little.

    Reading a text anew after each piece costs the square of its length; here it is read when it has grown by 1/32.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = self._read_at = 0
        self._value: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """All that has come."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def add(self, piece: str) -> dict[str, Any]:
        """Take the next piece, give the object so far; never one that was given before and changed."""
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length - self._read_at > self._read_at // _GROWTH:
            self._read_at = self._length
            self._value = partial_arguments(self.text)
        return self._value

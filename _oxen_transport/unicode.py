r"""Text that is not valid Unicode: one rule for reading, sending and counting.

Two halves of a surrogate pair that meet become the character they stand for; a half without its partner, which UTF-8
cannot hold, becomes U+FFFD (https://www.rfc-editor.org/rfc/rfc8259#section-8.2).
"""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

_REPLACEMENT = "\ufffd"


def valid_text(text: str) -> str:
    """The text with its surrogates joined or replaced; the same object if it has none."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def valid_tree(value: Any) -> Any:
    """A tree of JSON values with every string in it valid, keys included; other values stay as they are."""
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, dict):
        return {valid_tree(key): valid_tree(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [valid_tree(item) for item in value]
    return value


def valid_json(value: Any) -> bytes:
    """A value as JSON in UTF-8, its text valid. Raises: ValueError, for what JSON cannot hold."""
    try:
        return to_json(value)
    except ValueError:  # half a surrogate pair, or not JSON at all
        return to_json(valid_tree(value))


class SurrogateJoiner:
    """Makes a text valid that arrives in pieces: a half at the end of one piece waits for the next."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, piece: str) -> str:
        """Take the next piece. Returns: the valid text that is known by now."""
        if not self._half and piece.isascii():
            return piece
        if not piece:
            return piece
        text, self._half = self._half + piece, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return valid_text(text)

    def end(self) -> str:
        """No further piece comes. Returns: U+FFFD for a half that still waits, else ""."""
        half, self._half = self._half, ""
        return half and _REPLACEMENT

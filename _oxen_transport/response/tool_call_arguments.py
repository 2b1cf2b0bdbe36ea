"""The JSON text of one tool call's arguments, while it grows.

Where one call ends and the next begins is sometimes visible only in the text: nothing can follow `{"a": 1}`.
"""

from __future__ import annotations

import re

_MARK = re.compile(r'\\.?|["{}\[\]]', re.DOTALL)
_PLACEHOLDER = "{}"


class ArgumentsText:
    """Text that grows by pieces, and knows whether a JSON value is open or has ended; each character is read once.

    A first piece `{}` is held back: it may be all (`flush` gives it), or a placeholder for the true arguments
    (https://github.com/openai/openai-agents-js/pull/712, https://github.com/BerriAI/litellm/issues/4537).
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._held = ""
        self._unread: list[str] = []  # pieces not yet read for their structure: most calls never need it
        self._depth = 0
        self._in_string = False
        self._escaped = False  # the last piece ended with a backslash
        self._begun = False  # a bracket or a string was opened

    def add(self, piece: str) -> str:
        """Append a piece. Returns: the text that is new to the caller, "" while it is held back."""
        if piece == _PLACEHOLDER and not self._pieces and not self._held:
            self._held = piece
            return ""
        if piece:
            if self._held and not piece.lstrip().startswith("{"):
                piece = self._held + piece
            self._held = ""
            self._append(piece)
        return piece

    def flush(self) -> str:
        """Return what is still held back."""
        held, self._held = self._held, ""
        if held:
            self._append(held)
        return held

    def text(self) -> str:
        """All text that was returned."""
        return "".join(self._pieces)

    def equals(self, text: str) -> bool:
        """Whether the text so far, held back or returned, is this one."""
        return len(text) == self._length + len(self._held) and text == (self._held or self.text())

    @property
    def is_placeholder(self) -> bool:
        """Whether the text is a `{}` that is held back."""
        return bool(self._held)

    @property
    def is_open(self) -> bool:
        """Whether the text stops inside of a bracket or a string."""
        self._read()
        return self._depth > 0 or self._in_string

    @property
    def is_closed(self) -> bool:
        """Whether the text is a whole value, so that a further one would belong to another call."""
        if self._held or (self._length <= 8 and self.text().strip() == "null"):
            return True
        return not self.is_open and self._begun

    def _append(self, piece: str) -> None:
        self._pieces.append(piece)
        self._unread.append(piece)
        self._length += len(piece)

    def _read(self) -> None:
        """Follow brackets and strings through the pieces that came since the last question."""
        for piece in self._unread:
            start = 1 if self._escaped else 0
            self._escaped = False
            for match in _MARK.finditer(piece, start):
                self._mark(match.group())
        self._unread.clear()

    def _mark(self, mark: str) -> None:
        if mark[0] == "\\":
            self._escaped = len(mark) == 1
        elif mark == '"':
            self._in_string = not self._in_string
            self._begun = True
        elif not self._in_string and mark in "{[":
            self._depth += 1
            self._begun = True
        elif not self._in_string and self._depth:
            self._depth -= 1

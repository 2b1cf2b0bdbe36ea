"""The standard for event streams, transcribed line by line: slow, whole input at once, plainly right.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. It shares
no idea with the decoder: it decodes first, works on text, and never sees a piece.
"""

from __future__ import annotations

import re

_LINE_END = re.compile("\r\n|\n|\r")


def events(stream: bytes, *, ended: bool = False) -> list[tuple[str, str]]:
    """(type, data) of every event that the stream dispatches; `ended`: as if a blank line followed."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff") + ("\n\n" if ended else "")
    *lines, _unterminated = _LINE_END.split(text)
    dispatched: list[tuple[str, str]] = []
    data = kind = ""
    for line in lines:
        if line == "":
            if data != "":
                dispatched.append((kind or "message", data[:-1]))  # "if the last character is LF, remove it"
            data = kind = ""
            continue
        name, _, value = line.partition(":")
        if value[:1] == " ":
            value = value[1:]
        if name == "data":
            data += value + "\n"
        if name == "event":
            kind = value
    return dispatched

"""Find the JSON object in an answer's text, whole or growing: in code fences, between sentences, behind reasoning.

What was cut off is never mistaken for an object: a part of one may look whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.tools.partial_json import PartialObject

_START = re.compile(r'\{\s*(?=")|\[\s*(?=["{\[\]\d-]|true|false|null)')
"""Where JSON may begin. Braces in sentences and templates, such as {x} or {{, do not count."""
_FIRST_KEY = re.compile(r'\{\s*"')
_STEP = re.compile(r'"(?:[^"\\]|\\.)*+"|["{}\[\]]', re.DOTALL)
"""A whole string, a bracket, or a quote that opens a string without an end."""
_REASONING = re.compile(r"\s*(?:<(think|thinking|thought|reasoning)>|(\[THINK\]))", re.IGNORECASE)
_END_OF_REASONING = re.compile(r"</(?:think|thinking|thought|reasoning)>|\[/THINK\]", re.IGNORECASE)


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """A text's JSON objects, the likeliest first: all of it, else of code fences, else elsewhere; the last one first.

    None from reasoning, from a list, from inside another object, or from a text whose last object is cut.
    """
    if (whole := _object(text)) is not None:
        yield whole
        return
    text = without_reasoning(text)
    fenced: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    fences = before = 0
    for start, end in _values(text):
        fences += text.count("```", before, start)
        before = end
        if (value := _object(text[start:end])) is not None:
            (fenced if fences % 2 else others).append(value)
    yield from reversed(fenced)
    yield from reversed(others)


def without_reasoning(text: str) -> str:
    """A text without the reasoning before it; "" if the reasoning has no end."""
    while opened := _REASONING.match(text):
        closing = f"</{opened[1]}>" if opened[1] else "[/THINK]"
        end = text.lower().find(closing.lower(), opened.end())
        text = text[end + len(closing) :] if end >= 0 else ""
    # chat templates that open the tag themselves leave only its end in the answer
    end_tag = _END_OF_REASONING.search(text)
    if end_tag is None or any(start < end_tag.start() < end for start, end in _values(text)):  # there it is only text
        return text
    return text[end_tag.end() :]


def _object(text: str) -> dict[str, Any] | None:
    text = text.strip()
    return parse_arguments(text) if text.startswith("{") else None


def _values(text: str) -> list[tuple[int, int]]:
    """Where JSON lists and objects stand, outermost only; [] if the last one is cut. Linear in the text."""
    found: list[tuple[int, int]] = []
    at = 0
    while start := _START.search(text, at):
        end = _end(text, start.start())
        if end is None:
            return []
        found.append((start.start(), end))
        at = end
    return found


def _end(text: str, start: int) -> int | None:
    """The end of the value that begins at `start`; None if the text ends before."""
    depth = 0
    for step in _STEP.finditer(text, start):
        bracket = step[0]
        if bracket == '"':
            return None
        if bracket in "{[":
            depth += 1
        elif bracket in "}]":
            depth -= 1
            if depth == 0:
                return step.end()
    return None


class GrowingObject:
    """The object of a text that is still being written. Feed it text, read the object so far."""

    def __init__(self) -> None:
        self._before = ""
        self._searched = 0  # up to here the text before the object was searched, so that the work is linear
        self._object: PartialObject | None = None

    def add(self, piece: str) -> dict[str, Any]:
        """Take the next piece. Returns: the object so far, {} before its first key."""
        if self._object is None:
            self._before += piece
            start = self._start()
            if start is None:
                return {}
            self._object, piece = PartialObject(), self._before[start:]
        return self._object.add(piece)

    def _start(self) -> int | None:
        since = max(0, self._searched - 64)  # a tag or a first key may come in two pieces
        self._searched = len(self._before)
        if _REASONING.match(self._before):
            end = _END_OF_REASONING.search(self._before, since)
            if end is None:
                return None
            self._before, self._searched, since = self._before[end.end() :], 0, 0
        start = _FIRST_KEY.search(self._before, since)
        return None if start is None else start.start()

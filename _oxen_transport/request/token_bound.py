"""Token counts without a tokenizer: an estimate, and the most tokens it can be in Mixtral's tokenizer.

A byte-pair tokenizer merges as long as two neighbours make a token of its vocabulary. `vocabulary.txt` holds what an
upper bound needs of it (from https://github.com/mistralai/mistral-common, Apache 2.0): words that are one token
anywhere, those that are one after a space, pairs of letters, letters that merge with a space before them, and the
characters beyond ASCII that are a token; any other is one per UTF-8 byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from _oxen_transport.request.content import RETURNED_KEYS
from _oxen_transport.types import Message
from _oxen_transport.unicode import valid_text

_ANYWHERE, _AFTER_SPACE, _PAIRS, _FIRST, _SINGLE = (
    Path(__file__).with_name("vocabulary.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
)
_WORDS = frozenset(_ANYWHERE.split())
_WORDS_AFTER_SPACE = frozenset(_AFTER_SPACE.split())
_MERGED = frozenset(_PAIRS.split()) | {f" {letter}" for letter in _FIRST}
_CHARACTERS = frozenset(_SINGLE)
_SPACES_PER_TOKEN = 15
_RUN = re.compile(r"( ?[^\W\d_]+)|( +?(?= [^\W\d_])| +)|.", re.DOTALL)


def most_tokens(text: str) -> int:
    """An upper bound of a text's tokens; 1.0 to 2.0 times the count for most texts, never below it."""
    total = 0
    for run in _RUN.finditer(" " + valid_text(text) if text else ""):  # the tokenizer, too, begins with a space
        found = run[0]
        if run[1]:
            total += _word(found)
        else:
            total += 1 + len(found) // _SPACES_PER_TOKEN if run[2] else _character(found)
    return total


def _character(character: str) -> int:
    return 1 if character < "\x80" or character in _CHARACTERS else len(character.encode())


@lru_cache(maxsize=16_384)
def _word(run: str) -> int:
    """The most tokens of letters, perhaps with a space before: of each beginning, its last letter alone or joined."""
    if run.lstrip(" ") in _WORDS or (run[0] == " " and run[1:] in _WORDS_AFTER_SPACE):
        return 1
    before, most, joined = 0, _character(run[0]), 0
    for at in range(1, len(run)):
        alone = joined if run[at - 1 : at + 1] in _MERGED else most
        alone += _character(run[at])
        joined = before + 1
        before, most = most, max(alone, joined)
    return most


# -- estimates -----------------------------------------------------------------------------

BYTES_PER_TOKEN = 3.0  # UTF-8, with Mixtral's tokenizer: measured were 2.4 (dense code) to 4.2 (English prose)
_PER_MESSAGE, _PER_MESSAGE_AT_MOST = 4, 8  # the template's own tokens around one message
_UNSEEN, _UNSEEN_WITH_TOOLS = 32, 256  # Qwen's template adds 20 and some 190
_PER_IMAGE, _PER_IMAGE_AT_MOST = 1_000, 5_000  # Pixtral: one per 16 x 16 pixels, at most 1024 x 1024

_DATA_URL = re.compile(rb'"data:[^",\s]*;base64,[^"]*"')


class Estimate(NamedTuple):
    """`tokens` is likely, `upper` is not exceeded."""

    tokens: float
    upper: int


def estimate_text(text: str) -> Estimate:
    """Estimate a bare text."""
    return Estimate(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN, most_tokens(text))


def estimate_bytes(body: bytes) -> int:
    """Estimate a whole body, roughly: a file inside of it counts as an image, however large it is."""
    text, files = _DATA_URL.subn(b"", body)
    return int(len(text) / BYTES_PER_TOKEN) + files * _PER_IMAGE


def estimate_messages(messages: list[Message], tools: Sequence[Mapping[str, Any]], *, known_template: bool) -> Estimate:
    """Estimate a prompt that is ready to be sent. An unknown template may add instructions of its own."""
    pieces = [piece for message in messages for piece in _message(message)]
    if tools:
        pieces.append(_as_json([plain_tool(tool) for tool in tools]))
    unseen = 0 if known_template else _UNSEEN_WITH_TOOLS if tools else _UNSEEN
    likely = 1 + sum(piece.tokens for piece in pieces) + _PER_MESSAGE * len(messages)
    upper = 1 + sum(piece.upper for piece in pieces) + _PER_MESSAGE_AT_MOST * (len(messages) + 1)
    return Estimate(likely, upper + unseen)


def plain_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Name, description and parameters: what the template shows the model."""
    function = tool.get("function") or {}
    plain = {"name": function.get("name"), "description": function.get("description") or ""}
    return {"type": "function", "function": {**plain, "parameters": function.get("parameters") or {}}}


def _message(message: Message) -> list[Estimate]:
    """A message's texts, as Mixtral's template writes them (`InstructTokenizerV3` in mistral-common)."""
    content = message.get("content") or ""
    if call_id := message.get("tool_call_id"):
        return [_as_json({"content": _parsed(content), "call_id": call_id})]
    calls = [
        {"name": call["function"]["name"], "arguments": _parsed(call["function"]["arguments"]), "id": call["id"]}
        for call in message.get("tool_calls") or ()
    ]
    beside: Any = [value for key in ("name", "reasoning_content", *RETURNED_KEYS) if (value := message.get(key))]
    parts = [content] if isinstance(content, str) else content
    return [*map(_part, parts), *map(_as_json, [calls] if calls else []), *map(_as_json, beside)]


def _part(part: Any) -> Estimate:
    if isinstance(part, str):
        return estimate_text(part)
    if part.get("type") == "image_url":
        return Estimate(_PER_IMAGE, _PER_IMAGE_AT_MOST)
    return estimate_text(part["text"]) if isinstance(part.get("text"), str) else _as_json(part)


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text


def _as_json(value: Any) -> Estimate:
    return estimate_text(json.dumps(value, ensure_ascii=False, default=str))

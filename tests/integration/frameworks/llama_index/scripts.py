"""What a scripted model says, and what it was asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from _oxen_transport.testing import Received, Stage, Step, chunks, completion, sse, streamed, whole
from llama_index_oxen import Oxen
from tools.support.ideal_model import text_of, usage_of

Make = Callable[..., tuple[Oxen, Stage]]
"""The fixture `make`: attempts and parameters -> a model, and the stage that it talks to."""
Script = Callable[[Received], Iterable[Step]]


def saying(text: str) -> Script:
    """An answer in words; a stream comes word by word, the space before each; all tokens are counted."""
    return lambda request: _answer(request, text)


def calling(*calls: tuple[str, dict[str, Any]]) -> Script:
    """An answer that calls tools, each a name and arguments."""
    return lambda request: _answer(request, "", calls)


def replying(*rules: tuple[str, Any]) -> Script:
    """A model by rules: the first whose words are in the last message answers, "" always.

    Its answer is a text, or a pair of a tool's name and arguments.
    """

    def attempt(request: Received) -> Iterable[Step]:
        last = text_of(request.json["messages"][-1])
        said = next(said for words, said in rules if words in last)
        return (saying(said) if isinstance(said, str) else calling(said))(request)

    return attempt


def _answer(request: Received, text: str, calls: Sequence[tuple[str, Any]] = ()) -> Iterable[Step]:
    body = request.json
    made = [(_call_id(name, len(body["messages"]), place), name, args) for place, (name, args) in enumerate(calls)]
    usage = usage_of(body, text, made)
    if not request.wants_stream:
        return [whole(completion(text, tool_calls=made, usage=usage))]
    asked_for = body.get("stream_options", {}).get("include_usage")
    pieces = re.findall(r"\s*\S+|\s+", text)
    return streamed(sse(chunks(pieces, tool_calls=made, usage=usage if asked_for else None)))


def _call_id(*seed: Any) -> str:
    return hashlib.sha256(repr(seed).encode()).hexdigest()[:9]


def asked(stage: Stage) -> list[str]:
    """The text of each request's messages."""
    return ["\n".join(map(text_of, body["messages"])) for body in stage.bodies]

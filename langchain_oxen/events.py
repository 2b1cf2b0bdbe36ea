"""Chunks of an answer -> the events of LangChain's content-block protocol (`stream_events(version="v3")`).

Core's own (`language_models/_compat_bridge.py`) take any JSON as arguments; here a `tool_call` arrived whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from _oxen_transport.types import Chunk, Completion
from langchain_oxen.content_blocks import text_block
from langchain_oxen.messages import PROVIDER, beside_text, extras, response_metadata, tool_calls, usage_metadata

Event = dict[str, Any]


class EventStream:
    """Feed it the chunks of one answer, read the events; `message_id` is the one that callbacks have."""

    def __init__(self, message_id: str, model: str) -> None:
        self._places: dict[str | int, int] = {}
        self._start: Event | None = {
            "event": "message-start",
            "role": "ai",
            "id": message_id,
            "metadata": {"provider": PROVIDER, "model": model},
        }

    def feed(self, chunk: Chunk) -> Iterator[Any]:
        """Take a chunk, yield its events. A stream that fails has no last event: the error is raised."""
        if self._start is not None:
            yield self._start
            self._start = None
        if chunk.reasoning:
            yield from self._begin("reasoning", {"type": "reasoning", "reasoning": ""})
            yield self._delta("reasoning", {"type": "reasoning-delta", "reasoning": chunk.reasoning})
        if chunk.text:
            yield from self._begin("text", {"type": "text", "text": ""})
            yield self._delta("text", {"type": "text-delta", "text": chunk.text})
        for call in chunk.tool_calls:
            piece = {"type": "tool_call_chunk", "id": call.id, "name": call.name, "args": "", "index": call.index}
            yield from self._begin(call.index, piece)
            if call.arguments:
                yield self._delta(call.index, {"type": "tool-call-delta", "args": call.arguments})
        if chunk.completion is not None:
            yield from self._finish(chunk.completion)

    def _begin(self, block: str | int, skeleton: Event) -> Iterator[Event]:
        """The start of a block, once; indices are given in order of appearance."""
        if block not in self._places:
            self._places[block] = len(self._places)
            yield {"event": "content-block-start", "index": self._places[block], "content": skeleton}

    def _delta(self, block: str | int, delta: Event) -> Event:
        return {"event": "content-block-delta", "index": self._places[block], "delta": delta}

    def _finish(self, whole: Completion) -> Iterator[Event]:
        calls, invalid = tool_calls((call.id, call.name, call.arguments) for call in whole.tool_calls)
        by_id: dict[Any, Any] = {call["id"]: call for call in (*calls, *invalid)}
        final: dict[str | int, Event] = {
            "reasoning": {"type": "reasoning", "reasoning": whole.reasoning},
            "text": text_block(whole.text, whole.extras),
            **{place: dict(by_id[call.id]) for place, call in enumerate(whole.tool_calls)},
        }
        if whole.refusal:  # core's stream object drops blocks of type "refusal"
            final["refusal"] = {"type": "non_standard", "value": {"type": "refusal", "refusal": whole.refusal}}
            yield from self._begin("refusal", {"type": "non_standard", "value": {}})
        for block, index in self._places.items():
            yield {"event": "content-block-finish", "index": index, "content": final[block]}
        last: Event = {"event": "message-finish", "metadata": response_metadata(whole)}
        if usage := usage_metadata(whole.usage):
            last["usage"] = usage
        if beside := {**beside_text(whole.reasoning, whole.refusal), **extras(whole)}:
            last["additional_kwargs"] = beside
        yield last

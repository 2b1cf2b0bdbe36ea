"""The chunks of one stream, added up to the completion that a whole body would have held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _oxen_transport.response.completion import identity
from _oxen_transport.response.failures import request_id_of
from _oxen_transport.response.usage import usage_from
from _oxen_transport.types import Chunk, Completion, ToolCall

_IDENTITY = ("id", "model", "created", "system_fingerprint", "service_tier")


class Collected:
    """Add what comes, read the completion so far.

    Attributes:
        finish_reason: Why the model stopped; None until the server reports it.
        has_content: Whether any text, reasoning, refusal or call came.
        is_named: Whether the answer's id and its model are known.
    """

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.has_content = self.is_named = False
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._logprobs: list[Any] = []
        self._usage: dict[str, Any] = {}
        self._identity: dict[str, Any] = {}
        self._extras: dict[str, Any] = {}

    @property
    def id(self) -> str:
        """The answer's id, "" while it is unknown."""
        return self._identity.get("id") or ""

    def add(self, chunk: Chunk) -> None:
        """Add what a chunk holds, but for its calls."""
        self.has_content = True
        if chunk.text:
            self._texts.append(chunk.text)
        if chunk.reasoning:
            self._reasoning.append(chunk.reasoning)
        if chunk.refusal:
            self._refusal.append(chunk.refusal)
        if chunk.logprobs:
            content = chunk.logprobs.get("content")
            self._logprobs.extend(content if isinstance(content, list) else ())

    def add_usage(self, usage: dict[str, Any]) -> None:
        """Add usage that is cumulative, only at the end, or in parts: the last value of each count holds."""
        self._usage.update({name: value for name, value in usage.items() if value is not None})

    def add_identity(self, parsed: dict[str, Any]) -> None:
        """Keep the first value of each field: Azure's first chunk has blank ones."""
        for name, value in identity(parsed).items():
            if value is not None:
                self._identity.setdefault(name, value)
        self.is_named = "id" in self._identity and "model" in self._identity

    def add_extras(self, extras: dict[str, Any]) -> None:
        """Join lists, whose items some servers repeat in each chunk; of all else the last value holds."""
        for name, value in extras.items():
            known = self._extras.get(name)
            if not isinstance(value, list) or not isinstance(known, list | None):
                self._extras[name] = value
            elif name == "reasoning_details":
                self._extras[name] = known or []
                self._extras[name].extend(value)
            elif value != known:
                self._extras[name] = [*(known or []), *(item for item in value if item not in (known or []))]

    def completion(self, calls: tuple[ToolCall, ...], headers: Mapping[str, str], model: str | None) -> Completion:
        """Everything so far, with a `raw` in the shape of a body that was not streamed."""
        text, reasoning, refusal = ("".join(parts) for parts in (self._texts, self._reasoning, self._refusal))
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = [_as_written(call) for call in calls]
        logprobs = {"content": self._logprobs} if self._logprobs else None
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason, "logprobs": logprobs}
        pieces = self._extras.get("reasoning_details")
        details = {"reasoning_details": _joined_details(pieces)} if isinstance(pieces, list) else {}
        known: dict[str, Any] = {name: self._identity.get(name) for name in _IDENTITY}
        named = {name: value for name, value in known.items() if value is not None}
        return Completion(
            text=text,
            tool_calls=calls,
            finish_reason=self.finish_reason,
            usage=usage_from(self._usage),
            reasoning=reasoning,
            refusal=refusal or None,
            logprobs=logprobs,
            request_id=request_id_of(headers),
            extras={**self._extras, **details},
            raw={"object": "chat.completion", **named, "choices": [choice], "usage": self._usage or None},
            **{**known, "model": known["model"] or model},
        )


def _as_written(call: ToolCall) -> dict[str, Any]:
    extra = {"extra_content": call.extra_content} if call.extra_content else {}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}, **extra}


_GROWING = ("text", "summary", "data")


def _joined_details(pieces: list[Any]) -> list[Any]:
    """OpenRouter's `reasoning_details`: pieces of one item have its type and its index.

    https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
    """
    joined: list[Any] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(last, dict) and isinstance(piece, dict) and _continues(last, piece):
            for name, value in piece.items():
                if name in _GROWING and isinstance(value, str) and isinstance(last.setdefault(name, []), list):
                    last[name].append(value)
                elif value is not None:
                    last[name] = value
        elif isinstance(piece, dict):
            growing = {name: [piece[name]] for name in _GROWING if isinstance(piece.get(name), str)}
            known = {name: value for name, value in piece.items() if name not in _GROWING or value is not None}
            joined.append({**known, **growing})
        else:
            joined.append(piece)
    return [_with_texts(item) for item in joined]


def _with_texts(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    texts = {name: "".join(item[name]) for name in _GROWING if _is_texts(item.get(name))}
    return {**item, **texts}


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _continues(last: dict[str, Any], piece: dict[str, Any]) -> bool:
    if any(last.get(name) != piece.get(name) for name in ("type", "index")):
        return False
    return last.get("id") is None or piece.get("id") in (None, last["id"])

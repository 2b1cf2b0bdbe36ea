"""What reads the answer to `with_structured_output`: the parser of a chain, and of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import Generation
from langchain_core.runnables.utils import AddableDict
from pydantic import ConfigDict

from _oxen_transport import errors as transport
from _oxen_transport.response.objects import GrowingObject
from _oxen_transport.structured_object import StructuredObject
from _oxen_transport.tools.arguments import arguments_text
from _oxen_transport.tools.partial_json import PartialObject
from _oxen_transport.types import Completion, ToolCall
from langchain_oxen.errors import OxenRefusalError, OxenStructuredOutputError, langchain_error


class StructuredOutputParser(BaseTransformOutputParser[Any]):
    """Reads the answer's object; an answer without one is an error that holds the answer.

    Streams yield the object as it grows and end with the complete one, validated, or with the error.
    """

    model_config = ConfigDict(defer_build=True)

    wanted: Any  # a `StructuredObject`
    include_raw: bool = False

    def parse(self, text: str) -> Any:
        """Read an answer that is only text."""
        return self._read(AIMessage(content=text))

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Read a whole answer."""
        message = getattr(result[0], "message", None)
        return self._read(message if isinstance(message, AIMessage) else AIMessage(content=result[0].text))

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:
        stream = StructuredStream(self.wanted)
        for piece in input:
            shown = stream.feed(piece)
            if self.include_raw or shown is not None:
                yield AddableDict(raw=piece) if self.include_raw else shown
        yield from self._end(stream)

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:
        stream = StructuredStream(self.wanted)
        async for piece in input:
            shown = stream.feed(piece)
            if self.include_raw or shown is not None:
                yield AddableDict(raw=piece) if self.include_raw else shown
        for value in self._end(stream):
            yield value

    def _end(self, stream: StructuredStream) -> list[Any]:
        answer = stream.whole()
        if self.include_raw:
            return [AddableDict(self._parsed(answer))]
        return stream.rest(self._object(answer))

    def _read(self, answer: AIMessage) -> Any:
        return {"raw": answer, **self._parsed(answer)} if self.include_raw else self._object(answer)

    def _parsed(self, answer: AIMessage) -> dict[str, Any]:
        try:
            return {"parsed": self._object(answer), "parsing_error": None}
        except OxenStructuredOutputError as error:
            return {"parsed": None, "parsing_error": error}

    def _object(self, answer: AIMessage) -> Any:
        try:
            return self.wanted.read(completion_of(answer))
        except transport.OxenStructuredOutputError as error:
            failure = langchain_failure(error, answer)
        raise failure


class StructuredStream:
    """One streamed answer: the object as it grows, until the whole one can be read."""

    def __init__(self, wanted: StructuredObject) -> None:
        self._wanted = wanted
        self._chunks: list[AIMessageChunk] = []
        self._text, self._arguments = GrowingObject(), PartialObject()
        self._index: int | str | None = None
        self._shown: Any = None

    def feed(self, piece: str | BaseMessage) -> Any:
        """Take a piece of the answer. Returns: the object so far, if there is more of it to show; else None."""
        if isinstance(piece, AIMessageChunk):
            chunk = piece
        elif isinstance(piece, AIMessage):
            chunk = AIMessageChunk(**piece.model_dump(exclude={"type"}), chunk_position="last")
        else:
            chunk = AIMessageChunk(content=piece if isinstance(piece, str) else piece.text)
        self._chunks.append(chunk)
        shown = self._wanted.preview(self._value(chunk))
        if shown is None or shown == self._shown:
            return None
        self._shown = shown
        return shown

    def whole(self) -> AIMessage:
        """The answer as one message. Raises: OxenStructuredOutputError, if nothing came."""
        if not self._chunks:
            raise OxenStructuredOutputError("the stream held no answer")
        whole = message_chunk_to_message(add_ai_message_chunks(*self._chunks))
        assert isinstance(whole, AIMessage)  # noqa: S101 - that is what AI chunks become
        return whole

    def rest(self, value: Any) -> list[Any]:
        """The object itself, unless it was the last that was shown."""
        return [] if value == self._shown else [value]

    def _value(self, chunk: AIMessageChunk) -> dict[str, Any]:
        if not chunk.tool_call_chunks:
            return self._text.add(chunk.text) if self._index is None else {}
        if self._index is None:
            self._index = chunk.tool_call_chunks[0].get("index") or 0
        own = [call for call in chunk.tool_call_chunks if (call.get("index") or 0) == self._index]
        return self._arguments.add("".join(call["args"] or "" for call in own))


def completion_of(answer: AIMessage) -> Completion:
    """A message as the transport's answer."""
    calls = [ToolCall(call["id"] or "", call["name"], arguments_text(call["args"])) for call in answer.tool_calls]
    calls += [ToolCall(bad["id"] or "", bad["name"] or "", bad["args"] or "") for bad in answer.invalid_tool_calls]
    return Completion(
        text=str(answer.text),
        tool_calls=tuple(calls),
        finish_reason=answer.response_metadata.get("finish_reason"),
        refusal=answer.additional_kwargs.get("refusal"),
        model=answer.response_metadata.get("model_name"),
    )


def langchain_failure(error: transport.OxenStructuredOutputError, answer: AIMessage) -> Any:
    """The transport's error as LangChain's; a refusal with the message that it came in."""
    failure = langchain_error(error)
    if isinstance(failure, OxenRefusalError):
        failure.raw_message = answer
    return failure

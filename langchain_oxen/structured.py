"""Answers that fit a schema: what is asked for, and the parser that gives the verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Literal

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import Generation
from langchain_core.runnables.utils import AddableDict
from langchain_core.utils.function_calling import convert_to_openai_function
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.v1 import BaseModel as BaseModelV1
from pydantic.v1 import ValidationError as ValidationErrorV1

from _oxen_transport.errors import Details, OxenConfigError
from _oxen_transport.request.content import json_text
from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.tools.partial_json import PartialObject
from _oxen_transport.types import Completion, ToolCall
from langchain_oxen.errors import OxenRefusalError, OxenStructuredOutputError

Method = Literal["function_calling", "json_schema", "json_mode", "auto"]
METHODS = ("function_calling", "json_schema", "json_mode", "auto")


def schema_to_wire(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """Any schema as `{"name", "description"?, "parameters"}`. Raises: OxenConfigError."""
    try:
        if dataclasses.is_dataclass(schema):
            schema = {"title": getattr(schema, "__name__", "Answer"), **TypeAdapter(schema).json_schema()}
        wired = convert_to_openai_function(schema, strict=strict)
    except (ValueError, TypeError) as error:
        reason = str(error)
    else:
        # in this order, as for a tool: equal requests are equal bytes
        return {**wired, "parameters": wired.get("parameters", {"type": "object", "properties": {}})}
    raise OxenConfigError(f"this is no schema LangChain can describe: {reason[:300]}")


def ask_for(schema: Any, method: str, strict: bool | None) -> dict[str, Any]:
    """The call's keyword arguments that make the model answer with this schema's object."""
    if method == "prompt":
        return {}
    if method == "json_mode":
        return {"response_format": {"type": "json_object"}}
    wired = schema_to_wire(schema, strict=strict)
    if method == "function_calling":
        # the only tool there is: "required" names it, and some servers ignore a choice by name
        return {"tools": [{"type": "function", "function": wired}], "tool_choice": "required"}
    described = {"name": wired["name"], "schema": wired["parameters"], "strict": strict}
    described = {key: value for key, value in described.items() if value is not None}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def parser_for(schema: Any, method: str, *, include_raw: bool = False) -> StructuredOutputParser:
    """What reads the answer to `ask_for`."""
    tool_name = schema_to_wire(schema)["name"] if method == "function_calling" else None
    return StructuredOutputParser(answer_type=schema, include_raw=include_raw, tool_name=tool_name)


def reader(schema: Any) -> Callable[[dict[str, Any]], Any]:
    """What turns the answer's object into the schema's own class; dicts stay dicts."""
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_validate
    if isinstance(schema, type) and issubclass(schema, BaseModelV1):
        return schema.parse_obj
    if dataclasses.is_dataclass(schema):
        return TypeAdapter(schema).validate_python
    return lambda value: value


class StructuredOutputParser(BaseTransformOutputParser[Any]):
    """Reads the answer's object; an answer that holds none is an error that has the answer.

    Streams show the object as it grows and end with the whole one, checked, or with the error:
    an answer that was cut never looks complete.
    """

    model_config = ConfigDict(defer_build=True)

    answer_type: Any = None
    tool_name: str | None = None
    """The tool whose arguments are the answer. None: the answer is the text."""
    include_raw: bool = False

    def parse(self, text: str) -> Any:
        """Read an answer that is only text."""
        return self._answer(AIMessage(content=text))

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Read a whole answer."""
        message = getattr(result[0], "message", None)
        return self._answer(message if isinstance(message, AIMessage) else AIMessage(content=result[0].text))

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002 - core's name
        progress = StructuredStream(self)
        for piece in input:
            yield from progress.feed(piece)
        yield from progress.end()

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        progress = StructuredStream(self)
        async for piece in input:
            for shown in progress.feed(piece):
                yield shown
        for shown in progress.end():
            yield shown

    def _answer(self, message: AIMessage) -> Any:
        if not self.include_raw:
            return self.verdict(message)
        return {"raw": message, **self.judged(message)}

    def judged(self, message: AIMessage) -> dict[str, Any]:
        """The verdict as a value: the object, or the error."""
        try:
            return {"parsed": self.verdict(message), "parsing_error": None}
        except OxenStructuredOutputError as error:
            return {"parsed": None, "parsing_error": error}

    def verdict(self, message: AIMessage) -> Any:
        """The object of a whole answer. Raises: OxenStructuredOutputError."""
        try:
            return reader(self.answer_type)(self._object(message))
        except (ValidationError, ValidationErrorV1, _NoObjectError) as error:
            reason = str(error)
        if message.additional_kwargs.get("refusal"):
            refusal = OxenRefusalError(reason, Details(partial=completion_of(message)))
            refusal.raw_message = message
            raise refusal
        cut = message.response_metadata.get("finish_reason") == "length"
        why = "the answer was cut off at max_tokens" if cut else reason
        raise OxenStructuredOutputError(f"no valid {self._name()}: {why}", Details(partial=completion_of(message)))

    def _object(self, message: AIMessage) -> dict[str, Any]:
        if refusal := message.additional_kwargs.get("refusal"):
            raise _NoObjectError(f"the model refuses: {refusal}")
        for call in message.tool_calls:
            if call["name"] == self.tool_name:
                return call["args"]
        if self.tool_name and message.invalid_tool_calls:
            raise _NoObjectError(
                f"the arguments are not a whole JSON object: {message.invalid_tool_calls[0]['args']!r}"
            )
        text = json_text(message.text)
        value = parse_arguments(text) if text else None  # or written where a call was asked for
        if value is not None:
            return value
        did_not = f"did not call {self.tool_name!r}" if self.tool_name else "wrote no JSON object"
        raise _NoObjectError(f"the model {did_not} but said {message.text[:200]!r}")

    def found_in(self, message: AIMessage) -> bool:
        """Whether the answer is an attempt at an object: a whole one, a cut one, or a refusal."""
        if message.response_metadata.get("finish_reason") == "length" or message.additional_kwargs.get("refusal"):
            return True
        try:
            self._object(message)
        except _NoObjectError:
            return bool(message.invalid_tool_calls)
        return True

    def preview(self, value: dict[str, Any]) -> Any:
        """What can be shown of an object that is still growing; None for nothing yet."""
        try:
            return reader(self.answer_type)(value) if value else None
        except (ValidationError, ValidationErrorV1):
            return None

    def _name(self) -> str:
        return self.tool_name or str(getattr(self.answer_type, "__name__", "JSON object"))


class _NoObjectError(Exception):
    """The answer holds no object."""


class StructuredStream:
    """One streamed answer on its way through the parser."""

    def __init__(self, parser: StructuredOutputParser) -> None:
        self._parser = parser
        self._chunks: list[AIMessageChunk] = []
        self._growing = PartialObject()
        self._index: int | str | None = None
        self._shown: Any = None

    def feed(self, piece: str | BaseMessage) -> Iterator[Any]:
        """Take a piece of the answer, give what can be shown now."""
        if isinstance(piece, AIMessageChunk):
            chunk = piece
        elif isinstance(piece, AIMessage):
            chunk = AIMessageChunk(**piece.model_dump(exclude={"type"}), chunk_position="last")
        else:
            chunk = AIMessageChunk(content=piece if isinstance(piece, str) else piece.text)
        self._chunks.append(chunk)
        if self._parser.include_raw:
            yield AddableDict(raw=piece)
            return
        shown = self._parser.preview(self._growing.add(self._new_text(chunk)))
        if shown is not None and shown != self._shown:
            self._shown = shown
            yield shown

    def end(self) -> Iterator[Any]:
        """The verdict. Raises: OxenStructuredOutputError."""
        whole = self.whole()
        if self._parser.include_raw:
            yield AddableDict(self._parser.judged(whole))
        else:
            yield from self.rest(self._parser.verdict(whole))

    def whole(self) -> AIMessage:
        """The answer as one message. Raises: OxenStructuredOutputError, if nothing came."""
        if not self._chunks:
            raise OxenStructuredOutputError("the stream held no answer")
        whole = message_chunk_to_message(add_ai_message_chunks(*self._chunks))
        assert isinstance(whole, AIMessage)  # noqa: S101 - that is what AI chunks become
        return whole

    def rest(self, value: Any) -> Iterator[Any]:
        """The object itself, unless it was the last that was shown."""
        if value != self._shown:
            yield value

    def _new_text(self, chunk: AIMessageChunk) -> str:
        if self._parser.tool_name is None:
            return chunk.text
        text = ""
        for call in chunk.tool_call_chunks:
            if self._index is None:
                self._index = call.get("index")
            if call.get("index") == self._index:
                text += call["args"] or ""
        return text


def completion_of(message: AIMessage) -> Completion:
    """An answer as the wire's value, for the `partial` of an error."""
    calls = [ToolCall(bad["id"] or "", bad["name"] or "", bad["args"] or "") for bad in message.invalid_tool_calls]
    return Completion(
        text=message.text,
        tool_calls=tuple(calls),
        finish_reason=message.response_metadata.get("finish_reason"),
        model=message.response_metadata.get("model_name"),
    )

"""Answers that fit a pydantic class: what is asked for, and the reader that gives the verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock
from llama_index.core.bridge.pydantic import BaseModel, ValidationError
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.program.utils import create_flexible_model

from _oxen_transport.errors import Details, OxenStructuredOutputError
from _oxen_transport.request.content import json_text
from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.tools.partial_json import PartialObject
from llama_index_oxen.tools import completion_of, tools_to_wire

Method = Literal["function_calling", "json_schema", "json_mode", "auto"]


def schema_to_wire(output_cls: type[BaseModel]) -> dict[str, Any]:
    """A class as `{"name", "description", "parameters"}`."""
    function: dict[str, Any] = tools_to_wire([get_function_tool(output_cls)])[0]["function"]
    return function


def ask_for(output_cls: type[BaseModel], method: str) -> dict[str, Any]:
    """The call's keyword arguments that make the model answer with this class's object."""
    if method == "prompt":
        return {}
    if method == "json_mode":
        return {"response_format": {"type": "json_object"}}
    wired = schema_to_wire(output_cls)
    if method == "function_calling":
        # the only tool there is: "required" names it, and some servers ignore a choice by name
        return {"tools": [{"type": "function", "function": wired}], "tool_choice": "required"}
    described = {"name": wired["name"], "schema": output_cls.model_json_schema()}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def verdict(response: ChatResponse, output_cls: type[BaseModel]) -> Any:
    """The object of a whole answer. Raises: OxenStructuredOutputError."""
    try:
        return output_cls.model_validate(_object(response))
    except (ValidationError, _NoObjectError) as error:
        reason = str(error)
    cut = response.additional_kwargs.get("finish_reason") == "length"
    why = "the answer was cut off at max_tokens" if cut else reason
    details = Details(partial=completion_of(response))
    raise OxenStructuredOutputError(f"no valid {output_cls.__name__}: {why}", details)


def found_in(response: ChatResponse) -> bool:
    """Whether the answer is an attempt at an object: a whole one, a cut one, or a refusal."""
    if response.additional_kwargs.get("finish_reason") == "length" or response.message.additional_kwargs.get("refusal"):
        return True
    try:
        _object(response)
    except _NoObjectError:
        return bool(response.message.additional_kwargs.get("tool_calls"))
    return True


class _NoObjectError(Exception):
    """The answer holds no object."""


class StructuredStream:
    """One streamed answer: the object as it grows, until the whole one can be judged."""

    def __init__(self, output_cls: type[BaseModel]) -> None:
        self._output_cls = output_cls
        self._flexible = create_flexible_model(output_cls)
        self._growing = PartialObject()
        self._last: ChatResponse | None = None
        self._shown: Any = None

    def feed(self, response: ChatResponse) -> Iterator[Any]:
        """Take a snapshot of the answer, give what can be shown now."""
        self._last = response
        value = self._value(response)
        if not value:
            return
        shown: Any = self._flexible.model_validate(value)
        with suppress(ValidationError):
            shown = self._output_cls.model_validate(value)
        if shown != self._shown:
            self._shown = shown
            yield shown

    def whole(self) -> ChatResponse:
        """The answer. Raises: OxenStructuredOutputError, if nothing came."""
        if self._last is None:
            raise OxenStructuredOutputError("the stream held no answer")
        return self._last

    def rest(self, value: Any) -> Iterator[Any]:
        """The object itself, unless it was the last that was shown."""
        if value != self._shown:
            yield value

    def _value(self, response: ChatResponse) -> dict[str, Any]:
        for block in response.message.blocks:
            if isinstance(block, ToolCallBlock):
                return block.tool_kwargs if isinstance(block.tool_kwargs, dict) else {}
        text = response.delta or ""
        if not self._growing.text:  # the object begins at its brace, after a fence or a word or two
            text = text[text.find("{") :] if "{" in text else ""
        return self._growing.add(text)


def _object(response: ChatResponse) -> dict[str, Any]:
    if refusal := response.message.additional_kwargs.get("refusal"):
        raise _NoObjectError(f"the model refuses: {refusal}")
    for block in response.message.blocks:
        if isinstance(block, ToolCallBlock):
            if isinstance(block.tool_kwargs, dict):
                return block.tool_kwargs
            raise _NoObjectError(f"the arguments are not a whole JSON object: {block.tool_kwargs!r}")
    said = response.message.content or ""
    text = json_text(said)
    value = parse_arguments(text) if text else None  # or written where a call was asked for
    if value is None:
        raise _NoObjectError(f"the model gave no JSON object but said {said[:200]!r}")
    return value


def said_in(response: ChatResponse) -> str:
    """What the model wrote, as text: a call that failed cannot be sent back as a call."""
    blocks = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    calls = [
        json.dumps(b.tool_kwargs, ensure_ascii=False) if isinstance(b.tool_kwargs, dict) else b.tool_kwargs
        for b in blocks
    ]
    return response.message.content or "\n".join(calls)

"""Answers that fit a pydantic class: what is asked for, and the reader that gives the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock
from llama_index.core.bridge.pydantic import BaseModel, ValidationError
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.program.utils import create_flexible_model

from _oxen_transport.content import json_text
from _oxen_transport.errors import Details, OxenStructuredOutputError
from _oxen_transport.tool_calls import parse_arguments
from llama_index_oxen.tools import completion_of, tools_to_wire


def ask_for(output_cls: type[BaseModel], llm_kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """The call's keyword arguments that force the model to answer with this class."""
    tools = tools_to_wire([get_function_tool(output_cls)])
    chosen = ("tool_required", "tool_choice", "allow_parallel_tool_calls")
    further = {name: value for name, value in (llm_kwargs or {}).items() if name not in chosen}
    return {**further, "tools": tools, "tool_choice": tools[0]["function"]["name"]}


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


class Progress:
    """One streamed answer: the object as it grows, and at the end the whole one, checked."""

    def __init__(self, output_cls: type[BaseModel]) -> None:
        self._output_cls = output_cls
        self._flexible = create_flexible_model(output_cls)
        self._last: ChatResponse | None = None
        self._shown: Any = None

    def feed(self, response: ChatResponse) -> Iterator[Any]:
        """Take a snapshot of the answer, give what can be shown now."""
        self._last = response
        value = _growing(response)
        if not value:
            return
        shown: Any = self._flexible.model_validate(value)
        with suppress(ValidationError):
            shown = self._output_cls.model_validate(value)
        if shown != self._shown:
            self._shown = shown
            yield shown

    def end(self) -> Iterator[Any]:
        """The verdict. Raises: OxenStructuredOutputError."""
        if self._last is None:
            raise OxenStructuredOutputError("the stream held no answer")
        value = verdict(self._last, self._output_cls)
        if value != self._shown:
            yield value


def _growing(response: ChatResponse) -> dict[str, Any]:
    for block in response.message.blocks:
        if isinstance(block, ToolCallBlock):
            return block.tool_kwargs if isinstance(block.tool_kwargs, dict) else {}
    return {}


def _object(response: ChatResponse) -> dict[str, Any]:
    if refusal := response.message.additional_kwargs.get("refusal"):
        raise _NoObjectError(f"the model refuses: {refusal}")
    for block in response.message.blocks:
        if isinstance(block, ToolCallBlock):
            if isinstance(block.tool_kwargs, dict):
                return block.tool_kwargs
            raise _NoObjectError(f"the arguments are not a whole JSON object: {block.tool_kwargs!r}")
    said = response.message.content or ""
    value = parse_arguments(text) if (text := json_text(said)) else None  # written where a call was asked for
    if value is None:
        raise _NoObjectError(f"the model did not call the tool but said {said[:200]!r}")
    return value


class _NoObjectError(Exception):
    """The answer holds no object."""

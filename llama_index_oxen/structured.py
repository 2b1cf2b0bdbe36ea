"""Answers that fit a pydantic class: what is asked for, and the reader that gives the verdict."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing, closing, suppress
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.bridge.pydantic import BaseModel, ValidationError
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.program.utils import create_flexible_model
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.types import PydanticProgramMode

from _oxen_transport.content import json_text
from _oxen_transport.errors import Details, OxenStructuredOutputError
from _oxen_transport.tool_calls import parse_arguments
from llama_index_oxen.tools import completion_of, tools_to_wire

dispatcher = get_dispatcher(__name__)


def ask_for(output_cls: type[BaseModel], llm_kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """The call's keyword arguments that force the model to answer with this class."""
    tools = tools_to_wire([get_function_tool(output_cls)])
    chosen = ("tool_required", "tool_choice", "allow_parallel_tool_calls")
    further = {name: value for name, value in (llm_kwargs or {}).items() if name not in chosen}
    # "required", as it is the only tool: llama.cpp takes a named choice for "auto"
    return {**further, "tools": tools, "tool_choice": "required"}


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


class StructuredAnswers(FunctionCallingLLM):
    """The structured family, so that the tool is forced on every path, in streams too.

    Core's own (`llama_index/core/program/function_program.py`) forgets the system prompt in `acall`,
    asks for the tool but does not force it in streams, and has no answer for an empty stream.
    """

    def structured_predict(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Any:
        """Answer with an object of a pydantic class. Raises: OxenStructuredOutputError."""
        if not self._by_tool():
            return super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
        dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        response = self.chat(self._messages(prompt, prompt_args), **ask_for(output_cls, llm_kwargs))
        result = verdict(response, output_cls)
        dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    async def astructured_predict(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Any:
        """`structured_predict` without blocking."""
        if not self._by_tool():
            return await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
        dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        response = await self.achat(self._messages(prompt, prompt_args), **ask_for(output_cls, llm_kwargs))
        result = verdict(response, output_cls)
        dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    def _structured_stream_call(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if not self._by_tool():
            yield from super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
            return
        progress = Progress(output_cls)
        stream = self.stream_chat(self._messages(prompt, prompt_args), **ask_for(output_cls, llm_kwargs))
        with closing(stream):
            for response in stream:
                yield from progress.feed(response)
        yield from progress.end()

    async def _structured_astream_call(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if not self._by_tool():
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        stream = await self.astream_chat(self._messages(prompt, prompt_args), **ask_for(output_cls, llm_kwargs))

        async def objects() -> AsyncGenerator[Any, None]:
            progress = Progress(output_cls)
            async with aclosing(stream):
                async for response in stream:
                    for shown in progress.feed(response):
                        yield shown
            for shown in progress.end():
                yield shown

        return objects()

    def _by_tool(self) -> bool:
        return self.pydantic_program_mode in (PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION)

    def _messages(self, prompt: BasePromptTemplate, prompt_args: dict[str, Any]) -> list[ChatMessage]:
        """The prompt's messages, with the system prompt exactly once."""
        return self._extend_messages(prompt.format_messages(llm=self, **prompt_args))

"""Structured output in LlamaIndex: the calls that ask for an object. The rules are the transport's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ToolCallBlock
from llama_index.core.bridge.pydantic import BaseModel, Field, ValidationError
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.program.utils import create_flexible_model
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode

from _oxen_transport.errors import OxenStructuredOutputError
from _oxen_transport.types import StructuredOutputMethod
from llama_index_oxen.entry_points import without_span
from llama_index_oxen.tools import completion_of

if TYPE_CHECKING:
    from _oxen_transport.structured import StructuredRounds

dispatcher = get_dispatcher(__name__)
M = TypeVar("M", bound=BaseModel)


class StructuredAnswers(FunctionCallingLLM):
    """The structured calls, so that the answer's form is forced in each of them, in streams too.

    Core's (`program/function_program.py`) forget the system prompt in `acall`, and do not force the tool in streams.
    """

    structured_method: StructuredOutputMethod = Field(
        default="function_calling",
        description="How an object is asked for: by a forced tool call, which every tool-calling model can; "
        '"json_schema" and "json_mode" need a server that has them. "auto" tries them from the strictest down, the '
        "prompt alone at last, and remembers for the server and the model what worked.",
    )
    structured_repair: bool = Field(
        default=False, description="If the object does not fit, send the error to the model and ask once more."
    )

    def structured_predict(
        self, output_cls: type[M], prompt: PromptTemplate, llm_kwargs: dict[str, Any] | None = None, **prompt_args: Any
    ) -> M:
        """Answer with an object of a pydantic class. Raises: OxenStructuredOutputError, OxenError."""
        if not self._is_ours():
            return cast("M", without_span(super().structured_predict)(output_cls, prompt, llm_kwargs, **prompt_args))
        _started(output_cls, prompt, prompt_args)
        rounds, given, call = self._rounds(output_cls, prompt, llm_kwargs, prompt_args)
        while not rounds.over:
            with rounds:
                answer = self.chat(rounds.messages(given, _message), **call, **rounds.parameters)
                rounds.take(completion_of(answer))
        return cast("M", _ended(rounds.result))

    async def astructured_predict(
        self, output_cls: type[M], prompt: PromptTemplate, llm_kwargs: dict[str, Any] | None = None, **prompt_args: Any
    ) -> M:
        """Async version of `structured_predict`."""
        if not self._is_ours():
            ask = without_span(super().astructured_predict)
            return cast("M", await ask(output_cls, prompt, llm_kwargs, **prompt_args))
        _started(output_cls, prompt, prompt_args)
        rounds, given, call = self._rounds(output_cls, prompt, llm_kwargs, prompt_args)
        while not rounds.over:
            with rounds:
                answer = await self.achat(rounds.messages(given, _message), **call, **rounds.parameters)
                rounds.take(completion_of(answer))
        return cast("M", _ended(rounds.result))

    def _structured_stream_call(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if not self._is_ours():
            yield from super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
            return
        rounds, given, call = self._rounds(output_cls, prompt, llm_kwargs, prompt_args)
        while not rounds.over:
            objects = StructuredStream(output_cls)
            asked = {"messages": rounds.messages(given, _message), **call, **rounds.parameters}
            with rounds, closing(self.stream_chat(**asked)) as stream:
                for response in stream:
                    shown = objects.feed(response)
                    if shown is not None:
                        yield shown
                rounds.take(completion_of(objects.whole()))
        yield from objects.rest(rounds.result)

    async def _structured_astream_call(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if not self._is_ours():
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        rounds, given, call = self._rounds(output_cls, prompt, llm_kwargs, prompt_args)

        async def stream_objects() -> AsyncGenerator[Any, None]:
            while not rounds.over:
                objects = StructuredStream(output_cls)
                asked = {"messages": rounds.messages(given, _message), **call, **rounds.parameters}
                with rounds:
                    async with aclosing(await self.astream_chat(**asked)) as stream:
                        async for response in stream:
                            shown = objects.feed(response)
                            if shown is not None:
                                yield shown
                    rounds.take(completion_of(objects.whole()))
            for value in objects.rest(rounds.result):
                yield value

        return stream_objects()

    def _is_ours(self) -> bool:
        """The other modes (text programs, format enforcers) are core's."""
        return self.pydantic_program_mode in (PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION)

    def _rounds(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None,
        prompt_args: dict[str, Any],
    ) -> tuple[StructuredRounds, list[ChatMessage], dict[str, Any]]:
        """The rounds, the prompt's messages with the system prompt exactly once, and the parameters of each call."""
        from _oxen_transport.structured import StructuredRounds  # noqa: PLC0415 - when an object is asked for
        from _oxen_transport.structured_object import StructuredObject  # noqa: PLC0415

        chosen = ("tool_required", "tool_choice", "allow_parallel_tool_calls")  # core's words for what is forced here
        call = {name: value for name, value in (llm_kwargs or {}).items() if name not in chosen}
        model, repair = call.get("model"), self.structured_repair
        settings: Any = self
        rounds = StructuredRounds(
            StructuredObject(output_cls), settings, self.structured_method, model=model, repair=repair
        )
        return rounds, self._extend_messages(prompt.format_messages(llm=self, **prompt_args)), call


class StructuredStream:
    """One streamed answer: the object as it grows, until the whole one can be read."""

    def __init__(self, output_cls: type[BaseModel]) -> None:
        from _oxen_transport.response.objects import GrowingObject  # noqa: PLC0415 - when an object is asked for

        self._output_cls = output_cls
        self._flexible = create_flexible_model(output_cls)
        self._text = GrowingObject()
        self._last: ChatResponse | None = None
        self._shown: Any = None

    def feed(self, response: ChatResponse) -> Any:
        """Take a snapshot of the answer. Returns: the object so far, if there is more of it to show; else None."""
        self._last = response
        value = self._value(response)
        shown: Any = None
        if value:
            with suppress(ValidationError):
                shown = self._flexible.model_validate(value)
            with suppress(ValidationError):
                shown = self._output_cls.model_validate(value)
        if shown is None or shown == self._shown:
            return None
        self._shown = shown
        return shown

    def whole(self) -> ChatResponse:
        """The answer. Raises: OxenStructuredOutputError, if nothing came."""
        if self._last is None:
            raise OxenStructuredOutputError("the stream held no answer")
        return self._last

    def rest(self, value: Any) -> list[Any]:
        """The object itself, unless it was the last that was shown."""
        return [] if value == self._shown else [value]

    def _value(self, response: ChatResponse) -> dict[str, Any]:
        for block in response.message.blocks:
            if isinstance(block, ToolCallBlock):
                return block.tool_kwargs if isinstance(block.tool_kwargs, dict) else {}
        return self._text.add(response.delta or "")


def _message(role: str, text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole(role), content=text)


def _started(output_cls: type[Any], prompt: PromptTemplate, prompt_args: dict[str, Any]) -> None:
    dispatcher.event(LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args))


def _ended(result: Any) -> Any:
    dispatcher.event(LLMStructuredPredictEndEvent(output=result))
    return result

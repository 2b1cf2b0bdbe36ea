"""Structured output in LangChain: the runnables that ask for an object. The rules are the transport's."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.utils import AddableDict
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_function
from pydantic import ConfigDict, Field

from _oxen_transport.structured import StructuredRounds
from _oxen_transport.structured_object import StructuredObject
from langchain_oxen.structured_parser import StructuredOutputParser, StructuredStream, completion_of, langchain_failure

METHODS = ("function_calling", "json_schema", "json_mode", "auto")


def wanted_object(schema: Any, *, strict: bool | None = None, tools: list[dict[str, Any]] | None = None) -> Any:
    """The object that a schema describes, beside tools that the model may call. Raises: OxenConfigError."""
    function = None
    if isinstance(schema, BaseTool) or inspect.isroutine(schema):  # LangChain takes what a tool takes
        function = convert_to_openai_function(schema, strict=strict)
    others = frozenset(str(tool.get("function", {}).get("name")) for tool in tools or ())
    return StructuredObject(schema, strict=strict, function=function, other_tools=others)


def traced_schema(schema: Any, wanted: StructuredObject) -> Any:
    """The schema for LangSmith: core's own conversion, or ours where core has none."""
    if schema is None or dataclasses.is_dataclass(schema):  # core would warn of each `default_factory`
        return wanted.json_schema() or None
    try:
        return convert_to_json_schema(schema)
    except Exception:  # noqa: BLE001 - pydantic's and core's own, for example for a TypedDict with NotRequired
        return wanted.json_schema()


class StructuredRunnable(RunnableSerializable[LanguageModelInput, Any]):
    """Asks in rounds: with "auto" by one method after the other, with `repair` once more."""

    llm: Any
    wanted: Any  # a `StructuredObject`
    method: str = "auto"
    include_raw: bool = False
    repair: bool = False
    options: dict[str, Any] = Field(default_factory=dict)

    model_config = ConfigDict(arbitrary_types_allowed=True, defer_build=True)

    def invoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Ask, and read the answer. Raises: OxenStructuredOutputError, OxenError."""
        return self._call_with_config(self._invoke, input, config, **kwargs)  # type: ignore[arg-type]

    async def ainvoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Async version of `invoke`."""
        return await self._acall_with_config(self._ainvoke, input, config, **kwargs)  # type: ignore[arg-type]

    def _invoke(self, prompt: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        rounds, given = self._rounds(), _messages(prompt)
        while not rounds.over:
            with rounds:
                answer = self._model(rounds).invoke(rounds.messages(given, _message), config, **kwargs)
                rounds.take(completion_of(answer))
        return self._outcome(rounds, answer)

    async def _ainvoke(self, prompt: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        rounds, given = self._rounds(), _messages(prompt)
        while not rounds.over:
            with rounds:
                answer = await self._model(rounds).ainvoke(rounds.messages(given, _message), config, **kwargs)
                rounds.take(completion_of(answer))
        return self._outcome(rounds, answer)

    def stream(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """The object as it grows; the last one is validated. After a repair it grows anew."""
        yield from self._transform_stream_with_config(iter([input]), self._stream, config, **kwargs)  # type: ignore[arg-type]

    async def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Async version of `stream`."""

        async def inputs() -> AsyncIterator[LanguageModelInput]:
            yield input

        objects: Any = self._atransform_stream_with_config(inputs(), self._astream, config, **kwargs)  # type: ignore[arg-type]
        async with aclosing(objects):
            async for value in objects:
                yield value

    def _stream(self, inputs: Iterator[LanguageModelInput], config: RunnableConfig, **kwargs: Any) -> Iterator[Any]:
        rounds, given = self._rounds(), _messages(next(inputs))
        while not rounds.over:
            stream = StructuredStream(self.wanted)
            with rounds:
                for piece in self._model(rounds).stream(rounds.messages(given, _message), config, **kwargs):
                    shown = stream.feed(piece)
                    if shown is not None and not self.include_raw:  # raw parts of several rounds do not add up
                        yield shown
                rounds.take(completion_of(stream.whole()))
        yield from stream.rest(self._outcome(rounds, stream.whole()))

    async def _astream(
        self, inputs: AsyncIterator[LanguageModelInput], config: RunnableConfig, **kwargs: Any
    ) -> AsyncIterator[Any]:
        rounds, given = self._rounds(), _messages(await anext(inputs))
        while not rounds.over:
            stream = StructuredStream(self.wanted)
            with rounds:
                async for piece in self._model(rounds).astream(rounds.messages(given, _message), config, **kwargs):
                    shown = stream.feed(piece)
                    if shown is not None and not self.include_raw:
                        yield shown
                rounds.take(completion_of(stream.whole()))
        for value in stream.rest(self._outcome(rounds, stream.whole())):
            yield value

    def _rounds(self) -> StructuredRounds:
        model = self.options.get("model")
        return StructuredRounds(
            self.wanted, self.llm, self.method, model=model, repair=self.repair, instruct=False, raises=False
        )

    def _model(self, rounds: StructuredRounds) -> Runnable[LanguageModelInput, AIMessage]:
        bound: Runnable[LanguageModelInput, AIMessage] = self.llm.bind(**{**rounds.parameters, **self.options})
        return bound

    def _outcome(self, rounds: StructuredRounds, answer: AIMessage) -> Any:
        error = rounds.error and langchain_failure(rounds.error, answer)
        if self.include_raw:
            return AddableDict(raw=answer, parsed=rounds.result, parsing_error=error)
        if error is not None:
            raise error
        return rounds.result


def _message(role: str, text: str) -> BaseMessage:
    kinds: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return kinds[role](text)


def _messages(prompt: LanguageModelInput) -> list[Any]:
    if isinstance(prompt, PromptValue):
        return prompt.to_messages()
    return [HumanMessage(prompt)] if isinstance(prompt, str) else convert_to_messages(list(prompt))


__all__ = ["METHODS", "StructuredOutputParser", "StructuredRunnable", "traced_schema", "wanted_object"]

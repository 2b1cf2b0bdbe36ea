"""An object in more than one try: other ways of asking, and a round in which the model mends its answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.utils import AddableDict
from pydantic import ConfigDict, Field

from _oxen_transport.errors import OxenError
from _oxen_transport.structured import MethodFallback, correction, in_words
from langchain_oxen.errors import OxenStructuredOutputError
from langchain_oxen.structured import StructuredOutputParser, StructuredStream, ask_for, parser_for, schema_to_wire


class StructuredRounds(RunnableSerializable[LanguageModelInput, Any]):
    """Asks until the object is there, or nothing is left to try. What to do is decided in `_Rounds`."""

    llm: Any
    answer_type: Any = None
    method: str = "auto"
    strict: bool | None = None
    include_raw: bool = False
    repair: bool = False
    options: dict[str, Any] = Field(default_factory=dict)

    model_config = ConfigDict(arbitrary_types_allowed=True, defer_build=True)

    def invoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Ask, and read the answer. Raises: OxenStructuredOutputError, OxenError."""
        return self._call_with_config(self._invoke, input, config, **kwargs)  # type: ignore[arg-type]

    async def ainvoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """The same, awaited."""
        return await self._acall_with_config(self._ainvoke, input, config, **kwargs)  # type: ignore[arg-type]

    def _invoke(self, prompt: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        rounds = _Rounds(self, prompt)
        while not rounds.over:
            with rounds:
                rounds.judge(rounds.model.invoke(rounds.messages, config, **kwargs))
        return rounds.result

    async def _ainvoke(self, prompt: LanguageModelInput, config: RunnableConfig, **kwargs: Any) -> Any:
        rounds = _Rounds(self, prompt)
        while not rounds.over:
            with rounds:
                rounds.judge(await rounds.model.ainvoke(rounds.messages, config, **kwargs))
        return rounds.result

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """The object as it grows; the last one is checked. A mended answer grows anew."""
        rounds = _Rounds(self, input)
        while not rounds.over:
            progress = StructuredStream(rounds.parser)
            with rounds:
                for piece in rounds.model.stream(rounds.messages, config, **kwargs):
                    yield from rounds.shown(progress, piece)
                rounds.judge(progress.whole())
        yield from progress.rest(rounds.result)

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - core's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """The same, awaited."""
        rounds = _Rounds(self, input)
        while not rounds.over:
            progress = StructuredStream(rounds.parser)
            with rounds:
                async for piece in rounds.model.astream(rounds.messages, config, **kwargs):
                    for value in rounds.shown(progress, piece):
                        yield value
                rounds.judge(progress.whole())
        for value in progress.rest(rounds.result):
            yield value


class _Rounds:
    """One request for an object: what to ask next, and whether it is over. No I/O."""

    def __init__(self, spec: StructuredRounds, prompt: LanguageModelInput) -> None:
        self.over = False
        self.result: Any = None
        self._spec = spec
        self._given = self.messages = _messages(prompt)
        self._ladder = MethodFallback(spec.llm, spec.options.get("model")) if spec.method == "auto" else None
        self._rungs: Iterator[Any] = iter(self._ladder or [spec.method])
        self._repairs = 1 if spec.repair else 0
        self._answered = False
        self._next_rung()

    def judge(self, answer: BaseMessage) -> None:
        """Read an answer: the result, or the next round. Raises: OxenStructuredOutputError, if none is left."""
        assert isinstance(answer, AIMessage)  # noqa: S101 - chat models answer so
        self._answered = True
        judged = self.parser.judged(answer)
        error = judged["parsing_error"]
        succeeded = error is None or self.parser.found_in(answer)
        if self._ladder and succeeded:
            self._ladder.succeeded(self._rung)
        if self._ladder and not succeeded and self._ladder.ignored():
            self._next_rung()
        elif error is not None and self._repairs:
            self._repairs -= 1
            self.messages = [*self.messages, AIMessage(_said(answer)), HumanMessage(correction(error.message))]
        elif error is not None and not self._spec.include_raw:
            raise error
        else:
            self.over = True
            self.result = AddableDict(raw=answer, **judged) if self._spec.include_raw else judged["parsed"]

    def __enter__(self) -> None:
        """One request begins."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """It failed: the next way of asking, if that may help. Returns: whether it may."""
        if self._answered or self._ladder is None or not isinstance(error, OxenError):
            return False
        if not self._ladder.may_go_on(error):
            return False
        self._next_rung()
        return True

    def shown(self, progress: StructuredStream, piece: BaseMessage) -> Iterator[Any]:
        """What can be shown of a piece; with `include_raw` nothing before the end, since rounds do not add up."""
        for value in progress.feed(piece):
            if not self._spec.include_raw:
                yield value

    def _next_rung(self) -> None:
        spec, self._rung = self._spec, next(self._rungs)
        asked = ask_for(spec.answer_type, self._rung, spec.strict)
        self.model: Runnable[LanguageModelInput, AIMessage] = spec.llm.bind(**{**asked, **spec.options})
        self.parser: StructuredOutputParser = parser_for(spec.answer_type, self._rung, include_raw=spec.include_raw)
        self.messages = self._given
        self._answered = False
        if self._ladder and self._rung in ("json_mode", "prompt"):  # the schema is not in the request itself
            schema = json.dumps(schema_to_wire(spec.answer_type)["parameters"], ensure_ascii=False)
            self.messages = [SystemMessage(in_words(schema)), *self._given]


def _said(answer: AIMessage) -> str:
    """What the model wrote, as text: a call that failed cannot be sent back as a call."""
    calls = [json.dumps(call["args"], ensure_ascii=False) for call in answer.tool_calls]
    calls += [call["args"] or "" for call in answer.invalid_tool_calls]
    return str(answer.text) or "\n".join(calls)


def _messages(prompt: LanguageModelInput) -> list[BaseMessage]:
    if isinstance(prompt, PromptValue):
        return prompt.to_messages()
    return [HumanMessage(prompt)] if isinstance(prompt, str) else convert_to_messages(list(prompt))


__all__ = ["OxenStructuredOutputError", "StructuredRounds"]

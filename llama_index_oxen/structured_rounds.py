"""An object in more than one try: other ways of asking, and a round in which the model mends its answer."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.bridge.pydantic import BaseModel, Field
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode

from _oxen_transport.errors import OxenError, OxenStructuredOutputError
from _oxen_transport.structured import MethodFallback, correction, in_words
from llama_index_oxen.structured import Method, StructuredStream, ask_for, found_in, said_in, schema_to_wire, verdict

dispatcher = get_dispatcher(__name__)


class StructuredAnswers(FunctionCallingLLM):
    """The structured family, so that the answer's form is forced on every path, in streams too.

    Core's own (`llama_index/core/program/function_program.py`) forgets the system prompt in `acall`,
    asks for the tool but does not force it in streams, and has no answer for an empty stream.
    """

    structured_method: Method = Field(
        default="function_calling",
        description="How an object is asked for: by a forced tool call, which every tool-calling model can; "
        '"json_schema" and "json_mode" need a server that has them. "auto" tries them from the strictest down, the '
        "prompt alone at last, and remembers for the server and the model what worked.",
    )
    structured_repair: bool = Field(
        default=False, description="If the object does not fit, show the model why and ask once more."
    )

    def structured_predict(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Any:
        """Answer with an object of a pydantic class. Raises: OxenStructuredOutputError, OxenError."""
        if not self._is_ours():
            return super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
        rounds = self._begin(output_cls, prompt, llm_kwargs, prompt_args)
        while not rounds.over:
            with rounds:
                rounds.judge(self.chat(rounds.messages, **rounds.call))
        return _end(rounds)

    async def astructured_predict(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Any:
        """`structured_predict` without blocking."""
        if not self._is_ours():
            return await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
        rounds = self._begin(output_cls, prompt, llm_kwargs, prompt_args)
        while not rounds.over:
            with rounds:
                rounds.judge(await self.achat(rounds.messages, **rounds.call))
        return _end(rounds)

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
        rounds = _Rounds(self, output_cls, self._messages(prompt, prompt_args), llm_kwargs)
        while not rounds.over:
            progress = StructuredStream(output_cls)
            with rounds, closing(self.stream_chat(rounds.messages, **rounds.call)) as stream:
                for response in stream:
                    yield from progress.feed(response)
                rounds.judge(progress.whole())
        yield from progress.rest(rounds.result)

    async def _structured_astream_call(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if not self._is_ours():
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        rounds = _Rounds(self, output_cls, self._messages(prompt, prompt_args), llm_kwargs)

        async def objects() -> AsyncGenerator[Any, None]:
            while not rounds.over:
                progress = StructuredStream(output_cls)
                with rounds:
                    async with aclosing(await self.astream_chat(rounds.messages, **rounds.call)) as stream:
                        async for response in stream:
                            for shown in progress.feed(response):
                                yield shown
                    rounds.judge(progress.whole())
            for shown in progress.rest(rounds.result):
                yield shown

        return objects()

    def _is_ours(self) -> bool:
        """The other modes (text programs, format enforcers) are core's."""
        return self.pydantic_program_mode in (PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION)

    def _messages(self, prompt: PromptTemplate, prompt_args: dict[str, Any]) -> list[ChatMessage]:
        """The prompt's messages, with the system prompt exactly once."""
        return self._extend_messages(prompt.format_messages(llm=self, **prompt_args))

    def _begin(
        self, output_cls: type[Any], prompt: PromptTemplate, llm_kwargs: dict[str, Any] | None, args: dict[str, Any]
    ) -> _Rounds:
        dispatcher.event(LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=args))
        return _Rounds(self, output_cls, self._messages(prompt, args), llm_kwargs)


class _Rounds:
    """One request for an object: what to ask next, and whether it is over. No I/O."""

    def __init__(
        self, llm: Any, output_cls: type[BaseModel], messages: list[ChatMessage], llm_kwargs: dict[str, Any] | None
    ) -> None:
        self.over = False
        self.result: Any = None
        self._output_cls = output_cls
        self._given = self.messages = messages
        chosen = ("tool_required", "tool_choice", "allow_parallel_tool_calls")
        self._further = {name: value for name, value in (llm_kwargs or {}).items() if name not in chosen}
        method = llm.structured_method
        self._ladder = MethodFallback(llm, self._further.get("model")) if method == "auto" else None
        self._rungs: Iterator[Any] = iter(self._ladder or [method])
        self._repairs = 1 if llm.structured_repair else 0
        self._answered = False
        self._next_rung()

    def judge(self, response: ChatResponse) -> None:
        """Read an answer: the result, or the next round. Raises: OxenStructuredOutputError, if none is left."""
        self._answered = True
        error: OxenStructuredOutputError | None = None
        try:
            self.result = verdict(response, self._output_cls)
        except OxenStructuredOutputError as failure:
            error = failure
        succeeded = error is None or found_in(response)
        if self._ladder and succeeded:
            self._ladder.succeeded(self._rung)
        if self._ladder and not succeeded and self._ladder.ignored():
            self._next_rung()
        elif error is not None and self._repairs:
            self._repairs -= 1
            mend = ChatMessage(role=MessageRole.USER, content=correction(error.message))
            said = ChatMessage(role=MessageRole.ASSISTANT, content=said_in(response))
            self.messages = [*self.messages, said, mend]
        elif error is not None:
            raise error
        else:
            self.over = True

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

    def _next_rung(self) -> None:
        self._rung = next(self._rungs)
        self.call = {**self._further, **ask_for(self._output_cls, self._rung)}
        self.messages = self._given
        self._answered = False
        if self._rung in ("json_mode", "prompt"):  # the schema is not in the request itself
            schema = json.dumps(schema_to_wire(self._output_cls)["parameters"], ensure_ascii=False)
            self.messages = [ChatMessage(role=MessageRole.SYSTEM, content=in_words(schema)), *self._given]


def _end(rounds: _Rounds) -> Any:
    dispatcher.event(LLMStructuredPredictEndEvent(output=rounds.result))
    return rounds.result

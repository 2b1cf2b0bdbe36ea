"""What LlamaIndex's observers see: events, callbacks, permits and token counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.core.rate_limiter import BaseRateLimiter
from llama_index.core.tools import FunctionTool

from llama_index_oxen.testing.conformance.base import METHODS, LLMTests, ask, collect, text_of
from llama_index_oxen.testing.conformance.server import Reply, Request
from llama_index_oxen.testing.conformance.structured import BOB, PREDICT, Person, obliging
from llama_index_oxen.testing.conformance.wire import TEXT, answer, pieces, stream, whole


class EventTests(LLMTests):
    """One call is one pair of events and one permit."""

    @pytest.mark.parametrize("method", METHODS)
    def test_one_call_is_one_pair_of_events(self, method: str, events: list[Any]) -> None:
        llm, _ = self.llm(answer())
        ask(llm, method)
        kind = "LLMCompletion" if "complete" in method else "LLMChat"
        names = [event.class_name() for event in events if "InProgress" not in event.class_name()]
        assert [name for name in names if name.startswith("LLM")] == [f"{kind}StartEvent", f"{kind}EndEvent"]

    @pytest.mark.parametrize("method", METHODS)
    def test_the_last_event_has_the_whole_answer(self, method: str, events: list[Any]) -> None:
        llm, _ = self.llm(answer())
        ask(llm, method)
        last = [event for event in events if event.class_name().endswith("EndEvent")][-1]
        assert text_of(last.response) == TEXT

    @pytest.mark.parametrize("method", METHODS)
    def test_one_call_takes_one_permit(self, method: str) -> None:
        permits = []

        class Limiter(BaseRateLimiter):
            def acquire(self, num_tokens: int = 0) -> None:
                permits.append("sync")

            async def async_acquire(self, num_tokens: int = 0) -> None:
                permits.append("async")

        llm, _ = self.llm(answer())
        llm.rate_limiter = Limiter()
        ask(llm, method)
        assert permits == ["async" if method.startswith("a") else "sync"]

    def test_the_first_event_names_the_model(self, events: list[Any]) -> None:
        llm, _ = self.llm(answer())
        ask(llm, "chat")
        start = next(event for event in events if event.class_name() == "LLMChatStartEvent")
        assert self.llm_params["model"] in str(start.model_dict)


class AccountingTests(LLMTests):
    """`TokenCountingHandler` says what the server said."""

    def counted(self, *script: Any, **more: Any) -> tuple[Any, TokenCountingHandler, list[tuple[int, int]]]:
        """The LLM, a counter, and the server's own figures: others with every request."""
        told: list[tuple[int, int]] = []
        inner = script[0]

        def reply(request: Request) -> Reply:
            usage = {"prompt_tokens": 100 + len(told), "completion_tokens": 7, "total_tokens": 107 + len(told)}
            told.append((usage["prompt_tokens"], usage["completion_tokens"]))
            return inner(request, usage)  # type: ignore[no-any-return]

        counter = TokenCountingHandler()
        llm, _ = self.llm(reply, **more)
        llm.callback_manager = CallbackManager([counter])
        return llm, counter, told

    def _answer(self, request: Request, usage: dict[str, Any]) -> Reply:
        if not request.wants_stream:
            return Reply(whole(usage=usage))
        return stream(request, pieces(), usage)

    def _object(self, request: Request, usage: dict[str, Any]) -> Reply:
        if not request.wants_stream:
            return Reply({**obliging(BOB)(request).body, "usage": usage})
        if tools := request.body.get("tools"):
            calls = [("AbC123xyZ", tools[0]["function"]["name"], BOB)]
            return stream(request, pieces(calls=calls, variant=request.dialect.calls), usage)
        return stream(request, pieces([json.dumps(BOB)]), usage)

    def counts(self, counter: TokenCountingHandler) -> list[tuple[int, int]]:
        return [(one.prompt_token_count, one.completion_token_count) for one in counter.llm_token_counts]

    @pytest.mark.parametrize("method", METHODS)
    def test_each_method_is_counted_once(self, method: str) -> None:
        if "stream" in method:
            self.skip_without("has_usage_in_streams")
        llm, counter, told = self.counted(self._answer)
        ask(llm, method)
        assert self.counts(counter) == told

    @pytest.mark.parametrize("method", PREDICT)
    def test_structured_prediction_is_counted_once(self, method: str) -> None:
        self.skip_without("has_structured_output")
        if "stream" in method:
            self.skip_without("has_usage_in_streams")
        llm, counter, told = self.counted(self._object)
        collect(getattr(llm, method), Person, PromptTemplate("Who is Bob?"))
        assert self.counts(counter) == told

    def test_a_mixed_run_adds_up(self) -> None:
        self.skip_without("has_usage_in_streams")
        llm, counter, told = self.counted(self._answer)

        def look(place: str) -> str:
            """Look at a place."""
            return place

        for _ in range(3):
            for method in METHODS:
                ask(llm, method)
            if self.has_tools:
                list(llm.stream_chat_with_tools([FunctionTool.from_defaults(look)], "Look."))
        assert counter.total_llm_token_count == sum(map(sum, told))

    def test_no_usage_is_no_error(self) -> None:
        llm, _ = self.llm(answer(usage=None))
        for method in METHODS:
            assert text_of(ask(llm, method)[-1]) == TEXT

"""Tools: what is asked, what comes back, and what must never run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool

from llama_index_oxen.testing.conformance.base import BLUNDERS, QUESTION, LLMTests, calls_of, collect, user
from llama_index_oxen.testing.conformance.server import Reply
from llama_index_oxen.testing.conformance.wire import DONE, VARIANTS, answer, event, piece, whole

PARIS = ("AbC123xy1", "weather", {"city": "Paris"})
ROME = ("AbC123xy2", "weather", {"city": "Rome"})
NAMED = {"type": "function", "function": {"name": "weather"}}
WITH_TOOLS = ("chat_with_tools", "achat_with_tools", "stream_chat_with_tools", "astream_chat_with_tools")


class ToolTests(LLMTests):
    """Calling tools."""

    needs = ("has_tools",)

    @property
    def tool(self) -> FunctionTool:
        """A tool that notes when it runs."""

        def weather(city: str) -> str:
            """Tell the weather of a city."""
            self.ran.append(city)
            return f"18 degrees in {city}"

        return FunctionTool.from_defaults(weather)

    @pytest.mark.parametrize("method", WITH_TOOLS)
    def test_the_tool_is_offered_in_openais_form(self, method: str) -> None:
        llm, stage = self.llm(answer())
        collect(getattr(llm, method), [self.tool], QUESTION)
        [tool] = stage.bodies[0]["tools"]
        assert tool["type"] == "function"
        assert tool["function"]["name"] == "weather"
        assert "city" in tool["function"]["parameters"]["properties"]

    @pytest.mark.parametrize("method", WITH_TOOLS)
    def test_a_call_comes_back(self, method: str) -> None:
        llm, _ = self.llm(answer(calls=[PARIS]))
        response = collect(getattr(llm, method), [self.tool], QUESTION)[-1]
        [call] = llm.get_tool_calls_from_response(response)
        assert (call.tool_id, call.tool_name, call.tool_kwargs) == PARIS
        assert len(calls_of(response)) == 1

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_two_calls_at_once_in_a_stream(self, variant: str) -> None:
        self.skip_unless_read(variant)
        llm, _ = self.llm(answer(calls=[PARIS, ROME], variant=variant))
        *_, last = llm.stream_chat_with_tools([self.tool], QUESTION, allow_parallel_tool_calls=True)
        made = llm.get_tool_calls_from_response(last)
        assert [(call.tool_id, call.tool_name, call.tool_kwargs) for call in made] == [PARIS, ROME]

    @pytest.mark.parametrize("method", WITH_TOOLS)
    def test_calls_are_plain_data_beside_the_message(self, method: str) -> None:
        """Chat stores write `additional_kwargs` as JSON."""
        llm, _ = self.llm(answer(calls=[PARIS]))
        response = collect(getattr(llm, method), [self.tool], QUESTION)[-1]
        json.dumps(response.message.additional_kwargs)

    @pytest.mark.parametrize("method", WITH_TOOLS)
    def test_tool_required_is_sent(self, method: str) -> None:
        llm, stage = self.llm(answer(calls=[PARIS]))
        collect(getattr(llm, method), [self.tool], QUESTION, tool_required=True)
        assert stage.bodies[0].get("tool_choice") in ("required", "any", NAMED)

    @pytest.mark.parametrize("method", WITH_TOOLS)
    def test_a_tool_chosen_by_its_name_is_sent(self, method: str) -> None:
        llm, stage = self.llm(answer(calls=[PARIS]))
        collect(getattr(llm, method), [self.tool], QUESTION, tool_choice="weather")
        assert stage.bodies[0].get("tool_choice") == NAMED

    def test_one_call_where_several_were_not_asked_for(self) -> None:
        llm, _ = self.llm(answer(calls=[PARIS, ROME]))
        assert "Paris" in llm.predict_and_call([self.tool], QUESTION).response
        assert self.ran == ["Paris"]

    def test_the_callers_history_does_not_grow(self) -> None:
        llm, _ = self.llm(answer())
        history = [user("one")]
        llm.chat_with_tools([self.tool], "two", chat_history=history)
        assert history == [user("one")]

    @pytest.mark.parametrize("method", ["predict_and_call", "apredict_and_call"])
    def test_a_name_the_wire_cannot_hold_comes_back(self, method: str) -> None:
        tool = FunctionTool.from_defaults(self.tool.fn, name="weather[int]")
        llm, stage = self.llm(answer(calls=[("AbC123xyZ", "weather_int_", {"city": "Paris"})]))
        [response] = collect(getattr(llm, method), [tool], QUESTION)
        assert stage.bodies[0]["tools"][0]["function"]["name"] == "weather_int_"
        assert "Paris" in response.response

    @pytest.mark.parametrize("method", ["predict_and_call", "apredict_and_call"])
    def test_an_unknown_tool_is_named(self, method: str) -> None:
        llm, _ = self.llm(answer(calls=[("AbC123xyZ", "launch", {"city": "Paris"})]))
        with pytest.raises(Exception, match="launch") as caught:
            collect(getattr(llm, method), [self.tool], QUESTION)
        assert not isinstance(caught.value, BLUNDERS)
        assert self.ran == []

    @pytest.mark.parametrize("streamed", [False, True], ids=["sent", "streamed"])
    def test_cut_arguments_never_run(self, streamed: bool) -> None:
        half = {
            "index": 0,
            "id": "AbC123xyZ",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Pa'},
        }
        body = whole(calls=[PARIS], finish="length")
        body["choices"][0]["message"]["tool_calls"] = [half]
        chunks = [event(piece({"tool_calls": [half]})), event(piece(None, "length")), DONE]
        llm, _ = self.llm(Reply(pieces=chunks) if streamed else Reply(body))
        method = "stream_chat_with_tools" if streamed else "chat_with_tools"

        def select() -> Any:
            return llm.get_tool_calls_from_response(collect(getattr(llm, method), [self.tool], QUESTION)[-1])

        with pytest.raises(Exception) as caught:  # noqa: PT011 - each package has its own
            select()
        assert not isinstance(caught.value, BLUNDERS)

    def test_a_growing_value_is_shown_as_far_as_it_has_come(self) -> None:
        self.skip_unless_read("pieces")
        llm, _ = self.llm(answer(calls=[("AbC123xyZ", "weather", {"city": "Constantinople"})]))
        shown: list[str | None] = []
        for response in llm.stream_chat_with_tools([self.tool], QUESTION):
            calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
            shown += [call.tool_kwargs.get("city", "") for call in calls]
        assert shown[-1] == "Constantinople"
        assert None not in shown, "a value that is being written became nothing"
        assert any(city and city != "Constantinople" for city in shown)

    def test_results_go_back_with_their_calls(self) -> None:
        llm, stage = self.llm(answer(calls=[PARIS, ROME]), answer())
        first = llm.chat_with_tools([self.tool], QUESTION, allow_parallel_tool_calls=True)
        results = [
            ChatMessage(role="tool", content=f"18 in {city}", additional_kwargs={"tool_call_id": id_})
            for id_, city in ((PARIS[0], "Paris"), (ROME[0], "Rome"))
        ]
        llm.chat([user(QUESTION), first.message, *results])
        asked, called, *answered = stage.bodies[1]["messages"]
        assert asked["role"] == "user"
        assert [call["id"] for call in called["tool_calls"]] == [PARIS[0], ROME[0]]
        assert [json.loads(call["function"]["arguments"]) for call in called["tool_calls"]] == [PARIS[2], ROME[2]]
        assert [(message["role"], message["tool_call_id"]) for message in answered] == [
            ("tool", PARIS[0]),
            ("tool", ROME[0]),
        ]

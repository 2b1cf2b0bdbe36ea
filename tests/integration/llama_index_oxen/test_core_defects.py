"""Core's own bugs: each check fails with core's machinery alone, and passes through `Oxen`.

`CoreAlone` is `Oxen` with core's methods put back in place of ours: the same wire, the same answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM
from llama_index.core.llms.utils import parse_partial_json
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from _oxen_transport.testing import chunk, good, sse, streamed
from llama_index_oxen import Oxen, OxenRateLimiter, OxenStructuredOutputError, OxenTimeoutError, OxenToolCallError
from tests.integration.both_packages.packages import calls, objects_of

T = TypeVar("T")
PROMPT = "Who is {name}?"


class CoreAlone(Oxen):
    """`Oxen` without its shields."""

    structured_predict = LLM.structured_predict
    astructured_predict = LLM.astructured_predict
    _structured_stream_call = LLM._structured_stream_call
    _structured_astream_call = LLM._structured_astream_call
    _validate_chat_with_tools_response = FunctionCallingLLM._validate_chat_with_tools_response
    predict_and_call = FunctionCallingLLM.predict_and_call
    apredict_and_call = FunctionCallingLLM.apredict_and_call

    def _prepare_chat_with_tools(self, tools: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        prepared = super()._prepare_chat_with_tools(tools, *args, **kwargs)
        return {**prepared, "tools": [tool.metadata.to_openai_tool() for tool in tools]}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class Box(BaseModel, Generic[T]):
    """A box."""

    content: T


BOB = calls(("Person", {"name": "Bob", "age": 42}))


def predict(llm: Oxen, way: str, output_cls: type[Any] = Person, **more: Any) -> list[Any]:
    return objects_of(llm, output_cls, way, more)


# -- the bugs: what must hold ------------------------------------------------------------------


def the_async_call_keeps_the_system_prompt(make: Any, kind: type[Oxen]) -> None:
    """`FunctionCallingProgram.acall` does not extend the messages, `__call__` does."""
    llm, stage = make(BOB, system_prompt="Be exact.", kind=kind)
    predict(llm, "async")
    assert [message["role"] for message in stage.bodies[0]["messages"]] == ["system", "user"]


def streams_force_the_tool(make: Any, kind: type[Oxen]) -> None:
    """`FunctionCallingProgram.stream_call` and `astream_call` do not hand `tool_required` on."""
    for way in ("stream", "astream"):
        llm, stage = make(BOB, kind=kind)
        predict(llm, way)
        assert stage.bodies[0]["tool_choice"] == "required"


def an_empty_stream_is_a_clear_error(make: Any, kind: type[Oxen]) -> None:
    """`stream_structured_predict` uses its loop's variable after the loop: https://github.com/run-llama/llama_index/issues/23134"""

    class Mute(kind):  # type: ignore[misc, valid-type]
        def _stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            yield from ()

        async def _astream_chat(self, messages: Any, **kwargs: Any) -> Any:
            async def nothing() -> Any:
                for one in ():
                    yield one

            return nothing()

    for way in ("stream", "astream"):
        llm, _ = make(good, kind=Mute)
        with pytest.raises(OxenStructuredOutputError, match="no answer"):
            predict(llm, way)


def a_generic_class_is_found_again(make: Any, kind: type[Oxen]) -> None:
    """`to_openai_tool` rewrites the name, `call_tool_with_selection` looks for the one before: KeyError 'Box_int_'."""
    for way in ("sync", "async"):
        llm, _ = make(calls(("Box_int_", {"content": 7})), kind=kind)
        assert predict(llm, way, Box[int]) == [Box[int](content=7)]


def an_unknown_tool_is_named(make: Any, kind: type[Oxen]) -> None:
    """`call_tool_with_selection` lets out the dictionary's bare KeyError."""
    llm, _ = make(calls(("launch", {"city": "Paris"})), kind=kind)
    for ask in (llm.predict_and_call, lambda *given: asyncio.run(llm.apredict_and_call(*given))):
        with pytest.raises(OxenToolCallError, match="asks for a tool 'launch'"):
            ask([FunctionTool.from_defaults(weather)], "hi")


def two_calls_where_one_was_wanted_are_one(make: Any, kind: type[Oxen]) -> None:
    """`predict_and_call` answers two outputs with `ValueError("Invalid")`."""
    llm, _ = make(calls(("weather", {"city": "Paris"}), ("weather", {"city": "Rome"})), kind=kind)
    assert llm.predict_and_call([FunctionTool.from_defaults(weather)], "hi").response == "18 degrees in Paris"


def a_stream_ends_in_the_class_or_in_an_error(make: Any, kind: type[Oxen]) -> None:
    """`process_streaming_objects` logs a warning, and the last object is of a class where everything is optional."""
    for way in ("stream", "astream"):
        llm, _ = make(calls(("Person", {"name": "Bob", "age": "old"})), kind=kind)
        with pytest.raises(OxenStructuredOutputError, match="age"):
            predict(llm, way)


def words_in_a_stream_are_an_error(make: Any, kind: type[Oxen]) -> None:
    """Core's stream warns "Failed to parse streaming response" for each piece, and ends without an object."""
    llm, _ = make(good, kind=kind)
    with pytest.raises(OxenStructuredOutputError, match="The ox"):
        predict(llm, "stream")


def the_callers_arguments_stay_as_they_are(make: Any, kind: type[Oxen]) -> None:
    """`FunctionCallingProgram` pops what it does not want out of the caller's own dictionary."""
    given = {"temperature": 0.5, "tool_choice": "auto"}
    llm, _ = make(BOB, kind=kind)
    predict(llm, "sync", llm_kwargs=given)
    assert given == {"temperature": 0.5, "tool_choice": "auto"}


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 degrees in {city}"


BUGS: dict[Callable[..., None], type[BaseException]] = {
    the_async_call_keeps_the_system_prompt: AssertionError,
    streams_force_the_tool: AssertionError,
    an_empty_stream_is_a_clear_error: UnboundLocalError,
    a_generic_class_is_found_again: KeyError,
    an_unknown_tool_is_named: KeyError,
    two_calls_where_one_was_wanted_are_one: ValueError,
    a_stream_ends_in_the_class_or_in_an_error: pytest.fail.Exception,
    words_in_a_stream_are_an_error: pytest.fail.Exception,
    the_callers_arguments_stay_as_they_are: AssertionError,
}
"""What must hold, and what core alone makes of it."""


@pytest.mark.parametrize("holds", BUGS, ids=lambda check: check.__name__)
def test_through_oxen_it_holds(make: Any, holds: Callable[..., None]) -> None:
    holds(make, Oxen)


@pytest.mark.parametrize("holds", BUGS, ids=lambda check: check.__name__)
def test_with_core_alone_it_does_not(make: Any, holds: Callable[..., None]) -> None:
    """When this fails, core has fixed the bug, and the shield can go."""
    with pytest.raises(BUGS[holds]):
        holds(make, CoreAlone)


# -- partial JSON, and tokens per minute: not a method of the class ------------------------------

TYPED = '{"city": "Par'


def test_core_erases_the_value_that_is_being_written() -> None:
    """https://github.com/run-llama/llama_index/pull/22580"""
    assert parse_partial_json(TYPED) == {"city": None}


def test_oxen_shows_it_as_far_as_it_has_come(make: Any) -> None:
    piece = {"index": 0, "id": "AbC123xyZ", "function": {"name": "weather", "arguments": TYPED}}
    rest = {"index": 0, "function": {"arguments": 'is"}'}}
    body = sse([chunk({"tool_calls": [piece]}), chunk({"tool_calls": [rest]}), chunk(None, "tool_calls")])
    llm, _ = make(streamed(body))
    first, *_, last = llm.stream_chat_with_tools([FunctionTool.from_defaults(weather)], "hi")
    assert llm.get_tool_calls_from_response(first)[0].tool_kwargs == {"city": "Par"}
    assert llm.get_tool_calls_from_response(last)[0].tool_kwargs == {"city": "Paris"}


def test_cores_tokens_per_minute_do_nothing(make: Any) -> None:
    """The decorators call `acquire()` without a count (`llama_index/core/llms/callbacks.py`)."""
    limiter = TokenBucketRateLimiter(tokens_per_minute=6)
    llm, stage = make(good, rate_limiter=limiter)
    for _ in range(5):
        llm.complete("What does the ox do?")  # 19 tokens each, 6 a minute
    assert len(stage.requests) == 5
    assert limiter._token_tokens == 6


def test_oxens_tokens_per_minute_hold(make: Any) -> None:
    limiter = OxenRateLimiter(tokens_per_minute=6)
    llm, stage = make(good, rate_limiter=limiter, total_timeout=10)
    llm.complete("What does the ox do?")
    with pytest.raises(OxenTimeoutError, match="rate limiter"):
        llm.complete("What does the ox do?")
    assert len(stage.requests) == 1

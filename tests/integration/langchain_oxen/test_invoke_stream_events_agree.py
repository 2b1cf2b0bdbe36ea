"""One answer in four ways: `invoke`, a merged stream, `output_version="v1"` and v3 events say the same.

Every recorded stream and every body in tests/replies goes through all of them, sync and async, and
so do answers made at random.
"""

from __future__ import annotations

import asyncio
import functools
import json
import operator
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from _oxen_transport.testing import Server, chunk, completion, good, reply, sse, streamed
from langchain_oxen import ChatOxen, OxenError
from tests.tables import each_row
from tools.support.recorded import REPLIES, recorded

STREAMS = sorted(path.name for path in REPLIES.glob("*stream*.http"))
BODIES = sorted(path.name for path in REPLIES.glob("*.http") if "stream" not in path.name and "error" not in path.name)


class Answers:
    """All the ways to one answer; each gives a message, or the error's class."""

    def __init__(self, url: str) -> None:
        self.v0 = ChatOxen(base_url=url, max_retries=0)
        self.v1 = ChatOxen(base_url=url, max_retries=0, output_version="v1")

    def streamed(self) -> dict[str, Any]:
        return {
            "stream": _try(lambda: _sum(self.v0.stream("moo"))),
            "stream v1": _try(lambda: _sum(self.v1.stream("moo"))),
            "invoke streaming": _try(lambda: self.v0.invoke("moo", stream=True)),
            "v3": _try(lambda: _events(self.v0)),
            "astream": _try(lambda: asyncio.run(_asum(self.v0))),
            "astream v1": _try(lambda: asyncio.run(_asum(self.v1))),
            "v3 async": _try(lambda: asyncio.run(_aevents(self.v0))),
        }

    def sent(self) -> dict[str, Any]:
        return {
            "invoke": _try(lambda: self.v0.invoke("moo")),
            "invoke v1": _try(lambda: self.v1.invoke("moo")),
            "ainvoke": _try(lambda: asyncio.run(self.v0.ainvoke("moo"))),
            "ainvoke v1": _try(lambda: asyncio.run(self.v1.ainvoke("moo"))),
        }


@each_row("name", STREAMS)
def test_recorded_streams_say_the_same_in_every_way(server: Server, name: str) -> None:
    _all_equal(Answers(server.stage(recorded(name)).url).streamed())


@each_row("name", BODIES)
def test_recorded_bodies_say_the_same_in_every_way(server: Server, name: str) -> None:
    """A body also answers a stream: some providers ignore `stream`."""
    answers = Answers(server.stage(recorded(name)).url)
    _all_equal({**answers.sent(), **answers.streamed()})


ARGUMENTS = st.one_of(
    st.dictionaries(st.text(max_size=6), st.one_of(st.integers(-9, 9), st.text(max_size=6), st.none()), max_size=3).map(
        json.dumps
    ),
    st.sampled_from(['{"a": 1', "[1, 2]", "null", "", '"text"', "nonsense", "7", '{"a": {"b": [1]}}', "{}"]),
)
ANSWERS = st.fixed_dictionaries(
    {
        "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        "reasoning": st.text("abc ü", max_size=12),
        "refusal": st.sampled_from(["", "", "", "I will not."]),
        "calls": st.lists(st.tuples(st.sampled_from(["add", "ox_cart"]), ARGUMENTS), max_size=3),
        "usage": st.one_of(st.none(), st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 9))),
        "reason": st.sampled_from(["stop", "length", "tool_calls"]),
        "size": st.integers(1, 9),
    }
)


@settings(max_examples=60, deadline=None)
@given(answer=ANSWERS)
def test_any_answer_says_the_same_in_every_way(server: Server, answer: dict[str, Any]) -> None:
    sent = Answers(server.stage(reply(_body(answer))).url).sent()
    common = _all_equal({**sent, **Answers(server.stage(streamed(sse(_pieces(answer)))).url).streamed()})
    assert isinstance(common, dict)
    assert len(common["tool_calls"]) + len(common["invalid_tool_calls"]) == len(answer["calls"])


def test_the_translator_is_registered() -> None:
    """Core's best guess forgets a call that cannot run; ours does not."""
    message = AIMessage(
        "moo",
        invalid_tool_calls=[{"type": "invalid_tool_call", "id": "1", "name": "f", "args": "{", "error": "cut"}],
        response_metadata={"model_provider": "oxen"},
    )
    assert [block["type"] for block in message.content_blocks] == ["text", "invalid_tool_call"]


def test_blocks_stay_apart_while_the_stream_runs(server: Server) -> None:
    """Core joins blocks of equal index: text 0 and call 0 would become one."""
    calls = _calls({"calls": [("f", '{"a": '), ("f", '{"a": ')]})
    parts = [chunk("moo"), *(chunk({"tool_calls": [call]}) for call in calls), chunk(" moo"), chunk(None, "stop")]
    model = ChatOxen(base_url=server.stage(streamed(sse(parts))).url, output_version="v1")
    *growing, _ = list(model.stream("moo"))
    blocks = _sum(growing).content
    assert [(block["type"], block.get("text") or block.get("args")) for block in blocks] == [
        ("text", "moo moo"),
        ("tool_call_chunk", '{"a": '),
        ("tool_call_chunk", '{"a": '),
    ]


def test_v3_is_native_and_shares_its_id_with_the_callbacks(server: Server) -> None:
    model = ChatOxen(base_url=server.stage(good).url)
    stream = model.stream_events("moo", version="v3")
    first = next(iter(stream))
    assert first["metadata"] == {"provider": "oxen", "model": "open-mixtral-8x22b"}
    assert first["id"] == stream.output.id
    assert first["id"].startswith("lc_run-")


def test_v3_arguments_that_are_no_object_never_become_a_call(server: Server) -> None:
    """Core's own bridge takes any JSON there (`finalize_tool_call_chunk`)."""
    call = {"index": 0, "id": "AbC123xyZ", "function": {"name": "f", "arguments": "[1]"}}
    stage = server.stage(streamed(sse([chunk({"tool_calls": [call]}), chunk(None, "tool_calls")])))
    message = ChatOxen(base_url=stage.url).stream_events("moo", version="v3").output
    assert message.tool_calls == []
    assert message.invalid_tool_calls[0]["args"] == "[1]"


# -- the ways --------------------------------------------------------------------------------


def _try(ask: Any) -> Any:
    try:
        return _plain(ask())
    except OxenError as error:
        return type(error).__name__


def _sum(stream: Iterable[Any]) -> Any:
    return functools.reduce(operator.add, stream)


async def _asum(model: ChatOxen) -> Any:
    return _sum([piece async for piece in model.astream("moo")])


def _events(model: ChatOxen) -> AIMessage:
    stream = model.stream_events("moo", version="v3")
    assert_valid_event_stream(list(stream))
    return stream.output


async def _aevents(model: ChatOxen) -> AIMessage:
    stream = await model.astream_events("moo", version="v3")
    assert_valid_event_stream([event async for event in stream])
    return await stream.output


def _plain(message: AIMessage) -> dict[str, Any]:
    if isinstance(message, AIMessageChunk):
        assert message.chunk_position == "last"
    alike = ("tool_calls", "invalid_tool_calls", "usage_metadata", "additional_kwargs")
    return {
        "text": str(message.text),
        "blocks": _blocks(message),
        "metadata": {key: value for key, value in message.response_metadata.items() if key != "output_version"},
        **{name: getattr(message, name) for name in alike},
    }


def _blocks(message: AIMessage) -> list[Any]:
    """The blocks without core's index, in one order: events come in the order of arrival."""
    order = ("reasoning", "text", "refusal", "tool_call", "invalid_tool_call")
    blocks: list[dict[str, Any]] = [dict(block) for block in message.content_blocks]
    for block in blocks:
        block.pop("index", None)
        if block["type"] == "non_standard":  # core's v3 stream knows no refusals
            block.update(block.pop("value"))
    return sorted(blocks, key=lambda block: order.index(block["type"]))


def _all_equal(answers: dict[str, Any]) -> Any:
    first_name, first = next(iter(answers.items()))
    for name, other in answers.items():
        assert other == first, f"{name} is not as {first_name}"
    return first


# -- answers made at random ------------------------------------------------------------------


def _calls(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"index": at, "id": f"call{at:05}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(answer["calls"])
    ]


def _usage(answer: dict[str, Any]) -> dict[str, Any] | None:
    if answer["usage"] is None:
        return None
    prompt, words, cached = answer["usage"]
    usage = {"prompt_tokens": prompt, "completion_tokens": words, "total_tokens": prompt + words}
    return {**usage, "prompt_tokens_details": {"cached_tokens": cached}}


def _body(answer: dict[str, Any]) -> dict[str, Any]:
    body = completion(answer["text"], usage=_usage(answer), finish_reason=answer["reason"])
    message = body["choices"][0]["message"]
    message.update(reasoning_content=answer["reasoning"], refusal=answer["refusal"] or None, tool_calls=_calls(answer))
    return body


def _pieces(answer: dict[str, Any]) -> list[Any]:
    """The same answer in pieces of a few characters each."""
    size = answer["size"]

    def cut(text: str) -> list[str]:
        return [text[at : at + size] for at in range(0, len(text), size)]

    made = [chunk({"role": "assistant", "content": ""})]
    made += [chunk({"reasoning_content": piece}) for piece in cut(answer["reasoning"])]
    made += [chunk(piece) for piece in cut(answer["text"])]
    made += [chunk({"refusal": piece}) for piece in cut(answer["refusal"])]
    for call in _calls(answer):
        first, *rest = cut(call["function"]["arguments"]) or [""]
        made.append(chunk({"tool_calls": [{**call, "function": {**call["function"], "arguments": first}}]}))
        made += [chunk({"tool_calls": [{"index": call["index"], "function": {"arguments": piece}}]}) for piece in rest]
    made.append(chunk(None, answer["reason"]))
    usage = _usage(answer)
    return [*made, {**chunk(), "choices": [], "usage": usage}] if usage else made

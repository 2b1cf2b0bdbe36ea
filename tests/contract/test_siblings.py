"""One conversation through both packages is one request, to the byte."""

# ruff: noqa: E501 - one message a line

from __future__ import annotations

import base64

import langchain_core.messages as lc
import pytest
from llama_index.core.base.llms import types as li
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

import langchain_oxen
import llama_index_oxen
from _oxen_transport.errors import OxenStructuredOutputError
from _oxen_transport.model import OxenModelMixin
from _oxen_transport.testing import completion, good, reply
from tests.tables import each_row

DATA = base64.b64encode(b"bytes").decode()
CALL = {"id": "AbC123xyZ", "name": "weather", "args": {"city": "Łódź", "days": 2}, "type": "tool_call"}


def block(**kwargs):
    return li.ToolCallBlock(tool_call_id=CALL["id"], tool_name=CALL["name"], tool_kwargs=CALL["args"], **kwargs)


CONVERSATIONS = {
    "a question": ([lc.HumanMessage("hi")], [li.ChatMessage(content="hi")]),
    "every role": (
        [lc.SystemMessage("s"), lc.HumanMessage("u"), lc.AIMessage("a"), lc.HumanMessage("u2")],
        [li.ChatMessage(role=role, content=text) for role, text in zip(("system", "user", "assistant", "user"), ("s", "u", "a", "u2"), strict=True)],
    ),
    "texts": (
        [lc.HumanMessage([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])],
        [li.ChatMessage(role="user", blocks=[li.TextBlock(text="one"), li.TextBlock(text="two")])],
    ),
    "tools": (
        [
            lc.HumanMessage("weather?"),
            lc.AIMessage("", tool_calls=[CALL]),
            lc.ToolMessage("18", tool_call_id="AbC123xyZ"),
        ],
        [
            li.ChatMessage(content="weather?"),
            li.ChatMessage(role="assistant", blocks=[block()]),
            li.ChatMessage(role="tool", content="18", additional_kwargs={"tool_call_id": "AbC123xyZ"}),
        ],
    ),
    "text beside a call": (
        [lc.HumanMessage("w?"), lc.AIMessage("let me see", tool_calls=[CALL]), lc.ToolMessage("18", tool_call_id="AbC123xyZ")],
        [
            li.ChatMessage(content="w?"),
            li.ChatMessage(role="assistant", blocks=[li.TextBlock(text="let me see"), block()]),
            li.ChatMessage(role="tool", content="18", additional_kwargs={"tool_call_id": "AbC123xyZ"}),
        ],
    ),
    "a foreign id, an orphan, system late": (
        [
            lc.AIMessage("", tool_calls=[{**CALL, "id": "call_0123456789"}]),
            lc.ToolMessage("18", tool_call_id="call_0123456789"),
            lc.ToolMessage("lost", tool_call_id="nobody"),
            lc.SystemMessage("late"),
        ],
        [
            li.ChatMessage(role="assistant", blocks=[li.ToolCallBlock(tool_call_id="call_0123456789", tool_name="weather", tool_kwargs=CALL["args"])]),
            li.ChatMessage(role="tool", content="18", additional_kwargs={"tool_call_id": "call_0123456789"}),
            li.ChatMessage(role="tool", content="lost", additional_kwargs={"tool_call_id": "nobody"}),
            li.ChatMessage(role="system", content="late"),
        ],
    ),
    "OpenAI's old function call": (
        [
            lc.HumanMessage("weather?"),
            lc.AIMessage("", additional_kwargs={"function_call": {"name": "weather", "arguments": '{"city": "Łódź"}'}}),
            lc.FunctionMessage("18", name="weather"),
            lc.FunctionMessage("lost", name="nobody"),
        ],
        [
            li.ChatMessage(content="weather?"),
            li.ChatMessage(role="assistant", content="", additional_kwargs={"function_call": {"name": "weather", "arguments": '{"city": "Łódź"}'}}),
            li.ChatMessage(role="function", content="18", additional_kwargs={"name": "weather"}),
            li.ChatMessage(role="tool", content="lost", additional_kwargs={"name": "nobody"}),
        ],
    ),
    "an image": (
        [lc.HumanMessage([{"type": "text", "text": "see"}, {"type": "image", "base64": DATA, "mime_type": "image/png"}])],
        [li.ChatMessage(role="user", blocks=[li.TextBlock(text="see"), li.ImageBlock(image=b"bytes", image_mimetype="image/png")])],
    ),
}  # fmt: skip


@pytest.fixture
def pair(server):
    def made(attempt=good, **options):
        stages = [server.stage(attempt), server.stage(attempt)]
        options = {"api_key": "k", **options}
        return (
            langchain_oxen.ChatOxen(base_url=stages[0].url, **options),
            llama_index_oxen.Oxen(base_url=stages[1].url, **options),
            stages,
        )

    return made


@each_row("streams", [False, True])
@each_row("name", CONVERSATIONS)
def test_one_conversation_is_one_request(pair, name, streams):
    options = {"temperature": 0.5, "max_tokens": 9, "seed": 1, "stop": ["x"]}
    model, llm, stages = pair(model="gpt-like" if "image" in name else "open-mixtral-8x22b", **options)
    ours, theirs = CONVERSATIONS[name]
    if streams:
        list(model.stream(ours))
        list(llm.stream_chat(theirs))
    else:
        model.invoke(ours)
        llm.chat(theirs)
    [one], [other] = (stage.requests for stage in stages)
    assert one.body == other.body
    ignored = ("host", "x-")
    assert {k: v for k, v in one.headers.items() if not k.startswith(ignored)} == {
        k: v for k, v in other.headers.items() if not k.startswith(ignored)
    }


def test_one_answer_is_sent_back_as_one_request(pair):
    model, llm, stages = pair()
    answer = model.invoke("hi")
    response = llm.chat([li.ChatMessage(content="hi")])
    model.invoke([lc.HumanMessage("hi"), answer, lc.HumanMessage("more")])
    llm.chat([li.ChatMessage(content="hi"), response.message, li.ChatMessage(content="more")])
    assert stages[0].requests[1].body == stages[1].requests[1].body


def test_per_call_parameters_are_the_same(pair):
    model, llm, stages = pair()
    call = {"temperature": 0.1, "extra_body": {"safe_prompt": True}, "response_format": {"type": "json_object"}}
    model.invoke("hi", **call)
    llm.complete("hi", **call)
    assert stages[0].requests[0].body == stages[1].requests[0].body


def test_both_have_the_same_knobs():
    for cls in (langchain_oxen.ChatOxen, llama_index_oxen.Oxen):
        assert set(OxenModelMixin.model_fields) | {"streaming"} <= set(cls.model_fields)


def test_the_forced_tool_of_a_schema_is_the_same(pair):
    class Person(BaseModel):
        """A person."""

        name: str

    model, llm, stages = pair()
    for ask in (
        lambda: model.with_structured_output(Person).invoke("hi"),
        lambda: llm.structured_predict(Person, PromptTemplate("hi")),
    ):
        with pytest.raises(OxenStructuredOutputError, match="Person"):
            ask()
    bodies = [stage.bodies[0] for stage in stages]
    assert bodies[0]["tool_choice"] == bodies[1]["tool_choice"]
    names = [body["tools"][0]["function"]["name"] for body in bodies]
    assert names == ["Person", "Person"]


@pytest.mark.parametrize(
    "answer",
    [
        completion(tool_calls=[("AbC123xyZ", "Person", {"name": 7})]),
        completion(tool_calls=[("AbC123xyZ", "Person", ["not an object"])]),
        completion("I do not know.", finish_reason="length"),
    ],
    ids=["invalid", "not an object", "prose"],
)
def test_errors_of_structured_output_hold_the_same_answer(pair, answer):
    class Person(BaseModel):
        """A person."""

        name: str

    model, llm, _ = pair(reply(answer))
    errors = []
    for ask in (
        lambda: model.with_structured_output(Person).invoke("hi"),
        lambda: llm.structured_predict(Person, PromptTemplate("hi")),
    ):
        with pytest.raises(OxenStructuredOutputError) as caught:
            ask()
        errors.append(caught.value)
    assert errors[0].message == errors[1].message
    assert errors[0].partial == errors[1].partial


def test_both_show_the_same_request_as_curl():
    settings = {
        "base_url": "http://127.0.0.1:9/api/ai",
        "api_key": "sk-made-up-key",
        "extra_headers": {"X-Team": "secret-team"},
    }
    chat, llm = langchain_oxen.ChatOxen(**settings), llama_index_oxen.Oxen(**settings)
    shown = chat.to_curl("It's an ox", stream=True, temperature=0.5)
    assert shown == llm.to_curl([li.ChatMessage(role="user", content="It's an ox")], stream=True, temperature=0.5)
    assert "$OXEN_API_KEY" in shown
    assert "made-up" not in shown
    assert "secret-team" not in shown
    assert '"stream": true' in shown

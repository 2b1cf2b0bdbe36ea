"""Answers that fit a schema, through both packages: every way to ask, and every way it goes wrong."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from _oxen_transport.errors import (
    OxenAuthenticationError,
    OxenPaymentRequiredError,
    OxenRefusalError,
    OxenStructuredOutputError,
    OxenTruncatedStreamError,
)
from _oxen_transport.testing import Server, chunks, error_body, reply, sse, streamed, whole
from tests.integration.both_packages.packages import (
    BELLA,
    STREAMS,
    WAYS,
    Ox,
    answers,
    calls,
    each_package,
    langchain,
    says,
)
from tests.tables import each_row
from tools.support.ideal_model import ideal

Shown = Callable[..., list[Any]]
METHODS = ("function_calling", "json_schema", "auto")


class Named(BaseModel):
    """What has a name."""

    name: str


class Tree(BaseModel):
    """A class that refers to itself."""

    children: list[Tree] = []


WRONG, RIGHT = '{"name": "Bella", "age": -7}', '{"name": "Bella", "age": 7}'


@each_row("way", WAYS)
@each_row("method", METHODS)
@each_package
def test_every_way_by_every_method(way: str, method: str, shown: Shown, server: Server) -> None:
    assert shown(server.stage(ideal).url, Ox, way, method)[-1] == BELLA


TEXTS = [
    f"```json\n{RIGHT}\n```",
    f"```\n{RIGHT}```",
    f"\n {RIGHT}\n",
    f"Here it is:\n```json\n{RIGHT}\n```\nI hope that helps.",
    f'<think>{{"name": "Bello"}}?</think>{RIGHT}',
    f"```json\n{RIGHT}\n```\n```python\nprint(ox)\n```",
    f"Sure: {RIGHT}. I hope that helps.",
    f'{{"name": "Bello"}}. No: {RIGHT}',
]


@each_row("way", WAYS)
@each_row("text", TEXTS)
@each_row("method", ["json_schema", "function_calling", "json_mode"])
@each_package
def test_the_object_is_found_beside_other_text(way: str, text: str, method: str, shown: Shown, server: Server) -> None:
    """In a fence, after reasoning, among sentences, and where a call was asked for."""
    stage = server.stage(says(text))
    assert shown(stage.url, Ox, way, method)[-1] == BELLA
    body = stage.bodies[0]
    # LangChain leaves that to the caller
    assert ("JSON schema" in str(body["messages"])) is (method == "json_mode" and shown is not langchain)
    kind = {"json_mode": "json_object", "json_schema": "json_schema", "function_calling": None}[method]
    assert body.get("response_format", {}).get("type") == kind


@each_package
def test_backticks_in_a_string_are_no_fence(shown: Shown, server: Server) -> None:
    url = server.stage(says('{"name": "```", "age": 7}')).url
    assert [shown(url, Ox, way, "json_schema")[-1].name for way in WAYS] == ["```"] * 4


@each_row("method", ["json_schema", "function_calling"])
@each_package
def test_a_class_that_refers_to_itself(method: str, shown: Shown, server: Server) -> None:
    stage = server.stage(says('{"children": [{"children": []}]}'))
    assert shown(stage.url, Tree, "sync", method) == [Tree(children=[Tree()])]
    assert '"$ref":"#/$defs/Tree"' in stage.requests[0].body.decode()


@each_row("way", STREAMS)
@each_package
def test_streams_show_the_object_as_it_grows(way: str, shown: Shown, server: Server) -> None:
    """Never half a number; and the last object is whole, though a long text is read anew only now and then."""
    arguments = {"name": "Bella", "age": 42}
    for attempt in (calls(("Ox", arguments), piece=1), streamed(sse(chunks(list(json.dumps(arguments)))))):
        seen = shown(server.stage(attempt).url, Ox if shown is not langchain else Ox.model_json_schema(), way)
        grown = [one if isinstance(one, dict) else vars(one) for one in seen]
        assert len(seen) > 3
        assert {one.get("age") for one in grown} <= {None, 42}
        assert {one.get("name") for one in grown} >= {"Bell", "Bella"} or shown is not langchain
        assert all("Bella".startswith(one.get("name") or "") for one in grown)
        assert (grown[-1]["name"], grown[-1]["age"]) == ("Bella", 42)
    text = json.dumps({"name": "Bella " * 200 + "the last", "age": 42})
    pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
    last = shown(server.stage(streamed(sse(chunks(pieces)))).url, Ox, way, "json_schema")[-1]
    assert last == Ox(name="Bella " * 200 + "the last", age=42)


# -- answers that do not fit -----------------------------------------------------------------


@each_row("way", WAYS)
@each_row(
    "text, reason, why",
    [
        ('{"name": "Bel', "length", "cut off at max_tokens"),
        ("Bella is seven.", "stop", "Bella is seven"),
        ("[1, 2]", "stop", "no JSON object"),
        ('{"name": "Bella"}', "stop", "age"),
        (WRONG, "stop", "greater than 0"),
        ("", "stop", "no JSON object"),
    ],
)
@each_package
def test_what_does_not_fit_raises_with_what_came(
    way: str, text: str, reason: str, why: str, *, shown: Shown, server: Server
) -> None:
    stage = server.stage(says(text, reason=reason))
    with pytest.raises(OxenStructuredOutputError, match=why) as caught:
        shown(stage.url, Ox, way, "json_schema")
    assert caught.value.partial_text == text
    assert len(stage.requests) == 1, "nothing is asked twice without leave"


@each_row("way", WAYS)
@each_row(
    "arguments, reason, why",
    [('{"name": "Bella", "age": 1', "length", "max_tokens"), ('{"name":"Bella","age":-7}', "stop", "age")],
)
@each_package
def test_arguments_that_are_cut_or_do_not_fit_never_become_an_object(
    way: str, arguments: str, reason: str, why: str, *, shown: Shown, server: Server
) -> None:
    """Core closes the brackets of cut JSON; an order for 1000 oxen must not become one for 1."""
    call = {"index": 0, "id": "AbC123xyZ", "function": {"name": "Ox", "arguments": arguments}}
    stage = server.stage(answers({"tool_calls": [call]}, reason=reason))
    with pytest.raises(OxenStructuredOutputError, match=why) as caught:
        shown(stage.url, Ox, way)
    assert caught.value.partial.tool_calls[0].arguments == arguments


@each_row("way", WAYS)
@each_row("method", METHODS)
@each_package
def test_a_refusal_is_an_error_of_its_own(way: str, method: str, shown: Shown, server: Server) -> None:
    refused = {"refusal": "I do not count oxen."}
    stage = server.stage(answers(refused, {"refusal": "I do not "}, {"refusal": "count oxen."}))
    with pytest.raises(OxenRefusalError, match="I do not count oxen") as caught:
        shown(stage.url, Ox, way, method)
    assert len(stage.requests) == 1, "no other way of asking changes its mind"
    assert type(pickle.loads(pickle.dumps(caught.value))) is type(caught.value)  # noqa: S301 - our own


@each_row("way", STREAMS)
@each_package
def test_an_empty_stream_is_a_clear_error(way: str, shown: Shown, server: Server) -> None:
    with pytest.raises(OxenTruncatedStreamError, match="no answer"):
        shown(server.stage(streamed(sse([]))).url, Ox, way)


# -- a second round ----------------------------------------------------------------------------


@each_row("way", WAYS)
@each_row("method", ["json_schema", "function_calling"])
@each_package
def test_the_model_may_correct_its_answer_once(way: str, method: str, shown: Shown, server: Server) -> None:
    stage = server.stage(says(WRONG, RIGHT))
    assert shown(stage.url, Ox, way, method, repair=True)[-1] == BELLA
    first, second = stage.bodies
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    assert second["messages"][1]["content"] == WRONG
    assert "greater than 0" in second["messages"][2]["content"]
    assert {**first, "messages": 0} == {**second, "messages": 0}
    stubborn = server.stage(says(WRONG))
    with pytest.raises(OxenStructuredOutputError, match="greater than 0"):
        shown(stubborn.url, Ox, way, method, repair=True)
    assert len(stubborn.requests) == 2


@each_row("way", WAYS)
@each_package
def test_a_call_is_corrected_too(way: str, shown: Shown, server: Server) -> None:
    """The arguments go back as text: a call without its result is refused by servers."""
    stage = server.stage(calls(("Ox", {"name": "Bella", "age": 0})), calls(("Ox", {"name": "Bella", "age": 7})))
    assert shown(stage.url, Ox, way, repair=True)[-1] == BELLA
    assert json.loads(stage.bodies[1]["messages"][1]["content"]) == {"name": "Bella", "age": 0}


# -- "auto" ------------------------------------------------------------------------------------


def way_of(body: dict[str, Any]) -> str:
    """Which way of asking a request is."""
    if "response_format" in body:
        return {"json_schema": "json_schema", "json_object": "json_mode"}[body["response_format"]["type"]]
    return "function_calling" if "tools" in body else "prompt"


def picky(*refused: str, ignored: tuple[str, ...] = (), status: int = 400) -> Any:
    """A server that knows only some of the ways: it refuses others, or answers as if they were not there."""

    def attempt(request: Any) -> Any:
        way = way_of(request.json)
        if way in refused:
            return [whole(error_body(f"{way} is not supported by this provider"), status)]
        return says("I like oxen.")(request) if way in ignored else ideal(request)  # type: ignore[operator]

    return attempt


FALLBACK_ORDER = ["json_schema", "function_calling", "json_mode", "prompt"]
FALLBACKS: list[Any] = [
    # the ways that are refused, those that are ignored, those that are tried
    *((FALLBACK_ORDER[:refused], (), FALLBACK_ORDER[: refused + 1]) for refused in range(4)),
    ((), ("json_schema",), FALLBACK_ORDER[:2]),
    (("function_calling",), ("json_schema",), FALLBACK_ORDER[:3]),
]


@each_row("way", WAYS)
@each_row("status", [400, 422])
@each_row("refused, ignored, tried", FALLBACKS)
@each_package
def test_auto_finds_the_way_and_remembers_it(
    way: str, status: int, *, refused: Any, ignored: Any, tried: list[str], shown: Shown, server: Server
) -> None:
    stage = server.stage(picky(*refused, ignored=ignored, status=status))
    assert shown(stage.url, Ox, way, "auto")[-1] == BELLA
    assert [way_of(body) for body in stage.bodies] == tried
    assert shown(stage.url, Named, "sync", "auto") == [Named(name="Bella")], "another object, another schema"
    assert [way_of(body) for body in stage.bodies] == [*tried, tried[-1]]


@each_package
def test_auto_learns_per_server_and_model_and_forgets_what_no_longer_works(shown: Shown, server: Server) -> None:
    poor, rich = server.stage(picky("json_schema")), server.stage(ideal)
    changing = server.stage(ideal, picky("json_schema"))
    for stage in (poor, rich, changing, changing):
        assert shown(stage.url, Ox, "sync", "auto") == [BELLA]
    shown(poor.url, Ox, "sync", "auto", model="mistral-nemo")
    assert [way_of(body) for body in rich.bodies] == ["json_schema"]
    assert [way_of(body) for body in poor.bodies] == ["json_schema", "function_calling"] * 2
    assert [way_of(body) for body in changing.bodies] == ["json_schema", "json_schema", "function_calling"]


@each_package
def test_auto_does_not_hide_other_failures(shown: Shown, server: Server) -> None:
    for status, kind in ((401, OxenAuthenticationError), (402, OxenPaymentRequiredError)):
        stage = server.stage(reply(error_body("no"), status))
        with pytest.raises(kind):
            shown(stage.url, Ox, "sync", "auto")
        assert len(stage.requests) == 1
    stage = server.stage(picky(*FALLBACK_ORDER))
    with pytest.raises(Exception, match="prompt is not supported"):
        shown(stage.url, Ox, "sync", "auto")
    assert len(stage.requests) == 4

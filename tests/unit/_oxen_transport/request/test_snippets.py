"""Requests as text: what is shown is run, and sends what the classes send."""

from __future__ import annotations

import json
import pickle
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from langchain_core.load import dumps, loads
from langchain_core.runnables import ConfigurableField, RunnableBinding
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool

from _oxen_transport.catalogue import known, model_from
from _oxen_transport.errors import OxenConfigError, OxenError, OxenRateLimitError
from _oxen_transport.request.build import build_without_body
from _oxen_transport.request.snippets import SentRequest
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import error_body, good, reply
from _oxen_transport.types import Style
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tests.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _oxen_transport.testing import Server, Stage

KEY = "sk-made-up-0123456789"
STYLES = get_args(Style)
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def look_up(word: str) -> str:
    """Look up a word."""
    return word


CALL = {"id": "AbC123xyZ", "name": "look_up", "args": {"word": "it's $5"}}
HISTORY: list[Any] = [
    ("system", "Be brief."),
    ("human", "look up ox"),
    {"role": "assistant", "content": "", "tool_calls": [{**CALL, "type": "tool_call"}]},
    {"role": "tool", "content": "a bovine", "tool_call_id": "AbC123xyZ"},
]
PICTURE = [
    {"role": "user", "content": [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]}
]
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "what shells and Python read": (
        "it's \"quoted\" $HOME `x` $(x) \\ \\n \n\r\t{braces} %s ''' żółć 🐂\u2028\x7f\x00",
        {},
    ),
    "300 kB": ("ox's \\ \n" * 40_000, {}),
    "half a surrogate pair": ("a\ud83dz", {}),
    "tools and their results": (HISTORY, {"tools": [FunctionTool.from_defaults(look_up).metadata.to_openai_tool()]}),
    "an image": (PICTURE, {"model": "gpt-5"}),
    "fields of the server's own": ("x", {"extra_body": {"top_k": 5, "none": None, "temperature": 9, "stop": []}}),
    "every parameter": ("x", {"temperature": 0.5, "max_tokens": 9, "top_p": 0.5, "stop": ["a"], "seed": 7}),
    "what repair would change": ([("human", "a"), ("human", "b"), ("ai", "c"), ("system", "d")], {"history": "off"}),
    "a speaker's name": ([{"role": "user", "content": "x", "name": "Ada"}], {"model": "gpt-5"}),
}


@pytest.fixture
def stage(server: Server, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("OXEN_API_KEY", KEY)
    monkeypatch.setenv("X_A_TEAM", "red")
    return server.stage(good)


def run(text: str, style: str) -> None:
    """Run what was shown, as a reader would."""
    assert KEY not in text
    if style == "curl":
        subprocess.run(["bash"], input=text.encode(), check=True, capture_output=True)  # noqa: S607 - shown to be run
    else:
        exec(compile(text, style, "exec"), {})  # noqa: S102 - shown to be run


def shown(model: Any, asked: Any, style: str, **call: Any) -> str:
    return str(model.to_curl(asked, **call) if style == "curl" else model.to_python(asked, style=style, **call))


@pytest.mark.parametrize("case", CASES)
def test_what_is_shown_sends_what_the_class_sends(case: str, stage: Stage) -> None:
    asked, settings = CASES[case]
    chat = ChatOxen(base_url=stage.url, **settings)
    chat.invoke(asked)
    for style in ("curl", *STYLES):
        run(shown(chat, asked, style), style)
        assert stage.bodies[-1] == stage.bodies[0], style
        assert stage.requests[-1].headers["authorization"] == f"Bearer {KEY}", style
    assert len(stage.requests) == 2 + len(STYLES)


@pytest.mark.parametrize("style", ["curl", *STYLES])
def test_llama_index_shows_the_same_and_so_do_streams_and_further_headers(style: str, stage: Stage) -> None:
    messages = [ChatMessage(role="user", blocks=[TextBlock(text="what?"), ImageBlock(url=PIXEL)])]
    settings = {"base_url": stage.url, "model": "gpt-5", "extra_headers": {"x.a'team": "red"}}
    llm = Oxen(**settings)
    list(llm.stream_chat(messages))
    text = shown(llm, messages, style, stream=True)
    assert text == shown(ChatOxen(**settings), PICTURE, style, stream=True)
    assert "red" not in text
    if style == "curl":
        assert text.startswith("curl -N ")
    run(text, style)
    assert stage.bodies[1] == stage.bodies[0]
    assert stage.bodies[0]["stream"] is True
    assert stage.requests[1].headers["x.a'team"] == "red"


def test_long_data_comes_by_standard_input() -> None:
    assert "--data-binary @- <<'JSON'" in ChatOxen(api_key=KEY).to_curl("x" * 200_000)
    assert "<<" not in ChatOxen(api_key=KEY).to_curl("x")


def test_a_prompt_of_llama_index_is_that_of_complete(stage: Stage) -> None:
    llm = Oxen(base_url=stage.url, completion_to_prompt=lambda prompt: f"<{prompt}>")
    llm.complete("x", temperature=0.5)
    run(llm.to_python("x", temperature=0.5), "requests")
    assert stage.bodies[1] == stage.bodies[0]


def bound_models(chat: ChatOxen) -> Iterator[tuple[str, Any]]:
    yield "bind", chat.bind(temperature=0.3)
    yield "tools", chat.bind_tools([look_up], tool_choice="look_up")
    yield "twice", chat.with_config(tags=["a"]).bind(temperature=0.3).bind(stop=["x"])  # type: ignore[attr-defined]
    yield "types", chat.with_types(input_type=str).bind(seed=3)
    yield "listeners", chat.with_listeners(on_start=lambda run: None).bind(top_p=0.5)
    yield "retry", chat.bind(temperature=0.3).with_retry().bind(stop=["x"])
    yield "fallbacks", chat.with_fallbacks([chat]).bind_tools([look_up])  # type: ignore[attr-defined]
    yield "schema", chat.with_structured_output({"title": "a", "description": "b", "type": "object"}).first  # type: ignore[attr-defined]
    field = ConfigurableField(id="heat")
    yield "configurable", chat.configurable_fields(temperature=field).with_config(configurable={"heat": 0.2})


@pytest.mark.parametrize("kind", [name for name, _ in bound_models(ChatOxen(api_key=KEY))])
def test_a_bound_model_shows_what_is_bound(kind: str, stage: Stage) -> None:
    bound = dict(bound_models(ChatOxen(base_url=stage.url)))[kind]
    bound.invoke("x")
    run(bound.to_curl("x"), "curl")
    run(bound.to_python("x", style="openai"), "openai")
    assert stage.bodies[1] == stage.bodies[2] == stage.bodies[0]
    assert set(stage.bodies[0]) > {"model", "messages"}


def test_a_bound_model_is_kept_as_the_binding_it_is() -> None:
    bound = ChatOxen(api_key=KEY).bind(temperature=0.3)
    again = loads(
        dumps(bound),
        secrets_map={"OXEN_API_KEY": KEY},
        valid_namespaces=["langchain_oxen"],
        allowed_objects=[ChatOxen, RunnableBinding],
    )
    assert type(again) is RunnableBinding
    assert pickle.loads(pickle.dumps(bound)).kwargs == {"temperature": 0.3}  # noqa: S301 - our own


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_shows_the_request_that_failed(stream: bool, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_API_KEY", KEY)
    stage = server.stage(reply(error_body("slow down"), 429), good)
    chat = ChatOxen(base_url=stage.url, max_retries=0)
    with pytest.raises(OxenRateLimitError) as caught:
        list(chat.stream("it's $5")) if stream else chat.invoke("it's $5")
    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert "it's" not in repr(error.details)
    run(error.to_curl(), "curl")
    for style in STYLES:
        run(error.to_python(style), style)
    assert stage.bodies == [stage.bodies[0]] * 6


def test_what_the_server_refused_is_not_shown(server: Server) -> None:
    refused = reply(error_body("body.stream_options: extra fields not permitted"), 422)
    stage = server.stage(lambda request: refused if b"stream_options" in request.body else good(request))
    chat = ChatOxen(base_url=stage.url)
    assert "stream_options" in chat.to_curl("x", stream=True)
    list(chat.stream("x"))
    for style in ("curl", *STYLES):
        run(shown(chat, "x", style, stream=True), style)
    assert stage.bodies[1:] == [stage.bodies[1]] * 6, "the first was refused"


def test_an_error_before_a_request_says_so() -> None:
    with pytest.raises(OxenConfigError, match="before a request"):
        OxenError("x").to_curl()


def test_a_request_without_a_body_is_a_get(stage: Stage) -> None:
    sent = SentRequest.of(build_without_body(OxenSettings(base_url=stage.url), "/models"))
    run(sent.to_curl(), "curl")
    run(sent.to_python(), "requests")
    assert [request.method for request in stage.requests] == ["GET", "GET"]
    with pytest.raises(OxenConfigError, match="not a chat request"):
        sent.to_python("openai")


def test_words_that_are_not_known_are_named() -> None:
    chat = ChatOxen(api_key=KEY)
    with pytest.raises(OxenConfigError, match="style must be one of 'requests'"):
        chat.to_python("x", style="perl")  # type: ignore[arg-type]
    with pytest.raises(OxenConfigError, match="show must be one of 'sent'"):
        chat.to_curl("x", show="most")  # type: ignore[arg-type]


# -- the three requests of the model's page ------------------------------------------------


def body(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(shlex.split(text.replace("\\\n", ""))[-1])
    return parsed


PAGE = {"model": "open-mixtral-8x22b", "messages": [{"role": "user", "content": "Hello, what can you do?"}]}
BASIC = {"temperature": 0.7, "max_tokens": 1024, "stream": False}


@each_row(("show", "more"), [("sent", {}), ("minimal", {}), ("basic", BASIC), ("all", {**BASIC, "top_p": 1.0})])
def test_the_page_s_requests(show: Any, more: dict[str, Any]) -> None:
    assert body(ChatOxen(api_key=KEY).to_curl("Hello, what can you do?", show=show)) == {**PAGE, **more}


def test_values_that_are_set_stay_in_each_variant() -> None:
    chat = ChatOxen(api_key=KEY, temperature=0.1, seed=4, extra_body={"top_k": 3})
    assert body(chat.to_curl("x", show="basic"))["temperature"] == 0.1
    everything = body(chat.to_curl("x", show="all"))
    assert (everything["temperature"], everything["random_seed"], everything["top_k"]) == (0.1, 4, 3)
    assert "temperature" not in body(chat.to_curl("x", show="minimal"))


def test_all_parameters_come_from_the_model_s_own_schema() -> None:
    schema = {
        "properties": {
            "quality": {"enum": ["low", "high"], "default": "high"},
            "steps": {"type": "integer", "minimum": 1, "maximum": 9},
            "note": {"type": "string"},
            "temperature": {"type": "number", "maximum": 0.5},
        },
        "basic": ["steps"],
    }
    chat = ChatOxen(api_key=KEY, model="own")
    known.put(chat.base_url, [model_from({"id": "own", "request_schema": schema})], whole=False)
    everything = body(chat.to_curl("x", show="all"))
    assert {name: everything[name] for name in ("quality", "steps", "temperature")} == {
        "quality": "high",
        "steps": 1,
        "temperature": 0.5,
    }
    assert "note" not in everything, "any value would be a guess"
    assert body(chat.to_curl("x", show="basic")).keys() == {"model", "messages", "steps", "stream"}


def test_the_page_of_the_docs_runs(stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("OXEN_BASE_URL", stage.url)
    page = (Path(__file__).parents[4] / "docs" / "workbench.md").read_text(encoding="utf-8")
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), {})  # noqa: S102 - our own documentation
    said = capsys.readouterr().out
    assert said.count("curl") == 3
    assert said.count('"look_up"') == 1
    assert "from openai import OpenAI" in said
    assert KEY not in said

"""Requests as text: what is shown is run, and sends what the classes send."""

from __future__ import annotations

import pickle
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from langchain_core.runnables import ConfigurableField
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool

from _oxen_transport.errors import OxenConfigError, OxenRateLimitError
from _oxen_transport.request.build import build_without_body
from _oxen_transport.request.snippets import SentRequest
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import Server, error_body, good, reply
from _oxen_transport.types import Style
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tests.tables import each_row

KEY = "sk-made-up-0123456789"
STYLES = get_args(Style)
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


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
PARTS = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
PICTURE = [{"role": "user", "content": PARTS}]
SHELLS = "it's \"quoted\" $HOME `x` $(x) \\ \\n \n\r\t{braces} %s ''' żółć 🐂\u2028\x7f\x00"
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "what shells and Python read": (SHELLS, {}),
    "300 kB": ("ox's \\ \n" * 40_000, {}),
    "half a surrogate pair": ("a\ud83dz", {}),
    "tools and their results": (HISTORY, {"tools": [FunctionTool.from_defaults(look_up).metadata.to_openai_tool()]}),
    "an image": (PICTURE, {"model": "gpt-5"}),
    "fields of the server's own": ("x", {"extra_body": {"top_k": 5, "none": None, "temperature": 9, "stop": []}}),
    "every parameter": ("x", {"temperature": 0.5, "max_tokens": 9, "top_p": 0.5, "stop": ["a"], "seed": 7}),
    "what repair would change": ([("human", "a"), ("human", "b"), ("ai", "c"), ("system", "d")], {"history": "off"}),
    "a speaker's name": ([{"role": "user", "content": "x", "name": "Ada"}], {"model": "gpt-5"}),
}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_API_KEY", KEY)
    monkeypatch.setenv("X_A_TEAM", "red")


def run(text: str, style: str) -> None:
    """Run what was shown, as a reader would."""
    assert KEY not in text
    if style == "curl":
        subprocess.run(["bash"], input=text.encode(), check=True, capture_output=True)  # noqa: S607 - shown to be run
    else:
        exec(compile(text, style, "exec"), {})  # noqa: S102 - shown to be run


def shown(model: Any, asked: Any, style: str, **call: Any) -> str:
    return str(model.to_curl(asked, **call) if style == "curl" else model.to_python(asked, style=style, **call))


@each_row(("asked", "settings"), CASES.values())
def test_what_is_shown_sends_what_the_class_sends(asked: Any, settings: dict[str, Any], server: Server) -> None:
    stage = server.stage(good)
    chat = ChatOxen(base_url=stage.url, **settings)
    chat.invoke(asked)
    for style in ("curl", *STYLES):
        run(shown(chat, asked, style), style)
        assert stage.requests[-1].headers["authorization"] == f"Bearer {KEY}", style
    assert stage.bodies == [stage.bodies[0]] * (2 + len(STYLES))


@each_row("style", ["curl", *STYLES])
def test_llama_index_shows_the_same_and_so_do_streams_and_further_headers(style: str, server: Server) -> None:
    stage = server.stage(good)
    messages = [ChatMessage(role="user", blocks=[TextBlock(text="what?"), ImageBlock(url=PIXEL)])]
    settings = {"base_url": stage.url, "model": "gpt-5", "extra_headers": {"x.a'team": "red"}}
    llm = Oxen(**settings)
    list(llm.stream_chat(messages))
    text = shown(llm, messages, style, stream=True)
    assert text == shown(ChatOxen(**settings), PICTURE, style, stream=True)
    assert "red" not in text
    run(text, style)
    assert stage.bodies[1] == stage.bodies[0]
    assert stage.bodies[0]["stream"] is True
    assert stage.requests[1].headers["x.a'team"] == "red"


def test_a_prompt_of_llama_index_is_that_of_complete(server: Server) -> None:
    stage = server.stage(good)
    llm = Oxen(base_url=stage.url, completion_to_prompt=lambda prompt: f"<{prompt}>")
    llm.complete("x", temperature=0.5)
    run(llm.to_python("x", temperature=0.5), "requests")
    assert stage.bodies[1] == stage.bodies[0]


def schema_bound(chat: Any) -> Any:
    return chat.with_structured_output({"title": "a", "description": "b", "type": "object"}).first


def configured(chat: Any) -> Any:
    heat = ConfigurableField(id="heat")
    return chat.configurable_fields(temperature=heat).with_config(configurable={"heat": 0.2})


@each_row(
    "bind",
    [
        lambda chat: chat.bind(temperature=0.3),
        lambda chat: chat.bind_tools([look_up], tool_choice="look_up"),
        lambda chat: chat.with_config(tags=["a"]).bind(temperature=0.3).bind(stop=["x"]),
        lambda chat: chat.with_types(input_type=str).bind(seed=3),
        lambda chat: chat.with_listeners(on_start=lambda run: None).bind(top_p=0.5),
        lambda chat: chat.bind(temperature=0.3).with_retry().bind(stop=["x"]),
        lambda chat: chat.with_fallbacks([chat]).bind_tools([look_up]),
        schema_bound,
        configured,
    ],
)
def test_a_bound_model_shows_what_is_bound(bind: Callable[[Any], Any], server: Server) -> None:
    stage = server.stage(good)
    bound = bind(ChatOxen(base_url=stage.url))
    bound.invoke("x")
    run(bound.to_curl("x"), "curl")
    run(bound.to_python("x", style="openai"), "openai")
    assert stage.bodies == [stage.bodies[0]] * 3
    assert set(stage.bodies[0]) > {"model", "messages"}


@each_row("stream", [False, True])
def test_an_error_shows_the_request_that_failed(stream: bool, server: Server) -> None:
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


def test_a_request_without_a_body_is_a_get(server: Server) -> None:
    stage = server.stage(good)
    sent = SentRequest.of(build_without_body(OxenSettings(base_url=stage.url), "/models"))
    run(sent.to_curl(), "curl")
    run(sent.to_python(), "requests")
    assert [request.method for request in stage.requests] == ["GET", "GET"]
    with pytest.raises(OxenConfigError, match="not a chat request"):
        sent.to_python("openai")


def test_the_page_of_the_docs_runs(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    stage = server.stage(good)
    monkeypatch.setenv("OXEN_BASE_URL", stage.url)
    page = (Path(__file__).parents[3] / "docs" / "workbench.md").read_text(encoding="utf-8")
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), {})  # noqa: S102 - our own documentation
    printed = capsys.readouterr().out
    assert printed.count("curl") == 3
    assert printed.count('"look_up"') == 1
    assert "from openai import OpenAI" in printed
    assert KEY not in printed

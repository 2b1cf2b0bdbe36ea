"""The workbench without a browser: what it keeps, what it compares, what it sends."""

from __future__ import annotations

import base64
import html
import re
import zlib
from typing import Any

import pytest

from examples.workbench.diff import MOST_WORDS, diff
from examples.workbench.models import accepted_files, options, summary
from examples.workbench.presets import PRESETS
from examples.workbench.run import chat_of, messages_of, price_of, tools_of
from examples.workbench.state import LARGEST_STATE, Column, File, State, StateError, Turn
from langchain_oxen import ChatOxen, ModelInfo, OxenConfigError

CONNECTION = {"base_url": "http://127.0.0.1:9"}
WORK = State(
    columns=[
        Column(system="é 🐂", turns=[Turn(content="a"), Turn(role="assistant", content="b"), Turn(content="c")]),
        Column(model="seer", parameters={"temperature": 0.5, "top_k": [1]}, tools="[]", stream=False),
        Column(files=[File(name="ox.png", url="data:image/png;base64,AAAA")]),
    ]
)


def test_a_link_and_a_file_hold_everything() -> None:
    assert State.from_link("#" + WORK.to_link()) == WORK
    assert State.from_json(WORK.to_json()) == WORK
    assert State.from_link("") == State.from_link("#") == State()
    assert re.fullmatch(r"[A-Za-z0-9_-]+", WORK.to_link())
    assert State(columns=[Column(system="a\ud83dz")]).to_link(), "half a surrogate pair does not break the page"


def test_too_much_for_a_link_gives_none() -> None:
    noise = base64.b64encode(bytes(range(256)) * 400 + zlib.compress(b"x" * 9)).decode()
    scattered = "".join(chr(0x4E00 + place * 7919 % 20_000) for place in range(20_000))
    assert State(columns=[Column(system=scattered + noise)]).to_link() == ""


@pytest.mark.parametrize("link", ["%%%", "AAAA", "eJxnonsense", "ą", base64.urlsafe_b64encode(b"x").decode()])
def test_a_broken_link_says_so(link: str) -> None:
    with pytest.raises(StateError, match=r"the link is not whole|not a saved workbench"):
        State.from_link(link)


@pytest.mark.parametrize(
    "text",
    [
        '{"columns": [{"parameters": {"messages": []}}]}',
        *("", "null", "[]", '{"columns": []}', '{"columns": [{"key": "sk-1"}]}', '{"columns": [{}, {}, {}, {}, {}]}'),
        '{"columns": [{"files": [{"name": "x", "url": "https://elsewhere.example/x.png"}]}]}',
    ],
)
def test_a_file_that_holds_no_workbench_says_so(text: str) -> None:
    with pytest.raises(StateError, match="not a saved workbench"):
        State.from_json(text)


def test_a_link_that_unpacks_without_an_end_is_refused() -> None:
    bomb = zlib.compress(b'{"columns": [{"system": "' + b"x" * (LARGEST_STATE + 1) + b'"}]}')
    with pytest.raises(StateError):
        State.from_link(base64.urlsafe_b64encode(bomb).decode())


@pytest.mark.parametrize("length", [1, MOST_WORDS])
def test_a_diff_holds_both_texts_escaped(length: int) -> None:
    before, after = "the <b>ox</b>\n" * length + "a & b", "the <b>horse</b>\n" * length + "a & b"
    marked = diff(before, after)
    assert "<b>" not in marked
    assert html.unescape(re.sub(r"<ins>.*?</ins>|</?del>", "", marked, flags=re.DOTALL)) == before
    assert html.unescape(re.sub(r"<del>.*?</del>|</?ins>", "", marked, flags=re.DOTALL)) == after
    assert diff("same", "same") == "same"


def test_a_column_becomes_a_request() -> None:
    first, second, third = WORK.columns
    assert [message["role"] for message in messages_of(first)] == ["system", "user", "assistant", "user"]
    assert messages_of(third)[-1]["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA"
    chat: Any = chat_of(second, CONNECTION)
    assert isinstance(chat, ChatOxen)
    assert (chat.temperature, chat.extra_body) == (0.5, {"top_k": [1]})
    pdf = Column(files=[File(name="a.pdf", url="data:application/pdf;base64,AAAA")])
    assert messages_of(pdf)[-1]["content"][1]["file"] == {"file_data": pdf.files[0].url, "filename": "a.pdf"}


def test_a_stranger_s_link_cannot_send_the_key_elsewhere() -> None:
    names = ["base_url", "api_key", "proxy", "extra_headers", "ca_bundle", "allow_insecure_http", "cache", "extra_body"]
    chat = chat_of(Column(parameters=dict.fromkeys(names, "http://elsewhere.example")), CONNECTION)
    assert chat.base_url == CONNECTION["base_url"]
    assert (chat.proxy, chat.extra_headers, chat.cache) == (None, {}, None)
    assert list(chat.extra_body) == names, "they are sent to the service, which may refuse them"


@pytest.mark.parametrize("tools", ["{", "{}", '"x"'])
def test_tools_that_are_none_say_so(tools: str) -> None:
    with pytest.raises(OxenConfigError, match="the tools"):
        tools_of(Column(tools=tools))


def test_what_the_picker_shows() -> None:
    seer = ModelInfo(
        id="seer", display_name="Seer", context_length=64_000, input_cost_per_token=2e-6, output_cost_per_token=6e-6
    )
    assert summary(seer) == "Seer · 64,000 tokens · $2.00 in, $6.00 out per million tokens"
    assert options({"seer": seer}, "gone")["gone"] == "gone · not in the catalogue"
    assert options({}, "typed") == {"typed": "typed"}
    assert accepted_files(ModelInfo(id="gpt-5")) == ["image/*", ".pdf"]
    assert accepted_files(ModelInfo(id="open-mixtral-8x22b")) == []
    assert accepted_files(ModelInfo(id="seer", input_types=("text", "image"))) == ["image/*"]


def test_a_price_is_the_server_s_own_else_the_list_s() -> None:
    from langchain_core.messages import AIMessage

    usage: Any = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    listed = ModelInfo(id="m", input_cost_per_token=0.1, output_cost_per_token=0.2)
    assert price_of(listed, AIMessage("x", usage_metadata=usage)) == 2.0
    assert price_of(listed, AIMessage("x", usage_metadata=usage, response_metadata={"cost": 7.0})) == 7.0
    assert price_of(None, AIMessage("x", usage_metadata=usage)) is None
    assert price_of(ModelInfo(id="m"), AIMessage("x", usage_metadata=usage)) is None


def test_the_presets_name_the_model_page_s_strengths() -> None:
    assert {name.split(":")[0] for name in PRESETS} == {"Multilingual", "Code", "Mathematics"}

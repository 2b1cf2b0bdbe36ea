"""Requests as Python code: what the rarer ones look like."""

from __future__ import annotations

import json
from typing import Any

from _oxen_transport.request.snippets import SentRequest
from _oxen_transport.settings import DEFAULT_BASE_URL
from tests.tables import each_row

ASK: dict[str, Any] = {"model": "open-mixtral-8x22b", "messages": [{"role": "user", "content": "x"}]}


def sent(body: dict[str, Any], base_url: str = DEFAULT_BASE_URL, **more: Any) -> SentRequest:
    return SentRequest(f"{base_url}/chat/completions", json.dumps(body).encode(), **more)


def test_a_default_is_not_written_and_an_exception_is() -> None:
    assert 'chat = ChatOxen(model="open-mixtral-8x22b")\n' in sent(ASK).to_python("langchain")
    assert "allow_insecure_http=True" in sent(ASK, "http://10.0.0.1/v1").to_python("langchain")


def test_two_headers_never_share_a_variable_and_without_a_key_none_is_asked_for() -> None:
    text = sent(ASK, header_names=("X-A", "X_A"), with_key=False).to_python()
    assert '"X-A": os.environ["X_A"]' in text
    assert '"X_A": os.environ["X_A_"]' in text
    assert "OXEN_API_KEY" not in text


def test_a_content_type_of_the_users_own_is_the_only_one() -> None:
    assert sent(ASK, header_names=("Content-Type",)).to_curl().lower().count("content-type") == 1


@each_row(("name", "value"), [("tool_choice", "auto"), ("stream_options", {"include_usage": False}), ("top_p", "much")])
def test_what_the_class_would_refuse_is_sent_beside(name: str, value: Any) -> None:
    further = sent({**ASK, name: value}).to_python("langchain").partition("extra_body={")[2]
    assert f'"{name}": ' in further


@each_row(
    "message",
    [
        {"role": "user", "content": "x", "own": 1},
        {"role": "system", "content": [{"type": "text", "text": "x"}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
    ],
)
def test_a_message_that_no_block_of_llama_index_holds_is_sent_as_it_is(message: dict[str, Any]) -> None:
    text = sent({"model": "gpt-5", "messages": [message]}).to_python("llama_index")
    assert "see extra_body" in text
    assert '"messages": [' in text.partition("extra_body={")[2]

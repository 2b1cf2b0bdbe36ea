"""What is malformed in a message is one error, which says where. The parts of a content, one by one, are in
langchain/test_messages.py and llama_index/test_messages.py: both packages bring their own into one form.
"""

from __future__ import annotations

from typing import Any

import pytest

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.content import each_message
from _oxen_transport.tools.arguments import arguments_text
from tests.tables import each_row


@each_row(
    ("broken", "reason"),
    [
        (lambda block: block["text"], "KeyError: 'text'"),
        (lambda block: block["type"].text, "AttributeError: "),
        (lambda block: 1 + block["type"], "TypeError: "),
        (lambda block: int(block["type"]), "ValueError: "),
        (lambda block: open(f"/no such folder/{block['type']}"), "FileNotFoundError: "),  # noqa: SIM115
    ],
    ids=["key", "attribute", "type", "value", "file"],
)
def test_what_is_malformed_names_its_message(broken: Any, reason: str) -> None:
    def convert(message: dict[str, str]) -> list[Any]:
        return [message] if "content" in message else [broken(message)]

    with pytest.raises(OxenConfigError) as caught:
        each_message([{"content": "hello"}, {"type": "image"}], convert)
    assert f"messages[1] (dict) is malformed: {reason}" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "what Python says of a block may show what is in it"


def test_an_error_that_says_what_is_wrong_is_kept() -> None:
    def convert(_: str) -> list[Any]:
        raise OxenConfigError("this image has neither a URL nor data")

    with pytest.raises(OxenConfigError, match=r"^this image has neither a URL nor data"):
        each_message(["hello"], convert)


@each_row(
    ("arguments", "text"),
    [
        ({"a": "é"}, '{"a":"é"}'),
        ({"a": "\ud83d\ude00\ud800"}, '{"a":"\N{GRINNING FACE}\ufffd"}'),
        (None, "{}"),
        ("", "{}"),
        ('{"a": 1', '{"a": 1'),
    ],
    ids=["dict", "surrogates", "none", "empty", "as the model wrote it"],
)
def test_arguments_become_text(arguments: Any, text: str) -> None:
    assert arguments_text(arguments) == text


def test_arguments_that_json_cannot_carry() -> None:
    with pytest.raises(OxenConfigError, match=r"the arguments of a tool call are not JSON serializable: .*object"):
        arguments_text({"a": object()})

"""What is malformed in a message is one error, which says where."""

from __future__ import annotations

from typing import Any

import pytest

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.content import each_message
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

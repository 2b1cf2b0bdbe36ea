"""What a workbench holds: up to four columns. As JSON for a file, packed for a link; the key is in neither."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from examples.support.local import MODEL

MOST_COLUMNS = 4
LONGEST_LINK = 30_000
"""Characters; browsers take more, chats and mails do not."""
LARGEST_STATE = 50_000_000
"""Bytes; a link that unpacks to more is not one of ours."""


class StateError(ValueError):
    """A link or a file that holds no workbench; the message says what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Turn(_Strict):
    """One message of the conversation."""

    role: Literal["user", "assistant"] = "user"
    content: str = ""


class File(_Strict):
    """An image or a PDF that goes with the last user turn, as a `data:` URL."""

    name: str
    url: str = Field(pattern=r"^data:(image/[a-z+.-]+|application/pdf);base64,[A-Za-z0-9+/=]*$")


class Column(_Strict):
    """One request: the model, the conversation, and only those parameters that were changed."""

    model: str = MODEL
    system: str = ""
    turns: list[Turn] = Field(default_factory=lambda: [Turn()], min_length=1)
    parameters: dict[str, Any] = Field(default_factory=dict)
    tools: str = ""
    files: list[File] = Field(default_factory=list)
    stream: bool = True

    @field_validator("parameters")
    @classmethod
    def _no_hidden_conversation(cls, value: dict[str, Any]) -> dict[str, Any]:
        if hidden := value.keys() & {"model", "messages", "stream", "stream_options", "tools"}:
            raise ValueError(f"{sorted(hidden)} have a place of their own")
        return value


class State(_Strict):
    """All columns, from left to right."""

    columns: list[Column] = Field(default_factory=lambda: [Column()], min_length=1, max_length=MOST_COLUMNS)

    def to_json(self) -> str:
        """For a file."""
        return json.dumps(self.model_dump(exclude_defaults=True), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> State:
        """What a file holds. Raises: StateError."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
        raise StateError(f"this is not a saved workbench ({where or 'the file'}: {first['msg']})")

    def to_link(self) -> str:
        """For the part of a URL behind `#`, which is never sent to a server. "": too long for a link."""
        packed = zlib.compress(self.to_json().encode(errors="replace"), 9)  # half a surrogate pair is no UTF-8
        link = base64.urlsafe_b64encode(packed).decode().rstrip("=")
        return link if len(link) <= LONGEST_LINK else ""

    @classmethod
    def from_link(cls, link: str) -> State:
        """What a link holds; nothing: a new workbench. Raises: StateError."""
        link = link.removeprefix("#")
        if not link:
            return cls()
        try:
            packed = base64.urlsafe_b64decode(link + "=" * (-len(link) % 4))
            text = zlib.decompressobj().decompress(packed, LARGEST_STATE)
        except (binascii.Error, zlib.error, ValueError):
            raise StateError("the link is not whole; ask for it again, or for the saved file") from None
        return cls.from_json(text)

"""A message's content in the wire's form: the same bytes, whichever framework it came from.

Parts: https://docs.oxen.ai/inference-api/reference/chat_completions (`text`, `image_url`,
`audio_url`, `video_url`, `file`). Nothing is ever fetched here: a URL travels as a URL.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.tools.arguments import arguments_text
from _oxen_transport.types import Message, WireToolCall

M = TypeVar("M")
Part = dict[str, Any]
Media = Literal["image", "audio", "video", "file"]

BETWEEN_PARTS = "\n\n"
"""Mistral's own tokenizer joins the text parts of one message so, see `_DEFAULT_JOIN_STR` in
https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/protocol/instruct/normalize.py"""

_DEFAULT_MIME: dict[str, str] = {
    "image": "image/png",
    "audio": "audio/wav",
    "video": "video/mp4",
    "file": "application/pdf",
}


def each_message(messages: Sequence[M], convert: Callable[[M], list[Message]]) -> list[Message]:
    """Convert a conversation, message by message.

    Blocks are dicts of the caller's own, and files on this machine may be gone: what is malformed
    comes out as one error that names the message, whatever Python called it inside.

    Raises:
        OxenConfigError: A message cannot be sent.
    """
    wired: list[Message] = []
    for place, message in enumerate(messages):
        wired += _converted(place, message, convert)
    return wired


def _converted(place: int, message: M, convert: Callable[[M], list[Message]]) -> list[Message]:
    try:
        return convert(message)
    except OxenConfigError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
    raise OxenConfigError(f"messages[{place}], a {type(message).__name__}, has something malformed in it ({reason})")


def text_part(text: str) -> Part:
    """A piece of text."""
    return {"type": "text", "text": text}


def media_part(
    kind: Media, *, url: str | None = None, data: str | bytes | None = None, mime: str | None = None, **extra: Any
) -> Part:
    """An image, a sound, a film or a PDF.

    Args:
        kind: What it is.
        url: Where it lies, or a `data:` URL. It is passed on, never fetched.
        data: The bytes, or their base64 text.
        mime: The type of `data`. Default: the kind's most usual one.
        extra: `detail` of an image, `filename` of a file; None is left out.

    Raises:
        OxenConfigError: Neither url nor data, or data that is no base64.
    """
    if not url and data is None:
        raise OxenConfigError(f"this {kind} has neither a URL nor data (ids of uploaded files are not known to Oxen)")
    source = url or f"data:{mime or _DEFAULT_MIME[kind]};base64,{_base64(kind, data or '')}"
    extra = {key: value for key, value in extra.items() if value is not None}
    if kind == "file":
        return {"type": "file", "file": {"file_data" if source.startswith("data:") else "file_url": source, **extra}}
    return {"type": f"{kind}_url", f"{kind}_url": {"url": source, **extra}}


def _base64(kind: Media, data: str | bytes) -> str:
    if isinstance(data, bytes):
        return base64.b64encode(data).decode("ascii")
    text = data.rpartition("base64,")[2]
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise OxenConfigError(f"the data of this {kind} is no base64 text") from None
    return text


def fold(parts: Iterable[Part], between: str = BETWEEN_PARTS) -> str | list[Part]:
    """The content of one message: a bare string wherever there is only text.

    Some of the providers behind the API refuse the list form for a system message, and Mistral's
    refuses any key of a part but `type` and `text`, such as a caching hint.
    """
    parts = [part for part in parts if part.get("text") != ""]
    if all(part["type"] == "text" for part in parts):
        return between.join(part["text"] for part in parts)
    return parts


def wire_call(call_id: str | None, name: str, arguments: Any) -> WireToolCall:
    """One tool call of an assistant message; its arguments are JSON text, or become it."""
    return {"id": call_id or "", "type": "function", "function": {"name": name, "arguments": arguments_text(arguments)}}


def old_calls(kwargs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The calls of a message where older versions of the frameworks kept them, in OpenAI's words.

    Before it had a list of calls OpenAI had one `function_call`, without an id: the next result of
    that name answers it, see https://platform.openai.com/docs/api-reference/chat/create.
    """
    calls, single = kwargs.get("tool_calls"), kwargs.get("function_call")
    given = calls or ([{"function": _plain(single)}] if single else ())
    return [_plain(call) for call in given]


def _plain(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else dict(given.model_dump())  # another SDK's object


def json_text(text: str) -> str:
    """The JSON in an answer: without the fence that models put around it, or the words beside it."""
    text = text.strip()
    _, fence, rest = text.partition("```")
    if fence:
        body = rest.rpartition("```")[0] or rest
        text = body.partition("\n")[2] if not body.lstrip().startswith(("{", "[")) else body
    return text.strip()

"""A message's content in the request's form: the same bytes, whichever framework it came from.

Parts: https://docs.oxen.ai/inference-api/reference/chat_completions. Nothing is fetched: a URL travels as a URL.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

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
    """Convert a conversation, message by message. Raises: OxenConfigError, which names the message.

    Blocks are dicts of the caller's own, and files may be gone: what is malformed raises all kinds of errors inside.
    """
    wired: list[Message] = []
    place = 0
    try:
        for place, message in enumerate(messages):  # noqa: B007 - the error names it
            wired += convert(message)
    except OxenConfigError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
    else:
        return wired
    raise OxenConfigError(f"messages[{place}] ({type(messages[place]).__name__}) is malformed: {reason}")


def text_part(text: str) -> Part:
    """A piece of text."""
    return {"type": "text", "text": text}


def media_part(
    kind: Media, *, url: str | None = None, data: str | bytes | None = None, mime: str | None = None, **extra: Any
) -> Part:
    """An image, audio, video or a file.

    Args:
        kind: What it is.
        url: Its URL, or a `data:` URL. It is passed on, never fetched.
        data: The bytes, or their base64 text.
        mime: The type of `data`. Default: the most usual one of its kind; a file without one must be a PDF.
        extra: `detail` of an image, `filename` of a file; None is left out.

    Raises:
        OxenConfigError: Neither url nor data, data that is not base64, or a file whose type nobody knows.
    """
    if not url and data is None:
        raise OxenConfigError(f"this {kind} has neither a URL nor data (ids of uploaded files are not known to Oxen)")
    encoded = "" if url else _base64(kind, data or "")
    if kind == "file" and not (url or mime or encoded.startswith("JVBERi0")):  # %PDF-
        raise OxenConfigError("this file is no PDF: name its MIME type")
    source = url or f"data:{mime or _DEFAULT_MIME[kind]};base64,{encoded}"
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
        raise OxenConfigError(f"the data of this {kind} is not valid base64") from None
    return text


def fold(parts: Iterable[Part], between: str = BETWEEN_PARTS) -> str | list[Part]:
    """The content of one message: a bare string wherever there is only text.

    Some providers refuse the list form, and Mistral's any key of a part but `type` and `text`.
    """
    parts = [part for part in parts if part.get("text") != ""]
    if all(part["type"] == "text" for part in parts):
        return between.join(part["text"] for part in parts)
    return parts


def with_refusal(content: str | list[Part], refusal: Any) -> str | list[Part]:
    """An assistant's content with the text of its refusal, which OpenAI's models write in another place."""
    if not isinstance(refusal, str) or not refusal or content == refusal:
        return content
    parts = [text_part(content)] if isinstance(content, str) else content
    return fold(parts if text_part(refusal) in parts else [*parts, text_part(refusal)])


RETURNED_KEYS = ("reasoning_details", "thinking_blocks", "extra_content")
"""Fields of an answer that its model gets back unchanged: OpenRouter's, LiteLLM's, Google's."""


def to_be_returned(beside: Mapping[str, Any]) -> Message:
    """Those of an answer's further fields that go back with it."""
    return cast("Message", {key: beside[key] for key in RETURNED_KEYS if beside.get(key)})


# -- tool calls ----------------------------------------------------------------------------

TOOL_CALL_EXTRAS = "tool_call_extras"
"""Where LangChain's `additional_kwargs` keep what a call must bring back: {id of the call: its further keys}."""


def wire_call(call_id: Any, name: str, arguments: Any, extra: Mapping[str, Any] | None = None) -> WireToolCall:
    """One tool call of an assistant message; `extra` is a call whose further keys it gets, see `signatures`."""
    function = {"name": name, "arguments": arguments_text(arguments)}
    wired = {"id": str(call_id or ""), "type": "function", "function": function, **signatures(extra or {})}
    return cast("WireToolCall", wired)


def signatures(call: Mapping[str, Any]) -> dict[str, Any]:
    """What must go back with a call: https://ai.google.dev/gemini-api/docs/thought-signatures#openai."""
    return {"extra_content": call["extra_content"]} if call.get("extra_content") else {}


def with_extras(calls: list[WireToolCall], raw: Sequence[Mapping[str, Any]], by_id: Any = None) -> list[WireToolCall]:
    """Calls with the signatures that were kept apart from them: in `raw`, as the server wrote it, or under their id."""
    kept = {str(call.get("id") or ""): signatures(call) for call in raw}
    kept |= by_id if isinstance(by_id, dict) else {}
    return [cast("WireToolCall", {**call, **kept.get(call["id"], {})}) if call["id"] else call for call in calls]


def old_calls(kwargs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The calls of a message where older versions of the frameworks kept them, in OpenAI's format.

    OpenAI's old `function_call` has no id (https://platform.openai.com/docs/api-reference/chat/create): its result goes
    by the name.
    """
    calls, single = kwargs.get("tool_calls"), kwargs.get("function_call")
    given = calls or ([{"function": _plain(single)}] if single else ())
    return [_plain(call) for call in given]


def _plain(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else dict(given.model_dump())  # another SDK's object

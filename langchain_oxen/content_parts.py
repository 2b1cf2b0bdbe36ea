"""One content of LangChain's, OpenAI's or Anthropic's -> text or the parts of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.content import Media, Part, fold, media_part, text_part
from _oxen_transport.tools.arguments import arguments_text

_NOT_SAID = frozenset(
    {"thinking", "redacted_thinking", "reasoning", "reasoning_content", "tool_call_chunk", "cachePoint"}
)
"""Blocks that are not part of the text: thoughts go back beside it, to models that take them."""
CALL_KINDS = frozenset({"tool_use", "tool_call", "invalid_tool_call", "function_call", "custom_tool_call"})


def content_to_wire(content: Any, *, between: str | None = None, lenient: bool = False) -> str | list[Part]:
    """The content of one message: `between` joins its texts. Raises: OxenConfigError, for what cannot be sent.

    `lenient`: leave that out, as in an assistant's message.
    """
    if isinstance(content, str):
        return content
    parts = [part for block in blocks_of(content) if (part := _part(block, lenient)) is not None]
    return fold(parts) if between is None else fold(parts, between)


def blocks_of(content: Any) -> list[Any]:
    """The blocks of a content; a bare text is one of them."""
    return [content] if isinstance(content, str | dict) else list(content)


def _part(block: Any, lenient: bool) -> Part | None:
    """One block as one part; None for a block that is not part of the text.

    `lenient`: items that other makers' models add to answers (`web_search_call`, ...) must not end a conversation.
    """
    if isinstance(block, str):
        return text_part(block)
    kind = str(block.get("type") or next(iter(block), ""))
    if kind in _NOT_SAID or kind in CALL_KINDS:
        return None
    if kind == "non_standard" and isinstance(block.get("value"), dict):
        return _part(block["value"], lenient)
    for name in ("text", "refusal"):  # "text-plain" keeps its text there, too
        if isinstance(block.get(name), str):
            return text_part(block[name])
    build = _BUILDERS.get(kind)
    try:
        if build is None:
            raise OxenConfigError(f"a content block of type {kind[:80]!r} cannot be sent to Oxen")
        return build({**block, "type": kind})  # OpenAI takes one without a type, named by its key
    except (OxenConfigError, TypeError, ValueError, KeyError, AttributeError):
        if lenient:
            return None
        raise


def _standard(block: dict[str, Any]) -> Part:
    """LangChain's own blocks (v0: `source_type`, v1), Anthropic's (`source`) and MCP's (`mimeType`)."""
    given = block.get("source")
    source = given if isinstance(given, dict) else block
    kind: Media = "file" if block["type"] == "document" else block["type"]
    if "text" in (source.get("source_type"), source.get("type")):
        return text_part(str(source.get("data") or source.get("url") or ""))
    nested = block.get(kind)
    if isinstance(nested, dict):  # OpenAI's file
        return media_part(kind, url=nested.get("file_url") or nested.get("file_data"), filename=nested.get("filename"))
    return media_part(
        kind,
        url=source.get("url"),
        data=source.get("base64") or source.get("data"),
        mime=source.get("mime_type") or source.get("media_type") or source.get("mimeType"),
        **({"filename": _filename(block)} if kind == "file" else {}),
    )


def _filename(block: dict[str, Any]) -> Any:
    extras = {**(block.get("extras") or {}), **(block.get("metadata") or {}), **block}
    return extras.get("filename") or extras.get("name") or extras.get("title")


def _by_url(block: dict[str, Any]) -> Part:
    """`image_url` and its like: already the request's own form, as a dict or as a bare URL."""
    given = block.get(block["type"])
    given = {"url": given} if isinstance(given, str) else dict(given or {})
    kind: Any = block["type"].removesuffix("_url")
    return media_part(kind, url=given.get("url"), detail=given.get("detail") or block.get("detail"))


def _input_audio(block: dict[str, Any]) -> Part:
    """OpenAI's audio; Oxen calls it `audio_url`."""
    given = block.get("input_audio") or {}
    return media_part("audio", data=given.get("data"), mime=f"audio/{given.get('format') or 'wav'}")


def _search_result(block: dict[str, Any]) -> Part:
    """Anthropic's search result: its text, with its title and source."""
    content = block.get("content") or ()
    texts = [each["text"] for each in content if isinstance(each, dict) and isinstance(each.get("text"), str)]
    return _lines(block.get("title"), block.get("source"), *texts)


def _resource(block: dict[str, Any]) -> Part:
    """MCP's resource, or a link to one (https://modelcontextprotocol.io/specification/2025-06-18/server/tools)."""
    nested = block.get("resource")
    given = nested if isinstance(nested, dict) else block
    return _lines(*(given.get(key) for key in ("title", "name", "uri", "description", "text")))


def _lines(*texts: Any) -> Part:
    lines = [text for text in dict.fromkeys(texts) if isinstance(text, str) and text]
    if not lines:
        raise OxenConfigError("a content block without any text cannot be sent to Oxen")
    return text_part("\n".join(lines))


_BUILDERS: dict[str, Callable[[dict[str, Any]], Part]] = {
    **dict.fromkeys(("image", "audio", "video", "file", "document"), _standard),
    **dict.fromkeys(("image_url", "audio_url", "video_url"), _by_url),
    **dict.fromkeys(("resource", "resource_link"), _resource),
    "input_audio": _input_audio,
    "search_result": _search_result,
    "json": lambda block: text_part(arguments_text(block.get("json"))),  # Bedrock's tool results
}

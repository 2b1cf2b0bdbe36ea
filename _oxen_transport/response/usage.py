"""Token counts, wherever a provider writes them -> `Usage`.

OpenAI's names are `prompt_tokens` and `completion_tokens`, Anthropic's and the Responses API's
`input_tokens` and `output_tokens`. Cached tokens stand in the details (OpenAI, Mistral), or beside
the counts: `prompt_cache_hit_tokens` (https://api-docs.deepseek.com/guides/kv_cache),
`cache_read_input_tokens` (Anthropic), `cached_tokens` (Moonshot).
"""

from __future__ import annotations

from typing import Any

from _oxen_transport.types import Usage


def usage_in(parsed: dict[str, Any], choice: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The usage of a body or a chunk, as the server wrote it: beside the choices, or inside of one (Kimi)."""
    groq = parsed.get("x_groq")  # https://console.groq.com/docs/api-reference
    for holder in (parsed, choice, groq):
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict) and usage:
            return usage
    return None


def usage_from(raw: Any) -> Usage | None:
    """Token counts as plain ints. A missing total is the sum; None if the server gave no usage."""
    if not isinstance(raw, dict) or all(value is None for value in raw.values()):
        return None
    prompt = _first(raw, "prompt_tokens", "input_tokens")
    completion = _first(raw, "completion_tokens", "output_tokens")
    total = _first(raw, "total_tokens")
    before = {**raw, **_details(raw, "prompt_tokens_details", "input_tokens_details")}
    after = {**raw, **_details(raw, "completion_tokens_details", "output_tokens_details")}
    return Usage(
        prompt_tokens=prompt or 0,
        completion_tokens=completion or 0,
        total_tokens=total or (prompt or 0) + (completion or 0),
        cached_tokens=_first(before, "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"),
        reasoning_tokens=_first(after, "reasoning_tokens"),
        cost=_cost(raw),
        raw=raw,
    )


def token_usage(usage: Usage | None) -> dict[str, int]:
    """The three counts under OpenAI's names, for the frameworks' counters; {} if the server gave none."""
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def _details(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        details = raw.get(name)
        if isinstance(details, dict):
            return {name: value for name, value in details.items() if value is not None}
    return {}


def _first(raw: dict[str, Any], *names: str) -> int | None:
    """The first of these fields that holds a count."""
    for name in names:
        amount = _amount(raw.get(name))
        if amount is not None:
            return int(amount)
    return None


def _cost(raw: dict[str, Any]) -> float | None:
    cost = raw.get("cost")
    return _amount(cost.get("total_cost") if isinstance(cost, dict) else cost)  # Perplexity itemizes it


def _amount(value: Any) -> float | None:
    """A count or a price; None for what is negative, not a number, or beyond all measure."""
    return float(value) if type(value) in (int, float) and 0 <= value < 1e15 else None

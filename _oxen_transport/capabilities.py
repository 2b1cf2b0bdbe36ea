"""What servers support, as earlier requests have shown: kept for the whole process, per URL and model.

It saves attempts that would be refused, and never changes what a call means.
"""

from __future__ import annotations

without_stream_options: set[tuple[str, str]] = set()
"""Where a request with `stream_options` was refused, as Mistral's own API does: (URL, model)."""
_structured_methods: dict[tuple[str, str], str] = {}


def structured_method(base_url: str, model: str) -> str | None:
    """The method of structured output that worked last, or None."""
    return _structured_methods.get((base_url, model))


def structured_method_succeeded(base_url: str, model: str, method: str) -> None:
    """Remember the method of structured output that worked."""
    _structured_methods[base_url, model] = method


def reset() -> None:
    """Forget everything, as after a change of the server's software; tests start with it."""
    without_stream_options.clear()
    _structured_methods.clear()

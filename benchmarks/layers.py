"""Whose the function calls are: a profile, by the package that makes them."""

from __future__ import annotations

import pstats
from cProfile import Profile
from pathlib import PurePath

OURS = ("_oxen_transport", "langchain_oxen", "llama_index_oxen")
LAYERS = ("ours", "the framework", "httpx", "httpcore", "h11", "anyio", "asyncio", "the rest")
_PACKAGES = {
    **dict.fromkeys(OURS, "ours"),
    **dict.fromkeys(("langchain_core", "langsmith", "langchain_protocol", "llama_index"), "the framework"),
    **dict.fromkeys(("llama_index_instrumentation", "pydantic"), "the framework"),
    **{name: name for name in ("httpx", "httpcore", "h11", "anyio", "asyncio")},
}


def by_layer(profile: Profile) -> dict[str, int]:
    """Calls made by each layer. What C code does counts for whoever called it."""
    found = dict.fromkeys(LAYERS, 0)
    for (file, _, _), (_, count, _, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if file == "~":
            for (caller, _, _), (made, *_) in callers.items():
                found[_layer(caller)] += made
        else:
            found[_layer(file)] += count
    return found


def _layer(file: str) -> str:
    return next((_PACKAGES[part] for part in PurePath(file).parts if part in _PACKAGES), "the rest")

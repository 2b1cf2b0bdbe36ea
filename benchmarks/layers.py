"""Whose the work is: a profile, by the package that does it."""

from __future__ import annotations

import pstats
from cProfile import Profile
from pathlib import PurePath

OURS = ("_oxen_transport", "langchain_oxen", "llama_index_oxen")
LAYERS = ("ours", "the framework", "httpx", "httpcore", "h11", "aiohttp", "anyio", "asyncio", "the rest")
_PACKAGES = {
    **dict.fromkeys(OURS, "ours"),
    **dict.fromkeys(("langchain_core", "langsmith", "langchain_protocol", "llama_index"), "the framework"),
    **dict.fromkeys(("llama_index_instrumentation", "pydantic"), "the framework"),
    **dict.fromkeys(("aiohttp", "httpx_aiohttp", "yarl", "multidict", "aiohappyeyeballs"), "aiohttp"),
    **{name: name for name in ("httpx", "httpcore", "h11", "anyio", "asyncio")},
}


def by_layer(profile: Profile) -> dict[str, tuple[int, float]]:
    """Calls made by each layer, and the seconds in it. What C code does counts for whoever called it."""
    found = {layer: [0, 0.0] for layer in LAYERS}
    for (file, _, _), (_, count, own, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if file == "~":
            for (caller, _, _), (made, _, seconds, _) in callers.items():
                _add(found[_layer(caller)], made, seconds)
        else:
            _add(found[_layer(file)], count, own)
    return {layer: (int(calls), seconds) for layer, (calls, seconds) in found.items()}


def _add(sums: list[float], calls: int, seconds: float) -> None:
    sums[0] += calls
    sums[1] += seconds


def _layer(file: str) -> str:
    return next((_PACKAGES[part] for part in PurePath(file).parts if part in _PACKAGES), "the rest")

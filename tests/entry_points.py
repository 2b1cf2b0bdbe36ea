"""Which entry points a test runs through: the classes are in `tools/support/entry_points.py`.

def test_answer(api, server):
    stage = server.stage(good)
    assert api.ask(api.make(stage.url)).text == ANSWER
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tools.support.entry_points import (
    EVERY,
    KEY,
    KINDS,
    QUESTION,
    Answer,
    EntryPoint,
    LangChain,
    LlamaIndex,
    Transport,
    entry_points,
    matching,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "EVERY",
    "KEY",
    "KINDS",
    "QUESTION",
    "Answer",
    "EntryPoint",
    "LangChain",
    "LlamaIndex",
    "Transport",
    "each",
    "each_scenario",
    "entry_points",
    "in_turn",
    "one_of_each",
    "own_client",
]


def one_of_each(number: int) -> list[EntryPoint]:
    """A sync and an async entry point: others for another number."""
    blocking, waiting = (matching((), is_async, None) for is_async in (False, True))
    return entry_points() if EVERY else [blocking[number % len(blocking)], waiting[(number + 1) % len(waiting)]]


def in_turn(number: int) -> list[EntryPoint]:
    """Sync and async, whole and streamed, each through one of the three classes: the next scenario through the next."""
    ways = itertools.product((False, True), (False, True))
    chosen = [KINDS[(number + place) % 3](*way) for place, way in enumerate(ways)]
    return entry_points() if EVERY else chosen


def own_client(api: EntryPoint, **options: Any) -> dict[str, Any]:
    """The options of a model with an httpx client of the user's own."""
    if api.is_async:
        return {"http_async_client": httpx.AsyncClient(**options)}
    return {"http_client": httpx.Client(**options)}


def each(*apis: EntryPoint) -> Any:
    """`@each(*entry_points(LangChain, streams=True))`: run the test once per entry point."""
    return pytest.mark.parametrize("api", apis, ids=str)


def each_scenario(
    names: str,
    scenarios: Iterable[Any],
    *kinds: type[EntryPoint],
    is_async: bool | None = None,
    streams: bool | None = None,
    ids: Any = str,
) -> Any:
    """Like `pytest.mark.parametrize`, with an entry point for each scenario.

    Each scenario runs through a sync and an async one, the next scenario through the next ones of those that match.
    """
    every = matching(kinds, is_async, streams)
    turns = [[api for api in every if api.is_async is awaited] for awaited in (False, True)]
    cells = []
    for number, scenario in enumerate(scenarios):
        values = scenario if "," in names else (scenario,)
        name = list(ids)[number] if not callable(ids) else "-".join(map(ids, values))
        apis = every if EVERY else [turn[(number + at) % len(turn)] for at, turn in enumerate(turns) if turn]
        cells += [pytest.param(*values, api, id=f"{name}-{api}") for api in apis]
    return pytest.mark.parametrize(f"{names}, api", cells)

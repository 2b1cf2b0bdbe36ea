"""An end for those who want one: `close`, `aclose` and both kinds of `with`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from _oxen_transport.testing import ANSWER, good
from tests.entry_points import LangChain, LlamaIndex

if TYPE_CHECKING:
    from _oxen_transport.testing import Server
    from tests.entry_points import EntryPoint

BOTH = pytest.mark.parametrize("kind", [LangChain, LlamaIndex], ids=lambda kind: str(kind.kind))


@BOTH
def test_with_closes_the_connections(kind: type[EntryPoint], server: Server) -> None:
    api, stage = kind(is_async=False, streams=False), server.stage(good)
    with api.make(stage.url) as model:
        assert api.ask(model).text == ANSWER
        assert len(stage.open_connections()) == 1
    assert stage.wait(lambda stage: not stage.open_connections())
    assert api.ask(model).text == ANSWER, "a closed object opens again when it is used"
    model.close()
    assert stage.wait(lambda stage: not stage.open_connections())


@BOTH
def test_async_with_closes_the_connections(kind: type[EntryPoint], server: Server) -> None:
    api, stage = kind(is_async=True, streams=False), server.stage(good)

    async def run() -> None:
        async with api.make(stage.url) as model:
            assert (await api.ask_async(model)).text == ANSWER
            assert len(stage.open_connections()) == 1
        assert await asyncio.to_thread(stage.wait, lambda stage: not stage.open_connections())
        assert (await api.ask_async(model)).text == ANSWER
        await model.aclose()
        assert await asyncio.to_thread(stage.wait, lambda stage: not stage.open_connections())

    asyncio.run(run())

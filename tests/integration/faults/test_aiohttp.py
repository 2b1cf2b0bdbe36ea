"""The same faults over aiohttp's connections: `http_async_client` with a transport of httpx-aiohttp.

Connections, and what their errors are called, are another library's; what becomes of a fault must
be the same.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.callers import QUESTION, Answer, Caller, LangChain, LlamaIndex, Transport
from tests.integration.faults import answering, streaming, test_wire_faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _oxen_transport.testing import Server
    from tests.integration.faults.table import Fault

httpx_aiohttp = pytest.importorskip("httpx_aiohttp", reason="the extra `aiohttp` is not installed")
pytestmark = pytest.mark.usefixtures("fast_retries")


def over_aiohttp(base: type[Caller]) -> type[Caller]:
    """The same front door, with a client of aiohttp's that lives as long as the call."""

    class Door(base):  # type: ignore[misc, valid-type]
        kind = f"{base.kind}[aiohttp]"

        def make(self, url: str, **knobs: Any) -> Any:
            return super().make(url, **{**knobs, "timeout": 2 * knobs["timeout"]})  # it makes a new client each time

        def ask(self, model: Any, messages: Any = QUESTION, *, seen: list[Any] | None = None, **call: Any) -> Answer:
            async def within() -> Answer:
                transport = httpx_aiohttp.AiohttpTransport(trust_env=False)
                async with httpx.AsyncClient(transport=transport) as client:
                    own = model.model_copy(update={"http_async_client": client})
                    return await self.ask_async(own, messages, seen=seen, **call)

            return asyncio.run(within())

    return Door


def cells() -> Iterator[tuple[Fault, Caller]]:
    for base in (Transport, LangChain, LlamaIndex):
        for streams in (False, True):
            door = over_aiohttp(base)(is_async=True, streams=streams)
            yield from ((fault, door) for fault in (*answering.ALL, *streaming.ALL) if fault.fits(streams))


CELLS = list(cells())


@pytest.mark.parametrize(("fault", "caller"), CELLS, ids=[f"{fault}-{door}" for fault, door in CELLS])
def test_fault(fault: Fault, caller: Caller, server: Server) -> None:
    test_wire_faults.test_fault(fault, caller, server)

"""The clients while something watches the answers; imported only then, see `observe` in `__init__.py`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from _oxen_transport.async_client import AsyncOxenClient
from _oxen_transport.client import OxenClient
from _oxen_transport.types import Chunk, Completion

if TYPE_CHECKING:
    from _oxen_transport.observer import Observer
    from _oxen_transport.request.build import Request
    from _oxen_transport.settings import OxenSettings

Start = Callable[["OxenSettings", "Request"], "Observer"]
"""Makes the observer of one answer from the model object and the first request."""


class ObservedClient(OxenClient):
    """`OxenClient`, with its answers watched."""

    def __init__(self, settings: OxenSettings, start: Start) -> None:
        super().__init__(settings)
        self._start = start

    def send(self, request: Request) -> Completion:
        """See `OxenClient.send`."""
        with self._start(self._settings, request) as observer:
            observer.completion = super().send(replace(request, observer=observer))
            return observer.completion

    def stream(self, request: Request) -> Generator[Chunk, None, None]:
        """See `OxenClient.stream`."""
        with (
            self._start(self._settings, request) as observer,
            closing(super().stream(replace(request, observer=observer))) as chunks,
        ):
            for chunk in chunks:
                observer.on_chunk()
                observer.completion = chunk.completion
                yield chunk


class AsyncObservedClient(AsyncOxenClient):
    """`AsyncOxenClient`, with its answers watched."""

    def __init__(self, settings: OxenSettings, start: Start) -> None:
        super().__init__(settings)
        self._start = start

    async def send(self, request: Request) -> Completion:
        """See `AsyncOxenClient.send`."""
        with self._start(self._settings, request) as observer:
            observer.completion = await super().send(replace(request, observer=observer))
            return observer.completion

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """See `AsyncOxenClient.stream`."""
        with self._start(self._settings, request) as observer:
            async with aclosing(super().stream(replace(request, observer=observer))) as chunks:
                async for chunk in chunks:
                    observer.on_chunk()
                    observer.completion = chunk.completion
                    yield chunk

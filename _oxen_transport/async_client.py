"""The async client: send, wait, try again, read. Every decision stands in `call.py`.

`client.py` is this file without `async` and `await`; a test compares the two.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeVar, cast
from urllib.parse import quote

from _oxen_transport.call import Call
from _oxen_transport.catalogue import ModelInfo, known, model_from, models_from
from _oxen_transport.continuation import Continuation
from _oxen_transport.errors import OxenError
from _oxen_transport.http.async_requests import AsyncResponse, close_async, open_async
from _oxen_transport.request.build import Request, build_without_body
from _oxen_transport.response.stream import StreamReader, chunks_from
from _oxen_transport.settings import OxenSettings
from _oxen_transport.types import Chunk, Completion

T = TypeVar("T")


class AsyncOxenClient:
    """Sends requests and awaits. One object serves any number of event loops; cheap to make."""

    def __init__(self, settings: OxenSettings) -> None:
        self._settings = settings

    async def send(self, request: Request) -> Completion:
        """One whole answer. Raises: OxenError."""
        if not request.auto_continue:
            return await self._complete(request)
        async for chunk in self._continued(request, self._complete_in_chunks):
            last = chunk
        return cast(Completion, last.completion)

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer as it comes; closing the generator closes the connection. Raises: OxenError, with `.partial`."""
        once = self._stream_once
        return self._continued(request, once) if request.auto_continue or request.resume else once(request)

    async def models(self) -> list[ModelInfo]:
        """The catalogue, fresh. Raises: OxenError."""
        models = models_from(await self._document("/models"))
        known.put(self._settings, models, whole=True)
        return models

    async def model(self, name: str) -> ModelInfo:
        """One model of the catalogue, fresh. Raises: OxenNotFoundError; OxenError."""
        model = model_from(await self._document(f"/models/{quote(name, safe='')}", name))
        known.put(self._settings, [model], whole=False)
        return model

    async def find_models(self, path: str) -> list[ModelInfo]:
        """A part of the catalogue. Raises: OxenError."""
        return models_from(await self._document(path))

    async def change_model(self, name: str, action: str) -> ModelInfo:
        """Activate or deactivate a deployment. Raises: OxenError."""
        model = model_from(await self._document(f"/models/{quote(name, safe='')}/{action}", name, "POST"))
        known.put(self._settings, [model], whole=False)
        return model

    async def aclose(self) -> None:
        """Close the connections that objects with these settings share; the next call opens new ones."""
        await close_async(self._settings)

    async def _continued(
        self, request: Request, once: Callable[[Request], AsyncGenerator[Chunk, None]]
    ) -> AsyncGenerator[Chunk, None]:
        """Request after request, until the answer is whole."""
        continuation = Continuation(request)
        while (running := continuation.next()) is not None:
            failure: OxenError | None = None
            async with aclosing(once(running)) as chunks:
                try:
                    async for chunk in chunks:
                        for piece in continuation.take(chunk):
                            yield piece
                except OxenError as error:
                    failure = error
            if failure is not None:
                await sleep(continuation.resume(failure))

    async def _complete(self, request: Request) -> Completion:
        call = Call(request)
        return await self._whole(call, await self._open(call), call.completion)

    async def _complete_in_chunks(self, request: Request) -> AsyncGenerator[Chunk, None]:
        for chunk in chunks_from(await self._complete(request)):
            yield chunk

    async def _stream_once(self, request: Request) -> AsyncGenerator[Chunk, None]:
        call = Call(request)
        response = await self._open(call)
        reader = call.reader()
        try:
            while not reader.over:
                piece = await self._next(call, reader, response)
                if piece is None:
                    break
                for chunk in reader.feed(piece):
                    yield chunk
            if self._settings.http_async_client is None and call.lingers(reader):
                with suppress(Exception):
                    await response.read()
        finally:
            await response.aclose()
        piece = None  # a traceback shows this frame, and a server may echo the key
        for chunk in call.last_chunks(reader):
            yield chunk

    async def _document(self, path: str, model: str = "", method: str = "GET") -> Any:
        call = Call(build_without_body(self._settings, path, model, method))
        return await self._whole(call, await self._open(call), call.document)

    async def _open(self, call: Call) -> AsyncResponse:
        """Attempt after attempt, until the status of a response is 2xx."""
        while True:
            while (wait := call.wait_for_start()) > 0:  # noqa: ASYNC110 - a time, not an event
                await sleep(wait)
            call.begin_attempt()
            try:
                response = await open_async(self._settings, call.outgoing())
            except Exception as error:  # noqa: BLE001 - any HTTP client's family, sorted there
                failure = call.lost(error)
            else:
                if call.accepts(response.status, response.headers):
                    return response
                failure = call.refusal(response.status, await self._error_body(call, response))
            await sleep(call.wait_before_retry(failure))

    async def _next(self, call: Call, reader: StreamReader, response: AsyncResponse) -> bytes | None:
        """The next piece of a stream; None at its end, which may be a failure that the reader knows."""
        try:
            call.expect(reader)
            return await response.read()
        except OxenError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - as above
            failure = call.lost(error)
        reader.lose(failure)
        return None

    async def _whole(self, call: Call, response: AsyncResponse, read: Callable[[bytes], T]) -> T:
        """Take in the whole body, within bounds, and read it."""
        try:
            return read(await self._body(call, response))
        except OxenError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - as above
            failure = call.lost(error)
        finally:
            await response.aclose()
        raise call.with_details(failure)

    async def _body(self, call: Call, response: AsyncResponse) -> bytes:
        """The whole body. Apart from `_whole`, whose frame a traceback shows: a server may echo the key."""
        decoder, content = call.decoder(), bytearray()
        while (piece := await response.read()) is not None:
            content += decoder.feed(piece)
            call.check_deadline()
        content += decoder.end()
        return bytes(content)

    async def _error_body(self, call: Call, response: AsyncResponse) -> bytes:
        """The beginning of an error's body: what comes soon, and not too much of it."""
        decoder, content = call.error_decoder(), bytearray()
        with suppress(Exception):
            async with aclosing(response):
                while (piece := await response.read()) is not None and call.deadline.left() > 0:
                    content += decoder.feed(piece)
        return bytes(content)

"""The clients: send, wait, try again, read. The rules live elsewhere; here are bytes and clocks.

`OxenClient` and `AsyncOxenClient` are the same, line for line, in two colours; what both decide
stands once, in `call.py`. They hold no connection: `pools.py` does, or a client of the user's own.

Errors are raised outside the `except` that met their cause: the HTTP library's exceptions hold
the request, and with it the key, and must not hang on ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx

from _oxen_transport.call import Call, timeout_error
from _oxen_transport.catalogue import ModelInfo, known, model_from, models_from
from _oxen_transport.continuation import Continuation
from _oxen_transport.errors import OxenError
from _oxen_transport.http.pools import async_transport, close_async, close_sync, outgoing, sync_transport
from _oxen_transport.http.sockets import Deadline
from _oxen_transport.request.build import Request, build_get
from _oxen_transport.response.content_encoding import ContentDecoder
from _oxen_transport.response.stream import StreamReader, chunks_from
from _oxen_transport.settings import OxenSettings
from _oxen_transport.types import Chunk, Completion

T = TypeVar("T")
LINGER_SECONDS = 0.05
"""After `[DONE]`: what the end of the body may take, so that the connection can be used again."""
ERROR_SECONDS = 1.0
"""What the body of an error may take; its head has already said no."""
ERROR_BYTES = 64 * 1024


class OxenClient:
    """Sends requests and blocks. Thread-safe; cheap to make."""

    def __init__(self, settings: OxenSettings) -> None:
        self._settings = settings

    def send(self, request: Request) -> Completion:
        """One whole answer. Raises: OxenError."""
        if not request.auto_continue:
            return self._answer(request)
        *_, last = self._continued(request, lambda running: chunks_from(self._answer(running)))
        return cast(Completion, last.completion)

    def stream(self, request: Request) -> Generator[Chunk, None, None]:
        """The answer as it comes. Closing the generator closes the connection.

        Raises:
            OxenError: With the part that had arrived in `.partial`, if it fails on the way.
        """
        once = self._stream_once
        return self._continued(request, once) if request.auto_continue or request.resume else once(request)

    def _continued(
        self, request: Request, once: Callable[[Request], Generator[Chunk, None, None]]
    ) -> Generator[Chunk, None, None]:
        """Request after request, until the answer is whole."""
        continuation = Continuation(request)
        while (running := continuation.next()) is not None:
            failure: OxenError | None = None
            with contextlib.closing(once(running)) as chunks:
                try:
                    for chunk in chunks:
                        yield from continuation.take(chunk)
                except OxenError as error:
                    failure = error
            if failure is not None:
                time.sleep(continuation.resume(failure))

    def _answer(self, request: Request) -> Completion:
        call = Call(request)
        response, deadline = self._open(call)
        return self._whole(call, response, deadline, call.completion)

    def _stream_once(self, request: Request) -> Generator[Chunk, None, None]:
        call = Call(request)
        response, deadline = self._open(call)
        if call.wants_json():
            yield from chunks_from(self._whole(call, response, deadline, call.completion))
            return
        try:
            reader = call.reader()
            pieces = iter(response.stream)  # type: ignore[arg-type]
            while not reader.over:
                piece = self._next(call, reader, pieces, deadline)
                if piece is None:
                    break
                yield from reader.feed(piece)
            if reader.done and self._settings.http_client is None:
                deadline.arm(LINGER_SECONDS)
                with contextlib.suppress(Exception):
                    next(pieces, None)
        finally:
            response.close()
        piece = None  # a traceback shows this frame, and a server may echo the key
        yield call.verdict(reader)

    def models(self) -> list[ModelInfo]:
        """The catalogue, fresh. Raises: OxenError."""
        models = models_from(self._get("/models"))
        known.put(self._settings.base_url, models, whole=True)
        return models

    def model(self, name: str) -> ModelInfo:
        """One model of the catalogue, fresh. Raises: OxenNotFoundError, with the nearest ids; OxenError."""
        model = model_from(self._get(f"/models/{quote(name, safe='')}", name))
        known.put(self._settings.base_url, [model], whole=False)
        return model

    def close(self) -> None:
        """Close the connections that objects with these settings share; the next call opens new ones."""
        close_sync(self._settings)

    def _get(self, path: str, model: str = "") -> Any:
        call = Call(build_get(self._settings, path, model))
        response, deadline = self._open(call)
        return self._whole(call, response, deadline, call.document)

    def _open(self, call: Call) -> tuple[httpx.Response, Deadline]:
        """Attempt after attempt, until the head of an answer says yes."""
        while True:
            while (wait := call.turn()) > 0:
                time.sleep(wait)
            deadline = call.attempt()
            try:
                response = self._request(call, deadline)
                if call.answer(response.status_code, response.headers):
                    return response, deadline
                failure = call.refusal(response.status_code, self._error_body(response, deadline))
            except Exception as error:  # noqa: BLE001 - any HTTP client's family, sorted by name
                failure = call.lost(error, deadline)
            if call.unknown_model(failure):
                failure = call.with_nearest(failure, self._served())
            time.sleep(call.after(failure))

    def _served(self) -> list[ModelInfo]:
        """The catalogue for an error's text: what is known, else asked for once, quickly."""
        models = known.all(self._settings.base_url)
        with contextlib.suppress(OxenError):
            return OxenClient(_best_effort(self._settings)).models() if models is None else models
        return []

    def _request(self, call: Call, deadline: Deadline) -> httpx.Response:
        client = self._settings.http_client
        if client is None:
            deadline.head_only = True
            return sync_transport(self._settings).handle_request(outgoing(**call.arguments(deadline)))
        request = client.build_request(**call.arguments(deadline))
        return client.send(request, stream=True, follow_redirects=False)  # type: ignore[no-any-return]

    def _whole(self, call: Call, response: httpx.Response, deadline: Deadline, read: Callable[[bytes], T]) -> T:
        """Take the whole body in, within bounds, and read it."""
        try:
            return read(self._content(call, response, deadline))
        except OxenError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - as above
            failure = call.lost(error, deadline)
        finally:
            response.close()
        raise call.with_details(failure)

    def _content(self, call: Call, response: httpx.Response, deadline: Deadline) -> bytes:
        """The whole body. Apart from `_whole`, whose frame a traceback shows: a server may echo the key."""
        body, content = ContentDecoder(call.headers), bytearray()
        for piece in response.stream:  # type: ignore[union-attr]
            content += body.feed(piece)
            if deadline.left() <= 0:
                raise timeout_error(deadline, call.request)
        body.end()
        return bytes(content)

    def _next(self, call: Call, reader: StreamReader, pieces: Iterator[bytes], deadline: Deadline) -> bytes | None:
        """The next piece of a stream; None at its end, which may be a failure that the reader knows."""
        try:
            call.expect(reader, deadline)
            return next(pieces, None)
        except OxenError as error:
            reader.lose(error)
        except Exception as error:  # noqa: BLE001 - as above
            reader.lose(call.lost(error, deadline))
        return None

    def _error_body(self, response: httpx.Response, deadline: Deadline) -> bytes:
        """The beginning of an error's body: what comes soon."""
        deadline.arm(min(float(deadline), ERROR_SECONDS))
        content = bytearray()
        with contextlib.suppress(Exception), contextlib.closing(response):
            body = ContentDecoder({name.lower(): value for name, value in response.headers.items()}, ERROR_BYTES)
            for piece in response.stream:  # type: ignore[union-attr]
                content += body.feed(piece)
                if deadline.left() <= 0:
                    break
        return bytes(content)


class AsyncOxenClient:
    """Sends requests and awaits. One object serves any number of event loops; cheap to make."""

    def __init__(self, settings: OxenSettings) -> None:
        self._settings = settings

    async def send(self, request: Request) -> Completion:
        """One whole answer. Raises: OxenError."""
        if not request.auto_continue:
            return await self._answer(request)
        async for chunk in self._continued(request, self._answer_chunks):
            last = chunk
        return cast(Completion, last.completion)

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer as it comes. Closing the generator closes the connection.

        Raises:
            OxenError: With the part that had arrived in `.partial`, if it fails on the way.
        """
        once = self._stream_once
        return self._continued(request, once) if request.auto_continue or request.resume else once(request)

    async def _continued(
        self, request: Request, once: Callable[[Request], AsyncGenerator[Chunk, None]]
    ) -> AsyncGenerator[Chunk, None]:
        """Request after request, until the answer is whole."""
        continuation = Continuation(request)
        while (running := continuation.next()) is not None:
            failure: OxenError | None = None
            async with contextlib.aclosing(once(running)) as chunks:
                try:
                    async for chunk in chunks:
                        for piece in continuation.take(chunk):
                            yield piece
                except OxenError as error:
                    failure = error
            if failure is not None:
                await asyncio.sleep(continuation.resume(failure))

    async def _answer(self, request: Request) -> Completion:
        call = Call(request)
        response, deadline = await self._open(call)
        return await self._whole(call, response, deadline, call.completion)

    async def _answer_chunks(self, request: Request) -> AsyncGenerator[Chunk, None]:
        for chunk in chunks_from(await self._answer(request)):
            yield chunk

    async def _stream_once(self, request: Request) -> AsyncGenerator[Chunk, None]:
        call = Call(request)
        response, deadline = await self._open(call)
        if call.wants_json():
            for chunk in chunks_from(await self._whole(call, response, deadline, call.completion)):
                yield chunk
            return
        try:
            reader = call.reader()
            pieces = response.stream.__aiter__()  # type: ignore[union-attr]
            while not reader.over:
                piece = await self._next(call, reader, pieces, deadline)
                if piece is None:
                    break
                for chunk in reader.feed(piece):
                    yield chunk
            if reader.done and self._settings.http_async_client is None:
                deadline.arm(LINGER_SECONDS)
                with contextlib.suppress(Exception, StopAsyncIteration):
                    await pieces.__anext__()
        finally:
            await response.aclose()
        piece = None
        yield call.verdict(reader)

    async def models(self) -> list[ModelInfo]:
        """The catalogue, fresh. Raises: OxenError."""
        models = models_from(await self._get("/models"))
        known.put(self._settings.base_url, models, whole=True)
        return models

    async def model(self, name: str) -> ModelInfo:
        """One model of the catalogue, fresh. Raises: OxenNotFoundError, with the nearest ids; OxenError."""
        model = model_from(await self._get(f"/models/{quote(name, safe='')}", name))
        known.put(self._settings.base_url, [model], whole=False)
        return model

    async def aclose(self) -> None:
        """Close the connections that objects with these settings share in this event loop."""
        await close_async(self._settings)

    async def _get(self, path: str, model: str = "") -> Any:
        call = Call(build_get(self._settings, path, model))
        response, deadline = await self._open(call)
        return await self._whole(call, response, deadline, call.document)

    async def _open(self, call: Call) -> tuple[httpx.Response, Deadline]:
        """Attempt after attempt, until the head of an answer says yes."""
        while True:
            while (wait := call.turn()) > 0:  # noqa: ASYNC110 - the turn is a moment, not an event
                await asyncio.sleep(wait)
            deadline = call.attempt()
            try:
                response = await self._request(call, deadline)
                if call.answer(response.status_code, response.headers):
                    return response, deadline
                failure = call.refusal(response.status_code, await self._error_body(response, deadline))
            except Exception as error:  # noqa: BLE001 - any HTTP client's family, sorted by name
                failure = call.lost(error, deadline)
            if call.unknown_model(failure):
                failure = call.with_nearest(failure, await self._served())
            await asyncio.sleep(call.after(failure))

    async def _served(self) -> list[ModelInfo]:
        """The catalogue for an error's text: what is known, else asked for once, quickly."""
        models = known.all(self._settings.base_url)
        with contextlib.suppress(OxenError):
            return await AsyncOxenClient(_best_effort(self._settings)).models() if models is None else models
        return []

    async def _request(self, call: Call, deadline: Deadline) -> httpx.Response:
        client = self._settings.http_async_client
        if client is None:
            deadline.head_only = True
            transport = await async_transport(self._settings)
            return await transport.handle_async_request(outgoing(**call.arguments(deadline)))
        request = client.build_request(**call.arguments(deadline))
        # a foreign client's timeout is per read: a head that drips would never end
        answer = client.send(request, stream=True, follow_redirects=False)
        return await asyncio.wait_for(answer, max(deadline.left(), 0))

    async def _whole(self, call: Call, response: httpx.Response, deadline: Deadline, read: Callable[[bytes], T]) -> T:
        """Take the whole body in, within bounds, and read it."""
        try:
            return read(await self._content(call, response, deadline))
        except OxenError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - as above
            failure = call.lost(error, deadline)
        finally:
            await response.aclose()
        raise call.with_details(failure)

    async def _content(self, call: Call, response: httpx.Response, deadline: Deadline) -> bytes:
        """The whole body. Apart from `_whole`, whose frame a traceback shows: a server may echo the key."""
        body, content = ContentDecoder(call.headers), bytearray()
        async for piece in response.stream:  # type: ignore[union-attr]
            content += body.feed(piece)
            if deadline.left() <= 0:
                raise timeout_error(deadline, call.request)
        body.end()
        return bytes(content)

    async def _next(
        self, call: Call, reader: StreamReader, pieces: AsyncIterator[bytes], deadline: Deadline
    ) -> bytes | None:
        """The next piece of a stream; None at its end, which may be a failure that the reader knows."""
        try:
            call.expect(reader, deadline)
            return await pieces.__anext__()
        except StopAsyncIteration:
            return None
        except OxenError as error:
            reader.lose(error)
        except Exception as error:  # noqa: BLE001 - as above
            reader.lose(call.lost(error, deadline))
        return None

    async def _error_body(self, response: httpx.Response, deadline: Deadline) -> bytes:
        """The beginning of an error's body: what comes soon."""
        deadline.arm(min(float(deadline), ERROR_SECONDS))
        content = bytearray()
        with contextlib.suppress(Exception):
            async with contextlib.aclosing(response):
                body = ContentDecoder({name.lower(): value for name, value in response.headers.items()}, ERROR_BYTES)
                async for piece in response.stream:  # type: ignore[union-attr]
                    content += body.feed(piece)
                    if deadline.left() <= 0:
                        break
        return bytes(content)


def _best_effort(settings: OxenSettings) -> OxenSettings:
    """For a side errand: no retry, and little patience."""
    return settings.model_copy(update={"max_retries": 0, "timeout": min(settings.timeout, 3.0)})

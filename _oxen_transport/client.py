"""The sync client: send, wait, try again, read. Every decision stands in `call.py`.

`async_client.py` is this file with `async` and `await`; a test compares the two. Errors are raised outside the
`except` that met their cause: the HTTP library's exceptions hold the request, and with it the key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from typing import Any, TypeVar, cast
from urllib.parse import quote

from _oxen_transport.call import Call
from _oxen_transport.catalogue import ModelInfo, known, model_from, models_from
from _oxen_transport.continuation import Continuation
from _oxen_transport.errors import OxenError
from _oxen_transport.http.sync_requests import Response, close_sync, open_sync
from _oxen_transport.request.build import Request, build_without_body
from _oxen_transport.response.stream import StreamReader, chunks_from
from _oxen_transport.settings import OxenSettings
from _oxen_transport.types import Chunk, Completion

T = TypeVar("T")


class OxenClient:
    """Sends requests and blocks. Thread-safe; cheap to make."""

    def __init__(self, settings: OxenSettings) -> None:
        self._settings = settings

    def send(self, request: Request) -> Completion:
        """One whole answer. Raises: OxenError."""
        if not request.auto_continue:
            return self._complete(request)
        for chunk in self._continued(request, self._complete_in_chunks):
            last = chunk
        return cast(Completion, last.completion)

    def stream(self, request: Request) -> Generator[Chunk, None, None]:
        """The answer as it comes; closing the generator closes the connection. Raises: OxenError, with `.partial`."""
        once = self._stream_once
        return self._continued(request, once) if request.auto_continue or request.resume else once(request)

    def models(self) -> list[ModelInfo]:
        """The catalogue, fresh. Raises: OxenError."""
        models = models_from(self._document("/models"))
        known.put(self._settings, models, whole=True)
        return models

    def model(self, name: str) -> ModelInfo:
        """One model of the catalogue, fresh. Raises: OxenNotFoundError; OxenError."""
        model = model_from(self._document(f"/models/{quote(name, safe='')}", name))
        known.put(self._settings, [model], whole=False)
        return model

    def find_models(self, path: str) -> list[ModelInfo]:
        """A part of the catalogue. Raises: OxenError."""
        return models_from(self._document(path))

    def change_model(self, name: str, action: str) -> ModelInfo:
        """Activate or deactivate a deployment. Raises: OxenError."""
        model = model_from(self._document(f"/models/{quote(name, safe='')}/{action}", name, "POST"))
        known.put(self._settings, [model], whole=False)
        return model

    def close(self) -> None:
        """Close the connections that objects with these settings share; the next call opens new ones."""
        close_sync(self._settings)

    def _continued(
        self, request: Request, once: Callable[[Request], Generator[Chunk, None, None]]
    ) -> Generator[Chunk, None, None]:
        """Request after request, until the answer is whole."""
        continuation = Continuation(request)
        while (running := continuation.next()) is not None:
            failure: OxenError | None = None
            with closing(once(running)) as chunks:
                try:
                    for chunk in chunks:
                        for piece in continuation.take(chunk):
                            yield piece
                except OxenError as error:
                    failure = error
            if failure is not None:
                time.sleep(continuation.resume(failure))

    def _complete(self, request: Request) -> Completion:
        call = Call(request)
        return self._whole(call, self._open(call), call.completion)

    def _complete_in_chunks(self, request: Request) -> Generator[Chunk, None, None]:
        for chunk in chunks_from(self._complete(request)):
            yield chunk

    def _stream_once(self, request: Request) -> Generator[Chunk, None, None]:
        call = Call(request)
        response = self._open(call)
        reader = call.reader()
        try:
            while not reader.over:
                piece = self._next(call, reader, response)
                if piece is None:
                    break
                for chunk in reader.feed(piece):
                    yield chunk
            if self._settings.http_client is None and call.lingers(reader):
                with suppress(Exception):
                    response.read()
        finally:
            response.close()
        piece = None  # a traceback shows this frame, and a server may echo the key
        for chunk in call.last_chunks(reader):
            yield chunk

    def _document(self, path: str, model: str = "", method: str = "GET") -> Any:
        call = Call(build_without_body(self._settings, path, model, method))
        return self._whole(call, self._open(call), call.document)

    def _open(self, call: Call) -> Response:
        """Attempt after attempt, until the status of a response is 2xx."""
        while True:
            while (wait := call.wait_for_start()) > 0:
                time.sleep(wait)
            call.begin_attempt()
            try:
                response = open_sync(self._settings, call.outgoing())
            except Exception as error:  # noqa: BLE001 - any HTTP client's family, sorted there
                failure = call.lost(error)
            else:
                if call.accepts(response.status, response.headers):
                    return response
                failure = call.refusal(response.status, self._error_body(call, response))
            time.sleep(call.wait_before_retry(failure))

    def _next(self, call: Call, reader: StreamReader, response: Response) -> bytes | None:
        """The next piece of a stream; None at its end, which may be a failure that the reader knows."""
        try:
            call.expect(reader)
            return response.read()
        except OxenError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - as above
            failure = call.lost(error)
        reader.lose(failure)
        return None

    def _whole(self, call: Call, response: Response, read: Callable[[bytes], T]) -> T:
        """Take in the whole body, within bounds, and read it."""
        try:
            return read(self._body(call, response))
        except OxenError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - as above
            failure = call.lost(error)
        finally:
            response.close()
        raise call.with_details(failure)

    def _body(self, call: Call, response: Response) -> bytes:
        """The whole body. Apart from `_whole`, whose frame a traceback shows: a server may echo the key."""
        decoder, content = call.decoder(), bytearray()
        while (piece := response.read()) is not None:
            content += decoder.feed(piece)
            call.check_deadline()
        content += decoder.end()
        return bytes(content)

    def _error_body(self, call: Call, response: Response) -> bytes:
        """The beginning of an error's body: what comes soon, and not too much of it."""
        decoder, content = call.error_decoder(), bytearray()
        with suppress(Exception), closing(response):
            while (piece := response.read()) is not None and call.deadline.left() > 0:
                content += decoder.feed(piece)
        return bytes(content)

"""A small server that speaks HTTP/2 over TLS, with the h2 library: the scripted server knows only HTTP/1.1."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from _oxen_transport.testing.answers import USAGE, chunks, completion, echo_text, sse

if TYPE_CHECKING:
    import ssl


class Http2Server:
    """Answers "echo: ..." on every stream. Models of certain names break something.

    Attributes:
        connections: How many connections were opened.
        requests: The bodies that came.
        most_at_once: The most streams that were open on one connection.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self.connections = 0
        self.requests: list[Any] = []
        self.answers_at = 1
        """How many requests of a connection must be open before it answers them."""

    def __enter__(self) -> Http2Server:
        self._server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, ssl=self._tls)
        )
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api/ai"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._server.close()
        self._loop.close()


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, server: Http2Server) -> None:
        self._server = server
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._bodies: dict[int, bytes] = {}
        self._waiting: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._server.connections += 1
        self._h2.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        with contextlib.suppress(h2.exceptions.ProtocolError):
            for event in self._h2.receive_data(data):
                self._handle(event)
        self._flush()

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._bodies[event.stream_id] = b""
        elif isinstance(event, h2.events.DataReceived):
            self._bodies[event.stream_id] += event.data
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._waiting.append(event.stream_id)
            if len(self._waiting) >= self._server.answers_at:
                asyncio.get_running_loop().call_soon(self._answer_all)

    def _answer_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for stream_id in waiting:
            self._answer(stream_id)

    def _answer(self, stream_id: int) -> None:
        body = json.loads(self._bodies.pop(stream_id))
        self._server.requests.append(body)
        streamed, model = body.get("stream", False), body["model"]
        kind = "text/event-stream" if streamed else "application/json"
        text = echo_text(body)
        content = sse(chunks(list(text), usage=USAGE)) if streamed else json.dumps(completion(text)).encode()
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.send_headers(stream_id, [(":status", "200"), ("content-type", kind)])
            if model == "resets":
                self._h2.send_data(stream_id, content[: content.index(b"\n\n", 300) + 2])
                self._h2.reset_stream(stream_id, error_code=2)
            else:
                self._h2.send_data(stream_id, content[:16_000], end_stream=len(content) <= 16_000)
            if model == "goes-away":
                self._h2.close_connection()
        self._flush()

    def _flush(self) -> None:
        self.transport.write(self._h2.data_to_send())

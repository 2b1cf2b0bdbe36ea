"""A scripted chat-completions server over a real socket. It knows no client.

with ScriptedServer() as server:
    stage = server.stage(Reply(status=503), answer("Hello"))  # first request, second and later ones
    ...point an LLM at stage.url...
    assert stage.requests[0].body["model"] == "m"
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Dialect:
    """How a provider's servers speak, where they differ in what is right.

    Attributes:
        no_text: The text of an answer that has none.
        calls: How tool calls are streamed, see `wire.VARIANTS`.
        usage_is_asked_for: Whether streams tell their tokens to those who ask, in a chunk of its own
            (OpenAI). False: always, in the last chunk (Mistral).
    """

    no_text: str | None = None
    calls: str = "pieces"
    usage_is_asked_for: bool = True


@dataclass
class Request:
    """One request as it came. `dropped` is set when the client leaves before its answer ended."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    dialect: Dialect
    dropped: threading.Event = field(default_factory=threading.Event)

    @property
    def wants_stream(self) -> bool:
        return self.body.get("stream") is True


@dataclass
class Reply:
    """What is sent back.

    Attributes:
        body: The whole answer; anything but bytes is written as JSON.
        pieces: In place of the body: pieces of an event stream. A float is a pause in seconds, an
            event is waited for.
        cut: Whether the connection breaks after the last piece.
    """

    body: Any = None
    pieces: Iterable[bytes | float | threading.Event] | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


Script = Reply | Callable[[Request], Reply]


@dataclass
class Stage:
    """One test's place on the server: its script and its record. The last reply repeats."""

    url: str
    script: list[Script]
    dialect: Dialect
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [request.body for request in self.requests]

    def next(self, request: Request) -> Reply:
        with self.lock:
            self.requests.append(request)
            reply = self.script[min(len(self.requests), len(self.script)) - 1]
        return reply(request) if callable(reply) else reply


class ScriptedServer:
    """`with ScriptedServer() as server:`; one thread per connection."""

    def __init__(self) -> None:
        stages: dict[str, Stage] = {}
        self._stages = stages
        self._numbers = itertools.count(1)

        class Handler(_Handler):
            known = stages

        self._http = _Quiet(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def stage(self, *script: Script, dialect: Dialect = Dialect()) -> Stage:
        """A place with a script of its own."""
        name = f"stage{next(self._numbers)}"
        self._stages[name] = Stage(f"http://127.0.0.1:{self._http.server_port}/{name}", list(script), dialect)
        return self._stages[name]


class _Quiet(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    known: dict[str, Stage]
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._whole(Reply({"error": {"message": "not here"}}, status=404))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        stage = self.known.get(self.path.split("/")[1])
        if stage is None or not self.path.endswith("/chat/completions"):
            self._whole(Reply({"error": {"message": f"no such place: {self.path}"}}, status=404))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, json.loads(raw), stage.dialect)
        reply = stage.next(request)
        try:
            if reply.pieces is None:
                self._whole(reply)
            else:
                self._streamed(reply)
        except OSError:
            request.dropped.set()
            self.close_connection = True

    def _whole(self, reply: Reply) -> None:
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self._head(reply, {"content-type": "application/json", "content-length": str(len(data))})
        self.wfile.write(data)

    def _streamed(self, reply: Reply) -> None:
        self._head(reply, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        for piece in reply.pieces or ():
            if isinstance(piece, threading.Event):
                piece.wait(10)
            elif isinstance(piece, float):
                self._pause(piece)
            else:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if reply.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _pause(self, seconds: float) -> None:
        """Wait, and notice a client that goes away meanwhile."""
        self.connection.settimeout(seconds)
        try:
            if not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError
            time.sleep(seconds)
        except TimeoutError:
            pass
        finally:
            self.connection.settimeout(None)

    def _head(self, reply: Reply, headers: dict[str, str]) -> None:
        self.send_response(reply.status)
        for name, value in {**headers, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()

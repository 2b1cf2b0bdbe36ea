"""The suite's words for the scripted server: it speaks OpenAI's chat completions, and knows no client.

server = ScriptedServer()
stage = server.stage(Reply(status=503), answer("Hello"))  # first request, second and later ones
...point an LLM at stage.url...
assert stage.requests[0].body["model"] == "m"
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from _oxen_transport.testing import FIN, Received, Server, Step, error_body, open_stream, whole


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
        """Whether it asks for a stream."""
        return self.body.get("stream") is True


@dataclass
class Reply:
    """What is sent back.

    Attributes:
        body: The whole answer; anything but bytes is written as JSON.
        pieces: In place of the body: pieces of an event stream. A float is a pause in seconds, an event is waited for.
        status: The HTTP status.
        headers: Further headers.
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

    script: list[Script]
    dialect: Dialect
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The body of each request."""
        return [request.body for request in self.requests]

    def answer(self, received: Received) -> Iterable[Step]:
        """What the server does with one request."""
        if received.method != "POST" or not received.path.endswith("/chat/completions"):
            return [whole(error_body(f"no such place: {received.path}"), 404)]
        request = Request(received.path, received.headers, received.json, self.dialect)
        self.requests.append(request)
        scripted = self.script[min(len(self.requests), len(self.script)) - 1]
        return _watched(request, scripted(request) if callable(scripted) else scripted)


class ScriptedServer:
    """One server for all stages."""

    def __init__(self) -> None:
        self._server = Server().__enter__()  # its thread ends with the process

    def stage(self, *script: Script, dialect: Dialect = Dialect()) -> Stage:
        """A place with a script of its own."""
        stage = Stage(list(script), dialect)
        stage.url = self._server.stage(stage.answer).url.removesuffix("/api/ai")
        return stage


def _watched(request: Request, reply: Reply) -> Iterator[Step]:
    """The steps of a reply. The server drops them, unfinished, when the client has gone."""
    try:
        yield from _steps(reply)
    except GeneratorExit:
        request.dropped.set()
        raise


def _steps(reply: Reply) -> Iterator[Step]:
    if reply.pieces is None:
        kind = reply.headers.get("content-type", "application/json")
        further = {name: value for name, value in reply.headers.items() if name != "content-type"}
        yield whole(reply.body, reply.status, kind, **further)
        return
    yield from open_stream(status=reply.status, **reply.headers)
    for piece in reply.pieces:
        if isinstance(piece, threading.Event):
            while not piece.is_set():
                yield 0.005
        elif isinstance(piece, float):
            yield piece
        else:
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield FIN if reply.cut else b"0\r\n\r\n"

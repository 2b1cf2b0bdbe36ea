"""A loopback server that is not the bottleneck: rendered once, written at once.

The first segment of the path says what comes back, whichever SDK asked:

    /answer/...          one JSON body
    /answer-20/...       the same after 20 ms
    /text-2000/...       2,000 chunks of text, handed to the kernel in one piece
    /tool-2000/...       one tool call whose arguments come in 2,000 fragments
    /structured-200/...  JSON in 200 pieces: a call of the request's tool if it has one, else text
    /text-50-5/...       50 chunks, one every 5 ms, each its own write: the shape of real traffic

It speaks OpenAI's dialect, because every peer reads it. Run it: `python -m benchmarks.server [FOLDER]`; with a
folder, the second port speaks TLS, and the folder's `ca.pem` is certifi's bundle with our authority in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"
_IDENTITY = {
    "id": "chatcmpl-5d3b0b52",
    "created": 1_700_000_000,
    "model": "open-mixtral-8x22b",
    "system_fingerprint": "fp",  # ChatOpenRouter refuses an answer without it
}
_USAGE = {"prompt_tokens": 11, "completion_tokens": 50, "total_tokens": 61}
TOOL = "Answer"
"""What a structured answer is called."""
WORDS = (" the", " ox", " pulls", " a", " plough", " slowly", ",", " calm", " and", " strong")


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _event(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return b"data: " + _dumps({**_IDENTITY, "object": "chat.completion.chunk", "choices": [choice], **more}) + b"\n\n"


def _call(arguments: str, name: str = "") -> dict[str, Any]:
    """A fragment of a tool call; the first one has the name."""
    first = {"id": "AbC123xyZ", "type": "function"} if name else {}
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return {"tool_calls": [{"index": 0, **first, "function": function}]}


def texts(kind: str, count: int) -> list[str]:
    """An answer in so many pieces: prose, or a JSON object."""
    if kind == "text":
        return [WORDS[i % len(WORDS)] for i in range(count)]
    return ['{"text": "', *(f"{i % 10} ox" for i in range(count - 2)), '"}']


@lru_cache
def answer() -> bytes:
    """A whole answer of fifty tokens."""
    message = {"role": "assistant", "content": "".join(WORDS * 5)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = _dumps({**_IDENTITY, "object": "chat.completion", "choices": [choice], "usage": _USAGE})
    return _HEAD % (b"application/json", b"content-length: %d" % len(body)) + body


@lru_cache
def events(kind: str, count: int, tool: str = "") -> list[bytes]:
    """A stream as HTTP chunks, one event each; the first has the head before it. With `tool`, a call of it."""
    if tool:
        parts = [_event(_call("", tool)), *(_event(_call(text)) for text in texts(kind, count))]
    else:
        parts = [_event({"role": "assistant", "content": ""})]
        parts += [_event({"content": text}) for text in texts(kind, count)]
    # usage beside the finish reason, as Mistral sends it: each peer reads that form
    parts += [_event({}, "tool_calls" if tool else "stop", usage=_USAGE), b"data: [DONE]\n\n"]
    framed = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
    framed[0] = _HEAD % (b"text/event-stream", b"transfer-encoding: chunked") + framed[0]
    framed[-1] += b"0\r\n\r\n"
    return framed


@lru_cache
def coalesced(kind: str, count: int, tool: str = "") -> bytes:
    """The same in one piece."""
    return b"".join(events(kind, count, tool))


class Answering(asyncio.Protocol):
    """One connection. Reads a request's length, looks at its path, writes."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._missing = 0
        self._script = b""
        self._tool = ""
        self._gone = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True

    def data_received(self, data: bytes) -> None:
        if self._missing:  # the rest of the body
            self._missing -= len(data)
        else:
            self._pieces.append(data)
            request = data if len(self._pieces) == 1 else b"".join(self._pieces)
            end = request.find(b"\r\n\r\n")
            if end < 0:
                return
            self._pieces.clear()
            self._script = request.split(b"/", 2)[1]
            self._tool = "look_up" if self._script.startswith(b"tool") else ""
            self._missing = _length(request[:end]) - (len(request) - end - 4)
        if self._script.startswith(b"structured") and b'"tools"' in data:
            self._tool = TOOL
        if self._missing <= 0:
            self._missing = 0
            self._answer()

    def _answer(self) -> None:
        kind, *figures = self._script.decode().split("-")
        if kind == "answer":
            if figures:
                self._loop.call_later(int(figures[0]) / 1000, self._write, answer())
            else:
                self._write(answer())
        elif len(figures) == 1:
            self.transport.write(coalesced(kind, int(figures[0]), self._tool))
        else:
            self._pace(events(kind, int(figures[0])), 0, int(figures[1]) / 1000, self._loop.time())

    def _write(self, data: bytes) -> None:
        if not self._gone:
            self.transport.write(data)

    def _pace(self, parts: list[bytes], at: int, every: float, begun: float) -> None:
        """Write the next event, at its own time however late this one was."""
        if self._gone:
            return
        last = at >= len(parts) - 3  # finish reason, [DONE] and the end come together
        self.transport.write(b"".join(parts[at:]) if last else parts[at])
        if not last:
            self._loop.call_at(begun + (at + 1) * every, self._pace, parts, at + 1, every, begun)


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    return int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _tls(folder: Path) -> ssl.SSLContext:
    """A certificate of our own for this run, its authority among the ones that everybody trusts."""
    import certifi
    import trustme

    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    (folder / "ca.pem").write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
    return context


async def _serve(folder: Path | None) -> None:
    loop = asyncio.get_running_loop()
    ports = []
    for context in (None, _tls(folder)) if folder else (None,):
        server = await loop.create_server(Answering, "127.0.0.1", 0, backlog=2048, ssl=context)
        ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # the parent closed its end


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    asyncio.run(_serve(Path(sys.argv[1]) if sys.argv[1:] else None))


if __name__ == "__main__":
    main()

"""A loopback server that is not the bottleneck: rendered once, written at once.

The first segment of the path says what comes back, whichever SDK asked:

    /answer/...          one JSON body
    /text-2000/...       2,000 chunks of text, handed to the kernel in one piece
    /tool-2000/...       one tool call whose arguments come in 2,000 fragments
    /text-50-5/...       50 chunks, one every 5 ms, each its own write: the shape of real traffic

It speaks OpenAI's dialect, because every peer reads it. Run it: `python -m benchmarks.server`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from functools import lru_cache
from typing import Any

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"
_IDENTITY = {
    "id": "chatcmpl-5d3b0b52",
    "created": 1_700_000_000,
    "model": "open-mixtral-8x22b",
    "system_fingerprint": "fp",  # ChatOpenRouter refuses an answer without it
}
_USAGE = {"prompt_tokens": 11, "completion_tokens": 50, "total_tokens": 61}
WORDS = (" the", " ox", " pulls", " a", " plough", " slowly", ",", " calm", " and", " strong")


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _event(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return b"data: " + _dumps({**_IDENTITY, "object": "chat.completion.chunk", "choices": [choice], **more}) + b"\n\n"


def _call(arguments: str, **first: Any) -> dict[str, Any]:
    function = {"name": "look_up", "arguments": arguments} if first else {"arguments": arguments}
    return {"tool_calls": [{"index": 0, **first, "function": function}]}


@lru_cache
def answer() -> bytes:
    """A whole answer of fifty tokens."""
    message = {"role": "assistant", "content": "".join(WORDS * 5)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = _dumps({**_IDENTITY, "object": "chat.completion", "choices": [choice], "usage": _USAGE})
    return _HEAD % (b"application/json", b"content-length: %d" % len(body)) + body


@lru_cache
def events(kind: str, count: int) -> list[bytes]:
    """A stream as HTTP chunks, one event each; the first has the head before it."""
    if kind == "tool":
        texts = ['{"text": "', *(f"{i % 10} ox" for i in range(count - 2)), '"}']
        parts = [_event(_call("", id="AbC123xyZ", type="function")), *(_event(_call(text)) for text in texts)]
        end = "tool_calls"
    else:
        parts = [_event({"role": "assistant", "content": ""})]
        parts += [_event({"content": WORDS[i % len(WORDS)]}) for i in range(count)]
        end = "stop"
    # usage beside the finish reason, as Mistral sends it: each peer reads that form
    parts += [_event({}, end, usage=_USAGE), b"data: [DONE]\n\n"]
    framed = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
    framed[0] = _HEAD % (b"text/event-stream", b"transfer-encoding: chunked") + framed[0]
    framed[-1] += b"0\r\n\r\n"
    return framed


@lru_cache
def coalesced(kind: str, count: int) -> bytes:
    """The same in one piece."""
    return b"".join(events(kind, count))


class Answering(asyncio.Protocol):
    """One connection. Reads a request's length, looks at its path, writes."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._missing = 0
        self._script = b""
        self._gone = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True

    def data_received(self, data: bytes) -> None:
        if self._missing:  # the rest of a large body: only its length matters
            self._missing -= len(data)
        else:
            self._pieces.append(data)
            request = data if len(self._pieces) == 1 else b"".join(self._pieces)
            end = request.find(b"\r\n\r\n")
            if end < 0:
                return
            self._pieces.clear()
            self._script = request.split(b"/", 2)[1]
            self._missing = _length(request[:end]) - (len(request) - end - 4)
        if self._missing <= 0:
            self._missing = 0
            self._answer()

    def _answer(self) -> None:
        kind, *figures = self._script.decode().split("-")
        if not figures:
            self.transport.write(answer())
        elif len(figures) == 1:
            self.transport.write(coalesced(kind, int(figures[0])))
        else:
            self._pace(events(kind, int(figures[0])), 0, int(figures[1]) / 1000, self._loop.time())

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


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # the parent closed its end


def main() -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    asyncio.run(_serve())


if __name__ == "__main__":
    main()

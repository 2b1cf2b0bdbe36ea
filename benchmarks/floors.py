"""What nobody can go below: the frameworks without a network, and the network without a framework."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import from_json

from benchmarks.cases import Case, messages, tools
from benchmarks.server import WORDS
from benchmarks.subject import KEY, Subject


def _count(url: str) -> int:
    """Chunks per answer, as the server reads them off the path."""
    _, *figures = urlsplit(url).path.strip("/").split("/")[0].split("-")
    return int(figures[0]) if figures else 0


# -- the frameworks ------------------------------------------------------------------------------


def langchain_floor(url: str) -> Any:  # noqa: C901 - one class, its methods short
    """A chat model that has its answer already: what langchain-core itself takes.

    Each chunk is made anew, its fields filled in directly: no plugin can hand out one chunk twice.
    """
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

    count = _count(url)
    noted = {"content", "additional_kwargs", "response_metadata", "tool_call_chunks"}

    def filled(made: Any, fields: dict[str, Any], noted: set[str], extra: Any) -> Any:
        object.__setattr__(made, "__dict__", fields)
        object.__setattr__(made, "__pydantic_fields_set__", noted)
        object.__setattr__(made, "__pydantic_extra__", extra)
        object.__setattr__(made, "__pydantic_private__", None)
        return made

    def chunk(text: str) -> ChatGenerationChunk:
        fields = {
            "content": text,
            "additional_kwargs": {},
            "response_metadata": {"model_provider": "floor"},
            "type": "AIMessageChunk",
            "name": None,
            "id": None,
            "tool_calls": [],
            "invalid_tool_calls": [],
            "usage_metadata": None,
            "tool_call_chunks": [],
            "chunk_position": None,
        }
        message = filled(AIMessageChunk.__new__(AIMessageChunk), fields, set(noted), {})
        outer = {"text": text, "generation_info": {}, "type": "ChatGenerationChunk", "message": message}
        return filled(ChatGenerationChunk.__new__(ChatGenerationChunk), outer, {"message", "text"}, None)  # type: ignore[no-any-return]

    class Floor(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "floor"

        def _result(self) -> ChatResult:
            return ChatResult(generations=[ChatGeneration(message=AIMessage("".join(WORDS * 5)))])

        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self.bind(tools=tools, **kwargs)

        def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
            return self._result()

        async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
            return self._result()

        def _stream(self, *args: Any, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
            for i in range(count):
                made = chunk(WORDS[i % len(WORDS)])
                if run_manager:
                    run_manager.on_llm_new_token(made.text, chunk=made)
                yield made

        async def _astream(self, *args: Any, run_manager: Any = None, **kwargs: Any) -> AsyncIterator[Any]:
            for i in range(count):
                made = chunk(WORDS[i % len(WORDS)])
                if run_manager:
                    await run_manager.on_llm_new_token(made.text, chunk=made)
                yield made

    return Floor()


def llama_index_floor(url: str) -> Any:  # noqa: C901 - as above
    """The same for llama-index-core: its callbacks and events around an answer that is there."""
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
    from llama_index.core.llms.callbacks import llm_chat_callback
    from llama_index.core.llms.function_calling import FunctionCallingLLM

    count = _count(url)

    def chunk(text: str, word: str) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content=text), delta=word)

    def chunks() -> Iterator[ChatResponse]:
        text = ""
        for i in range(count):
            text += (word := WORDS[i % len(WORDS)])
            yield chunk(text, word)

    class Floor(FunctionCallingLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(is_chat_model=True, is_function_calling_model=True)

        def _prepare_chat_with_tools(self, tools: Any, user_msg: Any = None, chat_history: Any = None, **_: Any) -> Any:
            return {"messages": [*(chat_history or []), user_msg]}  # schemas can be kept from an earlier call

        @llm_chat_callback()
        def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            return chunk("".join(WORDS * 5), "")

        @llm_chat_callback()
        async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            return chunk("".join(WORDS * 5), "")

        @llm_chat_callback()
        def stream_chat(self, messages: Any, **kwargs: Any) -> Iterator[ChatResponse]:
            return chunks()

        @llm_chat_callback()
        async def astream_chat(self, messages: Any, **kwargs: Any) -> AsyncIterator[ChatResponse]:
            async def gen() -> AsyncIterator[ChatResponse]:
                for made in chunks():
                    yield made

            return gen()

        complete = acomplete = stream_complete = astream_complete = chat  # type: ignore[assignment]

        def get_tool_calls_from_response(self, *args: Any, **kwargs: Any) -> list[Any]:
            return []

    return Floor()


# -- the network ---------------------------------------------------------------------------------


def _body(case: Case) -> bytes:
    body: dict[str, Any] = {"model": "open-mixtral-8x22b", "messages": messages(case)}
    if case.tools:
        body["tools"] = tools(case)
    if case.call.endswith("stream"):
        body["stream"] = True
    return json.dumps(body).encode()


def _deltas(tail: bytes, piece: bytes) -> tuple[list[Any], bytes]:
    """The least that a client must do: split, parse, pick."""
    *events, tail = (tail + piece).split(b"\n\n")
    return [from_json(event[6:])["choices"][0]["delta"] for event in events if event != b"data: [DONE]"], tail


class Httpx(Subject):
    """httpx as it comes, bytes split by hand."""

    def use(self, case: Case, url: str) -> None:
        import httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._sync = httpx.Client(limits=limits, trust_env=False, timeout=60)
        self._async = httpx.AsyncClient(limits=limits, trust_env=False, timeout=60)
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        self._request = {"url": url + "/chat/completions", "content": _body(case), "headers": headers}

    def send(self) -> Any:
        return from_json(self._sync.post(**self._request).content)

    async def asend(self) -> Any:
        return from_json((await self._async.post(**self._request)).content)

    def stream(self) -> Iterator[Any]:
        tail = b""
        with self._sync.stream("POST", **self._request) as response:
            for piece in response.iter_raw():
                deltas, tail = _deltas(tail, piece)
                yield from deltas

    async def astream(self) -> AsyncIterator[Any]:
        tail = b""
        async with self._async.stream("POST", **self._request) as response:
            async for piece in response.aiter_raw():
                deltas, tail = _deltas(tail, piece)
                for delta in deltas:
                    yield delta


class Socket(Subject):
    """Sockets by hand, blind to every fault: no client can be cheaper in this language."""

    def use(self, case: Case, url: str) -> None:
        parts, body = urlsplit(url), _body(case)
        self._address = (str(parts.hostname), int(parts.port or 80))
        head = f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        self._request = head.encode() + body
        self._open: socket.socket | None = None
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    def send(self) -> Any:
        sock = self._connected()
        sock.sendall(self._request)
        data = sock.recv(65536)
        return from_json(data.split(b"\r\n\r\n", 1)[1])

    def stream(self) -> Iterator[Any]:
        sock = self._connected()
        sock.sendall(self._request)
        tail, ended = b"", False
        while not ended:
            piece = sock.recv(65536)
            ended = piece.endswith(b"0\r\n\r\n")
            deltas, tail = _bare(tail, piece)
            yield from deltas

    def _connected(self) -> socket.socket:
        if self._open is None:
            self._open = socket.create_connection(self._address)
        return self._open

    async def asend(self) -> Any:
        reader, writer = await self._taken()
        writer.write(self._request)
        data = await reader.read(65536)
        self._idle.append((reader, writer))
        return from_json(data.split(b"\r\n\r\n", 1)[1])

    async def astream(self) -> AsyncIterator[Any]:
        reader, writer = await self._taken()
        writer.write(self._request)
        tail, ended = b"", False
        while not ended:
            piece = await reader.read(65536)
            ended = piece.endswith(b"0\r\n\r\n")
            deltas, tail = _bare(tail, piece)
            for delta in deltas:
                yield delta
        self._idle.append((reader, writer))

    async def _taken(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return self._idle.pop() if self._idle else await asyncio.open_connection(*self._address)


def _bare(tail: bytes, piece: bytes) -> tuple[list[Any], bytes]:
    """Events out of the raw bytes: a line that begins with `data: {` is one, the rest is not looked at."""
    *lines, tail = (tail + piece).split(b"\n")
    return [from_json(line[6:])["choices"][0]["delta"] for line in lines if line.startswith(b"data: {")], tail

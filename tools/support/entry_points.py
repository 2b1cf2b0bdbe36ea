"""One way to call them all: the transport, `ChatOxen` and `Oxen`, sync and async, sent and streamed.

A scenario is written once, against `EntryPoint.ask`, and runs for each of them: in tests (`tests/entry_points.py`)
and in the long runs by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

KEY = "sk-test-0123456789abcdefghij"
QUESTION = [{"role": "user", "content": "What does the ox do?"}]

Call = tuple[str | None, str, Any]
Messages = Sequence[dict[str, Any]] | str


@dataclass
class Answer:
    """What a caller got, in the same words for all of them. `pieces` are the texts of the chunks."""

    text: str = ""
    tool_calls: list[Call] = field(default_factory=list)
    usage: tuple[int, int, int] | None = None
    finish_reason: str | None = None
    pieces: list[str] = field(default_factory=list)
    raw: Any = None


@dataclass(frozen=True)
class EntryPoint:
    """One entry point: which class, sync or async, sent or streamed."""

    is_async: bool
    streams: bool
    kind = ""

    def __str__(self) -> str:
        return f"{self.kind}.{'a' if self.is_async else ''}{'stream' if self.streams else 'send'}"

    def make(self, url: str, **options: Any) -> Any:
        """The object under test, pointed at the server."""
        return self._make(base_url=url, **{"api_key": KEY, **options})

    def ask(
        self, model: Any, messages: Messages = QUESTION, /, *, seen: list[Any] | None = None, **call: Any
    ) -> Answer:
        """Ask, wait for the whole answer. An async caller gets an event loop of its own.

        `seen` collects the chunks of a stream as they come: what was handed out before an error.
        """
        if self.is_async:
            return asyncio.run(self.ask_async(model, messages, seen=seen, **call))
        if not self.streams:
            return self._send(model, _list(messages), call)
        answer, seen = Answer(), [] if seen is None else seen
        for chunk in self.chunks(model, messages, **call):
            seen.append(chunk)
            self._add(answer, chunk)
        return self._finish(answer)

    async def ask_async(
        self, model: Any, messages: Messages = QUESTION, /, *, seen: list[Any] | None = None, **call: Any
    ) -> Answer:
        """The same inside a running loop; for async callers only."""
        if not self.streams:
            return await self._asend(model, _list(messages), call)
        answer, seen = Answer(), [] if seen is None else seen
        async for chunk in self.achunks(model, messages, **call):
            seen.append(chunk)
            self._add(answer, chunk)
        return self._finish(answer)

    def ask_each(self, *models: Any) -> list[Answer]:
        """Ask these one after the other, async callers in one event loop."""

        async def run() -> list[Answer]:
            return [await self.ask_async(model) for model in models]

        return asyncio.run(run()) if self.is_async else [self.ask(model) for model in models]

    def read(self, model: Any, take: Callable[[Any], None], **call: Any) -> None:
        """Read a stream; `take` gets each chunk as it comes."""

        async def run() -> None:
            async for chunk in self.achunks(model, **call):
                take(chunk)

        if self.is_async:
            asyncio.run(run())
        else:
            for chunk in self.chunks(model, **call):
                take(chunk)

    def chunks(self, model: Any, messages: Messages = QUESTION, /, **call: Any) -> Iterator[Any]:
        """The stream itself, in the class's own words."""
        return self._stream(model, _list(messages), call)

    async def achunks(self, model: Any, messages: Messages = QUESTION, /, **call: Any) -> AsyncIterator[Any]:
        """The async stream itself. Closing it closes what lies beneath."""
        async with contextlib.aclosing(await self._astream(model, _list(messages), call)) as stream:
            async for chunk in stream:
                yield chunk

    @abstractmethod
    def _make(self, **options: Any) -> Any: ...

    @abstractmethod
    def _send(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Answer: ...

    @abstractmethod
    def _asend(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Coroutine[Any, Any, Answer]: ...

    @abstractmethod
    def _stream(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Iterator[Any]: ...

    @abstractmethod
    def _astream(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Coroutine[Any, Any, Any]: ...

    @abstractmethod
    def text_of(self, chunk: Any) -> str:
        """What this chunk adds to the text."""

    @abstractmethod
    def _add(self, answer: Answer, chunk: Any) -> None: ...

    @abstractmethod
    def _finish(self, answer: Answer) -> Answer: ...


class Transport(EntryPoint):
    """`client_for` / `async_client_for`, with `build`."""

    kind = "client"

    def _make(self, **options: Any) -> Any:
        from _oxen_transport.settings import OxenSettings

        return OxenSettings(**options)

    def _request(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Any:
        from _oxen_transport.request.build import build

        return build(model, messages, stream=self.streams, call=call)

    def _send(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Answer:
        from _oxen_transport import client_for

        return self._whole(client_for(model).send(self._request(model, messages, call)))

    async def _asend(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Answer:
        from _oxen_transport import async_client_for

        return self._whole(await async_client_for(model).send(self._request(model, messages, call)))

    def _stream(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Iterator[Any]:
        from _oxen_transport import client_for

        return client_for(model).stream(self._request(model, messages, call))

    async def _astream(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Any:
        from _oxen_transport import async_client_for

        return async_client_for(model).stream(self._request(model, messages, call))

    def text_of(self, chunk: Any) -> str:
        return str(chunk.text)

    def _add(self, answer: Answer, chunk: Any) -> None:
        assert answer.raw is None, "a chunk came after the last one"
        answer.pieces.append(chunk.text)
        answer.raw = chunk.completion

    def _finish(self, answer: Answer) -> Answer:
        whole = self._whole(answer.raw)
        assert "".join(answer.pieces) == whole.text, "the pieces do not make the whole"
        whole.pieces = answer.pieces
        return whole

    def _whole(self, completion: Any) -> Answer:
        usage = completion.usage
        return Answer(
            text=completion.text,
            tool_calls=[(call.id, call.name, json.loads(call.arguments)) for call in completion.tool_calls],
            usage=usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
            finish_reason=completion.finish_reason,
            raw=completion,
        )


class LangChain(EntryPoint):
    """`ChatOxen`: invoke, ainvoke, stream, astream."""

    kind = "ChatOxen"

    def _make(self, **options: Any) -> Any:
        from langchain_oxen import ChatOxen

        return ChatOxen(**options)

    def _send(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Answer:
        return self._whole(model.invoke(messages, **call))

    async def _asend(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Answer:
        return self._whole(await model.ainvoke(messages, **call))

    def _stream(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Iterator[Any]:
        return iter(model.stream(messages, **call))

    async def _astream(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Any:
        return model.astream(messages, **call)

    def text_of(self, chunk: Any) -> str:
        return str(chunk.text)

    def _add(self, answer: Answer, chunk: Any) -> None:
        answer.pieces.append(str(chunk.text))
        answer.raw = chunk if answer.raw is None else answer.raw + chunk

    def _finish(self, answer: Answer) -> Answer:
        whole = self._whole(answer.raw)
        whole.pieces = answer.pieces
        return whole

    def _whole(self, message: Any) -> Answer:
        usage = message.usage_metadata
        return Answer(
            text=str(message.text),
            tool_calls=[(call["id"], call["name"], call["args"]) for call in message.tool_calls],
            usage=usage and (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]),
            finish_reason=message.response_metadata.get("finish_reason"),
            raw=message,
        )


class LlamaIndex(EntryPoint):
    """`Oxen`: chat, achat, stream_chat, astream_chat."""

    kind = "Oxen"

    def _make(self, **options: Any) -> Any:
        from llama_index_oxen import Oxen

        return Oxen(**options)

    def _send(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Answer:
        return self._whole(model, model.chat(_chat_messages(messages), **call))

    async def _asend(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Answer:
        return self._whole(model, await model.achat(_chat_messages(messages), **call))

    def _stream(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Iterator[Any]:
        return iter(model.stream_chat(_chat_messages(messages), **call))

    async def _astream(self, model: Any, messages: list[Any], call: dict[str, Any]) -> Any:
        return await model.astream_chat(_chat_messages(messages), **call)

    def text_of(self, chunk: Any) -> str:
        return chunk.delta or ""

    def _add(self, answer: Answer, chunk: Any) -> None:
        answer.pieces.append(chunk.delta or "")
        answer.raw = chunk

    def _finish(self, answer: Answer) -> Answer:
        whole = self._whole(None, answer.raw)
        assert "".join(answer.pieces) == whole.text, "the deltas do not make the whole"
        whole.pieces = answer.pieces
        return whole

    def _whole(self, _model: Any, response: Any) -> Answer:
        from llama_index.core.base.llms.types import ToolCallBlock

        calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        made = [(c.tool_call_id, c.tool_name, c.tool_kwargs) for c in calls]
        more = response.additional_kwargs
        figures = tuple(more.get(key) for key in ("prompt_tokens", "completion_tokens", "total_tokens"))
        return Answer(
            text=response.message.content or "",
            tool_calls=[(i, n, json.loads(a) if isinstance(a, str) else a) for i, n, a in made],
            usage=None if None in figures else figures,  # type: ignore[arg-type]
            finish_reason=more.get("finish_reason"),
            raw=response,
        )


def _chat_messages(messages: list[dict[str, Any]]) -> list[Any]:
    from llama_index.core.base.llms.types import ChatMessage

    return [
        message if isinstance(message, ChatMessage) else ChatMessage(role=message["role"], content=message["content"])
        for message in messages
    ]


def _list(messages: Messages) -> list[Any]:
    return [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)


KINDS: tuple[type[EntryPoint], ...] = (Transport, LangChain, LlamaIndex)
EVERY = bool(os.environ.get("EVERY_ENTRY_POINT"))
"""Whether each test runs through each entry point that it names (`poe every-entry-point`), not through a selection."""


def entry_points(
    *kinds: type[EntryPoint], is_async: bool | None = None, streams: bool | None = None
) -> list[EntryPoint]:
    """The entry points of these classes; of all three, if none is named.

    A selection of them, in which every class meets sync and async, whole and streamed answers: half of the product.
    """
    every = matching(kinds, is_async, streams)
    selected = [api for api in every if (api.is_async is api.streams) is not isinstance(api, LangChain)]
    return selected if not EVERY and {api.kind for api in selected} == {api.kind for api in every} else every


def matching(kinds: tuple[type[EntryPoint], ...], is_async: bool | None, streams: bool | None) -> list[EntryPoint]:
    """Every entry point of these classes (of all three, if none is named): all of the product."""
    return [
        kind(is_async=awaited, streams=streamed)
        for streamed in (False, True)
        for kind in kinds or KINDS
        for awaited in (False, True)
        if is_async in (None, awaited) and streams in (None, streamed)
    ]

"""What a subject of the measurements does: the same calls for ours, for the peers and for the floors.

A subject is made once per worker process. `use` sets it up for a case, outside of the
measurement; the calls then do what a user's code would do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.cases import Case, messages, tools
from benchmarks.server import TOOL

KEY = "sk-benchmark-0123456789"
_SCHEMA = {
    "title": TOOL,
    "description": "What the ox does.",
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}


class Unable(Exception):  # noqa: N818 - no fault: a row in which a subject takes no part
    """Why a subject cannot do what is measured, in a sentence."""


class Subject:
    """The calls. Chunks are handed through as they come."""

    def use(self, case: Case, url: str) -> None:
        raise NotImplementedError

    def send(self) -> Any:
        raise NotImplementedError

    async def asend(self) -> Any:
        raise NotImplementedError

    def stream(self) -> Iterator[Any]:
        raise NotImplementedError

    async def astream(self) -> AsyncIterator[Any]:
        raise NotImplementedError
        yield

    def text(self, chunk: Any) -> str:
        """What a chunk says."""
        raise NotImplementedError

    def batch(self, count: int, at_once: int) -> None:
        """So many calls on so many threads."""
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda _: self.send(), range(count)))

    def structured(self) -> Iterator[Any]:
        """A stream of objects that grow."""
        raise NotImplementedError

    def trim(self) -> None:
        """Keep the newest half of the conversation."""
        raise NotImplementedError


class _Model(Subject):
    """A model object per URL, made when first asked for."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        self._make, self._made = make, dict[str, Any]()

    def _at(self, url: str) -> Any:
        if url not in self._made:
            self._made[url] = self._make(url)
        return self._made[url]


class LangChain(_Model):
    """A chat model of LangChain's."""

    def use(self, case: Case, url: str) -> None:
        from langchain_core.messages import AIMessage, HumanMessage

        self._model = self._at(url)
        if case.tools:
            self._model = self._model.bind_tools(tools(case))
        if case.call == "structured":
            self._structured = self._model.with_structured_output(_SCHEMA, method="json_schema")
        kinds = {"user": HumanMessage, "assistant": AIMessage}
        self._messages = [kinds[turn["role"]](turn["content"]) for turn in messages(case)]

    def send(self) -> Any:
        return self._model.invoke(self._messages)

    async def asend(self) -> Any:
        return await self._model.ainvoke(self._messages)

    def stream(self) -> Iterator[Any]:
        return self._model.stream(self._messages)  # type: ignore[no-any-return]

    def astream(self) -> AsyncIterator[Any]:
        return self._model.astream(self._messages)  # type: ignore[no-any-return]

    def text(self, chunk: Any) -> str:
        return str(chunk.content)

    def batch(self, count: int, at_once: int) -> None:
        self._model.batch([self._messages] * count, {"max_concurrency": at_once})

    def structured(self) -> Iterator[Any]:
        return self._structured.stream(self._messages)  # type: ignore[no-any-return]

    def trim(self) -> None:
        from langchain_core.messages import trim_messages

        try:
            whole = self._model.get_num_tokens_from_messages(self._messages)
        except (ImportError, OSError) as error:  # tiktoken's table, or transformers with a tokenizer of some model
            raise Unable("its own token counter needs a download from the internet, which there was not") from error
        kept = trim_messages(self._messages, max_tokens=whole // 2, token_counter=self._model, strategy="last")
        assert len(self._messages) * 0.4 < len(kept) < len(self._messages) * 0.6, len(kept)


class LlamaIndex(_Model):
    """An LLM of LlamaIndex's."""

    def use(self, case: Case, url: str) -> None:
        from llama_index.core.base.llms.types import ChatMessage

        self._model = self._at(url)
        self._messages = [ChatMessage(role=turn["role"], content=turn["content"]) for turn in messages(case)]
        self._tools = [_function_tool(tool["function"]["name"]) for tool in tools(case)]

    def send(self) -> Any:
        if self._tools:
            *before, last = self._messages
            return self._model.chat_with_tools(self._tools, user_msg=last, chat_history=before)
        return self._model.chat(self._messages)

    async def asend(self) -> Any:
        return await self._model.achat(self._messages)

    def stream(self) -> Iterator[Any]:
        return self._model.stream_chat(self._messages)  # type: ignore[no-any-return]

    async def astream(self) -> AsyncIterator[Any]:
        async for chunk in await self._model.astream_chat(self._messages):
            yield chunk

    def text(self, chunk: Any) -> str:
        return chunk.delta or ""

    def structured(self) -> Iterator[Any]:
        from llama_index.core.prompts import PromptTemplate
        from pydantic import create_model

        answer = create_model(TOOL, text=(str, ...))
        return self._model.stream_structured_predict(answer, PromptTemplate("What does the ox do?"))  # type: ignore[no-any-return]


def _function_tool(name: str) -> Any:
    from llama_index.core.tools import FunctionTool

    def look_up(path, depth=1, names=None):  # type: ignore[no-untyped-def]
        return path

    # by hand: under `from __future__ import annotations` they would be texts, which FunctionTool does not resolve
    look_up.__annotations__ = {"path": str, "depth": int, "names": list[str] | None, "return": str}
    return FunctionTool.from_defaults(look_up, name=name, description="Looks.")

"""What both packages do alike, behind one form: objects that are asked for, and one conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, Field

from _oxen_transport.testing import Attempt, Received, Step, chunk, chunks, completion, sse, streamed, whole
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen


class Ox(BaseModel):
    """An ox."""

    name: str = Field(description="its name")
    age: int = Field(gt=0)


BELLA = Ox(name="Bella", age=7)
QUESTION = "The ox 'Bella' is 7 years old."
WAYS = ("sync", "async", "stream", "astream")
STREAMS = WAYS[2:]


def langchain(url: str, schema: Any, way: str, method: str | None = None, **options: Any) -> list[Any]:
    """All that one way of asking for an object shows; the last is the answer."""
    model = ChatOxen(base_url=url, api_key="sk-1", max_retries=0, model=options.pop("model", "open-mixtral-8x22b"))
    asked: Any = model.with_structured_output(schema, **options, **({"method": method} if method else {}))
    if way == "sync":
        return [asked.invoke(QUESTION)]
    if way == "stream":
        return list(asked.stream(QUESTION))

    async def run() -> list[Any]:
        return [await asked.ainvoke(QUESTION)] if way == "async" else [one async for one in asked.astream(QUESTION)]

    return asyncio.run(run())


def llama_index(url: str, schema: Any, way: str, method: str | None = None, **options: Any) -> list[Any]:
    """All that one way of asking for an object shows; the last is the answer."""
    given = {"structured_repair": options.pop("repair", False), **({"structured_method": method} if method else {})}
    call = options.pop("call", {})
    llm = Oxen(base_url=url, api_key="sk-1", max_retries=0, **given, **options)
    return objects_of(llm, schema, way, call)


def objects_of(llm: Oxen, schema: Any, way: str, call: dict[str, Any]) -> list[Any]:
    """All that `structured_predict`, or another way to it, shows."""
    prompt = PromptTemplate("The ox '{name}' is 7 years old.")  # core's text program writes on the prompt it is given
    if way == "sync":
        return [llm.structured_predict(schema, prompt, name="Bella", **call)]
    if way == "stream":
        return list(llm.stream_structured_predict(schema, prompt, name="Bella", **call))

    async def run() -> list[Any]:
        if way == "async":
            return [await llm.astructured_predict(schema, prompt, name="Bella", **call)]
        return [one async for one in await llm.astream_structured_predict(schema, prompt, name="Bella", **call)]

    return asyncio.run(run())


each_package = pytest.mark.parametrize("shown", [langchain, llama_index], ids=lambda package: package.__name__)


def says(*texts: str, reason: str = "stop") -> Attempt:
    """Answers one after the other, as text, whole or streamed as the request asks."""

    def attempt(request: Received) -> Iterable[Step]:
        text = texts[min(request.number, len(texts)) - 1]
        if request.wants_stream:
            return streamed(sse(chunks([text[:9], text[9:]], finish_reason=reason)))
        return [whole(completion(text, finish_reason=reason))]

    return attempt


def answers(message: dict[str, Any], *deltas: dict[str, Any], reason: str = "stop") -> Attempt:
    """A message with fields of its own, whole or streamed as the request asks."""
    body = completion("", finish_reason=reason)
    body["choices"][0]["message"].update(message)
    flow = sse([*map(chunk, deltas or (message,)), chunk(None, reason)])
    return lambda request: streamed(flow) if request.wants_stream else [whole(body)]


def calls(*made: tuple[str, dict[str, Any]], piece: int = 7) -> Attempt:
    """Calls of tools, whole or streamed as the request asks."""
    tool_calls = [(f"AbC123xy{number}", name, arguments) for number, (name, arguments) in enumerate(made)]

    def attempt(request: Received) -> Iterable[Step]:
        if request.wants_stream:
            return streamed(sse(chunks(tool_calls=tool_calls, piece=piece)))
        return [whole(completion(tool_calls=tool_calls))]

    return attempt

"""What an async server may not do in its loop, as langgraph-api forbids it: https://github.com/langchain-ai/langgraph/issues/4218."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock

from _oxen_transport.request import tokenizer as tokenizer_module
from _oxen_transport.testing import Server, good
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tests.entry_points import EntryPoint, LangChain, LlamaIndex, each, entry_points


@pytest.fixture(autouse=True)
def _tokenizer_not_loaded_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_module, "_loaded", [])


def guarded(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it in a loop where what blocks raises."""

    async def inside() -> Any:
        with blockbuster_ctx():
            return await coroutine

    return asyncio.run(inside())


def test_the_guard_sees_a_file_that_is_read() -> None:
    async def read() -> str:
        return Path(__file__).read_text(encoding="utf-8")  # noqa: ASYNC240 - to be caught

    with pytest.raises(BlockingError):
        guarded(read())


@pytest.mark.parametrize(
    "counting", [{"max_tokens": "fit"}, {"check_context": True}], ids=lambda given: next(iter(given))
)
@each(*entry_points(LangChain, LlamaIndex, is_async=True))
def test_a_counted_call(api: EntryPoint, counting: dict[str, Any], server: Server) -> None:
    stage = server.stage(good)
    guarded(api.ask_async(api.make(stage.url), "hi", **counting))
    assert ("max_tokens" in stage.bodies[0]) == ("max_tokens" in counting)


def test_a_count_inside_a_node() -> None:
    async def node() -> tuple[int, int]:
        chat = ChatOxen(base_url="http://127.0.0.1:1")
        return chat.get_num_tokens("Hello"), chat.get_num_tokens_from_messages(
            [HumanMessage("Hello, what can you do?")]
        )

    assert guarded(node()) == (1, 10)


@pytest.mark.parametrize("streams", [False, True])
def test_an_image_on_this_machine(streams: bool, server: Server, tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"bytes")
    stage = server.stage(good)
    llm = Oxen(base_url=stage.url, api_key="k", model="pixtral-12b")
    message = ChatMessage(blocks=[TextBlock(text="see"), ImageBlock(path=image, image_mimetype="image/png")])

    async def ask() -> None:
        if streams:
            [_ async for _ in await llm.astream_chat([message])]
        else:
            await llm.achat([message])

    guarded(ask())
    assert base64.b64encode(b"bytes").decode() in str(stage.bodies[0])

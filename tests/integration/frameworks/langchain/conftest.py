"""Each flow is checked as a whole: valid requests, no text lost on either way, tokens as the server counted them."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook

from _oxen_transport.testing import Server, Stage
from _oxen_transport.tools.names import wire_name
from tests.integration.frameworks.checked_server import Answer, CheckedServer
from tools.support.ideal_model import ideal


class Watch(BaseCallbackHandler):
    """What LangChain gives to models, and what it gets from them."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.arrived: list[Answer] = []

    def on_chat_model_start(self, _: dict[str, Any], messages: list[list[BaseMessage]], **_more: Any) -> None:
        self.given.append([text for message in messages[0] for text in _texts(message)])

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        message: Any = response.generations[0][0].message
        made = [*message.tool_calls, *message.invalid_tool_calls]
        calls = [[wire_name(call["name"] or ""), call["args"]] for call in made]
        usage = message.usage_metadata or {}
        self.arrived.append((str(message.text), calls, usage.get("input_tokens", 0), usage.get("output_tokens", 0)))


def _texts(message: BaseMessage) -> Iterator[str]:
    content = [message.content] if isinstance(message.content, str) else message.content
    yield from (part if isinstance(part, str) else part.get("text", "") for part in content)
    for call in message.tool_calls if isinstance(message, AIMessage) else ():
        yield from (value for value in call["args"].values() if isinstance(value, str))


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
register_configure_hook(_WATCH, inheritable=True)


@pytest.fixture
def server(server: Server) -> Iterator[CheckedServer]:
    """The scripted server; a test fails whose requests Mixtral would refuse, or in which something is lost."""
    checked, watch = CheckedServer(server), Watch()
    token = _WATCH.set(watch)
    try:
        yield checked
    finally:
        _WATCH.reset(token)
    checked.check(watch.given, watch.arrived)


@pytest.fixture
def stage(server: CheckedServer) -> Stage:
    return server.stage(ideal)

"""Each flow is checked as a whole: valid requests, no text lost on either way, tokens as the server counted them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ToolCallBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionStartEvent,
)
from pydantic import Field

from _oxen_transport.testing import Server, Stage
from _oxen_transport.tools.names import wire_name
from llama_index_oxen import Oxen
from tests.integration.frameworks.checked_server import Answer, CheckedServer, arguments_of
from tests.integration.frameworks.llama_index.scripts import Make


class Watch(BaseEventHandler):
    """What LlamaIndex gives to each call of an `Oxen`, and what it gets from it, as its own events tell it."""

    given: dict[str, list[str]] = Field(default_factory=dict)
    """The id of each call's span, and its texts."""
    arrived: list[Answer] = Field(default_factory=list)
    around: int = 0
    """Calls of core's `StructuredLLM`, each of which makes one of ours: counters estimate their tokens once more.

    https://github.com/run-llama/llama_index/issues/19845
    """

    def handle(self, event: BaseEvent, **_: Any) -> None:
        """Copy what the event holds: some of the framework's parts change a response later."""
        if isinstance(event, LLMChatStartEvent | LLMCompletionStartEvent):
            if event.model_dict["class_name"] != Oxen.class_name():
                self.around += 1
            elif isinstance(event, LLMChatStartEvent):
                self.given[str(event.span_id)] = [text for message in event.messages for text in _texts(message)]
            else:
                self.given[str(event.span_id)] = [event.prompt]
        elif isinstance(event, LLMChatEndEvent | LLMCompletionEndEvent) and event.span_id in self.given:
            self.arrived.append(_answer(event.response))


def _texts(message: ChatMessage) -> Iterable[str]:
    for block in message.blocks:
        if isinstance(block, TextBlock):
            yield block.text
        elif isinstance(block, ToolCallBlock):
            yield from (value for value in dict(block.tool_kwargs).values() if isinstance(value, str))


def _answer(response: Any) -> Answer:
    """The tokens are in two places, which must agree: a difference counts as none."""
    usage, beside = response.raw["usage"], response.additional_kwargs
    counted = usage if usage["total_tokens"] == beside["total_tokens"] else {}
    message = getattr(response, "message", None)
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)] if message else []
    made = [[wire_name(call.tool_name), _values(call.tool_kwargs)] for call in calls]
    text = (message.content or "") if message else response.text
    return text, made, counted.get("prompt_tokens", 0), counted.get("completion_tokens", 0)


def _values(arguments: dict[str, Any] | str) -> Any:
    return arguments_of(arguments) if isinstance(arguments, str) else arguments


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch, root = Watch(), get_dispatcher()
    monkeypatch.setattr(root, "event_handlers", [*root.event_handlers, watch])
    return watch


@pytest.fixture
def server(server: Server, watch: Watch) -> Iterator[CheckedServer]:
    """The scripted server; a test fails whose requests Mixtral would refuse, or in which something is lost."""
    checked = CheckedServer(server)
    yield checked
    checked.check(list(watch.given.values()), watch.arrived)


@pytest.fixture
def make(server: CheckedServer, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes an `Oxen` and the stage of its script; LlamaIndex's own counter must have counted what the server has."""
    counter = TokenCountingHandler()
    manager = CallbackManager([counter])
    monkeypatch.setattr(Settings, "_callback_manager", manager)  # engines put it on their model

    def made(*attempts: Any, **options: Any) -> tuple[Oxen, Stage]:
        stage = server.stage(*attempts)
        return Oxen(base_url=stage.url, api_key="sk-1", max_retries=0, callback_manager=manager, **options), stage

    yield made
    counts = Counter((event.prompt_token_count, event.completion_token_count) for event in counter.llm_token_counts)
    arrived = Counter(answer[2:] for answer in watch.arrived)
    assert arrived <= counts
    assert counts.total() == arrived.total() + watch.around

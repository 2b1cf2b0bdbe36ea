"""What every group of tests shares: the LLM under test, its abilities, and its methods."""

from __future__ import annotations

import asyncio
import inspect
from abc import abstractmethod
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import Field

from llama_index_oxen.testing.conformance.server import Dialect, Script, ScriptedServer, Stage
from llama_index_oxen.testing.conformance.wire import VARIANTS

KEY = "sk-canary-7f3a"  # the API key of all tests: it must turn up nowhere but in the request's head
QUESTION = "When does the tide turn?"
CHAT_METHODS = ("chat", "achat", "stream_chat", "astream_chat")
COMPLETE_METHODS = ("complete", "acomplete", "stream_complete", "astream_complete")
METHODS = (*CHAT_METHODS, *COMPLETE_METHODS)
BLUNDERS = (TypeError, AttributeError, KeyError, IndexError, UnboundLocalError, AssertionError, NotImplementedError)
"""Errors that say nothing to who sees them: a fault of the server must not look like one of these."""


class LLMTests:
    """Make a subclass, name the class, and say how it is pointed at a server.

    Abilities that a provider does not have are switched off by properties; their tests are skipped.
    """

    @property
    @abstractmethod
    def llm_class(self) -> type[FunctionCallingLLM]:
        """The class under test."""

    @property
    def llm_params(self) -> dict[str, Any]:
        """Arguments that it needs in every test, without key and address."""
        return {"model": "a-model"}

    def pointed_at(self, url: str) -> dict[str, Any]:
        """The arguments that make it call `{url}/chat/completions` (more may stand between)."""
        return {"api_base": url}

    # -- switches ----------------------------------------------------------------------------

    @property
    def has_tools(self) -> bool:
        """Whether the provider calls tools."""
        return True

    @property
    def has_structured_output(self) -> bool:
        """Whether it answers with objects."""
        return self.has_tools

    @property
    def has_usage_in_streams(self) -> bool:
        """Whether its streams tell their tokens, to those who ask for them."""
        return True

    @property
    def has_logprobs(self) -> bool:
        """Whether it gives log probabilities."""
        return False

    @property
    def dialect(self) -> Dialect:
        """How the provider's servers speak."""
        return Dialect()

    @property
    def call_variants(self) -> Collection[str]:
        """The ways of streaming tool calls that the class must read, see `wire.VARIANTS`."""
        return VARIANTS

    @property
    def no_retries(self) -> dict[str, Any]:
        """The arguments for: one attempt, no more."""
        return {"max_retries": 0}

    @property
    def two_retries(self) -> dict[str, Any]:
        """The arguments for: at most two further attempts."""
        return {"max_retries": 2}

    def with_timeout(self, seconds: float) -> dict[str, Any]:
        """The arguments for a limit to the server's silence."""
        return {"timeout": seconds}

    @property
    def key_variables(self) -> tuple[str, ...]:
        """The environment variables from which the class reads its key."""
        return ()

    # -- tools of the tests --------------------------------------------------------------------

    @pytest.fixture(autouse=True)
    def _is_able(self, request: pytest.FixtureRequest) -> None:
        """Skip a group whose ability is switched off."""
        group = request.function.__qualname__.partition(".")[0]
        for kind in type(self).__mro__:
            if kind.__name__ == group:
                for ability in vars(kind).get("needs", ()):
                    self.skip_without(ability)
        self.ran: list[str] = []

    @pytest.fixture
    def events(self) -> Iterator[list[Any]]:
        """Every event of LlamaIndex's instrumentation, in order."""
        root, recorder = get_dispatcher(), Recorder()
        root.add_event_handler(recorder)
        yield recorder.seen
        root.event_handlers.remove(recorder)

    def llm(self, *script: Script, **more: Any) -> tuple[Any, Stage]:
        """The LLM, and the stage that answers it."""
        stage = running_server().stage(*script, dialect=self.dialect)
        given = {"api_key": KEY, **self.no_retries, **self.llm_params, **self.pointed_at(stage.url), **more}
        return self.llm_class(**given), stage

    def skip_unless_read(self, variant: str) -> None:
        if variant not in self.call_variants:
            pytest.skip(f"the provider's servers never send {variant}")

    def skip_without(self, ability: str) -> None:
        if not getattr(self, ability):
            pytest.skip(f"{ability} is switched off")


class Recorder(BaseEventHandler):
    """Keeps every event."""

    seen: list[Any] = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "Recorder"

    def handle(self, event: Any, **_: Any) -> None:
        self.seen.append(event)


@cache
def running_server() -> ScriptedServer:
    """One server for all tests of a process; its threads end with it."""
    return ScriptedServer()


def ask(llm: Any, method: str, question: Any = QUESTION, **kwargs: Any) -> list[Any]:
    """Every response of one call, by one of the eight methods; the last is the whole answer."""
    given = question if "complete" in method or not isinstance(question, str) else [user(question)]
    return collect(getattr(llm, method), given, **kwargs)


def collect(method: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """Call it, in a loop of its own if it is async; what a stream yields, or the one value."""

    async def run() -> list[Any]:
        made = await method(*args, **kwargs)
        return [one async for one in made] if hasattr(made, "__aiter__") else [made]

    if inspect.iscoroutinefunction(method) or inspect.iscoroutinefunction(inspect.unwrap(method)):
        return asyncio.run(run())
    made = method(*args, **kwargs)
    return list(made) if inspect.isgenerator(made) else [made]


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def text_of(response: Any) -> str:
    return (response.text if hasattr(response, "text") else response.message.content) or ""


def calls_of(response: Any) -> list[tuple[str | None, str, Any]]:
    """The calls of an answer, from its blocks."""
    blocks = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    return [(block.tool_call_id, block.tool_name, block.tool_kwargs) for block in blocks]

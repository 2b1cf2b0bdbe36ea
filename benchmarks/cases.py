"""What is measured: one row each, with who takes part in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Call = Literal["send", "asend", "stream", "astream"]

LANGCHAIN = ("ChatOxen", "ChatOpenAI", "ChatOpenAI on aiohttp", "ChatMistralAI", "ChatOpenRouter")
_ASYNC_ONLY = "ChatOpenAI on aiohttp"
LLAMA_INDEX = ("Oxen", "OpenAILike", "MistralAI")
FLOORS = ("langchain-core", "llama-index-core", "httpx", "socket")
# their own clients were built for whole tool calls: fragments make them do work nobody would ask for
_NO_FRAGMENTS = ("ChatMistralAI", "MistralAI")


@dataclass(frozen=True)
class Case:
    """One row of the results. `repeat` calls are one measurement, at `at_once` in flight.

    The figure is CPU time per unit: per chunk for a stream, per call otherwise.
    """

    name: str
    path: str
    call: Call
    repeat: int = 1
    at_once: int = 1
    history: int = 1
    prompt_bytes: int = 0
    tools: int = 0
    subjects: tuple[str, ...] = tuple(name for name in (*LANGCHAIN, *LLAMA_INDEX, *FLOORS) if name != _ASYNC_ONLY)
    rounds: int = 0
    """How often; 0 is as often as the run says. Slow rows are repeated less."""
    quick: bool = False
    """Whether `--quick` has it."""

    @property
    def chunks(self) -> int:
        """Chunks of one answer; 0 for an answer in one body."""
        return int(self.path.split("-")[1]) if "-" in self.path else 0

    @property
    def units(self) -> int:
        """What the CPU time is divided by."""
        return self.repeat * (self.chunks or 1)


_ALL = (*LANGCHAIN, *LLAMA_INDEX, *FLOORS)
_ASYNC = tuple(name for name in _ALL if name != "ChatOpenRouter")
_FAST = tuple(name for name in _ASYNC if name != "MistralAI")
_TOOLS = tuple(name for name in _ASYNC if name not in _NO_FRAGMENTS)


def _sync(subjects: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in subjects if name != _ASYNC_ONLY)


CASES = (
    Case("invoke", "answer", "send", 40, quick=True),
    Case("ainvoke", "answer", "asend", 40, quick=True, subjects=_ALL),
    Case("invoke, 3 tools", "answer", "send", 30, tools=3),
    Case("invoke, 20 tools", "answer", "send", 20, tools=20),
    Case("invoke, 50 messages", "answer", "send", 20, history=50, quick=True),
    Case("invoke, 4,000 messages", "answer", "send", history=4000, rounds=1, subjects=_sync(_FAST)),
    Case("invoke, 300 tools", "answer", "send", 2, tools=300, rounds=1, subjects=_sync(_FAST)),
    Case("invoke, 1 MB prompt", "answer", "send", 8, prompt_bytes=2**20),
    Case("stream 200", "text-200", "stream", 4),
    Case("stream 2,000", "text-2000", "stream", quick=True),
    Case("astream 2,000", "text-2000", "astream", quick=True, subjects=_ALL),
    Case("stream 20,000", "text-20000", "stream", rounds=2, subjects=_sync(_FAST)),
    Case("astream 20,000", "text-20000", "astream", rounds=2, subjects=_FAST),
    Case("stream 2,000, tool call", "tool-2000", "stream", quick=True, subjects=_sync(_TOOLS)),
    Case("astream 2,000, tool call", "tool-2000", "astream", subjects=_TOOLS),
    Case("1 paced stream", "text-200-1", "astream", subjects=_ASYNC),
    Case("1 paced stream, sync", "text-200-1", "stream", subjects=_sync(_ASYNC)),
    Case("100 paced streams", "text-40-50", "astream", 100, 100, subjects=_ASYNC, rounds=2, quick=True),
    Case("1,000 streams", "text-50-5", "astream", 1000, 1000, subjects=_ASYNC, rounds=1),
    Case("1,000 calls, 100 in flight", "answer", "asend", 1000, 100, subjects=_ASYNC, rounds=2, quick=True),
)


def messages(case: Case) -> list[dict[str, Any]]:
    """The conversation that is sent, in OpenAI's form."""
    turns = [
        {"role": "user" if i % 2 == 0 else "assistant", "content": f"Turn {i}: what does the ox do, and why?"}
        for i in range(case.history - 1 + case.history % 2)
    ]
    if case.prompt_bytes:
        turns[-1]["content"] = "The ox is strong. " * (case.prompt_bytes // 18)
    return turns


def tools(case: Case) -> list[dict[str, Any]]:
    """Tools in OpenAI's form."""
    parameters = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Where to look"},
            "depth": {"type": "integer", "description": "How deep"},
            "names": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["path"],
    }
    return [
        {"type": "function", "function": {"name": f"look_up_{i}", "description": "Looks.", "parameters": parameters}}
        for i in range(case.tools)
    ]

"""What is measured: one row each, with who takes part in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Call = Literal["send", "asend", "stream", "astream", "batch", "structured", "app", "trim", "marks"]

LANGCHAIN = ("ChatOxen", "ChatOpenAI", "ChatOpenAI on aiohttp", "ChatMistralAI", "ChatOpenRouter")
LLAMA_INDEX = ("Oxen", "OpenAILike", "MistralAI")
OURS = ("ChatOxen", "Oxen")
FLOORS = ("langchain-core", "llama-index-core", "httpx", "aiohttp")
SLOW = ("ChatOpenRouter", "MistralAI")
"""Peers that take part in the first round of each row only: the rest of the run would wait for them."""
BEFORE = {name: f"{name} before" for name in OURS}
"""Ours of an older commit, where `--baseline` names one."""
MODULES_OF = "modules of "
"""What the figures of an import begin with: so many modules of each package."""

_ALL = (*LANGCHAIN, *LLAMA_INDEX, *FLOORS)
_ASYNC_ONLY = ("ChatOpenAI on aiohttp", "aiohttp")
_SYNC_ONLY = ("httpx",)
# their own clients were built for whole tool calls: fragments make them do work nobody would ask for
_NO_FRAGMENTS = ("ChatMistralAI", "MistralAI")


def _without(*names: str) -> tuple[str, ...]:
    return tuple(name for name in _ALL if name not in names)


_SYNC = _without(*_ASYNC_ONLY)
_ASYNC = _without(*_SYNC_ONLY)
_FAST = _without(*_SYNC_ONLY, "MistralAI", "ChatOpenRouter")
_SYNC_FAST = _without(*_ASYNC_ONLY, "MistralAI", "ChatOpenRouter")
_CROWD = _without(*_SYNC_ONLY, "ChatOpenRouter")
_PEERS = _without(*FLOORS)
_STRUCTURED = (*(name for name in _PEERS if name not in (*_ASYNC_ONLY, "MistralAI")), "langchain-core")


@dataclass(frozen=True)
class Case:
    """One row of the results. `repeat` calls are one measurement, at `at_once` in flight.

    The figure is CPU time per unit: per chunk for a stream, per message for `trim`, per call otherwise.
    """

    name: str
    path: str
    call: Call
    repeat: int = 1
    at_once: int = 1
    history: int = 1
    prompt_bytes: int = 0
    tools: int = 0
    subjects: tuple[str, ...] = _SYNC
    rounds: int = 0
    """How often; 0 is as often as the run says. Slow rows are repeated less."""
    quick: bool = False
    """Whether `--quick` has it."""
    uvloop: bool = False
    tls: bool = False
    deadline: float = 30.0
    """Seconds after which a measurement ends, finished or not."""
    series: str = ""
    """The growth it is a point of: `chunks`, `calls in flight`, `messages`, `tools`."""
    at: int = 0
    """Where in that series."""

    @property
    def chunks(self) -> int:
        """Chunks of one answer; 0 for an answer in one body."""
        return int(self.path.split("-")[1]) if "-" in self.path and not self.path.startswith("answer") else 0

    @property
    def units(self) -> int:
        """What the CPU time is divided by."""
        return self.history if self.call == "trim" else self.repeat * (self.chunks or 1)


# crowds last: what they leave in a process would count in the memory of the rows after them
CASES = (
    Case("invoke", "answer", "send", 40, quick=True),
    Case("ainvoke", "answer", "asend", 40, quick=True, subjects=_ASYNC),
    Case("ainvoke, TLS", "answer", "asend", 40, tls=True, subjects=_ASYNC),
    Case("invoke, 3 tools", "answer", "send", 30, tools=3),
    Case("invoke, 20 tools", "answer", "send", 20, tools=20),
    Case("invoke, 50 messages", "answer", "send", 20, history=50, quick=True),
    Case("stream 200", "text-200", "stream", 4),
    Case("structured stream 200", "structured-200", "structured", subjects=_STRUCTURED),
    Case("stream 2,000", "text-2000", "stream", quick=True),
    Case("astream 2,000", "text-2000", "astream", quick=True, subjects=_ASYNC),
    Case("stream 2,000, tool call", "tool-2000", "stream", subjects=_without(*_ASYNC_ONLY, *_NO_FRAGMENTS)),
    Case("astream 2,000, tool call", "tool-2000", "astream", subjects=_without(*_SYNC_ONLY, *_NO_FRAGMENTS)),
    Case("invoke, 300 tools", "answer", "send", 2, tools=300, subjects=_SYNC_FAST, rounds=1),
    Case("invoke, 4,000 messages", "answer", "send", history=4000, subjects=_SYNC_FAST, rounds=1),
    Case("invoke, 1 MB prompt", "answer", "send", 4, prompt_bytes=2**20, rounds=1),
    Case("stream 20,000", "text-20000", "stream", subjects=_SYNC_FAST, rounds=1),
    Case("astream 20,000", "text-20000", "astream", subjects=_FAST, rounds=1),
    Case("1 paced stream", "text-100-5", "astream", subjects=_ASYNC, quick=True),
    Case("1 paced stream, sync", "text-100-5", "stream"),
    Case("100 paced streams", "text-40-50", "astream", 100, 100, subjects=_ASYNC, quick=True),
    Case("100 paced streams, uvloop", "text-40-50", "astream", 100, 100, subjects=_FAST, uvloop=True, rounds=1),
    Case("100 paced streams, TLS", "text-40-50", "astream", 100, 100, subjects=_FAST, tls=True, rounds=1),
    Case("1,000 calls, 100 in flight", "answer", "asend", 1000, 100, subjects=_CROWD, quick=True),
    Case("batch, 1,000 calls on 100 threads", "answer-20", "batch", 1000, 100, subjects=_SYNC_FAST, rounds=1),
    Case("FastAPI app, 200 clients", "text-20-50", "app", 200, 200, subjects=_FAST, rounds=1),
    Case("1,000 paced streams", "text-10-400", "astream", 1000, 1000, subjects=_FAST, rounds=1, deadline=15.0),
    Case("1,000 streams", "text-50-5", "astream", 1000, 1000, subjects=_FAST, rounds=1),
    Case(
        "trim_messages, 17,000 messages",
        "answer",
        "trim",
        history=17_000,
        subjects=("ChatOxen", "ChatOpenAI", "ChatMistralAI", "ChatOpenRouter", "langchain-core"),
        rounds=1,
    ),
)


def _growth() -> Iterator[Case]:
    """The points of the four series, one round each."""
    names = (*(name for name in _PEERS if name not in _ASYNC_ONLY), "langchain-core", "llama-index-core")
    fixed: dict[str, Any] = {"rounds": 1, "deadline": 5.0}
    yield Case(
        "growth: chunks", "text-20000", "marks", subjects=names, series="chunks", at=20_000, rounds=1, deadline=3.0
    )
    fast = tuple(name for name in _PEERS if name not in SLOW)
    for at in (1, 10, 100, 1000):
        crowd = Case(
            f"growth: {at:,} in flight",
            "answer",
            "asend",
            max(at, 100),
            at,
            subjects=_PEERS if at < 1000 else fast,
            **fixed,
        )
        yield Case(**{**vars(crowd), "series": "calls in flight", "at": at})
    for at in (10, 100, 1000, 10_000):
        yield Case(
            f"growth: {at:,} messages", "answer", "send", max(1, 200 // at), history=at, subjects=names,
            series="messages", at=at, **fixed,
        )  # fmt: skip
    for at in (1, 10, 100, 300):
        yield Case(
            f"growth: {at:,} tools", "answer", "send", max(2, 20 // at), tools=at, subjects=names,
            series="tools", at=at, **fixed,
        )  # fmt: skip


GROWTH = tuple(_growth())


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

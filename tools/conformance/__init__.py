"""A conformance suite for LlamaIndex's LLM classes; see README.md."""

from __future__ import annotations

from tools.conformance.agents import AgentTests
from tools.conformance.base import LLMTests
from tools.conformance.chat import AsyncTests, ChatTests, ParityTests, StreamTests
from tools.conformance.events import AccountingTests, EventTests
from tools.conformance.faults import FaultTests
from tools.conformance.life import LoopTests, SecretTests, SerializationTests
from tools.conformance.structured import StructuredTests
from tools.conformance.tools import ToolTests

GROUPS = (
    ChatTests,
    StreamTests,
    AsyncTests,
    ToolTests,
    StructuredTests,
    AgentTests,
    EventTests,
    AccountingTests,
    SerializationTests,
    SecretTests,
    LoopTests,
    FaultTests,
    ParityTests,
)


class AllTests(*GROUPS):  # type: ignore[misc]
    """Every group at once."""


_names = [name for group in GROUPS for name in vars(group) if not name.startswith("__") and name != "needs"]
if len(_names) > len(set(_names)):  # one would hide the other
    raise TypeError(f"two groups define one name: {sorted({name for name in _names if _names.count(name) > 1})}")


__all__ = [
    "GROUPS",
    "AccountingTests",
    "AgentTests",
    "AllTests",
    "AsyncTests",
    "ChatTests",
    "EventTests",
    "FaultTests",
    "LLMTests",
    "LoopTests",
    "ParityTests",
    "SecretTests",
    "SerializationTests",
    "StreamTests",
    "StructuredTests",
    "ToolTests",
]

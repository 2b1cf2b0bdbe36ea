"""A conformance suite for LlamaIndex's LLM classes; see README.md."""

from __future__ import annotations

from llama_index_oxen.testing.conformance.agents import AgentTests
from llama_index_oxen.testing.conformance.base import LLMTests
from llama_index_oxen.testing.conformance.chat import AsyncTests, ChatTests, ParityTests, StreamTests
from llama_index_oxen.testing.conformance.events import AccountingTests, EventTests
from llama_index_oxen.testing.conformance.faults import FaultTests
from llama_index_oxen.testing.conformance.life import LoopTests, SecretTests, SerializationTests
from llama_index_oxen.testing.conformance.structured import StructuredTests
from llama_index_oxen.testing.conformance.tools import ToolTests

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

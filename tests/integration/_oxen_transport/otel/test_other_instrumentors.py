"""Whatever else traces the framework: each call has one model span, and we add none to somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from openinference.instrumentation.langchain import LangChainInstrumentor as OpenInferenceLangChain
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor as OpenInferenceLlamaIndex
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor as OfficialLangChain
from opentelemetry.instrumentation.genai.llama_index import LlamaIndexInstrumentor as OfficialLlamaIndex

from _oxen_transport.otel import SCOPE
from _oxen_transport.testing import OxenServer
from tests.entry_points import EntryPoint, LangChain, LlamaIndex, each, entry_points
from tests.integration._oxen_transport.otel.conftest import Telemetry

CASES = {
    "official LangChain": (OfficialLangChain,),
    "OpenInference LangChain": (OpenInferenceLangChain,),
    "both for LangChain": (OfficialLangChain, OpenInferenceLangChain),
    "official LlamaIndex": (OfficialLlamaIndex,),
    "OpenInference LlamaIndex": (OpenInferenceLlamaIndex,),
    "both for LlamaIndex": (OfficialLlamaIndex, OpenInferenceLlamaIndex),
}


@pytest.fixture(params=CASES)
def others(request: pytest.FixtureRequest, telemetry: Telemetry) -> Iterator[str]:
    with ExitStack() as stack:
        for kind in CASES[request.param]:
            kind().instrument(tracer_provider=telemetry.tracers)
            stack.callback(kind().uninstrument)
        yield request.param


def model_spans(telemetry: Telemetry) -> list[str]:
    """The scopes of all model spans, in each convention."""
    found = []
    for span in telemetry.spans:
        given: Any = span.attributes or {}
        if given.get("gen_ai.operation.name") == "chat" or given.get("openinference.span.kind") == "LLM":
            found.append(span.instrumentation_scope.name)
    return found


@each(*entry_points(LangChain, LlamaIndex))
def test_one_model_span(api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry, others: str) -> None:
    oxen_server.fails(503).says("Moo.")
    api.ask(api.make(oxen_server.url))
    found = model_spans(telemetry)
    its_own = others.endswith("LangChain") == (api.kind == "ChatOxen")
    by_others = its_own and others != "official LlamaIndex"  # which leaves model spans to the provider's package
    assert (SCOPE in found) is not by_others
    assert len(found) == (2 if others == "both for LangChain" and its_own else 1), found  # one in each convention


@each(*entry_points(LangChain, streams=False))
@pytest.mark.parametrize("others", ["official LangChain"], indirect=True)
def test_the_attempts_are_events_of_the_official_span(
    api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry, others: str
) -> None:
    oxen_server.fails(503).says("Moo.")
    api.ask(api.make(oxen_server.url))
    [span] = telemetry.spans
    assert [event.attributes["oxen.attempt.number"] for event in span.events] == [1, 2]

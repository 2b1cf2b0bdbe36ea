"""One answer, one span: whoever asks, however it goes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from _oxen_transport.errors import OxenError
from _oxen_transport.otel import OxenInstrumentor
from _oxen_transport.testing import OxenServer
from tests.entry_points import KEY, EntryPoint, LangChain, each, entry_points
from tests.integration._oxen_transport.otel.conftest import Telemetry
from tests.processes import ROOT, python, run

SWITCH = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


ATTEMPT, RESUMED = "oxen.attempt", "oxen.continued"


def attempts(span: Any) -> list[tuple[Any, ...]]:
    names = ("oxen.attempt.number", "http.response.status_code", "error.type")
    return [tuple(event.attributes.get(name) for name in names) for event in span.events if event.name == ATTEMPT]


def test_an_answer(api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry) -> None:
    oxen_server.says("The ox pulls the plough.")
    options = {"temperature": 0.5, "max_tokens": 20, "stop": ["!"], "seed": 7}
    api.ask(api.make(oxen_server.url), **options, response_format={"type": "json_object"})
    [span] = telemetry.spans
    assert (span.name, span.kind.name, span.status.status_code.name) == ("chat open-mixtral-8x22b", "CLIENT", "UNSET")
    given = dict(span.attributes)
    assert (given.pop("gen_ai.response.time_to_first_chunk", None) is not None) is api.streams
    assert given.pop("gen_ai.request.stream", False) is api.streams
    assert given.pop("server.port") > 1024
    assert given.pop("gen_ai.response.id").startswith("chatcmpl-")
    assert given == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "oxen",
        "gen_ai.request.model": "open-mixtral-8x22b",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 20,
        "gen_ai.request.stop_sequences": ("!",),
        "gen_ai.request.seed": 7,
        "gen_ai.output.type": "json",
        "gen_ai.response.model": "open-mixtral-8x22b",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1",
    }
    assert attempts(span) == [(1, 200, None)]
    metrics = telemetry.metrics()
    assert metrics["gen_ai.client.operation.duration"][0].count == 1
    counted = {point.attributes["gen_ai.token.type"]: point.sum for point in metrics["gen_ai.client.token.usage"]}
    assert counted == {"input": 5, "output": 5}
    assert ("gen_ai.client.operation.time_to_first_chunk" in metrics) is api.streams


REFUSED, LIMITED, ANSWERED = (1, 400, "OxenBadRequestError"), (1, 429, "OxenRateLimitError"), (2, 200, None)


def test_a_429_and_then_an_answer(api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry) -> None:
    oxen_server.fails(429).says("Moo.")
    api.ask(api.make(oxen_server.url))
    [span] = telemetry.spans
    assert (span.status.status_code.name, attempts(span)) == ("UNSET", [LIMITED, ANSWERED])
    assert span.events[0].attributes["oxen.attempt.wait"] >= 0


def test_a_failure(api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry) -> None:
    oxen_server.fails(400, "no such thing", x_oxen_request_id="req-1")
    with pytest.raises(OxenError):
        api.ask(api.make(oxen_server.url))
    [span] = telemetry.spans
    assert (span.status.status_code.name, attempts(span)) == ("ERROR", [REFUSED])
    assert "no such thing" in span.status.description
    given = {"error.type": "OxenBadRequestError", "http.response.status_code": 400}
    assert span.attributes.items() >= given.items()
    [duration] = telemetry.metrics()["gen_ai.client.operation.duration"]
    assert duration.attributes["error.type"] == "OxenBadRequestError"


@each(*entry_points(streams=True))
@pytest.mark.parametrize("resume", [False, True])
def test_a_cut_stream(api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry, resume: bool) -> None:
    oxen_server.cuts("one two three", after=1).says("two three")
    with contextlib.nullcontext() if resume else pytest.raises(OxenError):
        api.ask(api.make(oxen_server.url, max_retries=2 if resume else 0, resume=resume))
    [span] = telemetry.spans
    assert [event.name for event in span.events] == ([ATTEMPT, RESUMED, ATTEMPT] if resume else [ATTEMPT])
    assert span.status.status_code.name == ("UNSET" if resume else "ERROR")
    assert span.attributes["gen_ai.response.time_to_first_chunk"] > 0


@each(*entry_points(streams=True))
def test_a_reader_who_leaves(api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry) -> None:
    oxen_server.drips("one two three", every=0.01)
    model = api.make(oxen_server.url)

    def leave(_: Any) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        api.read(model, leave)
    gc.collect()
    [span] = telemetry.spans
    assert span.status.status_code.name == "UNSET"
    assert "gen_ai.usage.input_tokens" not in span.attributes


def test_tool_calls_and_contents(
    api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "SPAN_ONLY")
    oxen_server.calls(("weather", {"city": "Łódź"}))
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    api.ask(api.make(oxen_server.url), f"Weather? My key is {KEY}.", tools=[tool])
    [span] = telemetry.spans
    assert span.attributes["gen_ai.response.finish_reasons"] == ("tool_calls",)
    [asked] = json.loads(span.attributes["gen_ai.input.messages"])
    assert asked["role"] == "user"
    assert asked["parts"][0]["content"].startswith("Weather? My key is ")
    [answer] = json.loads(span.attributes["gen_ai.output.messages"])
    [call] = answer["parts"]
    assert (call["type"], call["name"], call["arguments"]) == ("tool_call", "weather", {"city": "Łódź"})
    assert json.loads(span.attributes["gen_ai.tool.definitions"])[0]["name"] == "weather"
    assert KEY not in span.to_json()


@pytest.mark.parametrize("value", ["", "NO_CONTENT", "EVENT_ONLY", "nonsense"])
def test_no_contents_unless_the_switch_says_so(
    oxen_server: OxenServer, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(SWITCH, value)
    [api] = entry_points(LangChain, is_async=False, streams=False)
    oxen_server.says("plough")
    api.ask(api.make(oxen_server.url), "secret question")
    [span] = telemetry.spans
    assert "secret question" not in span.to_json()
    assert "plough" not in span.to_json()


def test_it_stands_below_the_callers_span(api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry) -> None:
    oxen_server.says("Moo.")
    with telemetry.tracers.get_tracer("user").start_as_current_span("outer") as outer:
        api.ask(api.make(oxen_server.url))
        assert trace.get_current_span() is outer, "the context was left changed"
    assert telemetry.spans[0].parent.span_id == outer.get_span_context().span_id
    assert context.get_current() == {}


@each(*entry_points(is_async=True, streams=False))
def test_cancelled_in_an_attempt(api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry) -> None:
    oxen_server.hangs()
    model = api.make(oxen_server.url)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await api.ask_async(model)
        assert not trace.get_current_span().get_span_context().is_valid, "the context was left changed"

    asyncio.run(give_up())
    [span] = telemetry.spans
    assert span.attributes["error.type"] == "CancelledError"


@pytest.mark.parametrize("method", ["add_event", "set_attributes"])
@pytest.mark.usefixtures("telemetry")
def test_a_tracer_that_fails_does_not_fail_the_call(
    api: EntryPoint, oxen_server: OxenServer, monkeypatch: pytest.MonkeyPatch, caplog: Any, method: str
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no tracing today")

    monkeypatch.setattr(f"opentelemetry.sdk.trace.Span.{method}", broken)
    monkeypatch.setattr("_oxen_transport.observer._warned", False)
    oxen_server.fails(503).says("Moo.")
    assert api.ask(api.make(oxen_server.url)).text == "Moo."
    assert len([record for record in caplog.records if "tracing failed" in record.getMessage()]) == 1


def test_what_was_repaired(api: EntryPoint, oxen_server: OxenServer, telemetry: Telemetry) -> None:
    oxen_server.says("Moo.")
    oxen_server.strict = True
    messages = [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}]
    api.ask(api.make(oxen_server.url, stream_options=None), messages)
    assert telemetry.spans[0].attributes["oxen.request.repairs"] == ("same-role",)


def test_opentelemetry_instrument_finds_it(installed: Callable[[str], Path]) -> None:
    code = "import _oxen_transport; print(_oxen_transport.observe)"
    path = f"{installed('opentelemetry_instrumentor')}:{ROOT}"
    done = run(f"{sys.prefix}/bin/opentelemetry-instrument", sys.executable, "-c", code, PYTHONPATH=path)
    assert "_Telemetry.start" in done.stdout, done.stdout + done.stderr


def test_instrumented_twice(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    assert OxenInstrumentor().is_instrumented_by_opentelemetry
    assert OxenInstrumentor().instrumentation_dependencies() == ()
    OxenInstrumentor().instrument()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_off_means_that_nothing_of_it_is_imported(oxen_server: OxenServer) -> None:
    oxen_server.says("Moo.")
    code = f"""
import sys
from _oxen_transport import client_for
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
settings = OxenSettings(base_url={oxen_server.url!r})
client_for(settings).send(build(settings, [{{"role": "user", "content": "moo"}}]))
words = ("opentelemetry", "_oxen_transport.obs", "_oxen_transport.otel")
print([name for name in sys.modules if name.startswith(words)])
"""
    done = python("-c", code)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_an_answer_that_is_not_sampled(api: EntryPoint, oxen_server: OxenServer) -> None:
    oxen_server.says("Moo.")
    OxenInstrumentor().instrument(tracer_provider=TracerProvider(sampler=ALWAYS_OFF))
    try:
        assert api.ask(api.make(oxen_server.url)).text == "Moo."
    finally:
        OxenInstrumentor().uninstrument()

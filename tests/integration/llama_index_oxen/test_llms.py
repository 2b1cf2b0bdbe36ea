"""`Oxen` through LlamaIndex's own machinery, against the scripted server."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
import time
import tracemalloc

import pytest
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.rate_limiter import BaseRateLimiter
from pydantic import Field, SecretStr

from _oxen_transport.testing import (
    ANSWER,
    PIECES,
    USAGE,
    chunks,
    good,
    good_tool_call,
    sse,
    streamed,
)
from llama_index_oxen import Oxen, OxenConfigError
from tests.tables import each_row

QUESTION = [ChatMessage(content="What does the ox do?")]
METHODS = [f"{a}{stream}{kind}" for kind in ("chat", "complete") for stream in ("", "stream_") for a in ("", "a")]


def ask(llm, name, **kwargs):
    """Every response of one call, by any of the eight methods."""
    responses = []
    read(llm, name, "What does the ox do?" if "complete" in name else QUESTION, responses.append, **kwargs)
    return responses


def read(llm, name, given, take, **kwargs):
    async def run():
        result = getattr(llm, name)(given, **kwargs)
        result = await result if name.startswith("a") else result
        if "stream" not in name:
            take(result)
        elif name.startswith("a"):
            async for response in result:
                take(response)
        else:
            for response in result:
                take(response)

    asyncio.run(run())


def text_of(response):
    return response.text if hasattr(response, "text") else response.message.content


class Events(BaseEventHandler):
    seen: list[object] = Field(default_factory=list)

    @classmethod
    def class_name(cls):
        return "Events"

    def handle(self, event, **_):
        self.seen.append(event)


class Spans(SimpleSpanHandler):
    seen: list[object] = Field(default_factory=list)

    def span_enter(self, id_, bound_args, **_):
        self.seen.append(bound_args)


@pytest.fixture
def listening():
    """What LlamaIndex's events and spans show."""
    root, events, spans = get_dispatcher(), Events(), Spans()
    root.add_event_handler(events)
    root.add_span_handler(spans)
    yield events.seen, spans.seen
    root.event_handlers.remove(events)
    root.span_handlers.remove(spans)


class Limiter(BaseRateLimiter):
    def __init__(self):
        self.permits = []

    def acquire(self, num_tokens=0):
        self.permits.append("sync")

    async def async_acquire(self, num_tokens=0):
        self.permits.append("async")


# -- the eight methods ----------------------------------------------------------------------


@each_row("name", METHODS)
def test_the_eight_methods_give_one_answer(make, listening, name):
    """With one pair of events, one permit and one count; a secret header reaches the server, and no trace."""
    events, spans = listening
    events.clear()
    counter, limiter = TokenCountingHandler(), Limiter()
    llm, stage = make(good, rate_limiter=limiter, callback_manager=CallbackManager([counter]))
    responses = ask(llm, name, extra_headers={"X-Tenant": SecretStr("canary-3")})
    assert text_of(responses[-1]) == ANSWER
    assert json.loads(json.dumps(responses[-1].raw))["usage"] == USAGE, "plain data"
    assert responses[-1].additional_kwargs["total_tokens"] == USAGE["total_tokens"]
    assert stage.bodies[0]["messages"] == [{"role": "user", "content": "What does the ox do?"}]
    if "stream" in name:
        assert "".join(response.delta for response in responses) == ANSWER
        assert [text_of(r) for r in responses[:-1]] == ["".join(PIECES[: i + 1]) for i in range(len(PIECES))]
    kind = "LLMCompletion" if "complete" in name else "LLMChat"
    names = [event.class_name() for event in events if "InProgress" not in event.class_name()]
    assert names == [f"{kind}StartEvent", f"{kind}EndEvent"]
    assert limiter.permits == ["async" if name.startswith("a") else "sync"]
    counts = [(e.prompt_token_count, e.completion_token_count) for e in counter.llm_token_counts]
    assert counts == [(USAGE["prompt_tokens"], USAGE["completion_tokens"])]
    assert stage.requests[0].headers["x-tenant"] == "canary-3"
    assert spans
    assert "canary" not in repr(spans) + repr(events)


@each_row("name", [name for name in METHODS if "stream" not in name])
def test_streaming_true_reads_a_stream(make, name):
    llm, stage = make(good, streaming=True)
    [response] = ask(llm, name)
    assert text_of(response) == ANSWER
    assert stage.bodies[0]["stream"] is True


@each_row("name", [name for name in METHODS if "stream" in name])
def test_a_snapshot_never_changes(make, name):
    llm, _ = make(good_tool_call if "chat" in name else good)
    given, copies, kept = "What?" if "complete" in name else QUESTION, [], []

    def keep(response):
        kept.append(response)
        copies.append(response.model_dump_json())

    read(llm, name, given, keep)
    assert [response.model_dump_json() for response in kept] == copies
    assert len(kept) > 3


# -- what LlamaIndex asks about the model -----------------------------------------------------


def test_metadata_needs_no_flag_and_no_network():
    llm = Oxen(api_key="k")
    known = llm.metadata
    assert isinstance(llm, FunctionCallingLLM)
    assert (known.context_window, known.is_chat_model, known.is_function_calling_model) == (64_000, True, True)
    assert known.model_name == "open-mixtral-8x22b"
    assert Oxen(api_key="k", max_tokens=77).metadata.num_output == 77
    assert Oxen(api_key="k", max_tokens="fit").metadata.num_output == 256
    assert Oxen(api_key="k", model="no/such-model").metadata.context_window > 0
    assert Oxen(api_key="k", context_window=123).metadata.context_window == 123


def test_dumps_and_pickles_hold_no_secret_and_still_answer(make, monkeypatch):
    llm, stage = make(good, temperature=0.25, extra_headers={"X-Tenant": "canary-2"}, http_client=threading.Lock())
    monkeypatch.setenv("OXEN_API_KEY", "sk-from-the-environment")
    payload = llm.to_payload() if hasattr(llm, "to_payload") else {}  # not in the oldest core allowed
    assert "canary" not in json.dumps(llm.to_dict()) + repr(llm) + str(llm) + repr(pickle.dumps(llm)) + repr(payload)
    assert llm.http_client is not None, "pickling took the client from the living object"
    for copied in (Oxen.from_dict(llm.to_dict()), pickle.loads(pickle.dumps(llm)), Oxen(**llm.model_dump())):  # noqa: S301
        assert copied.temperature == 0.25
        assert copied.complete("hi").text == ANSWER
    assert copy.deepcopy(llm).temperature == 0.25
    assert len(stage.requests) == 3


def test_an_unknown_parameter_is_named_before_anything_is_sent(make):
    llm, stage = make(good)
    for act in (lambda: llm.complete("hi", temprature=1), lambda: Oxen(api_key="k", temprature=1)):
        with pytest.raises(OxenConfigError, match="did you mean 'temperature'") as caught:
            act()
        assert type(pickle.loads(pickle.dumps(caught.value))) is OxenConfigError  # noqa: S301 - our own bytes
        assert OxenConfigError.__module__ == "llama_index_oxen.errors", "tracebacks name the public module"
    assert stage.requests == []


def test_long_arguments_are_read_in_linear_time(make):
    text = "word " * 8_000  # 40 KB
    llm, _ = make(streamed(sse(chunks(tool_calls=[("AbC123xyZ", "write", {"text": text})], piece=8))))
    began, last = time.process_time(), None
    for last in llm.stream_chat(QUESTION):
        llm.get_tool_calls_from_response(last, error_on_no_tool_call=False)
    took = time.process_time() - began
    [call] = [block for block in last.message.blocks if isinstance(block, ToolCallBlock)]
    assert call.tool_kwargs == {"text": text}
    assert took < 30, f"{took:.1f} s for 5,000 pieces: minutes, if each is read anew"


@each_row("is_async", [False, True])
def test_a_stream_that_is_read_for_a_whole_answer_keeps_one_snapshot(make, is_async):
    llm, _ = make(streamed(sse(chunks(["x" * 100] * 1_000))), streaming=True)
    tracemalloc.start()
    answer = asyncio.run(llm.achat(QUESTION)) if is_async else llm.chat(QUESTION)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(answer.message.content) == 100_000
    assert peak < 10_000_000, "all of them hold 50 MB of text"


@each_row("is_async", [False, True])
@each_row(
    "method, asked, answer",
    [
        ("chat", "hi", r"use complete\(\)"),
        ("stream_chat", "hi", r"use complete\(\)"),
        ("chat", ChatMessage(content="hi"), r"write \[message\]"),
        ("chat", [{"role": "user", "content": "hi"}], "got a dict"),
        ("complete", [ChatMessage(content="hi")], r"use chat\(\)"),
    ],
)
def test_arguments_of_another_type_are_answered_with_what_to_write(make, method, asked, answer, is_async):
    llm, stage = make(good)
    call = getattr(llm, f"a{method}" if is_async else method)
    with pytest.raises(OxenConfigError, match=answer):
        asyncio.run(call(asked)) if is_async else call(asked)
    assert stage.requests == []

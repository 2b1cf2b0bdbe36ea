"""`ChatOxen` through LangChain's own machinery, against the scripted server."""

from __future__ import annotations

import asyncio
import copy
import gc
import importlib
import json
import pickle

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.load import dumpd, dumps
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, trim_messages
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import SecretStr

from _oxen_transport.testing import (
    ANSWER,
    HANG,
    PIECES,
    USAGE,
    Gate,
    chunk,
    chunks,
    event,
    good,
    open_stream,
    reply,
    sse,
    streamed,
)
from _oxen_transport.testing import completion as body
from langchain_oxen import ChatOxen, OxenConfigError
from tests.tables import each_row

load = importlib.import_module("langchain_core.load.load").load


@pytest.fixture
def make(server):
    def made(*attempts, **options):
        stage = server.stage(*attempts)
        return ChatOxen(**{"base_url": stage.url, "api_key": "sk-canary-1", "max_retries": 0, **options}), stage

    return made


class Recorder(BaseCallbackHandler):
    """Keeps whatever it is shown."""

    def __init__(self):
        self.tokens, self.shown, self.ends = [], [], 0

    def on_chat_model_start(self, serialized, messages, **kwargs):
        self.shown.append((serialized, messages, kwargs))

    def on_llm_new_token(self, token, **kwargs):
        self.tokens.append(token)
        self.shown.append(kwargs)

    def on_llm_end(self, response, **kwargs):
        self.ends += 1
        self.shown.append((response, kwargs))


# -- streams ---------------------------------------------------------------------------------


def test_the_first_words_come_before_the_last_were_sent(make):
    gate = Gate()
    _, first, *rest = chunks()
    model, _ = make(streamed(event(first), gate, sse(rest)))
    stream = model.stream("hi")
    assert next(stream).text == PIECES[0]
    gate.open()
    assert "".join(piece.text for piece in stream) == "".join(PIECES[1:])


@pytest.mark.parametrize("is_async", [False, True])
def test_an_early_break_closes_the_connection(make, is_async):
    model, stage = make(open_stream(event(chunk("The ox")), HANG))

    async def first():
        async for piece in model.astream("hi"):
            return piece.text
        return None

    if is_async:
        assert asyncio.run(first()) == "The ox"
    else:
        stream = model.stream("hi")
        assert next(stream).text == "The ox"
        del stream
        gc.collect()
    assert stage.released(2)


@pytest.mark.parametrize("road", ["stream", "astream", "invoke", "ainvoke"])
def test_each_token_is_told_once(make, road):
    model, stage = make(good)
    recorder, config = Recorder(), {}
    config["callbacks"] = [recorder]

    async def run():
        return (
            [piece async for piece in model.astream("hi", config)]
            if road == "astream"
            else await model.ainvoke("hi", config)
        )

    if road.startswith("a"):
        asyncio.run(run())
    else:
        list(model.stream("hi", config)) if road == "stream" else model.invoke("hi", config)
    assert "".join(recorder.tokens) == (ANSWER if "stream" in road else "")
    assert recorder.ends == 1
    assert len(stage.requests) == 1


def test_tokens_are_told_where_core_hands_over_the_run_manager(make):
    """Core's event bridge relies on `_stream` for it; `stream` itself tells them on its own."""
    model, _ = make(good)

    class Manager:
        def __init__(self):
            self.told = []

        def on_llm_new_token(self, token, chunk):
            self.told.append(token)

    manager = Manager()
    list(model._stream([HumanMessage("hi")], run_manager=manager))
    assert "".join(manager.told) == ANSWER


@pytest.mark.parametrize("attempt", [streamed(sse([chunk({"content": ""}, "stop")])), reply(body(""))])
def test_an_empty_answer_is_an_answer(make, attempt):
    model, _ = make(attempt)
    pieces = list(model.stream("hi"))
    assert pieces
    assert pieces[-1].chunk_position == "last"
    assert "".join(piece.text for piece in pieces) == ""


def test_metadata_is_said_once(make):
    model, _ = make(good)
    first, *rest = model.stream("hi")
    whole = first
    for piece in rest:
        whole += piece
    assert isinstance(whole, AIMessageChunk)
    assert whole.response_metadata["finish_reason"] == "stop"
    assert whole.response_metadata["model_name"] == "open-mixtral-8x22b"
    assert whole.response_metadata["model_provider"] == "oxen"
    assert sum(piece.usage_metadata is not None for piece in (first, *rest)) == 1
    assert whole.usage_metadata["total_tokens"] == USAGE["total_tokens"]


@each_row(
    ("options", "road", "streams"),
    [
        ({}, "invoke", None),
        ({"streaming": True}, "invoke", True),
        ({"streaming": False}, "stream", None),
        ({"disable_streaming": True}, "stream", None),
        ({}, "stream", True),
    ],
)
def test_streaming_is_cores_own_switch(make, options, road, streams):
    model, stage = make(good, **options)
    list(model.stream("hi")) if road == "stream" else model.invoke("hi")
    assert stage.bodies[0].get("stream") is streams


# -- what LangChain asks about the model -------------------------------------------------------


def test_the_caches_key_is_right_after_every_kind_of_change():
    one = ChatOxen(api_key="k")
    keys = [one._get_llm_string()]
    one._serialized  # noqa: B018 - core keeps it
    keys.append(one.model_copy(update={"model": "other"})._get_llm_string())
    keys.append(one.model_copy(update={"base_url": "https://elsewhere.example/api"})._get_llm_string())
    keys.append(one._get_llm_string(temperature=0.5))
    keys.append(one._get_llm_string(stop=["x"]))
    one.temperature = 0.75
    keys.append(one._get_llm_string())
    one.extra_body = {"safe_prompt": True}
    keys.append(one._get_llm_string())
    assert len(set(keys)) == len(keys)
    assert ChatOxen(api_key="k")._get_llm_string() == ChatOxen(api_key="another")._get_llm_string() == keys[0]


def test_the_cache_answers_for_the_same_question_only(make):
    model, stage = make(good, cache=InMemoryCache())
    for _ in range(2):
        assert model.invoke("hi").text == ANSWER
    assert len(stage.requests) == 1
    model.model_copy(update={"model": "other"}).invoke("hi")
    assert len(stage.requests) == 2
    assert model.invoke("hi").usage_metadata["input_tokens"] == USAGE["prompt_tokens"]


def test_copies_pickles_and_dumps_hold_no_secret_and_still_answer(make, monkeypatch):
    model, stage = make(good, temperature=0.25, extra_headers={"X-Tenant": "canary-2"})
    monkeypatch.setenv("OXEN_API_KEY", "sk-from-the-environment")
    pickled = pickle.dumps(model)
    for text in (dumps(model), repr(model), str(model), repr(pickled), json.dumps(model.asdict())):
        assert "canary" not in text
    loaded = load(dumpd(model), allowed_objects=[ChatOxen], valid_namespaces=["langchain_oxen"], secrets_from_env=True)
    for copied in (loaded, pickle.loads(pickled), copy.deepcopy(model), model.model_copy()):  # noqa: S301
        assert copied.temperature == 0.25
        assert copied.invoke("hi").text == ANSWER
    assert len(stage.requests) == 4


def test_secret_headers_of_a_call_reach_the_server_and_no_trace(make):
    model, stage = make(good)
    recorder = Recorder()
    config = {"callbacks": [recorder]}
    model.invoke("hi", config, extra_headers={"X-Tenant": SecretStr("canary-3")})
    list(model.stream("hi", config, extra_headers={"X-Tenant": SecretStr("canary-3")}))
    model.bind(extra_headers={"X-Tenant": SecretStr("canary-3")}).invoke("hi", config)
    assert [request.headers["x-tenant"] for request in stage.requests] == ["canary-3"] * 3
    assert recorder.shown
    assert "canary" not in repr(recorder.shown)


def test_standard_params_follow_the_call():
    model = ChatOxen(api_key="k", temperature=0.1, max_tokens=9, stop=["x"])
    assert model._get_ls_params() == {
        "ls_provider": "oxen",
        "ls_model_type": "chat",
        "ls_model_name": "open-mixtral-8x22b",
        "ls_temperature": 0.1,
        "ls_max_tokens": 9,
        "ls_stop": ["x"],
    }
    changed = model._get_ls_params(stop=["y"], model="other", temperature=0.2, max_tokens=3)
    assert (changed["ls_model_name"], changed["ls_temperature"], changed["ls_max_tokens"]) == ("other", 0.2, 3)
    assert changed["ls_stop"] == ["y"]


def test_identity():
    model = ChatOxen(api_key="k")
    assert model._llm_type == "oxen-chat"
    assert model.model_name == "open-mixtral-8x22b"
    assert "oxen-integrations" in model.metadata["lc_versions"]
    assert ChatOxen(api_key="k", model_name="m").model == "m"
    assert ChatOxen.lc_id() == ["langchain_oxen", "chat_models", "ChatOxen"]


def test_the_profile_needs_no_network_and_no_input():
    assert ChatOxen(api_key="k").profile["max_input_tokens"] == 64_000
    assert ChatOxen(api_key="k", context_window=99).profile["max_input_tokens"] == 99
    assert "max_input_tokens" not in ChatOxen(api_key="k", model="no/such-model").profile
    assert ChatOxen(api_key="k", profile={"tool_calling": False}).profile == {"tool_calling": False}


def test_tokens_are_counted_without_gpt2():
    model = ChatOxen(api_key="k")
    few = model.get_num_tokens_from_messages([HumanMessage("hello")])
    assert 0 < model.get_num_tokens("hello") < few < 50
    tool = {"title": "weather", "description": "d", "type": "object", "properties": {"city": {"type": "string"}}}
    assert model.get_num_tokens_from_messages([HumanMessage("hello")], tools=[tool]) > few
    custom = ChatOxen(api_key="k", custom_get_token_ids=lambda text: [1, 2, 3])
    assert custom.get_num_tokens("whatever") == 3
    kept = trim_messages([HumanMessage("hello " * 400), HumanMessage("bye")], max_tokens=60, token_counter=model)
    assert [message.text for message in kept] == ["bye"]


def test_generate_with_two_prompts_adds_the_usage_up(make):
    model, _ = make(good)
    result = model.generate([[HumanMessage("a")], [HumanMessage("b")]])
    assert result.llm_output["token_usage"]["total_tokens"] == 2 * USAGE["total_tokens"]
    assert result.llm_output["model_name"] == "open-mixtral-8x22b"


def test_a_batch_is_counted_rightly(make):
    model, stage = make(good)
    counter = UsageMetadataCallbackHandler()
    answers = model.batch(["a", "b", "c"], {"callbacks": [counter], "max_concurrency": 2})
    assert all(isinstance(answer, AIMessage) for answer in answers)
    asyncio.run(model.abatch(["a", "b"], {"callbacks": [counter]}))
    total = counter.usage_metadata["open-mixtral-8x22b"]
    assert total["total_tokens"] == 5 * USAGE["total_tokens"]
    assert len(stage.requests) == 5


def test_stop_on_the_call_wins_and_an_empty_one_is_not_sent(make):
    model, stage = make(good, stop=["a"])
    model.invoke("hi")
    model.invoke("hi", stop=["b"])
    ChatOxen(base_url=stage.url, api_key="k").invoke("hi", stop=[])
    assert [request.get("stop") for request in stage.bodies] == [["a"], ["b"], None]


def test_one_permit_for_one_request(make):
    limiter = InMemoryRateLimiter(requests_per_second=1000, max_bucket_size=1)
    model, stage = make(good, rate_limiter=limiter)
    model.invoke("hi")
    list(model.stream("hi"))
    assert len(stage.requests) == 2


def test_many_loops_in_a_row(make):
    model, _ = make(good)
    for _ in range(5):
        assert asyncio.run(model.ainvoke("hi")).text == ANSWER


class AsyncRecorder(AsyncCallbackHandler):
    def __init__(self):
        self.tokens = []

    async def on_llm_new_token(self, token, **kwargs):
        self.tokens.append(token)


def test_async_handlers_hear_the_tokens(make):
    model, _ = make(good, streaming=True)
    recorder = AsyncRecorder()
    asyncio.run(model.ainvoke("hi", {"callbacks": [recorder]}))
    assert "".join(recorder.tokens) == ANSWER


def test_repr_shows_the_model_and_values_set_later_are_checked():
    model = ChatOxen(api_key="sk-made-up", temperature=0.5)
    assert repr(model).startswith("ChatOxen(model='open-mixtral-8x22b', temperature=0.5")
    assert "profile" not in repr(model)
    assert "sk-made-up" not in repr(model)
    with pytest.raises(OxenConfigError, match="temperature: must be less than or equal to 2"):
        model.temperature = 9
    with pytest.raises(OxenConfigError, match="pass it to the constructor"):
        model.invoke("hi", api_base="https://h.test")
    model.stop = "END"
    assert model.stop == ["END"]

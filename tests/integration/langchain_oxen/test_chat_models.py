"""`ChatOxen` through LangChain's own machinery, against the scripted server."""

from __future__ import annotations

import asyncio
import copy
import functools
import importlib
import operator
import pickle

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.load import dumpd
from langchain_core.messages import HumanMessage, trim_messages
from langchain_core.rate_limiters import InMemoryRateLimiter

from _oxen_transport.testing import ANSWER, USAGE, chunk, chunks, completion, good, reply, sse, streamed, whole
from langchain_oxen import ChatOxen, OxenConfigError
from tests.entry_points import LangChain, each, entry_points
from tests.tables import each_row

load = importlib.import_module("langchain_core.load.load").load


# -- streams ---------------------------------------------------------------------------------


class Recorder(BaseCallbackHandler):
    def __init__(self):
        self.tokens, self.ends = [], 0

    def on_llm_new_token(self, token, **kwargs):
        self.tokens.append(token)

    def on_llm_end(self, response, **kwargs):
        self.ends += 1


class AsyncRecorder(AsyncCallbackHandler, Recorder):
    async def on_llm_new_token(self, token, **kwargs):
        self.tokens.append(token)


@each(*[LangChain(is_async, streams) for is_async in (False, True) for streams in (False, True)])
def test_handlers_get_each_token_once(make, api):
    model, stage = make(good)
    recorder, waiting = Recorder(), AsyncRecorder()
    api.ask(model, "hi", config={"callbacks": [recorder]})
    assert "".join(recorder.tokens) == (ANSWER if api.streams else "")
    assert recorder.ends == len(stage.requests) == 1
    if api.is_async:
        api.ask(model, "hi", config={"callbacks": [waiting]}, **({} if api.streams else {"stream": True}))
        assert "".join(waiting.tokens) == ANSWER


def test_tokens_are_reported_where_core_hands_over_the_run_manager(make):
    """Core's event bridge relies on `_stream` for it; `stream` itself reports them on its own."""
    model, _ = make(good)
    recorder = Recorder()
    list(model._stream([HumanMessage("hi")], run_manager=recorder))
    assert "".join(recorder.tokens) == ANSWER


@each_row("attempt", [streamed(sse([chunk({"content": ""}, "stop")])), reply(completion(""))])
def test_an_empty_answer_is_an_answer(make, attempt):
    *_, last = pieces = list(make(attempt)[0].stream("hi"))
    assert last.chunk_position == "last"
    assert "".join(piece.text for piece in pieces) == ""


def test_metadata_comes_once(make):
    pieces = list(make(good)[0].stream("hi"))
    whole = functools.reduce(operator.add, pieces)
    known = {"finish_reason": "stop", "model_name": "open-mixtral-8x22b", "model_provider": "oxen"}
    assert known.items() <= whole.response_metadata.items()
    assert sum(piece.usage_metadata is not None for piece in pieces) == 1


@each_row(
    "options, method, streams",
    [
        ({}, "invoke", None),
        ({"streaming": True}, "invoke", True),
        ({"streaming": False}, "stream", None),
        ({"disable_streaming": True}, "stream", None),
        ({}, "stream", True),
    ],
)
def test_streaming_is_cores_own_switch(make, options, method, streams):
    model, stage = make(good, **options)
    list(getattr(model, method)("hi"))
    assert stage.bodies[0].get("stream") is streams


# -- what LangChain asks about the model -------------------------------------------------------


def test_the_caches_key_is_right_after_every_kind_of_change():
    one = ChatOxen(api_key="k")
    keys = [one._get_llm_string()]
    one._serialized  # noqa: B018 - core keeps it
    changes = {"model": "other"}, {"base_url": "https://elsewhere.example/api"}, {"output_version": "v1"}
    keys += [one.model_copy(update=change)._get_llm_string() for change in changes]
    keys += [one._get_llm_string(temperature=0.5), one._get_llm_string(stop=["x"])]
    for name, value in (("temperature", 0.75), ("extra_body", {"safe_prompt": True})):
        setattr(one, name, value)
        keys.append(one._get_llm_string())
    assert len(set(keys)) == len(keys)
    assert ChatOxen(api_key="k")._get_llm_string() == ChatOxen(api_key="another")._get_llm_string() == keys[0]


def test_the_cache_answers_for_the_same_question_only(make):
    model, stage = make(good, cache=InMemoryCache())
    assert [model.invoke("hi").usage_metadata["input_tokens"] for _ in range(2)] == [USAGE["prompt_tokens"]] * 2
    assert len(stage.requests) == 1
    model.model_copy(update={"model": "other"}).invoke("hi")
    assert len(stage.requests) == 2


def test_copies_pickles_and_dumps_still_answer(make, monkeypatch):
    model, stage = make(good, temperature=0.25)
    monkeypatch.setenv("OXEN_API_KEY", "sk-from-the-environment")
    dumped = {"allowed_objects": [ChatOxen], "valid_namespaces": ["langchain_oxen"], "secrets_from_env": True}
    pickled = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    for copied in (load(dumpd(model), **dumped), pickled, copy.deepcopy(model), ChatOxen(**model.model_dump())):
        assert copied.temperature == 0.25
        assert len(list(copied.stream("hi"))) > 2
    assert len(stage.requests) == 4


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
    changed = {"ls_model_name": "other", "ls_temperature": 0.2, "ls_max_tokens": 3, "ls_stop": ["y"]}
    assert changed.items() <= model._get_ls_params(stop=["y"], model="other", temperature=0.2, max_tokens=3).items()


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
    result = make(good)[0].generate([[HumanMessage("a")], [HumanMessage("b")]])
    assert result.llm_output["token_usage"]["total_tokens"] == 2 * USAGE["total_tokens"]
    assert result.llm_output["model_name"] == "open-mixtral-8x22b"


def test_sums_over_batches_are_the_servers_own(make):
    counts = []

    def counted(_):
        counts.append(len(counts) + 1)
        usage = {"prompt_tokens": 1, "completion_tokens": counts[-1], "total_tokens": 1 + counts[-1]}
        return [whole(completion(usage=usage))]

    model, counter = make(counted)[0], UsageMetadataCallbackHandler()
    model.batch(["Moo?"] * 5, config={"callbacks": [counter], "max_concurrency": 2})
    asyncio.run(model.abatch(["Moo?"] * 5, config={"callbacks": [counter]}))
    total = counter.usage_metadata["open-mixtral-8x22b"]
    assert (total["input_tokens"], total["output_tokens"]) == (10, sum(counts))


DETAILS = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}}
USED = {**USAGE, "cost": 0.5, **DETAILS}


def test_the_details_of_usage_and_the_servers_own_price(make):
    details = {"input_token_details": {"cache_read": 4}, "output_token_details": {"reasoning": 3}}
    message = make(reply(completion(usage=USED)))[0].invoke("Moo?")
    assert details.items() <= message.usage_metadata.items()
    assert message.response_metadata["cost"] == 0.5
    model, _ = make(streamed(sse(chunks(usage=USED))))
    figures = [piece.usage_metadata for piece in model.stream("Moo?") if piece.usage_metadata]
    assert [*figures, model.stream_events("Moo?", version="v3").output.usage_metadata] == [message.usage_metadata] * 2


def test_no_usage_is_no_usage(make):
    """Zero would be a claim."""
    message = make(reply(completion(usage=None)))[0].invoke("Moo?")
    assert message.usage_metadata is None
    assert "token_usage" not in message.response_metadata


def test_stop_on_the_call_wins_and_an_empty_one_is_not_sent(make):
    model, stage = make(good, stop=["a"])
    model.invoke("hi")
    model.invoke("hi", stop=["b"])
    model.bind(stop_sequences=["c"]).invoke("hi", stop=["d"])
    ChatOxen(base_url=stage.url, api_key="k").invoke("hi", stop=[])
    assert [request.get("stop") for request in stage.bodies] == [["a"], ["b"], ["d"], None]


def test_one_permit_for_one_request(make):
    model, stage = make(good, rate_limiter=InMemoryRateLimiter(requests_per_second=1000, max_bucket_size=1))
    for api in entry_points(LangChain):
        api.ask(model, "hi")
    assert len(stage.requests) == 2


def test_repr_shows_the_model_and_values_set_later_are_checked():
    model = ChatOxen(api_key="sk-made-up", temperature=0.5)
    assert repr(model).startswith("ChatOxen(model='open-mixtral-8x22b', temperature=0.5")
    assert "profile" not in repr(model)
    with pytest.raises(OxenConfigError, match="temperature: must be less than or equal to 2"):
        model.temperature = 9
    with pytest.raises(OxenConfigError, match="pass it to the constructor"):
        model.invoke("hi", api_base="https://h.test")
    model.stop = "END"
    assert model.stop == ["END"]

"""The server for users' tests: each line of a script, as each class under test reads it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from _oxen_transport.errors import OxenConnectionError, OxenError, OxenRateLimitError, OxenTimeoutError
from _oxen_transport.testing import TEST_KEY, OxenServer, good
from langchain_oxen import ChatOxen, OxenCatalogue
from llama_index_oxen import Oxen
from tests.entry_points import EntryPoint, LangChain, each, entry_points


def test_a_text(api: EntryPoint, oxen_server: OxenServer) -> None:
    oxen_server.says("The ox  pulls\nthe plough.")
    answer = api.ask(api.make(oxen_server.url), "What does the ox do?")
    assert answer.text == "The ox  pulls\nthe plough."
    assert answer.usage == (5, 5, 10)
    assert answer.finish_reason == "stop"
    [request] = oxen_server.requests
    assert request.messages == [{"role": "user", "content": "What does the ox do?"}]
    assert request.wants_stream is api.streams


def test_tool_calls(api: EntryPoint, oxen_server: OxenServer) -> None:
    made = [("weather", {"city": "Łódź"}), ("weather", {"city": "Paris"})]
    oxen_server.calls(*made)
    assert [call[1:] for call in api.ask(api.make(oxen_server.url)).tool_calls] == made


class Ox(BaseModel):
    name: str
    weight: int


@pytest.mark.parametrize("method", ["function_calling", "json_mode", "json_schema"])
def test_an_object_comes_in_the_way_it_was_asked_for(oxen_server: OxenServer, method: str) -> None:
    oxen_server.answers(Ox(name="Ida", weight=640))
    llm = ChatOxen(base_url=oxen_server.url, api_key=TEST_KEY)
    assert llm.with_structured_output(Ox, method=method).invoke("Which ox, as JSON?") == Ox(name="Ida", weight=640)


def test_an_object_for_llama_index(oxen_server: OxenServer) -> None:
    oxen_server.answers({"name": "Ida", "weight": 640})
    llm = Oxen(base_url=oxen_server.url, api_key=TEST_KEY)
    assert llm.as_structured_llm(Ox).complete("Which ox?").raw == Ox(name="Ida", weight=640)


def test_faults(api: EntryPoint, oxen_server: OxenServer) -> None:
    oxen_server.fails(503).says("Moo.").drips("one two", every=0.001)
    assert [answer.text for answer in api.ask_each(*[api.make(oxen_server.url)] * 2)] == ["Moo.", "one two"]
    assert len(oxen_server.requests) == 3
    oxen_server.fails(429, "slow down", retry_after=7).cuts("one two three four", after=2).hangs()
    model = api.make(oxen_server.url, max_retries=0, timeout=0.5)
    with pytest.raises(OxenRateLimitError, match="slow down") as limited:
        api.ask(model)
    assert limited.value.details.retry_after == 7
    with pytest.raises(OxenConnectionError) as cut:
        api.ask(model)
    assert cut.value.partial_text == ("one two " if api.streams else "")
    with pytest.raises(OxenTimeoutError):
        api.ask(model)


@each(*entry_points(LangChain))
def test_the_script_is_used_up(api: EntryPoint, oxen_server: OxenServer) -> None:
    oxen_server.says("once")
    llm = api.make(oxen_server.url)
    api.ask(llm)
    with pytest.raises(OxenError, match="no answer for request 2: 1 were scripted"):
        api.ask(llm)
    oxen_server.repeat_last = True
    assert api.ask(llm).text == api.ask(llm).text == "once"


def test_a_function_that_fails_does_not_leave_the_client_waiting(oxen_server: OxenServer) -> None:
    def wrong(request: Any) -> Any:
        raise KeyError("tools")

    oxen_server.plays(wrong).plays(good)
    llm = ChatOxen(base_url=oxen_server.url, api_key=TEST_KEY)
    with pytest.raises(OxenError, match="the script of oxen_server failed: KeyError: 'tools'"):
        llm.invoke("moo")
    assert llm.invoke("moo").text


def test_the_key(oxen_server: OxenServer) -> None:
    oxen_server.says("in")
    oxen_server.key = "sk-right-key"
    with pytest.raises(OxenError, match="You must be authenticated"):
        ChatOxen(base_url=oxen_server.url, api_key="sk-wrong-key").invoke("moo")
    assert ChatOxen(base_url=oxen_server.url, api_key="sk-right-key").invoke("moo").text == "in"


def test_the_catalogue(oxen_server: OxenServer) -> None:
    catalogue = OxenCatalogue(base_url=oxen_server.url)
    assert [model.id for model in catalogue.list_models()] == ["open-mixtral-8x22b"]
    assert catalogue.get_model("open-mixtral-8x22b").context_length == 64_000
    with pytest.raises(OxenError, match="Model not found"):
        catalogue.get_model("no-such-model")
    assert not oxen_server.requests


def test_what_mistral_refuses_uses_up_no_line(oxen_server: OxenServer) -> None:
    oxen_server.strict = True
    oxen_server.says("taken")
    llm = ChatOxen(base_url=oxen_server.url, api_key=TEST_KEY, history="off", stream_options=None)
    with pytest.raises(OxenError, match="Expected last role User or Tool"):
        llm.invoke([("user", "moo"), ("assistant", "moo")])
    assert llm.invoke("moo").text == "taken"


def test_other_peoples_classes(oxen_server: OxenServer) -> None:
    openai_like = pytest.importorskip("llama_index.llms.openai_like")
    oxen_server.says("for all")
    llm = openai_like.OpenAILike(model="m", api_base=oxen_server.url, api_key=TEST_KEY, is_chat_model=True)
    assert llm.complete("moo").text == "for all"

"""What LangChain wraps around a model keeps its methods, and shows the request that is sent."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from langchain_core.load import dumpd
from langchain_core.runnables import ConfigurableField
from langchain_core.runnables.base import RunnableBinding
from langchain_core.runnables.configurable import RunnableConfigurableAlternatives, RunnableConfigurableFields
from langchain_core.runnables.fallbacks import RunnableWithFallbacks
from langchain_core.runnables.retry import RunnableRetry
from pydantic import BaseModel

from _oxen_transport.testing import ANSWER, Server, error_body, good, reply
from langchain_oxen import ChatOxen, OxenConfigError
from tests.tables import each_row
from tools.support.ideal_model import ideal


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: str


def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


WARM = {"configurable": {"heat": 0.9, "which": "warm"}}


def bound(chat: ChatOxen) -> Any:
    return chat.bind(temperature=0.25)


def retry(chat: ChatOxen) -> Any:
    return chat.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)


def fallbacks(chat: ChatOxen) -> Any:
    return chat.with_fallbacks([chat.model_copy(update={"model": "mistral-small-2503"})])


def fields(chat: ChatOxen) -> Any:
    return chat.configurable_fields(temperature=ConfigurableField(id="heat"))


def alternatives(chat: ChatOxen) -> Any:
    which, warm = ConfigurableField(id="which"), chat.model_copy(update={"temperature": 0.9})
    return chat.configurable_alternatives(which, warm=warm, lazy=chat.model_copy)


CORES: dict[Any, type[Any]] = {
    bound: RunnableBinding,
    retry: RunnableRetry,
    fallbacks: RunnableWithFallbacks,
    fields: RunnableConfigurableFields,
    alternatives: RunnableConfigurableAlternatives,
}
each_wrapper = pytest.mark.parametrize("wrap", CORES, ids=lambda wrap: wrap.__name__)


def shown(command: str) -> Any:
    return json.loads(shlex.split(command)[-1])


@each_wrapper
def test_tools_can_be_bound_and_the_request_is_the_one_that_is_sent(wrap: Any, server: Server) -> None:
    stage = server.stage(good)
    chat = ChatOxen(base_url=stage.url, stop="END")
    for model in (
        wrap(chat),
        wrap(chat).bind(top_p=0.5, stop_sequences=["HALT"]),
        wrap(chat).bind_tools([weather], tool_choice="any"),
        wrap(chat).bind_tools([weather]).bind(seed=7),
    ):
        assert model.invoke("hi").text == ANSWER
        assert shown(model.to_curl("hi")) == stage.bodies[-1]


@each_wrapper
def test_objects_can_be_asked_for(wrap: Any, server: Server) -> None:
    chat = ChatOxen(base_url=server.stage(ideal).url)
    joke = wrap(chat).with_structured_output(Joke).invoke("Tell me a joke about oxen.")
    assert isinstance(joke, Joke)


def test_tools_are_bound_beside_what_is_bound_already(server: Server) -> None:
    stage = server.stage(good)
    model = ChatOxen(base_url=stage.url).bind(temperature=0.25).with_config(tags=["mine"])
    for _ in range(2):
        model = model.bind_tools([weather], tool_choice="any")
        model.invoke("hi")
    assert [(body["temperature"], len(body["tools"])) for body in stage.bodies] == [(0.25, 1)] * 2
    assert model.config["tags"] == ["mine"]


@each_row("wrap", [fields, alternatives], ids=lambda wrap: wrap.__name__)
def test_what_can_be_configured_can_still_be_when_tools_are_bound(wrap: Any, server: Server) -> None:
    stage = server.stage(ideal)
    model = wrap(ChatOxen(base_url=stage.url))
    model.bind_tools([weather]).with_config(WARM).invoke("hi")
    model.with_structured_output(Joke).with_config(WARM).invoke("hi")
    assert len(list(model.with_config(WARM).stream("hi"))) > 2
    model.with_config(WARM).invoke("hi")
    assert [body.get("temperature") for body in stage.bodies] == [0.9] * 4
    assert [len(body.get("tools", [])) for body in stage.bodies] == [1, 1, 0, 0]
    assert shown(model.to_curl("hi", config=WARM)) == stage.bodies[-1]
    assert shown(model.with_config(WARM).to_curl("hi")) == stage.bodies[-1]


def test_an_alternative_is_made_when_it_is_chosen(server: Server) -> None:
    stage = server.stage(good)
    model = alternatives(ChatOxen(base_url=stage.url)).bind_tools([weather])
    model.with_config(configurable={"which": "lazy"}).invoke("hi")
    assert len(stage.bodies[0]["tools"]) == 1


def test_wrappers_still_do_their_work(server: Server) -> None:
    stage = server.stage(reply(error_body(), 503), good)
    chat = ChatOxen(base_url=stage.url, max_retries=0)
    assert retry(chat).bind_tools([weather]).invoke("hi").text == ANSWER
    stage = server.stage(reply(error_body(), 503), good)
    chat = ChatOxen(base_url=stage.url, max_retries=0)
    assert fallbacks(chat).bind(temperature=0.5).invoke("hi").text == ANSWER
    assert [body["model"] for body in stage.bodies] == ["open-mixtral-8x22b", "mistral-small-2503"]
    assert [body["temperature"] for body in stage.bodies] == [0.5, 0.5]


@each_wrapper
def test_a_dump_is_cores_own(wrap: Any) -> None:
    model = wrap(ChatOxen(api_key="sk-made-up-0123456789"))
    assert isinstance(model, CORES[wrap])
    assert dumpd(model)["id"] == CORES[wrap].lc_id()


@each_wrapper
def test_a_wrong_parameter_is_found_when_the_call_is_made(wrap: Any, server: Server) -> None:
    stage = server.stage(good)
    with pytest.raises(OxenConfigError, match="temperature"):
        wrap(ChatOxen(base_url=stage.url)).bind(temprature=1).invoke("hi")
    assert stage.requests == []

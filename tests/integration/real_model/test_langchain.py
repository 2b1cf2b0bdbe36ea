"""Agents, objects and every way to call: llama.cpp's server and half a billion weights, on this machine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, convert_to_messages
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from _oxen_transport.request import tokens
from _oxen_transport.request.tokens import count_messages
from langchain_oxen import ChatOxen, OxenContextOverflowError, OxenStructuredOutputError
from langchain_oxen.messages import to_wire
from tests.real_tokens import OWN_WORDS, PROMPTS, ServerTokenizer


@pytest.fixture
def model(local_model_url: str) -> ChatOxen:
    return ChatOxen(base_url=local_model_url, temperature=0, max_tokens=200, timeout=240)


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"It is 21 degrees and sunny in {city}."


class City(BaseModel):
    """A city and its country."""

    name: str = Field(description="name of the city")
    country: str = Field(description="name of the country")


def test_an_agent_calls_its_tool_and_answers_from_the_result(model: ChatOxen) -> None:
    counter = UsageMetadataCallbackHandler()
    agent = create_agent(model, [get_weather])
    question = {"messages": [HumanMessage("What is the weather in Paris? Use the tool.")]}
    messages = agent.invoke(question, {"callbacks": [counter]})["messages"]
    assert [(call["name"], call["args"]) for call in messages[1].tool_calls] == [("get_weather", {"city": "Paris"})]
    assert "21" in messages[-1].text
    spent = sum(message.usage_metadata["total_tokens"] for message in messages if isinstance(message, AIMessage))
    assert counter.usage_metadata["open-mixtral-8x22b"]["total_tokens"] == spent


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "auto"])
def test_objects(model: ChatOxen, method: Any) -> None:
    asked = model.with_structured_output(City, method=method)
    assert asked.invoke("Paris is the capital of France.") == City(name="Paris", country="France")
    assert list(asked.stream("Paris is the capital of France."))[-1] == City(name="Paris", country="France")


def test_an_agent_answers_with_an_object(model: ChatOxen) -> None:
    agent = create_agent(model, [], response_format=ProviderStrategy(City))
    answer = agent.invoke({"messages": [HumanMessage("Paris is the capital of France.")]})["structured_response"]
    assert answer == City(name="Paris", country="France")


def test_an_object_that_is_cut_raises_with_the_part(model: ChatOxen) -> None:
    asked = model.model_copy(update={"max_tokens": 6}).with_structured_output(City, method="json_schema")
    with pytest.raises(OxenStructuredOutputError, match="cut off") as caught:
        asked.invoke("Paris is the capital of France.")
    assert caught.value.partial_text.startswith("{")


def test_every_way_to_call_gives_the_same_text(model: ChatOxen) -> None:
    """At temperature 0 the model repeats itself."""
    question = "Say hello in one short sentence."

    async def awaited() -> list[str]:
        stream = await model.astream_events(question, version="v3")
        flowing = [piece.text async for piece in model.astream(question)]
        return [(await model.ainvoke(question)).text, "".join(flowing), (await stream.output).text]

    texts = [model.invoke(question).text, "".join(piece.text for piece in model.stream(question))]
    texts += [model.stream_events(question, version="v3").output.text, *asyncio.run(awaited())]
    assert len(set(texts)) == 1
    assert texts[0]


def test_a_prompt_that_does_not_fit(model: ChatOxen) -> None:
    with pytest.raises(OxenContextOverflowError) as caught:
        model.invoke("moo " * 9_000)
    assert caught.value.context_window == 8192
    assert caught.value.prompt_tokens > 8192


# -- tokens ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_is_counted_as_the_server_counts_it(
    model: ChatOxen, local_model_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the token, by the way that Mixtral's tokens are counted, with this model's template and tokenizer."""
    dicts, tools = PROMPTS[name]
    messages = convert_to_messages(dicts)
    model = model.model_copy(update={"max_tokens": 1})
    counted = (model.bind_tools(tools) if tools else model).invoke(messages).usage_metadata
    assert counted is not None
    estimate = count_messages(to_wire(messages), tools, "qwen2.5-coder-0.5b")  # no tokenizer of it is packaged
    assert not estimate.exact
    if name not in OWN_WORDS:
        assert 0.6 * counted["input_tokens"] < estimate.tokens < 1.45 * counted["input_tokens"]
        assert counted["input_tokens"] <= estimate.at_most

    monkeypatch.setattr(tokens, "tokenizer_of", lambda _: ServerTokenizer(local_model_url))
    assert model.get_num_tokens_from_messages(messages, tools=tools) == counted["input_tokens"]
    with pytest.raises(OxenContextOverflowError) as caught:
        model.model_copy(update={"check_context": True, "context_window": 9}).invoke(messages, tools=tools)
    assert caught.value.prompt_tokens == counted["input_tokens"]


def test_a_text_is_counted_by_the_users_own_tokenizer(local_model_url: str) -> None:
    """What `custom_get_token_ids` can know is texts: two prompts differ by as much as their texts do."""
    model = ChatOxen(
        base_url=local_model_url, max_tokens=1, timeout=240, custom_get_token_ids=ServerTokenizer(local_model_url).ids
    )
    texts = ["moo", "The ox pulls the plough — strong, calm and 忠实."]
    counted = [model.invoke(text).usage_metadata["input_tokens"] for text in texts]  # type: ignore[index]
    assert counted[1] - counted[0] == model.get_num_tokens(texts[1]) - model.get_num_tokens(texts[0]) > 10

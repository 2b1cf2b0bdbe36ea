"""Answers that are objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

from llama_index_oxen.testing.conformance.base import BLUNDERS, LLMTests, collect, user
from llama_index_oxen.testing.conformance.server import Reply, Request
from llama_index_oxen.testing.conformance.wire import DONE, USAGE, answer, event, piece

T = TypeVar("T")
PREDICT = (
    "structured_predict",
    "astructured_predict",
    "stream_structured_predict",
    "astream_structured_predict",
)
BOB: dict[str, Any] = {"name": "Bob", "age": 42, "hobbies": ["rowing", "chess"]}


class Person(BaseModel):
    """A person."""

    name: str
    age: int
    hobbies: list[str] = []


class Box(BaseModel, Generic[T]):
    """A box."""

    content: T


def obliging(value: Any) -> Callable[[Request], Reply]:
    """Give this object, in whatever way it is asked for."""

    def reply(request: Request) -> Reply:
        if tools := request.body.get("tools"):
            return answer(calls=[("AbC123xyZ", tools[0]["function"]["name"], value)])(request)
        return answer(json.dumps(value))(request)

    return reply


class StructuredTests(LLMTests):
    """Structured prediction, on its four methods."""

    needs = ("has_structured_output",)

    def predict(self, llm: Any, method: str, output_cls: type[Any] = Person, **more: Any) -> list[Any]:
        return collect(getattr(llm, method), output_cls, PromptTemplate("Who is {name}?"), name="Bob", **more)

    @pytest.mark.parametrize("method", PREDICT)
    def test_it_ends_in_the_object(self, method: str) -> None:
        llm, stage = self.llm(obliging(BOB))
        last = self.predict(llm, method)[-1]
        assert type(last) is Person
        assert last == Person(**BOB)
        assert len(stage.requests) == 1

    @pytest.mark.parametrize("method", PREDICT)
    def test_the_form_is_forced(self, method: str) -> None:
        llm, stage = self.llm(obliging(BOB))
        self.predict(llm, method)
        body = stage.bodies[0]
        forced = body.get("tool_choice") in ("required", "any") or isinstance(body.get("tool_choice"), dict)
        assert forced or body.get("response_format")

    @pytest.mark.parametrize("method", PREDICT)
    def test_the_system_prompt_is_there_once(self, method: str) -> None:
        llm, stage = self.llm(obliging(BOB), system_prompt="Be exact.")
        self.predict(llm, method)
        assert json.dumps(stage.bodies[0]["messages"]).count("Be exact.") == 1

    @pytest.mark.parametrize("method", PREDICT)
    def test_a_generic_class(self, method: str) -> None:
        llm, _ = self.llm(obliging({"content": 7}))
        assert self.predict(llm, method, Box[int])[-1] == Box[int](content=7)

    @pytest.mark.parametrize("method", PREDICT)
    def test_parameters_of_the_call_arrive(self, method: str) -> None:
        llm, stage = self.llm(obliging(BOB))
        self.predict(llm, method, llm_kwargs={"temperature": 0.125})
        assert stage.bodies[0]["temperature"] == 0.125

    @pytest.mark.parametrize("method", PREDICT)
    def test_an_object_that_does_not_fit_is_an_error_that_says_why(self, method: str) -> None:
        llm, _ = self.llm(obliging({"name": "Bob", "age": "old"}))
        with pytest.raises(Exception, match="age") as caught:
            self.predict(llm, method)
        assert not isinstance(caught.value, BLUNDERS)

    @pytest.mark.parametrize("method", PREDICT)
    def test_words_in_place_of_an_object_are_an_error_that_shows_them(self, method: str) -> None:
        llm, _ = self.llm(answer("I would rather not."))
        with pytest.raises(Exception, match="rather not") as caught:
            self.predict(llm, method)
        assert not isinstance(caught.value, BLUNDERS)

    @pytest.mark.parametrize("method", PREDICT[2:])
    def test_an_empty_stream_is_a_clear_error(self, method: str) -> None:
        llm, _ = self.llm(Reply(pieces=[event({**piece(), "choices": [], "usage": USAGE}), DONE]))
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each package has its own
            self.predict(llm, method)
        assert not isinstance(caught.value, BLUNDERS)

    @pytest.mark.parametrize("method", PREDICT[2:])
    def test_objects_grow_and_the_last_one_is_real(self, method: str) -> None:
        llm, _ = self.llm(obliging(BOB))
        shown = self.predict(llm, method)
        assert len(shown) > 2
        assert all(isinstance(one, BaseModel) for one in shown)
        names = [name for one in shown if (name := getattr(one, "name", None))]
        assert all("Bob".startswith(name) for name in names)
        assert type(shown[-1]) is Person

    @pytest.mark.parametrize("method", ["chat", "achat", "stream_chat", "astream_chat"])
    def test_as_structured_llm(self, method: str) -> None:
        llm, _ = self.llm(obliging(BOB))
        structured = llm.as_structured_llm(Person)
        assert collect(getattr(structured, method), [user("Who is Bob?")])[-1].raw == Person(**BOB)

    def test_the_prompts_own_text_arrives(self) -> None:
        llm, stage = self.llm(obliging(BOB))
        self.predict(llm, "structured_predict")
        assert "Who is Bob?" in json.dumps(stage.bodies[0]["messages"])

"""What is tried, and what docs/ and the tests assume about it.

A case returns what differs from that, in plain words. An error that was not expected is a failure.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from langchain_oxen import ChatOxen, OxenCatalogue, OxenError
from llama_index_oxen import Oxen
from tools.live.recording import Recorder

SHORT = "Answer with one word: which animal pulls a plough?"


@dataclass
class Live:
    """Where the service is, and what records it."""

    options: dict[str, Any]
    recorder: Recorder

    def chat(self, **more: Any) -> ChatOxen:
        """A model whose sync answers are recorded."""
        client = httpx.Client(transport=self.recorder)
        return ChatOxen(**{**self.options, "max_tokens": 20, "http_client": client, **more})

    def plain(self, kind: type[Any], **more: Any) -> Any:
        """A model over the connections that users have."""
        return kind(**{**self.options, "max_tokens": 20, **more})


Case = Callable[[Live], list[str]]


class Animal(BaseModel):
    """An animal."""

    name: str
    food: str


def weather(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}."


def cases() -> Iterator[tuple[str, Case]]:
    """All cases by name, the cheapest first."""
    yield "models", _models
    yield from {"error_key": _wrong_key, "error_model": _unknown_model, "error_empty": _no_messages}.items()
    yield "error_parameter", _parameter_out_of_range
    yield from ((f"entry_{name}", case) for name, case in _entry_points())
    yield from {"text": _text, "stream": _stream, "tool_call": _tool_call, "long": _long_prompt}.items()
    yield from ((f"object_{method}", _object(method)) for method in ("function_calling", "json_mode", "json_schema"))
    yield from ((f"parameter_{name}", _parameter(name, value)) for name, value in PARAMETERS.items())


PARAMETERS: dict[str, Any] = {
    "temperature": 0.1,
    "top_p": 0.9,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.1,
    "stop": ["."],
    "seed": 7,
    "logprobs": True,
    "target_namespace": None,
}
"""None: only tried if it is given by --namespace."""


def _entry_points() -> Iterator[tuple[str, Case]]:
    for kind, names in (
        (ChatOxen, ("invoke", "ainvoke", "stream", "astream")),
        (Oxen, ("chat", "achat", "stream_chat", "astream_chat")),
    ):
        for name in names:
            yield f"{kind.__name__}_{name}", _entry(kind, name)


def _entry(kind: type[Any], name: str) -> Case:
    async def collected(made: Any) -> list[Any]:
        made = made if hasattr(made, "__aiter__") else await made
        return [one async for one in made] if hasattr(made, "__aiter__") else [made]

    def case(live: Live) -> list[str]:
        question: Any = SHORT if kind is ChatOxen else [ChatMessage(role="user", content=SHORT)]
        method = getattr(live.plain(kind), name)
        if name.startswith("a"):
            answers = asyncio.run(collected(method(question)))
        else:
            made = method(question)
            answers = list(made) if "stream" in name else [made]
        return [] if answers else ["no answer at all"]

    return case


def _text(live: Live) -> list[str]:
    answer = live.chat().invoke(SHORT)
    found = []
    if not answer.usage_metadata:
        found.append("no usage in a whole answer")
    if answer.response_metadata.get("finish_reason") not in ("stop", "length"):
        found.append(f"finish_reason is {answer.response_metadata.get('finish_reason')!r}")
    if "cost" in answer.response_metadata:
        found.append("usage has a cost")
    return found


def _stream(live: Live) -> list[str]:
    chunks = list(live.chat().stream(SHORT))
    text = live.recorder.text
    found = [] if "[DONE]" in text else ["a stream does not end with [DONE]"]
    if not any(chunk.usage_metadata for chunk in chunks):
        found.append("no usage in a stream that asked for it")
    if '"role"' in text.partition("\n\n")[0]:
        found.append("the first chunk has a role; the documented sample has none")
    return found


def _tool_call(live: Live) -> list[str]:
    llm = live.chat(max_tokens=100)
    asked = llm.bind_tools([weather], tool_choice="weather").invoke("What is the weather in Leeds?")
    if not asked.tool_calls:
        return ["a forced tool is not called"]
    call = asked.tool_calls[0]
    result = {"role": "tool", "content": weather(**call["args"]), "tool_call_id": call["id"]}
    llm.bind_tools([weather]).invoke([("user", "What is the weather in Leeds?"), asked, result])
    tool = FunctionTool.from_defaults(weather)
    made = live.plain(Oxen, max_tokens=100).chat_with_tools([tool], "The weather in Leeds?", tool_required=True)
    return [] if made.message.blocks else ["LlamaIndex: a required tool is not called"]


def _object(method: str) -> Case:
    def case(live: Live) -> list[str]:
        llm = live.chat(max_tokens=100).with_structured_output(Animal, method=method)
        made = llm.invoke("Describe a cow as JSON with 'name' and 'food'.")
        return [] if isinstance(made, Animal) else [f"{method} gives {type(made).__name__}"]

    return case


def _long_prompt(live: Live) -> list[str]:
    answer = live.chat().invoke("ox " * 3000 + "\nHow many legs has an ox? One word.")
    ours, theirs = live.chat().get_num_tokens("ox " * 3000), (answer.usage_metadata or {}).get("input_tokens", 0)
    near = theirs and abs(theirs - ours) < ours / 10
    return [] if near else [f"3,000 words are {theirs} tokens to the server and {ours} to us"]


def _parameter(name: str, value: Any) -> Case:
    def case(live: Live) -> list[str]:
        given = live.options.get(name, value)
        if given is not None:
            live.chat(**{name: given}).invoke(SHORT)
        return []

    return case


def _models(live: Live) -> list[str]:
    place = {"base_url": live.options["base_url"], "http_client": httpx.Client(transport=live.recorder)}
    listed = OxenCatalogue(**place).list_models()  # without a key: the list is public
    found = [] if any(one.id == live.options["model"] for one in listed) else ["the model is not in the list"]
    own = OxenCatalogue(**place).get_model(live.options["model"], refresh=True)
    found += [f"{name} is not known" for name in ("context_length", "input_cost_per_token") if not getattr(own, name)]
    return found + (["the model has a request_schema"] if own.request_schema else [])


def _expected(live: Live, statuses: tuple[int, ...], words: str, ask: Callable[[], Any]) -> list[str]:
    """An error of one of these statuses, with these words."""
    try:
        ask()
    except OxenError as error:
        status = error.details.status_code
        found = [] if status in statuses else [f"status {status}, not {' or '.join(map(str, statuses))}"]
        body = live.recorder.text
        return found if words.lower() in body.lower() else [*found, f"no {words!r} in {body[:200]!r}"]
    return ["it was answered"]


def _wrong_key(live: Live) -> list[str]:
    llm = live.chat(api_key="sk-not-a-key-of-anybody")
    return _expected(live, (401,), "unauthenticated", lambda: llm.invoke(SHORT))


def _unknown_model(live: Live) -> list[str]:
    return _expected(live, (400, 404), "Model not found", lambda: live.chat(model="no-such-model").invoke(SHORT))


def _no_messages(live: Live) -> list[str]:
    llm = live.chat(extra_body={"messages": []})
    return _expected(live, (400,), "messages", lambda: llm.invoke(SHORT))


def _parameter_out_of_range(live: Live) -> list[str]:
    llm = live.chat(extra_body={"temperature": 9})
    return _expected(live, (400, 422), json.dumps("type"), lambda: llm.invoke(SHORT))

"""The rows of the table: each asks one question of a class, against the scripted server, and judges what came.

A row gets `make` (url, options -> model) and the server. It returns what stands in the cell: a text
that begins with "yes", "no", or a figure. What it raises stands there too, as a "no".
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import pickle
import time
from collections.abc import Callable
from typing import Any

from _oxen_transport import testing as scripted
from _oxen_transport.testing import DONE, HANG, chunk, event, open_stream, reply, sse, streamed, whole
from _oxen_transport.testing.server import Server
from tools.support.recorded import recorded

Row = Callable[[Any, Server], str]
ROWS: dict[str, Row] = {}
WEATHER = {
    "name": "get_weather",
    "description": "The weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TWO = [("AbC123xyZ", '{"city": "Paris"}'), ("DeF456uvW", '{"city": "Rome"}')]


def completion(text: str | None = "Moo.", **more: Any) -> dict[str, Any]:
    """A body with every field that any of the classes insists on: rows are lost for other reasons."""
    return scripted.completion(text, system_fingerprint="fp_1", **more)


def error_body(message: str, code: int) -> dict[str, Any]:
    return scripted.error_body(message, code=code)


def good(request: Any) -> Any:
    if request.wants_stream:
        return streamed(sse([chunk("Moo"), chunk("."), chunk(None, "stop")]))
    return [whole(completion())]


def row(title: str) -> Callable[[Row], Row]:
    def add(function: Row) -> Row:
        ROWS[title] = function
        return function

    return add


def yes(condition: Any, otherwise: str = "no") -> str:
    return "yes" if condition else otherwise


def merged(model: Any, question: str = "Moo?", **call: Any) -> Any:
    full: Any = None
    for piece in model.stream(question, **call):
        full = piece if full is None else full + piece
    return full


def kind_of(call: Callable[[], Any]) -> BaseException | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - which one it is, is the question
        return error
    return None


def call_entry(index: Any, id_: str, arguments: Any) -> dict[str, Any]:
    return {"index": index, "id": id_, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


# -- streams ---------------------------------------------------------------------------------


@row("A stream that breaks off is an error, and the part that came is kept")
def cut(make: Any, server: Server) -> str:
    stage = server.stage(streamed(event(chunk("The ox")), event(chunk(" pulls"))))
    error = kind_of(lambda: list(make(stage.url, max_retries=0).stream("Moo?")))
    if error is None:
        return "no: half an answer passes for a whole one"
    return yes(getattr(error, "partial", None), f"no: {type(error).__name__} without it")


@row("An error in the middle of a stream is LangChain's own `ModelError`")
def error_inside(make: Any, server: Server) -> str:
    from langchain_core.exceptions import ModelError

    stage = server.stage(streamed(event(chunk("The ox")), event(error_body("upstream died", 502)), DONE))
    error = kind_of(lambda: list(make(stage.url, max_retries=0).stream("Moo?")))
    return yes(isinstance(error, ModelError), f"no: {type(error).__name__ if error else 'it is not noticed'}")


@row("A stream that falls silent ends after `timeout`")
def silent(make: Any, server: Server) -> str:
    stage = server.stage(open_stream(event(chunk("The ox")), HANG))
    began = time.monotonic()
    error = kind_of(lambda: list(make(stage.url, max_retries=0, timeout=1).stream("Moo?")))
    return yes(error is not None and time.monotonic() - began < 3, "no")


@row("A break closes the upstream connection within a second (sync and async)")
def let_go(make: Any, server: Server) -> str:
    stage = server.stage(open_stream(event(chunk("The ox")), event(chunk(" pulls")), HANG))
    model = make(stage.url)
    for _ in model.stream("Moo?"):
        break
    sync = stage.released(1.0)

    async def ask() -> bool:
        stream = model.astream("Moo?")
        async for _ in stream:
            break
        await stream.aclose()
        return await asyncio.to_thread(stage.released, 1.0)

    return yes(sync and asyncio.run(ask()), "no")


# -- tool calls ------------------------------------------------------------------------------


def _calls(message: Any) -> list[Any]:
    return [call["args"] for call in message.tool_calls]


BOTH = [{"city": "Paris"}, {"city": "Rome"}]


def fragments() -> list[Any]:
    parts: list[Any] = []
    for at, (id_, arguments) in enumerate(TWO):
        parts.append(chunk({"tool_calls": [call_entry(at, id_, "")]}))
        parts += [chunk({"tool_calls": [{"index": at, "function": {"arguments": piece}}]}) for piece in arguments]
    return [*parts, chunk(None, "tool_calls")]


@row("Two streamed calls in fragments (OpenAI's way)")
def in_fragments(make: Any, server: Server) -> str:
    return yes(_calls(merged(make(server.stage(streamed(sse(fragments()))).url))) == BOTH)


@row("Two whole streamed calls under one index (Ollama's way)")
def same_index(make: Any, server: Server) -> str:
    parts = [chunk({"tool_calls": [call_entry(0, id_, arguments)]}) for id_, arguments in TWO]
    return yes(_calls(merged(make(server.stage(streamed(sse([*parts, chunk(None, "tool_calls")]))).url))) == BOTH)


@row("Fragments without an index")
def no_index(make: Any, server: Server) -> str:
    parts: list[Any] = []
    for id_, arguments in TWO:
        first = call_entry(0, id_, arguments[:4])
        rest = {"function": {"arguments": arguments[4:]}}
        del first["index"]
        parts += [chunk({"tool_calls": [first]}), chunk({"tool_calls": [rest]})]
    return yes(_calls(merged(make(server.stage(streamed(sse([*parts, chunk(None, "tool_calls")]))).url))) == BOTH)


@row("The same two calls in v3 events")
def in_events(make: Any, server: Server) -> str:
    stream = make(server.stage(streamed(sse(fragments()))).url).stream_events("Moo?", version="v3")
    return yes(_calls(stream.output) == BOTH, f"no: {len(stream.output.tool_calls)} of 2")


@row("Native v3 events")
def native(make: Any, server: Server) -> str:
    return yes(hasattr(type(make(server.stage(good).url)), "_stream_chat_model_events"))


@row("Arguments that are a list become an invalid call, not a crash")
def list_arguments(make: Any, server: Server) -> str:
    body = completion(None)
    body["choices"][0]["message"]["tool_calls"] = [call_entry(0, "AbC123xyZ", "[1, 2]")]
    message = make(server.stage(reply(body)).url, max_retries=0).invoke("Moo?")
    return yes(message.invalid_tool_calls and message.invalid_tool_calls[0]["args"] == "[1, 2]")


@row("Arguments cut off by max_tokens never look whole when streamed")
def cut_arguments(make: Any, server: Server) -> str:
    parts = [chunk({"tool_calls": [call_entry(0, "AbC123xyZ", '{"path": "/srv/da')]}), chunk(None, "length")]
    message = merged(make(server.stage(streamed(sse(parts))).url))
    return yes(not message.tool_calls and message.invalid_tool_calls, "no: half a path is a call")


@row("`tools: []` beside a schema is not sent")
def empty_tools(make: Any, server: Server) -> str:
    stage = server.stage(good)
    kind_of(
        lambda: make(stage.url, max_retries=0).bind_tools([], response_format={"type": "json_object"}).invoke("Moo?")
    )
    return yes(stage.bodies and "tools" not in stage.bodies[0])


@row("A history with foreign call ids, names, and text beside calls is sent as Mixtral takes it, text kept")
def history(make: Any, server: Server) -> str:
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    call = {"id": "call_123456789012345678", "name": "get_weather", "args": {"city": "Paris"}, "type": "tool_call"}
    stage = server.stage(good)
    messages = [
        HumanMessage("Weather?", name="ann"),
        AIMessage("I look it up.", tool_calls=[call]),
        ToolMessage("sunny", tool_call_id=call["id"]),
        HumanMessage("Thanks"),
    ]
    make(stage.url).bind_tools([WEATHER]).invoke(messages)
    return yes(*_mixtral_takes(stage.bodies[0]["messages"]))


def _mixtral_takes(sent: list[dict[str, Any]]) -> tuple[bool, str]:
    """The rules of mistral-common's validator (v3) that this history touches."""
    faults = []
    if any("name" in message for message in sent if message["role"] == "user"):
        faults.append("`name` on the user")
    ids = [call["id"] for message in sent for call in message.get("tool_calls") or []]
    if not all(len(id_) == 9 and id_.isalnum() for id_ in ids):
        faults.append("call ids")
    if any(message.get("content") and message.get("tool_calls") for message in sent):
        faults.append("text beside calls")
    if "I look it up." not in json.dumps(sent):
        faults.append("text lost")
    if any(a["role"] == "tool" and b["role"] == "user" for a, b in itertools.pairwise(sent)):
        faults.append("user after tool")
    return not faults, f"no: {', '.join(faults)}"


# -- figures ---------------------------------------------------------------------------------

USAGE = {"prompt_tokens": 11, "completion_tokens": 8, "total_tokens": 19}


@row("Usage that each chunk repeats is counted once")
def repeated_usage(make: Any, server: Server) -> str:
    parts = [chunk("a", usage=USAGE), chunk("b", usage=USAGE), chunk(None, "stop", usage=USAGE)]
    message = merged(make(server.stage(streamed(sse(parts))).url))
    usage = message.usage_metadata or {}
    return yes(usage.get("total_tokens") == 19, f"no: {usage.get('total_tokens')} for 19")


@row("Streams ask for usage by default")
def asks_for_usage(make: Any, server: Server) -> str:
    stage = server.stage(good)
    merged(make(stage.url))
    return yes((stage.bodies[0].get("stream_options") or {}).get("include_usage"))


@row("Counts tokens of messages and tools offline")
def counts(make: Any, server: Server) -> str:
    from langchain_core.messages import HumanMessage

    model = make(server.stage(good).url)
    few = model.get_num_tokens_from_messages([HumanMessage("Moo?")])
    return yes(
        0 < few < model.get_num_tokens_from_messages([HumanMessage("Moo?")], tools=[WEATHER]), "no: not the tools"
    )


@row("Profile knows the window of open-mixtral-8x22b")
def profile(make: Any, server: Server) -> str:
    return yes((make(server.stage(good).url).profile or {}).get("max_input_tokens"))


# -- failures --------------------------------------------------------------------------------


def _retried(make: Any, server: Server, status: int, way: str, **headers: Any) -> str:
    stage = server.stage(reply(error_body("busy", status), status, **headers), good)
    model = make(stage.url)
    error = kind_of(lambda: list(model.stream("Moo?")) if way == "stream" else model.invoke("Moo?"))
    return yes(error is None and len(stage.requests) == 2, f"no: {type(error).__name__}" if error else "no")


@row("429 is tried again after Retry-After (1 s), invoke")
def retry_429(make: Any, server: Server) -> str:
    began = time.monotonic()
    verdict = _retried(make, server, 429, "invoke", retry_after=1)
    return f"{verdict}, {time.monotonic() - began:.1f} s" if verdict == "yes" else verdict


@row("503 is tried again, at the start of a stream too")
def retry_503(make: Any, server: Server) -> str:
    return _retried(make, server, 503, "stream")


@row("401, 404 and 429 are LangChain's own classes")
def typed(make: Any, server: Server) -> str:
    from langchain_core.exceptions import ModelAuthenticationError, ModelNotFoundError, ModelRateLimitError

    missed = []
    for status, kind in ((401, ModelAuthenticationError), (404, ModelNotFoundError), (429, ModelRateLimitError)):
        model = make(server.stage(reply(error_body("no", status), status)).url, max_retries=0)
        if not isinstance(kind_of(lambda model=model: model.invoke("Moo?")), kind):
            missed.append(str(status))
    return yes(not missed, f"no: {', '.join(missed)}")


@row("Mistral's, llama.cpp's and vLLM's overflow is `ContextOverflowError`")
def overflow(make: Any, server: Server) -> str:
    from langchain_core.exceptions import ContextOverflowError

    vllm = error_body("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.", 400)
    attempts = {
        "Mistral": recorded("mistral_error_400_overflow.http"),
        "llama.cpp": recorded("llama_cpp_error_400_overflow.http"),
        "vLLM": reply(vllm, 400),
    }
    missed = [
        name
        for name, attempt in attempts.items()
        if not isinstance(
            kind_of(lambda a=attempt: make(server.stage(a).url, max_retries=0).invoke("Moo?")), ContextOverflowError
        )
    ]
    return yes(not missed, f"no: {', '.join(missed)}")


@row("A login page with status 200 is a `ModelError`")
def page(make: Any, server: Server) -> str:
    from langchain_core.exceptions import ModelError

    stage = server.stage(reply(b"<html>please log in</html>", 200, "text/html"))
    error = kind_of(lambda: make(stage.url, max_retries=0).invoke("Moo?"))
    return yes(isinstance(error, ModelError), f"no: {type(error).__name__ if error else 'it is not noticed'}")


@row("A schema's answer cut by max_tokens raises in `.stream()`, with the part that came")
def cut_object(make: Any, server: Server) -> str:
    schema = {"title": "ox", "description": "An ox.", **WEATHER["parameters"]}  # type: ignore[dict-item]
    stage = server.stage(streamed(sse([chunk('{"city": "Pa'), chunk(None, "length")])))
    asked = make(stage.url, max_retries=0).with_structured_output(schema, method="json_schema")
    error = kind_of(lambda: list(asked.stream("Moo?")))
    if error is None:
        return "no: it ends as if all were well"
    return yes(getattr(error, "partial", None), f"no: {type(error).__name__} without it")


# -- life ------------------------------------------------------------------------------------


@row("One object in several event loops")
def loops(make: Any, server: Server) -> str:
    model = make(server.stage(good).url, max_retries=0)
    for _ in range(3):
        asyncio.run(model.ainvoke("Moo?"))
    return "yes"


@row("pickle and deepcopy")
def copies(make: Any, server: Server) -> str:
    model = make(server.stage(good).url)
    copy.deepcopy(model).invoke("Moo?")
    pickle.loads(pickle.dumps(model)).invoke("Moo?")  # noqa: S301 - our own
    return "yes"


@row("The cache's key is right after `model_copy`")
def cache_key(make: Any, server: Server) -> str:
    from langchain_core.caches import InMemoryCache

    stage = server.stage(good)
    model = make(stage.url, cache=InMemoryCache())
    model.invoke("Moo?")
    name = "model_name" if "model_name" in type(model).model_fields else "model"
    model.model_copy(update={name: "mistral-nemo"}).invoke("Moo?")
    return yes(len(stage.requests) == 2, "no: another model's answer")


@row("Five objects with the same settings share one connection")
def connections(make: Any, server: Server) -> str:
    stage = server.stage(good)
    models = [make(stage.url) for _ in range(5)]
    for model in models:
        model.invoke("Moo?")
    return yes(len(stage.connections) == 1, f"no: {len(stage.connections)}")


@row("The cost that the server reports is kept")
def told_cost(make: Any, server: Server) -> str:
    stage = server.stage(reply(completion(usage={**USAGE, "cost": 0.25})))
    return yes("0.25" in str(make(stage.url).invoke("Moo?").response_metadata))


@row("The list price of an answer")
def list_price(make: Any, server: Server) -> str:
    priced = {"id": "open-mixtral-8x22b", "pricing": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}
    stage = server.stage(lambda request: [whole(priced)] if "/models" in request.path else good(request))
    model = make(stage.url)
    message = model.invoke("Moo?")
    return yes(hasattr(model, "get_model") and model.get_model().cost(message.usage_metadata))

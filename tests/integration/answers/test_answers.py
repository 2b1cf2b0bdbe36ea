"""Odd responses through every entry point: read for what they are, and an error where they are not answers."""

from __future__ import annotations

import json
from typing import Any

import langchain_core.exceptions
import pytest

from _oxen_transport import errors
from _oxen_transport.testing import FIN, Server, chunk, completion, event, head, sse, whole
from tests.entry_points import LangChain, LlamaIndex, entry_points
from tests.integration.answers.rows import COUNTED, CUT, FATAL, NAMED, PAR, STOP, WHOLE, Row, with_message
from tests.tables import each_row
from tests.unit._oxen_transport.response.wire_shapes import CUTS, WAYS, WITHOUT_IDS, Written

ASKED = "mixtral-8x22b-instruct"


def serve(server: Server, row: Row) -> str:
    kind = {} if row.content_type is None else {"content_type": row.content_type}
    return server.stage([head(**kind, **row.headers, content_length=len(row.body)) + row.body]).url


@each_row("row", WHOLE, ids=lambda row: row.name)
def test_a_good_answer_is_read(row: Row, server: Server) -> None:
    url = serve(server, row)
    for api in entry_points():
        answer = api.ask(api.make(url, max_retries=0))
        assert answer.text == row.text, str(api)
        assert not answer.pieces or "".join(answer.pieces) == row.text, str(api)


@each_row("row", [*CUT, *FATAL], ids=lambda row: row.name)
def test_what_is_not_a_whole_answer_is_an_error(row: Row, server: Server) -> None:
    url = serve(server, row)
    for api in entry_points():
        with pytest.raises(row.error or errors.OxenError, match=row.message or None) as caught:
            api.ask(api.make(url, max_retries=0))
        assert caught.value.partial_text == row.text, str(api)
        assert caught.value.is_retryable is row.retryable, str(api)
        if row.error is errors.OxenContextOverflowError and isinstance(api, LangChain):
            assert isinstance(caught.value, langchain_core.exceptions.ContextOverflowError), str(api)


@each_row("missing", [1, 2, 30])
def test_a_cut_body_stays_cut(missing: int, server: Server) -> None:
    body = sse([PAR, chunk("tial", "stop")], done=False)
    url = server.stage([head(content_type="text/event-stream", content_length=len(body)) + body[:-missing], FIN]).url
    for api in entry_points(streams=True):
        with pytest.raises(errors.OxenTruncatedStreamError) as caught:
            api.ask(api.make(url, max_retries=0))
        assert caught.value.partial_text == "par", str(api)


@each_row("events", NAMED.values(), ids=NAMED)
def test_the_model_always_has_a_name(events: list[dict[str, Any]], server: Server) -> None:
    from langchain_core.callbacks import UsageMetadataCallbackHandler

    named = {"the documented names", "a first chunk without names"}
    expected = "open-mixtral-8x22b" if any(NAMED[name] is events for name in named) else ASKED
    url = serve(server, Row("", sse([*events, {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}])))
    for api in entry_points(LangChain, LlamaIndex):
        counter = UsageMetadataCallbackHandler()
        call = {"config": {"callbacks": [counter]}} if isinstance(api, LangChain) else {}
        answer = api.ask(api.make(url, model=ASKED), **call)
        assert model_of(answer.raw) == expected, str(api)
        if call:
            assert counter.usage_metadata[expected]["total_tokens"] == 3, str(api)


def model_of(raw: Any) -> str | None:
    found = raw.response_metadata if hasattr(raw, "response_metadata") else raw.additional_kwargs
    return found.get("model_name")


@each_row("last", COUNTED.values(), ids=COUNTED)
def test_usage_is_counted_wherever_it_stands(last: Any, server: Server) -> None:
    url = serve(server, Row("", sse([PAR, *(last if isinstance(last, list) else [last])])))
    for api in entry_points():
        assert api.ask(api.make(url)).usage == (11, 8, 19), str(api)


@each_row("name", ["prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens", "details"])
def test_cached_tokens_are_counted(name: str, server: Server) -> None:
    cached = {"input_tokens_details": {"cached_tokens": 5}} if name == "details" else {name: 5}
    url = server.stage([whole(completion(usage={"prompt_tokens": 11, "completion_tokens": 8, **cached}))]).url
    for api in entry_points(streams=False):
        raw = api.ask(api.make(url)).raw
        if isinstance(api, LangChain):
            assert raw.usage_metadata["input_token_details"] == {"cache_read": 5}
        else:
            found = raw.additional_kwargs if isinstance(api, LlamaIndex) else vars(raw.usage)
            assert found["cached_tokens"] == 5, str(api)


# -- calls ---------------------------------------------------------------------------------

CALLS = [
    Written("AbC123xyZ", "get_weather", '{"city": "Zürich 東京 🐂", "days": [1, {"x": 2}]}'),
    Written("DeF456uvW", "get_time", '{"zone": "Europe/Paris"}'),
]
SIGNED = {"google": {"thought_signature": "c2lnbmVk"}}


def calling(arguments: Any, **more: Any) -> dict[str, Any]:
    function = {"name": "f", "arguments": arguments}
    return {"index": 0, "id": "AbC123xyZ", "type": "function", "function": function, **more}


@each_row("way", [*WAYS, *WITHOUT_IDS])
def test_no_call_is_lost_however_a_stream_writes_it(way: str, server: Server) -> None:
    """Through the classes; the cuts are the transport's concern, and its tests', which try them all."""
    deltas = [chunk({"tool_calls": delta}) for delta in {**WAYS, **WITHOUT_IDS}[way](CALLS, CUTS["two pieces"])]
    url = serve(server, Row("", sse([*deltas, chunk(None, "tool_calls")])))
    for api in entry_points(LangChain, LlamaIndex, streams=True):
        made = api.ask(api.make(url)).tool_calls
        assert [call[1:] for call in made] == [(call.name, json.loads(call.arguments)) for call in CALLS], str(api)
        ids = [call[0] for call in made]
        assert ids == [call.id for call in CALLS] if way in WAYS else all(ids), str(api)
        assert len(set(ids)) == len(CALLS), str(api)


@each_row("arguments", ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": {"b": [1, Infinity]}}'])
def test_a_call_with_a_number_that_json_does_not_have_must_not_run(arguments: str, server: Server) -> None:
    delta = {"tool_calls": [calling(arguments)]}
    url = serve(server, Row("", sse([chunk(delta, "tool_calls")])))
    for api in entry_points(LangChain):
        message = api.ask(api.make(url)).raw
        assert not message.tool_calls, str(api)
        assert [call["args"] for call in message.invalid_tool_calls] == [arguments], str(api)
    for api in entry_points(LlamaIndex):
        (block,) = api.ask(api.make(url)).raw.message.blocks
        assert block.tool_kwargs == arguments, str(api)


@each_row(
    "pieces", [['{"a": "\ud83d', '\ude00"}'], ['{"a": "\ud83d\ude00"}'], [r'{"a": "\ud83d', r'\ude00"}']], ids=range(3)
)
def test_surrogates_in_arguments_are_joined(pieces: list[str], server: Server) -> None:
    parts = [calling(pieces[0]), *({"index": 0, "function": {"arguments": piece}} for piece in pieces[1:])]
    events = [event(json.dumps(chunk({"tool_calls": [part]})).encode()) for part in parts]
    url = serve(server, Row("", sse([*events, chunk(None, "tool_calls")])))
    for api in entry_points():
        assert api.ask(api.make(url)).tool_calls == [("AbC123xyZ", "f", {"a": "😀"})], str(api)


@each_row("where", ["function_call", "content"])
def test_a_call_in_an_older_or_a_foreign_form_is_not_lost(where: str, server: Server) -> None:
    content = [{"type": "tool_use", "id": "AbC123xyZ", "name": "f", "input": {"a": 1}}]
    delta = (
        {"function_call": {"name": "f", "arguments": '{"a": 1}'}} if where == "function_call" else {"content": content}
    )
    url = serve(server, Row("", sse([chunk(delta, "tool_calls")])))
    for api in entry_points():
        assert [call[1:] for call in api.ask(api.make(url)).tool_calls] == [("f", {"a": 1})], str(api)


def signed_answers() -> list[bytes]:
    details = [{"type": "reasoning.text", "index": 0, "text": "so it is", "signature": "s"}]
    note = {"type": "url_citation", "url_citation": {"url": "https://x.example", "title": "X", "start_index": 0}}
    message = {
        "content": "yes",
        "annotations": [note],
        "reasoning_details": details,
        "tool_calls": [calling("{}", extra_content=SIGNED)],
    }
    parts = [
        chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "so "}]}),
        chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "it is"}], "content": "yes"}),
        chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, "signature": "s"}], "annotations": [note]}),
        chunk({"tool_calls": [calling("")]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}, "extra_content": SIGNED}]}),
        {**STOP, "citations": ["https://y.example"]},
        {**chunk(), "citations": ["https://y.example"]},
    ]
    return [with_message(**message).replace(b'"usage"', b'"citations": ["https://y.example"], "usage"'), sse(parts)]


@each_row("body", signed_answers(), ids=["whole", "streamed"])
def test_what_must_be_sent_back_is_kept_through_serialization(body: bytes, server: Server) -> None:
    from langchain_core.load import dumps, loads

    url = serve(server, Row("", body))
    details = [{"type": "reasoning.text", "index": 0, "text": "so it is", "signature": "s"}]
    for api in entry_points(LangChain):
        message = loads(dumps(api.ask(api.make(url)).raw), allowed_objects="all")
        beside = message.additional_kwargs
        assert beside["reasoning_details"] == details, str(api)
        assert beside["tool_call_extras"] == {"AbC123xyZ": {"extra_content": SIGNED}}, str(api)
        assert beside["citations"] == ["https://y.example"], str(api)
        text = next(block for block in message.content_blocks if block["type"] == "text")
        assert text["annotations"] == [
            {"type": "citation", "url": "https://x.example", "title": "X", "start_index": 0},
            {"type": "citation", "url": "https://y.example"},
        ], str(api)
    for api in entry_points(LlamaIndex):
        made = api.ask(api.make(url)).raw.message
        beside = type(made).model_validate_json(made.model_dump_json()).additional_kwargs
        assert beside["reasoning_details"] == details, str(api)
        assert beside["tool_calls"][0]["extra_content"] == SIGNED, str(api)
        assert len(beside["annotations"]) == len(beside["citations"]) == 1, str(api)


# -- what keeps answers --------------------------------------------------------------------


@each_row("arguments", ['{"path": "/s', '{"path": "/srv"}', '{"a": NaN}', "rm", ""])
def test_a_joined_chunk_in_a_checkpoint(arguments: str, server: Server) -> None:
    """It is LangChain's own class, and half a command does not become a command by being loaded, however often."""
    from langchain_core.messages import AIMessageChunk
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    calls = [calling(arguments)]
    url = serve(server, Row("", sse([PAR, chunk({"tool_calls": calls}), chunk(None, "length")])))
    serializer = JsonPlusSerializer(allowed_msgpack_modules=None)
    for api in entry_points(LangChain, streams=True):
        message = api.ask(api.make(url)).raw
        runs = len(message.tool_calls)
        assert runs == (arguments in ('{"path": "/srv"}', "")), str(api)
        for _ in range(3):
            message = serializer.loads_typed(serializer.dumps_typed(message))
            assert type(message) is AIMessageChunk, str(api)
            assert (len(message.tool_calls), len(message.invalid_tool_calls)) == (runs, 1 - runs), str(api)


def test_a_cached_answer_that_was_cut_does_not_answer_a_call_that_goes_on(server: Server) -> None:
    from langchain_core.caches import InMemoryCache

    cut = [whole(completion("The ox", finish_reason="length"))]
    stage = server.stage(cut, cut, [whole(completion(" pulls."))])
    for api in entry_points(LangChain, streams=False):
        cache = InMemoryCache()
        before = len(stage.requests)
        assert api.ask(api.make(stage.url, cache=cache)).finish_reason in ("length", "stop")
        assert api.ask(api.make(stage.url, cache=cache, auto_continue=True)).finish_reason == "stop", str(api)
        assert len(stage.requests) > before + 1, str(api)

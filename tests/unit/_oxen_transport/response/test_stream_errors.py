"""Errors and last words inside a stream: redacted, typed, with the request's id; the whole answer as a body has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport.errors import OxenResponseError, OxenStreamError, OxenTruncatedStreamError
from _oxen_transport.redaction import Redactor
from _oxen_transport.response.stream import StreamReader, chunks_from
from _oxen_transport.types import Chunk, Completion, ToolCall, ToolCallDelta
from tests.tables import each_row
from tests.unit._oxen_transport.response.test_stream import ended

HEADERS = {"content-type": "text/event-stream", "x-request-id": "r-7"}


def stream(*events: Any, done: bool = True) -> tuple[list[Chunk], StreamReader]:
    reader = StreamReader(HEADERS, Redactor((SecretStr("s3cr3t-key"),)))
    data = b"".join(b"data: " + (e if isinstance(e, bytes) else json.dumps(e).encode()) + b"\n\n" for e in events)
    return reader.feed(data + (b"data: [DONE]\n\n" if done else b"")), reader


def delta(finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}


@each_row(
    "event",
    [
        {"error": {"message": "key s3cr3t-key is bad"}},
        {"choices": [{"finish_reason": "error", "error": {"message": "key s3cr3t-key is bad"}}]},
    ],
    ids=["an event", "a choice"],
)
def test_an_error_is_redacted_and_kept(event: dict[str, Any]) -> None:
    _, reader = stream(delta(content="a"), event)
    with pytest.raises(OxenStreamError, match=r"key \[redacted\] is bad") as caught:
        ended(reader)
    assert "s3cr3t-key" not in str(caught.value) + repr(caught.value.details)
    assert caught.value.request_id == "r-7"


@each_row(
    "event",
    [
        {"status": "error", "status_message": "no", "choices": [{"delta": {"content": "x"}}]},
        {"status": "error", "status_message": "no", "object": "chat.completion.chunk"},
        {"object": "chat.completion.chunk", "message": "no"},
        {"object": "error", "message": "no", "choices": []},
        {"object": "chat.completion.chunk", "error": "no", "choices": [{"delta": {}}]},
    ],
    ids=str,
)
def test_every_form_of_an_error(event: dict[str, Any]) -> None:
    _, reader = stream(delta(content="a"), event)
    with pytest.raises(OxenStreamError, match="no"):
        ended(reader)


@each_row("event", [{"status": "ok"}, {"object": "chat.completion.chunk", "usage": {}}], ids=str)
def test_events_that_are_not_errors(event: dict[str, Any]) -> None:
    chunks, reader = stream(delta(content="a"), {**event, "choices": [{"delta": {"content": "b"}}]}, delta("stop"))
    assert [chunk.text for chunk in chunks] == ["a", "b"]
    assert ended(reader).completion is not None


def test_an_event_named_error_is_one_whatever_it_holds() -> None:
    reader = StreamReader(HEADERS)
    reader.feed(b'event: error\ndata: {"choices": [], "object": "chat.completion.chunk", "error": ""}\n\n')
    with pytest.raises(OxenStreamError):
        ended(reader)


def test_an_unreadable_event_is_shown_in_part() -> None:
    _, reader = stream(b'["' + b"\xff" + b"a" * 100)
    with pytest.raises(OxenResponseError, match="not a chunk of an answer") as caught:
        ended(reader)
    assert "a" * 50 in caught.value.message
    assert "a" * 100 not in caught.value.message
    assert caught.value.request_id == "r-7"


@each_row("events", [[delta(content="a")], []], ids=["half an answer", "nothing"])
def test_a_cut_stream_names_the_request(events: list[Any]) -> None:
    _, reader = stream(*events, done=False)
    with pytest.raises(OxenTruncatedStreamError) as caught:
        ended(reader)
    assert caught.value.request_id == "r-7"


def test_done_may_have_spaces_around_it() -> None:
    _, reader = stream(delta(content="a"), b" [DONE] ", done=False)
    assert reader.done


def test_malformed_finish_reasons_and_log_probabilities_are_left_out() -> None:
    _, reader = stream({"choices": [{"delta": {"content": "a"}, "finish_reason": 1}]}, done=False)
    assert not reader.finished
    broken = ({"choices": [{"delta": {"content": "b"}, "logprobs": value}]} for value in ([1], {"content": "xy"}))
    _, reader = stream(*broken, delta("stop"))
    whole = ended(reader).completion
    assert whole is not None
    assert whole.logprobs is None


def test_the_whole_has_the_shape_of_a_body() -> None:
    token = {"token": "a", "logprob": -0.5}
    function = {"name": "f", "arguments": '{"a": 1}'}
    chunks, reader = stream(
        {**delta(tool_calls=[{"index": 0, "id": "AbC123xyZ", "function": function}]), "created": 7},
        {"choices": [{"delta": {"content": "t"}, "logprobs": {"content": [token]}}]},
        {**delta("tool_calls"), "usage": {"prompt_tokens": 1}},
    )
    last = ended(reader)
    assert last.tool_calls == ()
    assert last.completion is not None
    calls = [{"id": "AbC123xyZ", "type": "function", "function": function}]
    message = {"role": "assistant", "content": "t", "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": {"content": [token]}}
    head = {"object": "chat.completion", "id": "c1", "model": "m", "created": 7}
    assert last.completion.raw == {**head, "choices": [choice], "usage": {"prompt_tokens": 1}}
    assert chunks[0].tool_calls == (ToolCallDelta(0, "AbC123xyZ", "f", '{"a": 1}'),)


def test_the_last_chunk_has_what_closes_the_calls() -> None:
    _, reader = stream(delta(tool_calls=[{"function": {"name": "f", "arguments": "{}"}}]), delta("tool_calls"))
    assert [(piece.index, bool(piece.id)) for piece in ended(reader).tool_calls] == [(0, True)]


@each_row(
    ("whole", "first"),
    [
        (Completion(text="a"), Chunk("a")),
        (Completion(reasoning="hm"), Chunk(reasoning="hm")),
        (Completion(refusal="no"), Chunk(refusal="no")),
        (Completion(tool_calls=(ToolCall("i", "f", "{}"),)), Chunk(tool_calls=(ToolCallDelta(0, "i", "f", "{}"),))),
        (Completion(text="a", logprobs={"content": []}), Chunk("a", logprobs={"content": []})),
    ],
    ids=["text", "reasoning", "refusal", "tool call", "log probabilities"],
)
def test_a_whole_answer_as_chunks(whole: Completion, first: Chunk) -> None:
    assert list(chunks_from(whole)) == [first, Chunk(completion=whole)]
    assert list(chunks_from(Completion())) == [Chunk(completion=Completion())]

"""Pieces of a stream: what each adds, and the verdict at the end."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from _oxen_transport import errors
from _oxen_transport.redaction import Redactor
from _oxen_transport.response.completion import completion_from_body
from _oxen_transport.response.stream import StreamReader, answer_from_body, chunks_from
from _oxen_transport.testing import (
    ANSWER,
    DONE,
    PIECES,
    TOOL_ARGUMENTS,
    TOOL_CALL,
    USAGE,
    chunk,
    chunks,
    completion,
    event,
    sse,
)
from _oxen_transport.types import Chunk, Completion, ToolCall, ToolCallDelta
from tests.tables import each_row

WHOLE = sse(chunks(usage=USAGE))
KEY = "s3cr3t-key"
HEADERS = {"content-type": "text/event-stream", "x-request-id": "r-7"}
LOST = errors.OxenConnectionError("the connection was lost")


def reader_fed(*pieces: bytes, **headers: str) -> tuple[StreamReader, list[Chunk]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reader = StreamReader({**HEADERS, **named}, Redactor((SecretStr(KEY),)))
    return reader, [made for piece in pieces for made in reader.feed(piece)]


def read(*pieces: bytes, **headers: str) -> tuple[list[Chunk], Completion]:
    reader, out = reader_fed(*pieces, **headers)
    out += reader.end()
    assert out[-1].completion is not None
    assert all(made.completion is None for made in out[:-1])
    return out, out[-1].completion


def failed(reader: StreamReader) -> errors.OxenError:
    with pytest.raises(errors.OxenError) as caught:
        list(reader.end())
    return caught.value


def text_of(out: list[Chunk]) -> str:
    return "".join(made.text for made in out)


def test_a_documented_stream() -> None:
    out, whole = read(WHOLE)
    assert tuple(made.text for made in out[:-1]) == PIECES
    assert (whole.text, whole.finish_reason, whole.model) == (ANSWER, "stop", "open-mixtral-8x22b")
    assert whole.usage is not None
    assert whole.usage.total_tokens == 19
    assert whole.request_id == "r-7"


@given(st.lists(st.integers(0, len(WHOLE)), max_size=30))
def test_pieces_of_any_size_make_the_same(cuts: list[int]) -> None:
    marks = [0, *sorted(cuts), len(WHOLE)]
    assert read(*(WHOLE[a:b] for a, b in itertools.pairwise(marks))) == read(WHOLE)


def test_what_it_knows_on_the_way() -> None:
    reader, _ = reader_fed(sse(chunks()[:3], done=False), b": ping\n\n")
    assert (reader.events, reader.finished, reader.done, reader.over) == (3, False, False, False)
    reader.feed(event(chunk(None, "stop")))
    assert (reader.events, reader.finished, reader.done, reader.over) == (4, True, False, False)
    reader.feed(DONE)
    assert (reader.finished, reader.done, reader.over) == (True, True, True)


UNFINISHED = sse(chunks(finish_reason=None), done=False)
LATE_EVENT = sse(chunks()[:-1], done=False) + event(chunk("!", "stop")).rstrip()


@each_row(
    ("stream", "text"),
    [
        *((UNFINISHED + done, ANSWER) for done in (DONE, b"data:[DONE]\n\n", b"data:  [DONE] \r\n\r\n", DONE.rstrip())),
        (sse(chunks(), done=False), ANSWER),
        (WHOLE + event(chunk(" late")), ANSWER),
        (sse([chunk(None, "stop")]), ""),
        (sse([{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}]), "x"),
        # one JSON body, or lines of JSON, in place of events
        (json.dumps(completion()).encode(), ANSWER),
        (b"\n".join(json.dumps(made).encode() for made in chunks()), ANSWER),
        # the last event needs no blank line if the body ends in good order
        *((LATE_EVENT + left, ANSWER + "!") for left in (b"", b"\n", b"\r", b"\r\n")),
    ],
)
def test_a_stream_that_is_whole(stream: bytes, text: str) -> None:
    out, whole = read(stream)
    assert whole.text == text_of(out) == text


# -- cut ----------------------------------------------------------------------------------------


def test_a_cut_at_every_byte_never_looks_complete() -> None:
    ends = WHOLE.index(b"\n\n", WHOLE.index(b'"finish_reason": "stop"'))
    for at in (*range(0, ends, 3), ends, ends + 1):
        reader, out = reader_fed(WHOLE[:at])
        reader.lose(LOST)
        error = failed(reader)
        assert isinstance(error, errors.OxenTruncatedStreamError)
        assert error.partial_text == text_of(out)
        if at < ends:
            error = failed(reader_fed(WHOLE[:at])[0])
            assert type(error) is errors.OxenTruncatedStreamError
            assert error.request_id == "r-7"
            assert ANSWER.startswith(error.partial_text)
            assert error.partial_text.startswith(text_of(out))
            assert ("no answer" if at < WHOLE.index(b"\n\n") else "before the answer was complete") in error.message
    assert read(WHOLE[: ends + 2])[1].text == ANSWER


@each_row("body", [b"", b": ping\n\n", DONE, b"\n\n\n", event({"choices": []}) + DONE])
def test_a_stream_without_an_answer(body: bytes) -> None:
    error = failed(reader_fed(body)[0])
    assert isinstance(error, errors.OxenTruncatedStreamError)
    assert "no answer" in error.message


@each_row(
    ("failure", "kinds"),
    [
        (LOST, (errors.OxenBrokenStreamError, errors.OxenTruncatedStreamError, errors.OxenConnectionError)),
        (errors.OxenTimeoutError("silence"), (errors.OxenTimeoutError,)),
    ],
)
def test_a_lost_connection_carries_what_came_and_takes_nothing_from_a_finished_answer(
    failure: errors.OxenError, kinds: tuple[type[errors.OxenError], ...]
) -> None:
    reader, _ = reader_fed(sse(chunks()[:3], done=False))
    reader.lose(failure)
    assert reader.over
    error = failed(reader)
    assert [kind for kind in kinds if isinstance(error, kind)] == list(kinds)
    assert (error.partial_text, error.message) == ("".join(PIECES[:2]), failure.message)
    reader, _ = reader_fed(sse(chunks(), done=False))
    reader.lose(failure)
    (last,) = reader.end()
    assert last.completion is not None
    assert last.completion.text == ANSWER


def test_a_cut_tool_call_is_in_the_partial_only() -> None:
    error = failed(reader_fed(sse(chunks(tool_calls=[TOOL_CALL], finish_reason=None)[:4], done=False))[0])
    assert isinstance(error, errors.OxenTruncatedStreamError)
    assert error.partial.tool_calls[0].name == "delete_files"
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(error.partial.tool_calls[0].arguments)


# -- errors inside ------------------------------------------------------------------------------

CHUNK_OBJECT = {"object": "chat.completion.chunk"}
A_DELTA = {"choices": [{"delta": {"content": "x"}}]}


@each_row(
    "bad",
    [
        event({"error": {"message": f"boom-7731 {KEY}"}}),
        event({"message": "boom-7731"}),
        event({"object": "error", "message": "boom-7731", "choices": []}),
        event({"status": "error", "status_message": "boom-7731", **A_DELTA}),
        event({"status": "error", "status_message": "boom-7731", **CHUNK_OBJECT}),
        event({**CHUNK_OBJECT, "message": "boom-7731"}),
        event({**chunk("x"), "error": "boom-7731"}),
        b"event: error\n" + event({"text": "x", "message": "boom-7731"}),
        b"event: error\n" + event({**CHUNK_OBJECT, "choices": [], "error": "", "message": "boom-7731"}),
        event({"choices": [{"finish_reason": "error", "message": "boom-7731", "delta": {}}]}),
        event({"choices": [{"finish_reason": "error", "error": {"message": f"boom-7731 {KEY}"}}]}),
    ],
)
def test_an_error_in_the_stream(bad: bytes) -> None:
    reader, out = reader_fed(sse(chunks()[:4], done=False) + bad + event(chunk(" late")) + DONE)
    assert reader.over
    assert text_of(out) == "".join(PIECES[:3]), "what came before is handed out"
    error = failed(reader)
    assert isinstance(error, errors.OxenStreamError)
    assert "boom-7731" in error.message
    assert (error.partial_text, error.request_id) == ("".join(PIECES[:3]), "r-7")
    assert KEY not in str(error) + repr(error.details)


UNREADABLE = [b"x", b'{"id": "x", "choi', b"[1]", b"7", b"[" * 5000, b'"x"', b"Internal Error"]


@each_row("bad", [*UNREADABLE, b'["' + b"\xff" + b"a" * 100 + KEY.encode()])
def test_an_event_that_is_not_a_json_object(bad: bytes) -> None:
    error = failed(reader_fed(sse(chunks()[:3], done=False), event(bad), DONE)[0])
    assert isinstance(error, errors.OxenResponseError)
    assert "not a chunk of an answer" in error.message
    assert len(error.message) < 150, "it is shown in part"
    assert (error.partial_text, error.request_id) == ("".join(PIECES[:2]), "r-7")


def test_an_unreadable_event_is_redacted() -> None:
    for start in ("no ", "x" * 70):  # what is shown of it ends in the key
        assert KEY[:5] not in failed(reader_fed(event(f"{start}{KEY}".encode()))[0]).message


@each_row(
    ("piece", "coding", "kind"),
    [
        (b"data: " + b"x" * (16 * 2**20 + 1), "", errors.OxenResponseTooLargeError),
        (b'{"a": "' + b"x" * (32 * 2**20), "", errors.OxenResponseTooLargeError),
        (b"\x8b\x00\x80" * 9, "br", errors.OxenResponseError),
        (b"\x1f\x8bxx", "gzip", errors.OxenResponseError),
        (b"<html>Sign in</html>", "", errors.OxenResponseError),
        (b'{"choices', "", errors.OxenResponseError),
    ],
)
def test_what_cannot_be_read(piece: bytes, coding: str, kind: type[errors.OxenError]) -> None:
    assert isinstance(failed(reader_fed(piece, content_encoding=coding)[0]), kind)


def test_a_packed_stream() -> None:
    packed = gzip.compress(WHOLE)
    pieces = (packed[at : at + 5] for at in range(0, len(packed), 5))
    assert text_of(read(*pieces, content_encoding="gzip")[0]) == ANSWER


def test_a_damaged_end_takes_nothing_from_a_finished_answer() -> None:
    def packed(events: list[Any]) -> tuple[bytes, bytes]:
        deflate = zlib.compressobj(wbits=31)
        return deflate.compress(sse(events, done=False)) + deflate.flush(zlib.Z_SYNC_FLUSH), b"\xff" * 50

    assert read(*packed(chunks()))[1].text == ANSWER
    error = failed(reader_fed(*packed(chunks()[:4]))[0])
    assert isinstance(error, errors.OxenResponseError)
    assert error.partial_text == "".join(PIECES[:3])


# -- odd but good -------------------------------------------------------------------------------


@each_row(
    "odd",
    [
        *({"choices": choices} for choices in ([], None, "x", [None], [{}], [{"delta": None}], [{"delta": {}}])),
        *({"choices": [{"delta": delta}]} for delta in ({"content": None}, {"content": 7}, {"tool_calls": None})),
        *({"choices": [{"delta": delta}]} for delta in ({"tool_calls": []}, {"refusal": 7})),
        *({"choices": [{"delta": {}, "logprobs": value}]} for value in ([], [1], {"content": "xy"})),
        *({"choices": [{"delta": {}, "finish_reason": reason}]} for reason in (7, "")),
        *({"usage": "x"}, {"usage": [1]}, {"anything": True}, {"error": None, "choices": []}),
        *({"status": "ok", "choices": []}, {**CHUNK_OBJECT, "usage": {}, "choices": []}),
    ],
)
def test_odd_events_add_nothing(odd: dict[str, Any]) -> None:
    made = chunks()
    reader, _ = reader_fed(sse([*made[:4], odd], done=False))
    assert not reader.finished
    out, whole = read(sse([*made[:4], odd, *made[4:]]))
    assert whole.text == text_of(out) == ANSWER
    assert whole.logprobs is None


def test_content_in_parts_reasoning_refusals_and_logprobs() -> None:
    first, second = {"content": [{"token": "a"}]}, {"content": [{"token": "b"}]}
    logged, more = chunk("yes"), chunk("!")
    logged["choices"][0]["logprobs"], more["choices"][0]["logprobs"] = first, second
    thought = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}]}
    part = chunk({"content": [{"type": "text", "text": " sir"}], "reasoning": None})
    made = [chunk({"reasoning_content": "hm "}), chunk(thought), logged, more, part, chunk({"refusal": "no "})]
    out, whole = read(sse([*made, chunk({"refusal": "way"}), chunk(None, "stop")]))
    assert [(made.text, made.reasoning, made.refusal, made.logprobs) for made in out[:-1]] == [
        *[("", "hm ", "", None), ("", "so", "", None), ("yes", "", "", first), ("!", "", "", second)],
        *[(" sir", "", "", None), ("", "", "no ", None), ("", "", "way", None)],
    ]
    assert (whole.text, whole.reasoning, whole.refusal) == ("yes! sir", "hm so", "no way")
    assert whole.logprobs == {"content": [{"token": "a"}, {"token": "b"}]}


def test_usage_in_parts_or_cumulative() -> None:
    made = [
        {**chunk("a"), "usage": {"prompt_tokens": 5, "completion_tokens": 1}},
        {**chunk("b"), "usage": {"prompt_tokens": None, "completion_tokens": 2, "total_tokens": 7}},
        {**chunk(None, "stop"), "usage": None},
    ]
    usage = read(sse(made))[1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (5, 2, 7)
    assert read(sse([{**chunk("a"), "usage": None}, chunk(None, "stop")]))[1].usage is None


def test_tool_calls_in_pieces() -> None:
    out, whole = read(sse(chunks(tool_calls=[TOOL_CALL, ("XyZ123abC", "other", {})])))
    assert [call.name for call in whole.tool_calls] == ["delete_files", "other"]
    first = [delta.arguments for made in out for delta in made.tool_calls if delta.index == 0]
    assert json.loads("".join(first)) == json.loads(whole.tool_calls[0].arguments) == TOOL_ARGUMENTS
    assert whole.finish_reason == "tool_calls"


def test_the_whole_has_the_shape_of_a_body() -> None:
    token = {"token": "a", "logprob": -0.5}
    call = {"id": "AbC123xyZ", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    made = chunk({"content": "t", "tool_calls": [{**call, "index": 0}]}, "tool_calls")
    made["choices"][0]["logprobs"] = {"content": [token]}
    raw = read(sse([{**made, "usage": {"prompt_tokens": 1}}]))[1].raw
    message = {"role": "assistant", "content": "t", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": {"content": [token]}}
    head = {name: made[name] for name in ("id", "model", "created")}
    assert raw == {"object": "chat.completion", **head, "choices": [choice], "usage": {"prompt_tokens": 1}}


def test_an_id_made_at_the_end_is_that_of_the_whole_body() -> None:
    call = {"function": {"name": "f", "arguments": "{}"}}
    out, whole = read(sse([{**chunk({"tool_calls": [call]}, "tool_calls"), "id": "chatcmpl-7"}]))
    assert [(piece.index, bool(piece.id), piece.arguments) for piece in out[-1].tool_calls] == [(0, True, "{}")]
    body = {"id": "chatcmpl-7", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    assert whole.tool_calls == completion_from_body(json.dumps(body).encode(), {}).tool_calls
    assert whole.tool_calls[0].id


@each_row(
    ("whole", "first"),
    [
        (Completion(text="a"), Chunk("a")),
        (Completion(reasoning="hm"), Chunk(reasoning="hm")),
        (Completion(refusal="no"), Chunk(refusal="no")),
        (Completion(tool_calls=(ToolCall("i", "f", "{}"),)), Chunk(tool_calls=(ToolCallDelta(0, "i", "f", "{}"),))),
        (Completion(text="a", logprobs={"content": []}), Chunk("a", logprobs={"content": []})),
        (Completion(), None),
    ],
)
def test_a_whole_answer_as_chunks(whole: Completion, first: Chunk | None) -> None:
    assert list(chunks_from(whole)) == [*([first] if first else []), Chunk(completion=whole)]


CALL_IN_CHUNKS = chunks(tool_calls=[TOOL_CALL], finish_reason="tool_calls")


@each_row(
    "body",
    [
        json.dumps({"choices": completion(tool_calls=[TOOL_CALL])["choices"]}).encode(),
        sse({**piece, "model": None} for piece in CALL_IN_CHUNKS),
        b"\n".join(json.dumps({**piece, "model": None}).encode() for piece in CALL_IN_CHUNKS),
    ],
)
def test_a_whole_response_in_each_form(body: bytes) -> None:
    """Names of tools are the tools' own, and an answer that names no model has the one that was asked."""
    given = (HEADERS, Redactor((SecretStr(KEY),)), {TOOL_CALL[1]: "own.name"}, "asked")
    whole = answer_from_body(body, *given)
    reader = StreamReader(*given)
    reader.feed(body)
    for read_ in (whole, [*reader.end()][-1].completion):
        assert read_ is not None
        assert [call.name for call in read_.tool_calls] == ["own.name"]
        assert (read_.model, read_.request_id) == ("asked", "r-7")


def test_a_page_is_named_by_its_type() -> None:
    for kind, shown in (("text/html; charset=" + KEY, "text/html; charset=[redacted]"), (None, "no content type")):
        reader = StreamReader({"content-type": kind} if kind else {}, Redactor((SecretStr(KEY),)))
        reader.feed(b"<html>")
        assert failed(reader).message == f"the answer is a page, not a stream ({shown})"


def test_an_early_end_keeps_what_is_known_of_the_response() -> None:
    for body, message in ((b"", "the stream held no answer"), (WHOLE[:300], "the stream ended before the answer was")):
        error = failed(reader_fed(body)[0])
        assert error.message.startswith(message)
        assert error.details.request_id == "r-7"
    reader, _ = reader_fed(WHOLE[:300])
    reader.lose(LOST.with_details(request_id="r-8"))
    assert failed(reader).details.request_id == "r-8"

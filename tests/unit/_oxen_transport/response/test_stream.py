"""Pieces of a stream: what each adds, and the verdict at the end."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from _oxen_transport import errors
from _oxen_transport.response.stream import StreamReader, chunks_from
from _oxen_transport.testing import ANSWER, DONE, PIECES, TOOL_ARGUMENTS, TOOL_CALL, USAGE, chunk, chunks, event, sse
from _oxen_transport.types import Chunk, Completion, ToolCall, ToolCallDelta
from tests.tables import each_row

WHOLE = sse(chunks(usage=USAGE))


def reader_fed(*pieces: bytes, **headers: str) -> tuple[StreamReader, list[Chunk]]:
    reader = StreamReader({name.replace("_", "-"): value for name, value in headers.items()})
    out = [made for piece in pieces for made in reader.feed(piece)]
    return reader, out


def ended(reader: StreamReader) -> Chunk:
    *_, last = reader.end()
    return last


def read(*pieces: bytes) -> tuple[list[Chunk], Completion]:
    reader, out = reader_fed(*pieces)
    last = ended(reader)
    assert last.completion is not None
    return out, last.completion


def failed(*pieces: bytes) -> errors.OxenError:
    reader, _ = reader_fed(*pieces)
    with pytest.raises(errors.OxenError) as caught:
        ended(reader)
    return caught.value


def test_a_documented_stream() -> None:
    out, whole = read(WHOLE)
    assert tuple(made.text for made in out) == PIECES
    assert all(made.completion is None for made in out)
    assert (whole.text, whole.finish_reason, whole.model) == (ANSWER, "stop", "open-mixtral-8x22b")
    assert whole.usage is not None
    assert whole.usage.total_tokens == 19
    assert whole.raw["choices"][0]["message"] == {"role": "assistant", "content": ANSWER}
    assert whole.raw["usage"] == USAGE
    assert whole.raw["object"] == "chat.completion"


@each_row("size", [1, 2, 3, 7, 64, 1000])
def test_pieces_of_any_size_make_the_same(size: int) -> None:
    pieces = [WHOLE[at : at + size] for at in range(0, len(WHOLE), size)]
    out, whole = read(*pieces)
    assert tuple(made.text for made in out) == PIECES
    assert whole == read(WHOLE)[1]


def test_what_it_knows_on_the_way() -> None:
    reader, _ = reader_fed(sse(chunks()[:3], done=False), b": ping\n\n")
    assert (reader.events, reader.finished, reader.done, reader.over) == (3, False, False, False)
    reader.feed(event(chunk(None, "stop")))
    assert (reader.events, reader.finished, reader.done, reader.over) == (4, True, False, False)
    reader.feed(DONE)
    assert (reader.finished, reader.done, reader.over) == (True, True, True)


def test_nothing_after_done_counts() -> None:
    out, whole = read(WHOLE + event(chunk(" late")))
    assert whole.text == ANSWER
    assert "late" not in "".join(made.text for made in out)


@each_row("done", [b"data: [DONE]\n\n", b"data:[DONE]\n\n", b"data:  [DONE] \r\n\r\n"])
def test_ways_to_say_done(done: bytes) -> None:
    assert read(sse(chunks(finish_reason=None), done=False) + done)[1].finish_reason is None


def test_a_finish_reason_is_enough() -> None:
    assert read(sse(chunks(), done=False))[1].text == ANSWER


def test_an_empty_answer_is_an_answer() -> None:
    assert read(sse([chunk(None, "stop")]))[1].text == ""


# -- cut ----------------------------------------------------------------------------------------


@each_row("events", range(1, 10))
def test_a_cut_answer_never_looks_complete(events: int) -> None:
    error = failed(sse(chunks()[:events], done=False))
    assert type(error) is errors.OxenTruncatedStreamError
    assert error.partial_text == "".join(PIECES[: events - 1])
    assert "before the answer was complete" in error.message


def test_a_cut_at_every_byte() -> None:
    finish = WHOLE.index(b'"finish_reason": "stop"')
    ends = WHOLE.index(b"\n\n", finish)
    for at in (*range(0, ends, 3), ends, ends + 1):
        reader, _ = reader_fed(WHOLE[:at])
        reader.lose(errors.OxenConnectionError("gone"))
        with pytest.raises(errors.OxenTruncatedStreamError) as caught:
            ended(reader)
        assert ANSWER.startswith(caught.value.partial_text)
        if at < ends:
            assert isinstance(failed(WHOLE[:at]), errors.OxenTruncatedStreamError)
    assert read(WHOLE[: ends + 2])[1].text == ANSWER


@each_row("left", [b"", b"\n", b"\r", b"\r\n"])
def test_the_last_event_needs_no_blank_line_if_the_body_ends_in_good_order(left: bytes) -> None:
    reader, out = reader_fed(sse(chunks()[:-1], done=False) + event(chunk("!", "stop")).rstrip() + left)
    out += reader.end()
    assert "".join(made.text for made in out) == ANSWER + "!"
    assert out[-1].completion is not None
    assert out[-1].completion.text == ANSWER + "!"
    assert read(sse(chunks(finish_reason=None), done=False) + DONE.rstrip())[1].text == ANSWER


@each_row("body", [b"", b": ping\n\n", DONE, b"\n\n\n", event({"choices": []}) + DONE])
def test_a_stream_without_an_answer(body: bytes) -> None:
    error = failed(body)
    assert isinstance(error, errors.OxenTruncatedStreamError)
    assert "no answer" in error.message


def test_a_lost_connection_carries_what_came() -> None:
    reader, _ = reader_fed(sse(chunks()[:3], done=False))
    reader.lose(errors.OxenConnectionError("gone"))
    assert reader.over
    with pytest.raises(errors.OxenConnectionError) as caught:
        ended(reader)
    assert caught.value.partial_text == "".join(PIECES[:2])


def test_after_the_finish_reason_a_lost_connection_takes_nothing_away() -> None:
    reader, _ = reader_fed(sse(chunks(), done=False))
    reader.lose(errors.OxenConnectionError("gone"))
    last = ended(reader)
    assert last.completion is not None
    assert last.completion.text == ANSWER


def test_a_cut_tool_call_is_in_the_partial_only() -> None:
    cut = sse(chunks(tool_calls=[TOOL_CALL], finish_reason=None)[:4], done=False)
    error = failed(cut)
    assert isinstance(error, errors.OxenTruncatedStreamError)
    assert error.partial.tool_calls[0].name == "delete_files"
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(error.partial.tool_calls[0].arguments)


# -- errors inside ------------------------------------------------------------------------------


@each_row(
    "bad",
    [
        event({"error": {"message": "boom-7731"}}),
        event({"status": "error", "status_message": "boom-7731"}),
        event({"object": "error", "message": "boom-7731"}),
        event({"message": "boom-7731"}),
        event({**chunk("x"), "error": "boom-7731"}),
        b"event: error\n" + event({"text": "x", "message": "boom-7731"}),
        event({"choices": [{"finish_reason": "error", "message": "boom-7731", "delta": {}}]}),
        event({"choices": [{"finish_reason": "error", "error": {"message": "boom-7731"}}]}),
    ],
)
def test_an_error_in_the_stream(bad: bytes) -> None:
    reader, out = reader_fed(sse(chunks()[:4], done=False) + bad + event(chunk(" late")) + DONE)
    assert reader.over
    assert "".join(made.text for made in out) == "".join(PIECES[:3]), "what came before is handed out"
    with pytest.raises(errors.OxenStreamError, match="boom-7731") as caught:
        ended(reader)
    assert caught.value.partial_text == "".join(PIECES[:3])


@each_row("bad", [b"x", b'{"id": "x", "choi', b"[1]", b"7", b"[" * 5000, b'"x"', b"Internal Error"])
def test_an_event_that_is_no_json_object(bad: bytes) -> None:
    error = failed(sse(chunks()[:3], done=False), event(bad), DONE)
    assert isinstance(error, errors.OxenResponseError)
    assert error.partial_text == "".join(PIECES[:2])


def test_an_event_that_is_too_large() -> None:
    error = failed(b"data: " + b"x" * (16 * 2**20 + 1))
    assert isinstance(error, errors.OxenResponseTooLargeError)


def test_a_packed_stream() -> None:
    packed = gzip.compress(WHOLE)
    reader = StreamReader({"content-encoding": "gzip"})
    text = "".join(made.text for at in range(0, len(packed), 5) for made in reader.feed(packed[at : at + 5]))
    assert text == ANSWER
    assert ended(reader).completion is not None
    assert isinstance(_failure(StreamReader({"content-encoding": "br"}), b"\x8b\x00\x80" * 9), errors.OxenResponseError)
    assert isinstance(_failure(StreamReader({"content-encoding": "gzip"}), b"\x1f\x8bxx"), errors.OxenResponseError)


def test_a_damaged_end_takes_nothing_from_a_finished_answer() -> None:
    def packed(events: list[Any]) -> tuple[bytes, bytes]:
        deflate = zlib.compressobj(wbits=31)
        return deflate.compress(sse(events, done=False)) + deflate.flush(zlib.Z_SYNC_FLUSH), b"\xff" * 50

    reader, _ = reader_fed(*packed(chunks()))
    last = ended(reader).completion
    assert last is not None
    assert last.text == ANSWER
    error = failed(*packed(chunks()[:4]))
    assert isinstance(error, errors.OxenResponseError)
    assert error.partial_text == "".join(PIECES[:3])


def test_a_json_body_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("_oxen_transport.response.stream.MAX_BODY_BYTES", 100)
    assert isinstance(failed(b'{"a": "' + b"x" * 100), errors.OxenResponseTooLargeError)


def _failure(reader: StreamReader, piece: bytes) -> errors.OxenError:
    reader.feed(piece)
    with pytest.raises(errors.OxenError) as caught:
        ended(reader)
    return caught.value


# -- odd but good -------------------------------------------------------------------------------


@each_row(
    "odd",
    [
        {"choices": []},
        {"choices": None},
        {"choices": "x"},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {}}]},
        {"choices": [{"delta": {"content": None}}]},
        {"choices": [{"delta": {"content": 7}}]},
        {"choices": [{"delta": {"tool_calls": None}}]},
        {"choices": [{"delta": {"tool_calls": []}}]},
        {"choices": [{"delta": {"refusal": 7}}]},
        {"choices": [{"delta": {}, "logprobs": []}]},
        {"choices": [{"delta": {}, "finish_reason": 7}]},
        {"choices": [{"delta": {}, "finish_reason": ""}]},
        {"usage": "x"},
        {"usage": [1]},
        {"anything": True},
        {"error": None, "choices": []},
    ],
)
def test_odd_events_add_nothing(odd: dict[str, Any]) -> None:
    made = chunks()
    out, whole = read(sse([*made[:4], odd, *made[4:]]))
    assert whole.text == ANSWER
    assert "".join(c.text for c in out) == ANSWER


def test_content_in_parts_and_reasoning() -> None:
    out, whole = read(
        sse(
            [
                chunk({"reasoning_content": "hm "}),
                chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}]}),
                chunk({"content": [{"type": "text", "text": "yes"}]}),
                chunk({"content": "!", "reasoning": None}),
                chunk(None, "stop"),
            ]
        )
    )
    assert [(made.text, made.reasoning) for made in out] == [("", "hm "), ("", "so"), ("yes", ""), ("!", "")]
    assert (whole.text, whole.reasoning) == ("yes!", "hm so")


def test_a_refusal_and_logprobs() -> None:
    first, second = {"content": [{"token": "a"}]}, {"content": [{"token": "b"}]}
    logged = chunk("a")
    logged["choices"][0]["logprobs"] = first
    more = chunk("b")
    more["choices"][0]["logprobs"] = second
    out, whole = read(sse([logged, more, chunk({"refusal": "no "}), chunk({"refusal": "way"}), chunk(None, "stop")]))
    assert [made.logprobs for made in out] == [first, second, None, None]
    assert [made.refusal for made in out] == ["", "", "no ", "way"]
    assert whole.refusal == "no way"
    assert whole.logprobs == {"content": [{"token": "a"}, {"token": "b"}]}


def test_a_message_in_place_of_a_delta() -> None:
    assert read(sse([{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}]))[1].text == "x"


def test_usage_in_parts_or_cumulative() -> None:
    made = [
        {**chunk("a"), "usage": {"prompt_tokens": 5, "completion_tokens": 1}},
        {**chunk("b"), "usage": {"prompt_tokens": None, "completion_tokens": 2, "total_tokens": 7}},
        chunk(None, "stop"),
    ]
    usage = read(sse(made))[1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (5, 2, 7)
    assert read(sse(chunks()))[1].usage is None
    assert read(sse([{**chunk("a"), "usage": None}, chunk(None, "stop")]))[1].usage is None


def test_tool_calls_in_pieces() -> None:
    out, whole = read(sse(chunks(tool_calls=[TOOL_CALL, ("XyZ123abC", "other", {})])))
    assert [call.name for call in whole.tool_calls] == ["delete_files", "other"]
    assert json.loads(whole.tool_calls[0].arguments) == TOOL_ARGUMENTS
    pieces: dict[int, str] = {}
    for made in out:
        for delta in made.tool_calls:
            pieces[delta.index] = pieces.get(delta.index, "") + delta.arguments
    assert json.loads(pieces[0]) == TOOL_ARGUMENTS
    assert whole.finish_reason == "tool_calls"
    assert whole.raw["choices"][0]["message"]["tool_calls"][1]["function"]["name"] == "other"


def test_the_request_id_is_kept() -> None:
    reader, _ = reader_fed(WHOLE, x_request_id="r-1")
    last = ended(reader)
    assert last.completion is not None
    assert last.completion.request_id == "r-1"


# -- a whole answer as chunks -------------------------------------------------------------------


def test_chunks_of_a_whole_answer() -> None:
    answer = Completion(text="x", tool_calls=(ToolCall("i", "n", "{}"),), reasoning="r", refusal="f", logprobs={"a": 1})
    first, last = chunks_from(answer)
    assert first == Chunk("x", (ToolCallDelta(0, "i", "n", "{}"),), "r", "f", {"a": 1})
    assert last == Chunk(completion=answer)
    assert list(chunks_from(Completion())) == [Chunk(completion=Completion())]


def test_a_broken_connection_is_both_a_cut_answer_and_a_lost_connection() -> None:
    from _oxen_transport.errors import OxenBrokenStreamError, OxenConnectionError, OxenTimeoutError

    reader = StreamReader({})
    reader.feed(sse([chunk("Half of")], done=False))
    reader.lose(OxenConnectionError("the connection was lost"))
    with pytest.raises(OxenBrokenStreamError, match="was lost") as caught:
        ended(reader)
    assert isinstance(caught.value, OxenConnectionError)
    assert caught.value.partial_text == "Half of"
    reader = StreamReader({})
    reader.lose(OxenTimeoutError("no answer"))
    with pytest.raises(OxenTimeoutError):
        ended(reader)


def test_a_made_id_is_that_of_the_whole_body() -> None:
    from _oxen_transport.response.completion import completion_from_body

    call = {"function": {"name": "f", "arguments": "{}"}}
    streamed = StreamReader({})
    streamed.feed(sse([{**chunk({"tool_calls": [call]}, "tool_calls"), "id": "chatcmpl-7"}]))
    body = {"id": "chatcmpl-7", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    whole = completion_from_body(json.dumps(body).encode(), {})
    assert ended(streamed).completion.tool_calls == whole.tool_calls
    assert whole.tool_calls[0].id

"""Details that `poe mutation` found unasserted: each of these fails for a wrong character in the source."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport.errors import (
    MAX_MESSAGE,
    Details,
    OxenBadRequestError,
    OxenError,
    OxenRedirectError,
    OxenResponseError,
    OxenStreamError,
    OxenTruncatedStreamError,
    error_class,
)
from _oxen_transport.redaction import Redactor
from _oxen_transport.response.error_body import MAX_TEXT, parse_error
from _oxen_transport.response.stream import StreamReader, chunks_from
from _oxen_transport.retry import CEILING, RetryBudget, RetryPolicy
from _oxen_transport.types import Chunk, Completion, ToolCall, ToolCallDelta

HEADERS = {"content-type": "text/event-stream", "x-request-id": "r-7"}
SECRET = Redactor(SecretStr("s3cr3t-key"))


def stream(*events: Any, done: bool = True, headers: dict[str, str] | None = None) -> tuple[list[Chunk], StreamReader]:
    reader = StreamReader(headers or HEADERS, SECRET)
    data = b"".join(b"data: " + (e if isinstance(e, bytes) else json.dumps(e).encode()) + b"\n\n" for e in events)
    return reader.feed(data + (b"data: [DONE]\n\n" if done else b"")), reader


def delta(finish_reason: str | None = None, **said: Any) -> dict[str, Any]:
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": said, "finish_reason": finish_reason}]}


# -- error_body ----------------------------------------------------------------------------


def test_a_secret_of_four_characters_is_one() -> None:
    assert Redactor(SecretStr("abcd"), SecretStr("xyz"))("abcd xyz") == "[redacted] xyz"


def test_a_body_that_is_too_long_is_read_as_text_even_where_it_is_cut() -> None:
    short = json.dumps({"error": {"message": "m"}}).encode()
    assert parse_error(short + b" " * (MAX_TEXT - len(short))).message == "m", "exactly as long as allowed"
    assert parse_error(short + b" " * MAX_TEXT).message.startswith("m"), "beyond: text, of which JSON is opened"
    assert parse_error(b"\xff" + b"a" * MAX_TEXT).message.startswith("\ufffdaaa")
    assert parse_error(json.dumps({"error": {"message": "m"}, "x": "y" * MAX_TEXT}).encode()).message != "m"


def test_words_of_an_event_stream() -> None:
    assert parse_error(b'data: {"error": {"message": "data: twice"}}').message == "data: twice"
    assert parse_error(b"data:busy data: busy").message == "busy data: busy"


def test_where_lists_keep_their_words() -> None:
    assert parse_error({"detail": [{"message": "a"}, {"error": "b"}, {"detail": "c"}]}).message == "a; b; c"
    many = parse_error({"detail": [str(number) for number in range(30)]}).message
    assert many == "; ".join(map(str, range(20)))
    assert parse_error(" [1").message == "[1"
    assert parse_error('  {"message": "inside"}').message == "inside"
    assert parse_error('"text"').message == '"text"', "JSON is opened where it is an object or a list"


def test_html_is_looked_for_where_pages_begin() -> None:
    assert parse_error("a" * 255 + "<b>").message == "a" * 255
    assert parse_error("a" * 256 + "<b>").message.endswith("<b>")


def test_codes_are_short() -> None:
    assert len(parse_error({"error": {"message": "m", "code": "c" * 300}}).code or "") == 200


@pytest.mark.parametrize(("count", "read"), [(7, 7), ("1,234", 1234), ("9" * 18, int("9" * 18)), ("9" * 19, None)])
def test_counts_that_are_none_are_unknown(count: Any, read: int | None) -> None:
    assert parse_error({"error": {"message": "m", "n_ctx": count}}).context_window == read


@pytest.mark.parametrize("count", [7.5, [1], {"a": 1}, None])
def test_counts_of_another_kind_are_unknown(count: Any) -> None:
    assert parse_error({"error": {"message": "m", "n_ctx": count}}).context_window is None


def test_no_overflow_is_false() -> None:
    assert parse_error({"error": {"message": "m"}}).overflow is False
    assert parse_error({"error": {"message": "m"}}).unknown_model is False


# -- errors --------------------------------------------------------------------------------


def test_a_long_message_is_cut_and_says_so() -> None:
    assert OxenError("a" * MAX_MESSAGE).message == "a" * MAX_MESSAGE
    cut = OxenError("a" * (MAX_MESSAGE + 1))
    assert cut.message == "a" * MAX_MESSAGE + " ..."
    assert pickle.loads(pickle.dumps(cut)).message == cut.message  # noqa: S301 - our own bytes


def test_what_a_bare_error_says() -> None:
    error = OxenError()
    assert (str(error), error.message, error.args[0], error.details) == ("", "", "", Details())
    assert str(OxenError("no")) == "no"
    assert str(OxenError("no", Details(model="m"))) == "no", "a place needs both"
    assert str(OxenError("no", Details(host="h"))) == "no"
    assert str(OxenError("no", Details(model="m", host="h", attempts=1))) == "no [m at h, 1 attempt in 0.0 s]"
    assert str(OxenError("no", Details(attempts=2, elapsed=1.25, request_id="r"))).endswith("in 1.2 s, request id r]")
    details = Details(status_code=400)
    assert OxenBadRequestError("no", details).args == ("no", details)


def test_attributes_that_are_none() -> None:
    with pytest.raises(AttributeError, match="'OxenBadRequestError' object has no attribute 'nothing'"):
        _ = OxenBadRequestError("no").nothing


@pytest.mark.parametrize(("status", "kind"), [(300, OxenRedirectError), (399, OxenRedirectError)])
def test_the_edges_of_the_status_table(status: int, kind: type[OxenError]) -> None:
    assert error_class(status) is kind
    assert error_class(400) is OxenBadRequestError
    assert error_class(499) is OxenBadRequestError


# -- retry ---------------------------------------------------------------------------------


def test_a_little_is_added_to_what_the_server_asks_for() -> None:
    policy = RetryPolicy(max_retries=1, first=0.5)
    waits = [policy.wait(1, 2.0) or 0 for _ in range(300)]
    assert 2.0 <= min(waits) < 2.05
    assert 2.2 < max(waits) <= 2.25
    assert policy.wait(1, CEILING) is not None
    assert policy.wait(1, CEILING + 0.01) is None


def test_the_budget_as_it_is_made() -> None:
    budget = RetryBudget()
    assert [budget.take() for _ in range(51)] == [True] * 50 + [False]
    for _ in range(5):
        budget.give_back()
    assert [budget.take() for _ in range(2)] == [True, False], "five answers pay for one retry"


# -- stream --------------------------------------------------------------------------------


def test_an_error_in_a_stream_is_redacted_and_kept() -> None:
    _, reader = stream(delta(content="a"), {"error": {"message": "key s3cr3t-key is bad"}})
    with pytest.raises(OxenStreamError) as caught:
        reader.end()
    assert "s3cr3t-key" not in str(caught.value) + repr(caught.value.details)
    assert caught.value.response.json() == {"error": {"message": "key [redacted] is bad"}}
    assert caught.value.request_id == "r-7"


def test_a_choice_that_failed_is_redacted() -> None:
    choice = {"finish_reason": "error", "error": {"message": "key s3cr3t-key is bad"}}
    _, reader = stream({"choices": [choice]})
    with pytest.raises(OxenStreamError, match=r"key \[redacted\] is bad") as caught:
        reader.end()
    assert caught.value.request_id == "r-7"


@pytest.mark.parametrize(
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
def test_errors_in_every_dress(event: dict[str, Any]) -> None:
    _, reader = stream(delta(content="a"), event)
    with pytest.raises(OxenStreamError, match="no"):
        reader.end()


@pytest.mark.parametrize("event", [{"status": "ok"}, {"object": "chat.completion.chunk", "usage": {}}], ids=str)
def test_events_that_are_no_error(event: dict[str, Any]) -> None:
    chunks, reader = stream(delta(content="a"), {**event, "choices": [{"delta": {"content": "b"}}]}, delta("stop"))
    assert [chunk.text for chunk in chunks] == ["a", "b"]
    assert reader.end().completion is not None


def test_a_named_error_event() -> None:
    reader = StreamReader(HEADERS)
    reader.feed(b'event: error\ndata: {"choices": [], "object": "chat.completion.chunk", "error": ""}\n\n')
    with pytest.raises(OxenStreamError):
        reader.end()


def test_what_an_unreadable_event_shows() -> None:
    _, reader = stream(b'["' + b"\xff" + b"a" * 100)
    with pytest.raises(OxenResponseError) as caught:
        reader.end()
    assert caught.value.message == "an event of the stream is not a JSON object: " + repr('["\ufffd' + "a" * 77)
    assert caught.value.request_id == "r-7"


@pytest.mark.parametrize(
    ("events", "said"),
    [([delta(content="a")], "the stream ended before the answer was complete"), ([], "the stream held no answer")],
)
def test_what_a_cut_stream_says(events: list[Any], said: str) -> None:
    _, reader = stream(*events, done=False)
    with pytest.raises(OxenTruncatedStreamError) as caught:
        reader.end()
    assert caught.value.message == said
    assert caught.value.request_id == "r-7"


def test_a_stream_has_no_limit_but_its_events() -> None:
    reader, piece = StreamReader(HEADERS), "y" * 2**20
    for _ in range(34):
        reader.feed(b"data: %s\n\n" % json.dumps(delta(content=piece)).encode())
    reader.feed(b"data: [DONE]\n\n")
    whole = reader.end().completion
    assert whole is not None
    assert len(whole.text) == 34 * 2**20


def test_done_may_have_spaces_around_it() -> None:
    _, reader = stream(delta(content="a"), b" [DONE] ", done=False)
    assert reader.done


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_thoughts_beside_the_text(key: str) -> None:
    chunks, reader = stream(delta(**{"content": "a", key: "hm"}), delta("stop"))
    assert [(chunk.text, chunk.reasoning) for chunk in chunks] == [("a", "hm")]
    assert reader.end().completion.reasoning == "hm"  # type: ignore[union-attr]


def test_a_finish_reason_that_is_no_text_is_none() -> None:
    _, reader = stream({"choices": [{"delta": {"content": "a"}, "finish_reason": 1}]}, done=False)
    assert not reader.finished


def test_log_probabilities_that_are_none() -> None:
    event = {"choices": [{"delta": {"content": "a"}, "logprobs": [1]}]}
    broken = {"choices": [{"delta": {"content": "b"}, "logprobs": {"content": "xy"}}]}
    _, reader = stream(event, broken, delta("stop"))
    whole = reader.end().completion
    assert whole is not None
    assert whole.logprobs is None
    assert whole.raw["choices"][0]["logprobs"] is None


def test_the_whole_in_the_shape_of_a_body() -> None:
    token = {"token": "a", "logprob": -0.5}
    call = {"index": 0, "id": "AbC123xyZ", "function": {"name": "f", "arguments": '{"a": 1}'}}
    chunks, reader = stream(
        {**delta(tool_calls=[call]), "created": 7},
        {"choices": [{"delta": {"content": "t"}, "logprobs": {"content": [token]}}]},
        {**delta("tool_calls"), "usage": {"prompt_tokens": 1}},
    )
    last = reader.end()
    assert last.tool_calls == ()
    assert last.completion is not None
    assert last.completion.raw == {
        "object": "chat.completion",
        "id": "c1",
        "model": "m",
        "created": 7,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "t",
                    "tool_calls": [
                        {"id": "AbC123xyZ", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
                    ],
                },
                "finish_reason": "tool_calls",
                "logprobs": {"content": [token]},
            }
        ],
        "usage": {"prompt_tokens": 1},
    }
    assert chunks[0].tool_calls == (ToolCallDelta(0, "AbC123xyZ", "f", '{"a": 1}'),)


def test_the_last_chunk_has_what_closes_the_calls() -> None:
    _, reader = stream(delta(tool_calls=[{"function": {"name": "f", "arguments": "{}"}}]), delta("tool_calls"))
    last = reader.end()
    assert [(piece.index, bool(piece.id)) for piece in last.tool_calls] == [(0, True)]


@pytest.mark.parametrize(
    ("whole", "first"),
    [
        (Completion(text="a"), Chunk("a")),
        (Completion(reasoning="hm"), Chunk(reasoning="hm")),
        (Completion(refusal="no"), Chunk(refusal="no")),
        (Completion(tool_calls=(ToolCall("i", "f", "{}"),)), Chunk(tool_calls=(ToolCallDelta(0, "i", "f", "{}"),))),
        (Completion(text="a", logprobs={"content": []}), Chunk("a", logprobs={"content": []})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_whole_answer_as_chunks(whole: Completion, first: Chunk) -> None:
    assert list(chunks_from(whole)) == [first, Chunk(completion=whole)]
    assert list(chunks_from(Completion())) == [Chunk(completion=Completion())]

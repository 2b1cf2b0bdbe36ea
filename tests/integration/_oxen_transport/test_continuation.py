"""An answer in several requests is one answer, with no seam, through every entry point."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from _oxen_transport import continuation, retry
from _oxen_transport.continuation import MOST, PrefixStripper
from _oxen_transport.errors import OxenTruncatedStreamError
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import (
    ANSWER,
    FIN,
    USAGE,
    Received,
    Server,
    Step,
    chunk,
    chunks,
    completion,
    open_stream,
    sse,
    streamed,
    whole,
)
from tests.entry_points import EntryPoint, Transport, each, entry_points
from tests.tables import each_row

STREAMING = entry_points(streams=True)
pytestmark = pytest.mark.usefixtures("fast_retries")


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuation, "RetryPolicy", lambda most: retry.RetryPolicy(most, first=0.01))


class Cutting:
    """A server that breaks a stream after `pieces` of its text, and goes on when shown a beginning."""

    def __init__(self, *cuts: int, echo: bool = False, anew: str = "", end: str = "clean") -> None:
        self.cuts, self.echo, self.anew, self.end = list(cuts), echo, anew, end
        self.prefixes: list[str] = []

    def __call__(self, request: Received) -> Iterable[Step]:
        last = request.json["messages"][-1]
        begun = last["content"] if last["role"] == "assistant" else ""
        if begun:
            assert last["prefix"] is True
            self.prefixes.append(begun)
        rest = ANSWER if self.echo else ANSWER[len(begun) :]
        rest = self.anew if self.anew and begun else rest
        pieces = [rest[at : at + 5] for at in range(0, len(rest), 5)]
        if not self.cuts:
            return streamed(sse(chunks(pieces, usage=USAGE)))
        body = sse([chunk({"role": "assistant"}), *map(chunk, pieces[: self.cuts.pop(0)])], done=False)
        return streamed(body) if self.end == "clean" else [*open_stream(body), FIN]


@each_row("echo", [False, True])
@each_row("end", ["clean", "fin"])
@each(*STREAMING)
def test_a_cut_anywhere_leaves_no_seam(api: EntryPoint, server: Server, *, echo: bool, end: str) -> None:
    for cut in range(len(ANSWER) // 5 + 2):
        script = Cutting(cut, echo=echo, end=end)
        answer = api.ask(api.make(server.stage(script).url, resume=True))
        assert answer.text == "".join(answer.pieces) == ANSWER, f"cut after {cut} pieces"
        assert answer.finish_reason == "stop"
        assert script.prefixes == ([ANSWER[: cut * 5]] if cut else [])
        assert answer.usage == tuple(USAGE.values())


@each(*STREAMING)
def test_two_cuts_are_two_continuations(api: EntryPoint, server: Server) -> None:
    script = Cutting(2, 3)
    assert api.ask(api.make(server.stage(script).url, resume=True)).text == ANSWER
    assert script.prefixes == [ANSWER[:10], ANSWER[:25]]


ANEW = ANSWER[:20] + " and then something else entirely"
GIVES_UP: list[Any] = [
    # what the server does, the options, what the error says, what had come, requests
    ({"cuts": (2, 2, 2, 2, 2)}, {"resume": True, "max_retries": 2}, None, 30, 3),
    ({"cuts": (2,)}, {}, None, 10, 1),
    ({"cuts": (2,)}, {"resume": True, "model": "gpt-5"}, "resume=True does not help: gpt-5", 10, 1),
    ({"cuts": (6,), "anew": ANEW}, {"resume": True}, "anew", 30, 2),
]


@each_row("script, options, why, came, requests", GIVES_UP)
@each(*STREAMING)
def test_an_end_of_all_attempts_loses_nothing(  # noqa: PLR0917 - a row
    api: EntryPoint, server: Server, script: Any, options: Any, why: str | None, came: int, requests: int
) -> None:
    """Retries are used up; it is off by default; a model cannot; and a text that begins anew is not doubled."""
    stage = server.stage(Cutting(*script["cuts"], anew=script.get("anew", "")))
    with pytest.raises(OxenTruncatedStreamError, match=why) as caught:
        api.ask(api.make(stage.url, **options))
    assert caught.value.partial_text == ANSWER[:came]
    assert len(stage.requests) == requests


@each(*STREAMING)
def test_a_cut_tool_call_is_not_gone_on_with(api: EntryPoint, server: Server) -> None:
    call = {"index": 0, "id": "AbC123xyZ", "function": {"name": "f", "arguments": '{"a'}}
    stage = server.stage(streamed(sse([chunk({"tool_calls": [call]})], done=False)))
    with pytest.raises(OxenTruncatedStreamError):
        api.ask(api.make(stage.url, resume=True))
    assert len(stage.requests) == 1


def lengthy(limit: int) -> Any:
    """A server whose answers end after `limit` characters, for their length."""

    def answer(request: Received) -> Iterable[Step]:
        last = request.json["messages"][-1]
        begun = last["content"] if last["role"] == "assistant" else ""
        rest = ANSWER[len(begun) :]
        reason = "length" if len(rest) > limit else "stop"
        if request.wants_stream:
            return streamed(sse(chunks([rest[:limit]], finish_reason=reason, usage=USAGE)))
        return [whole(completion(rest[:limit], finish_reason=reason))]

    return answer


@each_row(
    "limit, options, requests",
    [(11, {"auto_continue": True}, -(-len(ANSWER) // 11)), (2, {"auto_continue": True}, MOST + 1), (11, {}, 1)],
)
def test_auto_continue_goes_on_until_the_end_or_its_bound(
    api: EntryPoint, server: Server, limit: int, options: Any, requests: int
) -> None:
    stage = server.stage(lengthy(limit))
    answer = api.ask(api.make(stage.url, **options))
    assert answer.text == ANSWER[: limit * requests]
    assert answer.finish_reason == ("stop" if answer.text == ANSWER else "length")
    assert len(stage.requests) == requests
    assert answer.usage == tuple(requests * figure for figure in USAGE.values())


@each(*entry_points(Transport))
def test_what_comes_beside_the_text_is_joined_as_well(api: EntryPoint, server: Server) -> None:
    def answer(request: Received) -> Iterable[Step]:
        text, reason = f"{request.number} ", "length" if request.number < 3 else "stop"
        message = {"content": text, "citations": [f"[{text}]"], "refusal": "no" if request.number == 1 else None}
        logprobs = {"content": [{"token": text, "logprob": -0.1}]}
        if not request.wants_stream:
            choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": reason}
            return [whole(completion() | {"choices": [choice]})]
        piece = chunk(message)
        piece["choices"][0]["logprobs"] = logprobs
        return streamed(sse([piece, chunk({}, finish_reason=reason)]))

    found = api.ask(api.make(server.stage(answer).url, auto_continue=True)).raw
    assert [token["token"] for token in found.logprobs["content"]] == ["1 ", "2 ", "3 "]
    assert (found.extras, found.refusal) == ({"citations": ["[1 ]", "[2 ]", "[3 ]"]}, "no")


@each_row(
    ("begun", "comes", "new"),
    [
        ("Hello wor", ["ld"], "ld"),
        ("Hello wor", ["Hello wor", "ld"], "ld"),
        ("Hello wor", ["Hel", "lo w", "orld"], "ld"),
        ("Hello wor", ["Hel"], "Hel"),  # too little to tell an echo by
        ("ha", ["ha", "!"], "ha!"),
        ("one\n", ["\n", "two"], "\ntwo"),
        ("Hello wor", ["Hello wor"], ""),
        ("Hello wor", ["Hello"], ""),  # an echo that was cut itself
        ("Hello wor", ["", "Help"], "Help"),
    ],
)
def test_an_echo_of_what_there_is_is_dropped(begun: str, comes: list[str], new: str) -> None:
    seam = PrefixStripper(begun)
    assert "".join([*map(seam.feed, comes), seam.end()]) == new


def test_what_cannot_be_an_echo_is_given_on_at_once() -> None:
    seam = PrefixStripper("Hello wor")
    assert [seam.feed("ld"), seam.feed("!")] == ["ld", "!"]


@each(*STREAMING)
def test_a_few_letters_that_looked_like_an_echo_are_given_at_the_end(api: EntryPoint, server: Server) -> None:
    begins, ends = streamed(sse([chunk("Hello, ")], done=False)), streamed(sse(chunks(["Hel"])))
    answer = api.ask(api.make(server.stage(begins, ends).url, resume=True))
    assert answer.text == "".join(answer.pieces) == "Hello, Hel"


def test_a_beginning_of_the_users_own_is_gone_on_with_as_one() -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Once "}]
    begun = build(OxenSettings(api_key="sk-1234567"), messages)
    last = {"role": "assistant", "content": "Once upon", "prefix": True}
    assert begun.continued("upon").body["messages"][1:] == [last]

"""An answer in several requests is one answer, with no seam, through every entry point."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from _oxen_transport.continuation import MOST, PrefixStripper
from _oxen_transport.errors import OxenTruncatedStreamError
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
from tests.entry_points import EntryPoint, each, entry_points
from tests.tables import each_row

STREAMING = entry_points(streams=True)
pytestmark = pytest.mark.usefixtures("fast_retries")


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    from _oxen_transport import continuation, retry

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


@each(*STREAMING)
def test_it_ends_with_the_retries_and_loses_nothing(api: EntryPoint, server: Server) -> None:
    stage = server.stage(Cutting(2, 2, 2, 2, 2))
    with pytest.raises(OxenTruncatedStreamError) as caught:
        api.ask(api.make(stage.url, resume=True, max_retries=2))
    assert caught.value.partial_text == ANSWER[:30]
    assert len(stage.requests) == 3


@each(*STREAMING)
def test_off_by_default(api: EntryPoint, server: Server) -> None:
    stage = server.stage(Cutting(2))
    with pytest.raises(OxenTruncatedStreamError):
        api.ask(api.make(stage.url))
    assert len(stage.requests) == 1


@each(*STREAMING)
def test_a_model_that_cannot_go_on_says_so(api: EntryPoint, server: Server) -> None:
    stage = server.stage(Cutting(2))
    with pytest.raises(OxenTruncatedStreamError, match="resume=True does not help: gpt-5"):
        api.ask(api.make(stage.url, resume=True, model="gpt-5"))
    assert len(stage.requests) == 1


@each(*STREAMING)
def test_a_server_that_begins_anew_is_an_error_not_a_doubled_text(api: EntryPoint, server: Server) -> None:
    stage = server.stage(Cutting(6, anew=ANSWER[:20] + " and then something else entirely"))
    with pytest.raises(OxenTruncatedStreamError, match="anew") as caught:
        api.ask(api.make(stage.url, resume=True))
    assert caught.value.partial_text == ANSWER[:30]


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


def test_auto_continue_goes_on_until_the_end(api: EntryPoint, server: Server) -> None:
    stage = server.stage(lengthy(11))
    answer = api.ask(api.make(stage.url, auto_continue=True))
    times = -(-len(ANSWER) // 11)
    assert answer.text == ANSWER
    assert answer.finish_reason == "stop"
    assert len(stage.requests) == times
    assert answer.usage == tuple(times * figure for figure in USAGE.values())


def test_auto_continue_has_a_bound(api: EntryPoint, server: Server) -> None:
    stage = server.stage(lengthy(2))
    answer = api.ask(api.make(stage.url, auto_continue=True))
    assert answer.text == ANSWER[: 2 * (MOST + 1)]
    assert answer.finish_reason == "length"
    assert len(stage.requests) == MOST + 1


def test_auto_continue_is_off_by_default(api: EntryPoint, server: Server) -> None:
    stage = server.stage(lengthy(11))
    assert api.ask(api.make(stage.url)).text == ANSWER[:11]
    assert len(stage.requests) == 1


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
def test_seam(begun: str, comes: list[str], new: str) -> None:
    seam = PrefixStripper(begun)
    assert "".join([*map(seam.feed, comes), seam.end()]) == new


def test_seam_gives_on_at_once_when_it_is_clear() -> None:
    seam = PrefixStripper("Hello wor")
    assert [seam.feed("ld"), seam.feed("!")] == ["ld", "!"]


def test_a_few_letters_that_looked_like_an_echo_are_given_at_the_end(server: Server) -> None:
    from _oxen_transport.client import OxenClient
    from _oxen_transport.request.build import build
    from _oxen_transport.settings import OxenSettings

    def answer(request: Received) -> Iterable[Step]:
        if request.json["messages"][-1]["role"] == "assistant":
            return streamed(sse(chunks(["Hel"])))
        return streamed(sse([chunk("Hello, ")], done=False))

    settings = OxenSettings(base_url=server.stage(answer).url, api_key="sk-1234567", resume=True)
    request = build(settings, [{"role": "user", "content": "hi"}], stream=True)
    got = list(OxenClient(settings).stream(request))
    assert [piece.text for piece in got] == ["Hello, ", "Hel", ""]
    assert got[-1].completion is not None
    assert got[-1].completion.text == "Hello, Hel"


def test_a_beginning_of_the_users_own_is_gone_on_with_as_one(server: Server) -> None:
    from _oxen_transport.request.build import build
    from _oxen_transport.settings import OxenSettings

    settings = OxenSettings(base_url=server.stage(Cutting()).url, api_key="sk-1234567")
    begun = build(settings, [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Once "}])
    last = {"role": "assistant", "content": "Once upon", "prefix": True}
    assert begun.continued("upon").body["messages"][1:] == [last]

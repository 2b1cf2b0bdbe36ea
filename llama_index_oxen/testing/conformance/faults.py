"""Servers and networks that fail: each failure has an error that says what happened, and none looks like an answer."""

from __future__ import annotations

import time
from typing import Any

import pytest

from llama_index_oxen.testing.conformance.base import BLUNDERS, CHAT_METHODS, LLMTests, ask, text_of
from llama_index_oxen.testing.conformance.server import Reply, Request
from llama_index_oxen.testing.conformance.wire import DONE, TEXT, answer, event, piece, pieces

STREAMS = ("stream_chat", "astream_chat")
ERROR = {"error": {"message": "boom-7731 the engine stalled", "type": "server_error", "code": "stalled"}}


def raised(llm: Any, method: str) -> Exception:
    """The error of one call; it must be one that says something."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each package has its own
        ask(llm, method)
    assert not isinstance(caught.value, BLUNDERS), f"a blunder: {caught.value!r}"
    return caught.value


class FaultTests(LLMTests):
    """Failures, told as such."""

    # -- streams that do not end -----------------------------------------------------------------

    @pytest.mark.parametrize("method", STREAMS)
    def test_a_stream_that_just_stops_is_an_error(self, method: str) -> None:
        sent = [event(chunk) for chunk in pieces()[:-1]]
        llm, _ = self.llm(Reply(pieces=sent))
        raised(llm, method)

    @pytest.mark.parametrize("method", STREAMS)
    def test_a_connection_that_breaks_in_a_stream_is_an_error(self, method: str) -> None:
        sent = [event(chunk) for chunk in pieces()[:-2]]
        llm, _ = self.llm(Reply(pieces=[*sent, 0.05], cut=True))
        raised(llm, method)

    @pytest.mark.parametrize("method", STREAMS)
    def test_an_error_within_a_stream_is_raised_in_the_servers_words(self, method: str) -> None:
        sent = [event(piece("The tide")), event(ERROR), DONE]
        llm, _ = self.llm(Reply(pieces=sent))
        assert "boom-7731" in str(raised(llm, method))

    @pytest.mark.parametrize("method", STREAMS)
    def test_an_empty_stream_is_an_error(self, method: str) -> None:
        llm, _ = self.llm(Reply(pieces=[]))
        raised(llm, method)

    # -- answers that are none -------------------------------------------------------------------

    @pytest.mark.parametrize("method", CHAT_METHODS)
    def test_an_error_with_status_200_is_raised_in_the_servers_words(self, method: str) -> None:
        llm, _ = self.llm(Reply(ERROR))
        assert "boom-7731" in str(raised(llm, method))

    @pytest.mark.parametrize("method", CHAT_METHODS)
    def test_a_web_page_is_no_answer(self, method: str) -> None:
        page = Reply(b"<html><h1>Sign in</h1></html>", headers={"content-type": "text/html"})
        llm, _ = self.llm(page)
        raised(llm, method)

    @pytest.mark.parametrize("method", ["chat", "achat"])
    def test_an_answer_without_choices_is_an_error(self, method: str) -> None:
        llm, _ = self.llm(Reply({"id": "x", "object": "chat.completion", "model": "m", "created": 1, "choices": []}))
        raised(llm, method)

    # -- errors by status ------------------------------------------------------------------------

    @pytest.mark.parametrize("method", CHAT_METHODS)
    @pytest.mark.parametrize("status", [400, 401, 404])
    def test_a_refusal_is_asked_once_and_told_in_the_servers_words(self, method: str, status: int) -> None:
        llm, stage = self.llm(Reply(ERROR, status=status), **self.two_retries)
        assert "boom-7731" in str(raised(llm, method))
        assert len(stage.requests) == 1

    # -- retries -----------------------------------------------------------------------------------

    @pytest.mark.parametrize("method", CHAT_METHODS)
    @pytest.mark.parametrize("status", [429, 503])
    def test_what_may_pass_is_tried_again(self, method: str, status: int) -> None:
        llm, stage = self.llm(Reply(ERROR, status=status), answer(), **self.two_retries)
        assert text_of(ask(llm, method)[-1]) == TEXT
        assert len(stage.requests) == 2

    @pytest.mark.parametrize("method", CHAT_METHODS)
    def test_two_retries_are_three_requests(self, method: str) -> None:
        llm, stage = self.llm(Reply(ERROR, status=500), **self.two_retries)
        raised(llm, method)
        assert len(stage.requests) == 3

    @pytest.mark.parametrize("method", CHAT_METHODS)
    def test_no_retries_is_one_request(self, method: str) -> None:
        llm, stage = self.llm(Reply(ERROR, status=500))
        raised(llm, method)
        assert len(stage.requests) == 1

    @pytest.mark.parametrize("method", ["chat", "achat"])
    def test_retry_after_is_kept(self, method: str) -> None:
        times = []

        def timed(request: Request) -> Reply:
            times.append(time.monotonic())
            return Reply(ERROR, status=429, headers={"retry-after": "2"}) if len(times) == 1 else answer()(request)

        llm, _ = self.llm(timed, **self.two_retries)
        assert text_of(ask(llm, method)[-1]) == TEXT
        assert 1.9 < times[1] - times[0] < 6

    # -- silence -----------------------------------------------------------------------------------

    @pytest.mark.parametrize("method", CHAT_METHODS)
    def test_silence_ends_by_the_timeout(self, method: str) -> None:
        llm, _ = self.llm(Reply(pieces=[20.0, DONE]), **self.with_timeout(0.5))
        began = time.monotonic()
        raised(llm, method)
        assert time.monotonic() - began < 5

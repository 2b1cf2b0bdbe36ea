"""Chat and streams, sync and async, and whether they all say the same."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole

from llama_index_oxen.testing.conformance.base import (
    CHAT_METHODS,
    COMPLETE_METHODS,
    METHODS,
    QUESTION,
    LLMTests,
    ask,
    calls_of,
    text_of,
    user,
)
from llama_index_oxen.testing.conformance.server import Reply
from llama_index_oxen.testing.conformance.wire import (
    DONE,
    TEXT,
    USAGE,
    VARIANTS,
    Call,
    answer,
    event,
    piece,
    pieces,
    whole,
)

ASYNC_STREAMS = ("astream_chat", "astream_complete")
STREAMS = ("stream_chat", "stream_complete", *ASYNC_STREAMS)


def endless() -> Iterator[bytes | float]:
    """A stream that ends when its reader goes away."""
    yield event(piece({"role": "assistant", "content": "word "}))
    while True:
        yield 0.02
        yield event(piece("word "))


class ChatTests(LLMTests):
    """One question, one answer."""

    def test_chat_answers(self) -> None:
        llm, _ = self.llm(answer())
        [response] = ask(llm, "chat")
        assert response.message.role == MessageRole.ASSISTANT
        assert response.message.content == TEXT

    def test_complete_answers(self) -> None:
        llm, stage = self.llm(answer())
        assert llm.complete(QUESTION).text == TEXT
        [message] = stage.bodies[0]["messages"]
        assert message["role"] == "user"

    def test_a_conversation_arrives_in_order(self) -> None:
        llm, stage = self.llm(answer())
        said = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi."), ("user", "Żółć 忠实 🌊 \u2028\n?")]
        llm.chat([ChatMessage(role=role, content=text) for role, text in said])
        assert [(message["role"], _plain(message["content"])) for message in stage.bodies[0]["messages"]] == said

    def test_the_callers_messages_stay_as_they_are(self) -> None:
        llm, _ = self.llm(answer())
        messages = [ChatMessage(role="system", content="Be brief."), user("Hello")]
        before = copy.deepcopy(messages)
        llm.chat(messages)
        assert messages == before

    @pytest.mark.parametrize("method", METHODS)
    def test_a_parameter_of_the_call_wins(self, method: str) -> None:
        llm, stage = self.llm(answer(), max_tokens=99)
        ask(llm, method, max_tokens=7)
        body = stage.bodies[0]
        assert body.get("max_tokens", body.get("max_completion_tokens")) == 7

    def test_metadata_is_true(self) -> None:
        llm, stage = self.llm(answer())
        known = llm.metadata
        assert known.is_chat_model
        assert known.is_function_calling_model == self.has_tools
        assert known.model_name == self.llm_params["model"]
        assert known.context_window > 0
        assert stage.requests == [], "metadata is read often, and must cost no request"

    def test_any_model_id_is_accepted(self) -> None:
        llm, stage = self.llm(answer(), model="no/such-model")
        assert llm.metadata.model_name == "no/such-model"
        assert llm.complete(QUESTION).text == TEXT
        assert stage.bodies[0]["model"] == "no/such-model"

    def test_an_answer_without_text_is_empty(self) -> None:
        llm, _ = self.llm(Reply(whole(self.dialect.no_text)))
        assert text_of(ask(llm, "chat")[0]) == ""

    def test_a_response_can_be_stored(self) -> None:
        llm, _ = self.llm(answer())
        stored = json.loads(ask(llm, "chat")[0].message.model_dump_json())
        assert ChatMessage(**stored).content == TEXT


class StreamTests(LLMTests):
    """What comes piece by piece."""

    @pytest.mark.parametrize("method", STREAMS)
    def test_the_deltas_make_the_whole(self, method: str) -> None:
        llm, _ = self.llm(answer())
        responses = ask(llm, method)
        assert "".join(response.delta or "" for response in responses) == TEXT
        assert text_of(responses[-1]) == TEXT

    @pytest.mark.parametrize("method", STREAMS)
    def test_each_response_holds_everything_so_far(self, method: str) -> None:
        llm, _ = self.llm(answer())
        so_far = ""
        for response in ask(llm, method):
            so_far += response.delta or ""
            assert text_of(response) == so_far

    @pytest.mark.parametrize("kind", ["text", "calls"])
    def test_a_response_never_changes_afterwards(self, kind: str) -> None:
        if kind == "calls":
            self.skip_without("has_tools")
        calls: list[Call] = [
            ("AbC123xy1", "look", {"place": "the harbour"}),
            ("AbC123xy2", "look", {"place": "the pier"}),
        ]
        llm, _ = self.llm(answer(calls=calls if kind == "calls" else ()))
        kept, copies = [], []
        for response in llm.stream_chat([user(QUESTION)]):
            kept.append(response.message)
            copies.append(response.message.model_dump_json())
        assert [message.model_dump_json() for message in kept] == copies

    @pytest.mark.parametrize("method", ["stream_chat", "stream_complete"])
    def test_the_first_word_comes_before_the_last_was_sent(self, method: str) -> None:
        gate = threading.Event()
        first, second, *rest = (event(chunk) for chunk in pieces())
        llm, _ = self.llm(Reply(pieces=[first, second, gate, *rest, DONE]))
        stream = getattr(llm, method)(QUESTION if "complete" in method else [user(QUESTION)])
        began = time.monotonic()
        text = ""
        while not text:
            text = text_of(next(stream))
        took = time.monotonic() - began
        gate.set()
        assert text_of(list(stream)[-1]) == TEXT
        assert took < 5

    @pytest.mark.parametrize("method", ["stream_chat", "stream_complete"])
    def test_an_early_break_closes_the_connection(self, method: str) -> None:
        llm, stage = self.llm(Reply(pieces=endless()))
        stream = getattr(llm, method)(QUESTION if "complete" in method else [user(QUESTION)])
        for response in stream:
            if text_of(response):
                break
        stream.close()
        del stream, response
        gc.collect()
        assert stage.requests[0].dropped.wait(3)

    @pytest.mark.parametrize("shape", ["crlf", "comments", "one_byte_at_a_time", "no_space", "usage_at_the_end"])
    def test_every_form_of_events_is_read(self, shape: str) -> None:
        if shape == "usage_at_the_end" and not self.dialect.usage_is_asked_for:
            pytest.skip("the provider's servers send usage in the last chunk")
        sent = b"".join(event(chunk) for chunk in pieces())
        usage = event({**piece(), "choices": [], "usage": USAGE})
        shaped: dict[str, list[bytes]] = {
            "crlf": [(sent + DONE).replace(b"\n", b"\r\n")],
            "comments": [b": keep-alive\n\n", sent, b": keep-alive\n\n", DONE],
            "one_byte_at_a_time": [bytes([value]) for value in sent + DONE],
            "no_space": [(sent + DONE).replace(b"data: ", b"data:")],
            "usage_at_the_end": [sent, usage, DONE],
        }
        llm, _ = self.llm(Reply(pieces=shaped[shape]))
        assert text_of(ask(llm, "stream_chat")[-1]) == TEXT


class AsyncTests(LLMTests):
    """The same without blocking."""

    @pytest.mark.parametrize("method", [method for method in METHODS if method.startswith("a")])
    def test_async_answers(self, method: str) -> None:
        llm, _ = self.llm(answer())
        assert text_of(ask(llm, method)[-1]) == TEXT

    def test_calls_run_side_by_side(self) -> None:
        llm, stage = self.llm(Reply(pieces=[0.4, *(event(chunk) for chunk in pieces()), DONE]))

        async def run() -> list[str]:
            async def one() -> str:
                return [text_of(part) async for part in await llm.astream_chat([user(QUESTION)])][-1]

            return await asyncio.gather(*(one() for _ in range(10)))

        began = time.monotonic()
        assert asyncio.run(run()) == [TEXT] * 10
        assert time.monotonic() - began < 3
        assert len(stage.requests) == 10

    def test_cancelling_closes_the_connection(self) -> None:
        llm, stage = self.llm(Reply(pieces=endless()))

        async def run() -> None:
            seen = asyncio.Event()

            async def read() -> None:
                async for _ in await llm.astream_chat([user(QUESTION)]):
                    seen.set()

            task = asyncio.create_task(read())
            await asyncio.wait_for(seen.wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(stage.requests[0].dropped.wait, 3)
            assert stage.requests[0].dropped.is_set()

        asyncio.run(run())


class ParityTests(LLMTests):
    """sync = async = the end of a stream."""

    @pytest.mark.parametrize("methods", [CHAT_METHODS, COMPLETE_METHODS], ids=["chat", "complete"])
    def test_every_method_gives_the_same_text(self, methods: tuple[str, ...]) -> None:
        texts = []
        for method in methods:
            llm, _ = self.llm(answer())
            texts.append(text_of(ask(llm, method)[-1]))
        assert texts == [TEXT] * 4

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_every_method_gives_the_same_calls(self, variant: str) -> None:
        self.skip_without("has_tools")
        self.skip_unless_read(variant)
        harbour: Call = ("AbC123xy1", "look", {"place": "the harbour"})
        gull: Call = ("AbC123xy2", "find", {"what": "a gull", "n": 2})
        calls = [harbour, gull]
        given = []
        for method in CHAT_METHODS:
            llm, _ = self.llm(answer(calls=calls, variant=variant))
            response = ask(llm, method)[-1]
            chosen = llm.get_tool_calls_from_response(response)
            given.append([(call.tool_id, call.tool_name, call.tool_kwargs) for call in chosen])
            assert len(calls_of(response)) == 2
        assert given == [calls] * 4

    @pytest.mark.parametrize("method", METHODS)
    def test_one_request_whatever_the_method(self, method: str) -> None:
        llm, stage = self.llm(answer())
        ask(llm, method)
        [body] = stage.bodies
        assert [_plain(message["content"]) for message in body["messages"]] == [QUESTION]
        assert bool(body.get("stream")) == ("stream" in method)

    @pytest.mark.parametrize("method", METHODS)
    def test_log_probabilities_on_every_method(self, method: str) -> None:
        self.skip_without("has_logprobs")
        token = {"token": "The", "logprob": -0.25, "bytes": [84, 104, 101], "top_logprobs": []}

        def reply(request: Any) -> Reply:
            if not request.wants_stream:
                body = whole("The")
                body["choices"][0]["logprobs"] = {"content": [token]}
                return Reply(body)
            first = piece("The")
            first["choices"][0]["logprobs"] = {"content": [token]}
            return Reply(pieces=[event(first), event(piece(None, "stop")), DONE])

        llm, stage = self.llm(reply)
        found = [response.logprobs for response in ask(llm, method, logprobs=True) if response.logprobs]
        assert stage.bodies[0]["logprobs"] is True
        assert found, "no response holds them"
        assert (found[-1][0][0].token, found[-1][0][0].logprob) == ("The", -0.25)


def _plain(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)

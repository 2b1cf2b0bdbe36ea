"""One right figure, however the server counts: cumulative, at the end, in parts, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.callbacks import UsageMetadataCallbackHandler

from _oxen_transport.testing import Server, chunk, completion, reply, sse, streamed, whole
from langchain_oxen import ChatOxen
from tests.tables import each_row
from tools.support.ideal_model import ideal

WHOLE = {
    "prompt_tokens": 11,
    "completion_tokens": 8,
    "total_tokens": 19,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
RIGHT = {
    "input_tokens": 11,
    "output_tokens": 8,
    "total_tokens": 19,
    "input_token_details": {"cache_read": 4},
    "output_token_details": {"reasoning": 3},
}


def growing(at: int) -> dict[str, Any]:
    return {**WHOLE, "completion_tokens": at, "total_tokens": 11 + at}


WAYS: dict[str, list[Any]] = {
    "in a last chunk without choices": [chunk("moo"), chunk(None, "stop"), {**chunk(), "choices": [], "usage": WHOLE}],
    "on the finishing chunk": [chunk("moo"), chunk(None, "stop", usage=WHOLE)],
    "cumulative in each chunk": [
        *(chunk("m", usage=growing(at)) for at in (2, 5)),
        chunk("oo", "stop", usage=growing(8)),
    ],
    "the same in each chunk": [chunk("moo", usage=WHOLE), chunk(None, "stop", usage=WHOLE)],
    "in parts": [
        chunk("moo", usage={"prompt_tokens": 11, "prompt_tokens_details": {"cached_tokens": 4}}),
        chunk(None, "stop", usage={key: WHOLE[key] for key in ("completion_tokens", "completion_tokens_details")}),
    ],
    "null before the end": [chunk("moo", usage=None), chunk(None, "stop", usage=WHOLE)],
}


def merged(model: ChatOxen, question: str = "Moo?") -> Any:
    full: Any = None
    for piece in model.stream(question):
        full = piece if full is None else full + piece
    return full


@each_row("way", WAYS)
def test_streams_end_in_one_figure(server: Server, way: str) -> None:
    model = ChatOxen(base_url=server.stage(streamed(sse(WAYS[way]))).url)
    pieces = list(model.stream("Moo?"))
    assert [piece.usage_metadata for piece in pieces if piece.usage_metadata] == [RIGHT]
    assert merged(model).usage_metadata == RIGHT
    assert model.stream_events("Moo?", version="v3").output.usage_metadata == RIGHT


def test_a_body_says_the_same(server: Server) -> None:
    assert ChatOxen(base_url=server.stage(reply(completion(usage=WHOLE))).url).invoke("Moo?").usage_metadata == RIGHT


def test_no_usage_is_no_usage(server: Server) -> None:
    """Zero would be a claim."""
    model = ChatOxen(base_url=server.stage(streamed(sse([chunk("moo", "stop")]))).url)
    assert merged(model).usage_metadata is None
    assert "token_usage" not in merged(model).response_metadata
    assert ChatOxen(base_url=server.stage(reply(completion(usage=None))).url).invoke("Moo?").usage_metadata is None


def test_streams_ask_for_usage_unless_told_not_to(server: Server) -> None:
    stage = server.stage(ideal)
    assert merged(ChatOxen(base_url=stage.url)).usage_metadata["total_tokens"] > 0
    assert stage.bodies[0]["stream_options"] == {"include_usage": True}


# -- sums ------------------------------------------------------------------------------------


def test_sums_over_batches_are_the_servers_own(server: Server) -> None:
    told: list[int] = []

    def counted(request: Any) -> Any:
        told.append(len(told) + 1)
        usage = {"prompt_tokens": 1, "completion_tokens": told[-1], "total_tokens": 1 + told[-1]}
        return [whole(completion(usage=usage))]

    model = ChatOxen(base_url=server.stage(counted).url)
    counter = UsageMetadataCallbackHandler()
    model.batch(["Moo?"] * 5, config={"callbacks": [counter]})
    asyncio.run(model.abatch(["Moo?"] * 5, config={"callbacks": [counter]}))
    total = counter.usage_metadata["open-mixtral-8x22b"]
    assert (total["input_tokens"], total["output_tokens"]) == (10, sum(told))
    assert total["total_tokens"] == 10 + sum(told)


def test_the_cost_that_the_server_reports_is_kept(server: Server) -> None:
    usage = {**WHOLE, "cost": 0.5}
    model = ChatOxen(base_url=server.stage(reply(completion(usage=usage))).url)
    assert model.invoke("Moo?").response_metadata["cost"] == 0.5

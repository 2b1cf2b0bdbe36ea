"""One right figure, however the server counts: cumulative, at the end, in parts, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.callbacks import UsageMetadataCallbackHandler

from _oxen_transport.testing import Server, chunk, completion, reply, sse, streamed, whole
from langchain_oxen import ChatOxen
from tests.entry_points import LangChain, entry_points
from tests.tables import each_row

WHOLE = {
    "prompt_tokens": 11,
    "completion_tokens": 8,
    "total_tokens": 19,
    "cost": 0.5,
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
    "cumulative": [*(chunk("m", usage=growing(at)) for at in (2, 5)), chunk("oo", "stop", usage=growing(8))],
    "the same in each chunk": [chunk("moo", usage=WHOLE), chunk(None, "stop", usage=WHOLE)],
    "in parts": [
        chunk("moo", usage={"prompt_tokens": 11, "prompt_tokens_details": {"cached_tokens": 4}, "cost": 0.5}),
        chunk(None, "stop", usage={key: WHOLE[key] for key in ("completion_tokens", "completion_tokens_details")}),
    ],
    "null before the end": [chunk("moo", usage=None), chunk(None, "stop", usage=WHOLE)],
}


@each_row("way", WAYS)
def test_streams_end_in_one_figure(server: Server, way: str) -> None:
    model = ChatOxen(base_url=server.stage(streamed(sse(WAYS[way]))).url)
    assert [piece.usage_metadata for piece in model.stream("Moo?") if piece.usage_metadata] == [RIGHT]
    assert model.stream_events("Moo?", version="v3").output.usage_metadata == RIGHT


def test_a_whole_body_has_the_same_and_the_servers_own_price(server: Server) -> None:
    message = ChatOxen(base_url=server.stage(reply(completion(usage=WHOLE))).url).invoke("Moo?")
    assert message.usage_metadata == RIGHT
    assert message.response_metadata["cost"] == 0.5


def test_no_usage_is_no_usage(server: Server) -> None:
    """Zero would be a claim."""
    scripts = {False: reply(completion(usage=None)), True: streamed(sse([chunk("moo", "stop")]))}
    for api in entry_points(LangChain):
        message = api.ask(api.make(server.stage(scripts[api.streams]).url)).raw
        assert message.usage_metadata is None
        assert "token_usage" not in message.response_metadata


def test_sums_over_batches_are_the_servers_own(server: Server) -> None:
    counts: list[int] = []

    def counted(_: Any) -> Any:
        counts.append(len(counts) + 1)
        usage = {"prompt_tokens": 1, "completion_tokens": counts[-1], "total_tokens": 1 + counts[-1]}
        return [whole(completion(usage=usage))]

    model, counter = ChatOxen(base_url=server.stage(counted).url), UsageMetadataCallbackHandler()
    model.batch(["Moo?"] * 5, config={"callbacks": [counter], "max_concurrency": 2})
    asyncio.run(model.abatch(["Moo?"] * 5, config={"callbacks": [counter]}))
    total = counter.usage_metadata["open-mixtral-8x22b"]
    assert (total["input_tokens"], total["output_tokens"]) == (10, sum(counts))
    assert total["total_tokens"] == 10 + sum(counts)

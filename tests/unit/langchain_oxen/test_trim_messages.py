"""`trim_messages` with the model as its counter: as much as fits, within the limit, in linear time."""

from __future__ import annotations

import random
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, trim_messages
from langchain_core.messages.utils import convert_to_messages

from _oxen_transport.request import tokens
from langchain_oxen import ChatOxen
from tests.agent_histories import agent_history

CHAT = ChatOxen(base_url="http://127.0.0.1:1", model="open-mixtral-8x22b")


def counted(messages: list[BaseMessage]) -> int:
    return CHAT.get_num_tokens_from_messages(messages)


def best(history: list[BaseMessage], limit: int) -> int:
    """Tokens of the longest end of the history that fits."""
    return next((size for at in range(len(history)) if (size := counted(history[at:])) <= limit), 0)


def trimmed(history: list[BaseMessage], limit: int) -> list[BaseMessage]:
    return trim_messages(history, strategy="last", token_counter=CHAT, max_tokens=limit)  # type: ignore[no-any-return]


def test_what_fits_is_kept_and_the_limit_holds() -> None:
    kept = []
    for seed in range(60):
        history: list[Any] = convert_to_messages(agent_history(seed))
        limit = int(counted(history) * random.Random(seed).uniform(0.2, 0.9))  # noqa: S311
        size = counted(trimmed(history, limit))
        assert size <= limit, f"history {seed}"
        if possible := best(history, limit):
            kept.append(size / possible)
    assert sum(kept) / len(kept) > 0.98


def test_the_work_grows_with_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    count = tokens.count_either_way
    monkeypatch.setattr(
        tokens, "count_either_way", lambda messages, *more: lengths.append(len(messages)) or count(messages, *more)
    )

    def messages_counted(turns: int) -> int:
        history: list[Any] = convert_to_messages(
            [message for seed in range(turns) for message in agent_history(seed)[1:]]
        )
        limit = counted(history[-40:])
        lengths.clear()
        trimmed(history, limit)
        return sum(lengths)

    assert 0 < messages_counted(80) < 16 * messages_counted(10)  # 8 times the messages; the square would be 64

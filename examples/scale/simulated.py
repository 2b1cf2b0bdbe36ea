"""A server with a limit, for trying the batch jobs: 429s when asked too fast, and some without reason.

It is the scripted server that `langchain_oxen.testing` and `llama_index_oxen.testing` offer for tests.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from _oxen_transport.testing import Received, Server, Step, echo, error_body, whole


@dataclass
class Simulated:
    """What the server saw. `answered` counts the answers for each prompt."""

    url: str = ""
    refused: int = 0
    answered: Counter[str] = field(default_factory=Counter)

    @property
    def twice(self) -> int:
        """How many prompts were answered more than once."""
        return sum(times > 1 for times in self.answered.values())


@contextlib.contextmanager
def simulated(per_second: float = 200, odd: float = 0.02) -> Iterator[Simulated]:
    """Serve with a limit of so many requests per second, and refuse this part of them at random."""
    state, lock, chance = Simulated(), threading.Lock(), random.Random(11)  # noqa: S311 - no secret
    room, since = per_second, time.monotonic()

    def reply(request: Received) -> Iterable[Step]:
        nonlocal room, since
        with lock:
            now = time.monotonic()
            room, since = min(per_second, room + (now - since) * per_second), now
            if room < 1 or chance.random() < odd:
                state.refused += 1
                return [whole(error_body("slow down"), 429, retry_after="0.3")]
            room -= 1
            state.answered[request.json["messages"][-1]["content"]] += 1
        return echo(request)

    with Server() as server:
        state.url = server.stage(reply).url
        yield state

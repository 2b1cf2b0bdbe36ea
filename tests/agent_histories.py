"""Histories of agents as they grow, in OpenAI's format: several speakers, tools, late system messages.

    python -m tests.agent_histories [2000]

measures how often a message that is added changes messages that were sent before.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from typing import Any

from _oxen_transport.families import family
from _oxen_transport.request.repair import repair

_TEXT = (
    "the ox pulls a plough through heavy clay while two people walk behind it and count furrows per hour; "
    "Gespanne brauchen Futter, Wasser und Ruhe; 12,5 ha; error: no such field 'soil_ph'; 土壤 🐂 {\"ok\": true}"
)
_WORDS = _TEXT.split()


def agent_history(seed: int) -> list[dict[str, Any]]:
    """One whole history; it ends with an answer."""
    rnd = random.Random(seed)  # noqa: S311 - repeatable is what it must be
    users = ["Ann", "Bob"] if rnd.random() < 0.1 else [None]
    agents = ["planner", "critic"] if rnd.random() < 0.15 else [None]
    reminds = rnd.random() < 0.15
    history = [{"role": "system", "content": _text(rnd)}] if rnd.random() < 0.8 else []
    for _ in range(rnd.randint(1, 8)):
        history.append(_named("user", _text(rnd), rnd.choice(users)))
        if reminds and rnd.random() < 0.3:
            history.append({"role": "system", "content": _text(rnd)})
        for _ in range(rnd.choice((0, 0, 1, 1, 2, 3, 5))):
            history += _step(rnd, len(history), rnd.choice(agents))
        history.append(_named("assistant", _text(rnd), rnd.choice(agents)))
    return history


def requests_of(history: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """What was sent on the way: all that came before each answer."""
    for at, message in enumerate(history):
        if message["role"] == "assistant":
            yield history[:at]


def _step(rnd: random.Random, at: int, agent: str | None) -> list[dict[str, Any]]:
    calls = [
        {
            "id": f"call_{at}_{number}",
            "type": "function",
            "function": {"name": rnd.choice(("look_up", "count")), "arguments": json.dumps({"q": _text(rnd)})},
        }
        for number in range(rnd.choice((1, 1, 1, 2, 3)))
    ]
    asking = {**_named("assistant", _text(rnd) if rnd.random() < 0.3 else None, agent), "tool_calls": calls}
    return [asking, *({"role": "tool", "content": _text(rnd), "tool_call_id": call["id"]} for call in calls)]


def _named(role: str, content: str | None, name: str | None) -> dict[str, Any]:
    return {"role": role, "content": content, **({"name": name} if name else {})}


def _text(rnd: random.Random) -> str:
    return " ".join(rnd.choice(_WORDS) for _ in range(int(rnd.lognormvariate(2.5, 0.8)) + 1))


def changes_what_was_sent(history: list[dict[str, Any]], model: str) -> bool:
    """Whether a request changes a message of the one before; its last message may be continued."""
    earlier: list[Any] = []
    for request in requests_of(history):
        sent: list[Any] = repair(request, family(model), "repair", tools=True)  # type: ignore[arg-type]
        if earlier:
            *whole, last = earlier
            now = sent[len(whole)]
            if sent[: len(whole)] != whole or not str(now["content"] or "").startswith(str(last["content"] or "")):
                return True
        earlier = sent
    return False


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for name in ("open-mixtral-8x22b", "mistral-large-2411", "claude-sonnet-4-5", "gpt-4o"):
        changed = sum(changes_what_was_sent(agent_history(seed), name) for seed in range(number))
        print(f"{name}: {changed} of {number} histories, {changed / number:.1%}")  # noqa: T201 - a command line tool

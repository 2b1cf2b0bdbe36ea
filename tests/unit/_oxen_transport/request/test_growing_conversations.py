"""Agents' histories as they grow: what was sent stays as it was, and a bound on tokens holds."""

from __future__ import annotations

from _oxen_transport.families import family
from _oxen_transport.request.repair import repair
from _oxen_transport.request.token_bound import estimate_messages
from _oxen_transport.request.tokens import count_repaired
from tests.agent_histories import agent_history, changes_what_was_sent
from tests.tables import each_row

TOOLS = [
    {"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object"}}}
    for name in ("look_up", "count")
]


@each_row("model", ["open-mixtral-8x22b", "mistral-large-2411", "gpt-4o", "claude-sonnet-4-5"])
def test_what_was_sent_before_is_sent_again_as_it_was(model: str) -> None:
    """A server's prompt cache holds what did not change (`python -m tests.agent_histories` gives the rate)."""
    changed = [seed for seed in range(200) if changes_what_was_sent(agent_history(seed), model)]
    assert changed == []


def test_the_bound_of_a_prompt_is_above_its_count_and_near_it() -> None:
    ratios = []
    for seed in range(200):
        sent = repair(agent_history(seed), family("open-mixtral-8x22b"), "repair", tools=True)
        exact = count_repaired(sent, TOOLS, "open-mixtral-8x22b")
        assert exact.exact
        ratios.append(estimate_messages(sent, TOOLS, known_template=True).upper / exact.tokens)
    assert min(ratios) >= 1
    assert max(ratios) < 2

"""What the frameworks really handed over, loaded again, becomes what Mixtral accepts: whole, paired, unchanged here."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from mistral_common.exceptions import MistralCommonException

from _oxen_transport.request.build import Request, build
from _oxen_transport.settings import OxenSettings
from tests.history_checks import accepted_by_mistral, nothing_lost, strictly_alternating, unique_pairs_kept
from tests.tables import each_row
from tests.unit.test_history_properties import LangChain, LlamaIndex, frozen
from tools.histories.files import IDEAL, REAL, SCRIPTED, conversations, names, read

DOCS = Path(__file__).parents[3] / "docs" / "history.md"
DRIVERS = {REAL: "real model", IDEAL: "ideal model", SCRIPTED: "script"}
FIXTURE_ROWS = ("| `langchain_", "| `langgraph_", "| `deepagents_", "| `llama_index_")
FRAMEWORKS: dict[str, Any] = {"langchain": LangChain, "llama_index": LlamaIndex}


def request_for(body: dict[str, Any], messages: list[Any], tools: list[Any], **options: Any) -> Request:
    settings = OxenSettings(base_url="http://127.0.0.1:1", model="open-mixtral-8x22b", **options)
    return build(settings, FRAMEWORKS[body["framework"]].to_wire(messages), call={"tools": tools})


@each_row("name", names())
def test_what_was_handed_over_becomes_what_mixtral_accepts(name: str) -> None:
    body = read(name)
    seen = FRAMEWORKS[body["framework"]]
    for messages, tools in conversations(body):
        before = frozen(messages)
        request = request_for(body, messages, tools)
        sent = json.loads(request.content)
        assert frozen(messages) == before, "the caller's messages were changed"
        accepted_by_mistral(sent["messages"], tools=sent.get("tools"))
        strictly_alternating(sent["messages"])
        nothing_lost(seen.texts_in(messages), sent["messages"])
        unique_pairs_kept(*seen.calls_and_results(messages), sent["messages"])
        assert sent.get("tools", []) == tools
        again = OxenSettings(base_url="http://127.0.0.1:1", model="open-mixtral-8x22b")
        assert build(again, sent["messages"]).body["messages"] == sent["messages"], "not idempotent"
        assert request_for(body, messages, tools).content == request.content, "not deterministic"


def test_the_recordings_are_worth_it() -> None:
    """As the frameworks hand them over, many of these conversations are refused, by many different rules."""
    refused = {name for name in names() if any(is_refused(read(name), *one) for one in conversations(read(name)))}
    assert len(refused) >= 15, sorted(refused)
    by_driver = [read(name)["driven_by"] for name in names()]
    assert set(by_driver) == set(DRIVERS)
    assert by_driver.count(REAL) >= 15


def is_refused(body: dict[str, Any], messages: list[Any], tools: list[Any]) -> bool:
    sent = json.loads(request_for(body, messages, tools, history="off").content)
    try:
        accepted_by_mistral(sent["messages"], tools=sent.get("tools"))
        strictly_alternating(sent["messages"])
    except (MistralCommonException, AssertionError, ValueError):
        return True
    return False


def test_recordings_hold_the_conversation_and_nothing_of_the_machine() -> None:
    for name in names():
        body = read(name)
        assert body["driven_by"] in DRIVERS, name
        assert body["requests"], name
        text = json.dumps(body)
        assert not re.search(r"timings|per_second|127\.0\.0\.1|localhost|/home/|/tmp/|\.gguf|sk-\w", text), name
        assert len(text) < 40_000, name


def test_the_docs_list_every_recording(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "oxen_integrations.history")
    rows = [row(name, caplog) for name in names()]
    listed = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith(FIXTURE_ROWS)]
    assert sorted(listed) == sorted(rows), "\n".join(rows)


def row(name: str, caplog: pytest.LogCaptureFixture) -> str:
    """A line of the docs: what drove the run, how many requests it made, and which rules repair them."""
    body = read(name)
    caplog.clear()
    for messages, tools in conversations(body):
        request_for(body, messages, tools)
    ran = {rule for record in caplog.records for rule in re.findall(r"([\w-]+) \(\d+\)", record.getMessage())}
    rules = ", ".join(f"`{rule}`" for rule in sorted(ran)) or "none"
    return f"| `{name}` | {DRIVERS[body['driven_by']]} | {len(body['requests'])} | {rules} |"

"""`poe live` against the scripted server: it runs to its end, says what differs, and keeps no key."""

from __future__ import annotations

from pathlib import Path

import pytest

from _oxen_transport.testing import OxenServer, Server
from tools.live import __main__ as live
from tools.live.recording import masked
from tools.support.ideal_model import ideal

KEY = "sk-test-live-run"


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    monkeypatch.setenv("OXEN_API_KEY", KEY)
    monkeypatch.setenv("OXEN_BASE_URL", "")
    return ["live", "--out", str(tmp_path / "replies")]


def test_it_runs_and_reports(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server() as running:
        server = OxenServer(running).plays(ideal)
        server.repeat_last, server.key = True, KEY
        monkeypatch.setattr("sys.argv", [*arguments, "--yes", "--base-url", server.url])
        code = live.main()
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "differs  error_model: it was answered" in printed  # the ideal model knows every name
    assert "ok       stream" in printed or "differs  stream: the first chunk has a role" in printed
    replies = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "replies").iterdir()}
    assert {"live_text.http", "live_stream.http", "live_error_key.http", "live_models.http"} <= set(replies)
    assert "[DONE]" in replies["live_stream.http"]
    assert not [name for name, text in replies.items() if KEY in text]


def test_it_asks_first(arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Server() as running:
        server = OxenServer(running)
        monkeypatch.setattr("sys.argv", [*arguments, "--base-url", server.url])
        monkeypatch.setattr("builtins.input", lambda _: "n")
        assert live.main() == 0
        assert not server.requests + server.catalogue_requests


def test_ids_keep_their_form_alone() -> None:
    text = '{"id": "chatcmpl-5d3b", "tool_call_id":"AbC123xyZ", "created": 17, "key": "sk-test-live-run"}'
    assert masked(text, KEY) == (
        '{"id": "chatcmpl-0a0a", "tool_call_id":"AaA000aaA", "created": 1700000000, "key": "[key]"}'
    )

"""Recordings: made against a real socket, replayed without it, without a key in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import vcr

from _oxen_transport.testing import OxenServer, Server
from _oxen_transport.testing.vcr import vcr_config
from tests.entry_points import KEY, EntryPoint, LangChain, LlamaIndex, each, entry_points


@each(*entry_points(LangChain, LlamaIndex))
def test_record_and_replay(api: EntryPoint, tmp_path: Path) -> None:
    tape = tmp_path / "tape.yaml"
    with Server() as running:
        url = OxenServer(running).says("The ox — 忠实.").url
        with use(tape):
            assert api.ask(api.make(url), temperature=0.5, max_tokens=9).text == "The ox — 忠实."
    written = tape.read_text(encoding="utf-8")
    assert KEY not in written
    assert "authorization" not in written.lower()
    assert ("data: {" in written) is api.streams, "a person cannot read it"
    with use(tape, record_mode="none") as cassette:  # the server has gone
        assert api.ask(api.make(url), max_tokens=9, temperature=0.5).text == "The ox — 忠实."
    assert cassette.all_played


@each(*entry_points(LangChain))
def test_a_key_in_the_prompt_is_not_recorded(api: EntryPoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "a-key-of-no-known-form"
    monkeypatch.setenv("OXEN_API_KEY", secret)
    tape = tmp_path / "tape.yaml"
    with Server() as running:
        server = OxenServer(running).says("Moo.")
        with pytest.raises(Exception, match="the request has an API key"), use(tape):
            api.ask(api.make(server.url, max_retries=0), f"My key is {secret}")
    assert not tape.exists()
    assert not server.requests


@each(*entry_points(LangChain))
def test_a_key_in_the_answer_is_not_recorded(api: EntryPoint, tmp_path: Path) -> None:
    tape = tmp_path / "tape.yaml"
    with Server() as running:
        server = OxenServer(running).says("Use sk-test-0123456789abcdef.")
        with pytest.raises(Exception, match="the response has an API key"), use(tape):
            api.ask(api.make(server.url, max_retries=0))
    assert not tape.exists()


def use(tape: Path, **more: Any) -> Any:
    return vcr.VCR(**vcr_config(), **more).use_cassette(str(tape))

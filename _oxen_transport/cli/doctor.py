"""`oxen-llm doctor`: from the versions to a call, each step with its cure; a failure ends the steps that need it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from _oxen_transport import client_for
from _oxen_transport.catalogue import nearest
from _oxen_transport.cli import network, versions
from _oxen_transport.cli.finding import Finding
from _oxen_transport.errors import OxenConfigError, OxenError
from _oxen_transport.http.config import ConnectionConfig
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from _oxen_transport.settings.login_file import login_file, login_key

HELD_BACK_SECONDS = 0.4  # a stream whose chunks all come at once after so long was held back by something in between


@dataclass
class Doctor:
    """All steps, in order; each may take `timeout` seconds. `calls`: whether to ask the model, for some tokens."""

    model: str
    base_url: str | None = None
    timeout: float = 15.0
    calls: bool = True

    def findings(self) -> Iterator[Finding]:
        """Run the steps, one after the other."""
        yield from versions.findings()
        try:
            settings = _Settings(**self._given())
        except OxenConfigError as error:
            yield Finding("settings", "failure", str(error), "correct the setting that is named")
            return
        yield self._key(settings)
        reached = True
        for finding in network.findings(ConnectionConfig.of(settings), self.timeout):
            yield finding
            reached = reached and finding.status != "failure"
        if not reached:
            return
        yield from self._catalogue(settings)
        if self.calls:
            yield from self._calls(settings)

    def _given(self) -> dict[str, Any]:
        where = {} if self.base_url is None else {"base_url": self.base_url}
        return {"model": self.model, "timeout": self.timeout, "max_retries": 0, **where}

    def _key(self, settings: OxenSettings) -> Finding:
        if os.environ.get("OXEN_API_KEY", "").strip():
            return Finding("key", "ok", "from the environment variable OXEN_API_KEY")
        if login_key(settings.base_url):
            return Finding("key", "ok", f"from the login file {login_file()}")
        cure = "set OXEN_API_KEY, or log in with `oxen config --auth HOST TOKEN`; keys are made at https://www.oxen.ai"
        return Finding("key", "warning", f"none in OXEN_API_KEY, none for this host in {login_file()}", cure)

    def _catalogue(self, settings: OxenSettings) -> Iterator[Finding]:
        try:
            models = client_for(settings).models()
        except OxenError as error:
            yield Finding("catalogue", "warning", str(error), "calls may still work; see the next lines")
            return
        yield Finding("catalogue", "ok", f"{len(models)} models")
        if any(one.id == self.model for one in models):
            yield Finding("model", "ok", f"{self.model} is in the catalogue")
        else:
            close = ", ".join(nearest(models, self.model)) or "`oxen-llm models` lists all"
            yield Finding("model", "failure", f"{self.model} is not in the catalogue", f"use another one: {close}")

    def _calls(self, settings: OxenSettings) -> Iterator[Finding]:
        started = time.perf_counter()
        try:
            client_for(settings).send(build(settings, _question("Say: ox"), call={"max_tokens": 1}))
        except OxenError as error:
            yield Finding("call", "failure", error.message, getattr(error, "advice", "") or "see docs/errors.md")
            return
        yield Finding("call", "ok", f"answered in {time.perf_counter() - started:.2f} s")
        try:
            yield self._stream(settings)
        except OxenError as error:
            yield Finding("stream", "failure", error.message, getattr(error, "advice", "") or "see docs/errors.md")

    def _stream(self, settings: OxenSettings) -> Finding:
        """Whether the words of a stream come one by one."""
        request = build(settings, _question("Count from 1 to 20, in words."), stream=True, call={"max_tokens": 60})
        started = time.perf_counter()
        times = [time.perf_counter() - started for chunk in client_for(settings).stream(request) if chunk.text]
        if len(times) < 3:
            return Finding("stream", "ok", f"{len(times)} chunks: too few to see whether they are held back")
        spread = times[-1] - times[0]
        if times[-1] > HELD_BACK_SECONDS and spread < times[-1] / 20:
            text = f"all {len(times)} chunks came at once, after {times[-1]:.2f} s"
            cure = "something in between holds streams back: switch off buffering of text/event-stream in the proxy"
            return Finding("stream", "warning", text, cure)
        return Finding("stream", "ok", f"{len(times)} chunks, the first after {times[0]:.2f} s")


class _Settings(OxenSettings):
    """Without a key the steps go on, to find out more."""

    _needs_key = False


def _question(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]

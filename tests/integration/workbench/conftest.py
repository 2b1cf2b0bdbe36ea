"""The workbench as its users have it: the real program in a process of its own, a real browser in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from _oxen_transport.testing import FIN, Gate, chunk, chunks, error_body, good, open_stream, reply, sse, streamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from playwright.sync_api import Browser, Page

    from _oxen_transport.testing import Received, Server, Stage, Step

ROOT = Path(__file__).parents[3]
KEY = "sk-made-up-5150"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
LONG = "A long answer about oxen. " * 8_000
MIXTRAL = {
    "id": "open-mixtral-8x22b",
    "display_name": "Mixtral 8x22B",
    "context_length": 64_000,
    "pricing": {"input_cost_per_token": 2e-6, "output_cost_per_token": 6e-6},
    "capabilities": {"input": ["text"], "output": ["text"]},
}
TUNED = {
    "id": "tuned",
    "capabilities": {"input": ["text", "image", "file"], "output": ["text"]},
    "deprecated": True,
    "request_schema": {
        "properties": {
            "heat": {"type": "number", "minimum": 0, "maximum": 2, "default": 1, "description": "randomness"},
            "quality": {"enum": ["low", "high"]},
            "warm": {"type": "boolean"},
            "note": {"type": "string"},
            "anything": None,
            "either": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        }
    },
}
SCRIPTED = ("limited", "keyless", "cut", "gated", "long", "thinker", "hostile")


class Scripts:
    """The service: what it answers depends on the model that is asked for."""

    def __init__(self) -> None:
        self.gate = Gate()

    def __call__(self, request: Received) -> Iterable[Step]:
        if request.method == "GET":
            rows = [MIXTRAL, TUNED, *({"id": name} for name in SCRIPTED)]
            return reply({"object": "list", "data": rows})
        model = request.json["model"]
        answers: dict[str, Any] = {
            "limited": reply(error_body("too many oxen"), 429),
            "keyless": reply(error_body("Invalid API key"), 401),
            "vanished": reply(error_body("Model not found: vanished"), 404),
            "cut": [*open_stream(sse(chunks("half an ", finish_reason=None), done=False)), FIN],
            "gated": [*open_stream(sse([chunk("first words")], done=False)), self.gate, b"0\r\n\r\n"],
            "long": streamed(sse(chunks(LONG))),
            "thinker": streamed(sse([chunk({"reasoning_content": "hm, oxen"}), *chunks("**strong** animals")])),
            "hostile": streamed(sse(chunks(hostile(request)))),
        }
        return answers.get(model) or good(request)


def hostile(request: Received) -> str:
    """Markdown that would run a script, and fetch an image with the conversation in its address."""
    host = request.headers["host"]
    return f"<img src=x onerror='window.stolen=1'><script>window.stolen=1</script>\n\n![](http://{host}/leak?ox)\n\nend"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Headless Chromium, with an empty profile."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    pytest.importorskip("nicegui", reason="no nicegui: pip install 'oxen-integrations[workbench]'")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no browser: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield running
        running.close()


@contextmanager
def workbench(base_url: str, key: str = "") -> Iterator[str]:
    """The program, as a user starts it. Gives: its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "OXEN_BASE_URL": base_url, "OXEN_API_KEY": key}
    del environment["PYTEST_CURRENT_TEST"]  # NiceGUI would take itself to be under test
    command = [sys.executable, "-m", "examples.workbench", "--port", str(port), "--no-browser"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - ours
        try:
            _wait_for(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while not _answers(url):
        assert process.poll() is None, "the workbench did not start"
        assert time.monotonic() < end, "the workbench does not answer"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="package")
def scripts() -> Scripts:
    return Scripts()


@pytest.fixture(scope="package")
def stage(server: Server, scripts: Scripts) -> Stage:
    return server.stage(scripts)


@pytest.fixture(scope="package")
def bench(stage: Stage, browser: Browser) -> Iterator[str]:
    """A workbench before the scripted service; not started where there is no browser."""
    with workbench(stage.url, KEY) as url:
        yield url


@pytest.fixture
def page(browser: Browser, bench: str) -> Iterator[Page]:
    """A new page of the workbench. No script on it may fail, and nothing may come from elsewhere."""
    yield from opened(browser, bench)


def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page in a context of its own, which may use the clipboard."""
    options = {"viewport": {"width": 1300, "height": 900}, **options}
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
    context.set_default_timeout(30_000)
    page = context.new_page()
    failures: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("requestfinished", lambda request: elsewhere.append(request.url))
    page.goto(url)
    page.locator(".wb-column").first.wait_for()
    yield page
    context.close()
    assert failures == []
    assert [each for each in elsewhere if not each.startswith((url, "data:", "blob:"))] == []

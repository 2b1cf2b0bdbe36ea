"""A user at the workbench, in a real browser: choose, tune, run, compare, copy, share."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.testing import ANSWER
from tests.integration.workbench.conftest import KEY, opened, workbench
from tests.integration.workbench.user import ask, choose, column, facts, picture, select

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from _oxen_transport.testing import Stage
    from tests.integration.workbench.conftest import Scripts

pytestmark = [pytest.mark.xdist_group("real model"), pytest.mark.timeout(120)]

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
WATCH = """window.seen = [...document.querySelectorAll(".wb-answer")].map(answer => {
    const texts = new Set();
    new MutationObserver(() => texts.add(answer.innerText)).observe(answer, {subtree: true, childList: true});
    return texts;
})"""


def asked(stage: Stage) -> Any:
    """The last chat request that reached the service; the catalogue is read in between."""
    return next(request for request in reversed(stage.requests) if request.method == "POST").json


def test_two_temperatures_on_a_real_model(browser: Browser, local_model_url: str, tmp_path: Path) -> None:
    """Open, choose, tune, run two, see both stream, diff, copy from the API tab, and run what was copied."""
    with workbench(local_model_url) as url:
        for page in opened(browser, url):
            column(page).locator(".wb-system textarea").fill("You are a careful writer.")
            ask(page, "Write one sentence about an ox.")
            column(page).get_by_text("Parameters", exact=True).click()
            column(page).locator(".wb-param-temperature input").fill("0")
            column(page).locator(".wb-param-max_tokens input").fill("40")
            column(page).get_by_text("Parameters (2 changed)").click()
            page.locator(".wb-add").click()
            column(page, 1).get_by_text("Parameters (2 changed)").click()
            column(page, 1).locator(".wb-param-temperature input").fill("1.5")
            column(page, 1).get_by_text("Parameters (2 changed)").click()
            page.evaluate(WATCH)
            page.locator(".wb-run-all").click()
            for number in (0, 1):
                facts(page, "finish reason:", number)
                assert re.search(r"tokens/s · \d+ in, \d+ out", column(page, number).locator(".wb-facts").inner_text())
            answers = [column(page, number).locator(".wb-answer").inner_text() for number in (0, 1)]
            assert all(len(answer) > 20 for answer in answers)
            assert all(seen > 2 for seen in page.evaluate("window.seen.map(texts => texts.size)")), "they stream"
            if answers[0] != answers[1]:
                page.locator(".wb-diff ins").first.wait_for()
            column(page).get_by_role("tab", name="API").click()
            column(page).locator(".wb-code", has_text='"max_tokens"').wait_for()
            column(page).locator(".wb-copy").click()
            page.get_by_text("Copied").wait_for()
            copied = page.evaluate("navigator.clipboard.readText()")
            column(page, 1).get_by_text("Parameters (2 changed)").click()
            column(page, 1).locator(".wb-param-temperature").wait_for()
            page.get_by_text("Copied").wait_for(state="hidden")
            picture(page, "desktop", tmp_path)
            ran = subprocess.run(["bash"], input=copied.encode(), capture_output=True, check=True)  # noqa: S607
            pieces = [json.loads(line[6:]) for line in ran.stdout.decode().split("\n") if line.startswith("data: {")]
            copied_answer = "".join(
                piece["choices"][0]["delta"].get("content") or "" for piece in pieces if piece["choices"]
            )
            assert copied_answer.split() == answers[0].split(), "temperature 0: the same request, the same answer"


def test_a_form_from_the_schema_sends_only_what_was_changed(page: Page, stage: Stage) -> None:
    choose(page, "tuned")
    column(page).locator(".wb-summary", has_text="deprecated").wait_for()
    ask(page, "Hello")
    column(page).get_by_text("Parameters", exact=True).click()
    column(page).locator(".wb-param-heat input").fill("1.5")
    select(page, column(page).locator(".wb-param-quality"), "high")
    column(page).locator(".wb-param-warm").click()
    column(page).locator(".wb-param-note textarea").fill("two\nlines")
    column(page).locator(".wb-param-anything textarea").fill('{"deep": [1]}')
    column(page).get_by_text("Parameters (5 changed)").wait_for()
    column(page).locator(".wb-param-anything textarea").fill("{not JSON")
    column(page).get_by_text("not JSON, and not sent").wait_for()
    column(page).locator(".wb-run").click()
    facts(page, "done")
    assert asked(stage) == {
        "model": "tuned",
        "messages": [{"role": "user", "content": "Hello"}],
        "heat": 1.5,
        "quality": "high",
        "warm": True,
        "note": "two\nlines",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    column(page).get_by_label("heat", exact=True).locator("[tabindex]").press("ArrowRight")
    column(page).locator(".wb-parameters").get_by_role("button", name="not sent").first.click()
    column(page).get_by_text("Parameters (3 changed)").wait_for()
    column(page).locator(".wb-run").click()
    assert stage.wait(lambda stage: asked(stage).get("heat") == 1.51)
    assert "warm" not in asked(stage)
    facts(page, "done")
    column(page).locator(".wb-stream").click()
    column(page).locator(".wb-run").click()
    assert stage.wait(lambda stage: "stream" not in asked(stage))
    facts(page, "finish reason: stop")


def test_an_answer_shows_its_price_tokens_and_speed_and_ctrl_enter_runs(page: Page, stage: Stage) -> None:
    ask(page, "Why do oxen pull in pairs?")
    column(page).locator(".wb-tokens", has_text=re.compile(r"^\d+ tokens$")).wait_for()
    column(page).locator(".wb-user textarea").press("Control+Enter")
    facts(page, "11 in, 8 out · $0.000070 · finish reason: stop")
    assert column(page).locator(".wb-answer").inner_text().strip() == ANSWER
    column(page).locator(".wb-reply").click()
    ask(page, "And horses?")
    column(page).locator(".wb-run").click()
    assert stage.wait(lambda stage: len(asked(stage)["messages"]) == 3)
    assert [message["role"] for message in asked(stage)["messages"]] == ["user", "assistant", "user"]


def test_stop_in_the_middle_closes_the_upstream_connection(page: Page, scripts: Scripts, stage: Stage) -> None:
    choose(page, "gated")
    ask(page, "x")
    column(page).locator(".wb-run").click()
    column(page).locator(".wb-answer", has_text="first words").wait_for()
    assert stage.busy_connections()
    column(page).locator(".wb-stop").click()
    facts(page, "stopped")
    assert stage.released(20)
    column(page).locator(".wb-run").click()
    assert stage.wait(lambda stage: bool(stage.busy_connections()))
    page.close()
    assert stage.released(20), "a page that is closed stops what it runs"


def test_reasoning_is_folded_away_and_markdown_is_drawn(page: Page) -> None:
    choose(page, "thinker")
    column(page).locator(".wb-run").click()
    column(page).locator(".wb-answer strong", has_text="strong").wait_for()
    reasoning = column(page).get_by_text("hm, oxen")
    assert not reasoning.is_visible()
    column(page).get_by_text("Reasoning").click()
    reasoning.wait_for()


def test_tools_and_a_picture_reach_the_request(page: Page, stage: Stage) -> None:
    choose(page, "tuned")
    ask(page, "what is it?")
    column(page).get_by_text("Tools", exact=True).click()
    column(page).locator(".wb-tools textarea").fill(json.dumps([TOOL]))
    pixel = b"\x89PNG not really"
    column(page).get_by_text("Image or PDF").click()
    column(page).locator(".wb-upload input[type=file]").set_input_files(
        {"name": "ox.png", "mimeType": "image/png", "buffer": pixel}
    )
    column(page).locator(".wb-file", has_text="ox.png").wait_for()
    column(page).locator(".wb-run").click()
    facts(page, "done")
    (message,) = asked(stage)["messages"]
    assert [part["type"] for part in message["content"]] == ["text", "image_url"]
    assert asked(stage)["tools"] == [TOOL]
    column(page).locator(".wb-tools textarea").fill("{")
    column(page).locator(".wb-run").click()
    column(page).locator(".wb-cause", has_text="the tools are not JSON").wait_for()


def test_the_link_and_the_file_hold_the_work_and_no_key(page: Page, tmp_path: Path) -> None:
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    page.reload()
    select(page, page.locator(".wb-preset"), "Mathematics: a proof")
    page.locator(".wb-add").click()
    ask(page, "żółć 🐂", 1)
    column(page, 1).get_by_role("tab", name="API").click()
    column(page, 1).locator(".wb-code", has_text="🐂").wait_for()
    page.locator(".wb-link").click()
    page.get_by_text("Link copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto("about:blank")
    page.goto(link)
    column(page, 1).wait_for()
    typed = [column(page, number).locator(".wb-user textarea").input_value() for number in (0, 1)]
    assert typed == ["Prove that the square root of 2 is irrational.", "żółć 🐂"]
    with page.expect_download() as download:
        page.locator(".wb-save").click()
    saved = tmp_path / "saved.json"
    download.value.save_as(saved)
    column(page, 1).get_by_label("Remove column").click()
    page.locator(".wb-load").click()
    page.locator(".wb-load-file input[type=file]").set_input_files(saved)
    column(page, 1).locator(".wb-user").wait_for()
    texts: list[Any] = [page.content(), link, saved.read_text(encoding="utf-8"), *frames]
    assert any("stream_options" in text for text in frames), "the API tab came this way"
    assert [text for text in texts if KEY in text] == []


def test_it_reads_on_a_narrow_screen_and_in_the_dark(browser: Browser, bench: str, tmp_path: Path) -> None:
    for page in opened(browser, bench, viewport={"width": 390, "height": 800}):
        select(page, page.locator(".wb-preset"), "Code: a function and its test")
        page.locator(".wb-add").click()
        column(page, 1).get_by_role("tab", name="API").click()
        page.locator(".wb-run-all").click()
        facts(page, "done", 0)
        column(page).get_by_role("tab", name="API").click()
        column(page).locator(".wb-code", has_text="curl").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        picture(page, "narrow", tmp_path)
    for page in opened(browser, bench, color_scheme="dark"):
        ask(page, "Write a function.")
        column(page).locator(".wb-run").click()
        facts(page, "done")
        assert "body--dark" in (page.locator("body").get_attribute("class") or "")
        column(page).get_by_role("tab", name="API").click()
        column(page).locator(".wb-code", has_text="curl").wait_for()
        picture(page, "dark", tmp_path)
        page.locator(".wb-dark").click()
        page.locator("body.body--light").wait_for()

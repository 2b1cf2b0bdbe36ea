"""What can go wrong at the workbench, in a real browser: the column shows it, and the page lives on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from _oxen_transport.testing import closed_port
from tests.integration.workbench.conftest import LONG, ROOT, opened, workbench
from tests.integration.workbench.user import ask, choose, column, facts, picture

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from _oxen_transport.testing import Stage

pytestmark = [pytest.mark.xdist_group("real model"), pytest.mark.timeout(120)]


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("limited", ("too many oxen", "slow down with a rate limiter", "")),
        ("keyless", ("Invalid API key", "Check api_key or OXEN_API_KEY", "")),
        ("cut", ("", "`.partial`", "half an")),
    ],
)
def test_a_failure_is_shown_with_its_cause_and_cure(
    model: str, shown: tuple[str, str, str], page: Page, tmp_path: Path
) -> None:
    cause, cure, left = shown
    choose(page, model)
    ask(page, "x")
    column(page).locator(".wb-run").click()
    facts(page, "failed")
    error = column(page).locator(".wb-error")
    error.wait_for()
    assert cause in error.locator(".wb-cause").inner_text()
    assert cure in error.locator(".wb-cure").inner_text()
    assert left == column(page).locator(".wb-answer").inner_text().strip()
    if model == "limited":
        picture(page, "error", tmp_path)
    choose(page, "open-mixtral-8x22b")
    column(page).locator(".wb-run").click()
    facts(page, "done")
    error.wait_for(state="hidden")


def test_a_model_that_vanished_and_an_answer_of_200_kb(page: Page) -> None:
    column(page).locator(".wb-model input").fill("vanished")
    column(page).locator(".wb-model input").press("Enter")
    column(page).locator(".wb-run").click()
    facts(page, "failed")
    assert "vanished" in column(page).locator(".wb-cause").inner_text()
    choose(page, "long")
    column(page).locator(".wb-run").click()
    facts(page, "done")
    assert column(page).locator(".wb-plain").inner_text().strip() == LONG.strip()


def test_an_answer_cannot_run_scripts_or_load_from_elsewhere(page: Page, stage: Stage) -> None:
    choose(page, "hostile")
    column(page).locator(".wb-run").click()
    column(page).locator(".wb-answer", has_text="end").wait_for()
    assert page.evaluate("window.stolen") is None
    assert [request.target for request in stage.server.strays if "leak" in request.target] == []
    assert page.locator(".wb-answer script").count() == 0


def test_a_broken_link_is_said_and_the_page_works(page: Page) -> None:
    page.goto(f"{page.url.split('#')[0]}#eJxnonsense")
    page.locator(".wb-notice", has_text="the link is not whole").wait_for()
    column(page).locator(".wb-run").click()
    facts(page, "done")


def test_no_connection_is_said_and_the_page_works(browser: Browser) -> None:
    with closed_port() as port, workbench(f"http://127.0.0.1:{port}") as url:
        for page in opened(browser, url):
            page.locator(".wb-notice", has_text="The catalogue cannot be read").wait_for()
            column(page).locator(".wb-run").click()
            column(page).locator(".wb-cause", has_text="cannot connect").wait_for(timeout=30_000)


def test_only_this_machine_s_own_name_is_answered(bench: str) -> None:
    assert httpx.get(bench, headers={"Host": "rebound.example"}).status_code == 400
    assert httpx.get(bench, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert httpx.get(bench, headers={"Origin": bench}).status_code == 200
    assert "frame-ancestors 'none'" in httpx.get(bench).headers["content-security-policy"]


def test_nothing_was_written() -> None:
    assert not (ROOT / ".nicegui").exists()

"""What a user does at the workbench, in words."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def column(page: Page, number: int = 0) -> Locator:
    return page.locator(".wb-column").nth(number)


def choose(page: Page, model: str, number: int = 0) -> None:
    """Type into the picker, and take what it finds."""
    picker = column(page, number).locator(".wb-model input")
    picker.fill(model)
    page.get_by_role("option", name=re.compile(rf"^{re.escape(model)}\b")).first.click()


def select(page: Page, box: Locator, option: str) -> None:
    box.click()
    page.get_by_role("option", name=option, exact=True).click()


def ask(page: Page, text: str, number: int = 0) -> None:
    column(page, number).locator(".wb-user textarea").last.fill(text)


def facts(page: Page, words: str, number: int = 0) -> None:
    """Wait until the line about the run holds these words."""
    column(page, number).locator(".wb-facts", has_text=words).wait_for()


def picture(page: Page, name: str, tmp_path: Path) -> None:
    """A screenshot; `poe screenshots` keeps them for the docs."""
    folder = Path(os.environ.get("OXEN_SCREENSHOTS") or tmp_path)
    path = folder / f"workbench-{name}.png"
    page.screenshot(path=path, full_page=True, animations="disabled")
    assert path.stat().st_size > 10_000

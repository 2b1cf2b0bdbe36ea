"""`python -m tools.site_pictures`: the built site in a real browser, kept in docs/pictures; fails if a page fails.

Needs the site (`poe docs`), playwright, and a Chromium that is installed already.
"""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "pictures"
DESKTOP = {"width": 1280, "height": 760}
PHONE = {"width": 390, "height": 760}


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder at an address of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def search(page: Page) -> None:
    """Ask the site's own search for an error's name."""
    page.keyboard.press("/")
    page.locator("input:visible").last.fill("OxenTruncatedStreamError")
    page.get_by_text("results").wait_for()


SHOTS: dict[str, tuple[str, dict[str, int], dict[str, Any], Any]] = {
    "start": ("index.html", DESKTOP, {}, None),
    "guide": ("deployment.html", DESKTOP, {}, None),
    "reference": ("reference.html", DESKTOP, {}, None),
    "search": ("index.html", DESKTOP, {}, search),
    "dark": ("guide.html", DESKTOP, {"color_scheme": "dark"}, None),
    "narrow": ("index.html", PHONE, {"is_mobile": True, "has_touch": True}, None),
}
"""Name -> page, size, options of the browser, and what to do before the picture is taken."""


def take(browser: Any, url: str, name: str) -> list[str]:
    """One picture. Returns: what went wrong on the page."""
    path, size, options, act = SHOTS[name]
    context = browser.new_context(viewport=size, reduced_motion="reduce", **options)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(f"{name}: {error}"))
    page.on("request", lambda request: request.url.startswith((url, "data:", "blob:")) or wrong.append(request.url))
    page.on(
        "response", lambda response: response.status < 400 or wrong.append(f"{name}: {response.status} {response.url}")
    )
    page.goto(f"{url}/{path}", wait_until="networkidle")
    if act:
        act(page)
    if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
        wrong.append(f"{name}: wider than the window")
    page.screenshot(path=FOLDER / f"{name}.png")
    context.close()
    return wrong


def main() -> int:
    """Take all. Returns: the exit code."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise SystemExit("no browser: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    with served(ROOT / "site") as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        wrong = [line for name in SHOTS for line in take(browser, url, name)]
        browser.close()
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

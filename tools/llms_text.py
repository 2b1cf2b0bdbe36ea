"""`llms.txt` and `llms-full.txt` (https://llmstxt.org) beside the built site: `python -m tools.llms_text`.

The pages and their order are those of the site's navigation.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


INCLUDED = re.compile(r"\{% include-markdown \"(.+?)\" %\}")


def text(page: Path) -> str:
    """A page as its readers see it: with the files that it includes."""
    return INCLUDED.sub(lambda match: (page.parent / match[1]).read_text(encoding="utf-8"), page.read_text("utf-8"))


def pages(nav: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Title and file of each page."""
    for entry in nav:
        for title, target in entry.items():
            if isinstance(target, str):
                yield title, target
            else:
                yield from pages(target)


def config() -> dict[str, Any]:
    """The site's configuration."""
    found: dict[str, Any] = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    return found


def index(project: dict[str, Any]) -> str:
    """The short form: one link for each page."""
    links = [f"- [{title}]({target})" for title, target in pages(project["nav"])]
    return (
        f"# {project['site_name']}\n\n> {project['site_description']}\n\n## Documentation\n\n" + "\n".join(links) + "\n"
    )


def whole(project: dict[str, Any]) -> str:
    """The long form: the text of every page. The classes' reference is left out, as it is made from the code."""
    names = [target for _, target in pages(project["nav"]) if target != "reference.md"]
    return "\n".join(text(DOCS / name) for name in names)


def main() -> None:
    """Write both, and the pages that the short one links to."""
    project = config()
    site = ROOT / project["site_dir"]
    (site / "llms.txt").write_text(index(project), encoding="utf-8")
    (site / "llms-full.txt").write_text(whole(project), encoding="utf-8")
    for _, target in pages(project["nav"]):
        (site / target).write_text(text(DOCS / target), encoding="utf-8")


if __name__ == "__main__":
    main()

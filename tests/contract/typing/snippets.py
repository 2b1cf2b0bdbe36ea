"""Every piece of Python that a user may copy from here, as files for type checkers."""

from __future__ import annotations

import doctest
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import langchain_oxen
import llama_index_oxen

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def write(folder: Path) -> list[Path]:
    """Put all of them into a folder. Returns: the files."""
    files = []
    for name, code in (*_readme(), *_docstrings()):
        path = folder / f"{name}.py"
        path.write_text(code, encoding="utf-8")
        files.append(path)
    return files


def _readme() -> Iterator[tuple[str, str]]:
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    yield "readme", "\n".join(blocks)


def _docstrings() -> Iterator[tuple[str, str]]:
    for package in (langchain_oxen, llama_index_oxen):
        for name in package.__all__:
            text = inspect.getdoc(getattr(package, name)) or ""
            blocks = [textwrap.dedent(block) for block in BLOCK.findall(text)]
            blocks += [example.source for example in doctest.DocTestParser().get_examples(text)]
            if blocks:  # within a coroutine, as there may be an `await`
                body = textwrap.indent("\n".join(blocks), "    ")
                yield f"{package.__name__}_{name}", f"async def main() -> None:\n{body}"

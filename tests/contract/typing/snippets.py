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


def write(folder: Path) -> None:
    """Put all of them into a folder, with the file that states what types a user gets."""
    for name, code in (*_readme(), *_docstrings(), *_examples()):
        (folder / f"{name}.py").write_text(code, encoding="utf-8")


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


def _examples() -> Iterator[tuple[str, str]]:
    for framework in ("langchain", "llama_index"):
        for path in (ROOT / "examples" / framework).glob("*.py"):
            yield f"example_{framework}_{path.stem}", path.read_text(encoding="utf-8")
    yield "correct", Path(__file__).with_name("correct.py").read_text(encoding="utf-8")

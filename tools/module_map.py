"""The map of modules in CONTRIBUTING.md, generated from their docstrings: `python -m tools.module_map` writes it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "CONTRIBUTING.md"
PACKAGES = ("_oxen_transport", "langchain_oxen", "llama_index_oxen")
BEGIN, END = "<!-- the map: python -m tools.module_map -->\n", "<!-- the end of the map -->\n"


def module_map(root: Path = ROOT) -> str:
    """Every module with the first sentence of its docstring, package by package, the files before the folders."""
    return "\n".join("".join(_folder(root / package, 0)) for package in PACKAGES)


def _folder(folder: Path, depth: int) -> list[str]:
    own = folder / "__init__.py"
    lines = [_line(f"{folder.name}/", own, depth)] if own.exists() else [f"{'  ' * depth}{folder.name}/\n"]
    lines += [_line(file.name, file, depth + 1) for file in sorted(folder.glob("*.py")) if file != own]
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.py"))):
        lines += _folder(below, depth + 1)
    return lines


def _line(name: str, file: Path, depth: int) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = " ".join(docstring.partition("\n\n")[0].split())
    about = re.split(r"(?<=[^.][^.])\. (?=[A-Z`])", first)[0].rstrip(".")
    return f"{'  ' * depth}{name}".ljust(29) + f" {about}\n"


def page(text: str, root: Path = ROOT) -> str:
    """CONTRIBUTING.md with its map replaced by that of the tree."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}```text\n{module_map(root)}```\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""Writes `_oxen_transport/known_models.py` anew: the ids of chat models, so that editors complete them.

python -m tools.refresh_known_models                    from the catalogue, `GET /models`
python -m tools.refresh_known_models --docs CLONE       from a clone of https://github.com/Oxen-AI/docs
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from _oxen_transport.model import OxenCatalogue

TARGET = Path(__file__).parents[1] / "_oxen_transport" / "known_models.py"
PAGES = "inference-api/reference/models"
MODULE = '''"""The chat models that Oxen lists, so that editors complete their ids; any other id works, too.

Written by `python -m tools.refresh_known_models` from {source}.
"""

from typing import Literal, TypeAlias

KnownModel: TypeAlias = Literal[
{rows}
]
'''


def ids_in_docs(clone: Path) -> list[str]:
    """The ids of the documentation's model pages whose example goes to `/chat/completions`."""
    pages = [page.read_text(encoding="utf-8") for page in sorted((clone / PAGES).glob("*.mdx"))]
    found = [re.search(r"\*\*Model ID:\*\* `([^`]+)`", page) for page in pages if "/chat/completions" in page]
    return [match[1] for match in found if match]


def module(ids: Iterable[str], source: str) -> str:
    """The text of the module."""
    return MODULE.format(source=source, rows="\n".join(f'    "{name}",' for name in sorted(set(ids))))


def main() -> None:
    """Read one of the two sources, write the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, help="a clone of https://github.com/Oxen-AI/docs")
    clone = parser.parse_args().docs
    if clone:
        ids, source = ids_in_docs(clone), "https://github.com/Oxen-AI/docs"
    else:
        catalogue = OxenCatalogue()
        ids, source = [info.id for info in catalogue.list_models() if info.is_chat], f"{catalogue.base_url}/models"
    if not ids:
        raise SystemExit(f"no chat model found in {source}; {TARGET.name} is left as it is")
    TARGET.write_text(module(ids, source), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The table's own column holds, row by row. The others are measured with the extra `compare`."""

from __future__ import annotations

from pathlib import Path

import pytest

from _oxen_transport.testing import Server
from tools.compare.langchain import BEGIN, END, table, write
from tools.compare.langchain_rows import ROWS
from tools.compare.subjects import SUBJECTS, chat_oxen


@pytest.mark.parametrize("title", ROWS)
def test_chat_oxen_has_no_no(server: Server, title: str) -> None:
    assert ROWS[title](chat_oxen, server).startswith("yes")


def test_the_table_goes_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.compare.langchain.version", lambda package: "1.0")
    page = tmp_path / "README.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n")
    cells = {name: dict.fromkeys(ROWS, "yes") for name in SUBJECTS}
    write(table(cells), page)
    write(table({**cells, "ChatOxen": dict.fromkeys(ROWS, "no: it broke")}), page)
    text = page.read_text()
    assert "old" not in text
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.startswith("# Title")
    assert text.endswith("The end.\n")
    assert f"| **Rows without a no, of {len(ROWS)}** | 0 | {len(ROWS)} |" in text

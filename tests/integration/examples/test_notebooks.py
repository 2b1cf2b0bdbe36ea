"""The notebooks run against the real local model, and those that are kept with their output are the same."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
import pytest

from tools.notebooks import SOURCES, executed

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_notebook_runs(source: Path, local_model_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_BASE_URL", local_model_url)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of the kernel
    code = [cell for cell in executed(source).cells if cell.cell_type == "code"]
    shown = "".join(str(output.get("text") or output.get("data")) for cell in code for output in cell.outputs)
    assert "get_weather" in shown
    assert "Bob" in shown


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_kept_notebook_is_that_of_the_source(source: Path) -> None:
    kept, text = nbformat.read(source.with_suffix(".ipynb"), as_version=4), jupytext.read(source)
    assert [cell.source for cell in kept.cells] == [cell.source for cell in text.cells], (
        "run: python -m tools.notebooks"
    )
    shown = [output.output_type for cell in kept.cells if cell.cell_type == "code" for output in cell.outputs]
    assert len(shown) >= 5
    assert "error" not in shown

"""`python -m tools.notebooks`: run the notebooks, and keep them with their output beside their text.

Without OXEN_API_KEY and OXEN_BASE_URL a small model on this machine answers.
"""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
SOURCES = sorted(FOLDER.glob("*.md"))


def executed(source: Path) -> nbformat.NotebookNode:
    """A notebook with its output. Raises: nbclient.exceptions.CellExecutionError, with the cell and its error."""
    notebook = jupytext.read(source)
    notebook.metadata.pop("jupytext", None)
    NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False, coalesce_streams=True).execute()
    notebook.metadata.pop("language_info", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # the same in every run
    return notebook


def main() -> None:
    """Write each beside its source."""
    from examples.support import connection

    connection()
    for source in SOURCES:
        nbformat.write(executed(source), source.with_suffix(".ipynb"))
        print(source.with_suffix(".ipynb").name)


if __name__ == "__main__":
    main()

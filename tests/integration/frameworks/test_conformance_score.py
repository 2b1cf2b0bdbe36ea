"""The conformance suite itself: it can fail, it knows no provider, and its cards say what happened."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from llama_index_oxen.testing import conformance
from llama_index_oxen.testing.conformance import GROUPS
from tools.conformance import score

SUITE = Path(conformance.__file__).parent

POOR = """
from llama_index_oxen.testing.conformance import StructuredTests
from tests.integration.llama_index_oxen.test_core_defects import CoreAlone

class TestPoor(StructuredTests):
    llm_class = CoreAlone

    def pointed_at(self, url):
        return {"base_url": url}
"""


def test_it_fails_a_class_with_cores_bugs(tmp_path: Path) -> None:
    candidate = tmp_path / "poor.py"
    candidate.write_text(textwrap.dedent(POOR))
    made = score.card(candidate)
    assert made is not None
    assert made["name"] == "Poor"
    [(group, tests)] = made["tests"].items()
    assert group == "StructuredTests"
    failed = {name.partition("[")[0] for name, outcome in tests.items() if outcome == "failed"}
    assert failed >= {"test_the_form_is_forced", "test_the_system_prompt_is_there_once", "test_a_generic_class"}
    assert tests["test_it_ends_in_the_object[structured_predict]"] == "passed"


def test_a_candidate_that_cannot_be_imported_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    candidate = tmp_path / "absent.py"
    candidate.write_text("import no_such_package_7731\n")
    assert score.card(candidate) is None
    assert "no_such_package_7731" in capsys.readouterr().err


def test_it_knows_no_provider_and_nothing_of_ours_but_the_server() -> None:
    for path in SUITE.glob("*.py"):
        imported = set(re.findall(r"^(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        ours = {
            name for name in imported if "oxen" in name and not name.startswith("llama_index_oxen.testing.conformance")
        }
        assert ours <= {"_oxen_transport.testing"}, path.name


def test_every_group_is_there() -> None:
    assert [group.__name__.removesuffix("Tests") for group in GROUPS] == [
        *("Chat", "Stream", "Async", "Tool", "Structured", "Agent", "Event", "Accounting"),
        *("Serialization", "Secret", "Loop", "Fault", "Parity"),
    ]


def test_what_is_switched_off_does_not_count() -> None:
    cards = [
        {"name": "One", "tests": {"ChatTests": {"a": "passed", "b": "failed", "c": "skipped"}}},
        {"name": "Two", "tests": {"ChatTests": {"a": "passed", "b": "passed", "c": "passed"}}},
    ]
    table = score.markdown(cards, {"llama-index-core": "0.14"})
    assert "| Chat | 1/2 | 3/3 |" in table
    assert "| **all** | **1/2** | **3/3** |" in table
    assert "Measured with llama-index-core 0.14." in table


def test_the_table_goes_between_its_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("above\n<!-- conformance -->\nold\n<!-- /conformance -->\nbelow\n")
    score.fill(readme, "new")
    score.fill(readme, "new")
    assert readme.read_text() == "above\n<!-- conformance -->\n\nnew\n\n<!-- /conformance -->\nbelow\n"
    readme.write_text("no marks")
    with pytest.raises(SystemExit, match="conformance"):
        score.fill(readme, "new")

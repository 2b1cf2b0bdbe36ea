"""What others are given to list and to read: rows with the keys they want, and skills for coding agents that hold."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from _oxen_transport.families import family
from _oxen_transport.settings.params import DEFAULT_MODEL
from _oxen_transport.settings.settings import DEFAULT_BASE_URL
from _oxen_transport.testing import OxenServer

ROOT = Path(__file__).parents[2]
LISTINGS = ROOT / "docs" / "listings"
SKILLS = sorted(ROOT.glob("*/.agents/skills/*/SKILL.md"))


def test_langchains_row_has_the_keys_of_their_table() -> None:
    (row,) = yaml.safe_load((LISTINGS / "langchain.yaml").read_text())["python"]["chat"]
    assert list(row) == ["name", "pypi", "docs_url", "stream", "tool_calling", "structured_output", "multimodal"]
    assert (ROOT / "packaging" / row["pypi"]).is_dir()


def test_the_path_of_the_class_leads_to_it() -> None:
    given = tomllib.loads((LISTINGS / "deepagents.toml").read_text())["models"]
    provider, model = given["default"].split(":")
    module, name = given["providers"][provider]["class_path"].split(":")
    assert getattr(importlib.import_module(module), name)(api_key="sk-test").model == model


def test_the_directory_of_models_says_what_this_library_says() -> None:
    provider = tomllib.loads((LISTINGS / "models.dev-provider.toml").read_text())
    assert (provider["api"], provider["env"]) == (DEFAULT_BASE_URL, ["OXEN_API_KEY"])
    model = tomllib.loads((LISTINGS / f"models.dev-{DEFAULT_MODEL}.toml").read_text())
    known = family(DEFAULT_MODEL)
    assert model["limit"]["context"] == known.context_window
    assert (model["modalities"]["input"] == ["text"]) is known.text_only


def test_llamahubs_form_is_filled_in_and_its_metadata_lead_to_the_class() -> None:
    form = yaml.safe_load((LISTINGS / "llamahub.yaml").read_text())
    assert list(form) == ["title", "feature-description", "why-feature", "value-add"]
    project = tomllib.loads((ROOT / "packaging" / "llama-index-llms-oxen" / "pyproject.toml").read_text())
    hub = project["tool"]["llamahub"]
    assert f"from {hub['import_path']} import Oxen" in form["feature-description"]
    namespace = importlib.import_module("llama_index_oxen.namespace")  # the wheel has it at import_path
    assert set(hub["class_authors"]) == {namespace.Oxen.__name__}
    for file in re.findall(r"[\w/]+\.(?:md|ipynb)", " ".join(form.values())):
        assert (ROOT / file).is_file() or file == "CONTRIBUTING.md", file
    (tests,) = re.findall(r"(\d+) tests", form["value-add"])
    assert f"**{tests}/{tests}**" in (ROOT / "docs" / "comparison.md").read_text()


@pytest.mark.parametrize("path", SKILLS, ids=lambda path: path.parent.name)
def test_a_skills_code_runs_and_its_test_passes(path: Path, oxen_server: OxenServer) -> None:
    text = path.read_text(encoding="utf-8")
    head = yaml.safe_load(text.split("---")[1])
    assert head["name"] == path.parent.name
    assert len(head["description"]) < 1024
    oxen_server.says("Hello.")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, str(path), "exec"), names)  # noqa: S102 - our own documentation
    names["test_greeting"](oxen_server)
    assert len(oxen_server.requests) == 3


def test_each_package_has_its_skill() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SKILLS} == {"langchain_oxen", "llama_index_oxen"}

"""The ticks in the notebooks' tables are those that the probes find."""

from __future__ import annotations

import re

import pytest

from _oxen_transport.testing import OxenServer, Server, reply
from tools.compare import features


@pytest.mark.parametrize("name", features.TABLES)
def test_the_table_of_features_is_what_the_probes_find(name: str, server: Server) -> None:
    page = (features.NOTEBOOKS / name).read_text(encoding="utf-8")
    assert f"{features.BEGIN}\n{features.table(features.TABLES[name], server)}\n{features.END}" in page, (
        "run: python -m tools.compare.features"
    )


@pytest.mark.parametrize("table", features.TABLES.values(), ids=features.TABLES)
def test_a_probe_can_fail(table: dict[str, features.Probe], server: Server) -> None:
    """Where the answers hold nothing, no probe finds anything."""

    class Deaf(OxenServer):
        def plays(self, _: object) -> OxenServer:
            return super().plays(reply({"choices": []}))

    found = {title for title, probe in table.items() if features.holds(lambda _, p=probe: p(Deaf(server)), server)}
    assert found == set()


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
def test_the_row_of_details_says_whether_it_is_serializable(server: Server) -> None:
    page = (features.NOTEBOOKS / "langchain.md").read_text(encoding="utf-8")
    (tick,) = re.findall(r"^\| `ChatOxen` \|.*\| (\S+) \| \S+ \|$", page, re.MULTILINE)
    assert (tick == "✅") is features.serializable(OxenServer(server))


def test_langchains_notebook_has_the_headings_of_their_template() -> None:
    page = (features.NOTEBOOKS / "langchain.md").read_text(encoding="utf-8")
    theirs = (  # https://github.com/langchain-ai/docs/blob/main/src/oss/python/integrations/chat/TEMPLATE.mdx
        *("## Overview", "### Details", "### Features", "## Setup", "### Credentials", "### Installation"),
        *("## Instantiation", "## Invocation", "## API reference"),
    )
    assert [line for line in page.splitlines() if line in theirs] == list(theirs)

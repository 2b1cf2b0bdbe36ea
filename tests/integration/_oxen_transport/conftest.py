"""What the tests of the transport share: the server for users' tests, and an installed distribution."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from _oxen_transport.testing import OxenServer, Server


@pytest.fixture
def oxen_server() -> Iterator[OxenServer]:
    with Server() as running:
        yield OxenServer(running)


@pytest.fixture
def installed(tmp_path: Path) -> Callable[[str], Path]:
    """A folder that Python takes for a place with this distribution installed, for its entry points of a group."""

    def install(group: str) -> Path:
        text = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
        lines = [f"{name} = {value}" for name, value in tomllib.loads(text)["project"]["entry-points"][group].items()]
        info = tmp_path / "site" / "oxen_integrations-0.0.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: oxen-integrations\nVersion: 0.0.1\n")
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        return info.parent

    return install

"""Agents and their toolkits where something fails, and `mcp-server-git` on a repository of two commits."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from _oxen_transport.testing import Received, Server, Step
from examples.support import mcp_servers
from examples.support.endings import ExampleError
from tests.integration.examples import model
from tests.integration.examples.running import run, start

both = pytest.mark.parametrize("framework", ["langchain", "llama_index"])
WRONG = "SELECT moo FROM zone"


@pytest.fixture
def environment(server: Server, tmp_path: Path) -> dict[str, str]:
    url = server.stage(model.answer).url
    return {"OXEN_BASE_URL": url, "OXEN_API_KEY": "sk-test", "XDG_CACHE_HOME": str(tmp_path / "cache")}


@both
@pytest.mark.parametrize("name", ["sql_agent", "sql_query"])
def test_sql_that_fails_reaches_the_model_as_text(
    framework: str, name: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "COUNT", WRONG)
    monkeypatch.setattr(model, "CALLS", [(tool, {"query": WRONG}) for tool in ("sql_db_query", "load_data")])
    out, err = run(f"{framework}.{name}", **environment)
    assert WRONG in out
    assert "no such column: moo" in out
    assert "Traceback" not in err


@both
def test_a_database_that_cannot_be_read_is_one_line(framework: str, environment: dict[str, str]) -> None:
    folder = Path(environment["XDG_CACHE_HOME"]) / "oxen-integrations" / "databases"
    folder.mkdir(parents=True)
    (folder / "timezones.sqlite").write_text("this is no database, however long one reads it")
    _, err = run(f"{framework}.sql_query", code=1, **environment)
    assert err.strip().splitlines()[-1].endswith("delete it, and the next run makes it again.")
    assert "Traceback" not in err


@both
def test_a_database_of_ones_own_is_only_read(
    framework: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "100% mine?.sqlite"
    with closing(sqlite3.connect(own)) as held, held:
        held.execute("CREATE TABLE ox (name TEXT)")
    wanted = "INSERT INTO ox VALUES ('Bob')"
    monkeypatch.setattr(model, "COUNT", wanted)
    out, _ = run(f"{framework}.sql_query", "--database", str(own), **environment)
    assert "attempt to write a readonly database" in out


@both
def test_a_database_that_is_missing_is_one_line(framework: str, environment: dict[str, str]) -> None:
    out, err = run(f"{framework}.sql_query", "--database", "nowhere.sqlite", code=1, **environment)
    assert out == ""
    assert err.strip() == "There is no database nowhere.sqlite: name an SQLite file, or leave --database out."
    assert not Path("nowhere.sqlite").exists()


@both
def test_mcp_server_git_reads_a_repository(framework: str, environment: dict[str, str], tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=Ox", "-c", "user.email=ox@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)  # noqa: S603, S607

    git("init")
    git("commit", "--allow-empty", "-m", "Yoke the oxen")
    git("commit", "--allow-empty", "-m", "Plough the field")
    model_calls = [("git_log", {"repo_path": str(tmp_path)})]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "CALLS", model_calls)
        out, _ = run(f"{framework}.mcp_agent", str(tmp_path), "What happened?", **environment)
    assert "calls git_log" in out
    assert "Yoke the oxen" in out
    assert "Plough the field" in out


@both
def test_what_an_mcp_tool_refuses_reaches_the_model_as_text(
    framework: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mars = {"source_timezone": "Mars/Base", "time": "09:00", "target_timezone": "Asia/Tokyo"}
    monkeypatch.setattr(model, "CALLS", [("convert_time", mars)])
    out, err = run(f"{framework}.mcp_agent", **environment)
    assert "No time zone found with key Mars/Base" in out.rpartition("  ai: ")[2]
    assert "Traceback" not in err


SERVER = """
import os, signal
from mcp.server.fastmcp import FastMCP

def convert_time(source_timezone: str, time: str, target_timezone: str) -> str:
    os.kill(os.getpid(), signal.SIGKILL)

server = FastMCP("time")
server.add_tool(convert_time)
server.run()
"""


@both
@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import moo", "did not start (ModuleNotFoundError: No module named 'moo'): see"),
        (SERVER, "ended in the middle of a call, or did not answer it (Connection closed): see"),
    ],
)
def test_an_mcp_server_that_fails_is_one_line(
    framework: str, code: str, what: str, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "mcp_server_time.py").write_text(code)  # found before the real one: it is where the example runs
    _, err = run(f"{framework}.mcp_agent", code=1, cwd=tmp_path, **environment)
    assert err.strip().splitlines()[-1].startswith(f"The MCP server mcp_server_time {what}")
    assert "Traceback" not in err


async def test_an_mcp_server_that_is_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "silent.py").write_text("input()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mcp_servers, "SILENCE", timedelta(milliseconds=1))
    before = psutil.Process().children(recursive=True)
    with pytest.raises(ExampleError, match=r"The MCP server silent did not start \(Timed out while waiting"):
        async with mcp_servers.session("silent"):
            pytest.fail("it answered")
    assert set(psutil.Process().children(recursive=True)) <= set(before)


@both
@pytest.mark.skipif(sys.platform == "win32", reason="a killed process reads otherwise there")
def test_an_mcp_server_that_dies_is_one_line(framework: str, environment: dict[str, str], server: Server) -> None:
    children: list[psutil.Process] = []

    def kill_the_server(request: Received) -> Iterable[Step]:
        if not children and request.path.endswith("/completions"):
            children.extend(psutil.Process(process.pid).children(recursive=True))
            for child in children:
                child.kill()
        return model.answer(request)

    environment["OXEN_BASE_URL"] = server.stage(kill_the_server).url
    with start(f"{framework}.mcp_agent", **environment) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert children
    assert not [child for child in children if child.is_running()]
    assert err.strip().splitlines()[-1].startswith("The MCP server mcp_server_time ended in the middle of a call")
    assert "Traceback" not in err

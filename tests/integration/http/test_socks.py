"""Through a SOCKS proxy, the extra `socks`: answers come, and a proxy that says nothing holds nobody."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from _oxen_transport.errors import OxenConfigError, OxenTimeoutError
from _oxen_transport.http import sync_requests
from _oxen_transport.settings import settings
from _oxen_transport.testing import ANSWER, Server, good
from tests.entry_points import KEY, EntryPoint, Transport, each, entry_points
from tests.integration.faults.secrets_and_resources import watched

pytest.importorskip("socksio", reason="the extra `socks` is not installed")
USER, PASSWORD = b"me", b"pass-4711"


class Proxy(socketserver.BaseRequestHandler):
    """Just enough of https://www.rfc-editor.org/rfc/rfc1928 and rfc1929; it always leads to the test's server."""

    def handle(self) -> None:
        client: socket.socket = self.request
        _, count = client.recv(2)
        methods = client.recv(count)
        client.sendall(b"\x05" + (b"\x02" if b"\x02" in methods else b"\x00"))
        if b"\x02" in methods:
            _, length = client.recv(2)
            user, length = client.recv(length), client.recv(1)[0]
            known = (user, client.recv(length)) == (USER, PASSWORD)
            client.sendall(b"\x01" + (b"\x00" if known else b"\x01"))
        client.recv(4 + 1 + len("api.example.test") + 2)
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        with socket.create_connection(("127.0.0.1", self.server.target)) as upstream:  # type: ignore[attr-defined]
            threading.Thread(target=_pump, args=(upstream, client), daemon=True).start()
            _pump(client, upstream)


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def proxy(server: Server) -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as running:
        running.daemon_threads = True
        running.target = server.port  # type: ignore[attr-defined]
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running.server_address[1]
        running.shutdown()


@each(*entry_points(Transport))
@pytest.mark.parametrize("login", ["", "me:pass-4711@"])
def test_an_answer_comes_through(api: EntryPoint, server: Server, proxy: int, login: str) -> None:
    stage = server.stage(good)
    url = f"http://api.example.test/{stage.name}/api/ai"
    model = api.make(url, allow_insecure_http=True, proxy=f"socks5://{login}127.0.0.1:{proxy}")
    assert api.ask(model).text == ANSWER
    assert stage.requests[0].headers["host"] == "api.example.test"


@each(*entry_points(Transport))
def test_a_proxy_that_says_nothing_holds_nobody(
    api: EntryPoint, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_requests, "HANDSHAKE_SECONDS", 0.3)
    model = api.make(
        "https://api.example.test/api/ai", proxy=f"socks5://127.0.0.1:{silent_port}", max_retries=0, timeout=0.3
    )
    with pytest.raises(OxenTimeoutError) as caught:
        watched(lambda: api.ask(model))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "extra"), [({"http2": True}, "http2"), ({"proxy": "socks5://127.0.0.1:1"}, "socks")]
)
def test_a_missing_extra_is_named_at_once(options: dict[str, Any], extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda _: None)
    with pytest.raises(OxenConfigError, match=rf"pip install 'oxen-integrations\[{extra}\]'"):
        settings.OxenSettings(api_key=KEY, **options)

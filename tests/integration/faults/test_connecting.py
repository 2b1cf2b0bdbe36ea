"""Faults of the way there: no one listens, no one answers, no such name, TLS, stale connections."""

from __future__ import annotations

from pathlib import Path

import pytest

from _oxen_transport.errors import OxenConnectionError, OxenError, OxenTimeoutError, OxenTLSError
from _oxen_transport.testing import ANSWER, Server, good
from tests.certificates import Certificates
from tests.entry_points import EntryPoint, each_scenario
from tests.integration.faults.secrets_and_resources import assert_keeps_secrets, watched

pytestmark = pytest.mark.usefixtures("fast_retries")


def failure(api: EntryPoint, url: str, *kinds: type[OxenError], timeout: float = 20) -> OxenError:
    """The error of a call that cannot succeed."""
    model = api.make(url, timeout=timeout, max_retries=2)
    with pytest.raises(OxenError) as caught:
        watched(lambda: api.ask(model))
    assert isinstance(caught.value, kinds), repr(caught.value)
    assert_keeps_secrets(caught.value)
    return caught.value


def test_nobody_answers(api: EntryPoint, unresponsive_port: int, silent_port: int) -> None:
    """Not the SYN, not the question for a name, not the TLS handshake."""
    for url in (f"http://127.0.0.1:{unresponsive_port}/api/ai", f"https://127.0.0.1:{silent_port}/api/ai"):
        error = failure(api, url, OxenTimeoutError, timeout=0.3)
        assert "no connection to 127.0.0.1" in str(error)
        assert error.attempts == 3, "nothing was sent, so nothing can be paid for twice"
    # .invalid never resolves: https://www.rfc-editor.org/rfc/rfc6761#section-6.4
    failure(api, "https://no-such-host.invalid/api/ai", OxenTimeoutError, OxenConnectionError)


def test_the_server_closed_the_idle_connection(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url, max_retries=0)
    assert api.ask(model).text == ANSWER
    for connection in stage.open_connections():
        server.close(connection)
    assert api.ask(model).text == ANSWER
    assert len(stage.requests) == 2


def test_an_unknown_issuer(api: EntryPoint, certificates: Certificates) -> None:
    with Server(certificates.unknown_issuer) as secure:
        stage = secure.stage(good)
        error = failure(api, stage.url, OxenTLSError)
    assert "certificate" in str(error)
    assert not error.is_retryable
    assert error.attempts == 1
    assert stage.requests == []


@each_scenario("which", ["expired", "wrong_host"])
def test_a_bad_certificate_of_a_trusted_issuer(
    which: str, api: EntryPoint, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with Server(getattr(certificates, which)) as secure:
        stage = secure.stage(good)
        error = failure(api, stage.url, OxenTLSError)
    assert "certificate" in str(error)
    assert stage.requests == []


def test_a_private_authority_of_the_environment_or_of_ones_own(
    api: EntryPoint, tls_server: Server, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = tls_server.stage(good)
    assert api.ask(api.make(stage.url, ca_bundle=str(certificates.authority))).text == ANSWER
    with pytest.raises(OxenTLSError):  # an empty folder trusts nobody
        api.ask(api.make(stage.url, ca_bundle=str(tmp_path)))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    assert api.ask(api.make(stage.url)).text == ANSWER
    assert len(stage.requests) == 2


def test_a_server_that_wants_a_certificate(api: EntryPoint, certificates: Certificates) -> None:
    options = {"ca_bundle": str(certificates.authority), "client_cert": str(certificates.client_pem)}
    with Server(certificates.wants_client_cert) as secure:
        stage = secure.stage(good)
        assert api.ask(api.make(stage.url, **options)).text == ANSWER
        with pytest.raises(OxenConnectionError):
            api.ask(api.make(stage.url, ca_bundle=options["ca_bundle"]))
    assert len(stage.requests) == 1

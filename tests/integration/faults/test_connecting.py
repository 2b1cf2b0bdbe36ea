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


def test_nobody_answers_the_syn(api: EntryPoint, unresponsive_port: int) -> None:
    failure(api, f"http://127.0.0.1:{unresponsive_port}/api/ai", OxenTimeoutError, OxenConnectionError, timeout=0.3)


def test_no_such_name(api: EntryPoint) -> None:
    # .invalid never resolves: https://www.rfc-editor.org/rfc/rfc6761#section-6.4
    failure(api, "https://no-such-host.invalid/api/ai", OxenConnectionError, OxenTimeoutError)


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


def test_a_private_authority_from_the_environment(
    api: EntryPoint, tls_server: Server, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    stage = tls_server.stage(good)
    assert watched(lambda: api.ask(api.make(stage.url))).text == ANSWER
    assert len(stage.requests) == 1


def test_a_private_authority_from_a_folder(
    api: EntryPoint, tls_server: Server, certificates: Certificates, tmp_path: Path
) -> None:
    stage = tls_server.stage(good)
    answer = watched(lambda: api.ask(api.make(stage.url, ca_bundle=str(certificates.authority))))
    assert answer.text == ANSWER
    with pytest.raises(OxenError) as caught:  # an empty folder trusts nobody
        watched(lambda: api.ask(api.make(stage.url, ca_bundle=str(tmp_path))))
    assert isinstance(caught.value, OxenTLSError)


def test_the_handshake_never_ends(api: EntryPoint, silent_port: int) -> None:
    failure(api, f"https://127.0.0.1:{silent_port}/api/ai", OxenTimeoutError, OxenConnectionError, timeout=0.3)


def test_a_server_that_wants_a_certificate(api: EntryPoint, certificates: Certificates) -> None:
    options = {"ca_bundle": str(certificates.authority), "client_cert": str(certificates.client_pem)}
    with Server(certificates.wants_client_cert) as secure:
        stage = secure.stage(good)
        assert watched(lambda: api.ask(api.make(stage.url, **options))).text == ANSWER
        with pytest.raises(OxenConnectionError):
            watched(lambda: api.ask(api.make(stage.url, ca_bundle=options["ca_bundle"])))
    assert len(stage.requests) == 1

"""What connections are made with: the environment's proxy, the files of certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.http.config import ConnectionConfig
from _oxen_transport.settings import OxenSettings
from tests.certificates import Certificates
from tests.tables import each_row

KEY = "sk-made-up-0123456789"


def test_the_environments_proxy_as_desktops_write_it_and_one_of_a_kind_nobody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = ConnectionConfig.of(OxenSettings(api_key=KEY))
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1080/")
    assert config.proxy_url() == "socks5://127.0.0.1:1080/"
    monkeypatch.setenv("HTTPS_PROXY", "ftp://127.0.0.1:1080/")
    with pytest.raises(OxenConfigError, match="HTTPS_PROXY: the scheme 'ftp' is not supported"):
        config.proxy_url()
    for name in ("proxy.example:3128", "me:p%40ss@proxy.example:3128"):
        monkeypatch.setenv("HTTPS_PROXY", name)
        assert config.proxy_url() == f"http://{name}"
    upper = ConnectionConfig.of(OxenSettings(api_key=KEY, proxy="HTTPS://proxy.example:3128"))
    assert upper.proxy_url() == "https://proxy.example:3128"


@each_row(
    ("base_url", "no_proxy", "is_used"),
    [
        ("https://api.example.test/ai", "", True),
        ("https://api.example.test/ai", "example.test", False),
        ("https://api.example.test/ai", "api.example.test:443", False),
        ("https://api.example.test:8443/ai", "api.example.test:443", True),
        ("https://[2001:db8::1]/ai", "2001:db8::1", False),
        ("https://[2001:db8::1]/ai", "[2001:db8::1]:443", False),
        ("https://[2001:db8::1]/ai", "[2001:db8::2]", True),
        ("https://localhost/ai", "", False),
        ("https://[::1]/ai", "", False),
        ("https://127.0.0.1.example.test/ai", "", True),
    ],
)
def test_which_hosts_a_proxy_of_the_environment_is_for(base_url: str, no_proxy: str, is_used: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
        patch.setenv("NO_PROXY", no_proxy)
        found = ConnectionConfig.of(OxenSettings(api_key=KEY, base_url=base_url)).proxy_url()
    assert (found is not None) == is_used


def test_an_encrypted_key_is_refused_without_a_question(tmp_path: Path) -> None:
    files = Certificates(tmp_path)
    config = ConnectionConfig.of(
        OxenSettings(api_key=KEY, client_cert=(str(files.client_pem), str(files.encrypted_key)))
    )
    with pytest.raises(OxenConfigError, match=r"client_cert: the key is encrypted.*decrypt it"):
        config.ssl_context()


def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(OxenConfigError, match=r"cannot read the certificates in .*no\.pem.*check ca_bundle"):
        ConnectionConfig.of(OxenSettings(api_key=KEY, ca_bundle=str(tmp_path / "no.pem"))).ssl_context()

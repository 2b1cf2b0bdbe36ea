"""What connections are made with: the environment's proxy, the files of certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.http.config import ConnectionConfig
from _oxen_transport.settings import OxenSettings

KEY = "sk-made-up-0123456789"


def test_the_environments_proxy_as_desktops_write_it_and_one_of_a_kind_nobody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = ConnectionConfig.of(OxenSettings(api_key=KEY))
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1080/")
    assert config.proxy_url() == "socks5://127.0.0.1:1080/"
    monkeypatch.setenv("HTTPS_PROXY", "ftp://127.0.0.1:1080/")
    with pytest.raises(OxenConfigError, match="HTTPS_PROXY: unknown proxy scheme 'ftp'"):
        config.proxy_url()


def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(OxenConfigError, match=r"cannot read the certificates in .*no\.pem.*check ca_bundle"):
        ConnectionConfig.of(OxenSettings(api_key=KEY, ca_bundle=str(tmp_path / "no.pem"))).ssl_context()

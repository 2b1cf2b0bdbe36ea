"""The key of the official client's login. The file in tests/replies was written by its wheel, oxenai 0.65.1."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.build import build, build_without_body
from _oxen_transport.settings import OxenSettings
from _oxen_transport.settings.login_file import login_key
from tests.tables import each_row
from tools.support.recorded import REPLIES

WRITTEN = (REPLIES / "oxen_login_file.toml").read_text(encoding="utf-8")
HUB = "https://hub.oxen.ai/api/ai"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OXEN_CONFIG_DIR", str(tmp_path))
    (tmp_path / "auth_config.toml").write_text(WRITTEN, encoding="utf-8")
    return tmp_path


def sent(settings: OxenSettings) -> str | None:
    return build(settings, [{"role": "user", "content": "moo"}]).headers().get("Authorization")


@each_row(
    ("url", "key"),
    [
        *((url, "sk-test-login-file") for url in (HUB, "https://HUB.oxen.ai:443/api/ai")),
        ("http://localhost:3001/api/ai", "sk-test-second-login"),
        *((f"{host}/api/ai", None) for host in ("http://localhost", "https://hub.oxen.ai:8443")),
        *((f"{host}/api/ai", None) for host in ("https://hub.oxen.ai.example.com", "https://dev.hub.oxen.ai")),
    ],
)
def test_a_key_is_for_its_host_alone(folder: Path, url: str, key: str | None) -> None:
    assert login_key(url) == key


def test_the_order_of_keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent(OxenSettings()) == "Bearer sk-test-login-file"
    assert build_without_body(OxenSettings(), "/models").headers()["Authorization"] == "Bearer sk-test-login-file"
    monkeypatch.setenv("OXEN_API_KEY", "sk-from-the-environment")
    assert sent(OxenSettings()) == "Bearer sk-from-the-environment"
    assert sent(OxenSettings(api_key="sk-given")) == "Bearer sk-given"


def test_another_host_does_not_get_it(folder: Path) -> None:
    settings = OxenSettings()
    assert sent(settings.model_copy(update={"base_url": "https://elsewhere.example/api/ai"})) is None
    with pytest.raises(OxenConfigError, match="no API key"):
        OxenSettings(base_url="https://elsewhere.example/api/ai")


def test_it_is_in_no_copy_and_no_dump(folder: Path) -> None:
    settings = OxenSettings()
    for text in (repr(settings), str(settings.model_dump()), str(pickle.dumps(settings))):
        assert "sk-test-login-file" not in text
    assert sent(copy.deepcopy(settings)) == "Bearer sk-test-login-file"


def test_a_new_login_is_seen(folder: Path) -> None:
    settings = OxenSettings()
    assert sent(settings) == "Bearer sk-test-login-file"
    (folder / "auth_config.toml").write_text(WRITTEN.replace("login-file", "new-login"), encoding="utf-8")
    assert sent(settings) == "Bearer sk-test-new-login"


@each_row(
    "text",
    [
        "not = [toml",
        "\xff\xfe",
        'host_configs = "none"',
        "[[host_configs]]\nhost = 3",
        "",
        '[[host_configs]]\nhost="hub"',
    ],
)
def test_a_broken_file_gives_no_key_and_at_most_one_warning(
    folder: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    caplog.clear()
    (folder / "auth_config.toml").write_bytes(text.encode("latin-1"))
    settings = OxenSettings(base_url="http://127.0.0.1:1/api/ai")
    for _ in range(2):
        assert sent(settings) is None
        assert login_key(HUB) is None
    assert len(caplog.records) <= 1
    assert all("auth_config.toml" in record.getMessage() for record in caplog.records)


def test_a_file_that_may_not_be_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forbidden(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.stat", forbidden)
    assert login_key(HUB) is login_key(HUB) is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_key_that_no_header_can_carry(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "auth_config.toml").write_text(WRITTEN.replace("sk-test-login-file", "sk-tëst key"), encoding="utf-8")
    assert login_key(HUB) is None
    assert "sk-tëst" not in caplog.text


def test_a_folder_in_its_place(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "auth_config.toml").unlink()
    (folder / "auth_config.toml").mkdir()
    assert login_key(HUB) is None
    assert len(caplog.records) == 1


def test_no_file_no_home(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def homeless(_: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("OXEN_CONFIG_DIR")
    monkeypatch.setattr(Path, "home", classmethod(homeless))
    assert login_key(HUB) is None
    assert not caplog.records

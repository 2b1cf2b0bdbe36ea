"""Every knob's bounds, defaults and words; what is refused, and how it is said."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.settings import DEFAULT_BASE_URL, OxenParams, OxenSettings, is_loopback, wire_names

KEY = "sk-test-0123456789"


def refused(**knobs: Any) -> str:
    with pytest.raises(OxenConfigError) as caught:
        OxenSettings(**{"api_key": KEY, **knobs})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert KEY not in str(caught.value)
    return str(caught.value)


def test_only_the_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_API_KEY", f" {KEY}\n")
    settings = OxenSettings()
    assert settings.api_key == SecretStr(KEY)
    assert (settings.base_url, settings.model) == (DEFAULT_BASE_URL, "open-mixtral-8x22b")
    assert (settings.max_retries, settings.history, settings.trust_env) == (2, "repair", True)


def test_no_key() -> None:
    with pytest.raises(OxenConfigError, match="OXEN_API_KEY"):
        OxenSettings()
    assert "OXEN_API_KEY" in refused(api_key="  ")
    assert OxenSettings(base_url="http://127.0.0.1:1/v1").api_key is None, "a server on this machine needs none"


def test_the_url_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_BASE_URL", "https://dev.test/api/ai/")
    assert OxenSettings(api_key=KEY).base_url == "https://dev.test/api/ai"


def test_the_environment_passes_the_same_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_API_KEY", "sk with a space")
    with pytest.raises(OxenConfigError, match="api_key"):
        OxenSettings()
    monkeypatch.setenv("OXEN_BASE_URL", "https://user:hunter2pw@dev.test/")
    with pytest.raises(OxenConfigError, match="base_url") as caught:
        OxenSettings(api_key=KEY)
    assert "hunter2pw" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("https://h.test/api/ai", "https://h.test/api/ai/", " https://h.test/api/ai// "),
        *("https://h.test/api/ai/chat/completions", "https://h.test/api/ai/chat/completions/"),
    ],
)
def test_ways_to_write_the_url(url: str) -> None:
    assert OxenSettings(api_key=KEY, base_url=url).base_url == "https://h.test/api/ai"


@pytest.mark.parametrize(
    "url",
    ["", "h.test/api", "ftp://h.test", "https://", "file:///etc/passwd", "https://h.test?x=1", "https://h.test#x"],
)
def test_urls_that_are_none(url: str) -> None:
    assert "base_url" in refused(base_url=url)


@pytest.mark.parametrize(
    "url", ["https://user:hunter2pw@h.test/", "https://hunter2pw@h.test/", "https://:hunter2pw@h.test"]
)
def test_a_password_in_the_url(url: str) -> None:
    said = refused(base_url=url)
    assert "api_key" in said
    assert "hunter2pw" not in said


def test_what_can_only_be_this_machine() -> None:
    local = ("localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "a.localhost")
    names = ("127.0.0.1.example.com", "127.example.com", "localhost.example.com", "h.test", "notlocalhost")
    others = (*names, "10.0.0.1", "169.254.169.254", "192.168.0.1", "::2", "", None)
    assert {host for host in (*local, *others) if is_loopback(host)} == set(local)


def test_plain_http() -> None:
    assert "allow_insecure_http" in refused(base_url="http://h.test/api/ai")
    assert OxenSettings(api_key=KEY, base_url="http://h.test", allow_insecure_http=True).base_url == "http://h.test"
    for url in ("http://127.0.0.1:8", "http://localhost:8", "http://[::1]:8"):
        assert OxenSettings(api_key=KEY, base_url=url).base_url == url


@pytest.mark.parametrize(
    ("parameter", "invalid"),
    [
        ("temperature", (-0.1, 2.1, 9, "hot", float("nan"))),
        ("max_tokens", (0, -1, 1.5, "many")),
        ("top_p", (0, 1.1, "x")),
        ("frequency_penalty", (-2.1, 2.1)),
        ("presence_penalty", (-2.1, 2.1)),
        ("seed", (-1, "x")),
        ("n", (0, 2)),
        ("top_logprobs", (-1, 21)),
        ("timeout", (0, -1, None, float("inf"), 1e12)),
        ("total_timeout", (0, -1, float("inf"))),
        ("max_retries", (-1, 1.5)),
        ("model", ("", None)),
        ("history", ("mend", None)),
        ("stop", (7, [7])),
        ("context_window", (0, -1)),
        ("tools", ("x", ["x"])),
        ("extra_body", ("x", None)),
    ],
)
def test_an_invalid_value_names_its_parameter(parameter: str, invalid: tuple[Any, ...]) -> None:
    for value in invalid:
        assert parameter in refused(**{parameter: value}), value


def test_n_is_refused_with_a_reason() -> None:
    assert "batch" in refused(n=2)
    assert OxenSettings(api_key=KEY, n=1).n is None


@pytest.mark.parametrize(
    ("unknown", "hint"), [("temprature", "temperature"), ("max_token", "max_tokens"), ("top_k", "extra_body")]
)
def test_an_unknown_knob_gets_a_hint(unknown: str, hint: str) -> None:
    said = refused(**{unknown: 1})
    assert unknown in said
    assert hint in said


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("model_name", "model", "m"),
        ("stop_sequences", "stop", ["x"]),
        ("random_seed", "seed", 7),
        ("request_timeout", "timeout", 7.0),
    ],
)
def test_other_names_for_the_same(alias: str, name: str, value: Any) -> None:
    assert getattr(OxenSettings(api_key=KEY, **{alias: value}), name) == value


@pytest.mark.parametrize(
    ("stop", "kept"), [("x", ["x"]), (["x", "y"], ["x", "y"]), ([], None), ("", [""]), (None, None)]
)
def test_stop(stop: Any, kept: Any) -> None:
    assert OxenSettings(api_key=KEY, stop=stop).stop == kept


@pytest.mark.parametrize("name", ["Authorization", "authorization", "Host", "Content-Length", "Transfer-Encoding"])
def test_headers_that_belong_to_us(name: str) -> None:
    assert "api_key" in refused(extra_headers={name: "x"})


def test_a_user_agent_that_the_server_would_take_for_its_cli() -> None:
    assert "426" in refused(extra_headers={"User-Agent": "my-Oxen-app/1"})
    assert OxenSettings(api_key=KEY, extra_headers={"User-Agent": "my-app/1"}).extra_headers


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\x00", "ключ"])
def test_header_values_that_no_header_can_carry(value: str) -> None:
    said = refused(extra_headers={"X-A": value})
    assert "extra_headers" in said
    assert value not in said


def test_secrets_of_the_wrong_type_are_not_quoted() -> None:
    assert "4711" not in refused(api_key=4711)
    assert "4711" not in refused(proxy=4711)
    assert "4711" not in refused(extra_headers={"X": 4711})


def full() -> OxenSettings:
    return OxenSettings(
        api_key=KEY,
        proxy="http://me:pw@p.test:1",
        extra_headers={"X-A": "secret-4711"},
        http_client=object(),
        http_async_client=object(),
        temperature=0.5,
    )


def test_no_secret_is_shown_or_dumped() -> None:
    settings = full()
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        for secret in (KEY, "pw@p.test", "secret-4711"):
            assert secret not in text


def test_no_secret_enters_a_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = pickle.dumps(full())
    for secret in (KEY, "pw@p.test", "secret-4711"):
        assert secret.encode() not in stored
    monkeypatch.setenv("OXEN_API_KEY", "sk-other-0123456789")
    again = pickle.loads(stored)  # noqa: S301 - our own bytes
    assert again.api_key == SecretStr("sk-other-0123456789")
    assert again.temperature == 0.5
    assert (again.proxy, again.http_client, again.extra_headers) == (None, None, {})


def test_a_deep_copy_shares_the_users_client() -> None:
    settings = full()
    again = copy.deepcopy(settings)
    assert again.http_client is settings.http_client
    assert again.http_async_client is settings.http_async_client
    assert again.api_key == settings.api_key
    assert again.extra_headers == settings.extra_headers
    assert again.extra_headers is not settings.extra_headers
    assert settings.__deepcopy__() == settings


def test_every_wire_name_is_a_knob_of_a_call() -> None:
    assert set(wire_names(OxenSettings)) == set(wire_names(OxenParams))
    assert wire_names(OxenParams)["temperature"] == "temperature"
    assert "timeout" not in wire_names(OxenParams)


def test_every_knob_is_explained() -> None:
    import ast
    import inspect

    from _oxen_transport import settings

    tree = ast.parse(inspect.getsource(settings))
    for body in (node.body for node in tree.body if isinstance(node, ast.ClassDef)):
        for node, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_":
                explained = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                assert explained, f"{node.target.id} has no explanation below it"

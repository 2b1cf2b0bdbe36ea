"""Bounds, defaults and names of every parameter; what is refused, and in which words."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.model import OxenCatalogue
from _oxen_transport.settings import DEFAULT_BASE_URL, OxenSettings
from _oxen_transport.settings.names import ALIASES, SYNONYMS
from _oxen_transport.settings.params import OxenParams, wire_names
from _oxen_transport.settings.values import is_loopback
from tests.tables import each_row

KEY = "sk-test-0123456789"


def refused(**given: Any) -> str:
    with pytest.raises(OxenConfigError) as caught:
        OxenSettings(**{"api_key": KEY, **given})
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
    monkeypatch.setenv("OXEN_BASE_URL", "  ")
    assert OxenSettings(api_key=KEY).base_url == DEFAULT_BASE_URL


def test_the_environment_is_checked_like_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_API_KEY", "sk with a space")
    with pytest.raises(OxenConfigError, match="api_key"):
        OxenSettings()
    monkeypatch.setenv("OXEN_BASE_URL", "https://user:hunter2pw@dev.test/")
    with pytest.raises(OxenConfigError, match="base_url") as caught:
        OxenSettings(api_key=KEY)
    assert "hunter2pw" not in str(caught.value)


@each_row(
    "url",
    [
        *("https://h.test/api/ai", "https://h.test/api/ai/", " https://h.test/api/ai// "),
        *("https://h.test/api/ai/chat/completions", "https://h.test/api/ai/chat/completions/"),
    ],
)
def test_ways_to_write_the_url(url: str) -> None:
    assert OxenSettings(api_key=KEY, base_url=url).base_url == "https://h.test/api/ai"


@each_row(
    "url",
    [
        *("", "h.test/api", "ftp://h.test", "https://", "file:///etc/passwd", "https://h.test?x=1", "https://h.test#x"),
        *(
            "https://h.test:99999",
            "https://h.test:x",
            "https://h..test",
            "https://a b.test",
            "https://[::1",
            "https://h%.test",
        ),
        "https://" + "h" * 64 + ".test",
    ],
)
def test_invalid_urls(url: str) -> None:
    assert "base_url" in refused(base_url=url)


@each_row("url", ["https://user:hunter2pw@h.test/", "https://hunter2pw@h.test/", "https://:hunter2pw@h.test"])
def test_a_password_in_the_url(url: str) -> None:
    text = refused(base_url=url)
    assert "api_key" in text
    assert "hunter2pw" not in text


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


@each_row(
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
        ("model", ("", " ", None)),
        ("history", ("mend", None)),
        ("stop", (7, [7], "", ["x", ""])),
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


@each_row(
    ("unknown", "hint"),
    [
        *[("temprature", "'temperature'"), ("max_token", "'max_tokens'"), ("top_k", "extra_body")],
        *[("apikey", "'api_key'"), ("openai_api_base", "'base_url'"), ("num_predict", "'max_tokens'")],
    ],
)
def test_an_unknown_parameter_gets_a_hint(unknown: str, hint: str) -> None:
    text = refused(**{unknown: 1})
    assert unknown in text
    assert hint in text


def test_no_hint_leads_a_url_into_the_key() -> None:
    for name in ("api_bas", "api_url", "apibase"):
        assert "api_key" not in refused(**{name: "https://h.test"})


VALUES = {"model": "m", "max_tokens": 5, "stop": ["x"], "seed": 7, "timeout": 7.0, "extra_body": {"top_k": 1}}
VALUES |= {"base_url": "https://h.test", "http_async_client": 1}


@each_row(("alias", "name"), ALIASES.items())
def test_conventional_names_are_accepted(alias: str, name: str) -> None:
    if name == "extra_headers":
        assert OxenSettings(api_key=KEY, **{alias: {"X": "y"}}).extra_headers == {"X": SecretStr("y")}
    elif name == "api_key":
        assert OxenSettings(**{alias: KEY}).api_key == SecretStr(KEY)
    else:
        assert getattr(OxenSettings(api_key=KEY, **{alias: VALUES[name]}), name) == VALUES[name]


def test_usage_of_streams_by_its_conventional_name() -> None:
    assert OxenSettings(api_key=KEY, stream_usage=False).stream_options == {"include_usage": False}
    assert OxenSettings(api_key=KEY, stream_usage=None).stream_options == {"include_usage": True}


def test_one_parameter_under_two_names() -> None:
    assert "twice" in refused(model="a", model_name="b")


@each_row(
    ("given", "demand"),
    [
        ({"max_tokens": "abc"}, "max_tokens: must be a valid integer or 'fit' (got 'abc')"),
        ({"max_tokens": 0}, "max_tokens: must be greater than or equal to 1 or 'fit' (got 0)"),
        ({"temperature": 9}, "temperature: must be less than or equal to 2 (got 9)"),
        ({"stream_options": 1}, "stream_options: must be a valid dictionary (got 1)"),
        ({"tools": ["x"]}, "tools.0: must be a valid dictionary (got 'x')"),
    ],
)
def test_one_demand_for_each_mistake(given: dict[str, Any], demand: str) -> None:
    assert refused(**given) == demand


def test_positional_arguments_are_answered_with_what_to_write() -> None:
    with pytest.raises(OxenConfigError, match=r'write OxenSettings\(model="..."\)') as caught:
        OxenSettings(KEY)
    assert KEY not in str(caught.value)


def test_values_set_later_are_checked_like_arguments() -> None:
    settings = OxenSettings(api_key=KEY)
    settings.stop = "x"
    assert settings.stop == ["x"]
    for name, bad in (("temperature", 9), ("base_url", "http://h.test"), ("api_key", None), ("model", " ")):
        with pytest.raises(OxenConfigError):
            setattr(settings, name, bad)
    assert (settings.temperature, settings.base_url, settings.api_key) == (None, DEFAULT_BASE_URL, SecretStr(KEY))
    catalogue = OxenCatalogue(api_key=None)
    catalogue.timeout = 5
    assert catalogue.timeout == 5.0


@each_row(
    ("proxy", "kept"),
    [
        ("socks://127.0.0.1:1080/", "socks5://127.0.0.1:1080/"),
        ("http://me:pw@p.test:1", "http://me:pw@p.test:1"),
    ],
)
def test_proxies(proxy: str, kept: str) -> None:
    made = OxenSettings(api_key=KEY, proxy=proxy).proxy
    assert made
    assert made.get_secret_value() == kept


@each_row("proxy", ["ftp://me:hunter2@p.test", "me:hunter2@p.test:1", "http://p.test:99999", "http://"])
def test_proxies_nobody_can_use(proxy: str) -> None:
    text = refused(proxy=proxy)
    assert text.startswith("proxy: ")
    assert "hunter2" not in text
    assert ("'ftp'" in text) == proxy.startswith("ftp")


@each_row(("stop", "kept"), [("x", ["x"]), (["x", "y"], ["x", "y"]), ([], None), (None, None)])
def test_stop(stop: Any, kept: Any) -> None:
    assert OxenSettings(api_key=KEY, stop=stop).stop == kept


@each_row("name", ["Authorization", "authorization", "Host", "Content-Length", "Transfer-Encoding"])
def test_headers_that_are_set_by_the_library(name: str) -> None:
    assert "api_key" in refused(extra_headers={name: "x"})


def test_a_user_agent_that_the_server_would_take_for_its_cli() -> None:
    assert "426" in refused(extra_headers={"User-Agent": "my-Oxen-app/1"})
    assert OxenSettings(api_key=KEY, extra_headers={"User-Agent": "my-app/1"}).extra_headers


@each_row("value", ["a\r\nb: c", "a\nb", "a\x00", "ключ"])
def test_header_values_that_no_header_can_carry(value: str) -> None:
    text = refused(extra_headers={"X-A": value})
    assert "extra_headers" in text
    assert value not in text


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


def test_every_wire_name_is_a_parameter_of_a_call() -> None:
    assert set(wire_names(OxenSettings)) == set(wire_names(OxenParams))
    assert wire_names(OxenParams)["temperature"] == "temperature"
    assert "timeout" not in wire_names(OxenParams)


def test_every_parameter_is_described() -> None:
    assert not [name for name, field in OxenSettings.model_fields.items() if not field.description]


def test_names_of_the_tables_exist() -> None:
    theirs = {"rate_limiter", "streaming"}  # fields of the frameworks' own classes
    assert {*ALIASES.values(), *SYNONYMS.values()} <= set(OxenSettings.model_fields) | theirs
    assert {*ALIASES, *SYNONYMS}.isdisjoint(OxenSettings.model_fields)

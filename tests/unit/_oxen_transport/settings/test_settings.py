"""Bounds, defaults and names of every parameter; what is refused, and in which words."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.model import OxenCatalogue
from _oxen_transport.settings import DEFAULT_BASE_URL, OxenSettings
from _oxen_transport.settings.names import ALIASES, SYNONYMS
from _oxen_transport.settings.values import is_loopback
from langchain_oxen import ChatOxen
from tests.tables import each_row

KEY = "sk-test-0123456789"


def refused(**given: Any) -> str:
    with pytest.raises(OxenConfigError) as caught:
        OxenSettings(**{"api_key": KEY, **given})
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert KEY not in str(caught.value)
    return str(caught.value)


def test_only_the_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OxenConfigError, match="OXEN_API_KEY"):
        OxenSettings()
    assert "OXEN_API_KEY" in refused(api_key="  ")
    assert "copy it again" in refused(api_key=b"sk-012345\n6789")
    assert OxenSettings(api_key=KEY.encode(), extra_headers={"X-A": " a b "}).extra_headers == {"X-A": SecretStr("a b")}
    assert OxenSettings(base_url="http://127.0.0.1:1/v1").api_key is None, "a server on this machine needs none"
    monkeypatch.setenv("OXEN_API_KEY", f" {KEY}\n")
    settings = OxenSettings()
    assert settings.api_key == SecretStr(KEY)
    assert (settings.base_url, settings.model) == (DEFAULT_BASE_URL, "open-mixtral-8x22b")
    assert (settings.max_retries, settings.history, settings.trust_env) == (2, "repair", True)


def test_the_environment_is_checked_like_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXEN_API_KEY", "sk with a space")
    with pytest.raises(OxenConfigError, match="api_key"):
        OxenSettings()
    for url, kept in (("https://dev.test/api/ai/", "https://dev.test/api/ai"), ("  ", DEFAULT_BASE_URL)):
        monkeypatch.setenv("OXEN_BASE_URL", url)
        assert OxenSettings(api_key=KEY).base_url == kept
    monkeypatch.setenv("OXEN_BASE_URL", "https://user:hunter2pw@dev.test/")
    with pytest.raises(OxenConfigError, match="base_url") as caught:
        OxenSettings(api_key=KEY)
    assert "hunter2pw" not in str(caught.value)


AI = "https://h.test/api/ai"
INVALID_URLS = (
    *("", "h.test/api", "ftp://h.test", "https://", "file:///etc/passwd", "https://h.test?x=1", "https://h.test#x"),
    *("https://h.test:99999", "https://h.test:x", "https://h..test", "https://a b.test", "https://[::1"),
    *(
        "https://h%.test",
        "https://" + "h" * 64 + ".test",
        "https://h.test/a?",
        "https://h.test/a#",
        "https://h.test/a\nb",
    ),
)


@each_row(
    ("url", "kept"),
    [
        *((url, AI) for url in (AI, f"{AI}/", f" {AI}// ", f"{AI}/chat/completions", f"{AI}/chat/completions/")),
        *((url, url) for url in ("http://127.0.0.1:8", "http://localhost:8", "http://[::1]:8")),
        *((url, "") for url in INVALID_URLS),
    ],
)
def test_urls(url: str, kept: str) -> None:
    if kept:
        assert OxenSettings(api_key=KEY, base_url=url).base_url == kept
    else:
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
    assert "allow_insecure_http" in refused(base_url="http://h.test/api/ai")
    assert OxenSettings(api_key=KEY, base_url="http://h.test", allow_insecure_http=True).base_url == "http://h.test"


@each_row(
    ("parameter", "invalid"),
    [
        ("temperature", (-0.1, 2.1, 9, "hot", float("nan"))),
        ("max_tokens", (0, -1, 1.5, "many")),
        ("top_p", (0, 1.1, "x")),
        *((penalty, (-2.1, 2.1)) for penalty in ("frequency_penalty", "presence_penalty")),
        *(("seed", (-1, "x")), ("n", (0, 2)), ("top_logprobs", (-1, 21)), ("max_retries", (-1, 1.5))),
        ("timeout", (0, -1, None, float("inf"), 1e12)),
        ("total_timeout", (0, -1, float("inf"))),
        *(("model", ("", " ", None)), ("history", ("fix", None)), ("stop", (7, [7], "", ["x", ""], ("",), {""}))),
        *(("context_window", (0, -1)), ("tools", ("x", ["x"])), ("extra_body", ("x", None))),
    ],
)
def test_an_invalid_value_names_its_parameter(parameter: str, invalid: tuple[Any, ...]) -> None:
    for value in invalid:
        assert parameter in refused(**{parameter: value}), value


@each_row(
    ("given", "hints"),
    [
        ({"n": 2}, ("batch",)),
        *(({"temprature": 1}, ("temprature", "'temperature'")), ({"max_token": 1}, ("max_token", "'max_tokens'"))),
        *(({"top_k": 1}, ("top_k", "extra_body")), ({"apikey": 1}, ("apikey", "'api_key'"))),
        *(({"openai_api_base": 1}, ("'base_url'",)), ({"num_predict": 1}, ("num_predict", "'max_tokens'"))),
        ({"model": "a", "model_name": "b"}, ("twice",)),
        *(({"extra_headers": {name: "x"}}, ("api_key",)) for name in ("Authorization", "authorization", "Host")),
        *(({"extra_headers": {name: "x"}}, ("api_key",)) for name in ("Content-Length", "Transfer-Encoding")),
        ({"extra_headers": {"X Team": "a"}}, ("invalid header name",)),
        # the server would take it for its own CLI
        ({"extra_headers": {"User-Agent": "my-Oxen-app/1"}}, ("426",)),
    ],
)
def test_what_is_refused_gets_a_hint(given: dict[str, Any], hints: tuple[str, ...]) -> None:
    text = refused(**given)
    assert [hint for hint in hints if hint not in text] == []


def test_no_hint_leads_a_url_into_the_key() -> None:
    for name in ("api_bas", "api_url", "apibase"):
        assert "api_key" not in refused(**{name: "https://h.test"})


VALUES = {"model": "m", "max_tokens": 5, "stop": ["x"], "seed": 7, "timeout": 7.0, "extra_body": {"top_k": 1}}
VALUES |= {"base_url": "https://h.test", "http_async_client": 1, "extra_headers": {"X": SecretStr("y")}}
VALUES |= {"api_key": SecretStr(KEY)}


@each_row(
    ("given", "name", "kept"),
    [
        *(({alias: VALUES[name]}, name, VALUES[name]) for alias, name in ALIASES.items()),
        *(({"stream_usage": u}, "stream_options", {"include_usage": u is None}) for u in (False, None)),
        *(({"stop": stop}, "stop", stop or None) for stop in (["x", "y"], [], None)),
        ({"stop": "x"}, "stop", ["x"]),
        ({"n": 1}, "n", None),
        ({"proxy": "socks://127.0.0.1:1080/"}, "proxy", SecretStr("socks5://127.0.0.1:1080/")),
        *(({"proxy": url}, "proxy", SecretStr(url)) for url in ("http://me:pw@p.test:1", "http://me:p%40ss^@p.test:1")),
        ({"extra_headers": {"User-Agent": "my-app/1"}}, "extra_headers", {"User-Agent": SecretStr("my-app/1")}),
    ],
)
def test_what_is_kept_of_conventional_names_and_forms(given: dict[str, Any], name: str, kept: Any) -> None:
    key = {} if name == "api_key" else {"api_key": KEY}
    assert getattr(OxenSettings(**key, **given), name) == kept


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


@each_row("proxy", ["ftp://me:hunter2@p.test", "me:hunter2@p.test:1", "http://p.test:99999", "http://"])
def test_proxies_nobody_can_use(proxy: str) -> None:
    text = refused(proxy=proxy)
    assert text.startswith("proxy: ")
    assert "hunter2" not in text
    assert ("'ftp'" in text) == proxy.startswith("ftp")


@each_row(
    "given",
    [
        *({"extra_headers": {"X-A": value}} for value in ("a4711\r\nb: c", "a4711\nb", "a4711\x00", "4711ключ")),
        *({"api_key": 4711}, {"proxy": 4711}, {"extra_headers": {"X": 4711}}),
    ],
)
def test_values_that_no_header_can_carry_are_not_quoted(given: dict[str, Any]) -> None:
    text = refused(**given)
    assert next(iter(given)) in text
    assert "4711" not in text


def full() -> OxenSettings:
    secrets: dict[str, Any] = {"proxy": "http://me:pw@p.test:1", "extra_headers": {"X-A": "secret-4711"}}
    return OxenSettings(api_key=KEY, **secrets, http_client=object(), http_async_client=object(), temperature=0.5)


def test_no_secret_is_shown_dumped_or_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = full()
    stored = pickle.dumps(settings)
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump()), repr(stored)):
        assert [secret for secret in (KEY, "pw@p.test", "secret-4711") if secret in text] == []
    monkeypatch.setenv("OXEN_API_KEY", "sk-other-0123456789")
    again = pickle.loads(stored)  # noqa: S301 - our own bytes
    assert again.api_key == SecretStr("sk-other-0123456789")
    assert again.temperature == 0.5
    assert (again.proxy, again.http_client, again.extra_headers) == (None, None, {})
    monkeypatch.setenv("OXEN_API_KEY", "sk other")
    with pytest.raises(OxenConfigError, match="OXEN_API_KEY: contains whitespace"):
        pickle.loads(stored)  # noqa: S301 - as above


def test_a_deep_copy_shares_the_users_client() -> None:
    settings = full()
    again = copy.deepcopy(settings)
    assert again.http_client is settings.http_client
    assert again.http_async_client is settings.http_async_client
    assert again.extra_headers is not settings.extra_headers
    assert again == settings == settings.__deepcopy__()


def test_the_names_of_all_tables_exist_and_every_parameter_is_described() -> None:
    assert not [name for name, field in OxenSettings.model_fields.items() if not field.description]
    theirs = {"rate_limiter", "streaming"}  # fields of the frameworks' own classes
    assert {*ALIASES.values(), *SYNONYMS.values()} <= set(OxenSettings.model_fields) | theirs
    assert {*ALIASES, *SYNONYMS}.isdisjoint(OxenSettings.model_fields)


def test_a_default_that_is_made_anew_is_shown_as_that() -> None:
    assert "= <factory>" in str(inspect.signature(ChatOxen))

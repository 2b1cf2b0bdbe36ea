"""What must not cross: plain http, redirects, cookies of another tenant, URLs in messages; proxies."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import pytest

from _oxen_transport import client_for
from _oxen_transport.errors import OxenConfigError, OxenConnectionError, OxenError, OxenRedirectError
from _oxen_transport.testing import ANSWER, Received, Server, Step, good, head, reply
from tests.certificates import Certificates
from tests.entry_points import KEY, EntryPoint, LangChain, LlamaIndex, each, each_scenario, entry_points
from tests.integration.faults.secrets_and_resources import assert_keeps_secrets, watched
from tests.tables import each_row

pytestmark = pytest.mark.usefixtures("fast_retries")


@each(*entry_points(is_async=False, streams=False))
def test_plain_http_to_another_host(api: EntryPoint, server: Server) -> None:
    with pytest.raises(OxenConfigError, match="allow_insecure_http"):
        api.make(f"http://api.example.test:{server.port}/api/ai")
    with pytest.raises(OxenConfigError):  # looks like this machine, is not
        api.make(f"http://127.0.0.1.example.test:{server.port}/api/ai")


@each_scenario("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host(status: int, api: EntryPoint, server: Server, other_server: Server) -> None:
    target = f"{other_server.root}/elsewhere"
    stage = server.stage([head(status, location=target, content_length=0)])
    with pytest.raises(OxenRedirectError, match="elsewhere") as caught:
        api.ask(api.make(stage.url))
    assert_keeps_secrets(caught.value)
    assert len(stage.requests) == 1
    assert other_server.strays == []


def test_a_redirect_loop(api: EntryPoint, server: Server) -> None:
    stage = server.stage(lambda request: [head(307, location=request.target, content_length=0)])
    with pytest.raises(OxenRedirectError):
        api.ask(api.make(stage.url))
    assert len(stage.requests) == 1


def with_cookie(request: Received) -> Iterable[Step]:
    first, *rest = good(request)
    assert isinstance(first, bytes)
    return [first.replace(b"\r\n", b"\r\nset-cookie: sid=tenant-a; Path=/\r\n", 1), *rest]


@each(*entry_points())
def test_cookies_are_not_kept(api: EntryPoint, server: Server) -> None:
    """Else what one key was given would travel with another, over the connections that they share."""
    stage = server.stage(with_cookie)
    models = [api.make(stage.url, api_key=key) for key in (KEY, "sk-of-tenant-b", KEY)]
    assert [answer.text for answer in api.ask_each(*models)] == [ANSWER] * 3
    assert [request.headers.get("cookie") for request in stage.requests] == [None, None, None]
    assert [request.headers["authorization"][-1] for request in stage.requests] == [KEY[-1], "b", KEY[-1]]


def media_of(api: EntryPoint, url: str) -> list[Any]:
    """Messages that hold this URL, each as another kind of medium, in the package's own form."""
    from llama_index.core.base.llms import types

    if isinstance(api, LangChain):
        parts: list[Any] = [
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "file", "url": url, "mime_type": "application/pdf"},
            *({"type": kind, "url": url} for kind in ("image", "audio", "video")),
        ]
        return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]} for part in parts]
    kinds = (types.ImageBlock, types.AudioBlock, types.DocumentBlock, types.VideoBlock)
    text = types.TextBlock(text="What is it?")
    return [types.ChatMessage(role="user", blocks=[text, kind(url=url)]) for kind in kinds]


@each_row("model_id", ["open-mixtral-8x22b", "gpt-4o"])
@each(*entry_points(LangChain, LlamaIndex, is_async=False, streams=False))
def test_a_url_is_never_fetched(model_id: str, api: EntryPoint, server: Server) -> None:
    """It is sent as it is, or refused for a model that takes text only."""
    url = f"{server.root}/metadata/credentials"
    for message in media_of(api, url):
        stage = server.stage(good)
        try:
            assert api.ask(api.make(stage.url, model=model_id), [message]).text == ANSWER
        except OxenConfigError:
            assert model_id != "gpt-4o"
        else:
            assert model_id != "gpt-4o" or url in stage.requests[0].body.decode()
    assert not [request for request in server.strays if "metadata" in request.target]


def test_a_proxy_of_the_environment_or_of_ones_own(
    api: EntryPoint, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = server.stage(good)
    url, proxy = f"http://api.example.test:1/{stage.name}/api/ai", f"http://me:pass-4711@127.0.0.1:{server.port}"
    assert watched(lambda: api.ask(api.make(url, allow_insecure_http=True, proxy=proxy))).text == ANSWER
    sent = stage.requests[0].headers["proxy-authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"me:pass-4711"
    monkeypatch.setenv("http_proxy", server.root)
    assert watched(lambda: api.ask(api.make(url, allow_insecure_http=True))).text == ANSWER
    assert [request.target.startswith("http://api.example.test:1/") for request in stage.requests] == [True, True]
    with pytest.raises(OxenConnectionError):  # the environment can be ignored, and nobody else knows this name
        api.ask(api.make(url, allow_insecure_http=True, trust_env=False))


def test_what_is_on_this_machine_is_not_asked_through_a_proxy_of_the_environment(
    api: EntryPoint, server: Server, other_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", other_server.root)
    stage = server.stage(good)
    model = api.make(stage.url)
    client_for(model).close()  # else the connections that are already there would do
    assert api.ask(model).text == ANSWER
    assert other_server.strays == []


@each_row(
    "url",
    ["http://me:pass#hunter2@127.0.0.1:3128", "http://me:pass-hunter2@proxy..example:1", "http://me:pass-hunter2@[::1"],
)
def test_a_broken_proxy_of_the_environment_is_named_and_not_shown(
    url: str, api: EntryPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", url)
    with pytest.raises(OxenConfigError, match="HTTPS_PROXY: ") as caught:
        watched(lambda: api.ask(api.make("https://api.example.test/api/ai")))
    assert_keeps_secrets(caught.value, "hunter2")


def test_https_through_a_proxy(api: EntryPoint, server: Server, tls_server: Server, certificates: Certificates) -> None:
    stage = tls_server.stage(good)
    model = api.make(stage.url, proxy=server.root, ca_bundle=str(certificates.authority))
    assert watched(lambda: api.ask(model)).text == ANSWER
    assert f"127.0.0.1:{tls_server.port}" in {tunnel.target for tunnel in server.tunnels}
    assert len(stage.requests) == 1
    assert KEY not in repr([tunnel.headers for tunnel in server.tunnels]), "the proxy saw the key"


def test_a_proxy_that_is_not_there_or_says_no(api: EntryPoint, server: Server, closed_port: int) -> None:
    model = api.make("https://api.example.test/api/ai", proxy=f"http://me:pass-4711@127.0.0.1:{closed_port}")
    with pytest.raises(OxenConnectionError) as caught:
        watched(lambda: api.ask(model))
    assert_keeps_secrets(caught.value, "pass-4711")
    refuses = server.stage(reply("me:pass-4711 may not pass", 407))
    proxy = server.root.replace("//", "//me:pass-4711@")
    model = api.make(f"http://api.example.test:1/{refuses.name}", allow_insecure_http=True, proxy=proxy)
    with pytest.raises(OxenError) as refused:
        watched(lambda: api.ask(model))
    assert refused.value.status_code == 407
    assert_keeps_secrets(refused.value, "pass-4711")

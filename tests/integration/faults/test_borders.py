"""What must not cross: plain http, redirects, cookies of another tenant, URLs in messages; proxies."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport import client_for
from _oxen_transport.errors import OxenConfigError, OxenConnectionError, OxenError, OxenRedirectError
from tests.callers import KEY, Caller, LangChain, LlamaIndex, callers, each
from tests.integration.faults.watched import assert_keeps_secrets, watched
from tests.server import ANSWER, TOOL_ARGUMENTS, Certificates, Server, good, good_tool_call, head

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.server import Received, Step

pytestmark = pytest.mark.usefixtures("fast_retries")


def test_ok2_a_good_tool_call(caller: Caller, server: Server) -> None:
    stage = server.stage(good_tool_call)
    answer = caller.ask(caller.make(stage.url))
    assert [(name, arguments) for _, name, arguments in answer.tool_calls] == [("delete_files", TOOL_ARGUMENTS)]
    assert len(stage.requests) == 1


def test_x11_plain_http_to_another_host(caller: Caller, server: Server) -> None:
    with pytest.raises(OxenConfigError, match="allow_insecure_http"):
        caller.make(f"http://api.example.test:{server.port}/api/ai")
    with pytest.raises(OxenConfigError):  # looks like this machine, is not
        caller.make(f"http://127.0.0.1.example.test:{server.port}/api/ai")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_x12_a_redirect_to_another_host(status: int, caller: Caller, server: Server, other_server: Server) -> None:
    target = f"{other_server.root}/elsewhere"
    stage = server.stage([head(status, location=target, content_length=0)])
    with pytest.raises(OxenRedirectError, match="elsewhere") as caught:
        caller.ask(caller.make(stage.url))
    assert_keeps_secrets(caught.value)
    assert len(stage.requests) == 1
    assert other_server.strays == []


def test_x13_a_redirect_loop(caller: Caller, server: Server) -> None:
    stage = server.stage(lambda request: [head(307, location=request.target, content_length=0)])
    with pytest.raises(OxenRedirectError):
        caller.ask(caller.make(stage.url))
    assert len(stage.requests) == 1


def with_cookie(request: Received) -> Iterable[Step]:
    first, *rest = good(request)
    assert isinstance(first, bytes)
    return [first.replace(b"\r\n", b"\r\nset-cookie: sid=tenant-a; Path=/\r\n", 1), *rest]


def test_x18_cookies_are_not_kept(caller: Caller, server: Server) -> None:
    stage = server.stage(with_cookie)
    for key in (KEY, "sk-of-tenant-b", KEY):
        assert caller.ask(caller.make(stage.url, api_key=key)).text == ANSWER
    assert [request.headers.get("cookie") for request in stage.requests] == [None, None, None]
    assert [request.headers["authorization"][-1] for request in stage.requests] == [KEY[-1], "b", KEY[-1]]


def langchain_media(url: str) -> list[list[dict[str, Any]]]:
    text = {"type": "text", "text": "What is it?"}
    return [
        [text, {"type": "image_url", "image_url": {"url": url}}],
        [text, {"type": "image", "url": url}],
        [text, {"type": "audio", "url": url}],
        [text, {"type": "file", "url": url, "mime_type": "application/pdf"}],
        [text, {"type": "video", "url": url}],
    ]


@pytest.mark.parametrize("model_id", ["open-mixtral-8x22b", "gpt-4o"])
@pytest.mark.parametrize("number", range(5))
@each(*callers(LangChain, streams=False))
def test_x19_x22_langchain_never_fetches_a_url(number: int, model_id: str, caller: Caller, server: Server) -> None:
    stage = server.stage(good)
    url = f"{server.root}/metadata/credentials-{number}"
    content = langchain_media(url)[number]
    answer_or_config_error(caller, caller.make(stage.url, model=model_id), [{"role": "user", "content": content}])
    assert not [request for request in server.strays if "metadata" in request.target]
    if model_id == "gpt-4o":
        assert url in stage.requests[0].body.decode()


@pytest.mark.parametrize("model_id", ["open-mixtral-8x22b", "gpt-4o"])
@pytest.mark.parametrize("kind", ["ImageBlock", "AudioBlock", "DocumentBlock", "VideoBlock"])
@each(*callers(LlamaIndex, streams=False))
def test_x19_x22_llama_index_never_fetches_a_url(kind: str, model_id: str, caller: Caller, server: Server) -> None:
    from llama_index.core.base.llms import types

    stage = server.stage(good)
    url = f"{server.root}/metadata/credentials-{kind}"
    message = types.ChatMessage(
        role="user", blocks=[types.TextBlock(text="What is it?"), getattr(types, kind)(url=url)]
    )
    answer_or_config_error(caller, caller.make(stage.url, model=model_id), [message])
    assert not [request for request in server.strays if "metadata" in request.target]
    if model_id == "gpt-4o":
        assert url in stage.requests[0].body.decode()


def answer_or_config_error(caller: Caller, model: Any, messages: list[Any]) -> None:
    try:
        answer = caller.ask(model, messages)
    except OxenConfigError:
        return  # a model that takes text only
    assert answer.text == ANSWER


def test_x20_a_proxy_from_the_environment(caller: Caller, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.root)
    stage = server.stage(good)
    model = caller.make(f"http://api.example.test:1/{stage.name}/api/ai", allow_insecure_http=True)
    assert watched(lambda: caller.ask(model)).text == ANSWER
    assert stage.requests[0].target.startswith("http://api.example.test:1/")


def test_a_proxy_of_ones_own_with_a_password(caller: Caller, server: Server) -> None:
    stage = server.stage(good)
    proxy = f"http://me:pass-4711@127.0.0.1:{server.port}"
    model = caller.make(f"http://api.example.test:1/{stage.name}/api/ai", allow_insecure_http=True, proxy=proxy)
    assert watched(lambda: caller.ask(model)).text == ANSWER
    told = stage.requests[0].headers["proxy-authorization"].removeprefix("Basic ")
    assert base64.b64decode(told) == b"me:pass-4711"


def test_the_environment_can_be_ignored(caller: Caller, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    stage = server.stage(good)
    assert caller.ask(caller.make(stage.url, trust_env=False)).text == ANSWER


def test_no_proxy_is_heeded(caller: Caller, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    stage = server.stage(good)
    model = caller.make(stage.url)
    client_for(model).close()  # the connections that are already there went through no proxy
    assert caller.ask(model).text == ANSWER


def test_https_through_a_proxy(caller: Caller, server: Server, tls_server: Server, certificates: Certificates) -> None:
    stage = tls_server.stage(good)
    model = caller.make(stage.url, proxy=server.root, ca_bundle=str(certificates.authority))
    assert watched(lambda: caller.ask(model)).text == ANSWER
    assert {tunnel.target for tunnel in server.tunnels} == {f"127.0.0.1:{tls_server.port}"}
    assert len(stage.requests) == 1
    assert KEY not in repr([tunnel.headers for tunnel in server.tunnels]), "the proxy saw the key"


def test_a_proxy_that_is_not_there(caller: Caller, dead_port: int) -> None:
    model = caller.make("https://api.example.test/api/ai", proxy=f"http://me:pass-4711@127.0.0.1:{dead_port}")
    with pytest.raises(OxenConnectionError) as caught:
        watched(lambda: caller.ask(model))
    assert_keeps_secrets(caught.value, "pass-4711")


def test_a_proxy_that_says_no(caller: Caller, server: Server) -> None:
    refuses = server.stage([head(407, content_length=0)])
    model = caller.make(f"http://api.example.test:1/{refuses.name}", allow_insecure_http=True, proxy=server.root)
    with pytest.raises(OxenError) as caught:
        caller.ask(model)
    assert caught.value.status_code == 407

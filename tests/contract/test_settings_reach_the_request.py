"""A setting that does nothing is a lie: every setting moves the request, or what becomes of it, in both packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from _oxen_transport.errors import OxenConfigError, OxenError, OxenTimeoutError, OxenTLSError
from _oxen_transport.settings import OxenSettings
from _oxen_transport.settings.params import WIRE_NAMES, OxenParams
from _oxen_transport.testing import ANSWER, HANG, Server, chunks, completion, error_body, good, reply, sse, streamed
from tests.certificates import Certificates
from tests.entry_points import KEY, EntryPoint, LangChain, LlamaIndex, each, each_scenario, entry_points
from tests.tables import each_row

if TYPE_CHECKING:
    from _oxen_transport.testing import Stage

SENDS = entry_points(LangChain, LlamaIndex, is_async=False, streams=False)
pytestmark = pytest.mark.usefixtures("fast_retries")

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}

# -- options that go into the body ----------------------------------------------------------------

AS_GIVEN: dict[str, Any] = {"temperature": 0.25, "max_tokens": 17, "top_p": 0.5, "logprobs": True, "top_logprobs": 3}
AS_GIVEN |= {"frequency_penalty": 0.75, "presence_penalty": -0.75, "target_namespace": "our-company"}
AS_GIVEN |= {"tools": [TOOL], "parallel_tool_calls": False, "response_format": {"type": "json_object"}}
AS_GIVEN |= {"stream_options": {"include_usage": False}}
ON_THE_WIRE: dict[str, tuple[Any, str, Any]] = {
    # name: (value, key in the body, what is there)
    **{name: (value, name, value) for name, value in AS_GIVEN.items()},
    "model": ("gpt-4o", "model", "gpt-4o"),
    "stop": ("END", "stop", ["END"]),
    "seed": (4711, "random_seed", 4711),
    "tool_choice": ("any", "tool_choice", "required"),
    "extra_body": ({"top_k": 5}, "top_k", 5),
}
NEEDS_TOOLS = ("tool_choice", "parallel_tool_calls")


def test_the_table_is_whole() -> None:
    assert set(ON_THE_WIRE) == {*WIRE_NAMES, "model", "extra_body"}
    assert set(ON_THE_WIRE) | set(CALL_EFFECTS) == set(OxenParams.model_fields)
    assert set(OBJECT_EFFECTS) == set(OxenSettings.model_fields) - set(OxenParams.model_fields)


def body_sent(api: EntryPoint, stage: Stage, options: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    api.ask(api.make(stage.url, **options), **call)
    body: dict[str, Any] = stage.bodies[-1]
    return body


@each_row("name", ON_THE_WIRE)
@each(*SENDS)
def test_it_is_in_the_body(name: str, api: EntryPoint, server: Server) -> None:
    if name == "stream_options":  # it belongs to streams
        api = type(api)(is_async=False, streams=True)
    value, key, expected = ON_THE_WIRE[name]
    needed = {"tools": [TOOL]} if name in NEEDS_TOOLS else {}
    given = {name: value}
    stage = server.stage(good)
    without = body_sent(api, stage, needed, {})
    assert without.get(key) != expected
    for of_the_object, of_the_call in (({**needed, **given}, {}), (needed, given)):
        with_it = body_sent(api, stage, of_the_object, of_the_call)
        assert with_it[key] == expected
        assert {k: v for k, v in with_it.items() if k != key} == {k: v for k, v in without.items() if k != key}


# -- options with another effect: each of these functions fails if the option does nothing ----------

Check = Callable[[EntryPoint, Server, Callable[..., Any]], None]


def _n(api: EntryPoint, server: Server, ask: Callable[..., Any]) -> None:
    stage = server.stage(good)
    with pytest.raises(OxenConfigError, match="batch"):
        ask(stage, {"n": 2})
    ask(stage, {"n": 1})
    assert "n" not in stage.bodies[0]


def _extra_headers(api: EntryPoint, server: Server, ask: Callable[..., Any]) -> None:
    stage = server.stage(good)
    ask(stage, {"extra_headers": {"X-Tenant": "blue"}})
    assert stage.requests[0].headers["x-tenant"] == "blue"


def _timeout(api: EntryPoint, server: Server, ask: Callable[..., Any]) -> None:
    with pytest.raises(OxenTimeoutError, match=r"0\.2"):
        ask(server.stage([HANG]), {"timeout": 0.2})


def _total_timeout(api: EntryPoint, server: Server, ask: Callable[..., Any]) -> None:
    with pytest.raises(OxenTimeoutError, match=r"total_timeout=0\.5"):
        ask(server.stage([HANG]), {"timeout": 5, "total_timeout": 0.5})


def _max_retries(api: EntryPoint, server: Server, ask: Callable[..., Any]) -> None:
    for retries in (0, 4):
        stage = server.stage(reply(error_body(), 503))
        with pytest.raises(OxenError):
            ask(stage, {"max_retries": retries})
        assert len(stage.requests) == retries + 1


def _history(api: EntryPoint, server: Server, ask: Callable[..., Any]) -> None:
    twice = [{"role": "user", "content": "One."}, {"role": "user", "content": "Two."}]
    stage = server.stage(good)
    ask(stage, {"history": "off"}, twice)
    assert len(stage.bodies[0]["messages"]) == 2
    ask(stage, {"history": "repair"}, twice)
    assert len(stage.bodies[1]["messages"]) == 1
    with pytest.raises(OxenConfigError):
        ask(stage, {"history": "strict"}, twice)


def _check_context(api: EntryPoint, server: Server, ask: Callable[..., Any]) -> None:
    stage = server.stage(good)
    long = [{"role": "user", "content": "ox " * 80_000}]
    ask(stage, {}, long)
    with pytest.raises(OxenError):
        ask(stage, {"check_context": True}, long)
    assert len(stage.requests) == 1


def _resume(api: EntryPoint, server: Server, ask: Callable[..., Any]) -> None:
    cut = streamed(sse(chunks(["The ox"], finish_reason=None), done=False))
    rest = streamed(sse(chunks([" pulls."])))
    streams = type(api)(is_async=False, streams=True)
    assert ask(server.stage(cut, rest), {"resume": True}, entry=streams).text == "The ox pulls."
    with pytest.raises(OxenError):
        ask(server.stage(cut, rest), {}, entry=streams)


def _auto_continue(api: EntryPoint, server: Server, ask: Callable[..., Any]) -> None:
    cut = reply(completion("The ox", finish_reason="length"))
    stage = server.stage(cut, reply(completion(" pulls.")))
    assert ask(stage, {"auto_continue": True}).text == "The ox pulls."
    assert len(stage.requests) == 2


CHECKS: list[Check] = [_n, _extra_headers, _timeout, _total_timeout, _max_retries]
CHECKS += [_history, _check_context, _resume, _auto_continue]
CALL_EFFECTS = {check.__name__.removeprefix("_"): check for check in CHECKS}


@each_row("name", CALL_EFFECTS)
@each(*SENDS)
def test_it_has_its_effect(name: str, api: EntryPoint, server: Server) -> None:
    def with_object(stage: Stage, given: dict[str, Any], messages: Any = "Hello", entry: EntryPoint = api) -> Any:
        return entry.ask(entry.make(stage.url, **given), messages)

    def with_call(stage: Stage, given: dict[str, Any], messages: Any = "Hello", entry: EntryPoint = api) -> Any:
        return entry.ask(entry.make(stage.url), messages, **given)

    for ask in (with_object, with_call):
        CALL_EFFECTS[name](api, server, ask)


# -- options of the object ------------------------------------------------------------------------


class Places:
    """Where the object's options show."""

    def __init__(self, api: EntryPoint, server: Server, certificates: Certificates, patch: pytest.MonkeyPatch) -> None:
        self.api, self.server = api, server
        self.certificates, self.patch = certificates, patch

    def ask(self, stage: Stage, **options: Any) -> str:
        return self.api.ask(self.api.make(stage.url, **options)).text


def _api_key(at: Places) -> None:
    stage = at.server.stage(good)
    at.ask(stage, api_key="sk-another-key-0123")
    assert stage.requests[0].headers["authorization"] == "Bearer sk-another-key-0123"
    at.patch.setenv("OXEN_API_KEY", "sk-from-outside-0123")
    at.api.ask(type(at.api.make(stage.url))(base_url=stage.url))
    assert stage.requests[1].headers["authorization"] == "Bearer sk-from-outside-0123"


def _base_url(at: Places) -> None:
    stage = at.server.stage(good)
    assert at.ask(stage) == ANSWER
    at.patch.setenv("OXEN_BASE_URL", stage.url)
    assert at.api.ask(type(at.api.make(stage.url))(api_key=KEY)).text == ANSWER
    assert stage.requests[1].path.endswith("/api/ai/chat/completions")


def _allow_insecure_http(at: Places) -> None:
    with pytest.raises(OxenConfigError):
        at.api.make("http://h.test/api/ai")
    assert at.api.make("http://h.test/api/ai", allow_insecure_http=True).base_url == "http://h.test/api/ai"


def _proxy(at: Places) -> None:
    stage = at.server.stage(good)
    model = at.api.make(f"http://h.test:1/{stage.name}", allow_insecure_http=True, proxy=at.server.root)
    assert at.api.ask(model).text == ANSWER
    assert stage.requests[0].target.startswith("http://h.test:1/")


def _trust_env(at: Places) -> None:
    at.patch.setenv("http_proxy", at.server.root)
    stage = at.server.stage(good)
    url = f"http://no-such-host.invalid/{stage.name}"
    model = at.api.make(url, allow_insecure_http=True)
    assert at.api.ask(model).text == ANSWER
    with pytest.raises(OxenError):
        at.api.ask(at.api.make(url, allow_insecure_http=True, trust_env=False, max_retries=0))


def _ca_bundle(at: Places) -> None:
    with Server(at.certificates.good) as fresh:  # no connection of another test's environment is warm
        stage = fresh.stage(good)
        with pytest.raises(OxenTLSError):
            at.ask(stage)
        assert at.ask(stage, ca_bundle=str(at.certificates.authority)) == ANSWER


def _client_cert(at: Places) -> None:
    authority = str(at.certificates.authority)
    with Server(at.certificates.wants_client_cert) as picky:
        stage = picky.stage(good)
        assert at.ask(stage, ca_bundle=authority, client_cert=str(at.certificates.client_pem)) == ANSWER
        with pytest.raises(OxenError):
            at.ask(stage, ca_bundle=authority, max_retries=0)


def _http2(at: Places) -> None:
    with Server(at.certificates.speaks_http2) as modern:
        stage = modern.stage(good)
        assert at.ask(stage, ca_bundle=str(at.certificates.authority)) == ANSWER
        with pytest.raises(OxenError):  # the server only looks at the greeting
            at.ask(stage, ca_bundle=str(at.certificates.authority), http2=True, timeout=1, max_retries=0)
        assert [stray.method for stray in modern.strays] == ["PRI"]


def _http_client(at: Places) -> None:
    stage = at.server.stage(good)
    assert at.ask(stage, http_client=httpx.Client(headers={"x-mine": "1"})) == ANSWER
    assert stage.requests[0].headers["x-mine"] == "1"


def _http_async_client(at: Places) -> None:
    stage = at.server.stage(good)
    entry = type(at.api)(is_async=True, streams=False)
    assert entry.ask(entry.make(stage.url, http_async_client=httpx.AsyncClient(headers={"x-mine": "1"}))).text == ANSWER
    assert stage.requests[0].headers["x-mine"] == "1"


def _context_window(at: Places) -> None:
    stage = at.server.stage(good)
    model = at.api.make(stage.url, context_window=5, check_context=True)
    with pytest.raises(OxenError):
        at.api.ask(model, "This is longer than five tokens.")
    if isinstance(at.api, LlamaIndex):
        assert model.metadata.context_window == 5
    else:
        assert model.profile["max_input_tokens"] <= 5


OF_PLACES = [_api_key, _base_url, _allow_insecure_http, _proxy, _trust_env, _ca_bundle, _client_cert, _http2]
OF_PLACES += [_http_client, _http_async_client, _context_window]
OBJECT_EFFECTS = {check.__name__.removeprefix("_"): check for check in OF_PLACES}


@pytest.fixture
def at(api: EntryPoint, server: Server, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Places:
    return Places(api, server, certificates, monkeypatch)


@each_scenario("name", OBJECT_EFFECTS, LangChain, LlamaIndex, is_async=False, streams=False)
def test_a_setting_of_the_object_has_its_effect(name: str, api: EntryPoint, at: Places) -> None:
    OBJECT_EFFECTS[name](at)


OF_THE_OBJECT = sorted(set(OBJECT_EFFECTS) - {"api_key", "base_url"})


@each_scenario("name", OF_THE_OBJECT, LangChain, LlamaIndex, is_async=False, streams=False)
def test_a_setting_of_the_object_is_none_of_the_call(name: str, api: EntryPoint, server: Server) -> None:
    """Taken in silence, it would do nothing: it is refused."""
    stage = server.stage(good)
    with pytest.raises(OxenConfigError, match=name):
        api.ask(api.make(stage.url), **{name: 7})
    assert stage.requests == []


@each(*SENDS)
def test_a_whole_answer_may_be_streamed(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    answer = api.ask(api.make(stage.url, streaming=True))
    assert stage.bodies[0]["stream"] is True
    assert answer.text == ANSWER
    assert answer.usage == (11, 8, 19)

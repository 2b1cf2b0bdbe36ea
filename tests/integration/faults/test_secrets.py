"""The key, a proxy's password, a custom header's value: shown nowhere, stored nowhere, sent to nobody else."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport.errors import OxenAuthenticationError, OxenConfigError, OxenError
from _oxen_transport.testing import ANSWER, HANG, RST, Server, error_body, good, open_stream, reply, whole
from tests.entry_points import KEY, EntryPoint, LangChain, LlamaIndex, each, each_scenario, entry_points
from tests.integration.faults.fault import BOOM
from tests.integration.faults.secrets_and_resources import assert_keeps_secrets, everything_shown_by, watched

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _oxen_transport.testing import Received, Step

pytestmark = pytest.mark.usefixtures("fast_retries")
MODELS = entry_points(LangChain, LlamaIndex, is_async=False, streams=False)
HEADER_SECRET = "tenant-secret-4711"
PROXY_SECRET = "hunter2pw"
SECRETS = (KEY, HEADER_SECRET, PROXY_SECRET)


def secretive(api: EntryPoint, url: str = "http://127.0.0.1:9/api/ai") -> Any:
    return api.make(url, extra_headers={"X-Tenant": HEADER_SECRET}, proxy=f"http://user:{PROXY_SECRET}@127.0.0.1:8888")


def assert_absent(text: str | bytes) -> None:
    data = text.encode() if isinstance(text, str) else text
    for secret in SECRETS:
        assert secret.encode() not in data, f"{secret!r} is shown"


@each(*entry_points(is_async=False, streams=False))
def test_repr_and_str(api: EntryPoint) -> None:
    model = secretive(api)
    for text in (repr(model), str(model), f"{model}", repr([model]), repr(vars(model)), repr(dict(model))):
        assert_absent(text)


@each(*MODELS)
def test_serialisation(api: EntryPoint) -> None:
    model = secretive(api)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        texts = [model.model_dump_json(), repr(model.model_dump()), repr(copy.deepcopy(model)), pickle.dumps(model)]
        if isinstance(api, LangChain):
            from langchain_core.load import dumps

            texts += [dumps(model), repr(model.to_json()), repr(model.asdict()), repr(model._identifying_params)]
            texts += [repr(model._get_invocation_params()), repr(model._get_ls_params()), model._get_llm_string()]
        else:
            texts += [model.to_json(), repr(model.to_dict()), repr(model.metadata)]
    for text in texts:
        assert_absent(text)


@each(*entry_points(LangChain))
def test_what_langchain_traces(api: EntryPoint, server: Server) -> None:
    from langchain_core.callbacks import BaseCallbackHandler

    seen: list[str] = []

    class Tracer(BaseCallbackHandler):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("on_"):
                return lambda *args, **kwargs: seen.append(repr((name, args, kwargs)))
            return super().__getattribute__(name)

    stage = server.stage(good)
    model = api.make(stage.url, extra_headers={"X-Tenant": HEADER_SECRET})
    assert api.ask(model, config={"callbacks": [Tracer()]}).text == ANSWER
    assert len(seen) >= 2
    assert_absent("".join(seen))


@each(*entry_points(LlamaIndex))
def test_what_llama_index_traces(api: EntryPoint, server: Server) -> None:
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler

    seen: list[str] = []

    class Listener(BaseEventHandler):
        @classmethod
        def class_name(cls) -> str:
            return "Listener"

        def handle(self, event: Any, **_: Any) -> None:
            seen.append(repr(event) + event.model_dump_json())

    root, spans = get_dispatcher(), SimpleSpanHandler()
    root.add_event_handler(Listener())
    root.add_span_handler(spans)
    try:
        stage = server.stage(good)
        model = api.make(stage.url, extra_headers={"X-Tenant": HEADER_SECRET})
        assert api.ask(model).text == ANSWER
    finally:
        root.event_handlers.pop()
        root.span_handlers.pop()
    assert seen
    assert_absent("".join(seen) + repr(spans.completed_spans))


def test_logs_at_debug(api: EntryPoint, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    stage = server.stage(reply(error_body(), 503), good)
    out = io.StringIO()
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with redirect_stdout(out), redirect_stderr(out):
            model = api.make(stage.url, extra_headers={"X-Tenant": HEADER_SECRET})
            assert api.ask(model).text == ANSWER
    records = "".join(f"{record.getMessage()} {record.__dict__!r}" for record in caplog.records)
    assert "oxen_integrations" in records
    assert "What does the ox do?" not in "".join(r.getMessage() for r in caplog.records if r.levelno > logging.DEBUG)
    assert_absent(records + out.getvalue() + repr([str(warning.message) for warning in warned]))


def echoes_the_key(request: Received) -> Iterable[Step]:
    token = request.headers["authorization"].removeprefix("Bearer ")
    return [whole(error_body(f"{BOOM} Incorrect API key: {token}, tenant {request.headers['x-tenant']}"), 401)]


def test_the_server_repeats_the_key(api: EntryPoint, server: Server) -> None:
    stage = server.stage(echoes_the_key)
    model = api.make(stage.url, extra_headers={"X-Tenant": HEADER_SECRET})
    with pytest.raises(OxenAuthenticationError, match=BOOM) as caught:
        api.ask(model)
    assert_keeps_secrets(caught.value, HEADER_SECRET)


@each_scenario(
    "script",
    [reply(error_body(), 401), [RST], [HANG], open_stream(b"data: {", RST)],
    ids=["an error", "a reset", "silence", "a cut stream"],
)
def test_tracebacks_with_locals_and_pickles(script: list[Any], api: EntryPoint, server: Server) -> None:
    model = api.make(server.stage(script).url, timeout=0.3, extra_headers={"X-Tenant": HEADER_SECRET})
    with pytest.raises(OxenError) as caught:
        watched(lambda: api.ask(model))
    assert_keeps_secrets(caught.value, HEADER_SECRET)


@each_scenario(
    "suffix",
    ["\r\nX-Injected: 1", "\nX-Injected: 1", " and more", "ключ", "\x00", "\x7f", "\u200b"],
    is_async=False,
    ids=repr,
)
def test_a_key_that_no_header_can_carry(suffix: str, api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    with pytest.raises(OxenConfigError, match="api_key") as caught:
        api.make(stage.url, api_key=KEY + suffix)
    assert stage.requests == []
    assert KEY not in everything_shown_by(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@each_scenario("around", ["{}\n", "{}\r\n", " {} ", "\t{}"], is_async=False, ids=repr)
def test_a_key_from_a_file(around: str, api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    assert api.ask(api.make(stage.url, api_key=around.format(KEY))).text == ANSWER
    assert stage.requests[0].headers["authorization"] == f"Bearer {KEY}"


@each(*entry_points(is_async=False, streams=False))
def test_credentials_in_the_url(api: EntryPoint) -> None:
    with pytest.raises(OxenConfigError, match="base_url") as caught:
        api.make(f"http://user:{PROXY_SECRET}@127.0.0.1:9/api/ai")
    assert_absent(everything_shown_by(caught.value))


@each(*MODELS)
def test_a_pickled_object_takes_its_key_from_the_environment(
    api: EntryPoint, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No secret enters a pickle, so the other process must have its own."""
    stored = pickle.dumps(api.make(server.stage(good).url))
    monkeypatch.setenv("OXEN_API_KEY", "sk-of-the-other-process")
    stage = server.stage(good)
    model = pickle.loads(stored)  # noqa: S301 - our own bytes
    model.base_url = stage.url
    assert api.ask(model).text == ANSWER
    assert stage.requests[0].headers["authorization"] == "Bearer sk-of-the-other-process"

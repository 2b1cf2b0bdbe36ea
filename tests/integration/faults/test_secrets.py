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

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.testing import ANSWER, Server, error_body, good, reply
from tests.entry_points import KEY, EntryPoint, LangChain, LlamaIndex, each, each_scenario, entry_points
from tests.integration.faults.secrets_and_resources import everything_shown_by

if TYPE_CHECKING:
    pass

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

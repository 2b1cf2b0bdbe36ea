"""Every error of the tree is LangChain's own, too, and stays one error."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

import langchain_core.exceptions as core
import pytest
from langchain_core.callbacks import BaseCallbackHandler

import _oxen_transport.errors as transport
import langchain_oxen
from _oxen_transport.testing import error_body, reply
from _oxen_transport.types import Completion
from langchain_oxen import ChatOxen, errors
from tests.entry_points import LangChain, each, entry_points
from tests.tables import each_row

LEAVES = [kind for kind in vars(transport).values() if isinstance(kind, type) and issubclass(kind, transport.OxenError)]

FAMILIES = {
    "OxenConfigError": core.ModelInvalidRequestError,
    "OxenConnectionError": core.ModelConnectionError,
    "OxenTimeoutError": core.ModelTimeoutError,
    "OxenBadRequestError": core.ModelInvalidRequestError,
    "OxenContextOverflowError": core.ContextOverflowError,
    "OxenPaymentRequiredError": core.ModelPermissionDeniedError,
    "OxenAuthenticationError": core.ModelAuthenticationError,
    "OxenPermissionError": core.ModelPermissionDeniedError,
    "OxenNotFoundError": core.ModelNotFoundError,
    "OxenRateLimitError": core.ModelRateLimitError,
    "OxenServerError": core.ModelAPIError,
    "OxenStreamError": core.ModelAPIError,
    "OxenTruncatedStreamError": core.ModelAPIError,
    "OxenStructuredOutputError": core.OutputParserException,
    "OxenRefusalError": getattr(core, "ModelRefusalError", core.ModelError),
}


@each_row("kind", LEAVES)
def test_every_class_of_the_tree_has_its_place_here(kind):
    ours = getattr(langchain_oxen, kind.__name__)
    assert issubclass(ours, kind)
    assert issubclass(ours, FAMILIES.get(kind.__name__, object))
    assert ours.is_retryable == kind.is_retryable
    for parent in kind.__bases__:  # the tree keeps its shape: who catches a parent catches the child
        if issubclass(parent, transport.OxenError):
            assert issubclass(ours, getattr(langchain_oxen, parent.__name__))


@each_row("kind", LEAVES)
def test_a_transport_error_leaves_as_langchains_and_survives_pickle(kind):
    details = transport.Details(status_code=418, partial=Completion(text="half"), retry_after=2.0)

    def raise_it():
        raise kind("brewing", details)

    with pytest.raises(kind) as caught, errors.LangChainErrors():
        raise_it()
    error = caught.value
    assert (error.__context__, error.__cause__) == (None, None), "one failure is one error in a log"
    assert traceback.extract_tb(error.__traceback__)[-1].name == "raise_it", "the traceback ends where it was raised"
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(error) is type(again) is getattr(langchain_oxen, kind.__name__)
    assert (str(again), again.status_code, again.partial_text, again.retry_after) == (str(error), 418, "half", 2.0)


def test_what_is_not_a_transport_error_leaves_as_it_is():
    for error in (KeyError("k"), langchain_oxen.OxenConfigError("mine")):
        with pytest.raises(type(error)) as caught, errors.LangChainErrors():
            raise error
        assert caught.value is error


OVERFLOW = "Prompt contains 70000 tokens and 0 draft tokens, too large for model with 65536 maximum context length"


@each_row(
    "status, kind",
    [
        (400, core.ModelInvalidRequestError),
        (401, core.ModelAuthenticationError),
        (429, core.ModelRateLimitError),
        (500, core.ModelAPIError),
        (OVERFLOW, core.ContextOverflowError),
    ],
)
@each(*entry_points(LangChain))
def test_the_class_for_a_status(server, status, kind, api):
    text, status = (status, 400) if isinstance(status, str) else ("the server's words", status)
    model = api.make(server.stage(reply(error_body(text), status, x_request_id="req-7")).url, max_retries=0)
    for asked in (model, model.bind_tools([], temperature=0.1)):
        with pytest.raises(kind, match=text) as caught:
            api.ask(asked, "hi")
        error = caught.value
        assert isinstance(error, langchain_oxen.OxenError)
        assert (error.status_code, error.response.status_code, error.request_id) == (status, status, "req-7")
        assert error.__context__ is error.__cause__ is None


@each_row(
    "act",
    [
        lambda: ChatOxen(api_key="k", temperature=9),
        lambda: ChatOxen(api_key="k", temprature=1),
        lambda: ChatOxen(),  # noqa: PLW0108 - it is looked up when it is called
        lambda: ChatOxen(api_key="k").invoke("hi", temprature=1),
        lambda: ChatOxen(api_key="k").bind_tools([object()]),
        lambda: ChatOxen(api_key="k").bind_tools([{"type": "web_search"}]),
        lambda: ChatOxen(api_key="k").with_structured_output({"no": "schema"}),
        lambda: ChatOxen(api_key="k").with_structured_output(None),
        lambda: ChatOxen(api_key="k").with_structured_output(7),
        lambda: ChatOxen(api_key="k").with_structured_output(dict, method="magic"),
    ],
)
def test_bad_input_is_one_error_of_ours(act):
    with pytest.raises(langchain_oxen.OxenConfigError) as caught:
        act()
    assert isinstance(caught.value, core.ModelInvalidRequestError)
    assert isinstance(caught.value, ValueError)


@each(*entry_points(LangChain, is_async=False))
def test_a_trace_gets_the_servers_words_and_no_key(server, api):
    """Core reads `.response` and `.request_id` of an error into the run (`_generate_response_from_error`)."""

    class Tracer(BaseCallbackHandler):
        seen: Any = None

        def on_llm_error(self, error, *, response=None, **_):
            self.seen = response

    stage = server.stage(reply(error_body("no such field, sk-test-0123456789"), 400, x_request_id="req-7"))
    model, tracer = api.make(stage.url, api_key="sk-test-0123456789"), Tracer()
    with pytest.raises(langchain_oxen.OxenBadRequestError):
        api.ask(model, "hi", config={"callbacks": [tracer]})
    known = tracer.seen.generations[0][0].message.response_metadata
    assert (known["status_code"], known["request_id"]) == (400, "req-7")
    assert known["body"] == {"error": {"message": "no such field, [redacted]"}}
    assert "sk-test" not in repr(tracer.seen)

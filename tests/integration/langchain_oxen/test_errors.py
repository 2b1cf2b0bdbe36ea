"""Every error of the tree is LangChain's own, too, and stays one error."""

from __future__ import annotations

import asyncio
import pickle
import traceback
from typing import Any

import langchain_core.exceptions as core
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware
from langchain_core.callbacks import BaseCallbackHandler

import _oxen_transport.errors as transport
import langchain_oxen
from _oxen_transport.testing import chunk, error_body, event, good, open_stream, reply, sse, streamed
from _oxen_transport.types import Completion
from langchain_oxen import ChatOxen, errors
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


@each_row("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_class_of_the_tree_has_its_place_here(kind):
    ours = getattr(langchain_oxen, kind.__name__)
    assert issubclass(ours, kind)
    assert issubclass(ours, FAMILIES.get(kind.__name__, object))
    assert ours.is_retryable == kind.is_retryable
    for parent in kind.__bases__:  # the tree keeps its shape: who catches a parent catches the child
        if issubclass(parent, transport.OxenError):
            assert issubclass(ours, getattr(langchain_oxen, parent.__name__))


@each_row("kind", LEAVES, ids=lambda kind: kind.__name__)
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


STATUSES = {
    400: core.ModelInvalidRequestError,
    401: core.ModelAuthenticationError,
    402: core.ModelPermissionDeniedError,
    403: core.ModelPermissionDeniedError,
    404: core.ModelNotFoundError,
    422: core.ModelInvalidRequestError,
    429: core.ModelRateLimitError,
    500: core.ModelAPIError,
}


ENTRY_POINTS = ("invoke", "ainvoke", "stream", "astream", "bind_tools")
# each status through two entry points, the next status through the next two
CELLS = [(status, ENTRY_POINTS[(2 * number + more) % 5]) for number, status in enumerate(STATUSES) for more in (0, 1)]


@each_row(("status", "road"), CELLS)
def test_the_class_for_a_status(server, status, road):
    stage = server.stage(reply(error_body("the server's words"), status, x_request_id="req-7"))
    model = ChatOxen(base_url=stage.url, api_key="sk-canary", max_retries=0)
    with pytest.raises(STATUSES[status], match="the server's words") as caught:
        walk(model, road)
    error = caught.value
    assert isinstance(error, langchain_oxen.OxenError)
    assert (error.status_code, error.response.status_code, error.request_id) == (status, status, "req-7")
    assert error.__context__ is None
    assert error.__cause__ is None
    assert "sk-canary" not in "".join(traceback.format_exception(error))


def walk(model, road):
    if road in ("invoke", "stream"):
        return list(model.stream("hi")) if road == "stream" else model.invoke("hi")
    if road == "bind_tools":
        return model.bind_tools([], temperature=0.1).invoke("hi")

    async def run():
        return [piece async for piece in model.astream("hi")] if road == "astream" else await model.ainvoke("hi")

    return asyncio.run(run())


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
        lambda: ChatOxen(api_key="k").with_structured_output(dict, method="magic"),
    ],
)
def test_bad_input_is_one_error_of_ours(act):
    with pytest.raises(langchain_oxen.OxenConfigError) as caught:
        act()
    assert isinstance(caught.value, core.ModelInvalidRequestError)
    assert isinstance(caught.value, ValueError)


def test_a_cut_stream_carries_the_half(server):
    stage = server.stage(streamed(sse([chunk("The ox")], done=False)))
    seen = []
    with pytest.raises(core.ModelAPIError) as caught:
        seen.extend(piece.text for piece in ChatOxen(base_url=stage.url, api_key="k", max_retries=0).stream("hi"))
    assert caught.value.partial_text == "The ox"
    assert isinstance(caught.value, langchain_oxen.OxenTruncatedStreamError)


def test_an_error_in_the_middle_of_a_stream(server):
    stage = server.stage(open_stream(event(chunk("The ox")), event(error_body("out of hay"))))
    with pytest.raises(langchain_oxen.OxenStreamError, match="out of hay") as caught:
        list(ChatOxen(base_url=stage.url, api_key="k", max_retries=0).stream("hi"))
    assert caught.value.partial_text == "The ox"


def test_overflow_is_known_by_its_words(server):
    words = "Prompt contains 70000 tokens and 0 draft tokens, too large for model with 65536 maximum context length"
    stage = server.stage(reply({"object": "error", "message": words, "type": "invalid_request_error"}, 400))
    with pytest.raises(core.ContextOverflowError):
        ChatOxen(base_url=stage.url, api_key="k").invoke("hi")


@each_row(("status", "requests"), [(400, 1), (503, 2)])
def test_middleware_repeats_what_may_pass_and_nothing_else(server, status, requests):
    stage = server.stage(reply(error_body("no"), status), good)
    model = ChatOxen(base_url=stage.url, api_key="k", max_retries=0)
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, on_failure="error")
    agent = create_agent(model, [], middleware=[retry])
    if status == 503:
        agent.invoke({"messages": [("user", "hi")]})
    else:
        with pytest.raises(langchain_oxen.OxenBadRequestError):
            agent.invoke({"messages": [("user", "hi")]})
    assert len(stage.requests) == requests


@each_row("road", ["invoke", "stream"])
def test_a_trace_gets_what_the_server_said_and_no_key(server, road):
    """Core reads `.response` and `.request_id` of an error into the run (`_generate_response_from_error`)."""

    class Tracer(BaseCallbackHandler):
        seen: Any = None

        def on_llm_error(self, error, *, response=None, **_):
            self.seen = response

    stage = server.stage(reply(error_body("no such field, sk-test-0123456789"), 400, x_request_id="req-7"))
    model, tracer = ChatOxen(base_url=stage.url, api_key="sk-test-0123456789"), Tracer()
    with pytest.raises(langchain_oxen.OxenBadRequestError):
        list(getattr(model, road)("hi", {"callbacks": [tracer]}))
    known = tracer.seen.generations[0][0].message.response_metadata
    assert (known["status_code"], known["request_id"]) == (400, "req-7")
    assert known["body"] == {"error": {"message": "no such field, [redacted]"}}
    assert "sk-test" not in repr(tracer.seen)

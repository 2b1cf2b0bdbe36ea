"""The error tree: what is what, what survives, what it says."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

import langchain_oxen
import llama_index_oxen
from _oxen_transport import errors
from _oxen_transport.errors import MAX_MESSAGE, Details, ErrorResponse, OxenConfigError, OxenError, error_class
from _oxen_transport.types import Completion
from tests.tables import each_row

LEAVES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, OxenError)]
KNOWN = Details(
    status_code=503,
    type="upstream",
    request_id="r-1",
    retry_after=1.5,
    response=ErrorResponse(503, {"content-type": "text/plain"}, '{"a": 1}'),
    model="m",
    host="h.test",
    attempts=3,
    elapsed=2.04,
    partial=Completion(text="half"),
)


@each_row("kind", LEAVES)
def test_every_error_is_in_the_tree_has_a_full_text_and_survives_pickle_and_copy(kind: type[OxenError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__
    error = kind("what happened", KNOWN)
    assert str(error).startswith("what happened [m at h.test, 3 attempts in 2.0 s, request id r-1]")
    assert str(error).endswith(kind.advice)
    assert str(kind("what happened")).startswith("what happened")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301
        assert type(again) is kind
        assert str(again) == str(error)
        assert again.details == KNOWN


def test_both_packages_export_every_error_and_each_but_the_roots_gives_advice() -> None:
    assert set(errors.__all__) == {kind.__name__ for kind in LEAVES}
    for package in (langchain_oxen, llama_index_oxen):
        assert set(errors.__all__) <= set(package.__all__)
        assert all(issubclass(getattr(package, kind.__name__), kind) for kind in LEAVES)
    without_advice = {kind.__name__ for kind in LEAVES if not kind.advice}
    assert without_advice <= {"OxenError", "OxenStatusError", "OxenConfigError", "OxenMissingExtraError"}


def test_details_are_attributes() -> None:
    error = OxenError("x", KNOWN)
    assert {name: getattr(error, name) for name in Details.__dataclass_fields__} == vars(KNOWN)
    assert (error.partial_text, OxenError("x").partial_text) == ("half", "")
    for made in (error, OxenError.__new__(OxenError)):  # `pickle` and `copy` look attributes up on an empty object
        with pytest.raises(AttributeError, match="nothing_like_it"):
            _ = made.nothing_like_it
    with pytest.raises(AttributeError):
        _ = OxenError.__new__(OxenError).status_code
    assert OxenError().status_code is None
    assert repr(error) == "OxenError('x')"
    one = OxenError("x", Details(attempts=1, elapsed=0.04, model="m", host="h"))
    assert str(one) == "x [m at h, 1 attempt in 0.0 s]", "singular"


def test_further_details_are_added_to_a_copy() -> None:
    error = errors.OxenServerError("x", Details(status_code=500))
    with_details = error.with_details(model="m", attempts=2)
    assert type(with_details) is errors.OxenServerError
    assert (with_details.status_code, with_details.model, with_details.attempts) == (500, "m", 2)
    assert error.model is None, "the first one is unchanged"


def test_the_response_has_the_shape_tracers_read() -> None:
    assert ErrorResponse(400, {}, '{"a": 1}').json() == {"a": 1}
    with pytest.raises(ValueError, match="Expecting"):
        ErrorResponse(400, {}, "<html>").json()


@each_row(
    ("kind", "statuses"),
    [
        (errors.OxenBadRequestError, [400, 405, 410, 413, 418, 422, 451, 499]),
        (errors.OxenServerError, [408, 409, 425, 500, 501, 502, 503, 504, 520, 529, 599]),
        (errors.OxenRedirectError, [300, 301, 302, 303, 304, 307, 308, 399]),
        *((errors.OxenAuthenticationError, [401]), (errors.OxenPaymentRequiredError, [402])),
        *((errors.OxenPermissionError, [403]), (errors.OxenNotFoundError, [404])),
        *((errors.OxenUpgradeRequiredError, [426]), (errors.OxenRateLimitError, [429])),
    ],
)
def test_the_class_for_a_status(kind: type[OxenError], statuses: list[int]) -> None:
    assert {status: error_class(status) for status in statuses} == dict.fromkeys(statuses, kind)


@each_row(
    ("kind", "also"),
    [
        (errors.OxenConfigError, ValueError),
        (errors.OxenMissingExtraError, ImportError),
        (errors.OxenTimeoutError, TimeoutError),
        (errors.OxenTLSError, errors.OxenConnectionError),
        (errors.OxenContextOverflowError, errors.OxenBadRequestError),
        (errors.OxenStreamError, errors.OxenAPIError),
        (errors.OxenResponseTooLargeError, errors.OxenResponseError),
    ],
)
def test_what_else_an_error_is(kind: type[OxenError], also: type[Exception]) -> None:
    assert issubclass(kind, also)


def test_what_may_succeed_later() -> None:
    lasting = {kind.__name__ for kind in LEAVES if not kind.is_retryable}
    assert lasting == {
        *("OxenError", "OxenStatusError", "OxenConfigError", "OxenMissingExtraError", "OxenTLSError"),
        *("OxenRedirectError", "OxenBadRequestError", "OxenContextOverflowError", "OxenUpgradeRequiredError"),
        *("OxenPaymentRequiredError", "OxenAuthenticationError", "OxenPermissionError", "OxenNotFoundError"),
        *("OxenResponseTooLargeError", "OxenToolCallError", "OxenStructuredOutputError", "OxenRefusalError"),
    }


def test_a_long_message_is_cut() -> None:
    assert OxenError("x" * MAX_MESSAGE).message == "x" * MAX_MESSAGE
    assert OxenError("x" * (MAX_MESSAGE + 1)).message == "x" * MAX_MESSAGE + " ..."
    assert OxenError().message == ""


def test_an_error_from_before_the_request_has_nothing_to_show() -> None:
    for show in (OxenError("x").to_curl, OxenError("x").to_python):
        with pytest.raises(OxenConfigError, match="this error came before a request was sent; to_curl"):
            show()


def test_a_text_without_what_is_not_known() -> None:
    assert str(OxenError("x", Details(model="m"))) == str(OxenError("x", Details(host="h"))) == "x"
    assert "[1 attempt in 0.0 s]" in str(OxenError("x", Details(attempts=1)))
    with pytest.raises(AttributeError, match="'OxenError' object has no attribute 'nothing'"):
        OxenError("x").nothing  # noqa: B018

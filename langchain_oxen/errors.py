"""The errors, each also LangChain's own: middleware acts on `langchain_core.exceptions`.

The tree is drawn in `_oxen_transport/errors.py`; `OxenError` there is the root here. A leaf
inherits from the transport's class and from LangChain's, so `except` works with either.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from langchain_core import exceptions
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
    OutputParserException,
)

from _oxen_transport import errors as _t
from _oxen_transport.errors import OxenError, OxenStatusError


class OxenConfigError(_t.OxenConfigError, ModelInvalidRequestError):
    """Bad input on this side: nothing was sent."""


class OxenMissingExtraError(_t.OxenMissingExtraError, OxenConfigError):
    """An optional package is needed and is not installed."""


class OxenConnectionError(_t.OxenConnectionError, ModelConnectionError):
    """No answer came: refused, reset, cut short, or the other side does not speak HTTP."""


class OxenTLSError(_t.OxenTLSError, OxenConnectionError):
    """The certificate or the handshake was refused."""


class OxenTimeoutError(_t.OxenTimeoutError, ModelTimeoutError):
    """No answer in time."""


class OxenRedirectError(_t.OxenRedirectError, ModelInvalidRequestError):
    """The server wants to send the request elsewhere; the prompt and the key stay here."""


class OxenBadRequestError(_t.OxenBadRequestError, ModelInvalidRequestError):
    """400, 422 or another 4xx: the request itself is refused."""


class OxenContextOverflowError(_t.OxenContextOverflowError, OxenBadRequestError, ContextOverflowError):
    """The prompt does not fit the model's window."""


class OxenUpgradeRequiredError(_t.OxenUpgradeRequiredError, OxenBadRequestError):
    """426: the server took this side for an old CLI of its own."""


class OxenPaymentRequiredError(_t.OxenPaymentRequiredError, ModelPermissionDeniedError):
    """402: the account has no credits left."""


class OxenAuthenticationError(_t.OxenAuthenticationError, ModelAuthenticationError):
    """401: the key is missing, wrong or revoked."""


class OxenPermissionError(_t.OxenPermissionError, ModelPermissionDeniedError):
    """403: the key may not do this."""


class OxenNotFoundError(_t.OxenNotFoundError, ModelNotFoundError):
    """404: no such model, or no such address."""


class OxenRateLimitError(_t.OxenRateLimitError, ModelRateLimitError):
    """429: too many requests; `retry_after` says for how long, if the server did."""


class OxenServerError(_t.OxenServerError, ModelAPIError):
    """408, 409, 425 or 5xx: the server's own trouble."""


class OxenAPIError(_t.OxenAPIError, ModelAPIError):
    """A 200 that carries the server's error."""


class OxenStreamError(_t.OxenStreamError, OxenAPIError):
    """The server reported an error in the middle of a stream; `partial` has what arrived."""


class OxenResponseError(_t.OxenResponseError, ModelAPIError):
    """The answer came with status 200 and is no chat completion."""


class OxenResponseTooLargeError(_t.OxenResponseTooLargeError, OxenResponseError):
    """The answer is larger than this side is willing to hold."""


class OxenTruncatedStreamError(_t.OxenTruncatedStreamError, ModelAPIError):
    """The answer stopped before its end; `partial` has what arrived."""


class OxenBrokenStreamError(_t.OxenBrokenStreamError, OxenTruncatedStreamError, OxenConnectionError):
    """The connection broke in the middle of a stream."""


class OxenToolCallError(_t.OxenToolCallError, ModelAPIError):
    """A tool call that must not be executed."""


class OxenStructuredOutputError(_t.OxenStructuredOutputError, OutputParserException):
    """The answer does not fit the schema that was asked for; `partial` has the answer."""

    def __init__(self, message: str = "", details: _t.Details | None = None) -> None:
        Exception.__init__(self, message, details)  # OutputParserException would rewrite the message
        self.message, self.details = message, details or _t.Details()
        self.observation, self.llm_output, self.send_to_llm = None, self.partial_text, False


_Refusal: Any = getattr(exceptions, "ModelRefusalError", ModelError)  # langchain-core 1.7.5 and later


class OxenRefusalError(OxenStructuredOutputError, _Refusal):  # type: ignore[misc]
    """The model declined to answer with the object; `raw_message` is what it said instead.

    LangChain alone has a class for it, so the tree has none: catch `ModelRefusalError`, or the parent.
    """

    raw_message: Any = None


_LANGCHAIN: dict[type, type] = {
    kind.__mro__[1]: kind
    for kind in list(globals().values())
    if isinstance(kind, type) and kind.__module__ == __name__ and kind.__mro__[1].__module__ == _t.__name__
}


class LangChainErrors:
    """What is raised inside leaves as LangChain's own error too.

    The error keeps its identity, its traceback and what it knows, and only changes its class: a
    second error would drag the first along as its context, into every log.
    """

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let everything through, the transport's errors under their LangChain name."""
        if isinstance(error, OxenError):
            adopt(error)


def adopt(error: OxenError) -> Any:
    """Give an error of the transport its LangChain class, in place."""
    error.__class__ = _LANGCHAIN.get(type(error), type(error))
    return error


__all__ = [
    "OxenError",
    "OxenConfigError",
    "OxenMissingExtraError",
    "OxenConnectionError",
    "OxenTLSError",
    "OxenTimeoutError",
    "OxenRedirectError",
    "OxenStatusError",
    "OxenBadRequestError",
    "OxenContextOverflowError",
    "OxenUpgradeRequiredError",
    "OxenPaymentRequiredError",
    "OxenAuthenticationError",
    "OxenPermissionError",
    "OxenNotFoundError",
    "OxenRateLimitError",
    "OxenServerError",
    "OxenAPIError",
    "OxenStreamError",
    "OxenResponseError",
    "OxenResponseTooLargeError",
    "OxenTruncatedStreamError",
    "OxenBrokenStreamError",
    "OxenToolCallError",
    "OxenStructuredOutputError",
]

"""The errors, each also LangChain's own: middleware acts on `langchain_core.exceptions`.

The tree is drawn in `_oxen_transport/errors.py`. A leaf inherits from the transport's class and from LangChain's.
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

from _oxen_transport import errors as transport
from _oxen_transport.errors import Details, OxenError, OxenStatusError

# one by one, since type checkers cannot follow another package's list; a test compares them
__all__ = [
    "OxenError", "OxenConfigError", "OxenMissingExtraError", "OxenConnectionError", "OxenTLSError",
    "OxenTimeoutError", "OxenRedirectError", "OxenStatusError", "OxenBadRequestError", "OxenContextOverflowError",
    "OxenUpgradeRequiredError", "OxenPaymentRequiredError", "OxenAuthenticationError", "OxenPermissionError",
    "OxenNotFoundError", "OxenRateLimitError", "OxenServerError", "OxenAPIError", "OxenStreamError",
    "OxenResponseError", "OxenResponseTooLargeError", "OxenTruncatedStreamError", "OxenBrokenStreamError",
    "OxenToolCallError", "OxenStructuredOutputError", "OxenRefusalError",
]  # fmt: skip


class OxenConfigError(transport.OxenConfigError, ModelInvalidRequestError):
    """Invalid arguments or configuration; raised before any request is sent."""


class OxenMissingExtraError(transport.OxenMissingExtraError, OxenConfigError):
    """An optional package is needed and not installed."""


class OxenConnectionError(transport.OxenConnectionError, ModelConnectionError):
    """No answer: the connection was refused, reset or cut, or the other side does not speak HTTP."""


class OxenTLSError(transport.OxenTLSError, OxenConnectionError):
    """The certificate or the TLS handshake failed; retrying does not help."""


class OxenTimeoutError(transport.OxenTimeoutError, ModelTimeoutError):
    """No answer in time: `timeout` (silence) or `total_timeout` (the whole call) ran out."""


class OxenRedirectError(transport.OxenRedirectError, ModelInvalidRequestError):
    """The server redirects to another URL. Not followed, so that the prompt and the key stay here."""


class OxenBadRequestError(transport.OxenBadRequestError, ModelInvalidRequestError):
    """400, 422 or another 4xx: the server rejects the request itself."""


class OxenContextOverflowError(transport.OxenContextOverflowError, OxenBadRequestError, ContextOverflowError):
    """The prompt, with max_tokens for the answer, does not fit the context window."""


class OxenUpgradeRequiredError(transport.OxenUpgradeRequiredError, OxenBadRequestError):
    """426: the server took the User-Agent for an outdated Oxen CLI."""


class OxenPaymentRequiredError(transport.OxenPaymentRequiredError, ModelPermissionDeniedError):
    """402: the account is out of credits."""


class OxenAuthenticationError(transport.OxenAuthenticationError, ModelAuthenticationError):
    """401: the key is missing, wrong or revoked."""


class OxenPermissionError(transport.OxenPermissionError, ModelPermissionDeniedError):
    """403: the key has no permission for this."""


class OxenNotFoundError(transport.OxenNotFoundError, ModelNotFoundError):
    """404: no such model, or no such URL."""


class OxenRateLimitError(transport.OxenRateLimitError, ModelRateLimitError):
    """429: too many requests; `retry_after` has the seconds to wait, if the server gave them."""


class OxenServerError(transport.OxenServerError, ModelAPIError):
    """408, 409, 425 or 5xx: the server failed, or the provider behind it."""


class OxenAPIError(transport.OxenAPIError, ModelAPIError):
    """The answer has status 200 and holds an error in place of a completion."""


class OxenStreamError(transport.OxenStreamError, OxenAPIError):
    """The server reported an error in the middle of a stream; `partial` has what arrived."""


class OxenResponseError(transport.OxenResponseError, ModelAPIError):
    """The answer has status 200 and is not a chat completion."""


class OxenResponseTooLargeError(transport.OxenResponseTooLargeError, OxenResponseError):
    """The answer exceeds the size limit."""


class OxenTruncatedStreamError(transport.OxenTruncatedStreamError, ModelAPIError):
    """The answer stopped before its end: no finish reason, no `[DONE]`."""


class OxenBrokenStreamError(transport.OxenBrokenStreamError, OxenTruncatedStreamError, OxenConnectionError):
    """The connection broke in the middle of a stream."""


class OxenToolCallError(transport.OxenToolCallError, ModelAPIError):
    """The model called a tool that does not exist, or with arguments that are cut or not a JSON object."""


class OxenStructuredOutputError(transport.OxenStructuredOutputError, OutputParserException):
    """The answer does not fit the schema that was asked for; `partial` has the answer."""

    def __init__(self, message: str = "", details: Details | None = None) -> None:
        OxenError.__init__(self, message, details)
        # as OutputParserException sets them; its own constructor would rewrite the message
        self.observation, self.llm_output, self.send_to_llm = None, self.partial_text, False


_ModelRefusalError: Any = getattr(exceptions, "ModelRefusalError", ModelError)  # langchain-core 1.7.5 and later


class OxenRefusalError(transport.OxenRefusalError, OxenStructuredOutputError, _ModelRefusalError):  # type: ignore[misc]
    """The model declined to answer with an object; `raw_message` is what it answered."""

    raw_message: Any = None


_LANGCHAIN: dict[type, type] = {
    kind.__mro__[1]: kind
    for kind in list(globals().values())
    if isinstance(kind, type) and kind.__module__ == __name__ and kind.__mro__[1] in vars(transport).values()
}


def langchain_error(error: OxenError) -> OxenError:
    """An error of the transport as LangChain's; others are returned as they are."""
    kind = _LANGCHAIN.get(type(error))
    return error if kind is None else kind(error.message, error.details)


class LangChainErrors:
    """A context manager: the transport's errors leave it as LangChain's, see `langchain_error`."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise the error as LangChain's, from where the transport raised it."""
        if not isinstance(error, OxenError) or (converted := langchain_error(error)) is error:
            return
        try:
            raise converted.with_traceback(trace)
        finally:
            # the transport's error says the same: as a context it would stand in each log a second time
            converted.__context__ = error.__context__

"""Everything that can go wrong, as one tree.

    OxenError
    ├── OxenConfigError              bad input on this side; nothing was sent       (ValueError)
    │   └── OxenMissingExtraError    an optional package is not installed          (ImportError)
    ├── OxenConnectionError          no answer: refused, reset, cut, not HTTP
    │   └── OxenTLSError             the certificate or the handshake; never retried
    ├── OxenTimeoutError             no answer in time                            (TimeoutError)
    ├── OxenRedirectError            a 3xx; redirects are never followed
    ├── OxenStatusError              an answer that says no
    │   ├── OxenBadRequestError      400, 422 and every other 4xx
    │   │   ├── OxenContextOverflowError   the prompt does not fit the window
    │   │   └── OxenUpgradeRequiredError   426
    │   ├── OxenPaymentRequiredError 402
    │   ├── OxenAuthenticationError  401
    │   ├── OxenPermissionError      403
    │   ├── OxenNotFoundError        404
    │   ├── OxenRateLimitError       429
    │   └── OxenServerError          408, 409, 425, 5xx
    ├── OxenAPIError                 a 200 that carries the server's error
    │   └── OxenStreamError          the same, in the middle of a stream
    ├── OxenResponseError            a 200 that cannot be read
    │   └── OxenResponseTooLargeError
    ├── OxenTruncatedStreamError     the answer stopped before its end             (.partial)
    ├── OxenToolCallError            a tool call that must not be executed         (.partial)
    └── OxenStructuredOutputError    the answer does not fit the schema            (.partial)

"No answer" and "an answer we dislike" are different branches. `is_retryable` says whether the
same request may succeed later; whether it *is* retried is the policy's business (retry.py).
Every error is made of plain data and survives `pickle`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from _oxen_transport.wire import Completion


@dataclass(frozen=True)
class ErrorResponse:
    """The server's answer, in the shape tracing tools read from `error.response`."""

    status_code: int
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""

    def json(self) -> Any:
        """The body parsed. Raises: ValueError, if it is not JSON."""
        import json  # only tracing of an error asks for it

        return json.loads(self.text)


@dataclass(frozen=True)
class Details:
    """What is known about a failure, as plain data: nothing here holds a secret or a socket."""

    status_code: int | None = None
    type: str | None = None
    code: str | None = None
    param: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    body: Any = None
    response: ErrorResponse | None = None
    model: str | None = None
    host: str | None = None
    attempts: int = 0
    elapsed: float | None = None
    partial: Completion | None = None
    prompt_tokens: int | None = None
    context_window: int | None = None


class OxenError(Exception):
    """The root of everything this library raises.

    Args:
        message: What happened, and what to do next, in plain words.
        details: What is known about it; each field is also an attribute of the error:
            `status_code`, `request_id`, `retry_after` (seconds), `body`, `response`, `model`,
            `host`, `attempts`, `elapsed` (seconds), `partial` (the part of the answer that had
            arrived), `prompt_tokens`, `context_window`.
    """

    is_retryable: ClassVar[bool] = False

    def __init__(self, message: str = "", details: Details | None = None) -> None:
        super().__init__(message, details)
        self.message = message
        self.details = details or Details()

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    def __getattr__(self, name: str) -> Any:
        """Read a field of the details as an attribute of the error."""
        if name in Details.__dataclass_fields__ and "details" in self.__dict__:
            return getattr(self.details, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def partial_text(self) -> str:
        """The text that had arrived before the failure; "" if none had."""
        return self.details.partial.text if self.details.partial else ""


class OxenConfigError(OxenError, ValueError):
    """Bad input on this side: nothing was sent."""


class OxenMissingExtraError(OxenConfigError, ImportError):
    """An optional package is needed and is not installed."""


class OxenConnectionError(OxenError):
    """No answer came: refused, reset, cut short, or the other side does not speak HTTP."""

    is_retryable: ClassVar[bool] = True


class OxenTLSError(OxenConnectionError):
    """The certificate or the handshake was refused: trying again does not help."""

    is_retryable: ClassVar[bool] = False


class OxenTimeoutError(OxenError, TimeoutError):
    """No answer in time: `timeout` (silence) or `total_timeout` (the whole call) ran out."""

    is_retryable: ClassVar[bool] = True


class OxenRedirectError(OxenError):
    """The server wants to send the request elsewhere; the prompt and the key stay here."""


class OxenStatusError(OxenError):
    """The server answered with a status that says no."""


class OxenBadRequestError(OxenStatusError):
    """400, 422 or another 4xx: the request itself is refused."""


class OxenContextOverflowError(OxenBadRequestError):
    """The prompt, with what is reserved for the answer, does not fit the context window."""


class OxenUpgradeRequiredError(OxenBadRequestError):
    """426: the server took the User-Agent for an outdated Oxen CLI."""


class OxenPaymentRequiredError(OxenStatusError):
    """402: the account is out of credits."""


class OxenAuthenticationError(OxenStatusError):
    """401: the key is missing, wrong or revoked."""


class OxenPermissionError(OxenStatusError):
    """403: the key may not do this."""


class OxenNotFoundError(OxenStatusError):
    """404: no such model, or no such path."""


class OxenRateLimitError(OxenStatusError):
    """429: too many requests; `retry_after` says how long to wait, if the server said so."""

    is_retryable: ClassVar[bool] = True


class OxenServerError(OxenStatusError):
    """408, 409, 425 or 5xx: the server, or the provider behind it, failed."""

    is_retryable: ClassVar[bool] = True


class OxenAPIError(OxenError):
    """The answer came with status 200 and carries the server's error."""

    is_retryable: ClassVar[bool] = True


class OxenStreamError(OxenAPIError):
    """The server reported an error in the middle of a stream; `partial` has what arrived."""


class OxenResponseError(OxenError):
    """The answer came with status 200 and is no chat completion."""

    is_retryable: ClassVar[bool] = True


class OxenResponseTooLargeError(OxenResponseError):
    """The answer is larger than this side is willing to hold."""

    is_retryable: ClassVar[bool] = False


class OxenTruncatedStreamError(OxenError):
    """The answer stopped before its end: neither a finish reason nor `[DONE]` came."""

    is_retryable: ClassVar[bool] = True


class OxenToolCallError(OxenError):
    """The model asked for a tool that does not exist, or its arguments are cut or no JSON."""


class OxenStructuredOutputError(OxenError):
    """The answer does not fit the schema that was asked for."""


STATUS_ERRORS: dict[int, type[OxenStatusError]] = {
    400: OxenBadRequestError,
    401: OxenAuthenticationError,
    402: OxenPaymentRequiredError,
    403: OxenPermissionError,
    404: OxenNotFoundError,
    408: OxenServerError,
    409: OxenServerError,
    425: OxenServerError,
    426: OxenUpgradeRequiredError,
    429: OxenRateLimitError,
}


def error_class(status: int) -> type[OxenError]:
    """The class for a status: the table first, then 3xx, 5xx, and any other 4xx."""
    if status in STATUS_ERRORS:
        return STATUS_ERRORS[status]
    if 300 <= status < 400:
        return OxenRedirectError
    return OxenServerError if status >= 500 else OxenBadRequestError

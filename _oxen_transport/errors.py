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
    │   └── OxenBrokenStreamError    because the connection broke        (OxenConnectionError)
    ├── OxenToolCallError            a tool call that must not be executed (.partial) (ValueError)
    └── OxenStructuredOutputError    the answer does not fit the schema    (.partial) (ValueError)

"No answer" and "an answer we dislike" are different branches. `is_retryable` says whether the
same request may succeed later; whether it *is* retried is the policy's business (retry.py).
Every error is made of plain data and survives `pickle`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from _oxen_transport.types import Completion

MAX_MESSAGE = 3_000
"""Characters; an error is to be read, and goes into logs."""


@dataclass(frozen=True)
class ErrorResponse:
    """The server's answer, in the shape tracing tools read from `error.response`."""

    status_code: int
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""

    def json(self) -> Any:
        """The body parsed. Raises: ValueError, if it is not JSON."""
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
    unknown_model: bool = False


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
    advice: ClassVar[str] = ""
    """What to do next; the last sentence of the error's text."""

    def __init__(self, message: str = "", details: Details | None = None) -> None:
        if len(message) > MAX_MESSAGE:  # it may quote what the caller or the server wrote
            message = message[:MAX_MESSAGE] + " ..."
        super().__init__(message, details)
        self.message = message
        self.details = details or Details()

    def __str__(self) -> str:
        """What happened, where, after how much trying, and what to do next."""
        known = self.details
        where = [f"{known.model} at {known.host}"] if known.model and known.host else []
        if known.attempts:
            tried = "1 attempt" if known.attempts == 1 else f"{known.attempts} attempts"
            where.append(f"{tried} in {known.elapsed or 0:.1f} s")
        if known.request_id:
            where.append(f"request id {known.request_id}")
        text = f"{self.message} [{', '.join(where)}]" if where else self.message
        return f"{text}. {self.advice}" if self.advice else text

    def with_details(self, **known: Any) -> OxenError:
        """The same error, with more known about it (fields of `Details`)."""
        return type(self)(self.message, replace(self.details, **known))

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

    advice: ClassVar[str] = (
        "Check that base_url is right and reachable from here; a proxy or firewall may be in the way."
    )

    is_retryable: ClassVar[bool] = True


class OxenTLSError(OxenConnectionError):
    """The certificate or the handshake was refused: trying again does not help."""

    advice: ClassVar[str] = (
        "Check the certificate of base_url; for a private authority set SSL_CERT_FILE or ca_bundle=..."
    )

    is_retryable: ClassVar[bool] = False


class OxenTimeoutError(OxenError, TimeoutError):
    """No answer in time: `timeout` (silence) or `total_timeout` (the whole call) ran out."""

    advice: ClassVar[str] = (
        "Raise timeout= (seconds of silence) or total_timeout= (seconds in all), or ask for a shorter answer."
    )

    is_retryable: ClassVar[bool] = True


class OxenRedirectError(OxenError):
    """The server wants to send the request elsewhere; the prompt and the key stay here."""

    advice: ClassVar[str] = "Redirects are not followed; give base_url as the server wants it."


class OxenStatusError(OxenError):
    """The server answered with a status that says no."""


class OxenBadRequestError(OxenStatusError):
    """400, 422 or another 4xx: the request itself is refused."""

    advice: ClassVar[str] = (
        "The request itself is refused; sending it again will not help. `to_curl(...)` of the model object shows it."
    )


class OxenContextOverflowError(OxenBadRequestError):
    """The prompt, with what is reserved for the answer, does not fit the context window."""

    advice: ClassVar[str] = "Shorten or trim the messages, lower max_tokens, or use a model with a larger window."


class OxenUpgradeRequiredError(OxenBadRequestError):
    """426: the server took the User-Agent for an outdated Oxen CLI."""

    advice: ClassVar[str] = "The server took the User-Agent for an old Oxen CLI; keep 'oxen' out of it."


class OxenPaymentRequiredError(OxenStatusError):
    """402: the account is out of credits."""

    advice: ClassVar[str] = "Add credits to the account at https://www.oxen.ai, or use another key."


class OxenAuthenticationError(OxenStatusError):
    """401: the key is missing, wrong or revoked."""

    advice: ClassVar[str] = (
        "Check api_key or OXEN_API_KEY; keys are made at https://www.oxen.ai under account settings."
    )


class OxenPermissionError(OxenStatusError):
    """403: the key may not do this."""

    advice: ClassVar[str] = "This key may not do that; check what it is allowed to do."


class OxenNotFoundError(OxenStatusError):
    """404: no such model, or no such path."""

    advice: ClassVar[str] = (
        "Check model and base_url; list_models() shows what is served. A model may have been retired."
    )


class OxenRateLimitError(OxenStatusError):
    """429: too many requests; `retry_after` says how long to wait, if the server said so."""

    advice: ClassVar[str] = "Wait, raise max_retries, or slow down with a rate limiter."

    is_retryable: ClassVar[bool] = True


class OxenServerError(OxenStatusError):
    """408, 409, 425 or 5xx: the server, or the provider behind it, failed."""

    advice: ClassVar[str] = "The server or the provider behind it failed; try again later."

    is_retryable: ClassVar[bool] = True


class OxenAPIError(OxenError):
    """The answer came with status 200 and carries the server's error."""

    advice: ClassVar[str] = "The server reported this inside a 200 answer; try again later."

    is_retryable: ClassVar[bool] = True


class OxenStreamError(OxenAPIError):
    """The server reported an error in the middle of a stream; `partial` has what arrived."""


class OxenResponseError(OxenError):
    """The answer came with status 200 and is no chat completion."""

    advice: ClassVar[str] = (
        "What answered does not speak this API; check base_url (a login page or a proxy may sit there)."
    )

    is_retryable: ClassVar[bool] = True


class OxenResponseTooLargeError(OxenResponseError):
    """The answer is larger than this side is willing to hold."""

    advice: ClassVar[str] = "Ask for a shorter answer."

    is_retryable: ClassVar[bool] = False


class OxenTruncatedStreamError(OxenError):
    """The answer stopped before its end: neither a finish reason nor `[DONE]` came."""

    advice: ClassVar[str] = "The part that arrived is in `.partial`; ask again, or continue from it."

    is_retryable: ClassVar[bool] = True


class OxenBrokenStreamError(OxenTruncatedStreamError, OxenConnectionError):
    """The connection broke in the middle of a stream."""


class OxenToolCallError(OxenError, ValueError):
    """The model asked for no tool, or one that does not exist, or its arguments are cut or not JSON.

    LlamaIndex's extractors skip an answer that raises a ValueError, and go on.
    """

    advice: ClassVar[str] = "Nothing was executed; the answer as it arrived is in `.partial`."


class OxenStructuredOutputError(OxenError, ValueError):
    """The answer does not fit the schema that was asked for."""

    advice: ClassVar[str] = "The answer as it arrived is in `.partial`."


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

"""Everything that can go wrong, as one tree.

    OxenError
    ├── OxenConfigError              invalid arguments or settings; nothing was sent (ValueError)
    │   └── OxenMissingExtraError    an optional package is not installed          (ImportError)
    ├── OxenConnectionError          no answer: refused, reset, cut, not HTTP
    │   └── OxenTLSError             the certificate or the handshake; never retried
    ├── OxenTimeoutError             no answer in time                            (TimeoutError)
    ├── OxenRedirectError            a 3xx; redirects are never followed
    ├── OxenStatusError              an answer with an error status
    │   ├── OxenBadRequestError      400, 422 and every other 4xx
    │   │   ├── OxenContextOverflowError   the prompt does not fit the window
    │   │   └── OxenUpgradeRequiredError   426
    │   ├── OxenPaymentRequiredError 402
    │   ├── OxenAuthenticationError  401
    │   ├── OxenPermissionError      403
    │   ├── OxenNotFoundError        404
    │   ├── OxenRateLimitError       429
    │   └── OxenServerError          408, 409, 425, 5xx
    ├── OxenAPIError                 a 200 that holds an error in place of an answer
    │   └── OxenStreamError          the same, in the middle of a stream
    ├── OxenResponseError            a 200 that is not a chat completion
    │   └── OxenResponseTooLargeError
    ├── OxenTruncatedStreamError     the answer stopped before its end             (.partial)
    │   └── OxenBrokenStreamError    because the connection broke        (OxenConnectionError)
    ├── OxenToolCallError            a tool call that must not be executed (.partial) (ValueError)
    └── OxenStructuredOutputError    the answer does not fit the schema    (.partial) (ValueError)
        └── OxenRefusalError         because the model declined to answer          (.partial)

"No answer" and "an unusable answer" are different branches. `is_retryable` says whether the
same request may succeed later; whether it *is* retried is decided in retry.py.
Every error is plain data and survives `pickle`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from _oxen_transport.types import Completion, Snippets, Style

MAX_MESSAGE = 3_000
"""Characters of an error's text, which may quote a whole prompt; longer ones are cut."""


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
    """What is known about a failure, as plain data: no secret, no socket."""

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
    request: Snippets | None = field(default=None, repr=False, compare=False)


class OxenError(Exception):
    """The base class of every error of this library.

    Args:
        message: What happened.
        details: What is known about it; each field is also an attribute of the error:
            `status_code`, `request_id`, `retry_after` (seconds), `body`, `response`, `model`,
            `host`, `attempts`, `elapsed` (seconds), `partial` (the part of the answer that had
            arrived), `prompt_tokens`, `context_window`, `request` (as text that can be run).
    """

    is_retryable: ClassVar[bool] = False
    advice: ClassVar[str] = ""
    """What to do next; the last sentence of the error's text."""

    def __init__(self, message: str = "", details: Details | None = None) -> None:
        if len(message) > MAX_MESSAGE:
            message = message[:MAX_MESSAGE] + " ..."
        super().__init__(message, details)
        self.message = message
        self.details = details or Details()

    def __str__(self) -> str:
        """What happened, where, after how many attempts, and what to do next."""
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
        """A copy of the error with more details (fields of `Details`)."""
        return type(self)(self.message, replace(self.details, **known))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    def __getattr__(self, name: str) -> Any:
        """Read a field of the details as an attribute of the error."""
        if name in Details.__dataclass_fields__ and "details" in self.__dict__:
            return getattr(self.details, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def to_curl(self) -> str:
        """Show the request that failed, as cURL, without secrets. Raises: OxenConfigError, if none was sent."""
        return self._sent().to_curl()

    def to_python(self, style: Style = "requests") -> str:
        """Show the request that failed, as Python code: "requests", "openai", "langchain" or "llama_index".

        Raises: OxenConfigError, if nothing was sent, or for an unknown style.
        """
        return self._sent().to_python(style)

    def _sent(self) -> Snippets:
        if self.details.request is None:
            raise OxenConfigError(
                "this error came before a request was sent; to_curl(...) of the model object shows one"
            )
        return self.details.request

    @property
    def partial_text(self) -> str:
        """The text that had arrived before the failure, or ""."""
        return self.details.partial.text if self.details.partial else ""


class OxenConfigError(OxenError, ValueError):
    """Invalid arguments or configuration; raised before any request is sent."""


class OxenMissingExtraError(OxenConfigError, ImportError):
    """An optional package is needed and not installed."""


class OxenConnectionError(OxenError):
    """No answer: the connection was refused, reset or cut, or the other side does not speak HTTP."""

    advice = "Check that base_url is right and reachable from here; a proxy or firewall may be in the way."
    is_retryable = True


class OxenTLSError(OxenConnectionError):
    """The certificate or the TLS handshake failed; retrying does not help."""

    advice = "Check the certificate of base_url; for a private certificate authority set SSL_CERT_FILE or ca_bundle=..."
    is_retryable = False


class OxenTimeoutError(OxenError, TimeoutError):
    """No answer in time: `timeout` (silence) or `total_timeout` (the whole call) ran out."""

    advice = "Raise timeout= (seconds of silence) or total_timeout= (seconds in all), or ask for a shorter answer."
    is_retryable = True


class OxenRedirectError(OxenError):
    """The server redirects to another URL. Not followed, so that the prompt and the key stay here."""

    advice = "Redirects are not followed; set base_url to the URL that the server redirects to."


class OxenStatusError(OxenError):
    """The server answered with an error status."""


class OxenBadRequestError(OxenStatusError):
    """400, 422 or another 4xx: the server rejects the request itself."""

    advice = (
        "The server rejects the request itself; retrying will not help. `to_curl(...)` of the model object shows it."
    )


class OxenContextOverflowError(OxenBadRequestError):
    """The prompt, with max_tokens for the answer, does not fit the context window."""

    advice = "Shorten or trim the messages, lower max_tokens, or use a model with a larger window."


class OxenUpgradeRequiredError(OxenBadRequestError):
    """426: the server took the User-Agent for an outdated Oxen CLI."""

    advice = "The server took the User-Agent for an old Oxen CLI; keep 'oxen' out of it."


class OxenPaymentRequiredError(OxenStatusError):
    """402, or 429 with `insufficient_quota`: the account is out of credits."""

    advice = "Add credits to the account at https://www.oxen.ai, or use another key."


class OxenAuthenticationError(OxenStatusError):
    """401: the key is missing, wrong or revoked."""

    advice = "Check api_key or OXEN_API_KEY; create keys at https://www.oxen.ai under account settings."


class OxenPermissionError(OxenStatusError):
    """403: the key has no permission for this."""

    advice = "Check the permissions of this key."


class OxenNotFoundError(OxenStatusError):
    """404: no such model, or no such URL."""

    advice = "Check model and base_url; list_models() lists the models. A model may have been retired."


class OxenRateLimitError(OxenStatusError):
    """429: too many requests; `retry_after` has the seconds to wait, if the server gave them."""

    advice = "Wait, raise max_retries, or slow down with a rate limiter."
    is_retryable = True


class OxenServerError(OxenStatusError):
    """408, 409, 425 or 5xx: the server failed, or the provider behind it."""

    advice = "The server or the provider behind it failed; try again later."
    is_retryable = True


class OxenAPIError(OxenError):
    """The answer has status 200 and holds an error in place of a completion."""

    advice = "The server reported this error with status 200; try again later."
    is_retryable = True


class OxenStreamError(OxenAPIError):
    """The server reported an error in the middle of a stream; `partial` has what arrived."""


class OxenResponseError(OxenError):
    """The answer has status 200 and is not a chat completion."""

    advice = "Check base_url: this does not look like the API (perhaps a login page, or a proxy)."
    is_retryable = True


class OxenResponseTooLargeError(OxenResponseError):
    """The answer exceeds the size limit."""

    advice = "Ask for a shorter answer."
    is_retryable = False


class OxenTruncatedStreamError(OxenError):
    """The answer stopped before its end: no finish reason, no `[DONE]`."""

    advice = "The part that arrived is in `.partial`; ask again, or continue from it."
    is_retryable = True


class OxenBrokenStreamError(OxenTruncatedStreamError, OxenConnectionError):
    """The connection broke in the middle of a stream."""


class OxenToolCallError(OxenError, ValueError):
    """The model asked for no tool, or one that does not exist, or its arguments are cut or not JSON.

    LlamaIndex's extractors skip an answer that raises a ValueError, and go on.
    """

    advice = "Nothing was executed; the answer as it arrived is in `.partial`."


class OxenStructuredOutputError(OxenError, ValueError):
    """The answer does not fit the schema that was asked for."""

    advice = "The answer as it arrived is in `.partial`."


class OxenRefusalError(OxenStructuredOutputError):
    """The model declined to answer with an object; its refusal is in `partial.refusal`."""

    advice = "The model's own words are in `.partial`; change the request, or ask another model."


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


__all__ = [
    "OxenError", "OxenConfigError", "OxenMissingExtraError", "OxenConnectionError", "OxenTLSError",
    "OxenTimeoutError", "OxenRedirectError", "OxenStatusError", "OxenBadRequestError", "OxenContextOverflowError",
    "OxenUpgradeRequiredError", "OxenPaymentRequiredError", "OxenAuthenticationError", "OxenPermissionError",
    "OxenNotFoundError", "OxenRateLimitError", "OxenServerError", "OxenAPIError", "OxenStreamError",
    "OxenResponseError", "OxenResponseTooLargeError", "OxenTruncatedStreamError", "OxenBrokenStreamError",
    "OxenToolCallError", "OxenStructuredOutputError", "OxenRefusalError",
]  # fmt: skip

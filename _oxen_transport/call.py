"""One call with all its attempts: what is sent, what an answer means, what a failure means.

Both colours of the client decide everything here, so every decision stands once. It reads the
clock and sends nothing.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Mapping
from typing import Any, cast

from _oxen_transport import capabilities
from _oxen_transport.catalogue import ModelInfo, nearest
from _oxen_transport.errors import (
    OxenConfigError,
    OxenConnectionError,
    OxenError,
    OxenNotFoundError,
    OxenRateLimitError,
    OxenResponseError,
    OxenTimeoutError,
    OxenTLSError,
)
from _oxen_transport.http.sockets import Deadline
from _oxen_transport.rate_limiter import Reservation
from _oxen_transport.request.build import Request
from _oxen_transport.response.completion import completion_from_body, details_of, document_from_body, error_from_reply
from _oxen_transport.response.stream import StreamReader
from _oxen_transport.retry import CEILING, AttemptState, RetryPolicy, budget_of, is_retryable
from _oxen_transport.types import Chunk, Completion

logger = logging.getLogger("oxen_integrations")

CONNECT_SECONDS = 10.0
"""The most an attempt waits for a connection; `timeout` if that is less."""
TAIL_SECONDS = 5.0
"""After the finish reason only the usage can come: that is not waited for as for a word."""
MOST_HELD_BACK = 20
"""How often a shared pace may send one call back into the line before its 429 is an error."""


class Call:
    """One call with all its attempts: what is to be sent, and what a failure means."""

    def __init__(self, request: Request) -> None:
        if capabilities.refuses_stream_options(request.url, request.model):
            request = request.without("stream_options")
        self.request = request
        self.started = time.monotonic()
        self.total_end = None if request.total_timeout is None else self.started + request.total_timeout
        self.attempts = 0
        self.headers: dict[str, str] = {}
        self.connected = self.answered = False
        self._policy = RetryPolicy(request.max_retries)
        self._budget = budget_of(request.host)
        self._events = 0
        self._reservation: Reservation | None = None
        self._held_back = 0
        if request.observer is not None:
            request.observer.on_request()

    # -- an attempt --------------------------------------------------------------------------

    def turn(self) -> float:
        """Seconds until a shared pace lets the next attempt go; 0: now. Ask again after the wait.

        Raises:
            OxenTimeoutError: It would be later than the whole call may take.
        """
        limiter = self.request.limiter
        if limiter is None:
            return 0.0
        # the framework reserved the first attempt's start; here its tokens are known
        requests = 1 if self.attempts else 0
        self._reservation = limiter.reserve(self._reservation, requests=requests, tokens=self.request.expected_tokens)
        if self.total_end is not None and time.monotonic() + self._reservation.wait >= self.total_end:
            what = f"waiting for the rate limiter would exceed total_timeout={self.request.total_timeout:g} s"
            raise self.with_details(OxenTimeoutError(what))
        return self._reservation.wait

    def attempt(self) -> Deadline:
        """Begin an attempt; the deadline is for its answer."""
        self.attempts += 1
        self._reservation = None
        self.connected = self.answered = False
        if self.request.observer is not None:
            self.request.observer.on_attempt()
        return Deadline(self.request.timeout, self.total_end)

    def arguments(self, deadline: Deadline) -> dict[str, Any]:
        """What an httpx request is made of. Used where it is made: it holds the key in clear."""
        left = max(deadline.left(), 0.001)
        timeouts = {"connect": min(left, CONNECT_SECONDS), "read": deadline, "write": left, "pool": left}
        return {
            "method": self.request.method,
            "url": self.request.url,
            "headers": self.request.headers(),
            "content": self.request.content,
            "extensions": {"timeout": timeouts},
        }

    def answer(self, status: int, headers: Mapping[str, str]) -> bool:
        """The head has come. Returns: whether it says yes."""
        self.connected = self.answered = True
        self.headers = {name.lower(): value for name, value in headers.items()}
        if logger.isEnabledFor(logging.INFO):
            asked, elapsed = f"{self.request.method} {self.request.host}", time.monotonic() - self.started
            logger.info("%s: %s, attempt %s, %.2f s", asked, status, self.attempts, elapsed)
        if self.request.limiter is not None:
            self.request.limiter.on_response(status, self.headers)
        succeeded = 200 <= status < 300
        if succeeded and self.request.observer is not None:
            self.request.observer.on_attempt_end(self.attempts, status, None, None)
        return succeeded

    def lost(self, error: BaseException, deadline: Deadline) -> OxenError:
        """The error for a connection that failed, made of plain data."""
        names = _names(error)
        self.connected = not names & {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"}
        return error_from_exception(error, names, deadline, self.request)

    def after(self, error: OxenError) -> float:
        """Seconds to wait before the next attempt. Raises: the error, if there is to be none."""
        wait = self._wait_before_retry(error)
        if self.request.observer is not None:
            self.request.observer.on_attempt_end(self.attempts, error.details.status_code, error, wait)
        if wait is None:
            raise self.with_details(error)
        return wait

    def _wait_before_retry(self, error: OxenError) -> float | None:
        if self._refuses_stream_options(error) or self._is_paced(error):
            return 0.0
        wait = None
        if is_retryable(error, AttemptState(self.connected, self.answered)):
            wait = self._policy.wait(self.attempts - self._held_back, error.details.retry_after)
        late = wait is not None and self.total_end is not None and time.monotonic() + wait >= self.total_end
        if wait is None or late or not self._budget.take():
            return None
        logger.info("trying %s again in %.2f s: %s", self.request.host, wait, type(error).__name__)
        return wait

    def _refuses_stream_options(self, error: OxenError) -> bool:
        """Mistral's own API knows no `stream_options`: ask once without, and remember."""
        words = error.details.response.text if error.details.response else ""
        refused = error.details.status_code in (400, 422) and "stream_options" in words
        if not refused or "stream_options" not in self.request.body:
            return False
        capabilities.stream_options_refused(self.request.url, self.request.model)
        self.request = self.request.without("stream_options")
        return True

    def _is_paced(self, error: OxenError) -> bool:
        """With a shared pace, a 429 is no failure but a place further back in the line."""
        late = (error.details.retry_after or 0) > CEILING
        paced = self.request.limiter is not None and isinstance(error, OxenRateLimitError) and not late
        if not paced or self._held_back == MOST_HELD_BACK:
            return False
        self._held_back += 1
        return True

    # -- its answer --------------------------------------------------------------------------

    def wants_json(self) -> bool:
        """Whether a stream was answered with one JSON body, as some providers do."""
        return "json" in self.headers.get("content-type", "")

    def reader(self) -> StreamReader:
        """What makes chunks of the answer."""
        kind = self.headers.get("content-type", "")
        reader = StreamReader(self.headers, self.request.redact, self.request.tool_names)
        if "html" in kind:
            reader.fail(
                OxenResponseError(f"the answer is a page, not a stream ({kind[:60]})", details_of(self.headers))
            )
        return reader

    def expect(self, reader: StreamReader, deadline: Deadline) -> None:
        """Before a wait for the next piece. Raises: OxenTimeoutError, if the time is up.

        An event starts the silence anew; a comment does not, or keep-alives could hold a call
        for ever.
        """
        if reader.events != self._events:
            self._events = reader.events
            deadline.arm(min(self.request.timeout, TAIL_SECONDS) if reader.finished else self.request.timeout)
        if deadline.left() <= 0:
            raise timeout_error(deadline, self.request)

    def completion(self, body: bytes) -> Completion:
        """The whole answer, read."""
        completion = completion_from_body(body, self.headers, self.request.redact, self.request.tool_names)
        return self._counted(completion)

    def document(self, body: bytes) -> Any:
        """Another document of the API, parsed."""
        parsed = document_from_body(body, self.headers, self.request.redact)
        self._budget.give_back()
        return parsed

    def verdict(self, reader: StreamReader) -> Chunk:
        """The last chunk of a stream. Raises: OxenError, with what arrived."""
        try:
            last = reader.end()
        except OxenError as error:
            failure = self.with_details(error)
        else:
            last.completion = self._counted(cast(Completion, last.completion))
            return last
        raise failure

    def _counted(self, completion: Completion) -> Completion:
        """A call went well: for the budget and for the pace."""
        self._budget.give_back()
        if self.request.limiter is not None and completion.usage is not None:
            self.request.limiter.record_usage(self.request.expected_tokens, completion.usage.total_tokens)
        return completion

    def refusal(self, status: int, body: bytes) -> OxenError:
        """The error for an answer whose head says no."""
        return error_from_reply(status, self.headers, body, self.request.redact, time.time())

    def unknown_model(self, error: OxenError) -> bool:
        """Whether the server does not know the model; then the catalogue can help."""
        known_words = error.details.unknown_model or self.request.method == "GET"
        return isinstance(error, OxenNotFoundError) and bool(self.request.model) and known_words

    def with_nearest(self, error: OxenError, models: list[ModelInfo]) -> OxenError:
        """The error for a model that does not exist, with the ids most like it."""
        close = nearest(models, self.request.model)
        hint = f"; nearest that are served: {', '.join(close)}" if close else "; it is not in the catalogue"
        return type(error)(error.message + (hint if models else ""), error.details)

    def with_details(self, error: OxenError) -> OxenError:
        """The error with its place: which model, which host, how often, how long."""
        from _oxen_transport.request.snippets import SentRequest  # noqa: PLC0415 - imported when something failed

        elapsed = round(time.monotonic() - self.started, 3)
        return error.with_details(
            model=self.request.model,
            host=self.request.host,
            attempts=self.attempts,
            elapsed=elapsed,
            request=SentRequest.of(self.request),
        )


def _names(error: BaseException | None) -> set[str]:
    """What an exception is called, bases included: HTTP clients that are compatible share names, not classes.

    httpx-aiohttp calls every lost connection a `ConnectTimeout`; aiohttp's own exception behind it knows.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if error is not None and "ConnectTimeout" in names:
        cause = _names(error.__cause__)
        if "ClientConnectionError" in cause and "TimeoutError" not in cause:
            return {"ReadError"}
    return names


def error_from_exception(error: BaseException, names: set[str], deadline: Deadline, request: Request) -> OxenError:
    """Any HTTP client's exception -> ours.

    `names` are those of its class and its bases: httpx and the clients compatible with it share
    names, not classes.
    """
    text = request.redact(str(error))[:500] or type(error).__name__
    if names & {"TimeoutException", "TimeoutError"}:
        if names & {"ConnectTimeout", "PoolTimeout"}:
            return OxenTimeoutError(f"no connection to {request.host} in time")
        return timeout_error(deadline, request)
    if _tls_failure(error) or "CERTIFICATE" in text or "certificate" in text:
        return OxenTLSError(f"no secure connection to {request.host}: {text}")
    if names & {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}:
        return OxenConfigError(f"the request cannot be sent: {text}")
    if "ConnectError" in names:
        return OxenConnectionError(f"cannot connect to {request.host}: {text}")
    return OxenConnectionError(f"the connection to {request.host} was lost: {text}")


def timeout_error(deadline: Deadline, request: Request) -> OxenTimeoutError:
    if deadline.total_passed:
        return OxenTimeoutError(f"no complete answer within total_timeout={request.total_timeout:g} s")
    return OxenTimeoutError(f"no answer for {request.timeout:g} s (timeout)")


def _tls_failure(error: BaseException | None) -> bool:
    """Whether a failed handshake stands behind an exception that was wrapped, at most six times."""
    for _ in range(6):
        if error is None or isinstance(error, ssl.SSLError):
            break
        error = error.__cause__ or error.__context__
    return isinstance(error, ssl.SSLError)

"""One call with all its attempts: what is sent, what a response means, what a failure means.

The sync and the async client decide everything here. It reads the clock and sends nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

from _oxen_transport import capabilities
from _oxen_transport.catalogue import known, nearest
from _oxen_transport.errors import (
    OxenConfigError,
    OxenConnectionError,
    OxenError,
    OxenNotFoundError,
    OxenRateLimitError,
    OxenTimeoutError,
    OxenTLSError,
)
from _oxen_transport.http.failures import NetworkFailure, network_failure
from _oxen_transport.http.outgoing import Deadline, Outgoing
from _oxen_transport.rate_limiter import Reservation
from _oxen_transport.request.build import Request
from _oxen_transport.response.body import ContentDecoder
from _oxen_transport.response.completion import document_from_body
from _oxen_transport.response.errors import error_from_reply
from _oxen_transport.response.stream import StreamReader, answer_from_body
from _oxen_transport.retry import CEILING, AttemptState, RetryPolicy, budget_of, is_retryable
from _oxen_transport.types import Chunk, Completion

logger = logging.getLogger("oxen_integrations")

CONNECT_SECONDS = 10.0
"""The most an attempt waits for a connection; `timeout` if that is less."""
TAIL_SECONDS = 5.0
"""The longest silence after the finish reason, when only the usage can still come."""
LINGER_SECONDS = 0.05
"""After `[DONE]`: what the end of the body may take."""
ERROR_SECONDS = 1.0
"""What an error's body may take."""
ERROR_BYTES = 64 * 1024
"""How much of an error's body is read."""
MAX_REQUEUES = 20
"""With a shared rate limiter: how often a 429 may put one call back into the queue before it is an error."""


class Call:
    """One call with all its attempts; `deadline` is that of the current one."""

    def __init__(self, request: Request) -> None:
        if (request.url, request.model) in capabilities.without_stream_options:
            request = request.without("stream_options")
        self.request = request
        self.started = time.monotonic()
        self.total_end = request.total_end
        if self.total_end is None and request.total_timeout is not None:
            self.total_end = self.started + request.total_timeout
        self.deadline = Deadline(request.timeout, self.total_end)
        self.attempts = 0
        self.headers: dict[str, str] = {}
        self.connected = self.answered = self._refused_stream_options = False
        self._policy = RetryPolicy(request.max_retries)
        self._budget = budget_of(request.host)
        self._events = 0
        self._reservation: Reservation | None = None
        self._booked = 0  # tokens, for the attempt that runs
        self._requeued = 0
        if request.observer is not None:
            request.observer.on_request()

    # -- an attempt --------------------------------------------------------------------------

    def wait_for_start(self) -> float:
        """Seconds until a shared rate limiter lets the next attempt start; 0: now. Ask again after the wait.

        Raises: OxenTimeoutError, if the wait would exceed `total_timeout`, or nothing of it is left;
            OxenRateLimitError, if the limiter's pause is too long.
        """
        if self.deadline.total_passed:
            raise self.with_details(self._timeout_error())
        limiter = self.request.limiter
        if limiter is None:
            return 0.0
        # the framework has reserved the first attempt's start; its tokens are known only here
        requests = 1 if self.attempts else 0
        tokens = self.request.expected_tokens
        try:
            self._reservation = limiter.reserve(self._reservation, requests=requests, tokens=tokens)
        except OxenRateLimitError as error:
            raise self.with_details(error) from None
        if self.total_end is not None and time.monotonic() + self._reservation.wait >= self.total_end:
            what = f"waiting for the rate limiter would exceed total_timeout={self.request.total_timeout:g} s"
            raise self.with_details(OxenTimeoutError(what))
        return self._reservation.wait

    def leave_queue(self) -> None:
        """The wait for a start is over; one that was cancelled or refused leaves no tokens booked."""
        reservation, self._reservation = self._reservation, None
        if self.request.limiter is not None and reservation is not None:
            self._booked = 0 if reservation.wait > 0 else reservation.tokens
            self.request.limiter.release(reservation)

    def begin_attempt(self) -> None:
        """Begin an attempt, with a deadline of its own."""
        self.attempts += 1
        self.connected = self.answered = False
        self.deadline = Deadline(self.request.timeout, self.total_end)
        if self.request.observer is not None:
            self.request.observer.on_attempt()

    def outgoing(self) -> Outgoing:
        """What is sent, in the form of the HTTP room."""
        request = self.request
        return Outgoing(request.method, request.url, request.headers, request.content, CONNECT_SECONDS, self.deadline)

    def accepts(self, status: int, headers: dict[str, str]) -> bool:
        """Record the response headers. Returns whether the status is 2xx."""
        self.connected = self.answered = True
        self.headers = headers
        if logger.isEnabledFor(logging.INFO):
            asked, elapsed = f"{self.request.method} {self.request.host}", time.monotonic() - self.started
            logger.info("%s: %s, attempt %s, %.2f s", asked, status, self.attempts, elapsed)
        if self.request.limiter is not None:
            self.request.limiter.on_response(status, self.headers)
        succeeded = 200 <= status < 300
        if succeeded and self._refused_stream_options:
            capabilities.without_stream_options.add((self.request.url, self.request.model))
        if succeeded and self.request.observer is not None:
            self.request.observer.on_attempt_end(self.attempts, status, None, None)
        return succeeded

    def lost(self, error: Exception) -> OxenError:
        """The error for a network failure, made of plain data. Raises: `error` itself, if it means something else."""
        failure = network_failure(error)
        if failure is None:
            raise error
        self.connected = failure.connected
        if failure.kind == "timeout":
            return self._timeout_error()
        text = self.request.redact(failure.text)[:500]
        return _connection_error(failure, self.request.host, text)

    def _timeout_error(self) -> OxenTimeoutError:
        if self.deadline.total_passed:
            return OxenTimeoutError(f"no complete answer within total_timeout={self.request.total_timeout:g} s")
        return OxenTimeoutError(f"no answer for {self.request.timeout:g} s (timeout)")

    def check_deadline(self) -> None:
        """Raises: OxenTimeoutError, if the time is up."""
        if self.deadline.left() <= 0:
            raise self._timeout_error()

    def wait_before_retry(self, error: OxenError) -> float:
        """Seconds to wait before the next attempt. Raises: the error, if there is no next attempt."""
        if self.request.limiter is not None and (self.answered or not self.connected):
            # refused, or never arrived: it costs no tokens
            self.request.limiter.record_usage(self._booked, 0)
        wait = self._wait_before_retry(error)
        if self.request.observer is not None:
            self.request.observer.on_attempt_end(self.attempts, error.details.status_code, error, wait)
        if wait is None:
            raise self.with_details(error)
        return wait

    def _wait_before_retry(self, error: OxenError) -> float | None:
        if self._refuses_stream_options(error) or self._is_requeued(error):
            return 0.0
        wait = None
        if is_retryable(error, AttemptState(self.connected, self.answered)):
            wait = self._policy.wait(self.attempts - self._requeued, error.details.retry_after)
        late = wait is not None and self.total_end is not None and time.monotonic() + wait >= self.total_end
        if wait is None or late or not self._budget.take():
            return None
        logger.info("trying %s again in %.2f s: %s", self.request.host, wait, type(error).__name__)
        return wait

    def _refuses_stream_options(self, error: OxenError) -> bool:
        """Mistral's own API knows no `stream_options`: ask once without; remembered if that succeeds.

        A body may echo the whole request, so only the server's message and `param` count.
        """
        words = f"{error.details.body} {error.details.param}"
        refused = error.details.status_code in (400, 422) and "stream_options" in words
        if not refused or "stream_options" not in self.request.body:
            return False
        self._refused_stream_options = True
        self.request = self.request.without("stream_options")
        return True

    def _is_requeued(self, error: OxenError) -> bool:
        """With a shared rate limiter, a 429 is not a failure: the call goes back into the queue."""
        late = (error.details.retry_after or 0) > CEILING
        queued = self.request.limiter is not None and isinstance(error, OxenRateLimitError) and not late
        if not queued or self._requeued == MAX_REQUEUES:
            return False
        self._requeued += 1
        return True

    # -- its answer --------------------------------------------------------------------------

    def reader(self) -> StreamReader:
        """What makes chunks of the answer."""
        return StreamReader(self.headers, self.request.redact, self.request.tool_names, self.request.model)

    def expect(self, reader: StreamReader) -> None:
        """Before a wait for the next piece. Raises: OxenTimeoutError, if the time is up.

        An event restarts the silence; a comment does not, or keep-alives could hold a call forever.
        """
        events = reader.events
        if events != self._events:
            self._events = events
            self.deadline.arm(min(self.request.timeout, TAIL_SECONDS) if reader.finished else self.request.timeout)
            if self.total_end is None:
                return
        self.check_deadline()

    def lingers(self, reader: StreamReader) -> bool:
        """Whether to read on after `[DONE]`, for a moment: a body read to its end frees its connection for reuse."""
        if reader.done:
            self.deadline.arm(LINGER_SECONDS)
        return reader.done

    def decoder(self) -> ContentDecoder:
        """What unpacks the body."""
        return ContentDecoder(self.headers)

    def error_decoder(self) -> ContentDecoder:
        """What unpacks an error's body, which is not waited for long: the status already tells."""
        self.deadline.arm(min(self.request.timeout, ERROR_SECONDS))
        return ContentDecoder(self.headers, ERROR_BYTES)

    def completion(self, body: bytes) -> Completion:
        """The whole answer, read."""
        request = self.request
        return self._counted(answer_from_body(body, self.headers, request.redact, request.tool_names, request.model))

    def document(self, body: bytes) -> Any:
        """Another document of the API, parsed."""
        parsed = document_from_body(body, self.headers, self.request.redact)
        self._budget.give_back()
        return parsed

    def last_chunks(self, reader: StreamReader) -> Iterator[Chunk]:
        """The last chunks of an answer. Raises: OxenError, with what arrived."""
        try:
            for chunk in reader.end():
                if chunk.completion is not None:
                    chunk.completion = self._counted(chunk.completion)
                yield chunk
        except OxenError as error:
            failure = self.with_details(error)
        else:
            return
        raise failure

    def _counted(self, completion: Completion) -> Completion:
        """A call succeeded: pay into the retry budget, tell the rate limiter what it cost."""
        self._budget.give_back()
        if self.request.limiter is not None and completion.usage is not None:
            self.request.limiter.record_usage(self._booked, completion.usage.total_tokens)
        return completion

    def refusal(self, status: int, body: bytes) -> OxenError:
        """The error for a response whose status is not 2xx."""
        if status == 407:  # a proxy's own page, which may repeat its user and password
            body = b""
        error = error_from_reply(status, self.headers, body, self.request.redact, time.time())
        unknown = error.details.unknown_model or self.request.method == "GET"
        if not (isinstance(error, OxenNotFoundError) and self.request.model and unknown):
            return error
        close = nearest(known.all(self.request) or [], self.request.model)
        hint = f"; nearest that are served: {', '.join(close)}" if close else ""
        return type(error)(error.message + hint, error.details)

    def with_details(self, error: OxenError) -> OxenError:
        """The error with what was asked: model, host, attempts, seconds, request."""
        from _oxen_transport.request.snippets import SentRequest  # noqa: PLC0415 - imported when something failed

        elapsed = round(time.monotonic() - self.started, 3)
        return error.with_details(
            model=self.request.model,
            host=self.request.host,
            attempts=self.attempts,
            elapsed=elapsed,
            request=SentRequest.of(self.request),
        )


def _connection_error(failure: NetworkFailure, host: str, text: str) -> OxenError:
    """A failure of the network, other than silence -> the error for it."""
    if failure.kind == "connect_timeout":
        return OxenTimeoutError(f"no connection to {host} in time")
    if failure.kind == "tls":
        return OxenTLSError(f"no secure connection to {host}: {text}")
    if failure.kind == "unsendable":
        return OxenConfigError(f"the request cannot be sent: {text}")
    if failure.kind == "connect":
        return OxenConnectionError(f"cannot connect to {host}: {text}")
    return OxenConnectionError(f"the connection to {host} was lost: {text}")

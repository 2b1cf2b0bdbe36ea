"""The observers: one makes an answer's span and figures, the other adds its attempts to somebody else's span.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from __future__ import annotations

import time
from contextvars import Token
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from _oxen_transport.errors import Details, OxenError
from _oxen_transport.observer import Observer, guarded
from _oxen_transport.otel.messages import captures_content, input_messages, output_messages, tool_definitions

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.util.types import AttributeValue

    from _oxen_transport.request.build import Request
    from _oxen_transport.types import Completion

_SECONDS = [0.01 * 2**power for power in range(14)]
_TOKENS = [float(4**power) for power in range(14)]  # the buckets that the conventions ask for

_REQUEST = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "stop": "gen_ai.request.stop_sequences",
    "seed": "gen_ai.request.seed",
    "random_seed": "gen_ai.request.seed",
}


class Instruments:
    """The metrics of the conventions."""

    def __init__(self, meter: Meter) -> None:

        def histogram(name: str, unit: str, description: str, buckets: list[float]) -> Histogram:
            name = f"gen_ai.client.{name}"
            return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=buckets)

        self.duration = histogram("operation.duration", "s", "Duration of GenAI client operation", _SECONDS)
        used = "Number of input and output tokens used by GenAI clients"
        self.tokens = histogram("token.usage", "{token}", used, _TOKENS)
        self.first_chunk = histogram("operation.time_to_first_chunk", "s", "Time to receive the first chunk", _SECONDS)


class AttemptObserver(Observer):
    """Adds an event for each attempt, and for each request after the first, to a span."""

    def __init__(self, span: trace.Span) -> None:
        self.span = span
        self.requests = 0

    @guarded
    def on_request(self) -> None:
        self.requests += 1
        if self.requests > 1:
            self.span.add_event("oxen.continued", {"oxen.request.number": self.requests})

    @guarded
    def on_attempt_end(self, number: int, status: int | None, error: OxenError | None, wait: float | None) -> None:
        known = {
            "oxen.attempt.number": number,
            "http.response.status_code": status,
            "error.type": None if error is None else type(error).__name__,
            "oxen.attempt.wait": None if wait is None else round(wait, 3),
        }
        self.span.add_event("oxen.attempt", {name: value for name, value in known.items() if value is not None})


class AnswerObserver(AttemptObserver):
    """Makes the span of an answer, from its first attempt to its last token, and records the metrics."""

    def __init__(self, tracer: trace.Tracer, instruments: Instruments, request: Request) -> None:
        self._instruments, self._request = instruments, request
        self._started = time.perf_counter()
        self._first_chunk: float | None = None
        self._token: Token[Context] | None = None
        place = urlsplit(request.url)
        port = place.port or {"http": 80, "https": 443}.get(place.scheme)
        self._common: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "oxen",
            "gen_ai.request.model": request.model,
            "server.address": place.hostname or "",
            **({} if port is None else {"server.port": port}),
        }
        super().__init__(tracer.start_span(f"chat {request.model}", kind=SpanKind.CLIENT, attributes=self._common))
        if self.span.is_recording():
            self.span.set_attributes(_request_attributes(request))

    @guarded
    def on_attempt(self) -> None:
        """What an instrumentor of the HTTP library makes of the attempt is to stand below this span."""
        self._token = context.attach(trace.set_span_in_context(self.span))

    def on_attempt_end(self, number: int, status: int | None, error: OxenError | None, wait: float | None) -> None:
        self._detach()
        super().on_attempt_end(number, status, error, wait)

    @guarded
    def on_chunk(self) -> None:
        if self._first_chunk is None:
            self._first_chunk = time.perf_counter() - self._started

    @guarded
    def on_end(self, completion: Completion | None, error: BaseException | None) -> None:
        self._detach()
        elapsed = time.perf_counter() - self._started
        common, span = dict(self._common), self.span
        if error is not None:
            common["error.type"] = type(error).__name__
            span.set_status(Status(StatusCode.ERROR, str(error) if isinstance(error, OxenError) else None))
            span.set_attributes(_error_attributes(error))
            completion = completion or getattr(getattr(error, "details", None), "partial", None)
        if completion is not None:
            common["gen_ai.response.model"] = completion.model or self._request.model
            span.set_attributes(_response_attributes(completion))
            if captures_content():
                span.set_attribute("gen_ai.output.messages", self._request.redact(output_messages(completion)))
            if usage := completion.usage:
                for kind, count in (("input", usage.prompt_tokens), ("output", usage.completion_tokens)):
                    self._instruments.tokens.record(count, {**common, "gen_ai.token.type": kind})
        if self._request.stream and self._first_chunk is not None:
            span.set_attribute("gen_ai.response.time_to_first_chunk", self._first_chunk)
            self._instruments.first_chunk.record(self._first_chunk, common)
        self._instruments.duration.record(elapsed, common)
        span.end()

    def _detach(self) -> None:
        token, self._token = self._token, None
        if token is not None:
            context.detach(token)


def _request_attributes(request: Request) -> dict[str, AttributeValue]:
    body = request.body
    made: dict[str, AttributeValue] = {name: body[key] for key, name in _REQUEST.items() if key in body}
    if request.stream:
        made["gen_ai.request.stream"] = True
    if request.repairs:
        made["oxen.request.repairs"] = list(request.repairs)
    if wanted := (body.get("response_format") or {}).get("type"):
        made["gen_ai.output.type"] = "json" if str(wanted).startswith("json") else "text"
    if captures_content():
        made["gen_ai.input.messages"] = request.redact(input_messages(body.get("messages") or []))
        if body.get("tools"):
            made["gen_ai.tool.definitions"] = request.redact(tool_definitions(body["tools"]))
    return made


def _response_attributes(completion: Completion) -> dict[str, AttributeValue]:
    usage = completion.usage
    known: dict[str, AttributeValue | None] = {
        "gen_ai.response.id": completion.id,
        "gen_ai.response.model": completion.model,
        "gen_ai.response.finish_reasons": [completion.finish_reason] if completion.finish_reason else None,
    }
    if usage is not None:
        known |= {
            "gen_ai.usage.input_tokens": usage.prompt_tokens,
            "gen_ai.usage.output_tokens": usage.completion_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
            "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
            "gen_ai.usage.cost": usage.cost,
        }
    return {name: value for name, value in known.items() if value is not None}


def _error_attributes(error: BaseException) -> dict[str, AttributeValue]:
    details = error.details if isinstance(error, OxenError) else Details()
    known = {
        "error.type": type(error).__name__,
        "http.response.status_code": details.status_code,
        "oxen.request_id": details.request_id,
    }
    return {name: value for name, value in known.items() if value is not None}

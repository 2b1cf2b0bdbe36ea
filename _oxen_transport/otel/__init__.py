"""Traces and metrics by OpenTelemetry's conventions for generative AI; see docs/tracing.md. Extra: `otel`.

https://opentelemetry.io/docs/specs/semconv/gen-ai/. One client span for each answer, with an event for each attempt;
contents only if OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks for them; a key never.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from opentelemetry import context, metrics, trace

import _oxen_transport
from _oxen_transport import __version__
from _oxen_transport.observer import Observer
from _oxen_transport.otel.answer import AnswerObserver, AttemptObserver, Instruments

if TYPE_CHECKING:
    from _oxen_transport.request.build import Request
    from _oxen_transport.settings import OxenSettings

logger = logging.getLogger("oxen_integrations")

SCOPE = "oxen_integrations"
SCHEMA = "https://opentelemetry.io/schemas/1.37.0"

_OFFICIAL_SPAN = "opentelemetry.genai.client.inference.context"
"""Where the official instrumentors keep the model span that is open, so that nobody opens a second one."""
_OTHERS = (
    ("langchain_oxen", "opentelemetry.instrumentation.genai.langchain", "LangChainInstrumentor"),
    ("langchain_oxen", "openinference.instrumentation.langchain", "LangChainInstrumentor"),
    ("llama_index_oxen", "openinference.instrumentation.llama_index", "LlamaIndexInstrumentor"),
)
"""Whose model span is not always the current one: they are asked themselves whether they are at work."""


class OxenInstrumentor:
    """Switches tracing on and off; `opentelemetry-instrument` finds it by its entry point.

    Example:
        >>> OxenInstrumentor().instrument()  # the providers are those that are set globally
    """

    def instrument(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        **_: Any,
    ) -> None:
        """Trace all answers of this process from now on.

        Args:
            tracer_provider: Default: the global one.
            meter_provider: Default: the global one.
        """
        if _oxen_transport.observe is not None:
            logger.warning("OxenInstrumentor.instrument() was called twice; the second call changes nothing")
            return
        _oxen_transport.observe = _Telemetry(tracer_provider, meter_provider).start

    def uninstrument(self, **_: Any) -> None:
        """Trace nothing from now on; what runs is traced to its end."""
        _oxen_transport.observe = None

    @property
    def is_instrumented_by_opentelemetry(self) -> bool:
        """Whether tracing is on."""
        return _oxen_transport.observe is not None

    def instrumentation_dependencies(self) -> Collection[str]:
        """What must be installed for it to be of use: nothing but this distribution."""
        return ()


class _Telemetry:
    """The tracer and the instruments, made once."""

    def __init__(
        self, tracer_provider: trace.TracerProvider | None, meter_provider: metrics.MeterProvider | None
    ) -> None:
        self._tracer = trace.get_tracer(SCOPE, __version__, tracer_provider, SCHEMA)
        self._instruments = Instruments(metrics.get_meter(SCOPE, __version__, meter_provider, SCHEMA))

    def start(self, settings: OxenSettings, request: Request) -> Observer:
        """The observer of one answer: it makes a span, or only adds events to somebody else's."""
        try:
            other = _span_of_others(settings)
            return AnswerObserver(self._tracer, self._instruments, request) if other is None else AttemptObserver(other)
        except Exception:
            logger.warning("tracing failed; the call goes on", exc_info=True)
            return Observer()


def _span_of_others(settings: OxenSettings) -> trace.Span | None:
    """The model span that another instrumentor makes of this call; an invalid one, if it cannot be reached."""
    current = trace.get_current_span()
    attributes = getattr(current, "attributes", None) or {}
    is_model_span = (
        attributes.get("gen_ai.operation.name") == "chat" or attributes.get("openinference.span.kind") == "LLM"
    )
    if is_model_span or context.get_value(_OFFICIAL_SPAN) is not None:
        return current
    packages = {kind.__module__.partition(".")[0] for kind in type(settings).__mro__}
    for package, module, name in _OTHERS:
        loaded = sys.modules.get(module) if package in packages else None
        if loaded is not None and getattr(loaded, name)().is_instrumented_by_opentelemetry:
            return trace.INVALID_SPAN
    return None

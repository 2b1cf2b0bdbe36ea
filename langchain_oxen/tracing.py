"""Traces of `ChatOxen`'s calls by OpenTelemetry; see docs/tracing.md.

Needs the extra `otel`: `pip install 'oxen-integrations[otel]'`.
"""

from __future__ import annotations

from langchain_oxen.errors import OxenMissingExtraError

try:
    from _oxen_transport.otel import OxenInstrumentor
except ImportError:
    raise OxenMissingExtraError("tracing needs opentelemetry-api: pip install 'oxen-integrations[otel]'") from None

__all__ = ["OxenInstrumentor"]

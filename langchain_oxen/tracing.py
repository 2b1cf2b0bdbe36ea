"""Traces of `ChatOxen`'s calls by OpenTelemetry; see docs/tracing.md.

Needs the extra `otel`: `pip install 'oxen-integrations[otel]'`.
"""

from __future__ import annotations

from _oxen_transport.otel import OxenInstrumentor

__all__ = ["OxenInstrumentor"]

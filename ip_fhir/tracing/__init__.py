"""Spans of OpenTelemetry, where it is installed."""

from ip_fhir.tracing.spans import note, span, traceparent

__all__ = ["note", "span", "traceparent"]

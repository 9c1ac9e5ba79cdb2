"""Adapter to systems that take FHIR messages over HTTP: `POST [url]/$process-message`."""

from __future__ import annotations

from ip_fhir_fhir_rest.sending import FhirRest


def adapter() -> FhirRest:
    """Returns the adapter; the entry point `fhir-rest` of the group `ip_fhir.adapters`."""
    return FhirRest()


__all__ = ["FhirRest", "adapter"]

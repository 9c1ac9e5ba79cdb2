"""Adapter to systems that take FHIR messages in the manner of MedCom: each is acknowledged by a message of its own."""

from __future__ import annotations

from ip_fhir_fhirmessage.sending import FhirMessageAdapter


def adapter() -> FhirMessageAdapter:
    """Returns the adapter; the entry point `fhirmessage` of the group `ip_fhir.adapters`."""
    return FhirMessageAdapter()


__all__ = ["FhirMessageAdapter", "adapter"]

"""Adapter to FHIR R4 servers without messaging: a message is written there as resources and a Task that has it."""

from __future__ import annotations

from ip_fhir_fhirserver.sending import FhirServerAdapter


def adapter() -> FhirServerAdapter:
    """Returns the adapter; the entry point `fhirserver` of the group `ip_fhir.adapters`."""
    return FhirServerAdapter()


__all__ = ["FhirServerAdapter", "adapter"]

"""Adapter and listener for FHIR R4 servers without messaging: a message is written there, and what is there is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir_fhirserver.listening import FhirServerListener
from ip_fhir_fhirserver.sending import FhirServerAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping


def adapter() -> FhirServerAdapter:
    """Returns the adapter; the entry point `fhirserver` of the group `ip_fhir.adapters`."""
    return FhirServerAdapter()


def listener(options: Mapping[str, Any]) -> FhirServerListener:
    """Returns a listener with these options; the entry point `fhirserver` of the group `ip_fhir.listeners`.

    Raises `InvalidInput` at an option that it does not know or cannot use.
    """
    return FhirServerListener(options)


__all__ = ["FhirServerAdapter", "FhirServerListener", "adapter", "listener"]

"""Adapter to systems that take HL7 v2 over MLLP, with TLS (`mllps://host:port`) or, on this machine, without."""

from __future__ import annotations

from ip_fhir_mllp.sending import Mllp


def adapter() -> Mllp:
    """Returns the adapter; the entry point `mllp` of the group `ip_fhir.adapters`."""
    return Mllp()


__all__ = ["Mllp", "adapter"]

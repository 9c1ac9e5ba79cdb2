"""The wire formats by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.exchange.formats.fhir_bundles import FhirMessage, FhirTransaction

if TYPE_CHECKING:
    from ip_fhir.exchange.formats.protocol import Format, Writer

FORMATS: dict[str, Format] = {"fhir-message": FhirMessage(), "fhir-transaction": FhirTransaction()}
"""What is taken in, by name."""

WRITERS: dict[str, Writer] = {"fhir-message": FhirMessage()}
"""What is sent, by name. No transaction: it has neither a receipt nor a key by which a resend is known."""

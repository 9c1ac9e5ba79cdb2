"""Wire formats: what the spine asks of one, those that ship, and where they are found by name."""

from ip_fhir.exchange.formats.fhir_bundles import FhirMessage, FhirTransaction
from ip_fhir.exchange.formats.protocol import Answer, Format, Writer
from ip_fhir.exchange.formats.registry import FORMATS, WRITERS

__all__ = ["FORMATS", "WRITERS", "Answer", "FhirMessage", "FhirTransaction", "Format", "Writer"]

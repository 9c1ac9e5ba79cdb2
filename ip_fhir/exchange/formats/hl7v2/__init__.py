"""HL7 v2 in ER7 as a wire format."""

from ip_fhir.exchange.formats.hl7v2.format import ER7, Hl7v2
from ip_fhir.exchange.formats.hl7v2.incoming import IncomingHl7v2

__all__ = ["ER7", "Hl7v2", "IncomingHl7v2"]

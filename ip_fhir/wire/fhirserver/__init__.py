"""FHIR servers without messaging as a wire: one server during one exchange, its options, and the listener."""

from ip_fhir.wire.fhirserver.access import tls_files
from ip_fhir.wire.fhirserver.listening import FhirServerListener
from ip_fhir.wire.fhirserver.options import ListenerOptions, PeerOptions, check_address
from ip_fhir.wire.fhirserver.server import Server

__all__ = ["FhirServerListener", "ListenerOptions", "PeerOptions", "Server", "check_address", "tls_files"]

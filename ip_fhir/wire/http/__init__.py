"""HTTP to other systems: one performer, which knows nothing of what it carries."""

from ip_fhir.wire.http.performer import Http

__all__ = ["Http"]

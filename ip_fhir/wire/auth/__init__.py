"""Our credentials with a server: SMART Backend Services, with DPoP where it is asked for (extra `auth`)."""

from ip_fhir.wire.auth.service import BackendService

__all__ = ["BackendService"]

"""Plans on FHIR servers that others run: fetched with all they refer to, and changed without losing others' changes."""

from ip_fhir.servers.client import FhirServer
from ip_fhir.servers.connection import Connection, Patience
from ip_fhir.servers.plans import EditConflict, FetchedPlan, UpdatedPlan

__all__ = ["Connection", "EditConflict", "FetchedPlan", "FhirServer", "Patience", "UpdatedPlan"]

"""A server's CapabilityStatement, read for what a plan needs. It tells what the server says, not what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ip_fhir.fhir.rest.placement import ACTORS
from ip_fhir.fhir.rest.statements import ServerStatement
from ip_fhir.servers.closure import INCLUDED

PARTS: Final = (
    *("CarePlan", "Patient", "Goal", "CareTeam", "PractitionerRole", "Practitioner", "Organization", "RelatedPerson"),
    *("Consent", "Condition", "Appointment"),
)
"""The types of the resources of a plan."""

CARRIED: Final = (*PARTS, "Task", "ServiceRequest", "QuestionnaireResponse", "Communication")
"""The types that the adapter fhirserver writes: those of plans and of the loop."""

_ORIGINAL: Final = "ip-"  # the search parameters of ours begin with it


@dataclass(frozen=True, slots=True)
class Abilities(ServerStatement):
    """A server as it describes itself, asked for what a plan needs."""

    def not_named(self) -> tuple[str, ...]:
        """Returns the types of a plan that it does not name."""
        return tuple(name for name in PARTS if name not in self.types)

    def not_writable(self) -> tuple[str, ...]:
        """Returns the types of plans and of the loop that it does not say it can create."""
        return tuple(name for name in CARRIED if not self.of(name).is_writable)

    def without(self, interaction: str) -> tuple[str, ...]:
        """Returns the types of a plan, of those that it names, without an interaction."""
        return tuple(name for name in PARTS if name in self.types and interaction not in self.types[name].interactions)

    def keeping_no_versions(self) -> tuple[str, ...]:
        """Returns the types of a plan of which it says that it keeps no versions."""
        return tuple(name for name in PARTS if self.of(name).versions == "no-version")

    def created_by_name(self) -> tuple[str, ...]:
        """Returns the types of what is the plan's own that it cannot create on a condition."""
        return tuple(name for name in PARTS if name not in ACTORS and not self.of(name).creates_by_identifier)

    def actors_in_doubt(self) -> tuple[str, ...]:
        """Returns the types of actors that it cannot create on a condition: they could be there twice."""
        return tuple(name for name in PARTS if name in ACTORS and not self.of(name).creates_by_identifier)

    def parameters_missing(self, *, ours: bool) -> tuple[str, ...]:
        """Returns the search parameters by which a plan reaches its parts and that it lacks: ours, or those of FHIR."""
        return tuple(
            f"{type_}:{name}"
            for type_, names in INCLUDED.items()
            for name in names
            if name.startswith(_ORIGINAL) == ours and name not in self.of(type_).parameters
        )

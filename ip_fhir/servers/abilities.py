"""A server's CapabilityStatement, read for what a plan needs. It tells what the server says, not what it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.servers.changes import ACTORS
from ip_fhir.servers.closure import INCLUDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ip_fhir.ports import JsonObject

PARTS: Final = (
    *("CarePlan", "Patient", "Goal", "CareTeam", "PractitionerRole", "Practitioner", "Organization", "RelatedPerson"),
    *("Consent", "Condition", "Appointment"),
)
"""The types of the resources of a plan."""

_ORIGINAL: Final = "ip-"  # the search parameters of ours begin with it


@dataclass(frozen=True, slots=True)
class TypeAbility:
    """A type as a server describes it: its interactions, search parameters and profiles, and how it keeps versions.

    `versions` is `no-version`, `versioned` or `versioned-update`; None if it does not say.
    """

    interactions: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    profiles: frozenset[str] = frozenset()
    conditional_create: bool = False
    versions: str | None = None

    @property
    def creates_by_identifier(self) -> bool:
        """True if a resource is created only where none with its identifier is there."""
        return self.conditional_create and "identifier" in self.parameters


@dataclass(frozen=True, slots=True)
class Abilities:
    """A server as it describes itself: its software, version of FHIR, interactions, operations, and types by name."""

    software: str
    fhir_version: str | None
    interactions: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    security: tuple[str, ...] = ()
    messaging: bool = False
    types: Mapping[str, TypeAbility] = field(default_factory=dict)

    def not_named(self) -> tuple[str, ...]:
        """Returns the types of a plan that it does not name."""
        return tuple(name for name in PARTS if name not in self.types)

    def without(self, interaction: str) -> tuple[str, ...]:
        """Returns the types of a plan, of those that it names, without an interaction."""
        return tuple(name for name in PARTS if name in self.types and interaction not in self.types[name].interactions)

    def keeping_no_versions(self) -> tuple[str, ...]:
        """Returns the types of a plan of which it says that it keeps no versions."""
        return tuple(name for name in PARTS if self._of(name).versions == "no-version")

    def created_by_name(self) -> tuple[str, ...]:
        """Returns the types of what is the plan's own that it cannot create on a condition."""
        return tuple(name for name in PARTS if name not in ACTORS and not self._of(name).creates_by_identifier)

    def actors_in_doubt(self) -> tuple[str, ...]:
        """Returns the types of actors that it cannot create on a condition: they could be there twice."""
        return tuple(name for name in PARTS if name in ACTORS and not self._of(name).creates_by_identifier)

    def parameters_missing(self, *, ours: bool) -> tuple[str, ...]:
        """Returns the search parameters by which a plan reaches its parts and that it lacks: ours, or those of FHIR."""
        return tuple(
            f"{type_}:{name}"
            for type_, names in INCLUDED.items()
            for name in names
            if name.startswith(_ORIGINAL) == ours and name not in self._of(type_).parameters
        )

    def _of(self, name: str) -> TypeAbility:
        return self.types.get(name, TypeAbility())


def abilities(statement: JsonObject) -> Abilities:
    """Reads a CapabilityStatement. Whatever is not as FHIR has it counts as not said."""
    software = _object(statement.get("software"))
    rest = next((one for one in _objects(statement.get("rest")) if one.get("mode", "server") == "server"), {})
    types = {name: _ability(one) for one in _objects(rest.get("resource")) if (name := _text(one.get("type")))}
    holders = [rest, *_objects(rest.get("resource"))]
    listed = [one for holder in holders for one in _objects(holder.get("operation"))]
    return Abilities(
        software=" ".join(filter(None, (_text(software.get("name")), _text(software.get("version"))))) or "unnamed",
        fhir_version=_text(statement.get("fhirVersion")),
        interactions=frozenset(_codes(rest.get("interaction"))),
        operations=frozenset(name.lstrip("$") for one in listed if (name := _text(one.get("name")))),
        security=tuple(_services(_object(rest.get("security")))),
        messaging=bool(_objects(statement.get("messaging"))),
        types=types,
    )


def _ability(resource: JsonObject) -> TypeAbility:
    parameters = (_text(one.get("name")) for one in _objects(resource.get("searchParam")))
    profiles = resource.get("supportedProfile")
    return TypeAbility(
        interactions=frozenset(_codes(resource.get("interaction"))),
        parameters=frozenset(filter(None, parameters)),
        profiles=frozenset(one for one in profiles if isinstance(one, str))
        if isinstance(profiles, list)
        else frozenset(),
        conditional_create=resource.get("conditionalCreate") is True,
        versions=_text(resource.get("versioning")),
    )


def _services(security: JsonObject) -> Iterator[str]:
    """The codes of the ways in which clients may authenticate."""
    for service in _objects(security.get("service")):
        for coding in _objects(service.get("coding")):
            if code := _text(coding.get("code")):
                yield code


def _codes(nodes: Any) -> Iterator[str]:
    for node in _objects(nodes):
        if code := _text(node.get("code")):
            yield code


def _objects(node: Any) -> list[JsonObject]:
    return [one for one in node if isinstance(one, dict)] if isinstance(node, list) else []


def _object(node: Any) -> JsonObject:
    return node if isinstance(node, dict) else {}


def _text(node: Any) -> str | None:
    return node if isinstance(node, str) and node else None

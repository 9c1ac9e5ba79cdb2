"""The CapabilityStatement of a server, read: its words about itself. What is not as FHIR has it counts as not said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ip_fhir.ports import JsonObject


@dataclass(frozen=True, slots=True)
class TypeStatement:
    """A type as a server describes it: its interactions, search parameters and profiles, and how it keeps versions.

    `versions` is `no-version`, `versioned` or `versioned-update`; None if it does not say.
    """

    interactions: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    profiles: frozenset[str] = frozenset()
    conditional_create: bool = False
    versions: str | None = None

    @property
    def is_writable(self) -> bool:
        """True if a resource can be created: by the server, or under an id of ours."""
        return not self.interactions.isdisjoint(("create", "update"))

    @property
    def creates_by_identifier(self) -> bool:
        """True if a resource is created only where none with its identifier is there."""
        return self.conditional_create and "identifier" in self.parameters


@dataclass(frozen=True, slots=True)
class ServerStatement:
    """A server as it describes itself: its software, version of FHIR, interactions, operations, and types by name."""

    software: str
    fhir_version: str | None
    interactions: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    security: tuple[str, ...] = ()
    messaging: bool = False
    types: Mapping[str, TypeStatement] = field(default_factory=dict)

    @classmethod
    def read(cls, statement: JsonObject) -> Self:
        """Reads a CapabilityStatement. Whatever is not as FHIR has it counts as not said."""
        software = _object(statement.get("software"))
        rest = next((one for one in _objects(statement.get("rest")) if one.get("mode", "server") == "server"), {})
        types = {name: _type(one) for one in _objects(rest.get("resource")) if (name := _text(one.get("type")))}
        holders = [rest, *_objects(rest.get("resource"))]
        listed = [one for holder in holders for one in _objects(holder.get("operation"))]
        return cls(
            software=" ".join(filter(None, (_text(software.get("name")), _text(software.get("version"))))) or "unnamed",
            fhir_version=_text(statement.get("fhirVersion")),
            interactions=frozenset(_codes(rest.get("interaction"))),
            operations=frozenset(name.lstrip("$") for one in listed if (name := _text(one.get("name")))),
            security=tuple(_services(_object(rest.get("security")))),
            messaging=bool(_objects(statement.get("messaging"))),
            types=types,
        )

    def of(self, name: str) -> TypeStatement:
        """Returns the type of this name; one without abilities where the server does not name it."""
        return self.types.get(name, TypeStatement())


def _type(resource: JsonObject) -> TypeStatement:
    parameters = (_text(one.get("name")) for one in _objects(resource.get("searchParam")))
    profiles = resource.get("supportedProfile")
    return TypeStatement(
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

"""Detects the FHIR version of a bundle or resource from its content."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.elements import standing
from ip_fhir.mapping.tables.variants import VERSIONS, read_variant

if TYPE_CHECKING:
    from ip_fhir.mapping.tables.variants import FhirVersion


def version_of(bundle: Any, said: FhirVersion | None = None) -> FhirVersion:
    """The FHIR version that a bundle is read as: `said` if given, else the one that its content shows, else R4.

    Content shows a version only by an element that the other version does not have; without any, both read alike.
    Raises `InvalidInput` with the FHIRPath of an element that contradicts `said`, or of two that contradict each other.
    """
    shown = {version: at for version in VERSIONS if (at := _shown(bundle, version)) is not None}
    if len(shown) == len(VERSIONS):
        found = "; ".join(f"{version} at {at}" for version, at in shown.items())
        raise InvalidInput.at("Bundle", f"mixes FHIR versions: {found}", "not-supported")
    for version, at in shown.items():
        if said not in (None, version):
            raise InvalidInput.at(at, f"is an element of {version}, and the bundle is read as {said}", "not-supported")
        return version
    return said or "R4"


def signs_of_others(version: FhirVersion) -> list[str]:
    """Elements that exist only in other FHIR versions than this one, as `Type.element`."""
    return [sign for other, signs in read_variant("r5")["signs"].items() if other != version for sign in signs]


def _shown(bundle: Any, version: FhirVersion) -> str | None:
    """The first element that shows the version, as FHIRPath."""
    entries = bundle.get("entry") if type(bundle) is dict else None
    for number, entry in enumerate(entries if type(entries) is list else ()):
        resource = entry.get("resource") if type(entry) is dict else None
        kind = resource.get("resourceType") if type(resource) is dict else None
        if type(resource) is not dict or type(kind) is not str:
            continue
        if (sign := _sign(kind, resource, version)) is not None:
            return f"Bundle.entry[{number}].resource.{sign}"
    return None


def _sign(kind: str, resource: dict[str, Any], version: FhirVersion) -> str | None:
    """The first element of a resource that shows the version, as FHIRPath below it."""
    alone, within = _signs(version)
    if kind in alone and not alone[kind].isdisjoint(resource):
        return min(alone[kind] & resource.keys())
    if kind not in within:
        return None
    standings = (next(standing(resource, path), None) for path in within[kind])
    return next((found[0] for found in standings if found is not None), None)


def expect_version(resource: dict[str, Any], version: FhirVersion) -> None:
    """Raise `InvalidInput` where a single resource shows the other version."""
    for other in VERSIONS:
        kind = resource.get("resourceType")
        sign = _sign(kind, resource, other) if other != version and type(kind) is str else None
        if sign is not None:
            reason = f"is an element of {other}, and the resource is read as {version}"
            raise InvalidInput.at(f"{kind}.{sign}", reason, "not-supported")


@cache
def _signs(version: FhirVersion) -> tuple[dict[str, frozenset[str]], dict[str, list[tuple[str, ...]]]]:
    """By resource type: members that show the version by themselves, and longer paths that do."""
    alone: dict[str, set[str]] = {}
    within: dict[str, list[tuple[str, ...]]] = {}
    for sign in read_variant("r5")["signs"][version]:
        kind, *path = sign.split(".")
        if len(path) == 1:
            alone.setdefault(kind, set()).add(path[0])
        else:
            within.setdefault(kind, []).append(tuple(path))
    return {kind: frozenset(names) for kind, names in alone.items()}, within

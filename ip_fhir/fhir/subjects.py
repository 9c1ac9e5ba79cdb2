"""The persons that a Bundle is about: its Patients, and subjects that are named by a number alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import entries_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.fhir.bundle import BundleContent
    from ip_fhir.ports import JsonObject

_SUBJECTS = ("subject", "for", "patient")


def persons_in(bundle: JsonObject | BundleContent) -> frozenset[PersonId]:
    """Returns every person's number in a Bundle, or in its content; local ids are left out.

    Raises `InvalidInput` if it is no Bundle.

    >>> numbers = [{"value": "05827500285"}, {"value": "MRN 7"}]
    >>> patient = {"resourceType": "Patient", "id": "p1", "identifier": numbers}
    >>> persons_in({"resourceType": "Bundle", "entry": [{"resource": patient}]})
    frozenset({PersonId('*********85')})
    """
    resources = [entry.resource for entry in entries_of(bundle)]
    resources += [inner for resource in resources for inner in _objects(resource.get("contained"))]
    values = (identifier.get("value") for resource in resources for identifier in _identifiers(resource))
    return frozenset(number for value in values if (number := _number(value)) is not None)


def _identifiers(resource: JsonObject) -> Iterator[JsonObject]:
    if resource.get("resourceType") == "Patient":
        yield from _objects(resource.get("identifier"))
    for name in _SUBJECTS:
        subject = resource.get(name)
        yield from _objects([subject.get("identifier")] if isinstance(subject, dict) else None)


def _objects(value: Any) -> Iterator[JsonObject]:
    yield from (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))


def _number(value: Any) -> PersonId | None:
    try:
        return PersonId.parse(value) if isinstance(value, str) else None
    except InvalidInput:
        return None

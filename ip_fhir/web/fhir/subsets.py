"""Parts of a resource that are shown in its place: `_summary` and `_elements`, tagged SUBSETTED.

http://hl7.org/fhir/R4/search.html#summary. Elements that change the meaning of others, and those that must be there,
are always kept; so is what is contained and referred to by what is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.fhir.references import references_in
from ip_fhir.fhir.summaries import SUBSETTED
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.ports import JsonObject

SUMMARY: Final = "_summary"
ELEMENTS: Final = "_elements"
COUNT_ONLY: Final = "count"

_SUMMARIES: Final = ("true", "text", "data", "false", COUNT_ONLY)
_ELEMENT: Final = re.compile("[a-z][A-Za-z]{0,60}")
_MOST: Final = 50  # elements

KEPT: Final = {
    "ServiceRequest": "status intent subject doNotPerform",
    "Task": "status intent",
    "CarePlan": "status intent subject",
    "Goal": "lifecycleStatus description subject",
    "CareTeam": "status",
    "Condition": "clinicalStatus verificationStatus subject",
    "Appointment": "status participant",
    "Patient": "active deceasedBoolean deceasedDateTime link",
    "RelatedPerson": "active patient",
    "Practitioner": "active",
    "PractitionerRole": "active",
    "Organization": "active",
}
"""By type the elements that must be there, or that change the meaning of others."""

IN_SUMMARY: Final = {
    "ServiceRequest": (
        "asNeededBoolean asNeededCodeableConcept authoredOn basedOn bodySite category code encounter identifier "
        "instantiatesCanonical instantiatesUri locationCode locationReference occurrenceDateTime occurrencePeriod "
        "occurrenceTiming orderDetail patientInstruction performer performerType priority quantityQuantity "
        "quantityRange quantityRatio reasonCode reasonReference replaces requester requisition specimen"
    ),
    "Task": (
        "basedOn businessStatus code description encounter executionPeriod focus for groupIdentifier "
        "instantiatesCanonical instantiatesUri lastModified location owner partOf requester statusReason"
    ),
    "CarePlan": (
        "addresses author basedOn category created description encounter identifier instantiatesCanonical "
        "instantiatesUri partOf period replaces title"
    ),
    "Goal": "achievementStatus category expressedBy priority startCodeableConcept startDate statusDate",
    "CareTeam": "category encounter identifier managingOrganization name period subject",
    "Condition": (
        "asserter bodySite code encounter identifier onsetAge onsetDateTime onsetPeriod onsetRange onsetString "
        "recordedDate recorder"
    ),
    "Appointment": (
        "appointmentType cancelationReason end identifier reasonCode serviceCategory serviceType specialty start"
    ),
    "Patient": "address birthDate gender identifier managingOrganization name telecom",
    "RelatedPerson": "address birthDate gender identifier name relationship telecom",
    "Practitioner": "address birthDate gender identifier name telecom",
    "PractitionerRole": "code identifier location organization period practitioner specialty telecom",
    "Organization": "identifier name partOf type",
}
"""By type the other elements that a summary has, as R4 marks them."""

_EVERYWHERE: Final = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})


@dataclass(frozen=True, slots=True)
class Shape:
    """The part of each resource that is shown: a value of `_summary`, or names of elements; without both, all."""

    summary: str | None = None
    elements: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True if resources are shown as they are."""
        return self.summary in (None, "false", COUNT_ONLY) and not self.elements

    def of(self, resource: JsonObject) -> JsonObject:
        """Returns the part of a resource that is shown, with the tag that says so."""
        if self.is_whole:
            return resource
        if self.summary == "data":
            part = {name: value for name, value in resource.items() if name not in ("text", "_text")}
        else:
            part = _kept(resource, self._names(str(resource["resourceType"])))
        return {**part, "meta": _tagged(part.get("meta", {}))}

    def _names(self, type_: str) -> frozenset[str]:
        always = _EVERYWHERE.union(KEPT.get(type_, "").split())
        if self.elements:
            return always.union(self.elements)
        return always.union(["text"] if self.summary == "text" else IN_SUMMARY.get(type_, "").split())


WHOLE: Final = Shape()
"""Resources as they are."""


def shape_of(type_: str, given: dict[str, str]) -> Shape:
    """Returns the shape that the parameters of a request ask for. Raises `BadRequest` 400."""
    summary, elements = given.get(SUMMARY), given.get(ELEMENTS)
    if summary is not None and summary not in _SUMMARIES:
        raise BadRequest(400, f"is one of {', '.join(_SUMMARIES)}", "value", f"{type_}.{SUMMARY}")
    if elements is None:
        return Shape(summary)
    names = [one.removeprefix(f"{type_}.") for one in elements.split(",")]
    if summary not in (None, "false", COUNT_ONLY):
        raise BadRequest(400, "is not asked for together with _elements", "not-supported", f"{type_}.{SUMMARY}")
    if len(names) > _MOST or not all(map(_ELEMENT.fullmatch, names)):
        reason = f"is a list of up to {_MOST} names of elements, none of them inside another"
        raise BadRequest(400, reason, "value", f"{type_}.{ELEMENTS}")
    return Shape(summary, tuple(names))


def shape_of_read(type_: str, parameters: Iterable[tuple[str, str]]) -> Shape:
    """Returns the shape that the parameters of a read ask for; others are left out. Raises `BadRequest` 400."""
    given: dict[str, str] = {}
    for name, value in parameters:
        if name in (SUMMARY, ELEMENTS):
            if name in given or value == COUNT_ONLY:
                raise BadRequest(400, "is given once, and not to count", "value", f"{type_}.{name}")
            given[name] = value
    return shape_of(type_, given)


def _kept(resource: JsonObject, names: frozenset[str]) -> JsonObject:
    part = {name: value for name, value in resource.items() if name.removeprefix("_") in names}
    inside = _reached(part, resource.get("contained", []))
    return {**part, "contained": inside} if inside else part


def _reached(part: JsonObject, contained: list[Any]) -> list[JsonObject]:
    """The contained resources to which a part of their resource refers, directly or through one another."""
    by_id = {f"#{one.get('id')}": one for one in contained if isinstance(one, dict)}
    waiting, reached = [part], set[str]()
    while waiting:
        found = {one for one in references_in(waiting.pop()) if one in by_id} - reached
        reached |= found
        waiting += [by_id[one] for one in found]
    return [one for ident, one in by_id.items() if ident in reached]


def _tagged(meta: JsonObject) -> JsonObject:
    """The meta with the tag, and without the profiles that only the whole resource is of."""
    whole = {name: value for name, value in meta.items() if name != "profile"}
    return {**whole, "tag": [*meta.get("tag", []), SUBSETTED]}

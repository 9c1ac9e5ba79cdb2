"""A neighbour's bundle made readable, and made theirs again: nothing is invented that is not taken off afterwards.

Put on: a PractitionerRole for a Practitioner without one, the plan owner where the bundle only says a number, the
moment of creation where the caller knows it. Put out of sight, marked with a tilde that no name in FHIR has: references
to what is not there or is no part of a plan, resources entered in error, people without what a plan needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.mapping.bundle.parts import unversioned
from ip_fhir.mapping.lenses.references import references_in
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.compiled import Compiled

MARK = "~"
_EXTRA = f"extra{MARK}"
_SIGHT = {f"reference{MARK}": "reference", f"role{MARK}": "role"}  # what is put out of sight, and what it is in sight
_ROOT = "CarePlan"
_ACTORS = {"RelatedPerson": "RelatedPerson", "Organization": "Organization", "Practitioner": "Practitioner"}
_ABOUT = ("subject", "patient")  # never out of sight: another person's goal is not read as this one's
_PEOPLE = ("Patient", "RelatedPerson", "Organization", "Practitioner", "PractitionerRole")
# What else is part of a plan, and the elements by which a plan refers to it.
_PLACES = {
    "CareTeam": {"careTeam"},
    "Condition": {"addresses"},
    "Goal": {"goal", "valueReference"},
    "ServiceRequest": {"activity"},
    "Task": {"activity"},
}


@dataclass(slots=True)
class Dressed:
    """A bundle to be read, what is needed to undress what was written, and why what is out of sight is so."""

    bundle: dict[str, Any]
    owner: str | None = None  # the reference of the owner that was put on
    number: dict[str, str] | None = None  # the owner's identifier, by which the bundle refers to them
    added: dict[str, str] = field(default_factory=dict)  # members of the CarePlan that were put on
    hidden: dict[int, str] = field(default_factory=dict)

    def undress(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """The bundle without what was put on, and with what was out of sight."""
        return {**bundle, "entry": [self._bare(entry) for entry in bundle["entry"] if not self._was_put_on(entry)]}

    def _was_put_on(self, entry: dict[str, Any]) -> bool:
        return _EXTRA in entry and entry["resource"] == entry[_EXTRA]

    def _bare(self, entry: dict[str, Any]) -> dict[str, Any]:
        resource = entry["resource"]
        if resource["resourceType"] == _ROOT:
            put_on = list(self.added.items())
            resource = {key: value for key, value in resource.items() if (key, value) not in put_on}
        bare = {key: value for key, value in entry.items() if key != _EXTRA}
        return {**bare, "resource": self._shown(resource)}

    def _shown(self, node: Any) -> Any:
        if type(node) is list:
            return [self._shown(item) for item in node]
        if type(node) is not dict:
            return node
        shown = {_SIGHT.get(key, key): self._shown(value) for key, value in _freshest(node)}
        if type(kind := shown.get("resourceType")) is str:
            shown["resourceType"] = kind.lstrip(MARK)
        if self.number is not None and shown.get("reference") == self.owner:
            del shown["reference"]
            shown.setdefault("identifier", self.number)
        return shown


def _freshest(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Members; one out of sight gives way to one that was written since."""
    return ((key, value) for key, value in node.items() if _SIGHT.get(key) not in node)


def dress(bundle: Any, compiled: Compiled, owner: PlanOwner | None = None, created: str | None = None) -> Dressed:
    """The bundle as the tables can read it. Raises `InvalidInput` where it is about another person than `owner`."""
    entries = entries_of(bundle)
    dressed = Dressed({}, hidden=dict(_hidden(entries, compiled)))
    sight = [entry for entry in entries if entry.number not in dressed.hidden]
    extras = [*_owner(dressed, sight, owner, compiled), *_roles(sight)]
    _check_subjects(sight, dressed)
    seen = {reference: None for entry in extras for reference in _names(entry)} | _in_sight(sight)
    made = [_entry(entry, bundle["entry"][entry.number], dressed, seen) for entry in entries]
    for number, entry in enumerate(made):
        if entry["resource"]["resourceType"] == _ROOT:
            whole = {"id": entries[number].id, "created": created}
            dressed.added = {k: v for k, v in whole.items() if v is not None and k not in entry["resource"]}
            entry["resource"] |= dressed.added
    put_on = [{**extra, _EXTRA: extra["resource"]} for extra in extras]
    dressed.bundle = {**bundle, "entry": [*made, *put_on]}
    return dressed


def _hidden(entries: list[Entry], compiled: Compiled) -> Iterator[tuple[int, str]]:
    """Entries that are not to be read, and why."""
    people = {r for e in entries if e.type == "Practitioner" and not _lacks(e, compiled) for r in e.references}
    for entry in entries:
        if entry.type != _ROOT and _in_error(entry.resource):
            yield entry.number, "is entered in error"
        elif entry.type in _ACTORS and (reason := _lacks(entry, compiled)):
            yield entry.number, reason
        elif entry.type == "PractitionerRole" and people.isdisjoint(_practitioner(entry)):
            yield entry.number, "is the role of nobody who can be read in the bundle"


def _in_error(resource: dict[str, Any]) -> bool:
    status = resource.get("lifecycleStatus", resource.get("status"))
    verification = resource.get("verificationStatus")
    codings = verification.get("coding") if type(verification) is dict else None
    codes = [c.get("code") for c in codings if type(c) is dict] if type(codings) is list else []
    return "entered-in-error" in (status, *codes)


def _lacks(entry: Entry, compiled: Compiled) -> str | None:
    """What a person or organisation lacks of what a plan needs; anything else that is wrong is told when it is read."""
    try:
        compiled.lens(_ACTORS[entry.type]).get({"id": entry.id, **entry.resource}, at="")
    except InvalidInput as error:
        lacking = [problem.path.partition(".")[2] for problem in error.problems if problem.code == "required"]
        return f"has no {lacking[0]}, which a plan needs" if lacking else None
    return None


def _roles(entries: list[Entry]) -> Iterator[dict[str, Any]]:
    """A role for every Practitioner without one."""
    named = {r for e in entries if e.type == "PractitionerRole" for r in _practitioner(e)}
    taken = {entry.id for entry in entries if entry.type == "PractitionerRole"}
    for entry in entries:
        if entry.type == "Practitioner" and not named & set(entry.references):
            ident = entry.id if entry.id not in taken else f"role-of-{entry.id}"[:64]
            practitioner = {"reference": next(iter(entry.references))}
            resource = {"resourceType": "PractitionerRole", "id": ident, "practitioner": practitioner}
            yield {"resource": resource}


def _practitioner(role: Entry) -> set[str]:
    """The references to the person of a role."""
    return set(map(unversioned, references_in(role.resource.get("practitioner"))))


def _owner(
    dressed: Dressed, entries: list[Entry], owner: PlanOwner | None, compiled: Compiled
) -> Iterator[dict[str, Any]]:
    """The owner as a Patient, where the bundle has none and says by number or reference that it is about them."""
    root = next((entry for entry in entries if entry.type == _ROOT), None)
    subject = root.resource.get("subject") if root is not None else None
    if owner is None or root is None or type(subject) is not dict:
        return
    known = {reference for entry in entries if entry.type == "Patient" for reference in entry.references}
    reference, number = subject.get("reference"), subject.get("identifier")
    reference = unversioned(reference) if type(reference) is str else None
    if reference in known:
        return
    said = number.get("value") if type(number) is dict else None
    same = reference == f"Patient/{owner.id}" if said is None else said == owner.identifier
    if not same:
        raise InvalidInput(
            [Problem(f"{root.at}.subject", "is not the person that the plan is said to be of", "invariant")]
        )
    resource = compiled.lens("Patient").new(data_of(owner))
    dressed.owner = reference or f"Patient/{owner.id}"
    dressed.number = number if reference is None else None
    yield {"fullUrl": dressed.owner, "resource": resource}


def _check_subjects(entries: list[Entry], dressed: Dressed) -> None:
    """Raise for a part of the plan that says by number that it is about somebody else; by reference the lenses do."""
    people = [entry.resource.get("identifier") for entry in entries if entry.type == "Patient"]
    numbers = [n for found in people if type(found) is list for n in found] + [dressed.number]
    known = [number.get("value") for number in numbers if type(number) is dict]
    problems = []
    for entry in entries:
        for name in _ABOUT if entry.type in (_ROOT, "Consent", *_PLACES) else ():
            number = _number(entry.resource.get(name))
            if number is not None and number not in known:
                problems.append(Problem(f"{entry.at}.{name}", "is not the person that the plan is of", "invariant"))
    if problems:
        raise InvalidInput(problems)


def _number(subject: Any) -> Any:
    """The identifier of a subject that is not referred to."""
    if type(subject) is not dict or "reference" in subject or type(subject.get("identifier")) is not dict:
        return None
    return subject["identifier"].get("value")


def _names(entry: dict[str, Any]) -> Iterator[str]:
    resource = entry["resource"]
    yield f"{resource['resourceType']}/{resource['id']}"
    if "fullUrl" in entry:
        yield entry["fullUrl"]


def _in_sight(entries: list[Entry]) -> dict[str, set[str] | None]:
    """By reference, the elements that may refer so; None for people and organisations, whom anything may name."""
    seen: dict[str, set[str] | None] = {}
    for entry in entries:
        if entry.type in _PEOPLE:
            seen |= dict.fromkeys(entry.references)
        elif entry.type in _PLACES:
            seen |= dict.fromkeys(entry.references, _PLACES[entry.type])
    return seen


def _entry(entry: Entry, whole: dict[str, Any], dressed: Dressed, seen: dict[str, set[str] | None]) -> dict[str, Any]:
    resource = _sighted(entry.resource, (), dressed, seen)
    if entry.number in dressed.hidden:
        resource["resourceType"] = f"{MARK}{entry.type}"
    return {**whole, "resource": resource}


def _sighted(node: Any, names: tuple[str, ...], dressed: Dressed, seen: dict[str, set[str] | None]) -> Any:
    """The node with references that cannot be followed out of sight."""
    if type(node) is list:
        return [_sighted(item, names, dressed, seen) for item in node]
    if type(node) is not dict:
        return node
    made = {key: _sighted(value, (*names, key), dressed, seen) for key, value in node.items()}
    reference = made.get("reference")
    if type(reference) is str and not _may(reference, names, seen) and not set(names[-1:]) & set(_ABOUT):
        made = _out_of_sight(made, "reference")
    elif reference is None and dressed.number is not None and _same(made.get("identifier"), dressed.number):
        made["reference"] = dressed.owner
    member = made.get("member")
    if names[-1:] == ("participant",) and type(member) is dict and "reference" not in member:
        made = _out_of_sight(made, "role")  # nobody known: neither a member nor a vacant place
    return made


def _may(reference: str, names: tuple[str, ...], seen: dict[str, set[str] | None]) -> bool:
    places = seen.get(unversioned(reference), set())
    return places is None or not places.isdisjoint(names)


def _same(identifier: Any, number: dict[str, str]) -> bool:
    return type(identifier) is dict and identifier.get("value") == number.get("value")


def _out_of_sight(node: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"{key}{MARK}" if key == name else key: value for key, value in node.items()}

"""Adapts another system's bundle to our tables before reading, and reverses it after writing.

Added before, removed afterwards: a PractitionerRole for a Practitioner without one, the plan owner if the bundle only
has a number, the creation time if the caller knows it.

Hidden from the lenses by a tilde in the name, which no name in FHIR has: references to resources that are missing or no
part of a plan, resources that a check of their table leaves, people without an element that a plan needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.mapping.bundle.parts import unversioned
from ip_fhir.mapping.bundle.sight import out_of_sight
from ip_fhir.mapping.dialects.fhir.unread import MARK
from ip_fhir.mapping.lenses.references import references_in
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.compiled import Compiled

_EXTRA = f"extra{MARK}"
_HIDDEN_NAMES = {f"reference{MARK}": "reference", f"role{MARK}": "role"}  # the names of hidden members, and their own
_ROOT = "CarePlan"
_ACTORS = {"RelatedPerson": "RelatedPerson", "Organization": "Organization", "Practitioner": "Practitioner"}
_ABOUT = ("subject", "patient")  # never hidden: another person's goal must not be read as this one's
_PEOPLE = ("Patient", "RelatedPerson", "Organization", "Practitioner", "PractitionerRole")
# Other resources that may be part of a plan, and the elements by which a plan refers to them.
_PLACES = {
    "CareTeam": {"careTeam"},
    "Condition": {"addresses"},
    "Goal": {"goal", "valueReference"},
    "ServiceRequest": {"activity"},
    "Task": {"activity"},
}


@dataclass(slots=True)
class Adapted:
    """An adapted bundle, what is needed to restore it, and why entries are hidden (by number of the entry)."""

    bundle: dict[str, Any]
    owner: str | None = None  # the reference to the owner that was added
    number: dict[str, str] | None = None  # the owner's identifier, by which the bundle refers to them
    added: dict[str, str] = field(default_factory=dict)  # members that were added to the CarePlan
    hidden: dict[int, str] = field(default_factory=dict)

    def restore(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Return the bundle without the additions, and with hidden parts as they were."""
        return {**bundle, "entry": [self._restored(entry) for entry in bundle["entry"] if not self._was_added(entry)]}

    def _was_added(self, entry: dict[str, Any]) -> bool:
        return _EXTRA in entry and entry["resource"] == entry[_EXTRA]

    def _restored(self, entry: dict[str, Any]) -> dict[str, Any]:
        resource = entry["resource"]
        if resource["resourceType"] == _ROOT:
            added = list(self.added.items())
            resource = {key: value for key, value in resource.items() if (key, value) not in added}
        bare = {key: value for key, value in entry.items() if key != _EXTRA}
        return {**bare, "resource": self._unhidden(resource)}

    def _unhidden(self, node: Any) -> Any:
        if type(node) is list:
            return [self._unhidden(item) for item in node]
        if type(node) is not dict:
            return node
        shown = {_HIDDEN_NAMES.get(key, key): self._unhidden(value) for key, value in _newest_members(node)}
        if type(kind := shown.get("resourceType")) is str:
            shown["resourceType"] = kind.lstrip(MARK)
        if self.number is not None and shown.get("reference") == self.owner:
            del shown["reference"]
            shown.setdefault("identifier", self.number)
        return shown


def _newest_members(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members of a node; a hidden one is dropped if its real name has been written since."""
    return ((key, value) for key, value in node.items() if _HIDDEN_NAMES.get(key) not in node)


def adapt(bundle: Any, compiled: Compiled, owner: PlanOwner | None = None, created: str | None = None) -> Adapted:
    """Adapt a bundle to the tables. `created` is an ISO 8601 time, used if the CarePlan has none.

    Raises `InvalidInput` if the bundle is about another person than `owner`.
    """
    entries = entries_of(bundle)
    adapted = Adapted({}, hidden=dict(_hidden(entries, compiled)))
    visible_entries = [entry for entry in entries if entry.number not in adapted.hidden]
    extras = [*_owner(adapted, visible_entries, owner, compiled), *_roles(visible_entries)]
    _check_subjects(visible_entries, adapted)
    to_extras = {reference: None for entry in extras for reference in _references_to(entry)}
    visible = to_extras | _visible_references(visible_entries)
    made = [_entry(entry, bundle["entry"][entry.number], adapted, visible) for entry in entries]
    for number, entry in enumerate(made):
        if entry["resource"]["resourceType"] == _ROOT:
            whole = {"id": entries[number].id, "created": created}
            adapted.added = {k: v for k, v in whole.items() if v is not None and k not in entry["resource"]}
            entry["resource"] |= adapted.added
    added = [{**extra, _EXTRA: extra["resource"]} for extra in extras]
    adapted.bundle = {**bundle, "entry": [*made, *added]}
    return adapted


def _hidden(entries: list[Entry], compiled: Compiled) -> Iterator[tuple[int, str]]:
    """The numbers of the entries that must not be read, each with the reason."""
    left = dict(out_of_sight(entries, compiled.assembly("plan")))
    people = {
        reference
        for entry in entries
        if entry.type == "Practitioner" and entry.number not in left and not _lacking(entry, compiled)
        for reference in entry.references
    }
    for entry in entries:
        if entry.number in left:
            yield entry.number, left[entry.number]
        elif entry.type != _ROOT and _in_error(entry.resource):
            yield entry.number, "is entered in error"
        elif entry.type in _ACTORS and (reason := _lacking(entry, compiled)):
            yield entry.number, reason
        elif entry.type == "PractitionerRole" and people.isdisjoint(_practitioner(entry)):
            yield entry.number, "is the role of nobody who can be read in the bundle"


def _in_error(resource: dict[str, Any]) -> bool:
    status = resource.get("lifecycleStatus", resource.get("status"))
    verification = resource.get("verificationStatus")
    codings = verification.get("coding") if type(verification) is dict else None
    codes = [c.get("code") for c in codings if type(c) is dict] if type(codings) is list else []
    return "entered-in-error" in (status, *codes)


def _lacking(entry: Entry, compiled: Compiled) -> str | None:
    """The reason not to read a person or organisation that lacks an element a plan needs; else None.

    Other faults are reported when the entry is read.
    """
    try:
        compiled.lens(_ACTORS[entry.type]).get({"id": entry.id, **entry.resource}, at="")
    except InvalidInput as error:
        lacking = [problem.path.partition(".")[2] for problem in error.problems if problem.code == "required"]
        return f"has no {lacking[0]}, which a plan needs" if lacking else None
    return None


def _roles(entries: list[Entry]) -> Iterator[dict[str, Any]]:
    """Make a PractitionerRole for every Practitioner without one."""
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
    adapted: Adapted, entries: list[Entry], owner: PlanOwner | None, compiled: Compiled
) -> Iterator[dict[str, Any]]:
    """Make a Patient of the owner if the bundle has none and its subject is the owner, by number or reference.

    Raises `InvalidInput` if the subject is somebody else.
    """
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
    adapted.owner = reference or f"Patient/{owner.id}"
    adapted.number = number if reference is None else None
    yield {"fullUrl": adapted.owner, "resource": resource}


def _check_subjects(entries: list[Entry], adapted: Adapted) -> None:
    """Raise `InvalidInput` for parts of the plan whose subject has another number; the lenses check references."""
    people = [entry.resource.get("identifier") for entry in entries if entry.type == "Patient"]
    numbers = [n for found in people if type(found) is list for n in found] + [adapted.number]
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
    """The identifier's value of a subject that has an identifier and no reference; else None."""
    if type(subject) is not dict or "reference" in subject or type(subject.get("identifier")) is not dict:
        return None
    return subject["identifier"].get("value")


def _references_to(entry: dict[str, Any]) -> Iterator[str]:
    resource = entry["resource"]
    yield f"{resource['resourceType']}/{resource['id']}"
    if "fullUrl" in entry:
        yield entry["fullUrl"]


def _visible_references(entries: list[Entry]) -> dict[str, set[str] | None]:
    """By reference, the elements that may hold it; None for people and organisations, whom any element may name."""
    visible: dict[str, set[str] | None] = {}
    for entry in entries:
        if entry.type in _PEOPLE:
            visible |= dict.fromkeys(entry.references)
        elif entry.type in _PLACES:
            visible |= dict.fromkeys(entry.references, _PLACES[entry.type])
    return visible


def _entry(
    entry: Entry, whole: dict[str, Any], adapted: Adapted, visible: dict[str, set[str] | None]
) -> dict[str, Any]:
    resource = _hide_references(entry.resource, (), adapted, visible)
    if entry.number in adapted.hidden:
        resource["resourceType"] = f"{MARK}{entry.type}"
    return {**whole, "resource": resource}


def _hide_references(node: Any, names: tuple[str, ...], adapted: Adapted, visible: dict[str, set[str] | None]) -> Any:
    """A copy of the node in which references that cannot be followed are hidden."""
    if type(node) is list:
        return [_hide_references(item, names, adapted, visible) for item in node]
    if type(node) is not dict:
        return node
    made = {key: _hide_references(value, (*names, key), adapted, visible) for key, value in node.items()}
    reference = made.get("reference")
    if type(reference) is str and not _may_refer(reference, names, visible) and not set(names[-1:]) & set(_ABOUT):
        made = _with_hidden(made, "reference")
    elif reference is None and adapted.number is not None and _is_number(made.get("identifier"), adapted.number):
        made["reference"] = adapted.owner
    member = made.get("member")
    if names[-1:] == ("participant",) and type(member) is dict and "reference" not in member:
        made = _with_hidden(made, "role")  # no known person: neither a member nor a vacant place in the team
    return made


def _may_refer(reference: str, names: tuple[str, ...], visible: dict[str, set[str] | None]) -> bool:
    places = visible.get(unversioned(reference), set())
    return places is None or not places.isdisjoint(names)


def _is_number(identifier: Any, number: dict[str, str]) -> bool:
    return type(identifier) is dict and identifier.get("value") == number.get("value")


def _with_hidden(node: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"{key}{MARK}" if key == name else key: value for key, value in node.items()}

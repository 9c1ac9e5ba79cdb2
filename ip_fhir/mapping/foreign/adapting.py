"""Adapts another system's bundle to our tables before reading, and reverses it after writing.

Added before, removed afterwards: a PractitionerRole for a Practitioner without one, the plan owner if the bundle only
has a number, the creation time if the caller knows it.

Hidden from the lenses by a tilde in the name, which no name in FHIR has: references to resources that are missing or no
part of a plan, resources that a check of their table leaves, people without an element that a plan needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.values.ids import PersonIdKind
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.mapping.bundle.parts import unversioned
from ip_fhir.mapping.bundle.sight import out_of_sight
from ip_fhir.mapping.dialects.fhir.unread import MARK
from ip_fhir.mapping.foreign.members import Members
from ip_fhir.mapping.lenses.references import Links, references_in
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.lenses.table import Lens

_EXTRA = f"extra{MARK}"
_HIDDEN_NAMES = {f"{name}{MARK}": name for name in ("reference", "role", "detail")}  # hidden members, and their own
_ROOT = "CarePlan"
_PRACTITIONER = "Practitioner"
_LACKS = ("required", "code-invalid")  # the codes of problems for which a part is out of sight, and the plan is read
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
    members: Members | None = None
    dropped: frozenset[str] = frozenset()  # the references of the members' resources that go again
    registers: frozenset[str] = frozenset()  # the systems of persons' numbers

    @property
    def told(self) -> dict[str, str]:
        """The reasons for which places are read otherwise than they stand there, by FHIRPath."""
        return {} if self.members is None else self.members.told

    def is_same(self, number: Any, other: Any) -> bool:
        """True if two identifiers have one value, and one system or both a register of persons or none."""
        if type(number) is not dict or type(other) is not dict or number.get("value") != other.get("value"):
            return False
        systems = number.get("system"), other.get("system")
        return systems[0] == systems[1] or all(system is None or system in self.registers for system in systems)

    def restore(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Return the bundle without the additions, and with hidden parts as they were."""
        if self.members is not None and self.members.resources:
            changed = {_address(e) for e in bundle["entry"] if _EXTRA in e and e["resource"] != e[_EXTRA]}
            held = [e for e in bundle["entry"] if "resource" in e]  # others have no content
            others = [e for e in held if _address(e) not in self.members.resources]
            self.dropped = frozenset(self.members.resources) - self.members.kept(others, changed)
        return {**bundle, "entry": [self._restored(entry) for entry in bundle["entry"] if not self._was_added(entry)]}

    def _was_added(self, entry: dict[str, Any]) -> bool:
        if self.members is not None and _address(entry) in self.members.resources:
            return _address(entry) in self.dropped
        return _EXTRA in entry and entry["resource"] == entry[_EXTRA]

    def _restored(self, entry: dict[str, Any]) -> dict[str, Any]:
        resource = entry.get("resource")
        if resource is None:  # an entry without content
            return entry
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
        if self.members is not None and "member" in node:
            node = self.members.restore(node, self.dropped)
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
    registers = (uri for kind in PersonIdKind for uri in compiled.systems.accepted(kind.value))
    adapted = Adapted({}, hidden=dict(_hidden(entries, compiled)), registers=frozenset(registers))
    visible_entries = [entry for entry in entries if entry.number not in adapted.hidden]
    extras = [*_owner(adapted, visible_entries, owner, compiled), *_roles(visible_entries)]
    _check_subjects(visible_entries, adapted)
    to_extras = {reference: None for entry in extras for reference in _references_to(entry)}
    visible = to_extras | _visible_references(visible_entries)
    out_of_sight = {r: entry for entry in entries if entry.number in adapted.hidden for r in entry.references}
    adapted.members = Members(compiled, out_of_sight)
    made = [*bundle.get("entry", ())]  # with the entries without content, which stay as they are
    for entry in entries:
        made[entry.number] = whole = _entry(entry, made[entry.number], adapted, visible, compiled)
        if whole["resource"]["resourceType"] == _ROOT:
            said = {"id": entry.id, "created": created}
            adapted.added = {k: v for k, v in said.items() if v is not None and k not in whole["resource"]}
            whole["resource"] |= adapted.added
    extras += [{"resource": resource} for resource in adapted.members.resources.values()]
    added = [{**extra, _EXTRA: extra["resource"]} for extra in extras]
    adapted.bundle = {**bundle, "entry": [*made, *added]}
    return adapted


def _hidden(entries: list[Entry], compiled: Compiled) -> Iterator[tuple[int, str]]:
    """The numbers of the entries that must not be read, each with the reason."""
    lenses = _lenses(compiled)
    left = dict(out_of_sight(entries, compiled.assembly("plan")))
    people = {
        reference
        for entry in entries
        if entry.type == _PRACTITIONER and entry.number not in left and not _lacking(entry, lenses[_PRACTITIONER])
        for reference in entry.references
    }
    for entry in entries:
        lens = lenses.get(entry.type)
        if entry.number in left:
            yield entry.number, left[entry.number]
        elif entry.type != _ROOT and _in_error(entry.resource):
            yield entry.number, "is entered in error"
        elif lens is not None and lens.owns(entry.resource) and (reason := _lacking(entry, lens)):
            yield entry.number, reason
        elif entry.type == "PractitionerRole" and people.isdisjoint(_practitioner(entry)):
            yield entry.number, "is the role of nobody who can be read in the bundle"


def _in_error(resource: dict[str, Any]) -> bool:
    status = resource.get("lifecycleStatus", resource.get("status"))
    verification = resource.get("verificationStatus")
    codings = verification.get("coding") if type(verification) is dict else None
    codes = [c.get("code") for c in codings if type(c) is dict] if type(codings) is list else []
    return "entered-in-error" in (status, *codes)


def _lacking(entry: Entry, lens: Lens) -> str | None:
    """The reason not to read a resource that lacks what a plan needs, or says it in an unknown code; else None.

    Other faults are reported when the entry is read. Participants are adapted before they are read.
    """
    try:
        lens.get({"id": entry.id, **entry.resource}, at="")
    except InvalidInput as error:
        lacking = ((p.path.partition(".")[2], p.code) for p in error.problems if p.code in _LACKS)
        return next((_lack(*one) for one in lacking if not one[0].startswith("participant")), None)
    return None


def _lack(place: str, code: str) -> str:
    return f"has no {place}, which a plan needs" if code == "required" else f"has an unknown code in {place}"


def _lenses(compiled: Compiled) -> dict[str, Lens]:
    """The lenses of the parts of a plan that may be out of sight, by the type of their resources."""
    parts = compiled.assembly("plan").parts
    others = {str(part.lens.resource): part.lens for part in parts if part.field != "owner" and part.in_doubt is None}
    return others | {_PRACTITIONER: compiled.lens(_PRACTITIONER)}


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
    theirs = {"value": owner.identifier}  # under whichever register: the number says which
    same = reference == f"Patient/{owner.id}" if said is None else adapted.is_same(number, theirs)
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
    problems = []
    for entry in entries:
        for name in _ABOUT if entry.type in (_ROOT, "Consent", *_PLACES) else ():
            number = _number(entry.resource.get(name))
            if number is not None and not any(adapted.is_same(number, known) for known in numbers):
                problems.append(Problem(f"{entry.at}.{name}", "is not the person that the plan is of", "invariant"))
    if problems:
        raise InvalidInput(problems)


def _number(subject: Any) -> Any:
    """The identifier of a subject that has one with a value, and no reference; else None."""
    if type(subject) is not dict or "reference" in subject or type(subject.get("identifier")) is not dict:
        return None
    return subject["identifier"] if subject["identifier"].get("value") is not None else None


def _address(entry: dict[str, Any]) -> str:
    """The relative reference to an entry's resource; a text that is none for an entry without content."""
    resource = entry.get("resource", {})
    return f"{resource.get('resourceType')}/{resource.get('id')}"


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


def _without_unreadable(activity: Any, compiled: Compiled) -> Any:
    """The activity, with its detail hidden if that lacks what a measure needs, or says it in an unknown code."""
    lens = compiled.lens("Measure").inner
    if lens.table.resource is not None or not lens.owns(activity):
        return activity
    try:
        lens.get(activity, Links.within(activity))
    except Wrong as wrong:
        return _with_hidden(activity, "detail") if wrong.code in _LACKS else activity
    return activity


def _entry(
    entry: Entry, whole: dict[str, Any], adapted: Adapted, visible: dict[str, set[str] | None], compiled: Compiled
) -> dict[str, Any]:
    resource = _hide_references(entry.resource, (), adapted, visible)
    if entry.number in adapted.hidden:
        resource["resourceType"] = f"{MARK}{entry.type}"
    elif entry.type == "CareTeam" and adapted.members is not None:
        resource = adapted.members.adapt(resource, entry.at)
    elif entry.type == _ROOT and type(resource.get("activity")) is list:
        resource["activity"] = [_without_unreadable(activity, compiled) for activity in resource["activity"]]
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
    elif reference is None and adapted.number is not None and adapted.is_same(made.get("identifier"), adapted.number):
        made["reference"] = adapted.owner
    member = made.get("member")
    if names[-1:] == ("participant",) and type(member) is dict and "reference" not in member:
        made = _with_hidden(made, "role")  # no known person: neither a member nor a vacant place in the team
    return made


def _may_refer(reference: str, names: tuple[str, ...], visible: dict[str, set[str] | None]) -> bool:
    places = visible.get(unversioned(reference), set())
    return places is None or not places.isdisjoint(names)


def _with_hidden(node: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"{key}{MARK}" if key == name else key: value for key, value in node.items()}

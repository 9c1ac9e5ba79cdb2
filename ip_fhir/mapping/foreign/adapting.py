"""Adapts another system's bundle to our tables before reading, and reverses it after writing.

Added before, removed afterwards: a PractitionerRole for a Practitioner without one, the plan owner if the bundle only
has a number, the creation time if the caller knows it.

Hidden from the lenses by a tilde in the name, which no name in FHIR has: references to resources that are missing or no
part of a plan, resources that a check of their table leaves, people without an element that a plan needs. A reference
by an identifier gets the literal reference to the one resource of the bundle that has it; the identifier is set aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.values.ids import PersonIdKind
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.fhir.references import References, references_in, unversioned
from ip_fhir.mapping.bundle.sight import out_of_sight
from ip_fhir.mapping.dialects.fhir.unread import MARK
from ip_fhir.mapping.foreign.adapted import EXTRA, LOGICAL, ROOT, Adapted
from ip_fhir.mapping.foreign.members import Members
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.fhir.bundle import Entry, Place
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.lenses.table import Lens

_OF_REFERENCE = {"id", "extension", "reference", "type", "identifier", "display"}
_PRACTITIONER = "Practitioner"
_LONGEST_ID = 64
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


def adapt(bundle: Any, compiled: Compiled, owner: PlanOwner | None = None, created: str | None = None) -> Adapted:
    """Adapt a bundle to the tables. `created` is an ISO 8601 time, used if the CarePlan has none.

    Raises `InvalidInput` if the bundle is about another person than `owner`.
    """
    entries = entries_of(bundle)
    links = References(entries)
    registers = (uri for kind in PersonIdKind for uri in compiled.systems.accepted(kind.value))
    adapted = Adapted({}, hidden=dict(_hidden(links, compiled)), registers=frozenset(registers))
    visible_entries = [
        entry for entry in links.all() if not {entry.place, (entry.number, None)} & adapted.hidden.keys()
    ]
    extras = [*_owner(adapted, visible_entries, owner, compiled, links), *_roles(visible_entries, links)]
    _check_subjects(visible_entries, adapted)
    adapted.members = Members(compiled, links, adapted.hidden.keys())
    sight = _Sight(links, _visible(visible_entries), adapted, compiled)
    made = [*bundle.get("entry", ())]  # with the entries without content, which stay as they are
    for entry in entries:
        made[entry.number] = whole = sight.adapted(entry, made[entry.number])
        if whole["resource"]["resourceType"] == ROOT:
            said = {"id": entry.id, "created": created}
            adapted.added = {k: v for k, v in said.items() if v is not None and k not in whole["resource"]}
            whole["resource"] |= adapted.added
    extras += adapted.members.entries()
    added = [{**extra, EXTRA: extra["resource"]} for extra in extras]
    adapted.bundle = {**bundle, "entry": [*made, *added]}
    return adapted


def _same_systems(compiled: Compiled) -> list[frozenset[str]]:
    """The sets of identifier systems that mean one: each system with its aliases."""
    return [compiled.systems.accepted(name) for name in compiled.systems.aliases]


def _hidden(links: References, compiled: Compiled) -> Iterator[tuple[Place, str]]:
    """The places of the resources that must not be read, each with the reason."""
    several = list(links.all())
    lenses = _lenses(compiled)
    left = dict(out_of_sight(several, compiled.assembly("plan")))
    people = {
        entry.place
        for entry in several
        if entry.type == _PRACTITIONER and entry.place not in left and not _lacking(entry, lenses[_PRACTITIONER])
    }
    for entry in several:
        lens = lenses.get(entry.type)
        if entry.place in left:
            yield entry.place, left[entry.place]
        elif entry.type != ROOT and _in_error(entry.resource):
            yield entry.place, "is entered in error"
        elif lens is not None and lens.owns(entry.resource) and (reason := _lacking(entry, lens)):
            yield entry.place, reason
        elif entry.type == "PractitionerRole" and people.isdisjoint(_practitioners(entry, links)):
            yield entry.place, "is the role of nobody who can be read in the bundle"


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


def _roles(entries: list[Entry], links: References) -> Iterator[dict[str, Any]]:
    """Make a PractitionerRole for every Practitioner without one; of contained ones, for those in a part of a plan."""
    named = {place for e in entries if e.type == "PractitionerRole" for place in _practitioners(e, links)}
    taken = {entry.id for entry in entries if entry.type == "PractitionerRole"}
    lone = [
        entry
        for entry in entries
        if entry.type == "Practitioner" and entry.place not in named and _may_contain(entry.container)
    ]
    ids: dict[Place, str] = {}
    for entry in sorted(lone, key=lambda one: links.names(one)[0]):  # the order of the entries gives no other ids
        ids[entry.place] = _role_id(entry, taken)
        taken.add(ids[entry.place])
    for entry in lone:
        practitioner = {"reference": links.names(entry)[0]}
        resource = {"resourceType": "PractitionerRole", "id": ids[entry.place], "practitioner": practitioner}
        yield {"resource": resource}


def _role_id(person: Entry, taken: set[str]) -> str:
    """The id of the role that is made for a person. Raises `InvalidInput` if none is left."""
    around = () if person.container is None else (f"role-of-{person.container.id}.{person.id}"[:_LONGEST_ID],)
    ids: tuple[str, ...] = (person.id, f"role-of-{person.id}"[:_LONGEST_ID], *around)
    found = next((one for one in ids if one not in taken), None)
    if found is None:
        raise InvalidInput.at(person.at, "has an id that two others have", "multiple-matches")
    return found


def _may_contain(container: Entry | None) -> bool:
    """True if what a resource contains may be part of a plan; also for None, which is no container."""
    return container is None or container.type in (ROOT, "Consent", "Appointment", *_PLACES, *_PEOPLE)


def _practitioners(role: Entry, links: References) -> set[Place]:
    """The places of the persons of a role."""
    held = references_in(role.resource.get("practitioner"))
    return {entry.place for reference in held for entry in links.meant_by(reference, role)}


def _owner(
    adapted: Adapted, entries: list[Entry], owner: PlanOwner | None, compiled: Compiled, links: References
) -> Iterator[dict[str, Any]]:
    """Make a Patient of the owner if the bundle has none and its subject is the owner, by number or reference.

    Raises `InvalidInput` if the subject is somebody else.
    """
    root = next((entry for entry in entries if entry.type == ROOT), None)
    subject = root.resource.get("subject") if root is not None else None
    if owner is None or root is None or type(subject) is not dict:
        return
    reference, number = subject.get("reference"), subject.get("identifier")
    if type(reference) is not str:
        reference = None
        known = links.by_identifier(number, "Patient", _same_systems(compiled))
    else:
        known = links.one(reference, root)
    if known is not None and known.type == "Patient" and known in entries:
        return
    said = number.get("value") if type(number) is dict else None
    here = None if reference is None else unversioned(reference)
    theirs = {"value": owner.identifier}  # under whichever register: the number says which
    same = here == f"Patient/{owner.id}" if said is None else adapted.is_same(number, theirs)
    if not same:
        raise InvalidInput(
            [Problem(f"{root.at}.subject", "is not the person that the plan is said to be of", "invariant")]
        )
    resource = compiled.lens("Patient").new(data_of(owner))
    adapted.owner = here or f"Patient/{owner.id}"
    adapted.owner_name = links.absolute(adapted.owner, root)
    adapted.number = number if reference is None else None
    yield {"fullUrl": adapted.owner_name, "resource": resource}


def _check_subjects(entries: list[Entry], adapted: Adapted) -> None:
    """Raise `InvalidInput` for parts of the plan whose subject has another number; the lenses check references."""
    people = [entry.resource.get("identifier") for entry in entries if entry.type == "Patient"]
    numbers = [n for found in people if type(found) is list for n in found] + [adapted.number]
    problems = []
    for entry in entries:
        for name in _ABOUT if entry.type in (ROOT, "Consent", *_PLACES) else ():
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


def _visible(entries: Iterable[Entry]) -> dict[Place, set[str] | None]:
    """By resource, the elements that may refer to it; None for people and organisations, whom any element may name."""
    visible: dict[Place, set[str] | None] = {}
    for entry in entries:
        if entry.type in _PEOPLE:
            visible[entry.place] = None
        elif entry.type in _PLACES:
            visible[entry.place] = _PLACES[entry.type]
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


@dataclass(frozen=True, slots=True)
class _Sight:
    """Makes copies of resources in which references that cannot be followed are hidden."""

    links: References
    visible: dict[Place, set[str] | None]
    adapting: Adapted
    compiled: Compiled

    def adapted(self, entry: Entry, whole: dict[str, Any]) -> dict[str, Any]:
        """The bundle's entry with the resource adapted, and what it contains."""
        resource = self._copy(entry.resource, (), entry)
        for one in self.links.contained.get(entry.number, ()):
            resource["contained"][one.index] = self._part(one, resource["contained"][one.index])
        return {**whole, "resource": self._part(entry, resource)}

    def _part(self, entry: Entry, made: dict[str, Any]) -> dict[str, Any]:
        """The copy of one resource: hidden, or with what in it cannot be read hidden or put in another way."""
        members = self.adapting.members
        if entry.place in self.adapting.hidden:
            return {**made, "resourceType": f"{MARK}{entry.type}"}
        if entry.type == "CareTeam" and members is not None:
            return members.adapt(made, entry)
        if entry.type == ROOT and type(made.get("activity")) is list:
            return {**made, "activity": [_without_unreadable(one, self.compiled) for one in made["activity"]]}
        return made

    def _copy(self, node: Any, names: tuple[str, ...], holder: Entry) -> Any:
        if type(node) is list:
            return [self._copy(item, names, holder) for item in node]
        if type(node) is not dict:
            return node
        made = {key: self._copy(value, (*names, key), holder) for key, value in node.items()}
        reference = made.get("reference")
        if type(reference) is str:
            if not self._may_refer(reference, names, holder) and not set(names[-1:]) & set(_ABOUT):
                made = _with_hidden(made, "reference")
        elif reference is None and type(made.get("identifier")) is dict and made.keys() <= _OF_REFERENCE:
            made = self._with_literal(made, names, holder)
        member = made.get("member")
        if names[-1:] == ("participant",) and type(member) is dict and "reference" not in member:
            made = _with_hidden(made, "role")  # no known person: neither a member nor a vacant place in the team
        return made

    def _may_refer(self, reference: str, names: tuple[str, ...], holder: Entry) -> bool:
        target = self.links.meant_by(reference, holder)
        if not target:
            return self._is_owner(reference, holder)
        places = self.visible.get(target[0].place, set())
        return places is None or not places.isdisjoint(names)

    def _is_owner(self, reference: str, holder: Entry) -> bool:
        """True for a reference to the owner whom the caller named."""
        return self.adapting.owner_name == self.links.absolute(reference, holder)

    def _with_literal(self, node: dict[str, Any], names: tuple[str, ...], holder: Entry) -> dict[str, Any]:
        """The node with the reference to the one resource that has its identifier, if it may be referred to here."""
        number = self.adapting.number
        if number is not None and self.adapting.is_same(node["identifier"], number):
            reference = self.adapting.owner
        else:
            target = self.links.by_identifier(node["identifier"], node.get("type"), _same_systems(self.compiled))
            reference = None if target is None else self.links.between(holder, target)
        if reference is None or not self._may_refer(reference, names, holder):
            return node
        rest = {key: value for key, value in node.items() if key != "identifier"}
        return {"reference": reference, **rest, LOGICAL: {"reference": reference, "identifier": node["identifier"]}}


def _with_hidden(node: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"{key}{MARK}" if key == name else key: value for key, value in node.items()}

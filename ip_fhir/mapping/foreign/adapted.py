"""A bundle of another system, adapted to our tables, and what is needed to restore it after writing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.fhir.references import References
from ip_fhir.mapping.dialects.fhir.unread import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ip_fhir.fhir.bundle import Entry, Place
    from ip_fhir.mapping.foreign.members import Members

EXTRA: Final = f"extra{MARK}"
"""The member of an entry that was added: its resource, as it was added."""

LOGICAL: Final = f"identifier{MARK}"
"""The member of a reference that was made of an identifier: that reference, and the identifier."""

ROOT: Final = "CarePlan"
_HIDDEN_NAMES = {f"{name}{MARK}": name for name in ("reference", "role", "detail")}  # hidden members, and their own


@dataclass(slots=True)
class Adapted:
    """An adapted bundle, what is needed to restore it, and why resources are hidden (by their place)."""

    bundle: dict[str, Any]
    owner: str | None = None  # the reference to the owner that was added
    owner_name: str | None = None  # the same from outside the CarePlan
    number: dict[str, str] | None = None  # the owner's identifier, by which the bundle refers to them
    added: dict[str, str] = field(default_factory=dict)  # members that were added to the CarePlan
    hidden: dict[Place, str] = field(default_factory=dict)
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
        known = (system is None or (type(system) is str and system in self.registers) for system in systems)
        return systems[0] == systems[1] or all(known)

    def restore(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Return the bundle without the additions, and with hidden parts as they were.

        What was written since as a reference to a role that was added refers to its person. Raises `InvalidInput` if
        FHIR lets nothing refer to the person from there.
        """
        if self.members is not None and self.members.resources:
            changed = {_address(e) for e in bundle["entry"] if EXTRA in e and e["resource"] != e[EXTRA]}
            held = [e for e in bundle["entry"] if "resource" in e]  # others have no content
            others = [e for e in held if _address(e) not in self.members.resources]
            self.dropped = frozenset(self.members.resources) - self.members.kept(others, changed)
        bundle = self._without_roles(bundle)
        return {**bundle, "entry": [self._restored(entry) for entry in bundle["entry"] if not self._was_added(entry)]}

    def _without_roles(self, bundle: dict[str, Any]) -> dict[str, Any]:
        links = References(entries_of(bundle))
        people: dict[Place, Entry] = {}
        for entry in links.entries:
            if entry.type == "PractitionerRole" and self._was_added(bundle["entry"][entry.number]):
                person = links.one(entry.resource["practitioner"]["reference"], entry)
                people |= {} if person is None else {entry.place: person}
        made = [*bundle["entry"]]
        for entry in links.entries if people else ():
            resource = _by_person(entry.resource, entry, links, people)
            made[entry.number] = {**made[entry.number], "resource": resource}
        return {**bundle, "entry": made}

    def _was_added(self, entry: dict[str, Any]) -> bool:
        if self.members is not None and _address(entry) in self.members.resources:
            return _address(entry) in self.dropped
        return EXTRA in entry and entry["resource"] == entry[EXTRA]

    def _restored(self, entry: dict[str, Any]) -> dict[str, Any]:
        resource = entry.get("resource")
        if resource is None:  # an entry without content
            return entry
        if resource["resourceType"] == ROOT:
            added = list(self.added.items())
            resource = {key: value for key, value in resource.items() if (key, value) not in added}
        bare = {key: value for key, value in entry.items() if key != EXTRA}
        return {**bare, "resource": self._unhidden(resource)}

    def _unhidden(self, node: Any) -> Any:
        if type(node) is list:
            return [self._unhidden(item) for item in node]
        if type(node) is not dict:
            return node
        if self.members is not None and "member" in node:
            node = self.members.restore(node, self.dropped)
        aside = node.get(LOGICAL)
        rest = {key: value for key, value in _newest_members(node) if key != LOGICAL}
        shown = {_HIDDEN_NAMES.get(key, key): self._unhidden(value) for key, value in rest.items()}
        if type(kind := shown.get("resourceType")) is str:
            shown["resourceType"] = kind.lstrip(MARK)
        if aside is not None and shown.get("reference") == aside["reference"]:
            del shown["reference"]
            shown["identifier"] = aside["identifier"]
        elif self.number is not None and shown.get("reference") == self.owner:  # in a new resource
            del shown["reference"]
            shown["identifier"] = self.number
        return shown


def _by_person(node: Any, holder: Entry, links: References, people: Mapping[Place, Entry]) -> Any:
    """A copy in which references to the roles of `people` refer to the person."""
    if type(node) is list:
        return [_by_person(item, holder, links, people) for item in node]
    if type(node) is not dict:
        return node
    copy = {key: _by_person(value, holder, links, people) for key, value in node.items()}
    if type(reference := copy.get("reference")) is str:
        target = links.one(reference, holder)
        person = None if target is None else people.get(target.place)
        if person is not None:
            copy["reference"] = links.between(holder, person)
            if copy["reference"] is None:
                reason = "would refer to a resource that FHIR lets nothing refer to from here"
                raise InvalidInput.at(holder.at, reason, "business-rule")
    return copy


def _newest_members(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members of a node; a hidden one is dropped if its real name has been written since."""
    return ((key, value) for key, value in node.items() if _HIDDEN_NAMES.get(key) not in node)


def _address(entry: dict[str, Any]) -> str:
    """The relative reference to an entry's resource; a text that is none for an entry without content."""
    resource = entry.get("resource", {})
    return f"{resource.get('resourceType')}/{resource.get('id')}"

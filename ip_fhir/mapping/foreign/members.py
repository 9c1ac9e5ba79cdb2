"""Adapts the participants of other systems' care teams, so that they are read as members, and reverses it afterwards.

A role without a counterpart is set aside, and `other` with its words put in its place. A member without a resource that
a plan could read, but with a name in words, gets one of that name for as long as the plan is read or written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.fhir.references import references_in, unversioned
from ip_fhir.mapping.dialects.fhir.codes import words_of
from ip_fhir.mapping.dialects.fhir.unread import MARK
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ip_fhir.fhir.bundle import Entry, Place
    from ip_fhir.fhir.references import References
    from ip_fhir.mapping.compiled import Compiled

HIDDEN_ROLE: Final = f"role{MARK}"
_HIDDEN_REFERENCE: Final = f"reference{MARK}"
_UNKNOWN: Final = "names nobody who is known here: no member of the team"
_OTHER: Final = "is no role that is known here: read as `other`, with its words"
_NO_ROLE: Final = "says no role: read as `other`"
_PERSONS: Final = ("Practitioner", "PractitionerRole", "")
_GROUPS: Final = ("Organization", "CareTeam", "HealthcareService")


@dataclass(slots=True)
class Members:
    """The participants of the teams of one bundle; `resources` are those that were made, by reference.

    `told` gives the reason for which a participant or its role is read otherwise, by FHIRPath.
    """

    compiled: Compiled
    links: References
    hidden: Collection[Place]  # the resources that are out of sight
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # by reference, the fullUrl of a resource that was made

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the resources that were made, as entries of the bundle."""
        for reference, resource in self.resources.items():
            name = self.names[reference]
            yield {"fullUrl": name, "resource": resource} if ":" in name else {"resource": resource}

    def adapt(self, team: dict[str, Any], holder: Entry) -> dict[str, Any]:
        """The team with each participant as the tables read it; references out of sight are hidden already."""
        participants = team.get("participant")
        if type(participants) is not list:
            return team
        places = (f"{holder.at}.participant[{number}]" for number in range(len(participants)))
        adapted = [
            self._participant(one, place, holder) if type(one) is dict else one
            for one, place in zip(participants, places, strict=True)
        ]
        return {**team, "participant": adapted}

    def _participant(self, one: dict[str, Any], at: str, holder: Entry) -> dict[str, Any]:
        member = one.get("member")
        if type(member) is not dict:
            return one  # a coordinator's place that is vacant, or a role that nobody has
        if "reference" not in member:
            member = self._named(member, holder)
        if member is None:
            self.told[at] = _UNKNOWN
            return one
        role = one.get("role", one.get(HIDDEN_ROLE))
        rest = {("role" if key == HIDDEN_ROLE else key): value for key, value in one.items()} | {"member": member}
        if self._is_known(rest):
            return rest
        self.told[f"{at}.role"] = _NO_ROLE if role is None else _OTHER
        named = rest if "role" in rest else {**rest, "role": None}
        aside = {(HIDDEN_ROLE if key == "role" else key): value for key, value in named.items()}
        return aside | self._other(role)

    def _is_known(self, participant: dict[str, Any]) -> bool:
        return any(self.compiled.lens(name).owns(participant) for name in ("Membership", "Coordinator"))

    def _other(self, role: Any) -> dict[str, Any]:
        """The member `role` in place of one that has no counterpart: a list, or in R5 one concept."""
        coding = self.compiled.tables.codes["team-role"].codings["other"]
        words = ", ".join(_all_words(role if type(role) is list else [role]))
        concept = {"coding": [coding], **({"text": words} if words else {})}
        return {"role": concept if self.compiled.version == "R5" else [concept]}

    def _named(self, member: dict[str, Any], holder: Entry) -> dict[str, Any] | None:
        """The member with a reference to a resource made of their name; None without one, or for another patient."""
        reference = member.get(_HIDDEN_REFERENCE)
        entry = self._hidden(reference, holder) if type(reference) is str else None
        name = _text(member.get("display")) or (None if entry is None else _name_of(entry.resource))
        kind = _type_of(member, entry)
        if name is None or kind not in (*_PERSONS, *_GROUPS, "RelatedPerson"):
            return None
        key = self.links.absolute(reference, holder) if type(reference) is str else f"{kind}/{name}"
        ident = f"member-{uuid5(NAMESPACE_URL, key)}"
        made = list(_resources(kind, ident, name))
        self.resources |= made
        self.names |= {made_as: self.links.absolute(made_as, holder) for made_as, _ in made}
        return {**member, "reference": made[-1][0]}

    def _hidden(self, reference: str, holder: Entry) -> Entry | None:
        """The resource out of sight that a reference means; None if it means none, or several."""
        found = self.links.one(reference, holder)
        return found if found is not None and found.place in self.hidden else None

    def restore(self, node: dict[str, Any], dropped: Iterable[str]) -> dict[str, Any]:
        """The participant without what was put into it; `dropped` are the references of resources that go again."""
        if HIDDEN_ROLE in node:
            role = node[HIDDEN_ROLE]
            if node.get("role") == self._other(role)["role"]:
                kept = {key: value for key, value in node.items() if key != "role"}
                node = {("role" if key == HIDDEN_ROLE else key): value for key, value in kept.items()}
                if role is None:
                    del node["role"]
            elif "role" in node:
                node = {key: value for key, value in node.items() if key != HIDDEN_ROLE}
        member = node.get("member")
        if type(member) is dict and member.get("reference") in self.resources:
            gone = "reference" if member["reference"] in dropped else _HIDDEN_REFERENCE
            node = {**node, "member": {key: value for key, value in member.items() if key != gone}}
        return node

    def kept(self, entries: Iterable[dict[str, Any]], changed: set[str]) -> set[str]:
        """The references of made resources that stay in the bundle: changed, or named by more than a participant.

        `entries` are those of the written bundle but the made ones. The two resources of a professional stay together.
        """
        named: set[str] = set()
        members: set[str] = set()
        for entry in entries:
            inner, outer = _split(entry["resource"])
            members.update(map(_relative, inner))
            named.update(map(_relative, outer))
        stays = {r for r in self.resources if r in changed or r in named or _twin(r).isdisjoint(members)}
        return {r for r in self.resources if not _twin(r).isdisjoint(stays)}


def _split(resource: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The references in the members of a team, and all others in the resource."""
    participants = resource.get("participant") if resource.get("resourceType") == "CareTeam" else None
    if type(participants) is not list:
        return set(), set(references_in(resource))
    members = [one.get("member") for one in participants if type(one) is dict]
    bare = [{k: v for k, v in one.items() if k != "member"} for one in participants if type(one) is dict]
    return set(references_in(members)), set(references_in({**resource, "participant": bare}))


def _relative(reference: str) -> str:
    return "/".join(unversioned(reference).split("/")[-2:])


def _twin(reference: str) -> set[str]:
    """The references of the resources that are made together."""
    type_, _, ident = reference.partition("/")
    return {f"{t}/{ident}" for t in ("Practitioner", "PractitionerRole")} if "Practitioner" in type_ else {reference}


def _type_of(member: dict[str, Any], entry: Entry | None) -> str:
    """The type of a member's resource; empty if nothing says it."""
    if entry is not None:
        return entry.type
    said, reference = member.get("type"), member.get(_HIDDEN_REFERENCE)
    if type(said) is str:
        return said
    parts = unversioned(reference).split("/") if type(reference) is str else []
    return parts[-2] if len(parts) > 1 and parts[-2].isalpha() else ""


def _resources(kind: str, ident: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield resources for a name, each with its reference; the last is the one to refer to."""
    if kind in _GROUPS:
        yield f"Organization/{ident}", {"resourceType": "Organization", "id": ident, "name": name}
        return
    person = {"id": ident, "name": [{"family": name}]}
    if kind == "RelatedPerson":
        yield f"RelatedPerson/{ident}", {"resourceType": "RelatedPerson", **person}
        return
    role = {"id": ident, "practitioner": {"reference": f"Practitioner/{ident}"}}
    yield f"Practitioner/{ident}", {"resourceType": "Practitioner", **person}
    yield f"PractitionerRole/{ident}", {"resourceType": "PractitionerRole", **role}


def _name_of(resource: dict[str, Any]) -> str | None:
    """The name of somebody who lacks what a plan needs: the words of a name, or an organisation's."""
    name = resource.get("name")
    first = next((n for n in name if type(n) is dict), {}) if type(name) is list else {}
    given = [word for word in first["given"] if type(word) is str] if type(first.get("given")) is list else []
    return _text(name) or _text(first.get("text")) or _text(" ".join(given))


def _text(value: Any) -> str | None:
    return value if type(value) is str and value.strip() else None


def _all_words(concepts: Iterable[Any]) -> Iterator[str]:
    """Yield the words of each concept that has any."""
    for concept in concepts:
        try:
            words = words_of(concept)[0]
        except Wrong:
            continue
        if words:
            yield words

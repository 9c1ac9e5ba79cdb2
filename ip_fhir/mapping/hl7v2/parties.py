"""The organisations and professionals of a message: with the ids of ours, or as standard PRD segments name them.

A message of ours names each in a PRD of its own, with its id. Another sender names a person and, in the same segment,
the unit of that person; who the message is from and for stands in MSH-4 and MSH-6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.team import Coordinator, two_at_once
from ip_fhir.domain.values.ids import HerId
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.dialects.hl7v2.context import Context
from ip_fhir.mapping.dialects.hl7v2.numbers import oid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ip_fhir.mapping.compiled import Compiled

Data = dict[str, Any]
"""A domain value in JSON form."""

UNIT: Final = ("unit_name", "unit_number", "unit_address")
"""The fields of a professional in V2Professional that are of the unit."""

HELD: Final = ("held_from", "held_until")
"""The fields of a professional in V2Professional that are of the role that the segment says."""

_REGISTERS: Final = {"her-id": ("her_id", "HER-id"), "org-number": ("organization_number", "organisasjonsnummer")}
_NUMBERS: Final = ("her_id", "organization_number", "resh_id")


@dataclass(slots=True)
class Side:
    """One side of a message: its unit, and the party whom the wire is between, which the unit may be a part of."""

    unit: Data
    party: Data


class Actors:
    """The organisations and professionals that were found, each once, with an id."""

    def __init__(self) -> None:
        self.organizations: list[Data] = []
        self.professionals: list[Data] = []

    def organization(self, found: Data) -> Data:
        """The organisation as it is kept: with an id and a sector. One with a number that is known is known."""
        numbers: Data = {name: found[name] for name in _NUMBERS if name in found}
        for known in self.organizations:
            if any(known.get(name) == number for name, number in numbers.items()):
                return known
        named = found.get("id") or _id_by_number(numbers) or f"organization-{len(self.organizations) + 1}"
        made = {"name": _name_by_number(numbers), "kind": "other", **found, "id": named}
        if made["name"] is None:
            raise InvalidInput.at("PRD-4.9", "is required: an organisation has neither a name nor a number", "required")
        self.organizations.append(made)
        return made

    def professional(self, found: Data) -> Data:
        """The professional as they are kept: with an id, and with the unit that stands beside the name."""
        known = next((one for one in self.professionals if _is_same_person(one, found)), None)
        if known is not None:
            return known
        made = {name: value for name, value in found.items() if name not in (*UNIT, *HELD)}
        unit = unit_of(found)
        if unit and "organization" not in made:
            made["organization"] = self.organization(unit)["id"]
        hpr = found.get("hpr_number")
        made.setdefault("id", f"hpr-{hpr}" if hpr else f"professional-{len(self.professionals) + 1}")
        self.professionals.append(made)
        return made


def _is_same_person(one: Data, other: Data) -> bool:
    same_number = one.get("hpr_number") is not None and one.get("hpr_number") == other.get("hpr_number")
    return same_number or (one.get("id") is not None and one.get("id") == other.get("id"))


def unit_of(professional: Data) -> Data:
    """The unit that stands in a professional's PRD-4; empty without one."""
    said = {**numbered(professional.get("unit_number")), "name": professional.get("unit_name")}
    unit = {name: value for name, value in said.items() if value is not None}
    address = professional.get("unit_address")
    return {**unit, "address": address} if unit and address else unit


def numbered(token: str | None) -> Data:
    """An organisation by a token of its number, such as `her-id|90000101`; empty for None, and for other registers."""
    register, _, number = (token or "").partition("|")
    return {_REGISTERS[register][0]: number} if register in _REGISTERS else {}


def token_of(organization: Data) -> str | None:
    """The token of an organisation's number: its HER-id, else its organisation number; None without either."""
    found = ((name, organization.get(field)) for name, (field, _) in _REGISTERS.items())
    return next((f"{name}|{number}" for name, number in found if number), None)


def side_of(actors: Actors, unit: Data, facility: str | None, name: str | None, place: str) -> Side:
    """One side of a message of another sender: the unit that a PRD names, and the facility in MSH-4 or MSH-6.

    A facility with another number than the unit's is what the unit is part of. Raises `InvalidInput` without either.
    """
    party = {**numbered(facility), **({"name": name} if name and not name.isdigit() else {})}
    if not unit and not party:
        raise InvalidInput.at(place, "names nobody, nor does a PRD", "required")
    if not unit or not numbered(facility) or _has_number(unit, numbered(facility)):
        made = actors.organization({**party, **unit})
        return Side(made, made)
    whole = actors.organization(party)
    made = actors.organization({**unit, "part_of": whole["id"]})
    return Side(made, whole)


def _has_number(unit: Data, number: Data) -> bool:
    return any(unit.get(name) == value for name, value in number.items())


def check_facility(party: Data, facility: str | None, msh: Data, place: str) -> None:
    """Raise `InvalidInput` if MSH names another facility than the PRD of a party of ours.

    `facility` is the token of what stands at `place`. A number without a register there is a HER-id, or another number
    of the party's: it is compared where the party has a HER-id.
    """
    differs = any(party.get(field) not in (None, number) for field, number in numbered(facility).items())
    named = (msh.get(place.replace("MSH-", "f")) or [{}])[0]
    bare = "" if named.get("c2") else named.get("c1", "")
    if party.get("her_id") and re.fullmatch(HerId.PATTERN, bare):
        differs = bare not in [party.get(name) for name in _NUMBERS]
    if differs:
        raise InvalidInput.at(place, "is another facility than the PRD of that side names", "invariant")


def _id_by_number(numbers: Data) -> str | None:
    names = {"her_id": "her", "organization_number": "org", "resh_id": "resh"}
    return next((f"{names[field]}-{number}" for field, number in numbers.items()), None)


def _name_by_number(numbers: Data) -> str | None:
    words = {"her_id": "HER-id", "organization_number": "Organisasjonsnummer", "resh_id": "RESH-id"}
    return next((f"{words[field]} {number}" for field, number in numbers.items()), None)


# --- roles beside a pathway

REASON_NOT_SAID: Final = "Ikke oppgitt: lest av ROL, som ikke har plass til grunnen"
"""The reason for two coordinators of one kind, of a message that says roles in ROL alone."""


def roles_of(plan: Data, compiled: Compiled, action: str) -> list[Data]:
    """The groups of ROL beside the pathway of a plan in JSON form: a coordinator or member each.

    They say to other systems what the rows of the team say; a vacant place has none, since ROL requires who it is.
    """
    team, known = plan.get("team", {}), {one["id"]: one for name in _ACTORS for one in plan.get(name, ())}
    known[plan["owner"]["id"]] = plan["owner"]
    found = []
    for table, field, who in ROLE_TABLES:
        for place in team.get(field, ()):
            if place.get(who) in known:
                said = {name: place[name] for name in ("id", "role", "period") if name in place}
                said |= {"coordinator_role": place.get("kind"), **_named_in_role(known[place[who]], compiled)}
                made = compiled.lens(table).put_new(said, {}, Context())["ROL"]
                found.append({"ROL": {**made, "f2": [{"c1": action}]}})
    return found


def with_roles(plan: Data, groups: Sequence[Data], compiled: Compiled, context: Context) -> tuple[Data, set[str]]:
    """A plan in JSON form with what groups of ROL say of its team, and the ids of the roles that they leave unchanged.

    Where rows say the team, they say whom a role of theirs is for: a role that no row has is added, and one that its
    action code takes away is in the team no more. Without rows the roles are the team. Who has the role of a
    coordinator is one; anybody else is a member, in words where the role has no code here. Of two coordinators of one
    kind at once ROL cannot say the reason: there stands that it is not said. Raises `InvalidInput` for a role that
    names nobody, and, beside rows, for one without an id.
    """
    acted = [(*_id_and_action(group), group) for group in groups]
    unchanged = {ident for ident, action, _ in acted if action in _UNCHANGED and ident}
    team = plan.get("team")
    if team is not None and not all(ident for ident, _, _ in acted):
        raise InvalidInput.at("ROL-1", "is required beside rows of NTE that say the team: a role by its id", "required")
    gone = {ident for ident, action, _ in acted if action in _GONE}
    named = {one["id"] for _, field, _ in ROLE_TABLES for one in (team or {}).get(field, ())}
    actors = Actors()
    actors.organizations = list(plan.get("organizations", ()))
    actors.professionals = list(plan.get("professionals", ()))
    new = [group for ident, action, group in acted if action not in _GONE and ident not in named]
    places = _places(new, compiled, context, actors)
    if team is None and not any(places.values()):
        return plan, unchanged
    base: Data = {"id": "team"} if team is None else team
    whole = {name: [*(one for one in base.get(name, ()) if one["id"] not in gone), *places[name]] for name in places}
    if "two_coordinators_reason" not in base and two_at_once(read(Coordinator, one) for one in whole["coordinators"]):
        base = {**base, "two_coordinators_reason": REASON_NOT_SAID}
    made = {**plan, "team": {**base, **whole}}
    return {**made, "professionals": actors.professionals, "organizations": actors.organizations}, unchanged


def is_role_gone(group: Data) -> bool:
    """True for a role that its action code takes away."""
    return _id_and_action(group)[1] in _GONE


def _places(groups: Iterable[Data], compiled: Compiled, context: Context, actors: Actors) -> dict[str, list[Data]]:
    """The memberships and the coordinators' places in groups of ROL; who has them is added to the actors."""
    found: dict[str, list[Data]] = {"memberships": [], "coordinators": []}
    for number, group in enumerate(groups, start=1):
        coordinator, member = (compiled.lens(name).get(group, context, "ROL") for name, _, _ in ROLE_TABLES)
        who, is_person = _who_in_role(member, compiled, actors)
        own = {"id": member.get("id", f"role-{number}"), "period": member.get("period", {})}
        if "coordinator_role" in coordinator and is_person:
            found["coordinators"].append({**own, "kind": coordinator["coordinator_role"], "holder": who})
            continue
        words = (group["ROL"].get("f3") or [{}])[0]
        said = words.get("c2") or words.get("c1")
        other = {"role": "other", **({"role_text": said} if said else {})}
        role = {"role": member["role"]} if "role" in member else other
        found["memberships"].append({**own, "member": who, **role})
    return found


def _id_and_action(group: Data) -> tuple[str, str]:
    """The id and the action code of a role; empty where none stands there."""
    role = group.get("ROL") or {}
    ident, action = ((role.get(field) or [{}])[0].get("c1", "") for field in ("f1", "f2"))
    return ident, action


def _named_in_role(actor: Data, compiled: Compiled) -> Data:
    """The name of an actor as ROL-4 has it: with a number of a register where there is one."""
    name = actor["name"]
    named = {"family": name} if isinstance(name, str) else {**name}
    for field, register in _ROLE_NUMBERS.items():
        if field in actor:
            return {**named, "number": actor[field], "register": oid(compiled.systems, register)}
    return named


def _who_in_role(said: Data, compiled: Compiled, actors: Actors) -> tuple[str, bool]:
    """The id of who ROL-4 names, and if that is a person. Raises `InvalidInput` where it names nobody."""
    if "family" not in said:
        raise InvalidInput.at("ROL-4.2", "is required: a role says who has it", "required")
    registers = {oid(compiled.systems, register): field for field, register in _ROLE_NUMBERS.items()}
    field = registers.get(said.get("register", ""))
    number = {field: said["number"]} if field is not None and "number" in said else {}
    if field not in (None, "hpr_number"):
        return str(actors.organization({"name": said["family"], **number})["id"]), False
    name = {part: said[part] for part in ("family", "given") if part in said}
    return str(actors.professional({"name": name, **number})["id"]), True


_GONE: Final = ("DE", "D")
_UNCHANGED: Final = ("UC", "X")
_ACTORS: Final = ("professionals", "organizations", "related_persons")
ROLE_TABLES: Final = (("V2RoleCoordinator", "coordinators", "holder"), ("V2RoleMember", "memberships", "member"))
"""The table of each kind of role in ROL, the field of a team that it is, and the member that says who has it."""

_ROLE_NUMBERS: Final = {"hpr_number": "hpr", "her_id": "her-id", "organization_number": "org-number"}
"""The registers of numbers in ROL-4 by the field of who has it, the one that is written first."""

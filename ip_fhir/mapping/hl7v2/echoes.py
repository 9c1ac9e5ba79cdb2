"""The parts of a notice or green form that HL7 v2 has in places of their own: moved there to write, and back when read.

A mandate and the grading of an address are groups of rows of OBX, since NK1 and PRD have no place for them. A few
standard fields say again what a row of OBX says, for systems that know no rows of ours.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.hl7v2.parties import HELD, UNIT, token_of

Data = dict[str, Any]
"""A domain value in JSON form."""

_PERSONS: Final = ("related_persons", "professionals")


def spread(data: Data) -> Data:
    """The data of a notice or green form with what has a place of its own in HL7 v2, for its table to write."""
    made = {**data, "authored_said": data["authored"], "effective": day_of(data["authored"])}
    if "kind" in data:
        made["kind_said"] = data["kind"]
    mandates = [{**p["mandate"], "of": p["id"]} for p in data.get("related_persons", ()) if p.get("mandate")]
    graded = [p for name in _PERSONS for p in data.get(name, ()) if p.get("protection")]
    made |= {"mandates": mandates, "protections": [{"of": p["id"], "protection": p["protection"]} for p in graded]}
    units = {unit["id"]: unit for unit in data.get("organizations", ())}
    made["professionals"] = [_with_unit(person, units) for person in data.get("professionals", ())]
    owner = data.get("owner")
    if owner is not None and owner.get("deceased"):
        made["owner"] = {**owner, "dead": True}
    return made


def gathered(data: Data) -> Data:
    """The data of a notice or green form, of what its table has read. Raises `InvalidInput` where two places differ."""
    made = {name: value for name, value in data.items() if name not in ("mandates", "protections", "effective")}
    said, kind_said = made.pop("authored_said", None), made.pop("kind_said", None)
    if said is not None:
        made.setdefault("authored", said)
    if kind_said is not None and made.setdefault("kind", kind_said) != kind_said:
        raise InvalidInput.at("RF1-10", "says something else than the row notice-kind of OBX", "invariant")
    _join_persons(made, data)
    owner = made.get("owner")
    if owner is not None:
        owner.setdefault("id", "owner")
        if owner.get("deceased") and owner.get("dead"):
            del owner["dead"]
    return made


def _join_persons(made: Data, data: Data) -> None:
    """Put mandates and gradings into the persons that they name. Raises `InvalidInput` for one of nobody."""
    persons = {person["id"]: person for name in _PERSONS for person in made.get(name, ()) if "id" in person}
    for name, field in (("mandates", "mandate"), ("protections", "protection")):
        for item in data.get(name, ()):
            if item["of"] not in persons:
                raise InvalidInput.at("OBX", f"has a {field} of nobody in the message", "not-found")
            rest = {key: value for key, value in item.items() if key != "of"}
            persons[item["of"]][field] = rest if field == "mandate" else rest.get(field)
    for person in made.get("professionals", ()):
        for name in HELD:
            person.pop(name, None)
        if "organization" in person:
            for name in UNIT:
                person.pop(name, None)


def _with_unit(person: Data, units: dict[str, Data]) -> Data:
    unit = units.get(person.get("organization", ""))
    if unit is None:
        return person
    token = token_of(unit)
    return {**person, "unit_name": unit["name"], **({} if token is None else {"unit_number": token})}


def day_of(moment: str) -> str:
    """The day of a moment in JSON form, in Norway."""
    return local_day(datetime.fromisoformat(moment)).isoformat()

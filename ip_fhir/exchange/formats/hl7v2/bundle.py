"""The FHIR message Bundle that goes along in a message of HL7 v2, between two sides that run this library."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.reading import read_json

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.hl7v2.message import Er7
    from ip_fhir.ports import JsonObject

_CODE: Final = "fhir-message"
_ROW: Final = f"OBX ({_CODE})"


def with_bundle(value: dict[str, Any], bundle: bytes) -> dict[str, Any]:
    """Returns the value with a row more: OBX|ED with the Bundle in Base64."""
    form, *others = value["OBSERVATION"]
    rows = form.get("RESULTS_NOTES", [])
    row = {
        "f1": [{"c1": str(len(rows) + 1)}],
        "f2": [{"c1": "ED"}],
        "f3": [{"c1": _CODE, "c2": "FHIR message Bundle", "c3": "99IP"}],
        "f5": [{"c2": "application", "c3": "fhir+json", "c4": "Base64", "c5": b64encode(bundle).decode("ascii")}],
        "f11": [{"c1": "F"}],
    }
    return {**value, "OBSERVATION": [{**form, "RESULTS_NOTES": [*rows, {"OBX": row}]}, *others]}


def bundle_in(message: Er7, limits: Limits) -> JsonObject | None:
    """Returns the Bundle in a message, within the limits of any; None without one. Raises `InvalidInput`."""
    named = (s.contents for s in message.segments if s.name == "OBX")
    found = [row for row in named if row.get("f3", [{}])[0].get("c1") == _CODE]
    if not found:
        return None
    values = [value for row in found for value in row.get("f5", ())]
    if len(values) != 1:
        raise InvalidInput.at(_ROW, "is not there exactly once", "multiple-matches")
    try:
        content = b64decode(values[0].get("c5", ""), validate=True)
    except ValueError:
        raise InvalidInput.at(_ROW, "is no Base64", "structure") from None
    return read_json(content, limits)


def same_in_both(
    message: Message, bundle: Message, persons: Collection[PersonId], named: Collection[PersonId]
) -> Message:
    """Returns the Bundle's message; `persons` are those of the segments, `named` those of the Bundle.

    Raises `InvalidInput` (invariant) if the two are not of one thing: id, correlation, kind, parties, and person
    where both name one.
    """
    said = {
        "MSH-10": (message.id, bundle.id),
        "RF1-6": (message.correlation_id, bundle.correlation_id),
        "MSH-9": (message.kind, bundle.kind),
        "MSH-4": (_numbers(message.sender), _numbers(bundle.sender)),
        "MSH-6": (_numbers(message.recipient), _numbers(bundle.recipient)),
    }
    wrong = [at for at, (one, other) in said.items() if one != other]
    if persons and named and set(persons) != set(named):
        wrong.append("PID-3")
    if wrong:
        raise InvalidInput(Problem(at, "is another than in the Bundle that goes along", "invariant") for at in wrong)
    return bundle


def _numbers(party: Organization) -> tuple[str | None, ...]:
    return party.her_id, party.organization_number, party.resh_id

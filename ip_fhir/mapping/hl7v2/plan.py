"""A plan as a patient pathway, PPG^PCG, and what messages about pathways, goals and problems say as a plan.

What PPG has no place for is told when a plan is written: the tables say it (`elsewhere`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.hl7v2.acknowledgement import control_id
from ip_fhir.mapping.dialects.hl7v2.context import OSLO, Context, written
from ip_fhir.mapping.hl7v2.parties import REASON_NOT_SAID, with_roles
from ip_fhir.mapping.hl7v2.pathway import pathway_of, person_of, plan_data, roles_in
from ip_fhir.mapping.hl7v2.writing import refuse_null
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime, tzinfo

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.mapping.compiled import Compiled

_PLAN_CODES: Final = ("PPG", "PPP", "PTR", "CCM")
_NO_PLACE: Final = "has no place in PPG: written without"
_SAID_SO: Final = "PPG has no place for it"
_CREATED: Final = Problem("MSH-7", "is taken as the time of creation: a pathway has none", "informational", "warning")
_TWO: Final = Problem(
    "ROL-3", "names two coordinators of one kind at once: ROL has no place for the reason", "informational", "warning"
)
_VIEW: Final = "is a view of a plan, or a wish about it: what a participant may see is no plan of its own"


@dataclass(frozen=True, slots=True)
class Pathway:
    """A plan as the value of a PPG, and what of the plan is not in it: a warning for each field, by its path."""

    value: dict[str, Any]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class PathwayReading:
    """The plan that a message about a pathway says, and a warning for what it does not say and a plan must."""

    plan: IndividualPlan
    warnings: tuple[Problem, ...]


def plan_to_hl7v2(
    plan: IndividualPlan, compiled: Compiled, sent: datetime, released: Collection[LocatingPart] = ()
) -> Pathway:
    """The plan as the value of a PPG^PCG, sent at `sent` (with zone); its id is the message's, in MSH-10.

    A measure stands under each goal that it serves, and needs under the first goal. Raises `InvalidInput` for what HL7
    v2 cannot say.
    """
    plan = withheld(plan, released)
    data = data_of(plan)
    value = {
        "MSH": _header(plan.id, sent),
        "PID": person_of(data["owner"], compiled),
        "PATHWAY": [pathway_of(data, compiled, "AD", sent)],
    }
    refuse_null(value)
    return Pathway(
        value, tuple(Problem(path, _NO_PLACE, "not-supported", "warning") for path in _left_out(data, compiled))
    )


def _header(ident: str, sent: datetime) -> dict[str, Any]:
    texts = {3: "IP_FHIR", 5: "IP_FHIR", 7: written(sent), 10: control_id(ident), 11: "P", 12: "2.5.1"}
    fields = {f"f{n}": [{"c1": text}] for n, text in texts.items()}
    event = {"c1": "PPG", "c2": "PCG", "c3": "PPG_PCG"}
    return {**fields, "f9": [event], "f15": [{"c1": "AL"}], "f16": [{"c1": "NE"}], "f18": [{"c1": "UNICODE UTF-8"}]}


def _left_out(plan: dict[str, Any], compiled: Compiled) -> Iterator[str]:
    """The paths of what the plan says and PPG does not, by what the tables list as without a place."""
    yield from (name for name in _without_place(compiled, "V2Pathway") if plan.get(name))
    left = _without_place(compiled, "V2NoteRelative")
    for number, person in enumerate(plan.get("related_persons", ())):
        yield from (f"related_persons.{number}.{field}" for field in left if person.get(field))


def _without_place(compiled: Compiled, table: str) -> list[str]:
    elsewhere = compiled.lens(table).inner.table.elsewhere
    return [field for field, reason in elsewhere.items() if reason.startswith(_SAID_SO)]


def plan_from_hl7v2(value: dict[str, Any], compiled: Compiled, zone: tzinfo = OSLO) -> PathwayReading:
    """Read the plan in the value of a PPG, PPP, PTR or CCM: pathway, goals, needs and measures, wherever they stand.

    Coordinators and members are read of ROL beside the pathway, as far as no rows say them; of two coordinators of one
    kind at once it is told that their reason is not said. Where nothing says when the plan was begun, that is MSH-7,
    which is told. Raises `InvalidInput` for another message, for a view of a plan, for none
    or several pathways, and for one id with two meanings.
    """
    code = ((value.get("MSH") or {}).get("f9") or [{}])[0].get("c1", "")
    if code not in _PLAN_CODES:
        raise InvalidInput.at("MSH-9", f"is none of {', '.join(_PLAN_CODES)}: no plan is in it", "not-supported")
    context = Context.of_message(value, zone)
    if "kind" in _header_read(value, compiled, context):
        raise InvalidInput.at("NTE[message-kind]-3", _VIEW, "not-supported")
    data, _ = plan_data(value, compiled, context)
    data, _ = with_roles(data, roles_in(value), compiled, context)
    warnings = () if "created" in data else (_CREATED,)
    if data.get("team", {}).get("two_coordinators_reason") == REASON_NOT_SAID:
        warnings = (*warnings, _TWO)
    data.setdefault("created", _header_read(value, compiled, context).get("sent"))
    return PathwayReading(read(IndividualPlan, data), warnings)


def _header_read(value: dict[str, Any], compiled: Compiled, context: Context) -> dict[str, Any]:
    """Time and kind of a message about a plan; a kind only in those about a shared one."""
    rows = (compiled.lens("V2PlanMessage").inner.row_of((name,)) for name in ("sent", "kind"))
    found = {row.row.field: row.read(value, context) for row in rows if row is not None}
    return {name: said for name, said in found.items() if said is not None}

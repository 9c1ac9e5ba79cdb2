"""A plan as a patient pathway, PPG^PCG, and what messages about pathways, goals and problems say as a plan.

PPG holds the plan, its goals, needs and measures. It has no place for the rest: that is told when a plan is written.
Measures are read in the order of the goals that they stand under.
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
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime, tzinfo

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.mapping.compiled import Compiled

_TYPE: Final = {"c1": "A02-2", "c2": "Individuell plan", "c3": "2.16.578.1.12.4.1.1.9602"}
_GROUPS: Final = {"PATHWAY": "V2Pathway", "GOAL": "V2Goal", "PROBLEM": "V2Problem", "ORDER": "V2Order"}
_PLAN_CODES: Final = ("PPG", "PPP", "PTR", "CCM")
_NO_PLACE: Final = "has no place in PPG: written without"


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

    A measure stands under each goal that it serves, and needs under the first goal. Raises `InvalidInput` for a plan
    without goals that has needs or measures, and for a measure that serves none: PPG hangs all on goals.
    """
    plan = withheld(plan, released)
    data = data_of(plan)
    for number, measure in enumerate(plan.measures):
        if not measure.goals:
            raise InvalidInput.at(
                f"measures.{number}.goals", "serves no goal: PPG has no place for it", "not-supported"
            )
    if plan.needs and not plan.goals:
        raise InvalidInput.at("needs", "stand under a goal in PPG, and the plan has none", "not-supported")
    pathway = _new(compiled, "V2Pathway", data)
    pathway["PTH"] = {"f1": [{"c1": "AD"}], "f2": [_TYPE], **pathway["PTH"]}
    goals = [_goal(goal, data, compiled, sent, first=n == 0) for n, goal in enumerate(data.get("goals", ()))]
    value = {
        "MSH": _header(plan.id, sent),
        "PID": {"f1": [{"c1": "1"}], **_new(compiled, "V2Owner", data["owner"])},
        "PATHWAY": [{**pathway, **({"GOAL": goals} if goals else {})}],
    }
    return Pathway(
        value, tuple(Problem(path, _NO_PLACE, "not-supported", "warning") for path in _left_out(data, compiled))
    )


def _header(ident: str, sent: datetime) -> dict[str, Any]:
    texts = {3: "IP_FHIR", 5: "IP_FHIR", 7: written(sent), 10: control_id(ident), 11: "P", 12: "2.5.1"}
    fields = {f"f{n}": [{"c1": text}] for n, text in texts.items()}
    event = {"c1": "PPG", "c2": "PCG", "c3": "PPG_PCG"}
    return {**fields, "f9": [event], "f15": [{"c1": "AL"}], "f16": [{"c1": "NE"}], "f18": [{"c1": "UNICODE UTF-8"}]}


def _goal(
    goal: dict[str, Any], plan: dict[str, Any], compiled: Compiled, sent: datetime, *, first: bool
) -> dict[str, Any]:
    action = {"f1": [{"c1": "AD"}], "f2": [{"c1": written(sent)}]}
    group = _rows_numbered(_new(compiled, "V2Goal", goal), "GOAL_OBSERVATION")
    group["GOL"] = {**action, **group["GOL"]}
    needs = [_rows_numbered(_new(compiled, "V2Problem", need), "PROBLEM_OBSERVATION") for need in plan.get("needs", ())]
    if first and needs:
        group["PROBLEM"] = [{**need, "PRB": {**action, **need["PRB"]}} for need in needs]
    orders = [_order(one, compiled) for one in plan.get("measures", ()) if goal["id"] in one["goals"]]
    return {**group, "ORDER": orders} if orders else group


def _order(measure: dict[str, Any], compiled: Compiled) -> dict[str, Any]:
    group = _new(compiled, "V2Order", measure)
    detail = _rows_numbered(group["ORDER_DETAIL"], "ORDER_OBSERVATION")
    detail["OBR"] = {"f1": [{"c1": "1"}], "f2": group["ORC"]["f2"], **detail["OBR"]}
    return {**group, "ORC": {"f1": [{"c1": "NW"}], **group["ORC"]}, "ORDER_DETAIL": detail}


def _rows_numbered(group: dict[str, Any], name: str) -> dict[str, Any]:
    rows = [{**r, "OBX": {"f1": [{"c1": str(n)}], **r["OBX"]}} for n, r in enumerate(group.get(name, ()), start=1)]
    return {**group, name: rows} if rows else {**group}


def _new(compiled: Compiled, table: str, data: dict[str, Any]) -> dict[str, Any]:
    return compiled.lens(table).put_new(data, {}, Context())


def _left_out(plan: dict[str, Any], compiled: Compiled) -> Iterator[str]:
    """The paths of what the plan says and PPG does not."""
    parts = {"goals": "V2Goal", "needs": "V2Problem", "measures": "V2Order"}
    told = {**_unmapped(compiled, "V2Pathway"), "created": ""}
    yield from (name for name in told if plan.get(name) and name not in (*parts, "owner", "created"))
    for name, table in parts.items():
        left = [field for field in _unmapped(compiled, table) if field != "goals"]
        for number, item in enumerate(plan.get(name, ())):
            yield from (f"{name}.{number}.{field}" for field in left if item.get(field))


def _unmapped(compiled: Compiled, table: str) -> dict[str, str]:
    return dict(compiled.lens(table).inner.table.elsewhere)


def plan_from_hl7v2(value: dict[str, Any], compiled: Compiled, zone: tzinfo = OSLO) -> PathwayReading:
    """Read the plan in the value of a PPG, PPP, PTR or CCM: pathway, goals, needs and measures, wherever they stand.

    The plan's time of creation is MSH-7, which is told. Raises `InvalidInput` for another message, for none or several
    pathways, and for one id with two meanings.
    """
    code = ((value.get("MSH") or {}).get("f9") or [{}])[0].get("c1", "")
    if code not in _PLAN_CODES:
        raise InvalidInput.at("MSH-9", f"is none of {', '.join(_PLAN_CODES)}: no plan is in it", "not-supported")
    context = Context.of_message(value, zone)
    found = _collected(value, compiled, context)
    if len(found["PATHWAY"]) != 1:
        raise InvalidInput.at("PTH", "is not there exactly once: a plan is one pathway", "required")
    sent = compiled.lens("V2Referral").inner.row_of(("sent",))
    person = next(_objects(value, "PID"), None)
    data: dict[str, Any] = {
        **found["PATHWAY"][0],
        "owner": {"id": "owner", **compiled.lens("V2Owner").get(person, context, "PID")},
        "created": None if sent is None else sent.read(value, context),
        "goals": found["GOAL"],
        "needs": found["PROBLEM"],
        "measures": found["ORDER"],
    }
    return PathwayReading(read(IndividualPlan, data), (_CREATED,))


_CREATED: Final = Problem("MSH-7", "is taken as the time of creation: a pathway has none", "informational", "warning")


def _collected(value: dict[str, Any], compiled: Compiled, context: Context) -> dict[str, list[dict[str, Any]]]:
    """The data of each kind of group, in their order, one of each id; of an order also the goals above it."""
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in _GROUPS}
    for name, group, goal in _groups(value, None):
        data = compiled.lens(_GROUPS[name]).get(group, context, name)
        known = found[name].get(data["id"])
        if name == "ORDER":
            served = [] if known is None else known["goals"]
            data["goals"] = [*served, *([goal] if goal is not None and goal not in served else [])]
        if known is not None and {**known, "goals": None} != {**data, "goals": None}:
            raise InvalidInput.at(_PLACES[name], "is an id with two meanings", "invariant")
        found[name][data["id"]] = data
    return {name: list(items.values()) for name, items in found.items()}


_PLACES: Final = {"PATHWAY": "PTH-3", "GOAL": "GOL-4", "PROBLEM": "PRB-4", "ORDER": "ORC-2"}


def _groups(node: Any, goal: str | None) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """Yields each group of one of the kinds below a node: its kind, the group, and the id of the goal above it."""
    for name, child in node.items() if type(node) is dict else ():
        for group in child if type(child) is list else [child]:
            if type(group) is dict and name in _GROUPS:
                yield name, group, goal
            inner = ((group.get("GOL") or {}).get("f4") or [{}])[0].get("c1") if name == "GOAL" else goal
            yield from _groups(group, inner)


def _objects(node: Any, name: str) -> Iterator[dict[str, Any]]:
    """Yields each segment of a name below a node."""
    for key, child in node.items() if type(node) is dict else ():
        for item in child if type(child) is list else [child]:
            if key == name and type(item) is dict:
                yield item
            else:
                yield from _objects(item, name)

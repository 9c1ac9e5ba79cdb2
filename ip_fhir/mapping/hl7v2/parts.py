"""Parts of a plan in messages about goals and problems (PGL, PPR, CCR), and what a message changes in a known plan.

Absence says nothing: a field, goal or need that a message lacks stays as it is. `""` empties a place that a row reads.
The action codes (tables 0287 and 0206) say the rest: DE and D take away, UC leaves all as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.people import PlanOwner
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure, Need
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.dialects.hl7v2.context import OSLO, Context
from ip_fhir.mapping.hl7v2.overlaying import overlaid
from ip_fhir.mapping.hl7v2.pathway import (
    CHANGED,
    FIELDS,
    MAIN,
    PLACES,
    TABLES,
    TAKING_AWAY,
    UNCHANGED,
    action_of,
    groups_in,
    has_words,
    new_by,
    owner_in,
    worded,
)
from ip_fhir.mapping.hl7v2.unread import unread
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from datetime import tzinfo

    from ip_fhir.errors import Problem
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.hl7v2.pathway import Data

_CODES: Final = ("PPR", "PGL", "CCR", "PPG", "PPP", "PTR", "CCM")
_ACTIONS: Final = {
    **dict.fromkeys(("AD", "A", "UP", "U", "CO", "LI", "NW", "SC", "XO", "RO", ""), "put"),
    **dict.fromkeys(TAKING_AWAY, "taken away"),
    **dict.fromkeys(UNCHANGED, "unchanged"),
}
"""The effect of an action code (tables 0287, 0206), and of an order's control code (0119)."""


@dataclass(frozen=True, slots=True)
class PlanParts:
    """The goals, needs and measures of a message, the ids of those that it takes away, and what was not read of it.

    A measure has the goals that it stands under; those need not be among the goals here.
    """

    owner: PlanOwner
    goals: tuple[Goal, ...]
    needs: tuple[Need, ...]
    measures: tuple[Measure, ...]
    removed: tuple[str, ...]
    warnings: tuple[Problem, ...]


@dataclass(slots=True)
class _Items:
    """The items of a plan by kind of group and id, as a message changes them."""

    compiled: Compiled
    context: Context
    items: dict[str, dict[str, Data]] = field(default_factory=lambda: {name: {} for name in FIELDS})
    said: dict[tuple[str, str], Data] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)

    def take(self, name: str, group: Data, goal: str | None) -> None:
        """Take one group. Raises `InvalidInput` for an unknown action, and for one id with two meanings."""
        segment = group.get(MAIN[name]) or {}
        effect = _ACTIONS.get(action_of(name, group))
        if effect is None:
            raise InvalidInput.at(f"{MAIN[name]}-1", "is an action that is not known here", "code-invalid")
        ident = (segment.get(PLACES[name].replace(f"{MAIN[name]}-", "f")) or [{}])[0].get("c1", "")
        if effect == "put" and (name != "ORDER" or has_words(group) or ident in self.items[name]):
            self._put(name, group, ident, goal)
        elif effect == "taken away":
            self.items[name].pop(ident, None)
            self.removed += [ident] if ident and ident not in self.removed else []

    def _put(self, name: str, group: Data, ident: str, goal: str | None) -> None:
        known = self.items[name].get(ident)
        before = None if known is None or (name, ident) in self.said else new_by(self.compiled, TABLES[name], known)
        whole = worded(overlaid(before or {}, group), name)
        data: Data = self.compiled.get(TABLES[name], whole, self.context, name)
        data.pop("place", None)
        said = {**data, "goals": None}
        if self.said.setdefault((name, ident), said) != said:
            raise InvalidInput.at(PLACES[name], "is an id with two meanings", "invariant")
        if name == "ORDER":
            goals = (known or {}).get("goals") or data.get("goals") or []
            data["goals"] = [*goals, *([goal] if goal is not None and goal not in goals else [])]
        self.items[name][ident] = data

    def fields(self) -> Data:
        """The items as fields of a plan; what is taken away is not referred to any more."""
        made = {plural: list(self.items[name].values()) for name, plural in FIELDS.items()}
        gone = {*self.removed}
        for measure in made["measures"]:
            measure["goals"] = [goal for goal in measure.get("goals", ()) if goal not in gone]
        for goal in made["goals"]:
            if goal.get("part_of") in gone:
                del goal["part_of"]
        return made


def parts_from_hl7v2(value: dict[str, Any], compiled: Compiled, zone: tzinfo = OSLO) -> PlanParts:
    """Read the goals, needs and measures in the value of a PPR, PGL or CCR, or of a message about a pathway.

    `zone` is the sender's, for times without an offset. Raises `InvalidInput` for another message, an action that is
    not known, and for one id with two meanings.
    """
    value, context = _as_pathway(value), _context(value, zone)
    found = _Items(compiled, context)
    for name, group, goal in groups_in(value, None):
        if name in FIELDS:
            found.take(name, group, goal)
    made = found.fields()
    return PlanParts(
        owner=read(PlanOwner, {"id": "owner", **owner_in(value, compiled, context)}),
        goals=tuple(read(Goal, one) for one in made["goals"]),
        needs=tuple(read(Need, one) for one in made["needs"]),
        measures=tuple(read(Measure, one) for one in made["measures"]),
        removed=tuple(found.removed),
        warnings=tuple(unread(value, compiled, context)),
    )


def plan_with_hl7v2(
    plan: IndividualPlan, value: dict[str, Any], compiled: Compiled, zone: tzinfo = OSLO
) -> IndividualPlan:
    """The plan with what a message about its pathway, goals or problems changes in it.

    Raises `InvalidInput` for a message about another person or another plan, and as `parts_from_hl7v2`.
    """
    value, context, data = _as_pathway(value), _context(value, zone), data_of(plan)
    number = owner_in(value, compiled, context).get("identifier")
    if number is not None and number != data["owner"].get("identifier"):
        raise InvalidInput.at("PID-3", "is another person than the plan's", "invariant")
    found = _Items(compiled, context)
    for name, plural in FIELDS.items():
        found.items[name] = {item["id"]: item for item in data.get(plural, ())}
    for name, group, goal in groups_in(value, None):
        if name in FIELDS:
            found.take(name, group, goal)
        else:
            data = _with_pathway(data, group, compiled, context)
    return read(IndividualPlan, {**data, **found.fields()})


def unread_by_plan(
    plan: IndividualPlan, value: dict[str, Any], compiled: Compiled, zone: tzinfo = OSLO
) -> tuple[Problem, ...]:
    """The places that `plan_with_hl7v2` does not read, a warning each; the header aside."""
    known = frozenset(measure.id for measure in plan.measures)
    return tuple(unread(_as_pathway(value), compiled, _context(value, zone), known))


def _with_pathway(plan: Data, group: Data, compiled: Compiled, context: Context) -> Data:
    """The plan with status, days, title and note as a pathway says them. Raises `InvalidInput` for another plan's."""
    segment = group.get("PTH") or {}
    ident = (segment.get("f3") or [{}])[0].get("c1", "")
    code = action_of("PATHWAY", group)
    if ident != plan["id"]:
        raise InvalidInput.at("PTH-3", "is another plan", "invariant")
    if _ACTIONS.get(code) == "taken away":
        raise InvalidInput.at("PTH-1", "takes the plan away: a plan is ended by its status", "business-rule")
    if _ACTIONS.get(code) != "put":
        return plan
    known: Data = {name: plan[name] for name in CHANGED if name in plan}
    own = {name: part for name, part in group.items() if name in ("PTH", "NTE")}
    made = compiled.get("V2Pathway", overlaid(new_by(compiled, "V2Pathway", known), own), context, "PATHWAY")
    if "established" in made and "created" not in made:
        made["period"] = {"start": made["established"], **made.get("period", {})}
    rest = {name: said for name, said in plan.items() if name not in CHANGED}
    return {**rest, **{name: made[name] for name in CHANGED if name in made}}


def _as_pathway(value: dict[str, Any]) -> dict[str, Any]:
    """The value with the groups of a goal named as in PPG: PGL names one of them otherwise."""
    goals = value.get("GOAL")
    if type(goals) is not list:
        return value
    names = {"OBSERVATION": "GOAL_OBSERVATION"}
    return {**value, "GOAL": [{names.get(name, name): part for name, part in goal.items()} for goal in goals]}


def _context(value: dict[str, Any], zone: tzinfo) -> Context:
    code = ((value.get("MSH") or {}).get("f9") or [{}])[0].get("c1", "")
    if code not in _CODES:
        raise InvalidInput.at("MSH-9", f"is none of {', '.join(_CODES)}", "not-supported")
    return Context.of_message(value, zone)

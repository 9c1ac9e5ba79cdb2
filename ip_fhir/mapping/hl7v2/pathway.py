"""A plan as the group PATHWAY of PPG, and back: the pathway, its goals, and the needs and measures under them.

A measure stands under each goal that it serves; needs under the first goal. What has no goal to stand under is a group
of rows of NTE beside the pathway, and so is all of a plan that has no segment of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.dialects.hl7v2.context import Context, written
from ip_fhir.mapping.hl7v2.echoes import day_of
from ip_fhir.mapping.hl7v2.parties import roles_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ip_fhir.domain.sharing.view import LeftItem
    from ip_fhir.mapping.compiled import Compiled

Data: TypeAlias = dict[str, Any]
"""A domain value in JSON form, or a part of a message's value."""

Action: TypeAlias = Literal["AD", "UP", "DE"]
"""The action codes that are written (table 0287): add, update, delete."""

TABLES: Final = {"PATHWAY": "V2Pathway", "GOAL": "V2Goal", "PROBLEM": "V2Problem", "ORDER": "V2Order"}
"""The table of each group."""

FIELDS: Final = {"GOAL": "goals", "PROBLEM": "needs", "ORDER": "measures"}
"""The field of the plan that each group below a pathway is an item of."""

PLACES: Final = {"PATHWAY": "PTH-3", "GOAL": "GOL-4", "PROBLEM": "PRB-4", "ORDER": "ORC-2"}
"""The place of the id in each group."""

MAIN: Final = {"PATHWAY": "PTH", "GOAL": "GOL", "PROBLEM": "PRB", "ORDER": "ORC"}
"""The segment of each group that has its action code and its id."""

CHANGED: Final = ("id", "status", "period", "title", "note")
"""The fields of a known plan that a message about its pathway may change."""

TAKING_AWAY: Final = ("DE", "D", "CA", "DC", "OC")
"""The action codes that take away (tables 0287, 0206), and an order's control codes (0119)."""

UNCHANGED: Final = ("UC", "X", "UN")
"""The action codes that leave an item as it is (tables 0287, 0206)."""

REQUIRED: Final = {
    "PATHWAY": ("PTH", {"f5": [{"c1": "active", "c3": "99IPST"}]}),
    "GOAL": ("GOL", {"f3": [{"c2": "?"}]}),
    "PROBLEM": ("PRB", {"f3": [{"c2": "?"}]}),
}
"""The fields that a table requires, and that a message about what is known already may leave out."""

_TYPE: Final = {"c1": "A02-2", "c2": "Individuell plan", "c3": "2.16.578.1.12.4.1.1.9602"}
_LEFT: Final = {"c1": "left", "c2": "Ikke lenger i planen", "c3": "99IP"}
_IN_ROLES: Final = ("team.memberships", "team.coordinators")
_OF_OWNER: Final = {"owner_protection": "protection", "owner_interpreter": "needs_interpreter"}


def pathway_of(plan: Data, compiled: Compiled, action: Action, sent: datetime) -> Data:
    """The group PATHWAY of a plan in JSON form, with this action code in PTH, GOL and PRB, effective at `sent`."""
    return _Writer(plan, compiled, action, sent).pathway()


def person_of(owner: Data, compiled: Compiled) -> Data:
    """The PID of the person whose plan it is."""
    return {"f1": [{"c1": "1"}], **new_by(compiled, "V2Owner", owner)}


def new_by(compiled: Compiled, table: str, data: Data) -> Data:
    """The group or segment that a table makes of data."""
    made: Data = compiled.lens(table).put_new(data, {}, Context())
    return made


def acted(action: Action) -> Data:
    """The beginning of a PTH: the action, and the type of the pathway."""
    return {"f1": [{"c1": action}], "f2": [_TYPE]}


def with_numbers(rows: list[Data]) -> list[Data]:
    """The segments with their set id (field 1): the number of each among them."""
    return [{"f1": [{"c1": str(number)}], **row} for number, row in enumerate(rows, start=1)]


class _Writer:
    """The writing of one plan."""

    def __init__(self, plan: Data, compiled: Compiled, action: Action, sent: datetime) -> None:
        self.plan, self.compiled, self.action = plan, compiled, action
        self.acted: Data = {"f1": [{"c1": action}], "f2": [{"c1": written(sent)}]}
        self.measures = [{**one, "place": place} for place, one in enumerate(plan.get("measures", ()), start=1)]

    def pathway(self) -> Data:
        """The group PATHWAY."""
        goals = self.plan.get("goals", ())
        beside = {**self.plan, "measures": [one for one in self.measures if not one.get("goals")]}
        beside["needs"] = [] if goals else self.plan.get("needs", [])
        beside["teams"] = [self.plan["team"]] if "team" in self.plan else []
        beside["established"] = self.plan.get("period", {}).get("start") or day_of(self.plan["created"])
        owner = self.plan["owner"]
        beside |= {name: owner[field] for name, field in _OF_OWNER.items() if field in owner}
        made = new_by(self.compiled, "V2Pathway", beside)
        made["PTH"] = {**acted(self.action), **made["PTH"]}
        if "NTE" in made:
            made["NTE"] = with_numbers(made["NTE"])
        if roles := roles_of(self.plan, self.compiled, self.action):
            made["PATHWAY_ROLE"] = roles
        if goals:
            made["GOAL"] = [self._goal(goal, place) for place, goal in enumerate(goals, start=1)]
        return made

    def _goal(self, goal: Data, place: int) -> Data:
        group = _rows_numbered(new_by(self.compiled, "V2Goal", {**goal, "place": place}), "GOAL_OBSERVATION")
        group["GOL"] = {**self.acted, **group["GOL"]}
        needs = [self._need(need) for need in self.plan.get("needs", ())] if place == 1 else []
        orders = [self._order(one) for one in self.measures if goal["id"] in one.get("goals", ())]
        return {**group, **({"PROBLEM": needs} if needs else {}), **({"ORDER": orders} if orders else {})}

    def _need(self, need: Data) -> Data:
        group = _rows_numbered(new_by(self.compiled, "V2Problem", need), "PROBLEM_OBSERVATION")
        return {**group, "PRB": {**self.acted, **group["PRB"]}}

    def _order(self, measure: Data) -> Data:
        group = new_by(self.compiled, "V2Order", measure)
        detail = _rows_numbered(group["ORDER_DETAIL"], "ORDER_OBSERVATION")
        detail["OBR"] = {"f2": group["ORC"]["f2"], **detail["OBR"]}
        order = {"AD": "NW", "UP": "SC", "DE": "CA"}[self.action]  # table 0119
        return {**group, "ORC": {"f1": [{"c1": order}], **group["ORC"]}, "ORDER_DETAIL": detail}


def with_left(pathway: Data, left: Sequence[LeftItem], sent: datetime) -> list[str]:
    """Put what left into the pathway, each with the action code that takes it away, effective at `sent`.

    Returns the ids of what stands in rows: rows name them, members and coordinators too, who have a ROL beside. Needs
    and measures stand under the first goal; where no goal is there or has left, rows name them.
    """
    acted = {"f1": [{"c1": "DE"}], "f2": [{"c1": written(sent)}], "f3": [_LEFT]}
    roles = [{"ROL": _role_left(one.id)} for one in left if one.field in _IN_ROLES]
    if roles:
        pathway["PATHWAY_ROLE"] = [*pathway.get("PATHWAY_ROLE", ()), *roles]
    goals = [{"GOL": {**acted, "f4": [{"c1": one.id}]}} for one in left if one.field == "goals"]
    there = [*pathway.get("GOAL", ()), *goals]
    if not there:
        return [one.id for one in left]
    first = {**there[0]}
    needs = [{"PRB": {**acted, "f4": [{"c1": one.id}]}} for one in left if one.field == "needs"]
    orders = [{"ORC": {"f1": [{"c1": "CA"}], "f2": [{"c1": one.id}]}} for one in left if one.field == "measures"]
    for name, groups in (("PROBLEM", needs), ("ORDER", orders)):
        if groups:
            first[name] = [*first.get(name, ()), *groups]
    pathway["GOAL"] = [first, *there[1:]]
    return [one.id for one in left if one.field not in FIELDS.values()]


def _role_left(ident: str) -> Data:
    """The ROL that takes a role away, by its id; ROL-4, which is required, has the id and names nobody."""
    return {"f1": [{"c1": ident}], "f2": [{"c1": "DE"}], "f3": [_LEFT], "f4": [{"c1": ident, "c9": "99IP"}]}


def _rows_numbered(group: Data, name: str) -> Data:
    rows = with_numbers([row["OBX"] for row in group.get(name, ())])
    return {**group, name: [{"OBX": row} for row in rows]} if rows else {**group}


def takes_away(name: str, group: Data) -> bool:
    """True for a group of one of the kinds whose action code takes its item away."""
    return action_of(name, group) in TAKING_AWAY


def action_of(name: str, group: Data) -> str:
    """The action code of a group of one of the kinds, as it stands there; empty where none does."""
    segment = group.get(MAIN[name]) or {}
    return str((segment.get("f1") or [{}])[0].get("c1", ""))


class Collected:
    """The items of a message about pathways, goals or problems, by their ids: each once, wherever it stands.

    A goal, problem or order that its action code takes away is no item, but what stands under such a goal is. One that
    its action code leaves unchanged is an item as it stands; where it stands a second time with another code, that
    counts. With `of_known` the message is about a plan that its reader has: such an item may have its id alone.
    """

    def __init__(self, value: Data, compiled: Compiled, context: Context, *, of_known: bool = False) -> None:
        self.compiled, self.context, self.of_known = compiled, context, of_known
        self.items: dict[str, dict[str, Data]] = {name: {} for name in TABLES}
        self.served: dict[str, list[str]] = {}
        self.unchanged: set[str] = set()
        for name, group, goal in groups_in(value, None):
            if name == "PATHWAY" or not takes_away(name, group):
                self._add(name, group, goal)

    def _add(self, name: str, group: Data, goal: str | None) -> None:
        is_unchanged = action_of(name, group) in UNCHANGED
        whole = with_required(group, name) if self.of_known and is_unchanged else group
        data = self.compiled.get(TABLES[name], whole, self.context, name)
        ident = data["id"]
        if is_unchanged:
            self.unchanged |= set() if ident in self.items[name] else {ident}
            self.items[name].setdefault(ident, data)
        elif ident in self.unchanged:
            self.items[name][ident] = data
            self.unchanged.discard(ident)
        elif self.items[name].setdefault(ident, data) != data:
            raise InvalidInput.at(PLACES[name], "is an id with two meanings", "invariant")
        if name == "ORDER":
            served = self.served.setdefault(ident, [])
            served += [goal] if goal is not None and goal not in served else []

    def of(self, name: str) -> list[Data]:
        """The items of a kind of group, in the order of the message."""
        return list(self.items[name].values())

    def parts(self, beside: Data) -> Data:
        """Goals, needs and measures, with those that a pathway has beside it."""
        needs = [*beside.get("needs", ()), *self.of("PROBLEM")]
        return {
            "goals": _in_order(self.of("GOAL")),
            "needs": needs,
            "measures": self._measures(beside.get("measures", ())),
        }

    def _measures(self, beside: list[Data]) -> list[Data]:
        """The measures with their goals, in the order of the plan where the message says it."""
        found = [{**one, "goals": self._goals(one)} for one in self.of("ORDER")]
        return _in_order([*found, *beside])

    def _goals(self, measure: Data) -> list[str]:
        """The goals that a measure serves. Raises `InvalidInput` where it stands under others than it names."""
        above, said = self.served[measure["id"]], measure.get("goals")
        if said and {*said} != {*above}:
            raise InvalidInput.at(PLACES["ORDER"], "names other goals than it stands under", "invariant")
        return list(said or above)


def _in_order(items: list[Data]) -> list[Data]:
    """The items in the order that their numbers say; as they stand where one has none, or two have the same."""
    places = [one.get("place") for one in items]
    if None not in places and len({*places}) == len(places):
        items = sorted(items, key=lambda one: int(one["place"]))
    return [{field: value for field, value in one.items() if field != "place"} for one in items]


def groups_in(node: Any, goal: str | None) -> Iterator[tuple[str, Data, str | None]]:
    """Yields each group of one of the kinds below a node: its kind, the group, and the id of the goal above it."""
    for name, child in node.items() if type(node) is dict else ():
        for group in child if type(child) is list else [child]:
            if type(group) is dict and name in TABLES:
                yield name, group, goal
            inner = _goal_of(group) if name == "GOAL" else goal
            yield from groups_in(group, inner)


def _goal_of(group: Data) -> str | None:
    """The id of a goal for what stands under it; none where the goal is taken away."""
    if takes_away("GOAL", group):
        return None
    ident: str | None = ((group.get("GOL") or {}).get("f4") or [{}])[0].get("c1")
    return ident


def with_required(group: Data, name: str) -> Data:
    """The group with what its table requires, where it has its id alone: the words are `?`, and nobody's."""
    if name == "ORDER":
        detail = group.get("ORDER_DETAIL") or {}
        obr = {"f4": [{"c2": "?"}], **(detail.get("OBR") or {})}
        return {**group, "ORDER_DETAIL": {**detail, "OBR": obr}}
    if name not in REQUIRED:
        return group
    segment, fields = REQUIRED[name]
    return {**group, segment: {**fields, **(group.get(segment) or {})}}


def worded(group: Data, name: str) -> Data:
    """The group of a goal or problem with its words from its code, where only that is given."""
    place = {"GOAL": "GOL", "PROBLEM": "PRB"}.get(name, "")
    segment = group.get(place) or {}
    said = (segment.get("f3") or [{}])[0]
    if said.get("c2") or not said.get("c1"):
        return group
    return {**group, place: {**segment, "f3": [{**said, "c2": said["c1"]}]}}


def has_words(order: Data) -> bool:
    """True for an order that says in words what is done: a measure. Another system's orders are codes."""
    observation = (order.get("ORDER_DETAIL") or {}).get("OBR") or {}
    return bool((observation.get("f4") or [{}])[0].get("c2"))


def plan_data(value: Data, compiled: Compiled, context: Context, *, of_known: bool = False) -> tuple[Data, set[str]]:
    """The plan in the value of a message with one pathway, in JSON form, and the ids of what is said to be unchanged.

    `created` is there only where a row says it. The plan's id among those ids stands for its own fields. With
    `of_known`, what is unchanged may have its id alone. Raises `InvalidInput` for none or several pathways, and for one
    id with two meanings.
    """
    found = Collected(value, compiled, context, of_known=of_known)
    pathways = found.of("PATHWAY")
    if len(pathways) != 1:
        raise InvalidInput.at("PTH", "is not there exactly once: a plan is one pathway", "required")
    pathway = {**pathways[0]}
    owner = {"id": "owner", **owner_in(value, compiled, context)}
    for name, field in _OF_OWNER.items():
        if name in pathway:
            owner[field] = pathway.pop(name)
    said, ident = pathway["id"], pathway.pop("plan_said", pathway["id"])
    pathway["id"] = ident
    unchanged = {ident if one == said else one for one in found.unchanged}
    established = pathway.pop("established", None)
    if established is not None and "created" not in pathway:
        pathway["period"] = {"start": established, **pathway.get("period", {})}
    teams = pathway.pop("teams", ())
    if len(teams) > 1:
        raise InvalidInput.at("NTE[team-id]-3", "is there several times: a plan has one team", "multiple-matches")
    if teams:
        pathway["team"] = teams[0]
    return {**pathway, "owner": owner, **found.parts(pathway)}, unchanged


def roles_in(value: Data) -> list[Data]:
    """The groups of ROL beside the pathway."""
    found = (group.get("PATHWAY_ROLE", ()) for name, group, _ in groups_in(value, None) if name == "PATHWAY")
    return [role for roles in found for role in roles]


def owner_in(value: Data, compiled: Compiled, context: Context) -> Data:
    """The person whom PID names."""
    made: Data = compiled.get("V2Owner", next(_segments(value, "PID"), None), context, "PID")
    return made


def _segments(node: Any, name: str) -> Iterator[Data]:
    """Yields each segment of a name below a node."""
    for key, child in node.items() if type(node) is dict else ():
        for item in child if type(child) is list else [child]:
            if key == name and type(item) is dict:
                yield item
            else:
                yield from _segments(item, name)

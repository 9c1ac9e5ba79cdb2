"""The goals of a plan with their sub-goals, and the measures under the goals that they serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.report.plans.labels import quoted
from ip_fhir.report.plans.layout import STEP, heading, labelled, paragraph, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ip_fhir.domain.plan import Goal, IndividualPlan, Measure
    from ip_fhir.report.plans.wording import Wording


@dataclass(frozen=True, slots=True)
class NumberedGoal:
    """A goal with its number in the text, "1" or "1.2"."""

    number: str
    goal: Goal


@dataclass(frozen=True, slots=True)
class NumberedMeasure:
    """A measure with its number in the text, and the id of the goal under which it is told; None: under no goal."""

    number: int
    measure: Measure
    under: str | None


def numbered_goals(plan: IndividualPlan) -> list[NumberedGoal]:
    """Returns all goals in the order in which they are told: each main goal, then its sub-goals."""
    found = []
    for number, goal in enumerate(plan.main_goals, 1):
        found.append(NumberedGoal(str(number), goal))
        found += [NumberedGoal(f"{number}.{place}", sub) for place, sub in enumerate(plan.sub_goals(goal), 1)]
    return found


def numbered_measures(plan: IndividualPlan, goals: Sequence[NumberedGoal]) -> list[NumberedMeasure]:
    """Returns all measures in the order in which they are told: each under the first of its goals, the rest last."""
    under: dict[str | None, list[Measure]] = {}
    for measure in plan.measures:
        under.setdefault(next(iter(measure.goals), None), []).append(measure)
    places = [*(one.goal.id for one in goals), None]
    told = [(measure, place) for place in places for measure in under.get(place, ())]
    return [NumberedMeasure(number, measure, place) for number, (measure, place) in enumerate(told, 1)]


def goal_lines(wording: Wording) -> Iterator[str]:
    """Yields the section of goals and measures, and that of the measures that serve no goal."""
    goals = numbered_goals(wording.plan)
    measures = numbered_measures(wording.plan, goals)
    under: dict[str | None, list[NumberedMeasure]] = {}
    also: dict[str, list[str]] = {}
    for one in measures:
        under.setdefault(one.under, []).append(one)
        for goal in one.measure.goals[1:]:
            also.setdefault(goal, []).append(str(one.number))
    if goals:
        yield from heading(wording.label("goals"))
    for place, numbered in enumerate(goals):
        if place:
            yield ""
        yield from _goal(wording, numbered, under, also.get(numbered.goal.id, ()))
    if None in under:
        yield from heading(wording.label("other-measures"))
    for one in under.get(None, ()):
        yield from _measure(wording, one, 0)


def _goal(
    wording: Wording,
    numbered: NumberedGoal,
    under: Mapping[str | None, Sequence[NumberedMeasure]],
    also: Sequence[str],
) -> Iterator[str]:
    """Yields a goal with the measures `under` it, and the numbers of those that serve it `also`."""
    goal, main = numbered.goal, numbered.goal.part_of is None
    mark = f"{numbered.number}  "
    outer = 0 if main else STEP
    indent = outer + len(mark)
    yield from paragraph(quoted(goal.text, wording.language) if main else goal.text, outer, mark)
    yield from paragraph(goal_status(wording, goal), indent)
    yield from labelled(wording.label("reached-when"), goal.target, indent)
    yield from labelled(wording.label("areas"), wording.areas(goal.areas), indent)
    if goal.expressed_by not in (None, wording.plan.owner.id):
        yield from labelled(wording.label("said-by"), wording.actor(goal.expressed_by), indent)
    yield from labelled(wording.label("note"), goal.note, indent)
    for one in under.get(goal.id, ()):
        yield from _measure(wording, one, indent)
    yield from labelled(wording.label("see-also"), ", ".join(also), indent)


def goal_status(wording: Wording, goal: Goal) -> str:
    """Returns the status of a goal as sentences: status, achievement, since when, reason, period."""
    said = [wording.word(goal.status), *([wording.word(goal.achievement)] if goal.achievement else [])]
    since = f" ({wording.day(goal.status_date)})" if goal.status_date else ""
    reason = f": {goal.status_reason}" if goal.status_reason else ""
    return sentence(f"{', '.join(said)}{since}{reason}", wording.period(goal.period))


def measure_status(wording: Wording, measure: Measure) -> str:
    """Returns the status of a measure as sentences: status, reason, period."""
    reason = f": {measure.status_reason}" if measure.status_reason else ""
    return sentence(f"{wording.word(measure.status)}{reason}", wording.period(measure.period))


def _measure(wording: Wording, numbered: NumberedMeasure, indent: int) -> Iterator[str]:
    measure, within = numbered.measure, indent + STEP
    yield from labelled(f"{wording.label('measure')} {numbered.number}", measure.what, indent)
    yield from paragraph(measure_status(wording, measure), within)
    yield from labelled(wording.label("responsible"), wording.actor(measure.responsible), within)
    yield from labelled(wording.label("with"), wording.actors(measure.takes_part), within)
    yield from labelled(wording.label("extent"), measure.extent, within)
    yield from labelled(wording.label("how"), measure.how, within)
    yield from labelled(wording.label("where"), measure.where, within)
    if not measure.goals:  # else those of the goals say enough
        yield from labelled(wording.label("areas"), wording.areas(measure.areas), within)

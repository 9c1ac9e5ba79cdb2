"""Golden texts: what a person reads of the examples, in both languages, kept as files that one can read.

`python -m tests.report.plans.texts` writes them anew; what changed is then read before it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.plan import IndividualPlan, MeasureStatus
from ip_fhir.domain.sharing.view import Opening, PlanView
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import read
from ip_fhir.report.plans.plan import plan_lines
from ip_fhir.report.plans.preview import ParticipantPreview, preview_lines, previews
from ip_fhir.report.plans.titles import items_of
from ip_fhir.report.plans.view import view_lines
from ip_fhir.report.plans.warnings import PlanWarning, Seen, warnings
from ip_fhir.report.words.codes import LANGUAGES, Language
from tests.support.data import EXAMPLES

GOLDEN = Path(__file__).parent / "golden"
ON = date(2026, 9, 1)
UNTIL = date(2028, 6, 30)


def example(number: int) -> IndividualPlan:
    """An example plan."""
    return read(IndividualPlan, min((EXAMPLES / "plans").glob(f"{number:02}-*.json")).read_bytes())


def cut(plan: IndividualPlan, closed: LifeArea) -> IndividualPlan:
    """The plan without what has to do with one life area, and without what is in no view; ids stay as they are."""
    goals = [goal for goal in plan.goals if closed not in goal.areas]
    there = {goal.id for goal in goals}
    measures = [one.evolve(goals=tuple(g for g in one.goals if g in there)) for one in plan.measures]
    return plan.evolve(
        goals=tuple(goal for goal in goals if goal.part_of is None or goal.part_of in there),
        measures=tuple(one for one in measures if closed not in one.areas),
        needs=tuple(one for one in plan.needs if one.area is not closed),
        resources=tuple(one for one in plan.resources if one.area is not closed),
        related_persons=tuple(one.evolve(mandate=None) for one in plan.related_persons),
        consents=(),
        author=None,
        replaces=None,
    )


def school_view(number: int = 2, until: date | None = UNTIL) -> PlanView:
    """The view of example 1 that its school has: all but the needs of parents and siblings."""
    openings = [Opening(area=area, until=until) for area in (None, *LifeArea) if area is not LifeArea.FAMILY]
    return PlanView(
        share="share-school",
        number=number,
        level=ContentLevel.PLAN,
        openings=tuple(openings),
        holds_until=until,
        plan=cut(example(1), LifeArea.FAMILY).evolve(version=number),
    )


def example_previews() -> tuple[ParticipantPreview, ...]:
    """The previews of example 1: the school loses an item and gets one, the hospital begins, child welfare ends."""
    school = school_view()
    fewer = school.plan.measures[1:]
    renamed = school.plan.goals[0].evolve(target="Helt til topps.")
    goals = (renamed, *school.plan.goals[1:])
    before = school.evolve(plan=school.plan.evolve(measures=fewer, needs=example(1).needs, goals=goals, title="Plan"))
    hospital = school.evolve(share="share-hospital", plan=cut(example(1), LifeArea.ECONOMY))
    hidden = {"person-01-goal-3", "person-01-need-4"}
    items = {item.id for field in ("goals", "measures", "needs") for item in items_of(example(1), field) if item.id}
    return previews(
        example(1),
        {"Nordvik barneskole": school, "Fjellregionen sykehus HF": hospital, "Nordvik legesenter": school},
        {"Nordvik barneskole": before, "Barneverntjenesten i Nordvik": school, "Nordvik legesenter": school},
        {"Nordvik legesenter": Seen(frozenset(), frozenset(items - hidden))},
    )


def example_warnings() -> tuple[PlanWarning, ...]:
    """The warnings of example 1: home care may not see what it is to do, and the GP is on paper."""
    plan = example(1)
    measures = [one.evolve(status=MeasureStatus.IN_PROGRESS) for one in plan.measures]
    plan = plan.evolve(measures=tuple(measures))
    seen = {
        "Nordvik kommune": Seen(frozenset({"org-nordvik-home-care", "pro-child-coordinator"}), frozenset()),
        "Nordvik barneskole": Seen(frozenset({"pro-school-teacher"}), frozenset()),
    }
    return warnings(plan, seen, {"person-01-member-7", "person-01-coordinator-1"})


def preview_text(language: Language) -> Iterable[str]:
    """The preview of example 1."""
    return preview_lines(example(1), example_previews(), example_warnings(), language, ON)


TEXTS: dict[str, Callable[[Language], Iterable[str]]] = {
    **{f"plan-{n:02}": lambda language, n=n: plan_lines(example(n), language, ON) for n in (1, 2, 5)},  # type: ignore[misc]
    "view-01-school": lambda language: view_lines(school_view(), language, ON),
    "preview-01": preview_text,
}
"""By the name of the file: the function for its lines."""


def file_of(name: str, language: Language) -> Path:
    """The file with the text."""
    return GOLDEN / f"{name}.{language}.txt"


def text_of(name: str, language: Language) -> str:
    """The text as it is now."""
    return "\n".join([*TEXTS[name](language), ""])


if __name__ == "__main__":
    for text in TEXTS:
        for spoken in LANGUAGES:
            file_of(text, spoken).write_text(text_of(text, spoken), encoding="utf-8")

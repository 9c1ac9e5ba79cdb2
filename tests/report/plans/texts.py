"""Golden texts: what a person reads of the examples, in both languages, kept as files that one can read.

`python -m tests.report.plans.texts` writes them anew; what changed is then read before it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

from ip_fhir.domain.plan import IndividualPlan, Need
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import read
from ip_fhir.report.plans.plan import plan_lines
from ip_fhir.report.plans.preview import ParticipantPreview, preview_lines, previews
from ip_fhir.report.plans.view import view_lines
from ip_fhir.report.plans.warnings import PlanWarning, Seen, seen_by, warnings
from ip_fhir.report.words.codes import LANGUAGES, Language
from tests.support.data import EXAMPLES

GOLDEN = Path(__file__).parent / "golden"
ON = date(2026, 9, 1)
UNTIL = date(2028, 6, 30)


def example(number: int) -> IndividualPlan:
    """An example plan."""
    return read(IndividualPlan, min((EXAMPLES / "plans").glob(f"{number:02}-*.json")).read_bytes())


def share_of(party: str, *organizations: str) -> Share:
    """A share of example 1 with a party."""
    return Share(
        id=f"share-{party}",
        plan="plan-01",
        party=party,
        organizations=organizations,
        key="a7" * 32,
        began=date(2026, 5, 1),
        number=2,
        updated_on=date(2026, 8, 21),
    )


SCHOOL = share_of("school", "org-nordvik-school")
GP = share_of("gp", "org-nordvik-gp")


def school_view(number: int = 2, until: date | None = UNTIL) -> PlanView:
    """The view of example 1 that its school has: all but the needs of parents and siblings."""
    view = see(example(1), SCHOOL, ON).evolve(number=number)
    openings = tuple(opening.evolve(until=until) for opening in view.openings)
    return view.evolve(holds_until=until, openings=openings)


def example_previews() -> tuple[ParticipantPreview, ...]:
    """The previews of example 1: the school gets an item and loses one, the GP begins, child welfare ends."""
    plan = example(1)
    renamed = plan.goals[0].evolve(target="Helt til topps.")
    more = Need(id="more", text="Plass til rullator ved pulten", area=LifeArea.EDUCATION)
    before = plan.evolve(
        measures=plan.measures[1:], needs=(*plan.needs, more), goals=(renamed, *plan.goals[1:]), title="Plan"
    )
    school, gp = school_view(), see(plan, GP, ON)
    return previews(
        plan,
        {"Nordvik barneskole": school, "Nordvik legesenter": gp, "Pedagogisk-psykologisk tjeneste": school},
        {
            "Nordvik barneskole": see(before, SCHOOL, ON),
            "Pedagogisk-psykologisk tjeneste": school,
            "Barneverntjenesten i Nordvik": school,
        },
        {"Nordvik barneskole": seen_by(plan, SCHOOL, school, ON), "Nordvik legesenter": seen_by(plan, GP, gp, ON)},
    )


def example_warnings() -> tuple[PlanWarning, ...]:
    """The warnings of example 1, where the school is to give respite: it may not see that, and the GP is on paper."""
    plan = example(1)
    measures = [
        one.evolve(responsible="pro-school-teacher" if "family" in one.areas else one.responsible)
        for one in plan.measures
    ]
    review = plan.reviews[0].evolve(responsible="pro-school-teacher")
    plan = plan.evolve(measures=tuple(measures), reviews=(review, *plan.reviews[1:]))
    view = see(plan, SCHOOL, ON)
    seen = {
        "Nordvik barneskole": seen_by(plan, SCHOOL, view, ON),
        "Kommunen": Seen(frozenset({"pro-ppt"}), frozenset()),
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

"""Words: every code has one in both languages."""

from datetime import date
from enum import StrEnum
from itertools import pairwise
from types import ModuleType
from typing import get_args

import pytest

from ip_fhir.domain import plan as plan_module
from ip_fhir.domain import team
from ip_fhir.domain.completeness import completeness
from ip_fhir.domain.consent import consent
from ip_fhir.domain.plan import IndividualPlan, Measure
from ip_fhir.domain.sharing import case, change, events, kinds, rights, share, terms
from ip_fhir.domain.team import TeamStatus
from ip_fhir.domain.values.value import read
from ip_fhir.report.words import codes as words
from ip_fhir.report.words.codes import LANGUAGES, Language, day_words, law_item, listed
from tests.support.two_sides import EXAMPLES


@pytest.mark.parametrize("kind", words._WORDS, ids=lambda kind: kind.__name__)
def test_every_member_has_words(kind: type) -> None:
    """An enumeration that has words has them for every member, in both languages, and no two the same."""
    table = words._WORDS[kind]
    assert set(table) == set(kind)  # type: ignore[call-overload]
    for place in range(len(LANGUAGES)):
        said = [both[place] for both in table.values()]
        assert all(said)
        assert len(set(said)) == len(said)


def test_languages() -> None:
    """The languages are those that commands offer."""
    assert get_args(Language) == LANGUAGES


def test_every_item_of_the_law_is_translated() -> None:
    """Whatever `completeness` can say, of full and of empty plans, has Norwegian words."""
    plan = read(IndividualPlan, (EXAMPLES / "plans" / "01-child-with-cerebral-palsy.json").read_bytes())
    bare = IndividualPlan(id="bare", owner=plan.owner, created=plan.created)
    related = bare.evolve(related_persons=plan.related_persons, measures=(Measure(id="m", what="w"),))
    others = plan.evolve(team=plan.team.evolve(memberships=plan.team.memberships[1:]) if plan.team else None)
    said = {text for p in (plan, bare, related, others) for i in completeness(p) for text in (i.asks_for, *i.missing)}
    assert len(said) > 20
    assert {text for text in said if law_item(text, "nb") == text} == set()
    assert {law_item(text, "en") for text in said} == said


def test_lists_and_days() -> None:
    """As people write them."""
    assert listed([], "en") == ""
    assert listed(["a", "b"], "nb") == "a og b"
    days = [day_words(date(2026, month, 1), "nb") for month in range(1, 13)]
    assert len(set(days)) == 12
    assert all(
        one != other
        for one, other in pairwise(day_words(date(2026, 6, day), "en", weekday=True)[:3] for day in range(1, 8))
    )


@pytest.mark.parametrize(
    "module", [case, change, events, kinds, rights, share, terms, plan_module, team, consent], ids=lambda m: m.__name__
)
def test_plans_and_sharing_have_words(module: ModuleType) -> None:
    """Every enumeration of a plan, its team, its consents, and of what is shared of it."""
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, StrEnum)]
    unspoken = {TeamStatus}  # nobody is told it
    assert [kind for kind in found if kind not in words._WORDS and kind not in {*unspoken, StrEnum}] == []

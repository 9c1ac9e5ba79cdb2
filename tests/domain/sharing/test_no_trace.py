"""What is withheld leaves no trace: plans that are alike for a participant give it the same, whatever it sends."""

from __future__ import annotations

from datetime import timedelta
from re import fullmatch

import pytest
from hypothesis import given

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import Consent
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import LISTS, references
from ip_fhir.domain.sharing.see import see, settle
from ip_fhir.domain.sharing.view import PlanView
from tests.domain.sharing.alike import Case, cases, only_seen, with_more
from tests.domain.sharing.examples import ON, SEEN_WORDS, plan_with, share_of
from tests.support.canaries import CANARY, canaries_in, with_canaries


@pytest.mark.sharing_promise(2)
@given(cases())
def test_alike_plans_give_the_same_view(case: Case) -> None:
    """Without all that it does not see, and with more and other of it, the view is the same to the byte."""
    view = see(case.plan, case.share, case.on).to_json()
    assert see(only_seen(case), case.share, case.on).to_json() == view
    assert see(with_more(case), case.share, case.on).to_json() == view
    assert CANARY not in view


@given(cases())
def test_every_id_is_the_shares_own(case: Case) -> None:
    """Every id in a view but the plan's is a letter and 19 of a-z and 2-7, or was given by the participant."""
    view = see(case.plan, case.share, case.on).plan
    idents = {item.id for name in LISTS for item in getattr(view, name)} | {ident for _, ident in references(view)}
    if view.team is not None:
        idents |= {
            view.team.id,
            *(one.id for one in view.team.memberships),
            *(one.id for one in view.team.coordinators),
        }
    given = {pair.view for pair in case.share.book}
    assert not [ident for ident in {view.owner.id, *idents} - given if not fullmatch("[a-z][a-z2-7]{19}", ident)]


@given(cases())
def test_a_view_is_a_sound_plan(case: Case) -> None:
    """Whatever is cut, the view reads as what it is."""
    view = see(case.plan, case.share, case.on)
    assert PlanView.from_json(view.to_json()) == view
    assert IndividualPlan(**dict(view.plan)) == view.plan


@pytest.mark.sharing_promise(2)
@given(cases())
def test_alike_plans_settle_alike(case: Case) -> None:
    """A save that changes only what is hidden makes no new view; if the day turned, number, digest and items agree."""
    first = settle(None, case.plan, case.share, case.on)
    assert first.view is not None
    assert first.view.digest() == first.share.digest
    for other in (only_seen(case), with_more(case)):
        assert settle((case.plan, case.on), other, first.share, case.on).view is None
        assert settle(None, other, first.share, case.on).view is None
    later = Case(case.plan.evolve(version=9), first.share, case.on + timedelta(days=31))
    here, *there = (
        settle((case.plan, case.on), plan.evolve(version=9), first.share, later.on)
        for plan in (later.plan, only_seen(later), with_more(later))
    )
    assert [here, here] == there


# --- canaries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("consent", "level", "fields", "idents"), SEEN_WORDS)
def test_no_canary_of_what_is_withheld_is_in_a_view(
    consent: Consent, level: ContentLevel, fields: set[str], idents: set[str] | None
) -> None:
    """Every field of words of every item has one; those that are seen are of a field and an item that may be."""
    plan = with_canaries(plan_with(consent))
    text = see(plan, share_of("school", level=level), ON).to_json()
    found = canaries_in(text)
    assert len(found) == text.count(CANARY)
    assert {field for field, _ in found} <= fields
    assert idents is None or {ident for _, ident in found} <= idents
    assert {"PersonName.family", "Organization.name"} <= {field for field, _ in found}

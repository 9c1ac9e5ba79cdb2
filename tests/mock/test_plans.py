"""The mock as a participant of a plan: it takes a share, proposes, and answers when it is asked; over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ip_fhir.demo.place import SimulatedClock, write_settings
from ip_fhir.demo.plans.parties import SOLVIK, parties_of
from ip_fhir.demo.plans.story import first_version
from ip_fhir.demo.stories import find_examples, load_stories
from ip_fhir.domain.people import PersonName, Professional
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.team import Membership, MembershipStatus, TeamRole
from ip_fhir.mock import AnswerScript, MockOptions, Policy, ShareScript, played
from ip_fhir.settings import read_settings
from tests.mock.conftest import SideUnderTest, under_test

BY = Author(id="marit01", name="Marit Testesen")
DAY = datetime(2026, 9, 8, 6, 30, tzinfo=UTC)

Against = Callable[[str, Policy], tuple[SideUnderTest, IndividualPlan]]


@pytest.fixture
def against(tmp_path: Path) -> Iterator[Against]:
    """The municipality, which holds a plan, tested against another party that plays by a script."""
    with ExitStack() as stack:

        def begin(party: str, policy: Policy) -> tuple[SideUnderTest, IndividualPlan]:
            story, place = load_stories(find_examples(None))[0], tmp_path / "run"
            write_settings(place, parties_of(story), "en")
            clock = SimulatedClock(place / "clock")
            clock.set(DAY)
            ours = read_settings(place / "municipality.toml", environ={})
            side = stack.enter_context(under_test(ours, clock))
            side.now = DAY
            stack.enter_context(played(ours, MockOptions(party, policy), side.note))
            plan = first_version(story.plan)
            side.exchange.save_plan(plan.evolve(organizations=(*plan.organizations, SOLVIK)), by=BY)
            return side, plan

        yield begin


def case(side: SideUnderTest, plan: IndividualPlan) -> SharedPlan:
    """The plan as the side that is tested has it."""
    return side.exchange.plan(plan.id)


def test_takes_a_share(against: Against) -> None:
    """The view is acknowledged, and nothing else comes of it."""
    side, plan = against("hospital", Policy())
    side.exchange.share(plan.id, "hospital", by=BY)
    side.eventually(lambda: side.said("received") == ["view-changed"])
    assert side.said("did") == []
    assert case(side, plan).changes == ()


def test_proposes_a_change(against: Against) -> None:
    """A change of the view comes back once, and waits for a person of the holder, whose answer the mock takes."""
    side, plan = against("hospital", Policy(shares=ShareScript.CHANGE))
    side.exchange.share(plan.id, "hospital", by=BY)
    side.eventually(lambda: len(case(side, plan).changes) == 1)
    (kept,) = case(side, plan).changes
    waits = [part for part in kept.decisions if part.outcome == "proposed"]
    assert [part.field for part in waits] == ["measures.how"]
    answers = [part.evolve(outcome="accepted") for part in waits]
    side.exchange.answer_change(kept.change.id, answers, by=BY)
    side.eventually(lambda: "change-answered" in side.said("received"))
    saved = case(side, plan).plan
    assert saved is not None
    assert "MOCK" in saved.to_json()
    assert side.said("did") == ["change-plan"]


@pytest.mark.parametrize(
    ("script", "status"),
    [(AnswerScript.ACCEPT, MembershipStatus.ACCEPTED), (AnswerScript.DECLINE, MembershipStatus.DECLINED)],
)
def test_answers_an_invitation(against: Against, script: AnswerScript, status: MembershipStatus) -> None:
    """Yes or no, as the script says; the membership is as it was answered."""
    side, plan = against("hospital", Policy(invitations=script))
    somebody = Professional(
        id="pro-invited",
        name=PersonName(family="Testesen", given="Tuva"),
        title="Ergoterapeut",
        organization="org-fjellregionen-habilitation",
    )
    asked = Membership(
        id="invited", member=somebody.id, role=TeamRole.SERVICE_PROVIDER, status=MembershipStatus.PROPOSED
    )
    now = case(side, plan).plan
    assert now is not None
    assert now.team is not None
    team = now.team.evolve(memberships=(*now.team.memberships, asked))
    side.exchange.save_plan(now.evolve(team=team, professionals=(*now.professionals, somebody)), by=BY)
    side.exchange.invite(plan.id, "invited", by=BY)

    def answered() -> bool:
        saved = case(side, plan).plan
        places = saved.team.memberships if saved is not None and saved.team is not None else ()
        return [one.status for one in places if one.id == "invited"] == [status]

    side.eventually(answered)


@pytest.mark.parametrize("script", [AnswerScript.ACCEPT, AnswerScript.DECLINE])
def test_answers_a_handover(against: Against, script: AnswerScript) -> None:
    """The plan is held by the mock from its yes on; by its no it stays where it is."""
    side, plan = against("newtown", Policy(handovers=script))
    side.exchange.hand_over(plan.id, "newtown", by=BY)
    side.eventually(lambda: side.said("did") == [f"{script}-handover"])
    if script is AnswerScript.ACCEPT:
        side.eventually(lambda: case(side, plan).holder == "newtown")
        return
    side.eventually(lambda: "handover-answered" in [str(row.effect.reason) for row in side.told])
    assert case(side, plan).side is PlanSide.HOLDER

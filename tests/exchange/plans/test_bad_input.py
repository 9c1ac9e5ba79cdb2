"""Bad input about plans: each is a typed error or a receipt of a fatal error, and nothing is applied or told by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from ip_fhir.domain.consent.consent import ConsentStatus
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.change import Change, ChangeAnswer, ChangeStatus, Outcome
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.team import Membership, MembershipStatus, TeamRole
from ip_fhir.domain.values.aggregate import PLAN as KIND
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import Conflict, InvalidInput, IpFhirError
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.mapping import plan_message_to_fhir
from ip_fhir.ports import Receipt
from tests.support.ring import NINA, OLE, PERSON, Ring, organization
from tests.support.ring_plan import PLAN, copy, current, share_of
from tests.support.ring_plan import shared as share_plan
from tests.support.two_sides import START


@pytest.fixture
def shared(ring: Ring) -> Ring:
    """The plan is shared with hospital and practice."""
    share_plan(ring, "hospital", "practice")
    return ring


def change(view: PlanView, share: str, wanted: IndividualPlan | None = None, *, base: int | None = None) -> Change:
    """A change of the first measure's extent, or as `wanted` says."""
    measures = (view.plan.measures[0].evolve(extent="hver dag"), *view.plan.measures[1:])
    return Change(
        id="change-1",
        share=share,
        base=view.number if base is None else base,
        wanted=wanted or view.plan.evolve(measures=measures),
        made=START,
    )


def send(ring: Ring, sender: str, to: str, **content: object) -> Receipt | IpFhirError:
    """Send a message that no library of ours would: returns its receipt, or the error it is refused with."""
    (kind,) = (kind for kind, field in _KINDS.items() if field in content)
    message = PlanMessage.model_validate(
        {
            "id": f"made-up-{sender}-{kind}",
            "kind": kind,
            "sent": ring.clock.now(),
            "sender": organization(sender),
            "recipient": organization(to),
            **content,
        }
    )
    credential = ring[to].peer_by_token(f"token-of-{sender}")
    assert credential is not None
    bundle = plan_message_to_fhir(message)
    try:
        return receipt_from_fhir(read_json(ring[to].receive(write_json(bundle), credential)))
    except IpFhirError as error:
        return error


_KINDS = {
    PlanMessageKind.PLAN_CHANGE: "change",
    PlanMessageKind.PLAN_CHANGE_ANSWER: "answer",
    PlanMessageKind.PLAN: "view",
}


def untouched(ring: Ring, before: IndividualPlan) -> bool:
    """True if the holder's plan is as it was."""
    plan = ring.plan("municipality")
    return plan is not None and plan.plan == before


def refused(answer: Receipt | IpFhirError) -> bool:
    """True for a typed error, or a receipt of a fatal error."""
    return isinstance(answer, IpFhirError) or answer.code == "fatal-error"


def _unknown_share(ring: Ring) -> Change:
    return change(copy(ring, "hospital"), "no-such-share")


def _anothers_share(ring: Ring) -> Change:
    return change(copy(ring, "hospital"), share_of(ring, "practice").id)


def _unknown_view(ring: Ring) -> Change:
    return change(copy(ring, "hospital"), share_of(ring, "hospital").id, base=99)


def _another_person(ring: Ring) -> Change:
    view = copy(ring, "hospital")
    owner = view.plan.owner.evolve(identifier="13097248022")
    return change(view, share_of(ring, "hospital").id, view.plan.evolve(owner=owner))


@pytest.mark.parametrize("made", [_unknown_share, _anothers_share, _unknown_view, _another_person])
def test_a_change_that_cannot_be_meant(shared: Ring, made: Callable[[Ring], Change]) -> None:
    """On an unknown or another's share, on a view that never was, about another person: refused, nothing applied."""
    before = current(shared)
    assert refused(send(shared, "hospital", "municipality", change=made(shared)))
    shared.settle()
    assert untouched(shared, before)


def test_the_answer_does_not_tell_an_unknown_share_from_anothers(shared: Ring) -> None:
    """Who asks about a share that is not its own gets the same words, whether there is one or not."""
    answers = [
        send(shared, "hospital", "municipality", change=made(shared)) for made in (_unknown_share, _anothers_share)
    ]
    said = [getattr(answer, "problems", ()) for answer in answers]
    assert said[0] == said[1] != ()


def test_a_party_whose_share_has_ended(shared: Ring) -> None:
    """What it sends changes nothing any more."""
    wanted = change(copy(shared, "hospital"), share_of(shared, "hospital").id)
    shared.holder.end_share(share_of(shared, "hospital").id, by=NINA)
    shared.settle()
    before = current(shared)
    assert refused(send(shared, "hospital", "municipality", change=wanted))
    shared.settle()
    assert untouched(shared, before)


def test_only_the_holder_answers_a_change(shared: Ring) -> None:
    """Another party that learnt the id of a change decides nothing: its answer is refused, and the change waits on."""
    view, share = copy(shared, "hospital"), share_of(shared, "hospital").id
    goals = (view.plan.goals[0].evolve(text="Et annet mål"), *view.plan.goals[1:])
    shared["hospital"].change_plan(view.evolve(plan=view.plan.evolve(goals=goals)), by=OLE)
    shared.settle()
    before = shared.plan("hospital")
    assert before is not None
    (kept,) = before.changes
    answer = ChangeAnswer(change=kept.change.id, share=share, status=ChangeStatus.DECLINED, number=view.number)
    shared.clock.forward(days=1)
    receipt = send(shared, "practice", "hospital", answer=answer)
    assert refused(receipt) or (isinstance(receipt, Receipt) and receipt.code == "transient-error")
    assert shared.plan("hospital") == before


def test_a_change_of_what_nobody_may_change(shared: Ring) -> None:
    """Who coordinates is no participant's to say: that part is refused, with the words for it."""
    view, before = copy(shared, "hospital"), current(shared)
    team = view.plan.team
    assert team is not None
    gone = view.plan.evolve(team=team.evolve(coordinators=()))
    asked = change(view, share_of(shared, "hospital").id, gone).evolve(whole=True)
    send(shared, "hospital", "municipality", change=asked)
    shared.settle()
    assert untouched(shared, before)
    plan = shared.plan("municipality")
    assert plan is not None
    assert {part.outcome for kept in plan.changes for part in kept.decisions} <= {Outcome.REFUSED}
    assert all(kept.status is ChangeStatus.DECLINED for kept in plan.changes)


def test_a_view_of_the_number_held_with_other_content(shared: Ring) -> None:
    """Two views under one number: not taken, the share is out of step, and a person is told."""
    held = copy(shared, "hospital")
    measures = (held.plan.measures[0].evolve(how="Noe annet"), *held.plan.measures[1:])
    other = held.evolve(plan=held.plan.evolve(measures=measures))
    assert refused(send(shared, "municipality", "hospital", view=other, epoch=1))
    assert copy(shared, "hospital") == held
    plan = shared.plan("hospital")
    assert plan is not None
    assert not plan.copies[0].in_step


def test_a_view_from_somebody_who_is_not_the_holder(shared: Ring) -> None:
    """The practice gives out a view of the plan: the hospital takes views from the holder alone."""
    held = copy(shared, "hospital")
    measures = (held.plan.measures[0].evolve(how="Noe annet"), *held.plan.measures[1:])
    forged = held.evolve(number=held.number + 1, plan=held.plan.evolve(measures=measures, version=held.number + 1))
    assert refused(send(shared, "practice", "hospital", view=forged, epoch=1))
    assert copy(shared, "hospital") == held


def test_a_handover_to_a_party_that_is_no_peer(shared: Ring) -> None:
    """Nobody can take over whom the settings do not know."""
    with pytest.raises(InvalidInput):
        shared.holder.hand_over(PLAN, "nobody-knows", by=NINA)
    plan = shared.plan("municipality")
    assert plan is not None
    assert plan.handover is None


def test_an_invitation_about_somebody_who_is_dead(shared: Ring) -> None:
    """Nobody is asked to take part in the plan of a person who is dead."""
    plan = current(shared)
    team = plan.team
    assert team is not None
    asked = Membership(id="m-dead", member="siri", role=TeamRole.OTHER, status=MembershipStatus.PROPOSED)
    owner = plan.owner.evolve(deceased=date(2026, 1, 10))
    dead = plan.evolve(owner=owner, team=team.evolve(memberships=(*team.memberships, asked)))
    shared.holder.save_plan(dead, by=NINA)
    with pytest.raises(IpFhirError):
        shared.holder.invite(PLAN, "m-dead", by=NINA)
    shared.settle()
    assert shared.plan("school") is None


def test_a_save_for_another_person(shared: Ring) -> None:
    """A plan stays the plan of its person."""
    plan = current(shared)
    with pytest.raises(InvalidInput):
        shared.holder.save_plan(plan.evolve(owner=plan.owner.evolve(identifier="13097248022")), by=NINA)
    assert current(shared).owner.identifier == PERSON


def test_a_save_on_an_outdated_version(shared: Ring) -> None:
    """Refused, and nothing is sent by it."""
    plan = current(shared)
    shared.holder.save_plan(plan.evolve(title="En"), by=NINA)
    shared.settle()
    sent = len(shared.network.sent)
    with pytest.raises(Conflict):
        shared.holder.save_plan(plan.evolve(title="To"), by=NINA)
    shared.settle()
    assert len(shared.network.sent) == sent


def test_a_change_on_a_view_that_is_too_old(shared: Ring) -> None:
    """Ninety days later a view that is not the newest is no ground for a change: on your newest, please."""
    wanted = change(copy(shared, "hospital"), share_of(shared, "hospital").id)
    plan = current(shared)
    measures = (plan.measures[0].evolve(how="Ny måte"), *plan.measures[1:])
    shared.holder.save_plan(plan.evolve(measures=measures), by=NINA)
    shared.settle()
    shared.clock.at += timedelta(days=100)
    shared.settle()
    before = current(shared)
    answer = send(shared, "hospital", "municipality", change=wanted.evolve(made=shared.clock.now()))
    shared.settle()
    assert untouched(shared, before)
    kept = shared.plan("municipality")
    assert kept is not None
    assert refused(answer) or kept.changes[-1].status is ChangeStatus.CONFLICT


def test_a_consent_that_is_gone_opens_nothing(shared: Ring) -> None:
    """A share is not begun where nothing is open to the party."""
    plan = current(shared)
    sharing = plan.consents[1].evolve(status=ConsentStatus.WITHDRAWN, withdrawn_on=date(2026, 1, 12))
    shared.holder.save_plan(plan.evolve(consents=(plan.consents[0], sharing)), by=NINA)
    with pytest.raises(IpFhirError):
        shared.holder.share(PLAN, "school", by=NINA)


def test_a_change_from_a_party_that_has_no_share_any_more(shared: Ring) -> None:
    """The share has ended: refused, kept as evidence, and nothing is told but that it has ended."""
    asked = change(copy(shared, "hospital"), share_of(shared, "hospital").id)
    shared.holder.end_share(share_of(shared, "hospital").id, by=NINA)
    shared.settle()
    before, records = current(shared), len(_records(shared))
    answer = send(shared, "hospital", "municipality", change=asked)
    assert isinstance(answer, Receipt)
    assert [(problem.path, problem.code) for problem in answer.problems] == [("change.share", "business-rule")]
    shared.settle()
    assert untouched(shared, before)
    assert len(_records(shared)) > records


def test_a_view_about_another_person(shared: Ring) -> None:
    """A plan Bundle of the plan that is here, with another person in it: not taken."""
    held = copy(shared, "hospital")
    owner = held.plan.owner.evolve(identifier="13097248022", birth_date=None)
    other = held.evolve(number=2, plan=held.plan.evolve(owner=owner, version=2))
    assert refused(send(shared, "municipality", "hospital", view=other, epoch=1))
    assert copy(shared, "hospital") == held


def test_a_view_is_not_saved_as_a_plan(shared: Ring) -> None:
    """A participant that took its view for the plan cannot save it: another side holds it."""
    with pytest.raises(IpFhirError):
        shared["hospital"].save_plan(copy(shared, "hospital").plan, by=NINA)
    plan = shared.plan("hospital")
    assert plan is not None
    assert plan.plan is None


def _records(ring: Ring) -> list[Any]:
    return list(ring.holder.store.records(Aggregate(kind=KIND, id=PLAN)))  # type: ignore[attr-defined]

"""The consent gate: consent, or a duty where only a coordinator is asked for; and no more leaves than was agreed."""

from datetime import date, timedelta
from typing import Any

import pytest

from ip_fhir.domain.agreement import Agreement, ContentLevel
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.consent.permission import Allowed, Refused, Rule
from ip_fhir.domain.effects import EffectKind, Reason
from ip_fhir.domain.loop import decide, due_event, open_referral
from ip_fhir.domain.loop.consent_gate import gate, may_send
from ip_fhir.domain.loop.content import addressed_to, cut_to, left_out
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.people import Attachment, Mandate, MandateKind, PersonName, RelatedPerson, Relationship
from ip_fhir.domain.plan import Need
from ip_fhir.domain.referral import EventKind, Role, State
from ip_fhir.domain.values.ids import HerId
from ip_fhir.domain.values.terms import LegalBasis, LifeArea
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import ConsentRefused
from tests.support.loop import (
    AGREEMENT,
    CONSENT,
    HOSPITAL,
    NOW,
    OTHER_UNIT,
    UNIT,
    delivered,
    event,
    forwarded,
    happens,
    notice,
    received,
    run,
    sent,
)

TODAY = date(2026, 3, 2)
DUTY = (LegalBasis.PBRL_2_5B, LegalBasis.PBRL_2_5C)
ONLY_COORDINATOR = (NoticeKind.COORDINATOR, NoticeKind.CHILD_COORDINATOR)


def _consent(**changes: Any) -> Consent:
    return CONSENT.evolve(**changes)


NO = _consent(id="no", status=ConsentStatus.REFUSED)
GONE = _consent(id="gone", status=ConsentStatus.WITHDRAWN, withdrawn_on=date(2026, 3, 1))
DRAFT = _consent(id="draft", status=ConsentStatus.DRAFT)
PAST = _consent(id="past", period=Period(end=date(2026, 3, 1)))
ELSEWHERE = _consent(
    id="elsewhere",
    access=Access.DENY,
    provisions=(Provision(access=Access.PERMIT, recipients=("hospital",)),),
)
NOT_THERE = _consent(id="not-there", provisions=(Provision(access=Access.DENY, recipients=("unit",)),))


@pytest.mark.parametrize("kind", [ConsentKind.NOTICE, ConsentKind.SHARING, ConsentKind.PLAN])
def test_any_consent_that_covers_it_opens_a_notice_of_a_plan(kind: ConsentKind) -> None:
    """A notice that asks for a plan goes out on consent to the notice, to sharing or to the plan."""
    assert gate(notice(consents=(_consent(kind=kind),)), AGREEMENT, TODAY) == Allowed(("consent-1",))


@pytest.mark.promise(17)
@pytest.mark.parametrize("kind", ONLY_COORDINATOR)
def test_promise_17_a_coordinator_is_a_duty(kind: NoticeKind) -> None:
    """Promise 17: a notice that asks only for a coordinator needs no consent to a plan where the law gives the duty."""
    asks = notice(kind=kind, consents=(), legal_basis=DUTY)
    assert gate(asks, AGREEMENT, TODAY) == Allowed(())
    assert sent(of=asks).referral.state is State.SENT
    plan_consent = asks.evolve(consents=(_consent(kind=ConsentKind.PLAN, status=ConsentStatus.REFUSED),))
    assert gate(plan_consent, AGREEMENT, TODAY) == Allowed(())


@pytest.mark.promise(17)
def test_promise_17_the_basis_may_stand_in_the_agreement() -> None:
    """Promise 17: the section may be named once for all notices between two parties."""
    asks = notice(kind=NoticeKind.COORDINATOR, consents=())
    assert isinstance(gate(asks, AGREEMENT, TODAY), Refused)
    assert gate(asks, Agreement(legal_basis=(LegalBasis.HOL_7_2,)), TODAY) == Allowed(())


@pytest.mark.promise(17)
def test_promise_17_not_every_section_is_that_duty() -> None:
    """Promise 17: the section on plans gives no leave to send without consent."""
    asks = notice(kind=NoticeKind.COORDINATOR, consents=(), legal_basis=(LegalBasis.PBRL_2_5,))
    assert gate(asks, AGREEMENT, TODAY) == Refused(Rule.NO_CONSENT, "there is no consent of the kind notice", ())


@pytest.mark.promise(17)
@pytest.mark.parametrize("kind", [NoticeKind.PLAN, NoticeKind.PLAN_AND_COORDINATOR])
def test_a_plan_takes_consent_whatever_the_basis(kind: NoticeKind) -> None:
    """A plan is voluntary: no section takes the place of consent."""
    refused = gate(notice(kind=kind, consents=(), legal_basis=DUTY), AGREEMENT, TODAY)
    assert isinstance(refused, Refused)


@pytest.mark.promise(13)
@pytest.mark.parametrize(
    ("consents", "rule"),
    [
        ((), Rule.NO_CONSENT),
        ((DRAFT,), Rule.NOT_GIVEN),
        ((PAST,), Rule.PERIOD),
        ((NO,), Rule.REFUSED),
        ((GONE,), Rule.WITHDRAWN),
        ((NOT_THERE,), Rule.RECIPIENT),
        ((ELSEWHERE,), Rule.RECIPIENT),
        ((_consent(given_by="aunt"),), Rule.REPRESENTATIVE),
        ((CONSENT, _consent(id="b", kind=ConsentKind.SHARING, status=ConsentStatus.REFUSED)), Rule.DISAGREE),
    ],
)
def test_refused_by_which_rule(consents: tuple[Consent, ...], rule: Rule) -> None:
    """A refusal names the rule; opening the loop then raises it, and nothing is sent."""
    aunt = RelatedPerson(id="aunt", name=PersonName(family="Testesen"), relationship=Relationship.OTHER)
    asks = notice(consents=consents, related_persons=(aunt,))
    answer = gate(asks, AGREEMENT, TODAY)
    assert isinstance(answer, Refused)
    assert answer.rule is rule
    with pytest.raises(ConsentRefused) as caught:
        sent(of=asks)
    assert caught.value.rule == rule


@pytest.mark.promise(17)
@pytest.mark.parametrize(
    ("consents", "allowed"),
    [
        ((DRAFT,), True),
        ((PAST,), True),
        ((NO,), False),
        ((GONE,), False),
        ((DRAFT, NO), False),
        ((_consent(id="later", status=ConsentStatus.DRAFT, given_on=date(2026, 3, 2)), NO), False),
        ((NOT_THERE,), False),
    ],
)
def test_a_duty_does_not_overrule_a_no(consents: tuple[Consent, ...], allowed: bool) -> None:
    """The duty takes the place of a consent that is not there, never of one that was refused."""
    asks = notice(kind=NoticeKind.COORDINATOR, consents=consents, legal_basis=DUTY)
    assert isinstance(gate(asks, AGREEMENT, TODAY), Allowed) is allowed


@pytest.mark.promise(13)
def test_promise_13_consent_to_the_municipality_covers_its_unit() -> None:
    """Promise 13: consent names the municipality, the notice goes to its coordinating unit."""
    town = UNIT.evolve(id="town", name="Lia", her_id=None)
    inside = notice(
        organizations=(*notice().organizations[:1], UNIT.evolve(part_of="town"), town),
        consents=(_consent(access=Access.DENY, provisions=(Provision(access=Access.PERMIT, recipients=("town",)),)),),
    )
    assert isinstance(gate(inside, AGREEMENT, TODAY), Allowed)
    assert isinstance(gate(inside, AGREEMENT, TODAY, OTHER_UNIT), Refused)
    # Ids of another document say nothing here; numbers do.
    assert isinstance(gate(inside, AGREEMENT, TODAY, OTHER_UNIT.evolve(id="town")), Refused)
    assert isinstance(gate(inside, AGREEMENT, TODAY, OTHER_UNIT.evolve(part_of="town")), Refused)
    same = OTHER_UNIT.evolve(her_id=HerId("90001"))
    numbered = inside.evolve(organizations=(HOSPITAL, UNIT, town.evolve(her_id=HerId("90001"))))
    assert isinstance(gate(numbered, AGREEMENT, TODAY, same), Allowed)


@pytest.mark.promise(13)
def test_promise_13_life_areas_that_are_not_shared() -> None:
    """Promise 13: a need in an area the person does not share stops the notice, unless needs do not go along anyway."""
    private = notice(
        needs=(Need(id="n1", text="debt", area=LifeArea.ECONOMY),),
        consents=(_consent(provisions=(Provision(access=Access.DENY, areas=(LifeArea.ECONOMY,)),)),),
    )
    assert isinstance(gate(private, AGREEMENT, TODAY), Refused)
    assert isinstance(gate(private, Agreement(content_level=ContentLevel.HEADER), TODAY), Allowed)


@pytest.mark.promise(16)
def test_the_evidence_names_the_ground() -> None:
    """The record of what was sent says on which consent, or that it was a duty."""
    assert (sent().records[0].note or "").endswith("(consent: consent-1)")
    duty = sent(of=notice(kind=NoticeKind.COORDINATOR, consents=(), legal_basis=DUTY))
    assert (duty.records[0].note or "").endswith("(legal basis)")


def test_a_consent_that_ran_out_midway() -> None:
    """What the clock asks for is not sent, and a person is told; who asks by hand is refused."""
    short = notice(consents=(_consent(period=Period(end=date(2026, 3, 10))),))
    referral = delivered(of=short)
    at = NOW + timedelta(days=21)
    decisions = run(referral, at)
    assert [(e.kind, e.reason) for e in decisions[-1].effects] == [(EffectKind.TELL, Reason.NO_CONSENT)]
    with pytest.raises(ConsentRefused):
        decide(referral, event(EventKind.REMIND, Role.HOSPITAL, at), AGREEMENT)


@pytest.mark.promise(12)
def test_promise_12_nothing_but_the_withdrawal() -> None:
    """Promise 12: withdrawn after acceptance: the withdrawal goes out, what waits is dropped, a stop is asked for."""
    accepted = happens(delivered(), EventKind.ACCEPT, Role.MUNICIPALITY, NOW)
    decision = decide(accepted, event(EventKind.WITHDRAW_CONSENT, Role.HOSPITAL), AGREEMENT)
    assert (decision.referral.state, decision.drops_waiting) == (State.CANCELLING, "withdraw-consent")
    assert [e.message for e in decision.effects] == ["withdrawal"]
    assert isinstance(may_send(decision.referral, decision.effects[0], AGREEMENT, NOW), Allowed)
    reminder = run(delivered(), NOW + timedelta(days=21))[-1].effects[0]
    assert may_send(decision.referral, reminder, AGREEMENT, NOW) == Refused(
        Rule.WITHDRAWN, "the consent is withdrawn", ()
    )
    assert due_event(decision.referral, NOW) is None


@pytest.mark.promise(12)
def test_promise_12_the_municipality_stops() -> None:
    """Promise 12: the municipality is told, agrees to stop, and both sides stand as withdrawn; nothing is deleted."""
    accepted = happens(received(), EventKind.ACCEPT, Role.MUNICIPALITY, NOW)
    told = decide(accepted, event(EventKind.WITHDRAW_CONSENT, Role.HOSPITAL, message_id="m2"), AGREEMENT)
    assert [e.reason for e in told.effects] == [Reason.CONSENT_WITHDRAWN]
    stopped = decide(told.referral, event(EventKind.AGREE_ABORT, Role.MUNICIPALITY), AGREEMENT)
    assert (stopped.referral.state, [e.message for e in stopped.effects]) == (State.WITHDRAWN, ["abort-agreed"])
    assert stopped.referral.notice == notice()


@pytest.mark.promise(12)
def test_promise_12_withdrawn_after_the_form_the_hospital_never_got() -> None:
    """Promise 12: the municipality was done, its form dropped unsent: it says so, lest the hospital wait for ever."""
    done = happens(received(), EventKind.CLOSE, Role.MUNICIPALITY, NOW, text="moved")
    told = decide(done, event(EventKind.WITHDRAW_CONSENT, Role.HOSPITAL, message_id="m2"), AGREEMENT)
    assert (told.referral.state, told.drops_waiting) == (State.CLOSED, "withdraw-consent")
    assert [e.message for e in told.effects] == ["abort-agreed"]


@pytest.mark.promise(11)
def test_promise_11_asked_again_when_it_is_sent() -> None:
    """Promise 11: what was allowed when it was decided is refused when it is sent, if consent has gone in between."""
    opened = sent()
    assert isinstance(may_send(opened.referral, opened.effects[0], AGREEMENT, NOW), Allowed)
    gone = happens(opened.referral, EventKind.WITHDRAW_CONSENT, Role.HOSPITAL, NOW)
    assert isinstance(may_send(gone, opened.effects[0], AGREEMENT, NOW), Refused)


def test_a_notice_passed_on_needs_consent_for_the_new_unit() -> None:
    """The unit that passes a notice on asks whether consent covers the next."""
    passed = decide(received(), event(EventKind.ANSWER, Role.MUNICIPALITY, form=forwarded()), AGREEMENT)
    assert len(passed.effects) == 2
    narrow = notice(
        organizations=(HOSPITAL, UNIT, OTHER_UNIT),
        consents=(_consent(provisions=(Provision(access=Access.DENY, recipients=("other-unit",)),)),),
    )
    with pytest.raises(ConsentRefused):
        decide(received(of=narrow), event(EventKind.ANSWER, Role.MUNICIPALITY, form=forwarded()), AGREEMENT)


MOTHER = RelatedPerson(
    id="mother",
    name=PersonName(family="Testesen"),
    relationship=Relationship.MOTHER,
    mandate=Mandate(kind=MandateKind.PARENT),
)
FATHER = MOTHER.evolve(id="father", relationship=Relationship.FATHER)
FULL = notice(
    related_persons=(MOTHER, FATHER),
    consents=(_consent(given_by="mother"),),
    needs=(Need(id="n1", text="training"),),
    reason="stroke",
    wished_coordinator="Anna",
    discharge=date(2026, 3, 20),
    attachments=(Attachment(title="mandate", content_type="application/pdf", data="JVBERg=="),),
)


@pytest.mark.promise(18)
@pytest.mark.parametrize(
    ("level", "empty"),
    [
        (ContentLevel.HEADER, {"needs", "reason", "wished_coordinator", "discharge", "attachments"}),
        (ContentLevel.NEEDS, {"attachments"}),
        (ContentLevel.PLAN, set()),
    ],
)
def test_promise_18_no_more_than_agreed(level: ContentLevel, empty: set[str]) -> None:
    """Promise 18: each content level leaves out exactly what is written, and the notice still stands alone."""
    cut = cut_to(FULL, level)
    fields = ("needs", "reason", "wished_coordinator", "discharge", "attachments")
    assert {name for name in fields if not getattr(cut, name)} == empty
    relatives = ["mother"] if level is ContentLevel.HEADER else ["mother", "father"]
    assert [person.id for person in cut.related_persons] == relatives
    told = {line.partition(":")[0].replace(" ", "_") for line in left_out(FULL, level)}
    assert told == (empty | {"related_persons"} if level is ContentLevel.HEADER else empty)
    assert left_out(cut, level) == ()


def test_a_notice_passed_on_stands_alone() -> None:
    """The new unit is in it, under an id that nobody else has."""
    assert addressed_to(notice(), OTHER_UNIT).organization("other-unit") == OTHER_UNIT
    assert addressed_to(notice(), UNIT) == notice()
    taken = addressed_to(notice(), OTHER_UNIT.evolve(id="owner", part_of="nowhere"))
    assert taken.organization(taken.recipient).name == OTHER_UNIT.name
    assert taken.recipient != "owner"
    assert (
        open_referral(taken, Role.MUNICIPALITY, event(EventKind.RECEIVE, Role.MUNICIPALITY), AGREEMENT).referral.notice
        == taken
    )


# What each section of law is about, written down on its own (users.md E, "notice without consent by law").
ABOUT: dict[str, set[NoticeKind]] = {
    "pbrl-2-5b": {NoticeKind.COORDINATOR},
    "hol-7-2": {NoticeKind.COORDINATOR},
    "sphlsl-2-5a": {NoticeKind.COORDINATOR},
    "pbrl-2-5c": {NoticeKind.CHILD_COORDINATOR},
    "hol-7-2a": {NoticeKind.CHILD_COORDINATOR},
}


@pytest.mark.promise(17)
@pytest.mark.parametrize("basis", LegalBasis)
@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("where", ["notice", "agreement"])
def test_a_section_counts_for_its_kind_of_notice_only(basis: LegalBasis, kind: NoticeKind, where: str) -> None:
    """An agreement with hol § 7-2 lets no child coordinator's notice go, and § 7-2 a none of another's."""
    by = {"notice": (), "agreement": ()} | {where: (basis,)}
    asks = notice(kind=kind, consents=(), legal_basis=by["notice"])
    answer = gate(asks, AGREEMENT.evolve(legal_basis=by["agreement"]), TODAY)
    assert isinstance(answer, Allowed) is (kind in ABOUT.get(basis, set()))

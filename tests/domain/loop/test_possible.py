"""What our own people can do now: the list is what `decide` takes, and a refusal says it in a sentence."""

import pytest

from ip_fhir.domain.loop import OWN_EVENTS, decide, needed_from_our_side, possible_events
from ip_fhir.domain.referral import Event, EventKind, Referral, Role, State
from ip_fhir.errors import InvalidInput, LoopError
from tests.support.loop import AGREEMENT, NOW, declined, event, form, forwarded, incomplete, rejected, standing

SIDES = (Role.HOSPITAL, Role.MUNICIPALITY)
FORMS = (form, declined, rejected, forwarded, incomplete)


def _tries(kind: EventKind, role: Role) -> list[Event]:
    if kind is EventKind.ANSWER:
        return [event(kind, role, NOW, form=make()) for make in FORMS]
    return [event(kind, role, NOW, text="for a reason")]


def _is_taken(referral: Referral, tried: Event) -> bool:
    try:
        decide(referral, tried, AGREEMENT)
    except LoopError:
        return False
    return True


@pytest.mark.parametrize("gone", [None, NOW])
@pytest.mark.parametrize("role", SIDES)
@pytest.mark.parametrize("state", [state for state in State if state is not State.DRAFT])
def test_the_list_is_what_is_taken(state: State, role: Role, gone: None) -> None:
    """An event is in the list exactly when the loop takes it from us."""
    referral = standing(state, role).evolve(consent_gone=gone if state is State.CANCELLING else None)
    taken = {kind for kind in OWN_EVENTS[role] if any(_is_taken(referral, one) for one in _tries(kind, role))}
    assert set(possible_events(referral)) == taken


def test_withdrawal_comes_first() -> None:
    """Whoever looks for what to do finds the withdrawal of consent at the top."""
    assert possible_events(standing(State.DELIVERED, Role.HOSPITAL))[0] is EventKind.WITHDRAW_CONSENT


def test_nobody_raises_what_a_machine_brings() -> None:
    """Receipts, timers and the arrival of a notice are no act of a person."""
    machine = {EventKind.RECEIVE, EventKind.RECEIPT_OK, EventKind.RECEIPT_ERROR, EventKind.TIME}
    assert not machine & {kind for kinds in OWN_EVENTS.values() for kind in kinds}
    release = {EventKind.RELEASE}  # by `outbox release` and the like: it moves no loop
    assert {kind for kinds in OWN_EVENTS.values() for kind in kinds} == set(EventKind) - machine - release


@pytest.mark.parametrize("role", SIDES)
def test_what_is_needed_is_asked_for(role: Role) -> None:
    """An act without its text or form is refused, naming it; the table of needs is that of the check."""
    referral = standing(State.DELIVERED, role)
    for kind in OWN_EVENTS[role]:
        if needed := needed_from_our_side(kind):
            with pytest.raises(InvalidInput, match=f"event.{needed}: missing, and {kind} needs it"):
                decide(referral, event(kind, role, NOW), AGREEMENT)


def test_a_refusal_to_our_own_side_says_what_is_possible() -> None:
    """A sentence, with what can be done instead, and no internal word (findings/users.md A)."""
    with pytest.raises(LoopError) as caught:
        decide(standing(State.CLOSED, Role.MUNICIPALITY), event(EventKind.ASSESS, Role.MUNICIPALITY), AGREEMENT)
    assert str(caught.value) == (
        "the loop is closed: assess is not possible for the municipality now; nothing more can be done with it"
    )
    with pytest.raises(LoopError) as caught:
        decide(standing(State.CONFIRMED, Role.HOSPITAL), event(EventKind.REMIND, Role.HOSPITAL), AGREEMENT)
    assert str(caught.value) == (
        "the loop is confirmed: remind is not possible for the hospital now; possible now: withdraw-consent, close"
    )


def test_a_refused_form_says_why() -> None:
    """A form that comes when it can only be stopped is refused with that reason."""
    stopped = standing(State.CANCELLING, Role.MUNICIPALITY).evolve(consent_gone=NOW, resumes=State.ACCEPTED)
    with pytest.raises(LoopError, match="answer is not possible for the municipality now, as consent is withdrawn"):
        decide(stopped, event(EventKind.ANSWER, Role.MUNICIPALITY, form=form()), AGREEMENT)

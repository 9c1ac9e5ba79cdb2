"""Every change that somebody waits for is told to them: the table, restated, for all pairs of state and event.

Source: users.md 0 (1) and A, "good news reaches nobody": nothing was told of a form, a replacement, or a vacancy.
"""

from datetime import date, timedelta
from typing import Any

import pytest

from ip_fhir.domain.effects import EffectKind, Reason
from ip_fhir.domain.green_form import GreenForm, PlanState
from ip_fhir.domain.loop import decide
from ip_fhir.domain.referral import EventKind, FormStatus, KeptForm, Role, State
from ip_fhir.errors import IpFhirError
from tests.support.loop import AGREEMENT, NOW, declined, event, form, forwarded, incomplete, rejected, standing

IN_WORK = "accepted assessing incomplete vacant forwarded"
BEFORE_END = f"sent undelivered delivered {IN_WORK} awaiting-information"
OPEN = f"delivered {IN_WORK} awaiting-information"

TOLD: dict[tuple[str, str], tuple[str, str]] = {
    ("hospital", "accept"): ("accepted", "sent undelivered delivered vacant"),
    ("hospital", "assess"): ("assessing", "sent undelivered delivered accepted incomplete vacant"),
    ("hospital", "forward"): ("forwarded", f"sent undelivered delivered {IN_WORK}"),
    ("hospital", "coordinator-left"): (
        "vacant",
        "confirmed sent undelivered delivered accepted assessing incomplete forwarded awaiting-information",
    ),
    ("hospital", "ask-information"): ("information-asked", BEFORE_END),
    ("hospital", "agree-abort"): ("abort-agreed", f"{OPEN} cancelling"),
    ("hospital", "refuse-abort"): ("abort-refused", "cancelling"),
    ("hospital", "close"): ("closed", f"{BEFORE_END} confirmed cancelling"),
    ("municipality", "remind"): ("reminded", f"delivered {IN_WORK}"),
    ("municipality", "report-incomplete"): ("form-incomplete", "incomplete"),
    ("municipality", "give-information"): ("information-given", OPEN),
    ("municipality", "escalate"): ("escalated", f"delivered {IN_WORK}"),
    ("municipality", "cancel"): ("cancelled", f"draft {BEFORE_END} cancelling confirmed"),
    ("municipality", "ask-abort"): ("abort-asked", f"{OPEN}"),
    ("municipality", "withdraw-consent"): ("consent-withdrawn", f"draft {BEFORE_END} cancelling confirmed"),
    ("municipality", "close"): ("closed", f"draft {BEFORE_END} confirmed cancelling"),
}
"""The reason, and the states in which the other side's event is told; in all others it changes nothing."""

FORMS: dict[str, tuple[GreenForm, str, str]] = {
    "names a coordinator": (form("new"), "confirmed", f"{BEFORE_END} cancelling rejected"),
    "the person declines": (declined("new"), "declined", f"{BEFORE_END} cancelling confirmed"),
    "rejected": (rejected("new"), "rejected", f"{BEFORE_END} cancelling"),
    "passed on": (forwarded("new"), "forwarded", f"{BEFORE_END} cancelling"),
    "lacks something": (incomplete("new"), "form-incomplete", f"{BEFORE_END} cancelling confirmed"),
}
LATE = "cancelled withdrawn closed"


def reasons(state: State, role: Role, kind: EventKind, **fields: Any) -> list[str]:
    """The reasons that people of `role` are told when the other side raises an event."""
    by = Role.MUNICIPALITY if role is Role.HOSPITAL else Role.HOSPITAL
    brought = {"text": "words", "message_id": "m-1", "answers": "message-of-notice", **fields}
    try:
        decision = decide(standing(state, role), event(kind, by, **brought), AGREEMENT)
    except IpFhirError:
        return []
    return [str(effect.reason) for effect in decision.effects if effect.kind is EffectKind.TELL]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("role", "kind"), sorted(TOLD))
def test_an_event_of_the_other_side(role: str, kind: str, state: State) -> None:
    """It is told where it changes something, with this reason, and nowhere else."""
    reason, states = TOLD[role, kind]
    expected = [reason] if state in states.split() else []
    assert reasons(state, Role(role), EventKind(kind)) == expected


@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.MUNICIPALITY])
@pytest.mark.parametrize("kind", EventKind)
def test_nothing_else_comes_from_the_other_side(role: Role, kind: EventKind) -> None:
    """What the table above does not have is a form, a notice, or no event of the other side."""
    if (str(role), str(kind)) in TOLD or kind in (EventKind.ANSWER, EventKind.RECEIVE):
        return
    assert all(reasons(state, role, kind) == [] for state in State)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_comes(name: str, state: State) -> None:
    """The hospital's people hear of every form that counts, and of a complete one that came too late."""
    came, reason, states = FORMS[name]
    told = reasons(state, Role.HOSPITAL, EventKind.ANSWER, form=came)
    if state in states.split():
        assert told == [reason]
    elif state in LATE.split() and name != "lacks something":
        assert told == ["late-form"]
    elif state is State.CONFIRMED and name in ("rejected", "passed on"):
        assert told == ["contradictory"]
    else:
        assert told == [], "also of a form that says the same again where the coordinator is confirmed"


AFTER = form("new", authored=NOW + timedelta(days=2), note="igjen")
MOVED = tuple(one.evolve(title="kontaktperson") for one in AFTER.professionals)


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (form("new", "bo", date(2026, 6, 1)), ["replaced"]),
        (AFTER, []),
        (AFTER.evolve(professionals=MOVED), ["details"]),
        (AFTER.evolve(plan_state=PlanState.DECLINED), ["plan-state"]),
        (AFTER.evolve(plan_state=PlanState.STARTS_LATER, plan_starts=date(2026, 9, 1)), ["plan-state"]),
        (form("new", "bo", date(2026, 6, 1), plan_state=PlanState.DECLINED), ["replaced", "plan-state"]),
    ],
)
def test_what_a_later_form_says_anew(came: GreenForm, expected: list[str]) -> None:
    """Another coordinator, another state of the plan, or both; the same again is told to nobody."""
    assert reasons(State.CONFIRMED, Role.HOSPITAL, EventKind.ANSWER, form=came) == expected


def test_consent_gone_and_a_form_crossed_it() -> None:
    """The form was written before the municipality knew: it is not acted on, and the hospital's people hear of both."""
    waiting = standing(State.CANCELLING, Role.HOSPITAL, consent_gone=NOW)
    came = event(EventKind.ANSWER, Role.MUNICIPALITY, form=form("new"), message_id="m-1")
    assert [e.reason for e in decide(waiting, came, AGREEMENT).effects] == [Reason.LATE_FORM]


def test_the_municipality_does_not_stop_though_consent_is_gone() -> None:
    """The loop does not change, and somebody must look."""
    waiting = standing(State.CANCELLING, Role.HOSPITAL, consent_gone=NOW)
    refused = event(EventKind.REFUSE_ABORT, Role.MUNICIPALITY, message_id="m-1")
    decision = decide(waiting, refused, AGREEMENT)
    assert (decision.referral.state, [e.reason for e in decision.effects]) == (
        State.CANCELLING,
        [Reason.ABORT_REFUSED],
    )


@pytest.mark.parametrize("state", [State.CONFIRMED, State.AWAITING_INFORMATION, State.CANCELLING])
@pytest.mark.parametrize(("answers", "expected"), [("m-form", [Reason.FORM_INCOMPLETE]), ("m-other", [])])
def test_the_last_form_is_sent_back_where_the_state_stays(state: State, answers: str, expected: list[Reason]) -> None:
    """The municipality hears what its last form lacks wherever the loop stands, and not of a form before it."""
    kept = KeptForm(form=incomplete("new"), received=NOW, status=FormStatus.INCOMPLETE, message="m-form")
    ours = standing(state, Role.MUNICIPALITY)
    ours = ours.evolve(forms=(*ours.forms, kept))
    back = event(EventKind.REPORT_INCOMPLETE, Role.HOSPITAL, message_id="m-1", answers=answers)
    assert [e.reason for e in decide(ours, back, AGREEMENT).effects] == expected


def test_it_carries_enough_to_show() -> None:
    """Which form, and until when the loop runs; never a name."""
    came = event(EventKind.ANSWER, Role.MUNICIPALITY, form=incomplete("new"), message_id="m-1")
    timers = decide(standing(State.SENT, Role.HOSPITAL), came, AGREEMENT)
    (told,) = [e for e in timers.effects if e.kind is EffectKind.TELL]
    assert told.form_id == "new"
    assert told.missing
    assert told.due == min(timer.due for timer in timers.referral.timers)
    assert "Testesen" not in told.to_json()
    assert "Anvik" not in told.to_json()

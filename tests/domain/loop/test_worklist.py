"""What our own people must do, and when nobody needs to do it any more: the rule, written down again."""

from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.loop import decide
from ip_fhir.domain.loop.effects import effect_id
from ip_fhir.domain.loop.worklist import items_of, no_longer_needed
from ip_fhir.domain.referral import EventKind, Role, State
from ip_fhir.domain.sharing.life.worklist import PLAN_REASONS
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import IpFhirError
from tests.support.loop import AGREEMENT, NOW, event, form, incomplete, rejected, standing

OPEN = "delivered accepted assessing incomplete vacant forwarded awaiting-information cancelling"
LIVE = f"draft sent undelivered confirmed {OPEN}"

NEEDED = {
    "new-notice": "delivered",
    "undelivered": "undelivered",
    "not-accepted": "delivered",
    "answer-due": OPEN,
    "preliminary-reply-due": "delivered",
    "evaluation-due": "confirmed",
    "mentor-talk-due": "confirmed",
    "abort-unanswered": "cancelling",
    "reminded": OPEN,
    "escalated": OPEN,
    "form-incomplete": "incomplete confirmed awaiting-information cancelling",
    "contradictory": LIVE,
    "rejected": "rejected",
    "information-asked": "awaiting-information",
    "information-given": OPEN,
    "abort-asked": "cancelling",
    "abort-refused": OPEN,
    "no-consent": LIVE,
    "accepted": "accepted awaiting-information cancelling",
    "assessing": "assessing awaiting-information cancelling",
    "forwarded": OPEN,
    "confirmed": "confirmed closed",
    "replaced": "confirmed closed",
    "plan-state": "confirmed closed",
    "details": "confirmed closed",
    "vacant": OPEN,
    "make-plan": "confirmed closed",
}
STAYS = {
    "awaiting-release",
    "second-loop",
    "not-undone",
    "deceased",
    "not-taken",
    "escalation-over",
    "cancelled",
    "consent-withdrawn",
    "closed",
    "unreadable",
    "not-notified",
    "not-told",
    "declined",
    "late-form",
    "abort-agreed",
}
"""Whatever the loop does: news that somebody must have seen, or work that must be stopped."""


def test_every_reason_has_a_rule() -> None:
    """Each is either needed in some states, or until a person has done it, or about plans alone."""
    of_plans = {str(reason) for reason in PLAN_REASONS}
    assert NEEDED.keys() | STAYS | of_plans == {str(reason) for reason in Reason}
    assert len(NEEDED) + len(STAYS) + len(of_plans) == len(Reason)


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_what_a_change_of_state_closes(before: State, after: State) -> None:
    """What was needed where the loop was, and is not where it has come; nothing where it stays."""
    expected = {reason for reason, states in NEEDED.items() if before in states.split() and after not in states.split()}
    assert {str(reason) for reason in no_longer_needed(before, after)} == expected


def test_who_is_told_has_an_item() -> None:
    """One for each, under the effect's id, with the contact and the words; a message is nobody's work."""
    aggregate = Aggregate.of_referral("r")
    tell = Effect(id="e", kind=EffectKind.TELL, reason=Reason.ESCALATED, to="leader", text="words", number=2)
    (item,) = items_of([tell, Effect(id="s", kind=EffectKind.SEND)], aggregate, NOW)
    assert (item.id, item.aggregate, item.reason, item.opened) == ("e", aggregate, Reason.ESCALATED, NOW)
    assert (item.to, item.text, item.number, item.done, item.by) == ("leader", "words", 2, None, None)


@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.MUNICIPALITY])
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", EventKind)
def test_nothing_is_opened_where_nobody_needs_it(role: Role, state: State, kind: EventKind) -> None:
    """Whatever happens wherever: what a person is told is needed in the state that the event leads to.

    Else it would be open for ever, since it is closed when that state is left.
    """
    forms = (form(ident="form-2"), incomplete("form-2"), rejected("form-2")) if kind is EventKind.ANSWER else (None,)
    for by in Role:
        for answer in forms:
            fields: dict[str, Any] = {"text": "words", "message_id": "m-1", "form": answer}
            try:
                decision = decide(standing(state, role), event(kind, by, **fields), AGREEMENT)
            except IpFhirError:
                continue
            for effect in decision.effects:
                if effect.kind is EffectKind.TELL and effect.reason not in STAYS:
                    assert decision.referral.state in NEEDED[str(effect.reason)].split(), effect.reason


def test_the_same_event_asks_for_the_same_item() -> None:
    """Deciding again opens the same: ids are the effect's."""
    asked = event(EventKind.ASK_ABORT, Role.HOSPITAL, ident="e-1", message_id="m-1")
    decision = decide(standing(State.ACCEPTED, Role.MUNICIPALITY), asked, AGREEMENT)
    (item,) = items_of(decision.effects, Aggregate.of_referral("loop-1"), NOW)
    assert item.id == effect_id("loop-1", "e-1", "tell-abort-asked")


@given(st.lists(st.tuples(st.sampled_from([None, "leader", "office", "ward"]), st.sampled_from([None, "a", "b", "c"]))))
def test_a_later_item_says_what_the_earlier_said(said: list[tuple[str | None, str | None]]) -> None:
    """Whatever came one after the other: every contact and every word is in the last one, once, the newest last."""
    aggregate = Aggregate.of_referral("r")
    effects = [
        Effect(id=f"e{n}", kind=EffectKind.TELL, reason=Reason.ESCALATED, to=to, text=text, number=n + 1)
        for n, (to, text) in enumerate(said)
    ]
    items = items_of(effects, aggregate, NOW)
    if not items:
        return
    last = reduce(lambda earlier, later: later.in_place_of(earlier), items)
    assert (last.id, last.number, last.done) == (items[-1].id, len(items), None)
    for joined, parts in ((last.to, [to for to, _ in said if to]), (last.text, [text for _, text in said if text])):
        split = [] if joined is None else joined.replace("; ", "\n").split("\n")
        assert sorted(split) == sorted(set(parts))
        assert split[-1:] == parts[-1:]


def test_words_do_not_grow_for_ever() -> None:
    """After ten thousand characters of earlier words the oldest are left out; the newest are whole."""
    aggregate = Aggregate.of_referral("r")
    long = [
        Effect(id=f"e{n}", kind=EffectKind.TELL, reason=Reason.UNREADABLE, text=f"{n} " + "x" * 45_000)
        for n in range(3)
    ]
    last = reduce(lambda earlier, later: later.in_place_of(earlier), items_of(long, aggregate, NOW))
    assert last.text is not None
    assert last.text.endswith(long[-1].text or "?")
    assert 45_000 < len(last.text) <= 50_000
    whole = Effect(id="e", kind=EffectKind.TELL, reason=Reason.UNREADABLE, text="y" * 50_000)
    (newest,) = items_of([whole], aggregate, NOW)
    assert newest.in_place_of(last).text == whole.text

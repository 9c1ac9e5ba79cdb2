"""Messages and events: every kind of message means an event, and every act becomes a message."""

from datetime import timedelta

import pytest

from ip_fhir.domain.agreement import Agreement, ContentLevel
from ip_fhir.domain.effects import Effect, EffectKind
from ip_fhir.domain.loop import event_of, message_of
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.referral import EventKind, FormStatus, KeptForm, Role, State
from ip_fhir.errors import InvalidInput
from tests.support.loop import AGREEMENT, HOSPITAL, NOW, OTHER_UNIT, UNIT, delivered, form, forwarded, notice, standing

MEANS = {
    "notice": ("receive", Role.MUNICIPALITY),
    "green-form": ("answer", Role.MUNICIPALITY),
    "reminder": ("remind", Role.HOSPITAL),
    "form-incomplete": ("report-incomplete", Role.HOSPITAL),
    "accepted": ("accept", Role.MUNICIPALITY),
    "assessing": ("assess", Role.MUNICIPALITY),
    "forwarded": ("forward", Role.MUNICIPALITY),
    "information-request": ("ask-information", Role.MUNICIPALITY),
    "information": ("give-information", Role.HOSPITAL),
    "coordinator-vacant": ("coordinator-left", Role.MUNICIPALITY),
    "cancellation": ("cancel", Role.HOSPITAL),
    "abort-request": ("ask-abort", Role.HOSPITAL),
    "abort-agreed": ("agree-abort", Role.MUNICIPALITY),
    "abort-refused": ("refuse-abort", Role.MUNICIPALITY),
    "withdrawal": ("withdraw-consent", Role.HOSPITAL),
    "closure": ("close", Role.HOSPITAL),
    "escalation": ("escalate", Role.HOSPITAL),
}


def _message(kind: MessageKind, **fields: object) -> Message:
    made = {
        "id": "message-1",
        "kind": kind,
        "correlation_id": "loop-1",
        "sent": NOW,
        "sender": HOSPITAL,
        "recipient": UNIT,
        "notice": notice() if kind is MessageKind.NOTICE else None,
        "form": form() if kind is MessageKind.GREEN_FORM else None,
        **fields,
    }
    return Message.model_validate(made)


@pytest.mark.parametrize("kind", list(MessageKind))
def test_every_message_means_an_event(kind: MessageKind) -> None:
    """Total: no kind of message is without a meaning, and the event carries all that the message says."""
    message = _message(kind, answers="message-0", number=2, text="words")
    meant = event_of(message, NOW + timedelta(hours=1))
    assert (meant.kind.value, meant.raised_by) == MEANS[kind.value]
    assert (meant.id, meant.message_id, meant.answers) == ("message-1", "message-1", "message-0")
    assert (meant.at, meant.sent, meant.sender) == (NOW + timedelta(hours=1), NOW, HOSPITAL)
    assert (meant.number, meant.text, meant.notice, meant.form) == (2, "words", message.notice, message.form)


def test_who_closes_is_the_one_who_wrote() -> None:
    """Either side may close; told by which side took the message in, or else by the sender's kind."""
    by_unit = _message(MessageKind.CLOSURE, sender=UNIT, recipient=HOSPITAL)
    assert event_of(by_unit, NOW).raised_by is Role.MUNICIPALITY
    assert event_of(by_unit, NOW, Role.HOSPITAL).raised_by is Role.MUNICIPALITY
    assert event_of(by_unit, NOW, Role.MUNICIPALITY).raised_by is Role.HOSPITAL


def _effect(kind: MessageKind | None, **fields: object) -> Effect:
    return Effect.model_validate({"id": "effect-1", "kind": EffectKind.SEND, "message": kind, **fields})


def test_a_message_from_an_effect() -> None:
    """The effect's id is the message's; sender and recipient are whole organisations, by side."""
    by_hospital = message_of(delivered(), _effect(MessageKind.REMINDER, number=2, answers="m"), NOW, AGREEMENT)
    assert (by_hospital.id, by_hospital.number, by_hospital.answers) == ("effect-1", 2, "m")
    assert (by_hospital.sender, by_hospital.recipient) == (HOSPITAL, UNIT)
    by_unit = message_of(standing(State.DELIVERED, Role.MUNICIPALITY), _effect(MessageKind.ACCEPTED), NOW, AGREEMENT)
    assert (by_unit.sender, by_unit.recipient) == (UNIT, HOSPITAL)


def test_a_form_goes_with_its_message() -> None:
    """The form that is named, whichever came after it."""
    kept = tuple(
        KeptForm(form=made, received=NOW, status=FormStatus.COMPLETE) for made in (form(), form("form-2", "bo"))
    )
    referral = standing(State.CONFIRMED, Role.MUNICIPALITY, forms=kept)
    assert message_of(referral, _effect(MessageKind.GREEN_FORM, form_id="form-1"), NOW, AGREEMENT).form == form()
    with pytest.raises(InvalidInput, match="no such form"):
        message_of(referral, _effect(MessageKind.GREEN_FORM, form_id="form-9"), NOW, AGREEMENT)


def test_a_worklist_entry_is_no_message() -> None:
    """What is for our own people has no wire."""
    with pytest.raises(InvalidInput, match="no message"):
        message_of(delivered(), _effect(None), NOW, AGREEMENT)


@pytest.mark.promise(18)
def test_a_notice_goes_out_at_the_content_level() -> None:
    """Promise 18: what is rendered has no more than the agreement allows."""
    referral = standing(State.SENT, Role.HOSPITAL, notice=notice(reason="stroke"))
    header = Agreement(content_level=ContentLevel.HEADER)
    for agreement, reason in ((AGREEMENT, "stroke"), (header, None)):
        message = message_of(referral, _effect(MessageKind.NOTICE), NOW, agreement)
        assert message.notice is not None
        assert message.notice.reason == reason


@pytest.mark.promise(15)
def test_a_notice_passed_on_goes_to_the_new_unit() -> None:
    """Promise 15: the unit that was the wrong one sends the notice on, addressed to the right one."""
    kept = (KeptForm(form=forwarded(), received=NOW, status=FormStatus.COMPLETE),)
    referral = standing(State.FORWARDED, Role.MUNICIPALITY, forms=kept)
    message = message_of(referral, _effect(MessageKind.NOTICE, recipient=OTHER_UNIT), NOW, AGREEMENT)
    assert message.recipient == OTHER_UNIT
    assert message.notice is not None
    assert message.notice.recipient == "other-unit"


def test_every_act_of_a_party_has_its_message() -> None:
    """Whatever one side does, the other can be told; receipts, clock, releases and what came in send nothing."""
    from ip_fhir.domain.loop.messages import EVENT_OF, MESSAGE_OF

    silent = {EventKind.RECEIPT_OK, EventKind.RECEIPT_ERROR, EventKind.RECEIVE, EventKind.TIME, EventKind.RELEASE}
    assert set(MESSAGE_OF) == set(EventKind) - silent
    assert set(EVENT_OF) == set(MessageKind)

"""A message carries what its kind says, and about one referral only."""

from __future__ import annotations

from typing import Any

import pytest

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from tests.support.data import example

NOTICE, FORM = example("notices", "01"), example("green_forms", "01")
ORGANIZATION = {"id": "org-nordvik", "name": "Nordvik kommune", "kind": "municipality"}
HOSPITAL = {"id": "org-fjellregionen", "name": "Fjellregionen sykehus HF", "kind": "hospital"}


def message(kind: str, **fields: Any) -> Message:
    """A message about referral-01."""
    whole = {"id": "m", "kind": kind, "correlation_id": "referral-01", "sent": "2026-01-12T08:40:00+01:00"}
    return read(Message, {**whole, "sender": HOSPITAL, "recipient": ORGANIZATION, **fields})


def test_a_notice_as_its_sender_sends_it() -> None:
    """Its parties, its referral and its time are the message's; the id is the caller's, and must be one."""
    notice = read(Notice, NOTICE)
    made = Message.of_notice(notice, "m-1")
    assert (made.id, made.kind, made.correlation_id) == ("m-1", MessageKind.NOTICE, "referral-01")
    assert (made.sender.id, made.recipient.id, made.sent) == (notice.sender, notice.recipient, notice.authored)
    assert made.notice == notice
    with pytest.raises(InvalidInput):
        Message.of_notice(notice, "")


@pytest.mark.parametrize("kind", list(MessageKind))
def test_what_each_kind_carries(kind: MessageKind) -> None:
    """A notice message carries a notice, a green form message a form, and no other carries either."""
    for notice, form in ((None, None), (NOTICE, None), (None, FORM), (NOTICE, FORM)):
        right = (kind is MessageKind.NOTICE, kind is MessageKind.GREEN_FORM) == (notice is not None, form is not None)
        if right:
            assert message(kind, notice=notice, form=form).kind is kind
            continue
        with pytest.raises(InvalidInput, match=r"message, and no other, carries a (notice|form)$"):
            message(kind, notice=notice, form=form)


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("notice", {"notice": NOTICE}, "the notice belongs to another referral"),
        ("green-form", {"form": FORM}, "the form belongs to another referral"),
    ],
)
def test_one_referral(kind: str, fields: dict[str, Any], reason: str) -> None:
    """What a message carries belongs to the referral that the message is about."""
    assert message(kind, **fields).correlation_id == "referral-01"
    with pytest.raises(InvalidInput) as caught:
        message(kind, correlation_id="referral-02", **fields)
    assert [(p.reason, p.code) for p in caught.value.problems] == [(reason, "invariant")]


@pytest.mark.parametrize("number", [0, -1])
def test_reminders_are_counted_from_one(number: int) -> None:
    """The first reminder is number 1."""
    assert message("reminder", number=1).number == 1
    with pytest.raises(InvalidInput, match="number"):
        message("reminder", number=number)

"""The event of HL7 v2 that each kind of message is sent as, and the status that it has in RF1-1 (11.5.2 to 11.5.5).

The kind of a message of ours stands in a row of OBX, and decides. Where it is missing, event and status are all that is
said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ip_fhir.domain.green_form import FormDecision
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import OrganizationKind
from ip_fhir.errors import InvalidInput, NotTaken

if TYPE_CHECKING:
    from ip_fhir.domain.message import Message

Code: TypeAlias = Literal["REF", "RRI"]
"""The type of a message: the hospital's, or the municipality's."""

Status: TypeAlias = Literal["accepted", "pending", "rejected", "expired"]
"""The words of the code table referral-status (HL7 table 0283)."""

STRUCTURES: Final[dict[Code, str]] = {"REF": "REF_I12", "RRI": "RRI_I12"}
"""The structure of each type of message, for all its events."""

TABLES: Final[dict[str, str]] = {"REF": "V2Referral", "RRI": "V2Response"}
"""The table of each type of message."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The way in which a kind of message is sent."""

    code: Code
    trigger: str
    status: Status


SENT: Final[dict[MessageKind, Sent]] = {
    MessageKind.NOTICE: Sent("REF", "I12", "pending"),
    MessageKind.INFORMATION: Sent("REF", "I13", "pending"),
    MessageKind.CANCELLATION: Sent("REF", "I14", "pending"),
    MessageKind.ABORT_REQUEST: Sent("REF", "I14", "pending"),
    MessageKind.WITHDRAWAL: Sent("REF", "I14", "pending"),
    MessageKind.CLOSURE: Sent("REF", "I14", "pending"),
    MessageKind.REMINDER: Sent("REF", "I15", "pending"),
    MessageKind.FORM_INCOMPLETE: Sent("REF", "I15", "pending"),
    MessageKind.ESCALATION: Sent("REF", "I15", "pending"),
    MessageKind.ACCEPTED: Sent("RRI", "I12", "accepted"),
    MessageKind.ASSESSING: Sent("RRI", "I12", "accepted"),
    MessageKind.FORWARDED: Sent("RRI", "I12", "accepted"),
    MessageKind.GREEN_FORM: Sent("RRI", "I12", "pending"),
    MessageKind.INFORMATION_REQUEST: Sent("RRI", "I12", "pending"),
    MessageKind.COORDINATOR_VACANT: Sent("RRI", "I12", "pending"),
    MessageKind.ABORT_AGREED: Sent("RRI", "I14", "accepted"),
    MessageKind.ABORT_REFUSED: Sent("RRI", "I14", "rejected"),
}
"""The way in which each kind of message is sent. The status of a green form is that of its decision (`DECIDED`)."""

_CLOSED_BY_MUNICIPALITY: Final = Sent("RRI", "I12", "pending")

DECIDED: Final[dict[FormDecision | None, Status]] = {
    None: "pending",
    FormDecision.APPOINTED: "accepted",
    FormDecision.FORWARDED: "accepted",
    FormDecision.DECLINED: "rejected",
    FormDecision.REJECTED: "rejected",
}
"""The status of a green form, by its decision."""

_BY_EVENT: Final = {
    ("REF", "I12"): MessageKind.NOTICE,
    ("REF", "I13"): MessageKind.INFORMATION,
    ("REF", "I14"): MessageKind.CANCELLATION,
    ("REF", "I15"): MessageKind.REMINDER,
}
_ENDINGS: Final = {"accepted": MessageKind.ABORT_AGREED, "rejected": MessageKind.ABORT_REFUSED}


def sent_as(message: Message) -> Sent:
    """The way in which a message is sent. A closure is the municipality's, unless a hospital is its sender."""
    if message.kind is MessageKind.CLOSURE and message.sender.kind is not OrganizationKind.HOSPITAL:
        return _CLOSED_BY_MUNICIPALITY
    sent = SENT[message.kind]
    return sent if message.form is None else Sent(sent.code, sent.trigger, DECIDED[message.form.decision])


def kind_said(code: str, trigger: str, status: str | None, *, names_coordinator: bool) -> MessageKind:
    """The kind of a message without one of our rows, by its event, and in an answer by RF1-1.

    `names_coordinator`: a person who was referred to is named, with a way to reach them. Raises `NotTaken` for an
    answer that only says that the referral came in, and for one that a person must look at.
    """
    if (code, trigger) in _BY_EVENT:
        return _BY_EVENT[code, trigger]
    if trigger == "I14" and status in _ENDINGS:
        return _ENDINGS[status]
    if status == "accepted":
        return MessageKind.GREEN_FORM if names_coordinator else MessageKind.ACCEPTED
    if status == "rejected":
        return MessageKind.GREEN_FORM
    if status == "pending":
        raise NotTaken.at("RF1-1", "says only that the referral is pending: no answer to it", "not-supported")
    if status is None:
        raise InvalidInput.at("RF1-1", "is required, where no row of ours says what the message is", "required")
    raise NotTaken.at("RF1-1", "is no answer that is known here: a person must look", "not-supported")


def check_status(status: str | None, kind: MessageKind, decision: FormDecision | None) -> None:
    """Raise `InvalidInput` if RF1-1 says yes where the message says no, or no where it says yes."""
    expected = DECIDED[decision] if kind is MessageKind.GREEN_FORM else SENT[kind].status
    if {expected, status} == {"accepted", "rejected"}:
        raise InvalidInput.at("RF1-1", "says something else than the rows of OBX", "invariant")

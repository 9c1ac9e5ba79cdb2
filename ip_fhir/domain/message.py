"""The messages that two parties send each other about one referral, independent of wire and format."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from ip_fhir.domain.green_form import GreenForm, Missing
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Organization
from ip_fhir.domain.values.value import AsMade, Id, Moment, Text, Value


class MessageKind(StrEnum):
    """The kind of a message. A receipt is no message: it only says that the other system has stored one."""

    NOTICE = "notice"
    GREEN_FORM = "green-form"
    REMINDER = "reminder"
    FORM_INCOMPLETE = "form-incomplete"  # hospital: the form lacks `missing`
    ACCEPTED = "accepted"  # municipality: we have it, no coordinator yet
    ASSESSING = "assessing"  # municipality: assessment ordered
    FORWARDED = "forwarded"  # municipality: another unit has it now
    INFORMATION_REQUEST = "information-request"
    INFORMATION = "information"
    COORDINATOR_VACANT = "coordinator-vacant"  # municipality: the coordinator left
    CANCELLATION = "cancellation"  # hospital, before the municipality accepted
    ABORT_REQUEST = "abort-request"  # hospital, after that: please stop
    ABORT_AGREED = "abort-agreed"
    ABORT_REFUSED = "abort-refused"
    WITHDRAWAL = "withdrawal"  # hospital: consent is gone
    CLOSURE = "closure"  # the person died or moved, or all is done
    ESCALATION = "escalation"  # to a named person higher up


class Message(Value):
    """One message. A repeated delivery has the same `id`; `answers` is the id of the message it replies to.

    `sender` and `recipient` are whole organisations, not references, as a message refers to nothing outside itself.
    """

    id: Id = Field(description="Id of the message; a repeated delivery has the same.")
    kind: MessageKind = Field(description="Kind.")
    correlation_id: Id = Field(description="Id of the loop.")
    sent: Moment = Field(description="Time when it was sent, with zone.")
    sender: Organization = Field(description="The organisation that sends it.")
    recipient: Organization = Field(description="The organisation it is for.")
    answers: Id | None = Field(default=None, description="Id of the message that it replies to.")
    notice: Annotated[Notice, AsMade()] | None = Field(default=None, description="The notice, in a notice message.")
    form: Annotated[GreenForm, AsMade()] | None = Field(
        default=None, description="The green form, in a green form message."
    )
    missing: tuple[Missing, ...] = Field(default=(), max_length=50, description="Items that a green form lacks.")
    number: int | None = Field(default=None, ge=1, description="Number of the reminder or of the escalation's rung.")
    text: Text | None = Field(default=None, description="Words to the receiver.")

    @classmethod
    def of_notice(cls, notice: Notice, ident: str) -> Self:
        """Returns the message with this id that carries a notice, as the notice's sender sends it when it is written.

        Raises `InvalidInput` for an id that is none.
        """
        return cls(
            id=ident,
            kind=MessageKind.NOTICE,
            correlation_id=notice.correlation_id,
            sent=notice.authored,
            sender=notice.organization(notice.sender),
            recipient=notice.organization(notice.recipient),
            notice=notice,
        )

    @model_validator(mode="after")
    def _content_fits_kind(self) -> Self:
        if (self.kind is MessageKind.NOTICE) != (self.notice is not None):
            message = "a notice message, and no other, carries a notice"
            raise ValueError(message)
        if (self.kind is MessageKind.GREEN_FORM) != (self.form is not None):
            message = "a green form message, and no other, carries a form"
            raise ValueError(message)
        if self.notice is not None and self.notice.correlation_id != self.correlation_id:
            message = "the notice belongs to another referral"
            raise ValueError(message)
        if self.form is not None and self.form.answers != self.correlation_id:
            message = "the form belongs to another referral"
            raise ValueError(message)
        return self

"""Protocols of a wire format: bytes to a message, a receipt to bytes, and a message to bytes.

A format is an object with the attributes and the method of `Format`; one that is also sent has `write` (`Writer`). It
is installed as an entry point of the group `ip_fhir.formats`: a function without arguments that returns it.
`ip_fhir.testing.FormatContract` tests a format against these Protocols; docs/plugins.md shows how to write one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.sharing.kinds import PlanMessageKind
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.errors import Problem
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import JsonObject, Receipt
    from ip_fhir.ports.other_ids import OtherId

MessageField: TypeAlias = Literal["message.id", "kind", "correlation_id", "sent", "sender", "recipient", "owner"]
"""The fields that errors of `inbound` name: those of `ip_fhir.domain.message.Message`, and the plan owner."""

MESSAGE_FIELDS: tuple[MessageField, ...] = get_args(MessageField)
"""Every `MessageField`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The parts of a reply: the receipt, the resources as stored, the time (UTC), our own address, and `warnings`.

    Those are told beside a yes, by a format that has a place for them (`Telling`).
    """

    receipt: Receipt
    stored: Sequence[JsonObject]
    at: datetime
    url: str
    warnings: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Earlier:
    """A message of the same loop or plan that went between the two parties before the one that is written.

    `sent` is its time (UTC); `own` if the one who writes now sent it. `content` are the bytes that went with it on our
    side: what we sent, or what we answered; empty where they are not kept.
    """

    id: str
    sent: datetime
    own: bool
    content: bytes = field(default=b"", repr=False)


class Incoming(Protocol):
    """Content that came in and was parsed. None of its methods does I/O, and none changes it.

    They raise `InvalidInput` and nothing else, with places as this format calls them, and without a person's data.
    """

    def message(self, mapper: Mapper) -> Message | PlanMessage:
        """Return the message, by the site's tables. Raises `InvalidInput` with every problem."""
        ...

    def resources(self) -> Sequence[JsonObject]:
        """Return the ServiceRequest and Task as the other side wrote them, so that their unmapped parts are kept.

        Empty for a format that is not FHIR.
        """
        ...

    def persons(self) -> frozenset[PersonId]:
        """Return the numbers of all persons whom the content is about; empty if it names none."""
        ...

    def digest(self) -> str:
        """Return a digest that is the same for the same content, however it was laid out or enveloped.

        It decides whether a message under a key that was seen before is a resend (answered as before) or another one
        (refused).
        """
        ...

    def reply(self, answer: Answer) -> bytes:
        """Return the bytes to answer with; the same answer gives the same bytes."""
        ...

    def place(self, field: MessageField) -> str:
        """Return the name of the field's place in this content: `MessageHeader.id`, `MSH-10`, `MsgId`."""
        ...


@runtime_checkable
class Telling(Protocol):
    """Content of which the sender is told what was read as another thing than it says: part of an `Incoming`."""

    def warnings(self, message: Message | PlanMessage, mapper: Mapper) -> Sequence[Problem]:
        """Return the warnings about the content, which was read as this message, with places as this format has them.

        They go into `Answer.warnings`.
        """
        ...


@runtime_checkable
class Citing(Protocol):
    """Content in a format that has no room for our ids, or whose writers use their own: part of an `Incoming`.

    What it is about is found by the ids that it cites, among the loops that concern the party it is from.
    """

    def cited(self) -> Sequence[OtherId]:
        """Return the ids of the loop that the content is about, and of the messages it answers, the surest first."""
        ...

    def own_ids(self) -> Sequence[OtherId]:
        """Return the ids that the sender's later messages may cite: its own of the message, and of the referral."""
        ...


@runtime_checkable
class Retracting(Protocol):
    """Content in a format by which a message can take back an earlier one: part of an `Incoming`."""

    def retracts(self) -> str | None:
        """Return the id of the message that this one takes back; None if it takes none back.

        Raises `InvalidInput` if it takes one back and does not say which.
        """
        ...


@runtime_checkable
class EchoingWriter(Protocol):
    """A `Writer` whose messages have a place for the receiver's own id of the referral."""

    def echoing(self, content: bytes, ident: str) -> bytes:
        """Return bytes that `write` made with this id of the receiver's; the same ones where there is no place."""
        ...


@runtime_checkable
class Receipting(Protocol):
    """Content that came as the reply to a message of ours, and may be its receipt alone: part of an `Incoming`."""

    def is_receipt_alone(self) -> bool:
        """Return True if it says only that the message came in, and nothing that is to be taken in."""
        ...


@runtime_checkable
class CitedWriter(Protocol):
    """A `Writer` whose messages the receiver cites by another id than `Outgoing.message_id`."""

    def ids_of(self, content: bytes) -> Sequence[OtherId]:
        """Return the ids in bytes that `write` made by which the receiver may cite them."""
        ...


@runtime_checkable
class Answering(Protocol):
    """Content whose sender may want the business answer as the reply: part of an `Incoming`."""

    def wants_answer(self) -> bool:
        """Return True if the answer, where there is one at once, is to be the reply."""
        ...

    def answer(self, message: Message, owner: PlanOwner, mapper: Mapper) -> tuple[bytes, Sequence[OtherId]]:
        """Return the reply that is this message and a yes to the content, and the ids by which it will be cited.

        `owner` is the person of the referral. Raises `InvalidInput` for what the format cannot carry.
        """
        ...


@runtime_checkable
class Reliable(Protocol):
    """Content of a format that has rules of its own for messages that come again: part of an `Incoming`.

    Every message is answered by a receipt, also one that is refused or was not understood; and a receipt may come in
    as a message does.
    """

    def told_id(self) -> str | None:
        """Return the id of the message, by which a refusal is told; None if it has none, or is a receipt itself."""
        ...

    def envelope_id(self) -> str:
        """Return the id of the envelope, in which no other message of its sender may come. Raises `InvalidInput`."""
        ...

    def receipt(self) -> Receipt | None:
        """Return the receipt, where the content is one. Raises `InvalidInput` for one that does not say enough."""
        ...

    def again(self, reply: bytes, at: datetime) -> bytes:
        """Return the reply that was given before, to a message that came again at this time (UTC)."""
        ...


class Format(Protocol):
    """A wire format that is received.

    `name` is the name of its entry point, `content_type` its media type. With `receipts`, a message that was understood
    and is refused is answered by a receipt that says so; without, by an error.
    """

    name: str
    content_type: str
    receipts: bool

    def open(self, content: bytes, limits: Limits) -> Incoming:
        """Parse, within the limits. Does no I/O.

        Raises `InvalidInput` and nothing else, whatever the bytes are: `too-long`, `too-costly`, `structure`.
        """
        ...


class Writer(Protocol):
    """A wire format that is sent."""

    name: str
    content_type: str

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
        """Return the bytes of a message, written by the site's tables; `open` reads the same message back.

        Does no I/O. Raises `InvalidInput` for a message that this format cannot carry: its row is parked.
        """
        ...


@runtime_checkable
class PersonWriter(Protocol):
    """A `Writer` of a format that names the person in every message about a referral, as HL7 v2 requires (PID)."""

    def write_about(self, message: Message | PlanMessage, owner: PlanOwner, mapper: Mapper) -> bytes:
        """Return the bytes as `write` does, with the name, number and birth date of `owner`.

        `owner` is the person of the referral's notice; of a notice, its own owner is written.
        """
        ...


@runtime_checkable
class ChainWriter(Protocol):
    """A `Writer` of a format in which a message carries the chain of those before it."""

    def write_after(self, message: Message | PlanMessage, earlier: Sequence[Earlier], mapper: Mapper) -> bytes:
        """Return the bytes as `write` does; `earlier` are the messages before it, the oldest first."""
        ...


@runtime_checkable
class PerPeer(Protocol):
    """A `Format` that peers want in different ways: another version, another character set."""

    def for_peer(self, line: object) -> Format:
        """Return this format as it is spoken with the peer that has these settings (`Endpoint.lines`)."""
        ...


@runtime_checkable
class PartialWriter(Protocol):
    """A `Writer` of a format that carries some kinds of message about a plan only; people say the others in words.

    Before anything is sent, whoever asks for one of the others is told so.
    """

    def carries(self, kind: PlanMessageKind) -> bool:
        """Return true for a kind that `write` writes."""
        ...


@runtime_checkable
class LeavingWriter(Protocol):
    """A `Writer` of a format in which a view names what left since the last one that was acknowledged (`left`)."""

    names_left: Literal[True]


def about_referral(message: Message | PlanMessage) -> Message:
    """Return a message about a referral, for a format that carries no others.

    Raises `InvalidInput` for a message about a plan: its row is parked, and a person is told.
    """
    if isinstance(message, PlanMessage):
        raise InvalidInput.at("kind", "is about a plan, which this format does not carry", "not-supported")
    return message

"""HL7 v2 on the wire: REF and RRI about a referral, answered by acknowledgements."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.exchange.formats.hl7v2_plans import PLACES_OF_PLAN, read_plan, write_plan
from ip_fhir.exchange.formats.protocol import about_referral
from ip_fhir.hl7v2.acknowledgement import ack, verdict
from ip_fhir.hl7v2.header import head
from ip_fhir.hl7v2.message import Er7, new, read
from ip_fhir.mapping import message_from_hl7v2, message_to_hl7v2
from ip_fhir.mapping.hl7v2.reading import persons_in_hl7v2
from ip_fhir.mapping.hl7v2.sharing import CARRIED, is_about_plan
from ip_fhir.ports.other_ids import OtherId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.sharing.kinds import PlanMessageKind
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.errors import Problem
    from ip_fhir.exchange.formats.protocol import Answer, MessageField
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.hl7v2.segment import Segment
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import JsonObject, Receipt, WireFormat

ER7: Final = "application/hl7-v2+er7"
"""The media type of HL7 v2 in its text form."""

_ENVELOPE: Final = (7, 8, 13)  # time, security and sequence number: a sender may renew these when it sends again

_PLACES: dict[MessageField, str] = {
    "message.id": "MSH-10",
    "kind": "MSH-9",
    "correlation_id": "RF1-6",
    "sent": "MSH-7",
    "sender": "MSH-4",
    "recipient": "MSH-6",
    "owner": "PID-3",
}


class Hl7v2:
    """HL7 v2 in ER7: REF^I12 to I15, RRI^I12 to I14 and PPG^PCG, PCH, PCJ, written as 2.5.1 in UTF-8."""

    name: WireFormat = "hl7v2"
    content_type: str = ER7
    receipts: bool = True

    def open(self, content: bytes, limits: Limits) -> IncomingHl7v2:
        """Parse one message."""
        return IncomingHl7v2(read(content, limits))

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
        """Return a REF or RRI, or a PPG of a message about a plan.

        What is not for the recipient was taken out of the message (`loop.message_of`, `sharing.see`). Raises
        `InvalidInput` for what HL7 v2 cannot say.
        """
        if isinstance(message, PlanMessage):
            return write_plan(message, mapper)
        return new(message_to_hl7v2(about_referral(message), mapper.releasing(EVERY_PART))).to_bytes()

    def carries(self, kind: PlanMessageKind) -> bool:
        """Return true for views, their end, changes and their answers."""
        return kind in CARRIED

    def write_about(self, message: Message | PlanMessage, owner: PlanOwner, mapper: Mapper) -> bytes:
        """Return a REF or RRI whose PID names the person: name, number and birth date."""
        value = message_to_hl7v2(about_referral(message), mapper.releasing(EVERY_PART), owner=owner)
        return new(value).to_bytes()

    def ids_of(self, content: bytes) -> Sequence[OtherId]:
        """Return MSH-10, which acknowledgements name: it has no room for a longer id of ours."""
        return (OtherId("message", head(content).text(10)),)


class IncomingHl7v2:
    """A message of HL7 v2 that came in."""

    def __init__(self, message: Er7) -> None:
        self._message = message

    def message(self, mapper: Mapper) -> Message | PlanMessage:
        """Return the message, read by the site's tables: a PPG is about a plan."""
        if is_about_plan(self._message.value):
            return read_plan(self._message.value, mapper)
        return message_from_hl7v2(self._message.value, mapper)

    def resources(self) -> Sequence[JsonObject]:
        """Return none: the content is not FHIR."""
        return ()

    def persons(self) -> frozenset[PersonId]:
        """Return the person's number in PID-3; none where PID names nobody."""
        return persons_in_hl7v2(self._message.value)

    def digest(self) -> str:
        """Return the SHA-256 of the segments, without time, security and sequence number of the header."""
        found = sha256()
        for segment in self._message.segments:
            found.update(_kept(segment).encode() + b"\r")
        return found.hexdigest()

    def reply(self, answer: Answer) -> bytes:
        """Return an acknowledgement in the original mode: AA, or AR or AE for good.

        Deviations from the standard that were read all the same are told beside a yes (ERR-4 W).
        Nothing for a message that may come again: no acknowledgement says that, so its sender gets none and asks again
        (`ip_fhir.wire.dialog` closes the connection, or answers CE in the enhanced mode).
        """
        if answer.receipt.code == "transient-error":
            return b""
        code, problems = _told(answer.receipt)
        if code == "AA":
            problems = [*problems, *self._message.warnings]
        return ack(self._message, code, at=answer.at, problems=problems)

    def place(self, field: MessageField) -> str:
        """Return the place of a field: `MSH-10`."""
        return (PLACES_OF_PLAN if is_about_plan(self._message.value) else _PLACES)[field]


def _kept(segment: Segment) -> str:
    """The text of a segment; of the header without what is renewed when it is sent again."""
    if segment.name != "MSH":
        return segment.text
    return "|".join(text for number, text in enumerate(segment.raw_fields) if number not in _ENVELOPE)


def _told(receipt: Receipt) -> tuple[Literal["AA", "AE", "AR"], Sequence[Problem]]:
    """MSA-1 and the problems that ERR tells."""
    if receipt.code == "ok":
        return "AA", receipt.problems
    return ("AE" if verdict(receipt.problems) == "AE" else "AR"), receipt.problems

"""HL7 v2 on the wire: REF and RRI about a referral, answered by acknowledgements."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.hl7v2_bundle import bundle_in, same_in_both, with_bundle
from ip_fhir.exchange.formats.hl7v2_ids import cited_ids, own_ids
from ip_fhir.exchange.formats.hl7v2_plans import PLACES_OF_PLAN, read_plan, write_plan
from ip_fhir.exchange.formats.protocol import about_referral
from ip_fhir.fhir.reading import write_json
from ip_fhir.fhir.subjects import persons_in
from ip_fhir.hl7v2.acknowledgement import ack, verdict
from ip_fhir.hl7v2.header import head
from ip_fhir.hl7v2.line import NO_SETTINGS, Hl7v2Line
from ip_fhir.hl7v2.message import Er7, new, read
from ip_fhir.mapping import message_from_fhir, message_from_hl7v2, message_to_fhir, message_to_hl7v2
from ip_fhir.mapping.hl7v2.along import with_words
from ip_fhir.mapping.hl7v2.line import spoken
from ip_fhir.mapping.hl7v2.reading import persons_in_hl7v2
from ip_fhir.mapping.hl7v2.sharing import CARRIED, is_about_plan
from ip_fhir.mapping.hl7v2.told import told_in_hl7v2
from ip_fhir.ports.other_ids import OtherId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.sharing.kinds import PlanMessageKind
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
    """HL7 v2 in ER7: REF^I12 to I15, RRI^I12 to I14 and PPG^PCG, PCH, PCJ.

    Written as 2.5.1 in UTF-8 where a peer has no settings.
    """

    name: WireFormat = "hl7v2"
    content_type: str = ER7
    receipts: bool = True
    names_left: Literal[True] = True

    def __init__(self, line: Hl7v2Line = NO_SETTINGS) -> None:
        self._line = line

    def for_peer(self, line: object) -> Hl7v2:
        """Return the format in the version, character set and manner of a peer."""
        return Hl7v2(line) if isinstance(line, Hl7v2Line) else self

    def open(self, content: bytes, limits: Limits) -> IncomingHl7v2:
        """Parse one message."""
        return IncomingHl7v2(read(content, limits, self._line.charset), self._line, limits)

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
        """Return a REF or RRI, or a PPG of a message about a plan.

        What is not for the recipient was taken out of the message (`loop.message_of`, `sharing.see`). Raises
        `InvalidInput` for what HL7 v2 cannot say.
        """
        if isinstance(message, PlanMessage):
            return write_plan(message, mapper, self._line)
        return self._written(message, mapper.releasing(EVERY_PART))

    def carries(self, kind: PlanMessageKind) -> bool:
        """Return true for views, their end, changes and their answers."""
        return kind in CARRIED

    def write_about(self, message: Message | PlanMessage, owner: PlanOwner, mapper: Mapper) -> bytes:
        """Return a REF or RRI whose PID names the person: name, number and birth date."""
        return self._written(about_referral(message), mapper.releasing(EVERY_PART), owner)

    def _written(self, message: Message, mapper: Mapper, owner: PlanOwner | None = None) -> bytes:
        return new(_value(message, mapper, self._line, owner)).to_bytes()

    def ids_of(self, content: bytes) -> Sequence[OtherId]:
        """Return MSH-10, which acknowledgements name: it has no room for a longer id of ours."""
        return (OtherId("message", head(content).text(10)),)


class IncomingHl7v2:
    """A message of HL7 v2 that came in."""

    def __init__(self, message: Er7, line: Hl7v2Line, limits: Limits) -> None:
        self._message = message
        self._line = line
        self._limits = limits
        self._told: tuple[Problem, ...] = ()  # by `message`, which knows the tables

    def message(self, mapper: Mapper) -> Message | PlanMessage:
        """Return the message, read by the site's tables: a PPG is about a plan.

        Of a peer that sends the Bundle along, the Bundle's.
        """
        value, line = self._message.value, self._line
        if is_about_plan(value):
            return read_plan(value, mapper, line)
        found = message_from_hl7v2(value, mapper, zone=line.time_zone, notice_kind=line.notice_kind)
        self._told = told_in_hl7v2(value, found.kind, mapper.compiled)
        bundle = self._bundle
        if bundle is None:
            return found
        of_segments = persons_in_hl7v2(value)
        return same_in_both(found, message_from_fhir(bundle, mapper), of_segments, persons_in(bundle))

    @cached_property
    def _bundle(self) -> JsonObject | None:
        """The FHIR message Bundle that came along; None without one, or from a peer that sends none."""
        return bundle_in(self._message, self._limits) if self._line.bundle else None

    def cited(self) -> Sequence[OtherId]:
        """Return RF1-6 and RF1-11, the referral by our id or theirs; MSA-2, and the message that it answers."""
        return cited_ids(self._message)

    def own_ids(self) -> Sequence[OtherId]:
        """Return the sender's ids: MSH-10 of the message, RF1-11 of the referral."""
        return own_ids(self._message)

    def resources(self) -> Sequence[JsonObject]:
        """Return none: the content is not FHIR."""
        return ()

    def persons(self) -> frozenset[PersonId]:
        """Return the person's number in PID-3, and those in the Bundle; none where neither names anybody."""
        along = frozenset[PersonId]() if self._bundle is None else persons_in(self._bundle)
        return persons_in_hl7v2(self._message.value) | along

    def digest(self) -> str:
        """Return the SHA-256 of the segments, without time, security and sequence number of the header."""
        found = sha256()
        for segment in self._message.segments:
            found.update(_kept(segment).encode() + b"\r")
        return found.hexdigest()

    def reply(self, answer: Answer) -> bytes:
        """Return an acknowledgement in the original mode: AA, or AR or AE for good.

        Deviations from the standard that were read all the same, and codes that were taken for others, are told beside
        a yes (ERR-4 W).
        Nothing for a message that may come again: no acknowledgement says that, so its sender gets none and asks again
        (`ip_fhir.wire.dialog` closes the connection, or answers CE in the enhanced mode).
        """
        if answer.receipt.code == "transient-error":
            return b""
        code, problems = _told(answer.receipt)
        if code == "AA":
            problems = [*problems, *self._message.warnings, *self._told]
        return ack(self._message, code, at=answer.at, problems=problems)

    def wants_answer(self) -> bool:
        """Return True in the original mode, where the peer's settings say so."""
        header = self._message.header
        return self._line.receipt == "RRI" and not header.text(15) and not header.text(16)

    def answer(self, message: Message, owner: PlanOwner, mapper: Mapper) -> tuple[bytes, Sequence[OtherId]]:
        """Return an RRI with MSA: the business answer, and AA for what it answers. It asks for no acknowledgement."""
        line = self._line.evolve(ack_mode="original")
        value = _value(message, mapper.releasing(EVERY_PART), line, owner)
        if value["MSH"]["f9"][0]["c1"] != "RRI":
            raise InvalidInput.at("MSH-9", "is no answer that a reply can be", "not-supported")
        msa = {"f1": [{"c1": "AA"}], "f2": [{"c1": self._message.header.text(10)}]}
        written = new({**value, "MSA": msa})
        return written.to_bytes(), (OtherId("message", written.field("MSH-10")),)

    def place(self, field: MessageField) -> str:
        """Return the place of a field: `MSH-10`."""
        return (PLACES_OF_PLAN if is_about_plan(self._message.value) else _PLACES)[field]


def _value(message: Message, mapper: Mapper, line: Hl7v2Line, owner: PlanOwner | None) -> dict[str, Any]:
    """The value of a message as a peer wants it."""
    value = message_to_hl7v2(message, mapper, owner=owner)
    if line.bundle:
        value = with_bundle(value, write_json(message_to_fhir(message, mapper)))
    return spoken(with_words(value, message, line), line)


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

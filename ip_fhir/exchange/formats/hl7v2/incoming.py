"""A message of HL7 v2 that came in: what it says, by which ids, and how it is answered."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.hl7v2.bundle import bundle_in, same_in_both
from ip_fhir.exchange.formats.hl7v2.ids import cited_ids, own_ids
from ip_fhir.exchange.formats.hl7v2.plans import PLACES_OF_PLAN, read_plan
from ip_fhir.exchange.formats.hl7v2.receipts import is_receipt_alone, receipt_of_referral
from ip_fhir.exchange.formats.hl7v2.writing import value_for
from ip_fhir.fhir.subjects import persons_in
from ip_fhir.hl7v2.acknowledgement import ack, verdict
from ip_fhir.hl7v2.message import new
from ip_fhir.mapping import message_from_fhir, message_from_hl7v2
from ip_fhir.mapping.hl7v2.reading import persons_in_hl7v2
from ip_fhir.mapping.hl7v2.sharing import is_about_plan
from ip_fhir.mapping.hl7v2.told import told_in_hl7v2
from ip_fhir.ports.other_ids import OtherId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.errors import Problem
    from ip_fhir.exchange.formats.protocol import Answer, MessageField
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.hl7v2.line import Hl7v2Line
    from ip_fhir.hl7v2.message import Er7
    from ip_fhir.hl7v2.segment import Segment
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import JsonObject, Receipt

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


class IncomingHl7v2:
    """A message of HL7 v2 that came in."""

    def __init__(self, message: Er7, line: Hl7v2Line, limits: Limits) -> None:
        self._message = message
        self._line = line
        self._limits = limits

    def message(self, mapper: Mapper) -> Message | PlanMessage:
        """Return the message, read by the site's tables: a PPG is about a plan.

        Of a peer that sends the Bundle along, the Bundle's.
        """
        value, line = self._message.value, self._line
        if is_about_plan(value):
            return read_plan(value, mapper, line)
        found = message_from_hl7v2(value, mapper, zone=line.time_zone, notice_kind=line.notice_kind)
        bundle = self._bundle
        if bundle is None:
            return found
        of_segments = persons_in_hl7v2(value)
        return same_in_both(found, message_from_fhir(bundle, mapper), of_segments, persons_in(bundle))

    def warnings(self, message: Message | PlanMessage, mapper: Mapper) -> Sequence[Problem]:
        """Return deviations from the standard that were read all the same, and codes that were taken for others."""
        if isinstance(message, PlanMessage):
            return self._message.warnings
        return (*self._message.warnings, *told_in_hl7v2(self._message.value, message.kind, mapper.compiled))

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

        It is an ACK, or for a referral that is taken in an RRI, where the peer's settings say so. Warnings are told
        beside a yes (ERR-4 W, in RRI a note).
        Nothing for a message that may come again: no acknowledgement says that, so its sender gets none and asks again
        (`ip_fhir.wire.dialog` closes the connection, or answers CE in the enhanced mode).
        """
        if answer.receipt.code == "transient-error":
            return b""
        code, problems = _told(answer.receipt)
        if code == "AA" and self.wants_answer() and self._message.event[0] == "REF":
            with suppress(InvalidInput):  # ACK repeats nothing of the content
                return receipt_of_referral(self._message, answer.at, answer.warnings)
        if code == "AA":
            problems = [*problems, *answer.warnings]
        return ack(self._message, code, at=answer.at, problems=problems)

    def wants_answer(self) -> bool:
        """Return True in the original mode, where the peer's settings say so."""
        header = self._message.header
        return self._line.receipt == "RRI" and not header.text(15) and not header.text(16)

    def answer(self, message: Message, owner: PlanOwner, mapper: Mapper) -> tuple[bytes, Sequence[OtherId]]:
        """Return an RRI with MSA: the business answer, and AA for what it answers. It asks for no acknowledgement."""
        line = self._line.evolve(ack_mode="original")
        value = value_for(message, mapper.releasing(EVERY_PART), line, owner)
        if value["MSH"]["f9"][0]["c1"] != "RRI":
            raise InvalidInput.at("MSH-9", "is no answer that a reply can be", "not-supported")
        msa = {"f1": [{"c1": "AA"}], "f2": [{"c1": self._message.header.text(10)}]}
        theirs = self._message.value.get("RF1", {}).get("f11")
        referral = {**value["RF1"], **({"f11": theirs} if theirs else {})}
        written = new({**value, "MSA": msa, "RF1": referral})
        return written.to_bytes(), (OtherId("message", written.field("MSH-10")),)

    def is_receipt_alone(self) -> bool:
        """Return True for an RRI that only says that a referral came in."""
        return is_receipt_alone(self._message)

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

"""HL7 v2 on the wire: REF and RRI about a referral, PPG about a plan, answered by acknowledgements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.hl7v2.incoming import IncomingHl7v2
from ip_fhir.exchange.formats.hl7v2.plans import write_plan
from ip_fhir.exchange.formats.hl7v2.writing import value_for
from ip_fhir.exchange.formats.protocol import about_referral
from ip_fhir.fhir.reading import Limits
from ip_fhir.hl7v2.header import head
from ip_fhir.hl7v2.line import NO_SETTINGS, Hl7v2Line
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping.hl7v2.sharing import CARRIED
from ip_fhir.ports.other_ids import OtherId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.sharing.kinds import PlanMessageKind
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import WireFormat

ER7: Final = "application/hl7-v2+er7"
"""The media type of HL7 v2 in its text form."""


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
        return new(value_for(message, mapper, self._line, owner)).to_bytes()

    def echoing(self, content: bytes, ident: str) -> bytes:
        """Return a REF or RRI with the receiver's id of the referral in RF1-11.

        A PPG has no place for it, and stays as it is; so does a message whose character set does not have the id.
        """
        message = read(content, Limits(max_bytes=len(content)))
        if "RF1" not in message.value:
            return content
        referral = {**message.value["RF1"], "f11": [{"c1": ident}]}
        try:
            return message.put({**message.value, "RF1": referral}).to_bytes()
        except InvalidInput:
            return content

    def ids_of(self, content: bytes) -> Sequence[OtherId]:
        """Return MSH-10, which acknowledgements name: it has no room for a longer id of ours."""
        return (OtherId("message", head(content).text(10)),)

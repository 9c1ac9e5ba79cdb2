"""Messages about a shared plan on the wire of HL7 v2: PPG^PCG and PCH with views, changes and answers, PPG^PCJ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.hl7v2.message import new
from ip_fhir.mapping import plan_message_from_hl7v2, plan_message_to_hl7v2
from ip_fhir.mapping.hl7v2.line import spoken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.exchange.formats.protocol import MessageField
    from ip_fhir.hl7v2.line import Hl7v2Line
    from ip_fhir.mapping import Mapper

PLACES_OF_PLAN: Final[Mapping[MessageField, str]] = {
    "message.id": "MSH-10",
    "kind": "MSH-9",
    "correlation_id": "PTH-3",
    "sent": "MSH-7",
    "sender": "MSH-4",
    "recipient": "MSH-6",
    "owner": "PID-3",
}
"""The places in a PPG of the fields that errors name."""


def write_plan(message: PlanMessage, mapper: Mapper, line: Hl7v2Line) -> bytes:
    """Return a PPG as a peer with these settings wants it.

    Raises `InvalidInput` for a kind that HL7 v2 does not carry, and for what it cannot say.
    """
    return new(spoken(plan_message_to_hl7v2(message, mapper.releasing(EVERY_PART)), line)).to_bytes()


def read_plan(value: dict[str, Any], mapper: Mapper, line: Hl7v2Line) -> PlanMessage:
    """Return the message in the value of a PPG, as a sender with these settings means it.

    Raises `InvalidInput` and `NotTaken` by the place.
    """
    whole = line.absent == "removed"
    return plan_message_from_hl7v2(value, mapper, zone=line.time_zone, whole=whole)

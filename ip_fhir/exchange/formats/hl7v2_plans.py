"""Messages about a shared plan on the wire of HL7 v2: PPG^PCG and PCH with views, changes and answers, PPG^PCJ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.hl7v2.message import new
from ip_fhir.mapping import plan_message_from_hl7v2, plan_message_to_hl7v2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.exchange.formats.protocol import MessageField
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


def write_plan(message: PlanMessage, mapper: Mapper) -> bytes:
    """Return a PPG. Raises `InvalidInput` for a kind that HL7 v2 does not carry, and for what it cannot say."""
    return new(plan_message_to_hl7v2(message, mapper.releasing(EVERY_PART))).to_bytes()


def read_plan(value: dict[str, Any], mapper: Mapper) -> PlanMessage:
    """Return the message in the value of a PPG. Raises `InvalidInput` and `NotTaken` by the place."""
    return plan_message_from_hl7v2(value, mapper)

"""The value of a message about a referral as a peer wants it written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.exchange.formats.hl7v2.bundle import with_bundle
from ip_fhir.fhir.reading import write_json
from ip_fhir.hl7v2.acknowledgement import control_id
from ip_fhir.mapping import message_to_fhir, message_to_hl7v2
from ip_fhir.mapping.hl7v2.along import with_words
from ip_fhir.mapping.hl7v2.line import spoken

if TYPE_CHECKING:
    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.hl7v2.line import Hl7v2Line
    from ip_fhir.mapping import Mapper


def value_for(message: Message, mapper: Mapper, line: Hl7v2Line, owner: PlanOwner | None = None) -> dict[str, Any]:
    """Return the value of a message as a peer with these settings wants it; PID names the owner, where one is given.

    Raises `InvalidInput` for what HL7 v2 cannot say.
    """
    value = message_to_hl7v2(message, mapper, owner=owner)
    if line.bundle:
        value = with_bundle(value, write_json(message_to_fhir(message, mapper)))
    if line.msa_in_answers and message.answers is not None and value["MSH"]["f9"][0]["c1"] == "RRI":
        value = {**value, "MSA": {"f1": [{"c1": "AA"}], "f2": [{"c1": control_id(message.answers)}]}}
    return spoken(with_words(value, message, line), line)

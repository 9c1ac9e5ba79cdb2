"""The receipt of a referral as RRI, for a system that waits for RRI and not for ACK: MSA, and RF1-1 P (pending).

It is made from the header and the numbers of the referral, and holds nothing of a person. RF1-1 P says only that the
referral came in: the answer is an RRI of its own, later. RRI has no ERR, so that warnings are notes at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import few_problems
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.acknowledgement import ack
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping.hl7v2.events import STRUCTURES
from ip_fhir.mapping.hl7v2.writing import nobody

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.errors import Problem
    from ip_fhir.hl7v2.message import Er7

_PENDING: Final = {"c1": "P", "c2": "Pending", "c3": "HL70283"}
_REFERRING: Final = {"c1": "RP", "c2": "Referring Provider", "c3": "HL70286"}
_KIND: Final = ("message-kind", "99IP")


def receipt_of_referral(message: Er7, at: datetime, warnings: Sequence[Problem]) -> bytes:
    """Return the RRI that says that a REF was taken in at `at` (time zone aware), with its warnings.

    Raises `InvalidInput` for numbers of the referral that cannot be repeated.
    """
    acknowledged = read(ack(message, "AA", at=at), DEFAULT_LIMITS, message.charset)
    fields = {**acknowledged.segments[0].contents}
    fields["f9"] = [{"c1": "RRI", "c2": message.event[1], "c3": STRUCTURES["RRI"]}]
    referral = {number: rep for number in ("f6", "f11") if (rep := message.value.get("RF1", {}).get(number))}
    value: dict[str, Any] = {
        "MSH": fields,
        "MSA": acknowledged.segments[1].contents,
        "RF1": {"f1": [_PENDING], **referral},
        "PROVIDER_CONTACT": [{"PRD": {"f1": [_REFERRING]}}],
        "PID": nobody(message.field("RF1-6") or message.field("MSH-10")),
    }
    codec = message.header.charset.codec
    words = [str(one).encode(codec, "ignore").decode(codec) for one in few_problems(warnings)]
    notes = [{"f1": [{"c1": str(number)}], "f3": [{"c1": said}]} for number, said in enumerate(words, start=1)]
    written = new({**value, **({"NTE": notes} if notes else {})}, charset=message.charset)
    return written.to_bytes()


def is_receipt_alone(message: Er7) -> bool:
    """Return True for an RRI that only says that a referral came in: MSA, RF1-1 P, and no row of ours with its kind."""
    if message.event[0] != "RRI" or not message.field("MSA-2") or message.field("RF1-1") != _PENDING["c1"]:
        return False
    rows = (segment.contents.get("f3", [{}])[0] for segment in message.segments if segment.name == "OBX")
    return all((row.get("c1"), row.get("c3")) != _KIND for row in rows)

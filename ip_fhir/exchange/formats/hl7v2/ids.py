"""The ids in a message of HL7 v2 by which it says what it is about, and by which its sender will be cited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.ports.other_ids import MOST_CHARACTERS, KindOfId, OtherId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.hl7v2.message import Er7


def cited_ids(message: Er7) -> tuple[OtherId, ...]:
    """Returns the ids of the referral (RF1-6, RF1-11) and of the messages that are answered (MSA-2, rows of OBX)."""
    answered = [
        row["c1"]
        for segment in message.segments
        if segment.name == "OBX" and segment.contents.get("f3", [{}])[0].get("c1") == "answers"
        for row in segment.contents.get("f5", ())
        if row.get("c1")
    ]
    found: list[tuple[KindOfId, str]] = [("referral", message.field("RF1-6")), ("referral", message.field("RF1-11"))]
    return _ids([*found, ("message", message.field("MSA-2")), *(("message", text) for text in answered)])


def own_ids(message: Er7) -> tuple[OtherId, ...]:
    """Returns the sender's own ids: of the message (MSH-10) and of the referral (RF1-11)."""
    return _ids([("message", message.field("MSH-10")), ("referral", message.field("RF1-11"))])


def _ids(found: Iterable[tuple[KindOfId, str]]) -> tuple[OtherId, ...]:
    """Returns those that say something and are no longer than an id may be; HL7's null says nothing."""
    return tuple(OtherId(kind, text) for kind, text in found if text != '""' and 0 < len(text) <= MOST_CHARACTERS)

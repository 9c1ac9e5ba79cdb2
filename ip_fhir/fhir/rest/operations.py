"""Operations of a server as a whole: its capability, and messages that are handed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.fhir.reading import FHIR_JSON, Limits
from ip_fhir.fhir.rest.interaction import Interaction, Repeat

if TYPE_CHECKING:
    from ip_fhir.fhir.rest.answers import Answered
    from ip_fhir.ports import JsonObject

_RECEIPT_LIMITS = Limits(max_bytes=1_000_000)  # a receipt is a few kilobytes


def capability() -> Interaction[JsonObject]:
    """Returns the reading of the server's CapabilityStatement. It tells what the server says, not what it does."""
    return Interaction("capability", "GET", "metadata", _capability)


def process_message(content: bytes, content_type: str = FHIR_JSON) -> Interaction[JsonObject]:
    """Returns the handing over of a message; its result is the response message.

    Repeating it is safe: a receiver knows a message by its id (http://hl7.org/fhir/R4/messaging.html#reliable).
    """
    return Interaction(
        "process-message",
        "POST",
        "$process-message",
        _message,
        headers=(("Content-Type", content_type),),
        body=content,
        repeat=Repeat.SAFE,
        writes=True,
        limits=_RECEIPT_LIMITS,
    )


def hand_in(
    content: bytes, content_type: str = FHIR_JSON, door: str = "$process-message"
) -> Interaction[JsonObject | None]:
    """Returns the handing over of a message at a `door` of the server; its result is the response message, if any.

    None: the server has taken it, and the response comes later, by itself. Repeating it is safe, as above.
    """
    return Interaction(
        "hand-in",
        "POST",
        door,
        _response,
        headers=(("Content-Type", content_type),),
        body=content,
        repeat=Repeat.SAFE,
        writes=True,
    )


def _response(answered: Answered) -> JsonObject | None:
    """The message with a response in an answer: what else a server may give back, such as what was posted, is none."""
    found = answered.optional_resource()
    entries = found.get("entry") if found is not None and found["resourceType"] == "Bundle" else None
    first = entries[0] if isinstance(entries, list) and entries else None
    header = first.get("resource") if isinstance(first, dict) else None
    return found if isinstance(header, dict) and "response" in header else None


def _capability(answered: Answered) -> JsonObject:
    return answered.resource("CapabilityStatement")


def _message(answered: Answered) -> JsonObject:
    return answered.resource("Bundle")

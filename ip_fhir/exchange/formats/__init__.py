"""Wire formats: their Protocols, and the registry that finds them by name. No format is imported here."""

from ip_fhir.exchange.formats.places import places_of
from ip_fhir.exchange.formats.protocol import (
    MESSAGE_FIELDS,
    Answer,
    Answering,
    ChainWriter,
    CitedWriter,
    Citing,
    Earlier,
    Format,
    Incoming,
    LeavingWriter,
    MessageField,
    PartialWriter,
    PerPeer,
    PersonWriter,
    Reliable,
    Telling,
    Writer,
    about_referral,
)
from ip_fhir.exchange.formats.registry import FORMATS, Formats, can_write

__all__ = [
    "FORMATS",
    "MESSAGE_FIELDS",
    "Answer",
    "Answering",
    "ChainWriter",
    "CitedWriter",
    "Citing",
    "Earlier",
    "Format",
    "Formats",
    "Incoming",
    "LeavingWriter",
    "MessageField",
    "PartialWriter",
    "PerPeer",
    "PersonWriter",
    "Reliable",
    "Telling",
    "Writer",
    "about_referral",
    "can_write",
    "places_of",
]

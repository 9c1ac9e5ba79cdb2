r"""Messages from and to the package hl7apy, for callers that work with its objects; not on the way of a message.

hl7apy does not undo every escape: `\.br\`, `\X..\` and `\Z..\` of a message come out of it as text, `\E\.br\E\`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.header import charset_of, ends_of_msh
from ip_fhir.hl7v2.message import read
from ip_fhir.hl7v2.structure.fields import data_version
from ip_fhir.hl7v2.writing import Style, encoded

if TYPE_CHECKING:
    from ip_fhir.hl7v2.bounds import Bounds
    from ip_fhir.hl7v2.message import Er7


def to_hl7apy(message: Er7) -> Any:
    """Returns an `hl7apy.core.Message` of a message (20 to 900 ms), with its groups.

    Its structure is that of the event, also where MSH-9.3 is missing or wrong. Segments that the structure does not
    know, Z segments among them, are not in it. Raises `InvalidInput` where hl7apy cannot take the message, and
    (`not-supported`) where it is not installed.
    """
    core, parser = _hl7apy()
    delimiters = message.delimiters
    characters = {
        "SEGMENT": "\r",
        "FIELD": delimiters.field,
        "COMPONENT": delimiters.component,
        "REPETITION": delimiters.repetition,
        "ESCAPE": delimiters.escape,
        "SUBCOMPONENT": delimiters.subcomponent or "&",
    }
    if delimiters.truncation:
        characters["TRUNCATION"] = delimiters.truncation
    text = "".join(f"{segment.text}\r" for segment in message.segments)
    structure = message.event[2] or message.header.text(9, 3)
    try:
        version = data_version(message.version)
        made = core.Message(structure or None, version=version, encoding_chars=characters)
        grammar = made.reference if structure else None
        parts = parser.parse_segments(text, version, characters, references=grammar, find_groups=bool(structure))
        made.children = parts
    except Exception as error:  # noqa: BLE001 - it ends in errors of every kind, AttributeError among them
        raise _refused(error) from None
    return made


def from_hl7apy(message: Any, limits: Bounds) -> Er7:
    """Returns the message of an `hl7apy.core.Message`, read as any other.

    hl7apy writes a line break in a value as it is, which would end the segment: a message with one is refused
    (`value`), and so is one that hl7apy cannot write. Escapes that hl7apy does not undo come out as text.
    """
    try:
        text: str = message.to_er7()
        segments = _count_segments(message)
    except Exception as error:  # noqa: BLE001 - the same
        raise _refused(error) from None
    if "\n" in text or len(text.rstrip("\r").split("\r")) != segments:
        raise InvalidInput.at("", "has a line break in a value, which would end the segment", "value")
    start, end, delimiters = ends_of_msh(text.encode())
    charset = charset_of(text.encode(), start, end, delimiters, None)
    style = Style(delimiters, charset, "")
    return read(encoded(f"{text}\r", style, "message"), limits, charset.name)


def _count_segments(element: Any) -> int:
    if element.classname == "Segment":
        return 1
    return sum(_count_segments(child) for child in element.children)


def _hl7apy() -> tuple[Any, Any]:
    try:
        import hl7apy.core
        import hl7apy.parser
    except ImportError:
        raise InvalidInput.at("", "messages of HL7 v2 need ip-fhir[hl7v2]", "not-supported") from None
    return hl7apy.core, hl7apy.parser


def _refused(error: Exception) -> InvalidInput:
    """Returns the error with the kind of hl7apy's; its words may quote the message."""
    return InvalidInput.at("", f"hl7apy does not take it ({type(error).__name__})", "structure")

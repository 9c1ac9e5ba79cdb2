"""The header of a message, MSH, read by itself: all that an answer needs, also where the rest cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.bounds import LARGE
from ip_fhir.hl7v2.structure.events import structure_of
from ip_fhir.hl7v2.text.charsets import ASCII, UTF_8, Charset, charset_named, first_wrong_byte
from ip_fhir.hl7v2.text.contents import Contents, contents_of
from ip_fhir.hl7v2.text.delimiters import Delimiters, delimiters_of
from ip_fhir.hl7v2.text.lines import end_mark

_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_BATCH_HEADERS: Final = (b"FHS", b"BHS")


@dataclass(frozen=True)
class Header:
    """MSH of a message: its delimiters, its character set, and its fields as a JSON object."""

    delimiters: Delimiters
    charset: Charset
    contents: Contents

    def text(self, field: int, component: int = 1) -> str:
        """Returns the text of a component of the first repetition of MSH-`field`, empty if there is none."""
        repetitions = self.contents.get(f"f{field}")
        return repetitions[0].get(f"c{component}", "") if repetitions else ""

    @property
    def event(self) -> tuple[str, str, str]:
        """The message's type, its event, and the structure that they use, which is empty for one not read here."""
        kind, event = self.text(9), self.text(9, 2)
        return kind, event, structure_of(kind, event)


def head(content: bytes, charset: str | None = None) -> Header:
    """Reads MSH alone, to answer a message of which the rest may be unreadable.

    `charset` is the peer's, for a message that names none. If MSH is not in its character set, the fields with other
    characters than ASCII are left out. Raises `InvalidInput` (`structure`) if there is no MSH with delimiters.
    """
    start, end, delimiters = ends_of_msh(content)
    try:
        known = charset_of(content, start, end, delimiters, charset)
        text = content[start:end].decode(known.codec)
    except (InvalidInput, UnicodeDecodeError):
        known = ASCII
        separator = delimiters.field.encode("ascii")
        fields = content[start:end].split(separator)
        text = separator.join(field if field.isascii() else b"" for field in fields).decode("ascii")
    return Header(delimiters, known, contents_of(text, delimiters, known.codec))


def ends_of_msh(content: bytes) -> tuple[int, int, Delimiters]:
    """Returns where MSH starts and ends, and the delimiters that it names.

    Raises `InvalidInput` (`structure`) if the first segment is no MSH, or one without delimiters.
    """
    if content.startswith(_UTF16_BOMS):
        raise InvalidInput.at("MSH", "the text is UTF-16, which is not read here", "not-supported")
    start = len(_BOM) if content.startswith(_BOM) else 0
    if content[start : start + 1].isspace():
        start = len(content) - len(content[start:].lstrip(b" \t\r\n"))
    if content[start : start + 3] != b"MSH":
        reason = "a batch, where one message is read" if content[start : start + 3] in _BATCH_HEADERS else "no message"
        raise InvalidInput.at("MSH", f"does not stand first: {reason}", "structure")
    end = content.find(end_mark(content), start)
    end = len(content) if end < 0 else end
    end -= content[end - 1 : end] == b"\r"
    if end - start > LARGE:
        raise InvalidInput.at("MSH", "has no end", "too-long")
    separator = content[start + 3 : start + 4]
    msh_2 = content[start + 4 : end].split(separator, 1)[0] if separator else b""
    return start, end, delimiters_of(separator, msh_2)


def charset_of(content: bytes, start: int, end: int, delimiters: Delimiters, default: str | None) -> Charset:
    """Returns the character set that MSH-18 names, the peer's if it is empty, or the one that the bytes show.

    Raises `InvalidInput` (`not-supported`) if it is one that is not read here, or more than one, and (`structure`) if
    nobody names one and the bytes are neither ASCII nor UTF-8.
    """
    fields = content[start:end].split(delimiters.field.encode("ascii"))
    msh_18 = fields[17].decode("ascii", "replace") if len(fields) > 17 else ""
    named = msh_18.rstrip(delimiters.repetition).split(delimiters.component)[0].strip()
    if delimiters.repetition in named:
        raise InvalidInput.at("MSH-18", "names more than one character set", "not-supported")
    if named:
        return charset_named(named)
    if default is not None:
        return charset_named(default, "charset")
    if content.isascii():
        return ASCII
    if first_wrong_byte(content, UTF_8) is None:
        return UTF_8
    reason = "is empty, and the text is neither ASCII nor UTF-8"
    raise InvalidInput.at("MSH-18", reason, "structure")

r"""Escape sequences: read once, from left to right, after the text was parted; and written (HL7 v2.9 section 2.7).

`\F\ \S\ \T\ \R\ \E\ \P\` are delimiters, `\.br\` and `\.sp3\` line breaks, `\X..\` bytes in the message's characters.
Highlighting (`\H\ \N\`) and other formatting (`\.in+4\`) are left out; of the latter `leaves_out` tells. `\C..\`,
`\M..\` and `\Z..\`, what is no sequence, and an escape character alone stay in the text as they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.text.lines import has_control

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.hl7v2.text.delimiters import Delimiters

_MOST_BREAKS: Final = 99
_LOCAL: Final = ("C", "M", "Z")
FORMATTED: Final = frozenset({"FT", "TX"})
"""The data types whose line breaks are written as a formatting command."""


def unescape(text: str, delimiters: Delimiters, codec: str) -> str:
    r"""Returns the text that the raw `text` of one subcomponent stands for.

    >>> from ip_fhir.hl7v2.text.delimiters import OURS
    >>> unescape(r"50 \X25\ \T\ \Z1\ \E\F\E\ ", OURS, "utf-8")
    '50 % & \\Z1\\ \\F\\ '
    """
    if delimiters.escape not in text:
        return text
    return "".join(meant for _, meant in _pieces(text, delimiters, codec))


def local_sequences(raw: str, delimiters: Delimiters, codec: str) -> list[str]:
    r"""Returns the local sequences (`\C..\ \M..\ \Z..\`) of a raw text, each once."""
    if delimiters.escape not in raw:
        return []
    pieces = _pieces(raw, delimiters, codec)
    found = (meant for sequence, meant in pieces if sequence and sequence[0] in _LOCAL and len(meant) > len(sequence))
    return list(dict.fromkeys(found))


def leaves_out(raw: str, delimiters: Delimiters, codec: str) -> bool:
    """True if a raw text has formatting that is left out, other than highlighting."""
    return any(sequence[:1] == "." and not meant for sequence, meant in _pieces(raw, delimiters, codec))


def _pieces(text: str, delimiters: Delimiters, codec: str) -> Iterator[tuple[str, str]]:
    """Yields each escape sequence with its meaning, and the plain text between them under an empty sequence."""
    escape = delimiters.escape
    parts = text.split(escape)
    yield "", parts[0]
    at, last = 1, len(parts) - 1
    while at <= last:
        meant = _meaning(parts[at], delimiters, codec) if at < last else None
        if meant is None:
            yield "", escape + parts[at]
            at += 1
        else:
            yield parts[at], meant
            yield "", parts[at + 1]
            at += 2


def _meaning(sequence: str, delimiters: Delimiters, codec: str) -> str | None:
    """Returns the text that a sequence between two escape characters stands for; None if it is none that is read."""
    if not sequence:
        return None
    kind = sequence[0]
    if len(sequence) == 1:
        return _delimiter(kind, delimiters)
    if kind == "X":
        return _from_hex(sequence[1:], codec)
    if kind == ".":
        return _formatting(sequence)
    if kind in _LOCAL and sequence.isascii() and sequence.isalnum():
        return delimiters.escape + sequence + delimiters.escape
    return None


def _delimiter(kind: str, delimiters: Delimiters) -> str | None:
    meanings = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": delimiters.truncation,
    }
    return "" if kind in "HN" else meanings.get(kind) or None


def _from_hex(digits: str, codec: str) -> str | None:
    if len(digits) % 2 or not digits.isascii() or not digits.isalnum():
        return None
    try:
        text = bytes.fromhex(digits).decode(codec)
    except ValueError:
        return None
    return None if has_control(text) else text


def _formatting(sequence: str) -> str:
    command = sequence[1:3].lower()
    number = sequence[3:].lstrip("+")
    if command == "br" and not number:
        return "\n"
    if command == "sp" and (not number or (number.isascii() and number.isdigit() and int(number[:4]) <= _MOST_BREAKS)):
        return "\n" * max(1, int(number or 1))
    return ""


def escape(text: str, delimiters: Delimiters, place: str, *, formatted: bool = False) -> str:
    r"""Returns `text` so that it stays within one subcomponent: no delimiter, no line end, no control character in it.

    Line breaks are written as `\.br\` where `formatted`, else as `\X0A\`. Raises `InvalidInput` (`value`, at `place`)
    for other control characters, which no message can hold.

    >>> from ip_fhir.hl7v2.text.delimiters import OURS
    >>> escape("A & B\rPID|x", OURS, "OBX-5")
    'A \\T\\ B\\X0D\\PID\\F\\x'
    """
    if not has_special(text, delimiters):
        return text
    if has_control(text):
        raise InvalidInput.at(place, "has a control character that no message can hold", "value")
    mark = delimiters.escape
    written = text.replace(mark, "\x00")
    for character, letter in _letters(delimiters):
        written = written.replace(character, f"{mark}{letter}{mark}")
    if not written.isprintable():
        written = written.replace("\n", f"{mark}.br{mark}" if formatted else f"{mark}X0A{mark}")
        written = written.replace("\r", f"{mark}X0D{mark}").replace("\t", f"{mark}X09{mark}")
        written = written.replace("\x00", f"{mark}E{mark}")
    return written


def has_special(text: str, delimiters: Delimiters) -> bool:
    """True if a text has a delimiter or a control character, so that it is not written as it is."""
    return delimiters.special.search(text) is not None


def _letters(delimiters: Delimiters) -> Iterator[tuple[str, str]]:
    yield delimiters.field, "F"
    yield delimiters.component, "S"
    yield delimiters.repetition, "R"
    if delimiters.subcomponent:
        yield delimiters.subcomponent, "T"
    if delimiters.truncation:
        yield delimiters.truncation, "P"

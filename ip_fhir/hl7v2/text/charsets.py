"""Character sets: MSH-18 by HL7 table 0211 and its usual misspellings, and text from and to bytes."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTS_OF_8859 = (*range(1, 12), 13, 14, 15)  # there is no part 12
_CHUNK = 65_536  # bytes that are decoded together, to find one that is wrong


@dataclass(frozen=True, slots=True)
class Charset:
    """A character set: its name in MSH-18, and the codec of the standard library."""

    name: str
    codec: str


UTF_8: Final = Charset("UNICODE UTF-8", "utf-8")
"""The character set of everything that is written here, unless a peer's setting says otherwise."""

ASCII: Final = Charset("ASCII", "ascii")


def spellings() -> Iterator[tuple[str, Charset]]:
    """Yields each spelling of MSH-18 that is read, in upper case, with its character set."""
    for name in ("UNICODE UTF-8", "UTF-8", "UTF8", "UNICODE UTF8"):
        yield name, UTF_8
    for name in ("ASCII", "US-ASCII"):
        yield name, ASCII
    for part in _PARTS_OF_8859:
        charset = Charset(f"8859/{part}", f"iso8859-{part}")
        for name in (f"8859/{part}", f"8859-{part}"):
            yield name, charset
            yield from ((f"ISO{between}{name}", charset) for between in ("", "-", " ", "_"))


_BY_SPELLING: Final = dict(spellings())


def charset_named(name: str, place: str = "MSH-18") -> Charset:
    """Returns the character set that MSH-18, or a peer's setting, names.

    Raises `InvalidInput` (`not-supported`, at `place`) for any other than ASCII, UTF-8 and the parts of ISO 8859.

    >>> charset_named("iso-8859-1").name
    '8859/1'
    """
    found = _BY_SPELLING.get(name.strip().upper())
    if found is None:
        raise InvalidInput.at(place, "names a character set that is not read here", "not-supported")
    return found


def first_wrong_byte(content: bytes, charset: Charset, start: int = 0) -> int | None:
    """Returns the position of the first byte, from `start` on, that is no text of the character set, or None.

    The bytes 80 to 9F of ISO 8859 are control characters that nobody writes: where they stand, the text is of another
    character set (Windows-1252), and would be read wrong.
    """
    if content.isascii():
        return None
    if charset.codec.startswith("iso8859"):
        return _first_wrong_of_8859(content, charset, start)
    decoder = codecs.getincrementaldecoder(charset.codec)()
    view = memoryview(content)
    for at in range(start, len(content), _CHUNK):
        chunk = view[at : at + _CHUNK]
        kept = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=at + _CHUNK >= len(content))
        except UnicodeDecodeError as wrong:
            return at - kept + wrong.start
    return None


def _first_wrong_of_8859(content: bytes, charset: Charset, start: int) -> int | None:
    wrong = _undefined(charset)
    view = memoryview(content)
    for at in range(start, len(content), _CHUNK):
        chunk = bytes(view[at : at + _CHUNK])
        if len(chunk.translate(None, wrong)) < len(chunk):
            return at + next(number for number, byte in enumerate(chunk) if byte in wrong)
    return None


def _undefined(charset: Charset) -> bytes:
    every = bytes(range(0x80, 0x100))
    known = {text.encode(charset.codec) for text in every.decode(charset.codec, "ignore")}
    return bytes(byte for byte in every if byte < 0xA0 or bytes([byte]) not in known)

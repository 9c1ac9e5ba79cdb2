"""Segments in bytes: their ends, blank lines, and control characters that may stand nowhere.

A segment ends with CR (HL7 v2.9 section 2.5.1). LF and CRLF are read as ends only where no CR stands alone, so that an
LF within a field stays text.
"""

from __future__ import annotations

from typing import Final

from ip_fhir.errors import InvalidInput

MOST_LINES: Final = 100_000
"""The number of lines, blank ones too, that a message or a batch may have."""

_BLANKS: Final = b" \t\r\n"
_MARKS: Final = b"\r\n"
_CONTROLS: Final = bytes([*(code for code in range(32) if code not in b"\t\r\n"), 127])
_CONTROL_TEXT: Final = frozenset(_CONTROLS.decode("ascii"))
_CHUNK = 65_536


def end_mark(content: bytes) -> bytes:
    """Returns the byte that ends a segment: CR, or LF where no CR stands alone.

    Raises `InvalidInput` (`too-costly`) for more than `MOST_LINES` lines that end with CRLF.
    """
    at = content.find(b"\r")
    for _ in range(MOST_LINES):
        if at < 0:
            return b"\n"
        if content[at + 1 : at + 2] != b"\n":
            return b"\r"
        at = content.find(b"\r", at + 2)
    raise _too_many_lines()


def spans_of(content: bytes, start: int = 0) -> list[tuple[int, int]]:
    """Returns the start and the end of each segment in `content` from `start` on, without its end mark.

    Lines of blanks alone are left out. Raises `InvalidInput` (`too-costly`) for more than `MOST_LINES` lines.
    """
    mark = end_mark(content)
    if content.count(mark) > MOST_LINES:
        raise _too_many_lines()
    spans, at, size = [], start, len(content)
    while at < size:
        end = content.find(mark, at)
        if end < 0:
            end = size
        first, last = at, end
        if content[first] in _BLANKS:
            first = end - len(_without_marks(content[first:end]))
        if last > first and content[last - 1] in _MARKS and (mark == b"\n" or end == size):
            last = first + len(content[first:last].rstrip(_MARKS))
        if first < last:
            spans.append((first, last))
        at = end + 1
    return spans


def _too_many_lines() -> InvalidInput:
    return InvalidInput.at("", f"more than {MOST_LINES} lines", "too-costly")


def _without_marks(line: bytes) -> bytes:
    """Leaves out what stands before a segment: an LF after a CR. Nothing is left of a line of blanks."""
    return line.lstrip(_MARKS) if line.strip(_BLANKS) else b""


def count_of(content: bytes, characters: bytes) -> int:
    """Returns the number of bytes in `content` that are one of `characters`."""
    view = memoryview(content)
    chunks = (bytes(view[start : start + _CHUNK]) for start in range(0, len(content), _CHUNK))
    return sum(len(chunk) - len(chunk.translate(None, characters)) for chunk in chunks)


def first_control(content: bytes) -> int | None:
    """Returns the position of the first control character other than TAB, CR and LF, or None."""
    view = memoryview(content)
    for start in range(0, len(content), _CHUNK):
        chunk = bytes(view[start : start + _CHUNK])
        if len(chunk.translate(None, _CONTROLS)) < len(chunk):
            return start + next(at for at, byte in enumerate(chunk) if byte in _CONTROLS)
    return None


def has_control(text: str) -> bool:
    """True if a text has a control character other than TAB, CR and LF, which no message can hold."""
    return not text.isprintable() and any(character in _CONTROL_TEXT for character in text)

"""Segments in bytes: their ends, blank lines, and control characters that may stand nowhere.

A segment ends with CR (HL7 v2.9 section 2.5.1). LF and CRLF are read as ends only where no CR stands alone, so that an
LF within a field stays text.
"""

from __future__ import annotations

from typing import Final

_BLANKS: Final = b" \t\r\n"
_CONTROLS: Final = bytes([*(code for code in range(32) if code not in b"\t\r\n"), 127])
_CONTROL_TEXT: Final = frozenset(_CONTROLS.decode("ascii"))
_CHUNK = 65_536


def end_mark(content: bytes) -> bytes:
    """Returns the byte that ends a segment: CR, or LF where no CR stands alone."""
    return b"\r" if content.count(b"\r") > content.count(b"\r\n") else b"\n"


def spans_of(content: bytes, start: int = 0) -> list[tuple[int, int]]:
    """Returns the start and the end of each segment in `content` from `start` on, without its end mark.

    Lines of blanks alone are left out.
    """
    mark = end_mark(content)
    spans, at, size = [], start, len(content)
    while at < size:
        end = content.find(mark, at)
        if end < 0:
            end = size
        first, last = _without_marks(content, at, end, at_end=end == size)
        if first < last and not (content[first] in _BLANKS and not content[first:last].strip(_BLANKS)):
            spans.append((first, last))
        at = end + 1
    return spans


def _without_marks(content: bytes, start: int, end: int, *, at_end: bool) -> tuple[int, int]:
    """Leaves out an LF that stands before a segment, after a CR, or at the end of all; and the CR of a CRLF."""
    while start < end and content[start] in b"\r\n":
        start += 1
    if end > start and content[end - 1] in b"\r":
        end -= 1
    while at_end and end > start and content[end - 1] in b"\r\n":
        end -= 1
    return start, end


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

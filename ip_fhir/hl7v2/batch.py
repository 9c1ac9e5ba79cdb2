"""Batches and files: FHS, BHS, messages, BTS, FTS, of which each header and trailer may be missing.

HL7 v2.9 section 2.10.3. A count in a trailer must be right, else the whole is refused before anything is taken in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.acknowledgement import control_id
from ip_fhir.hl7v2.bounds import check_bytes
from ip_fhir.hl7v2.text.charsets import ASCII
from ip_fhir.hl7v2.text.contents import Contents, contents_of
from ip_fhir.hl7v2.text.delimiters import OURS, delimiters_of
from ip_fhir.hl7v2.text.lines import spans_of
from ip_fhir.hl7v2.text.times import dtm_of
from ip_fhir.hl7v2.writing import Style, new_segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.hl7v2.bounds import Bounds

_BOM: Final = b"\xef\xbb\xbf"
_ENVELOPE: Final = frozenset({b"FHS", b"BHS", b"BTS", b"FTS"})


@dataclass(frozen=True)
class Batch:
    """The messages of one content, each as its bytes, and the header of the batch: BHS, or FHS, if there is one.

    `is_batch` is False for one message alone, which is answered by one acknowledgement alone.
    """

    messages: tuple[bytes, ...]
    header: Contents | None
    is_batch: bool


@dataclass
class _Parts:
    """The parts seen so far: messages, headers, and the numbers that the next trailers must tell."""

    counted: bool
    messages: list[tuple[int, int]] = field(default_factory=list)
    headers: list[tuple[int, int]] = field(default_factory=list)
    enveloped: bool = False
    in_batch: int = 0
    batches: int = 0
    open: bool = False
    last: bytes = b""
    """The name of the header or trailer that stood last; MSH within a message."""


def split(content: bytes, limits: Bounds, *, counted: bool = True) -> Batch:
    """Returns the messages of a content, which may be one message, several, a batch, or a file of batches.

    Messages are cut out, not read. Without `counted` the counts of trailers are not looked at: to refuse each message
    of a batch whose count is wrong.

    Raises `InvalidInput`: `structure` (no message, a header within a message, a segment outside one), `invariant` (a
    trailer's count is wrong, at BTS-1 or FTS-1), `too-long` and `too-costly`.
    """
    check_bytes(content, limits)
    parts = _Parts(counted=counted)
    start = len(_BOM) if content.startswith(_BOM) else 0
    for first, last in spans_of(content, start):
        _take(content, first, last, parts)
    if not parts.messages:
        raise InvalidInput.at("MSH", "is in none of the segments, so there is no message", "structure")
    if not parts.enveloped and len(parts.messages) == 1:
        return Batch((content,), None, is_batch=False)
    messages = tuple(content[first : _with_mark(content, last)] for first, last in parts.messages)
    return Batch(messages, _header(content, parts), is_batch=True)


def _take(content: bytes, first: int, last: int, parts: _Parts) -> None:
    name = content[first : first + 3]
    if parts.last == b"FTS":
        raise InvalidInput.at("FTS", "is not the end", "structure")
    if name in _ENVELOPE:
        parts.enveloped = True
        _take_envelope(content, first, last, parts)
        parts.last = name
    elif name == b"MSH":
        parts.messages.append((first, last))
        parts.in_batch += 1
        parts.batches += not parts.open
        parts.open = True
        parts.last = name
    elif parts.last == b"MSH":
        parts.messages[-1] = (parts.messages[-1][0], last)
    else:
        at = parts.last.decode("ascii") or "MSH"
        reason = "stands within a message" if parts.last else "does not stand first"
        raise InvalidInput.at(at, reason, "structure")


def _take_envelope(content: bytes, first: int, last: int, parts: _Parts) -> None:
    name = content[first : first + 3]
    if name == b"FHS" and parts.last:
        raise InvalidInput.at("FHS", "does not stand first", "structure")
    if name in (b"FHS", b"BHS"):
        parts.headers.append((first, last))
    if name == b"FTS" and parts.counted:
        _check_count(content, first, last, parts.batches, "batches")
    if name == b"BTS":
        parts.batches += not parts.open
        if parts.counted:
            _check_count(content, first, last, parts.in_batch, "messages")
    if name == b"BHS":
        parts.batches += 1
    if name != b"FTS":
        parts.in_batch, parts.open = 0, name == b"BHS"


def _with_mark(content: bytes, end: int) -> int:
    """Returns the end of a message with the end mark of its last segment."""
    return end + 2 if content[end : end + 2] == b"\r\n" else end + 1 if content[end : end + 1] else end


def _check_count(content: bytes, first: int, last: int, count: int, what: str) -> None:
    told = content[first:last].split(content[first + 3 : first + 4])[1:2] if last > first + 3 else []
    number = told[0].strip() if told else b""
    if not number:
        return
    place = f"{content[first : first + 3].decode('ascii')}-1"
    if not number.isdigit():
        raise InvalidInput.at(place, "is no number", "value")
    if int(number[:9]) != count:
        raise InvalidInput.at(place, f"is not the number of {what}, which is {count}", "invariant")


def _header(content: bytes, parts: _Parts) -> Contents | None:
    """Returns the fields of the first BHS, else of FHS; what is no ASCII in it is left out."""
    if not parts.headers:
        return None
    named = [(first, last) for first, last in parts.headers if content[first : first + 3] == b"BHS"]
    first, last = (named or parts.headers)[0]
    separator = content[first + 3 : first + 4]
    fields = content[first + 4 : last].split(separator) if separator else []
    delimiters = delimiters_of(separator, fields[0] if fields else b"", content[first : first + 3].decode("ascii"))
    text = separator.join(part if part.isascii() else b"" for part in fields).decode("ascii")
    return contents_of(f"BHS{delimiters.field}{text}", delimiters, ASCII.codec)


def join(batch: Batch, answers: Sequence[bytes], *, at: datetime) -> bytes:
    """Returns the answer to a batch: BHS, with sender and receiver changed, each message's answer, and BTS.

    The answer to one message alone is its answer. `at` is the time of writing, time zone aware.
    """
    if not batch.is_batch:
        return b"".join(answers)
    asked = batch.header or {}
    exchanged = {"f3": "f5", "f4": "f6", "f5": "f3", "f6": "f4", "f12": "f11"}
    bhs: Contents = {field: asked[other] for field, other in exchanged.items() if other in asked}
    bhs["f7"] = [{"c1": dtm_of(at.isoformat(timespec="seconds"))}]
    bhs["f11"] = [{"c1": control_id(f"answers to a batch: {b''.join(answers).hex()}")}]
    style = Style(OURS, ASCII, "2.5.1")
    return new_segment("BHS", bhs, style, "BHS") + b"\r" + b"".join(answers) + b"BTS|%d\r" % len(answers)

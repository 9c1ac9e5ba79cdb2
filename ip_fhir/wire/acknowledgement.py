"""The first segment of a message and the acknowledgement in it: by these the wire answers, and knows answers.

They are read whatever the character set is: what is read here is ASCII in all of them. HL7 v2.5.1
chapter 2: MSH is section 2.15.9, MSA 2.15.8, ERR 2.15.5, the modes of acknowledgement 2.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.hl7v2.header import head
from ip_fhir.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.errors import IssueCode
    from ip_fhir.hl7v2.header import Header as Msh
    from ip_fhir.hl7v2.line import ApplicationError
    from ip_fhir.hl7v2.text.delimiters import Delimiters

_YES: Final = ("AA", "CA")
_NO: Final = ("AR", "CR")
_ERRORS: Final = ("AE", "CE")

# HL7 table 0357: those that say that the same message will never be taken in.
_FOR_GOOD: Final[dict[str, tuple[str, IssueCode]]] = {
    "100": ("segments out of order", "structure"),
    "101": ("a required field is missing", "required"),
    "102": ("a field has the wrong type", "value"),
    "103": ("a code is not in its table", "code-invalid"),
    "104": ("a value is too long", "too-long"),
    "200": ("this type of message is not supported", "not-supported"),
    "201": ("this event is not supported", "not-supported"),
    "202": ("this processing id is not supported", "not-supported"),
    "203": ("this version is not supported", "not-supported"),
    "204": ("an identifier is unknown there", "not-found"),
    "205": ("an identifier is there already", "duplicate"),
}
_FOR_NOW: Final = {"206": "a record is locked", "207": "an error within the application"}
_PLACE: Final = re.compile(r"([A-Z][A-Z0-9]{2})\^?([0-9]{0,4})\^?([0-9]{0,4})")


@dataclass(frozen=True, slots=True)
class Header:
    """The parts of a message by which the wire treats it; texts as they stand there, without blanks around them.

    `type` is MSH-9.1, `id` MSH-10, `accept` MSH-15, `application` MSH-16; `code` is MSA-1, `acknowledges` MSA-2, which
    are empty where there is no MSA.
    """

    type: str
    id: str
    accept: str = ""
    application: str = ""
    code: str = ""
    acknowledges: str = ""

    @property
    def is_acknowledgement(self) -> bool:
        """True for a message that only acknowledges another one: it is never answered."""
        return self.type in ("ACK", "MCF")

    @property
    def enhanced(self) -> bool:
        """True if the sender asks for the enhanced mode (MSH-15): first that the message is stored, then the rest."""
        return self.accept != ""

    def answered_at_once(self, *, good: bool) -> bool:
        """True if an acknowledgement goes back on the connection; `good` says if it is a yes."""
        return not self.enhanced or _is_asked(self.accept, good)

    def answered_later(self, *, good: bool) -> bool:
        """True if an acknowledgement goes on a connection of our own: none was asked for at once, but one of MSH-16."""
        return not self.answered_at_once(good=good) and self.application != "" and _is_asked(self.application, good)


def _is_asked(condition: str, good: bool) -> bool:
    """True if table 0155 asks for this answer. A condition that is not in it asks for every one."""
    return {"NE": False, "ER": not good, "SU": good}.get(condition, True)


def read_header(content: bytes) -> Header | None:
    r"""Returns the header of a message; None if it has none that can be read (no MSH, no MSH-9).

    >>> read_header(rb"MSH|^~\&|||||||ACK^I12|7||2.5.1" + b"\rMSA|AA|m-1\r")
    Header(type='ACK', id='7', accept='', application='', code='AA', acknowledges='m-1')
    """
    try:
        msh = head(content)
    except InvalidInput:
        return None
    if not msh.text(9):
        return None
    found = next(_segments(content, b"MSA", msh), None)
    code, acknowledges = ("", "") if found is None else (found[1], found[2])
    kind, id_, accept, application = (msh.text(number).strip() for number in (9, 10, 15, 16))
    return Header(kind, id_, accept, application, code, acknowledges)


def receipt_in(content: bytes, application_error: ApplicationError = "retry") -> Receipt | None:
    r"""Returns the receipt that an acknowledgement is; None if it is none (no MSA, or a code that is not in its table).

    It names the message as MSA-2 does. A text in it is not repeated: it may name the person.

    >>> receipt_in(rb"MSH|^~\&|||||||ACK" + b"\rMSA|AE|m-1\rERR||PID^1^5|101^^HL70357|E\r").problems
    (Problem(path='PID-5', reason='a required field is missing (101)', code='required', severity='error'),)
    """
    header = read_header(content)
    if header is None or not header.acknowledges:
        return None
    if header.code in _YES:
        return Receipt(header.acknowledges, "ok")
    if header.code not in (*_NO, *_ERRORS):
        return None
    errors = [_error_in(segment) for segment in _segments(content, b"ERR", head(content))]
    problems = tuple(_problem(place, code) for place, code in errors)
    for_good = header.code in _NO or any(code in _FOR_GOOD for _, code in errors) or application_error == "reject"
    problems = problems or (Problem("MSA-1", f"the answer is {header.code}", "business-rule"),)
    return Receipt(header.acknowledges, "fatal-error" if for_good else "transient-error", problems)


def with_level(reply: bytes, level: Literal["A", "C"]) -> bytes:
    r"""Returns an acknowledgement with its code (MSA-1) of this level: `C`, it is stored, or `A`, it is dealt with.

    >>> with_level(b"MSH|...\rMSA|AE|m-1\r", "C")
    b'MSH|...\rMSA|CE|m-1\r'
    """
    return _CODE.sub(lambda found: found[1] + level.encode() + found[2], reply, count=1)


_CODE: Final = re.compile(rb"(\rMSA[^A-Za-z0-9])[AC]([AER][^A-Za-z0-9])")


class _Segment:
    """The fields of a segment by their number, as far as their first component; empty where there is none."""

    def __init__(self, text: str, delimiters: Delimiters) -> None:
        self.component = delimiters.component
        self._fields = text.split(delimiters.field)

    def __getitem__(self, number: int) -> str:
        return self.whole(number).partition(self.component)[0].strip()

    def whole(self, number: int) -> str:
        return self._fields[number] if number < len(self._fields) else ""


def _segments(content: bytes, name: bytes, msh: Msh) -> Iterator[_Segment]:
    """The segments of that name. They end with CR or CR LF; with LF only where there is no CR."""
    end = b"\r" if b"\r" in content else b"\n"
    at = 0
    while (at := content.find(end, at)) >= 0:
        at += 2 if content.startswith(b"\r\n", at) else 1
        if content.startswith(name, at):
            stop = content.find(end, at)
            text = content[at : stop if stop >= 0 else len(content)].decode("latin-1")
            yield _Segment(text, msh.delimiters)


def _error_in(segment: _Segment) -> tuple[str, str]:
    """The place (ERR-2) and the code (ERR-3) of an error; before version 2.5 both stood in ERR-1."""
    if segment[3]:
        return segment.whole(2).replace(segment.component, "^"), segment[3]
    *place, last = segment.whole(1).split(segment.component)
    return "^".join(place), last.partition("&")[0].strip()


def _problem(place: str, code: str) -> Problem:
    """The problem of one error, in words of our own."""
    found = _PLACE.match(place)
    path = (
        f"{found[1]}{f'[{found[2]}]' if found[2] not in ('', '1') else ''}{found[3] and '-'}{found[3]}" if found else ""
    )
    words, issue = _FOR_GOOD.get(code) or (_FOR_NOW.get(code, "an error without a code of table 0357"), "business-rule")
    return Problem(path, f"{words} ({code})" if code in _FOR_GOOD or code in _FOR_NOW else words, issue)

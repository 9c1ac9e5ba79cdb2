"""Acknowledgements: made from the header of the message alone, so that they hold nothing of a person.

HL7 v2.9 sections 2.9 (original and enhanced mode) and 2.15.5 (ERR); the codes of ERR-3 are those of table 0357.
"""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ip_fhir.errors import InvalidInput, IssueCode, Problem, few_problems
from ip_fhir.hl7v2.message import Er7
from ip_fhir.hl7v2.places import place_of
from ip_fhir.hl7v2.structure.events import VERSIONS
from ip_fhir.hl7v2.text.charsets import charset_named
from ip_fhir.hl7v2.text.delimiters import OURS
from ip_fhir.hl7v2.text.times import dtm_of
from ip_fhir.hl7v2.writing import Style, new_segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from ip_fhir.hl7v2.header import Header
    from ip_fhir.hl7v2.text.contents import Contents, Repetition

AckCode: TypeAlias = Literal["AA", "AE", "AR", "CA", "CE", "CR"]

ERRORS: Final = {
    0: "Message accepted",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
    204: "Unknown key identifier",
    205: "Duplicate key identifier",
    207: "Application internal error",
}
"""The codes of ERR-3 that are written, and their words in table 0357."""

_REFUSALS: Final[dict[IssueCode, tuple[Literal["AE", "AR"], int]]] = {
    "structure": ("AR", 207),
    "not-supported": ("AR", 207),
    "required": ("AE", 101),
    "value": ("AE", 102),
    "code-invalid": ("AE", 103),
    "invariant": ("AR", 207),
    "not-found": ("AE", 204),
    "business-rule": ("AR", 207),
    "conflict": ("AE", 207),
    "duplicate": ("AR", 205),
    "too-long": ("AR", 207),
    "too-costly": ("AR", 207),
    "throttled": ("AE", 207),
    "forbidden": ("AR", 207),
    "security": ("AR", 207),
    "multiple-matches": ("AR", 207),
}
"""MSA-1 and ERR-3 of each error.

AE 207 says nothing about another try, and many senders read it as a request for one. So it stands only for what
may be gone by then (`conflict`, `throttled`); what stays wrong in the message is AR, or AE with a number that says so.
"""
_NOT_SUPPORTED: Final = {"MSH-9": 200, "MSH-9.1": 200, "MSH-9.2": 201, "MSH-11": 202, "MSH-12": 203}
_NO_DETAIL: Final = frozenset({"forbidden", "security"})
_WITHOUT_ERR_2: Final = VERSIONS[: VERSIONS.index("2.5")]
_LONGEST_TEXT: Final = 250
_LONGEST_ID: Final = 20


def control_id(message_id: str) -> str:
    """Returns a message id for MSH-10, which holds 20 characters before 2.7: itself, or 20 characters of its hash.

    >>> control_id("M-0001"), len(control_id("urn:uuid:4c8bff8a-2ba7-4a8d-9a22-6f7a1f6f0f52"))
    ('M-0001', 20)
    """
    if len(message_id) <= _LONGEST_ID:
        return message_id
    return b32encode(sha256(message_id.encode()).digest()).decode("ascii")[:_LONGEST_ID]


def verdict(problems: Iterable[Problem], *, commit: bool = False) -> AckCode:
    """Returns MSA-1 for a message with these problems: the gravest counts, warnings do not. CA, CE, CR if `commit`.

    >>> verdict([Problem("PID-5", "is missing", "required"), Problem("PID-8", "is unknown", "value", "warning")])
    'AE'
    """
    errors = [problem.code for problem in problems if problem.severity == "error"]
    codes = {_REFUSALS[code][0] for code in errors if code != "informational"}
    if "AR" in codes:
        return "CR" if commit else "AR"
    if codes:
        return "CE" if commit else "AE"
    return "CA" if commit else "AA"


def error_number(problem: Problem) -> int:
    """Returns ERR-3 for a problem: by its issue code, and for what is not supported by its place in MSH."""
    if problem.code == "informational":
        return 0
    if problem.code == "not-supported" and problem.path in _NOT_SUPPORTED:
        return _NOT_SUPPORTED[problem.path]
    return _REFUSALS[problem.code][1]


def ack(of: Header | Er7, code: AckCode, *, at: datetime, problems: Sequence[Problem] = ()) -> bytes:
    """Returns the acknowledgement of a message, written at `at` (time zone aware).

    Sender and receiver change places; type, processing id, version and character set are the message's. MSH-10 follows
    from the message's own and `code`, so that a message that comes again gets the same acknowledgement. Each problem
    has an ERR; where access was refused, one without detail. Before 2.5, ERR-1 has the errors alone.
    """
    header = of.header if isinstance(of, Er7) else of
    style = Style(OURS, header.charset, header.text(12))
    msa: Contents = {"f1": [{"c1": code}], "f2": [{"c1": header.text(10)}]}
    segments = [("MSH", _msh(header, code, at)), ("MSA", msa)]
    if style.version in _WITHOUT_ERR_2:
        errors = few_problems(problem for problem in problems if problem.severity == "error")
        if errors:
            msa["f3"] = [{"c1": _words(errors[0], header)}]
            segments.append(("ERR", {"f1": [_old_error(problem) for problem in errors]}))
    else:
        segments += [("ERR", _error(problem, header)) for problem in few_problems(problems)]
    return b"".join(new_segment(name, _valued(contents), style, name) + b"\r" for name, contents in segments)


def _valued(contents: Contents) -> Contents:
    """Leaves out components without text."""
    return {
        field: [{part: text for part, text in one.items() if text} for one in repetitions]
        for field, repetitions in contents.items()
    }


def _msh(header: Header, code: AckCode, at: datetime) -> Contents:
    kind: Repetition = {"c1": "ACK", "c2": header.text(9, 2), "c3": "ACK"}
    sender = "|".join(header.text(field, part) for field in (3, 4) for part in (1, 2))
    exchanged = {"f3": 5, "f4": 6, "f5": 3, "f6": 4, "f11": 11, "f12": 12, "f18": 18}
    held = {field: header.contents.get(f"f{other}") for field, other in exchanged.items()}
    msh: Contents = {
        field: repetitions for field, repetitions in held.items() if repetitions and _is_plain(repetitions)
    }
    if not _names_charset(header):
        msh.pop("f18", None)
    if header.text(15) or header.text(16):
        msh |= {"f15": [{"c1": "NE"}], "f16": [{"c1": "NE"}]}
    return {
        **msh,
        "f7": [{"c1": dtm_of(at.isoformat(timespec="seconds"))}],
        "f9": [kind],
        "f10": [{"c1": control_id(f"ack of {code} {header.text(10)} from {sender}")}],
    }


def _is_plain(repetitions: list[Repetition]) -> bool:
    """True without control characters, which no message may hold: what has one is not repeated."""
    return all(text.isprintable() for one in repetitions for text in one.values())


def _names_charset(header: Header) -> bool:
    """True if MSH-18 names the character set by which the header was read, and so the answer is written."""
    try:
        return charset_named(header.text(18)) == header.charset
    except InvalidInput:
        return False


def _error(problem: Problem, header: Header) -> Contents:
    number = error_number(problem)
    found: Contents = {
        "f3": [{"c1": str(number), "c2": ERRORS[number], "c3": "HL70357"}],
        "f4": [{"c1": "I" if problem.code == "informational" else "W" if problem.severity == "warning" else "E"}],
    }
    if problem.code not in _NO_DETAIL:
        found["f2"] = [_location(problem)]
        found["f8"] = [{"c1": _words(problem, header)}]
    return found


def _old_error(problem: Problem) -> Repetition:
    """Returns ERR-1 as it was before 2.5: place and code in one."""
    number = error_number(problem)
    location: Repetition = {} if problem.code in _NO_DETAIL else _location(problem)
    place: Repetition = {part: text for part, text in location.items() if part in ("c1", "c2", "c3")}
    return {**place, "c4": str(number), "c4s2": ERRORS[number], "c4s3": "HL70357"}


def _location(problem: Problem) -> Repetition:
    where = place_of(problem.path)
    if where is None:
        return {}
    location: Repetition = {"c1": where.segment, "c2": str(where.number)}
    if where.field:
        location["c3"] = str(where.field)
        numbers = (where.repetition, where.component, where.subcomponent)
        wanted = 3 if where.subcomponent > 1 else 2 if where.component > 1 else 1
        location |= {f"c{at}": str(number) for at, number in enumerate(numbers[:wanted], 4)}
    return location


def _words(problem: Problem, header: Header) -> str:
    """Returns the reason, with the place if it is none in the message, in characters that the answer can hold."""
    if problem.code in _NO_DETAIL:
        return ""
    words = problem.reason if place_of(problem.path) else str(problem)
    return words[:_LONGEST_TEXT].encode(header.charset.codec, "ignore").decode(header.charset.codec)

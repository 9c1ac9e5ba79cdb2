"""The check of a whole message against the standard, by our matcher and, if asked for, by hl7apy.

Reading takes what is near enough; this tells all that is not as the message's own version has it: order and number of
segments, required fields, repetitions, lengths. Messages that are written here are to have none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import Problem
from ip_fhir.hl7v2.deviations import deviations_of_fields, deviations_of_header
from ip_fhir.hl7v2.interchange import to_hl7apy
from ip_fhir.hl7v2.structure.events import is_before
from ip_fhir.hl7v2.structure.fields import data_version, rules_of
from ip_fhir.hl7v2.structure.grammar import grammar_of, messages_of
from ip_fhir.hl7v2.structure.matching import SegmentNames, match
from ip_fhir.hl7v2.text.contents import NULL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.hl7v2.message import Er7

_LONGEST: Final = 20
_HD_FIELDS: Final = (3, 4, 5, 6)
_REASONS: Final = {
    "Missing required child": "lacks a part that is required",
    "Child limit exceeded": "has a part more often than it may stand",
    "Datatype": "has a part of another data type",
    "Invalid children": "has a part that the version does not have",
    "Unknown element": "is not known to the version",
}


def check(message: Er7, *, strict: bool = False) -> tuple[Problem, ...]:
    """Returns all that is not as the message's version has it; what reading refuses is an error, all else a warning.

    `strict` also asks hl7apy about the parts of each field (20 to 900 ms): what it finds are errors, at the field or
    the segment. No problem quotes the message. Raises `InvalidInput` (`not-supported`) for a message that is not read
    here, and where hl7apy is not installed.
    """
    found = [*deviations_of_header(message.header), *_structure(message), *_missing_fields(message)]
    found += [*deviations_of_fields(message.segments, message.names, message.header), *_lengths(message)]
    return tuple([*found, *_strict(message)] if strict else found)


def _structure(message: Er7) -> Iterator[Problem]:
    version, structure = data_version(message.version), message.event[2]
    if not structure or structure not in messages_of(version):
        yield from message.matched.problems
    else:
        yield from match(message.names, grammar_of(structure, version)).problems


def _missing_fields(message: Er7) -> Iterator[Problem]:
    for number, segment in enumerate(message.segments):
        for field, rule in enumerate(rules_of(segment.name, message.version), 1):
            held = segment.contents.get(f"f{field}")
            if rule.required and (held is None or held == [{"c1": NULL}]):
                yield _warning(f"{message.names.places[number]}-{field}", "is missing, though required")


def _lengths(message: Er7) -> Iterator[Problem]:
    header = message.header
    for field in _HD_FIELDS:
        if len(header.text(field)) > _LONGEST:
            yield _warning(f"MSH-{field}.1", f"is longer than {_LONGEST} characters")
    if message.version and is_before(message.version, "2.7") and len(header.text(10)) > _LONGEST:
        yield _warning("MSH-10", f"is longer than {_LONGEST} characters, which it may be from 2.7")


def _warning(at: str, reason: str) -> Problem:
    return Problem(at, reason, "structure", "warning")


def _strict(message: Er7) -> list[Problem]:
    made = to_hl7apy(message)
    segments = [segment for segment in _segments(made) if not segment.is_z_element()]
    places = SegmentNames(segment.name for segment in segments).places
    problems = [problem for segment, at in zip(segments, places, strict=True) for problem in _of_segment(segment, at)]
    reason = "" if problems else _judged(made)
    return [Problem("", reason, "structure")] if reason else list(dict.fromkeys(problems))


def _of_segment(segment: Any, at: str) -> Iterator[Problem]:
    wrong = False
    for field in segment.children:
        reason = _judged(field)
        if reason:
            wrong = True
            number = (field.name or "").rpartition("_")[2]
            yield Problem(f"{at}-{number}" if number.isdigit() else at, reason, "structure")
    reason = "" if wrong else _judged(segment)
    if reason:
        yield Problem(at, reason, "structure")


def _segments(element: Any) -> Iterator[Any]:
    if element.classname == "Segment":
        yield element
    else:
        for child in element.children:
            yield from _segments(child)


def _judged(element: Any) -> str:
    """Returns what hl7apy finds wrong with a part of a message, in our words; empty if nothing."""
    from hl7apy.validation import Validator

    try:
        Validator.validate(element)
    except Exception as error:  # noqa: BLE001 - hl7apy ends in errors of every kind
        told = str(error)
        known = (ours for theirs, ours in _REASONS.items() if told.startswith(theirs))
        return next(known, f"is refused by hl7apy ({type(error).__name__})")
    return ""

"""Deviations from the standard that are read all the same: each is a warning with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.errors import Problem
from ip_fhir.hl7v2.structure.fields import data_version, rules_of
from ip_fhir.hl7v2.structure.grammar import messages_of
from ip_fhir.hl7v2.text.escapes import leaves_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ip_fhir.hl7v2.header import Header
    from ip_fhir.hl7v2.segment import Segment
    from ip_fhir.hl7v2.structure.matching import SegmentNames


def deviations_of_header(header: Header) -> Iterator[Problem]:
    """Yields the deviations of MSH: delimiters, a structure that is not the event's, or not in the version."""
    structure, version = header.event[2], header.text(12)
    if not header.delimiters.subcomponent:
        yield _warning("MSH-2", "has no delimiter of subcomponents: none are read")
    if structure and header.text(9, 3) not in ("", structure):
        yield _warning("MSH-9.3", f"is not the structure of the event, which is {structure}")
    if structure and version and structure not in messages_of(data_version(version)):
        yield _warning("MSH-12", f"is a version that has no {structure}")


def deviations_of_fields(segments: Sequence[Segment], names: SegmentNames, header: Header) -> Iterator[Problem]:
    """Yields the fields that repeat though the version lets them stand once, and those with formatting left out."""
    repetition = header.delimiters.repetition
    formatting = f"{header.delimiters.escape}."
    for number, segment in enumerate(segments):
        if segment.count(repetition):
            for field in _repeated(segment, header.text(12)):
                yield _warning(f"{names.places[number]}-{field}", "stands more than once, where it may stand once")
        if segment.count(formatting):
            for field, text in enumerate(segment.raw_fields):
                if leaves_out(text, header.delimiters, header.charset.codec):
                    yield _warning(f"{names.places[number]}-{field}", "has formatting that is left out")


def _repeated(segment: Segment, version: str) -> Iterator[int]:
    rules = rules_of(segment.name, version)
    for field, repetitions in segment.contents.items():
        number = int(field[1:])
        if len(repetitions) > 1 and number <= len(rules) and not rules[number - 1].repeats:
            yield number


def _warning(at: str, reason: str) -> Problem:
    return Problem(at, reason, "structure", "warning")

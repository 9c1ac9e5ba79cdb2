"""HL7 v2 text: the messages that are read, the character sets, the bounds, and the codes of a refusal."""

from __future__ import annotations

from typing import get_args

from ip_fhir.errors import IssueCode, Problem
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.acknowledgement import ERRORS, error_number, verdict
from ip_fhir.hl7v2.bounds import MOST_REPETITIONS, MOST_SEGMENTS
from ip_fhir.hl7v2.structure.events import STRUCTURES, VERSIONS
from ip_fhir.hl7v2.structure.grammar import grammar_of
from ip_fhir.hl7v2.text.charsets import spellings
from ip_fhir.hl7v2.text.lines import MOST_LINES


def events() -> str:
    """Returns the table of types and events, with the structure and the segments that it begins with."""
    by_structure: dict[str, list[str]] = {}
    for (kind, event), structure in STRUCTURES.items():
        by_structure.setdefault(structure, []).append(f"{kind}^{event}")
    by_structure["ACK"] = ["ACK, any event"]
    lines = ["| messages | structure | must have |", "|---|---|---|"]
    for structure, names in by_structure.items():
        required = [member for member in grammar_of(structure).members if member.required]
        segments = ", ".join(min(member.first) for member in required)
        lines.append(f"| {', '.join(names)} | `{structure}` | {segments} |")
    return "\n".join([*lines, "", f"Versions: {', '.join(VERSIONS)}.", ""])


def charsets() -> str:
    """Returns the table of character sets, with the spellings of MSH-18 that are read."""
    named: dict[str, list[str]] = {}
    for spelling, charset in spellings():
        named.setdefault(charset.name, []).append(spelling)
    lines = ["| written | read |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(f'`{one}`' for one in read)} |" for name, read in named.items()]
    return "\n".join([*lines, ""])


def bounds() -> str:
    """Returns the table of bounds."""
    told = {
        "bytes of a message or a batch": DEFAULT_LIMITS.max_bytes,
        "delimiters in a message": DEFAULT_LIMITS.max_parts,
        "segments of a message": MOST_SEGMENTS,
        "repetitions of a field": MOST_REPETITIONS,
        "lines of a message or a batch, blank ones too": MOST_LINES,
    }
    return "\n".join(["| of | at most |", "|---|---|", *(f"| {what} | {most:,} |" for what, most in told.items()), ""])


def refusals() -> str:
    """Returns the table of MSA-1 and ERR-3 for each issue code."""
    lines = ["| problem | MSA-1 | ERR-3 |", "|---|---|---|"]
    for code in get_args(IssueCode):
        problem = Problem("", "", code)
        number = error_number(problem)
        lines.append(f"| {code} | {verdict([problem])} | {number} {ERRORS[number]} |")
    for place in ("MSH-9.1", "MSH-9.2", "MSH-11", "MSH-12"):
        problem = Problem(place, "", "not-supported")
        number = error_number(problem)
        lines.append(f"| not-supported, at {place} | {verdict([problem])} | {number} {ERRORS[number]} |")
    return "\n".join([*lines, ""])

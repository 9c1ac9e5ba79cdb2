"""Warnings about a message that was read: the places that say something else than what they were taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.message import MessageKind
from ip_fhir.errors import Problem
from ip_fhir.mapping.dialects.hl7v2.conditions import says_something
from ip_fhir.mapping.dialects.hl7v2.context import Context
from ip_fhir.mapping.dialects.hl7v2.places import joined
from ip_fhir.mapping.hl7v2.events import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.compiled import Compiled

_CONTENTS: Final = {MessageKind.NOTICE: "V2Notice", MessageKind.GREEN_FORM: "V2GreenForm"}

_WITHOUT_ROW: Final = {3: (), 5: ("O",)}
"""The coded fields of RF1 that no row reads, by number, with the codes that we write ourselves."""


def told_in_hl7v2(value: dict[str, Any], kind: MessageKind, compiled: Compiled) -> tuple[Problem, ...]:
    """Returns a warning for each place of a REF or RRI of this kind that was read as another thing than it says.

    Of the fields of RF1 that no row reads, the coded ones are told too.
    """
    tables = [TABLES[value["MSH"]["f9"][0]["c1"]], *([_CONTENTS[kind]] if kind in _CONTENTS else [])]
    told: dict[str, str] = {}
    for table in tables:
        for place, reason in _told(value, table, compiled):
            told.setdefault(place, reason)
    found = (Problem(place, reason, "code-invalid", "warning") for place, reason in told.items())
    return (*found, *_left(value))


def _left(value: dict[str, Any]) -> Iterator[Problem]:
    """Yield a warning for each coded field of RF1 that no row reads, and that says something of its own."""
    referral = value.get("RF1") or {}
    for number, known in _WITHOUT_ROW.items():
        field = referral.get(f"f{number}") or []
        if says_something(field) and field[0].get("c1") not in known:
            yield Problem(f"RF1-{number}", "is not read: there is no place for it here", "informational", "warning")


def _told(value: dict[str, Any], table: str, compiled: Compiled) -> Iterator[tuple[str, str]]:
    for path, reason in compiled.lens(table).inner.tells(value, Context.of_message(value), ()):
        yield joined(f"[{step}]" if isinstance(step, int) else step for step in path), reason

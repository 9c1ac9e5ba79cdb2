"""Warnings about a message that was read: the places that say something else than what they were taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.message import MessageKind
from ip_fhir.errors import Problem
from ip_fhir.mapping.dialects.hl7v2.context import Context
from ip_fhir.mapping.dialects.hl7v2.places import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.compiled import Compiled

_CONTENTS: Final = {MessageKind.NOTICE: "V2Notice", MessageKind.GREEN_FORM: "V2GreenForm"}


def told_in_hl7v2(value: dict[str, Any], kind: MessageKind, compiled: Compiled) -> tuple[Problem, ...]:
    """Returns a warning for each place of a message of this kind that was read as another thing than it says."""
    return tuple(_told(value, _CONTENTS[kind], compiled)) if kind in _CONTENTS else ()


def _told(value: dict[str, Any], table: str, compiled: Compiled) -> Iterator[Problem]:
    for path, reason in compiled.lens(table).inner.tells(value, Context.of_message(value), ()):
        place = joined(f"[{step}]" if isinstance(step, int) else step for step in path)
        yield Problem(place, reason, "code-invalid", "warning")

"""The ends of the paths: primitives, codes, references, and the few named converters that are code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.dialects.fhir.codes import ConceptText
from ip_fhir.mapping.dialects.fhir.dates import Day, DayBound, Instant, InstantOrDay, PeriodDay
from ip_fhir.mapping.dialects.fhir.person_number import PersonIdentifier
from ip_fhir.mapping.dialects.fhir.references import OwnPractitioner, Reference, Representative, WholeReference
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mapping.lenses.nodes import Node
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Systems

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Primitive:
    """A JSON string, number or boolean as it stands. `check` refuses a wrong form with a reason."""

    def __init__(self, kind: type, what: str, check: Callable[[Any], str | None] | None = None) -> None:
        self.kind, self.what, self.check = kind, what, check

    def get(self, node: Any, _links: Links) -> Any:
        """The value, type-checked."""
        expect(node, self.kind, self.what)
        if self.check is not None and (reason := self.check(node)):
            raise Wrong(reason)
        return node

    def put(self, value: Any, _node: Any, _links: Links) -> Any:
        """The value."""
        return value

    def owns(self, node: Any) -> bool:
        """Any value of the type."""
        return type(node) is self.kind


def _check_date(text: str) -> str | None:
    if _DATE.fullmatch(text):
        return None
    return "is not a whole date (YYYY-MM-DD); a year or a month alone cannot be kept"


class Words:
    """A list of words as one text (given names)."""

    def get(self, node: Any, _links: Links) -> str | None:
        """The words with blanks between."""
        words = [expect(word, str, "text") for word in expect(node, list, "a list") if word is not None]
        return " ".join(words) or None

    def put(self, value: Any, _node: Any, _links: Links) -> Any:
        """The text as one entry."""
        return None if value is None else [value]

    def owns(self, node: Any) -> bool:
        """A list."""
        return type(node) is list


class Present:
    """Whether the entry is there at all."""

    def get(self, _node: Any, _links: Links) -> bool:
        """It is."""
        return True

    def put(self, value: Any, node: Any, _links: Links) -> Any:
        """Kept or removed."""
        return node if value else None

    def owns(self, _node: Any) -> bool:
        """It is."""
        return True


class Constant:
    """Nothing to read or write: a path that only has to be there (a fixed value, or an entry that matches)."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def get(self, node: Any, _links: Links) -> Any:
        """Whether it is there."""
        return True if self.value is None or node == self.value else None

    def put(self, value: Any, node: Any, _links: Links) -> Any:
        """The fixed value, when it is to be there."""
        return (node if self.value is None else self.value) if value else node

    def owns(self, node: Any) -> bool:
        """The fixed value."""
        return self.value is None or node == self.value


def leaves(systems: Systems) -> dict[str, Node]:
    """The lens for each type that a row may name: the closed set of converters."""
    return {
        "string": Primitive(str, "text"),
        "date": Primitive(str, "text", _check_date),
        "instant": Instant(),
        "instant-or-day": InstantOrDay(),
        "boolean": Primitive(bool, "true or false"),
        "positiveInt": Primitive(int, "a whole number"),
        "day-start": DayBound(end=False),
        "day-end": DayBound(end=True),
        "day": Day(),
        "first-day": PeriodDay(end=False),
        "last-day": PeriodDay(end=True),
        "words": Words(),
        "concept-text": ConceptText(),
        "present": Present(),
        "representative": Representative(),
        "practitioner": OwnPractitioner(),
        "person-id": PersonIdentifier(systems),
        "reference": Reference(),
        "whole": WholeReference(),
    }

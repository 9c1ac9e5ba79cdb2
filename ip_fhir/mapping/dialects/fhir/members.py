"""Members of FHIR elements: a modifierExtension beside them, choices of type, and `_element` lists."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.mapping.dialects.fhir.guard import UNKNOWN_MODIFIER
from ip_fhir.mapping.lenses.nodes import Member
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.nodes import Node

CHOICES: Final = {
    "content": ("Attachment", "CodeableConcept", "Reference", "String"),
    "deceased": ("Boolean", "DateTime"),
    "due": ("Date", "Duration"),
    "endpoint": ("Reference", "Url"),
    "event": ("Coding", "Uri"),
    "scheduled": ("Period", "String", "Timing"),
    "source": ("Attachment", "Reference"),
    "start": ("CodeableConcept", "Date"),
}
"""The elements that may stand in one of several types (R4 and R5), as far as rows name them, beside `value[x]`."""

_BY_NAME = {f"{base}{type_}": base for base, types in CHOICES.items() for type_ in types}


def choice_of(name: str) -> str | None:
    """The element of which a member is one choice: `deceased` of `deceasedDateTime`, `value` of `valueString`."""
    return "value" if name.startswith("value") and name[5:6].isupper() else _BY_NAME.get(name)


class FhirMember(Member):
    """A member of a FHIR element.

    `guarded`: a modifierExtension beside the member is refused (on a table's own node the guard sees to that).
    """

    def __init__(self, name: str, inner: Node, *, guarded: bool) -> None:
        super().__init__(name, inner)
        self.guarded = guarded
        self.choice = choice_of(name)

    def check_read(self, node: dict[str, Any]) -> None:
        """Refuse an element with a modifierExtension beside the member: its meaning is changed."""
        if self.guarded and node.get("modifierExtension"):
            raise Wrong(UNKNOWN_MODIFIER, "not-supported", "modifierExtension")

    def check_new(self, node: dict[str, Any]) -> None:
        """Refuse to write if there is a value of another type: FHIR allows only one, and that one is not ours."""
        if self.choice is not None and any(choice_of(name) == self.choice for name in node):
            raise Wrong("is where another system has put a value of another type", "business-rule", self.name)

    def written(self, before: dict[str, Any], after: dict[str, Any], new: Any) -> dict[str, Any]:
        """The element with the `_element` list of a list of primitives moved along."""
        name, old = f"_{self.name}", before.get(self.name)
        if type(beside := before.get(name)) is list and type(old) is list:
            moved = _moved(beside, old, new or [])
            after = {**after, name: moved}
            if not any(moved):
                del after[name]
        return after


def _moved(beside: list[Any], old: list[Any], new: list[Any]) -> list[Any]:
    """The `_element` list in the new order of the values; entries of removed values are dropped."""
    places: dict[Any, deque[int]] = {}
    for n, item in enumerate(old):
        places.setdefault(_comparable(item), deque()).append(n)
    moved = []
    for value in new:
        left = places.get(_comparable(value))
        at = left.popleft() if left else None
        moved.append(beside[at] if at is not None and at < len(beside) else None)
    return moved


def _comparable(value: Any) -> Any:
    """The value, or for an object or a list, which cannot be a key, its text."""
    return repr(value) if type(value) in (dict, list) else value

"""The checks of a table on FHIR JSON: the elements that change what the rest means (mappings/modifiers.csv)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MappingError
from ip_fhir.fhir.elements import standing
from ip_fhir.mapping.lenses.wrong import Wrong, text_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ip_fhir.mapping.tables.model import Check, Systems, Table

Rank = tuple[bool, int, tuple[int, ...]]
"""The rank of an entry among its neighbours: the lowest counts."""


@dataclass(frozen=True, slots=True)
class ElementCheck:
    """One check. `plain` are its values that are no codings, each with its type: FHIR tells true from 1."""

    check: Check
    plain: frozenset[tuple[type, Any]]
    codings: frozenset[tuple[str, str]]

    def failed(self, node: dict[str, Any]) -> str | None:
        """The place below the node at which the check fails, or None."""
        check = self.check
        if check.names[0] not in node:
            return check.place if self._misses_nothing() else None
        found = [(at, value) for at, value in standing(node, check.names) if value is not None]
        if not found:
            return check.place if self._misses_nothing() else None
        if check.kind == "some":
            return None if any(self._is_one(value) for _, value in found) else found[0][0]
        return next((at for at, value in found if self._fails(value)), None)

    @property
    def told(self) -> str:
        """The reason for which a node that fails the check is not read."""
        return self.check.told or _TOLD[self.check.kind].format(", ".join(map(_shown, self.check.values)))

    def _misses_nothing(self) -> bool:
        """True if a node without the element fails."""
        return self.check.required or (self.check.kind == "order" and (str, "") not in self.plain)

    def _fails(self, value: Any) -> bool:
        kind = self.check.kind
        if kind == "refuse":
            return True
        if kind == "never":
            return self._is_one(value)
        return kind in ("only", "order") and not (self._is_one(value) and not self._contradicts(value))

    def _is_one(self, value: Any) -> bool:
        if type(value) is dict:
            return any(coding in self.codings for coding in _codings(value))
        return (type(value), value) in self.plain

    def _contradicts(self, value: Any) -> bool:
        """True if a concept has a second coding, of one of the same systems, that is none of the values."""
        if type(value) is not dict:
            return False
        systems = {system for system, _ in self.codings}
        return any(coding[0] in systems and coding not in self.codings for coding in _codings(value))


_REQUIRED = "is required"
_TOLD = {
    "refuse": "changes what the rest means, and cannot be kept here",
    "only": "is none of {}: with anything else the rest means something else",
    "some": "is none of {}: with anything else the rest means something else",
    "never": "is one of {}: the rest does not hold",
    "order": "is none of {}: it is not the one that counts",
    "last": "",
    "ranked": "",
    "read": "",
}


@dataclass(frozen=True, slots=True)
class ElementChecks:
    """All checks of a table."""

    all: tuple[ElementCheck, ...]
    leaving: tuple[ElementCheck, ...]

    def check(self, node: dict[str, Any]) -> None:
        """Raises `Wrong` at the first check that fails."""
        found = self.denied(node)
        if found is not None:
            raise Wrong(found[1], "required" if found[1] == _REQUIRED else "not-supported", found[0])

    def denied(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """The place and the reason of the first check that fails; None if all hold."""
        for one in self.all:
            at = one.failed(node)
            if at is not None:
                missing = one.check.required and one.check.names[0] not in node
                return at, _REQUIRED if missing else one.told
        return None

    def left(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """The place and the reason for which the node is left where it is, out of sight; None if it is not."""
        return next(((at, one.told) for one in self.leaving if (at := one.failed(node)) is not None), None)

    def rank(self, node: dict[str, Any]) -> Rank:
        """The rank of the node among entries of one list: the lowest counts."""
        over, place, end = False, 0, ""
        for one in self.all:
            if one.check.kind == "last":
                end = next((str(value) for _, value in standing(node, one.check.names) if value is not None), "")
                over = bool(end)
            elif one.check.kind == "order":
                place = one.check.values.index(node.get(one.check.names[0]) or "")
        return over, place, tuple(-ord(letter) for letter in end)


def checks_of(table: Table, systems: Systems, kinds: Sequence[str] = ()) -> ElementChecks | None:
    """The checks of a table, or those of some kinds; None without any. Raises `MappingError` for an unknown system."""
    chosen = [check for check in table.checks if check.kind in kinds] if kinds else list(table.checks)
    made = tuple(_made(table, check, systems) for check in chosen if check.kind != "read")
    leaving = tuple(one for one in made if one.check.left or one.check.kind == "order")
    return ElementChecks(made, leaving) if made else None


def _made(table: Table, check: Check, systems: Systems) -> ElementCheck:
    coded = [value for value in check.values if type(value) is str and "#" in value]
    plain = frozenset((type(value), value) for value in check.values if value not in coded)
    if check.kind == "some" and plain:
        raise MappingError(f"table {table.name}: {check.values[0]!r} is no system#code")
    return ElementCheck(check, plain, frozenset(pair for value in coded for pair in _accepted(value, systems)))


def _accepted(value: str, systems: Systems) -> Iterator[tuple[str, str]]:
    name, _, code = value.partition("#")
    for uri in systems.accepted(name):
        yield uri, code


def _codings(node: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    """System and code of a Coding, or of each coding of a CodeableConcept."""
    found = node.get("coding")
    codings = found if type(found) is list else [node]
    return [(text_or_none(c.get("system")), text_or_none(c.get("code"))) for c in codings if type(c) is dict]


def _shown(value: Any) -> str:
    """A value as a reader knows it: the code without its system."""
    if type(value) is bool:
        return "true" if value else "false"
    return str(value).rpartition("#")[2] or "nothing"

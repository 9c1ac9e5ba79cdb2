"""The guard of a table's messages, segments and repetitions: it checks what changes the meaning of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MappingError
from ip_fhir.mapping.dialects.hl7v2.conditions import test
from ip_fhir.mapping.lenses.wrong import Wrong, expect
from ip_fhir.mapping.tables.paths import Condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mapping.tables.model import Check, Table

_KINDS = ("refuse", "only", "some", "read")


class V2Guard:
    """The guard of one table.

    A check names a field, and is of the kind `refuse`, `only` (texts of the first component), `some` (codes as
    `RP@0286`) or `read`.
    """

    def __init__(self, table: Table) -> None:
        self.checks = [(check, _fails(table, check)) for check in table.checks if check.kind != "read"]

    def check(self, node: dict[str, Any]) -> None:
        """Refuse a node that fails a check."""
        self.check_put(expect(node, dict, "a segment"))

    def check_put(self, node: dict[str, Any]) -> None:
        """Refuse to write onto a node that fails a check."""
        if (found := self.denied(node)) is not None:
            raise Wrong(found[1], "not-supported", *found[0].split("."))

    def owns(self, node: dict[str, Any]) -> bool:
        """True for a node that no check leaves to others."""
        return self.left(node) is None

    def denied(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """The place and the reason of the first check that fails; None if all hold."""
        return next(((c.place, _told(c)) for c, fails in self.checks if fails(node)), None)

    def left(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """The place and the reason for which the node is left where it is, out of sight; None if it is read."""
        return next(((c.place, _told(c)) for c, fails in self.checks if c.left and fails(node)), None)

    def rank(self, _node: dict[str, Any]) -> int:
        """The same for all: leaf kinds on whole fields choose the repetition that counts."""
        return 0

    def skeleton(self) -> dict[str, Any]:
        """No members: a segment shows its type by its place."""
        return {}


def _fails(table: Table, check: Check) -> Callable[[dict[str, Any]], bool]:
    if check.kind not in _KINDS:
        raise MappingError(f"table {table.name}: there is no check {check.kind!r} in HL7 v2; there are {_KINDS}")
    stands = test(Condition("member", check.place, "*"))
    if check.kind == "refuse":
        return stands
    if check.kind == "only":
        others = [test(Condition("not-member", f"{check.place}.c1", value)) for value in check.values]
        return lambda node: stands(node) and all(other(node) for other in others)
    some = [test(Condition("coding", check.place, value)) for value in check.values]
    return lambda node: not any(one(node) for one in some)


def _told(check: Check) -> str:
    return check.told or "changes what the rest means, and is none of what is known here"

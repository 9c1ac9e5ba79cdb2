"""Equality of values with lists whose order says nothing."""

from __future__ import annotations

from typing import Any, ClassVar


class Unordered:
    """A value that equals another one of its type if they differ only in the order of some lists of items with ids.

    FHIR gives the entries of a bundle no order: the same resources in another order are the same plan. The lists keep
    their order, for those who print them.
    """

    UNORDERED: ClassVar[tuple[str, ...]] = ()
    """The names of the fields whose order says nothing."""

    def __eq__(self, other: object) -> bool:
        """True if `other` is of the same type and says the same."""
        if type(self) is not type(other):
            return NotImplemented
        mine, others = self.__dict__, other.__dict__
        return mine == others or self._sorted(mine) == self._sorted(others)

    def __hash__(self) -> int:
        """The same for values that are equal."""
        return hash(tuple(self._sorted(self.__dict__).items()))

    def _sorted(self, fields: dict[str, Any]) -> dict[str, Any]:
        ordered = {name: tuple(sorted(fields[name], key=lambda item: item.id)) for name in self.UNORDERED}
        return {**fields, **ordered}

"""The leaf kind for a person's number among the identifiers of a Patient or RelatedPerson."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.values.ids import PersonId, PersonIdKind
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ip_fhir.mapping.lenses.nodes import Path, Told
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row, Systems


class PersonIdentifier(Leaf):
    """The entry of `identifier` whose system is one of the registers of persons; the number says which.

    Of several registers the first of `PersonIdKind` counts: a D-number stays with who has got a fødselsnummer since.
    Numbers marked as old are left alone.
    """

    telling = True

    def __init__(self, systems: Systems) -> None:
        self.accepted = {kind: (systems.uri(kind.value), *systems.accepted(kind.value)) for kind in PersonIdKind}
        self.rank = {uri: rank for rank, uris in enumerate(self.accepted.values()) for uri in uris}

    def get(self, node: Any, _links: Links) -> str | None:
        """The number, unchecked: the domain checks it."""
        items = expect(node, list, "a list")
        at = self._at(items)
        return None if at is None else str(items[at]["value"])

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The number under its register's system; an alias is kept while the register stays the same."""
        items: list[Any] = node or []
        at = self._at(items)
        old = {} if at is None else items[at]
        if value is None:
            left = [item for n, item in enumerate(items) if n != at]
            if self._at(left) is not None:
                reason = "cannot be removed: the number of another register would be taken for it"
                raise Wrong(reason, "business-rule", f"[{at}]")
            return left or None
        new = {**old, "system": self._system(value, old.get("system")), "value": value}
        written = [*items, new] if at is None else [*items[:at], new, *items[at + 1 :]]
        if self.get(written, links) != value:
            raise Wrong("has the number of another register, which counts before this one", "business-rule")
        return written

    def owns(self, node: Any) -> bool:
        """True for a list with a person's number."""
        return type(node) is list and self._at(node) is not None

    def reads(self, node: Any, _links: Links, path: Path) -> Iterator[Path]:
        """The entries that are numbers in use."""
        yield from ((*path, n) for n, item in enumerate(node) if self.owns([item]))

    def tells(self, node: Any, _links: Links, path: Path) -> Iterator[Told]:
        """The number that counts, if it is of another register than its system says; and the numbers beside it."""
        at = self._at(node)
        for number, item in enumerate(node):
            if number == at and self._is_misplaced(item):
                yield (*path, number, "system"), "is not the series that the number is of: read by the number itself"
            elif number != at and self._ranked(item) is not None:
                yield (*path, number), "is a second number in use, of a register that counts after the other: not read"

    def _is_misplaced(self, item: dict[str, Any]) -> bool:
        """True if the number is valid, and of another register than its system says."""
        try:
            return item["system"] not in self.accepted[PersonId(item["value"]).kind]
        except InvalidInput:
            return False  # the domain refuses it

    def _at(self, items: list[Any]) -> int | None:
        """The index of the number that counts; None where there is none."""
        mine = [(rank, n) for n, item in enumerate(items) if (rank := self._ranked(item)) is not None]
        if not mine:
            return None
        (rank, at), *others = sorted(mine)
        if others and others[0][0] == rank:
            reason = "is a second number of one register, and there can be one only"
            raise Wrong(reason, "multiple-matches", f"[{others[0][1]}]")
        if type(items[at]["value"]) is not str:
            raise Wrong("is not text", "structure", f"[{at}].value")
        return at

    def _ranked(self, item: Any) -> int | None:
        """The rank of the register, where the item is a number in use; aliases rank like their register."""
        if type(item) is not dict or item.get("value") is None or item.get("use") == "old":
            return None
        return self.rank.get(item["system"]) if type(item.get("system")) is str else None

    def _system(self, number: str, found: str | None) -> str:
        try:
            accepted = self.accepted[PersonId(number).kind]
        except InvalidInput as error:
            raise Wrong(str(error)) from None
        return found if found in accepted else accepted[0]


class OnePersonIdentifier(Leaf):
    """A single Identifier, as in a logical reference, whose system is one of the registers of persons."""

    def __init__(self, systems: Systems) -> None:
        self.among = PersonIdentifier(systems)

    def get(self, node: Any, links: Links) -> str | None:
        """The number, unchecked; None for an identifier of another system."""
        return self.among.get([expect(node, dict, "an object")], links)

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The number under its register's system. Raises `Wrong` where another identifier stands there."""
        if node is not None and not self.owns(node):
            if value is not None:
                raise Wrong("has another identifier", "business-rule")
            return node
        written = self.among.put(value, None if node is None else [node], links)
        return None if written is None else written[0]

    def owns(self, node: Any) -> bool:
        """True for a person's number."""
        return self.among.owns([node])


_SAMPLES = ("05827500285", "17851950222")  # of test registers: nobody's numbers


def _sample(_row: Row, number: int) -> str:
    return _SAMPLES[number % len(_SAMPLES)]


def _names(systems: Systems) -> Mapping[str, Any]:
    """The function that generated writers call: a number as its entry of `identifier`."""
    uris = {kind: systems.uri(kind.value) for kind in PersonIdKind}

    def person_id(number: PersonId) -> list[dict[str, str]]:
        return [{"system": uris[number.kind], "value": number}]

    return {"person_id": person_id}


KINDS: Final = (
    LeafKind(
        "person-id",
        PersonIdentifier,
        "person-number",
        holds=PersonId,
        element="Identifier",
        sample=_sample,
        value=PersonId,
        written="person_id({})",
        names=_names,
    ),
    LeafKind(
        "one-person-id",
        OnePersonIdentifier,
        "person-number",
        holds=PersonId,
        element="Identifier",
        sample=_sample,
        value=PersonId,
        written="person_id({})[0]",
        names=_names,
    ),
)

"""The leaf kinds for numbers of registers: a person's among PID-3, and those of organisations and professionals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.values.ids import PersonId, PersonIdKind
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.dialects.hl7v2.plain import said
from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row, Systems

_TYPES: Final = {PersonIdKind.FNR: "NNNOR", PersonIdKind.DNR: "NNNOR", PersonIdKind.FHN: "FHN", PersonIdKind.DUF: "DUF"}

NUMBER_TYPES: Final = frozenset(_TYPES.values())
"""The types of identifiers (CX-5) that are numbers of persons."""


def oid(systems: Systems, name: str) -> str:
    """The OID of a system by its name in systems.toml, without `urn:oid:`."""
    return systems.uri(name).removeprefix("urn:oid:")


class PersonNumber(Leaf):
    """The number among the identifiers of a person (CX) that is of a register of persons, by the OID of its series.

    Where no authority is named, the type NNNOR, FHN or DUF says it. Of several registers the first of `PersonIdKind`
    counts; two numbers of one register are refused. An identifier with an end (CX-8) is left alone.
    """

    def __init__(self, systems: Systems) -> None:
        self.oids = {oid(systems, kind.value): kind for kind in PersonIdKind}
        self.rank = {kind: n for n, kind in enumerate(PersonIdKind)}

    def get(self, node: Any, _links: Links) -> str | None:
        """The number, unchecked: the domain checks it."""
        reps = expect(node, list, "a list")
        at = self._at(reps)
        return None if at is None else str(reps[at]["c1"])

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The number with its series; what else stands in the entry is kept."""
        reps: list[Any] = node or []
        at = self._at(reps)
        if value is None:
            left = [rep for n, rep in enumerate(reps) if n != at]
            if left and self._at(left) is not None:
                raise Wrong("cannot be removed: the number of another register would be taken for it", "business-rule")
            return left or None
        old = {} if at is None else reps[at]
        new = {**{k: v for k, v in old.items() if not k.startswith(("c4", "c5"))}, **self._written(value)}
        found = [*reps, new] if at is None else [*reps[:at], new, *reps[at + 1 :]]
        if self.get(found, links) != value:
            raise Wrong("has the number of another register, which counts before this one", "business-rule")
        return found

    def owns(self, node: Any) -> bool:
        """True for a list with a person's number."""
        return type(node) is list and self._at(node) is not None

    def kind_of(self, rep: Any) -> PersonIdKind | None:
        """The register of an identifier; None for one of another kind, and one that has ended."""
        if type(rep) is not dict or type(rep.get("c1")) is not str or said(rep["c1"]) is None or rep.get("c8"):
            return None
        if rep.get("c4s2"):
            return self.oids.get(rep["c4s2"])
        if rep.get("c5") not in NUMBER_TYPES:
            return None
        try:
            return PersonId(rep["c1"]).kind
        except InvalidInput:
            return PersonIdKind.FNR  # the domain refuses it

    def _at(self, reps: list[Any]) -> int | None:
        mine = sorted((self.rank[kind], n) for n, rep in enumerate(reps) if (kind := self.kind_of(rep)) is not None)
        if len(mine) > 1 and mine[0][0] == mine[1][0]:
            reason = "is a second number of one register, and there can be one only"
            raise Wrong(reason, "multiple-matches", f"[{mine[1][1]}]")
        return mine[0][1] if mine else None

    def _written(self, number: str) -> dict[str, str]:
        try:
            kind = PersonId(number).kind
        except InvalidInput as error:
            raise Wrong(str(error)) from None
        series = next(text for text, found in self.oids.items() if found is kind)
        return {"c1": str(PersonId(number)), "c4s2": series, "c4s3": "ISO", "c5": _TYPES[kind]}


class Qualified(Leaf):
    """A number of a register in PRD-7 (PLN): the number, and the OID of the register (PLN-3)."""

    def __init__(self, register: str) -> None:
        self.oid = register

    def get(self, node: Any, _links: Links) -> str | None:
        """The number; None where another register is named."""
        expect(node, dict, "a repetition")
        return said(node.get("c1", "")) if node.get("c3", self.oid) in (self.oid, "") else None

    def put(self, value: Any, node: Any, _links: Links, _known: Any = None) -> Any:
        """The number with its register; its dates go with the old number."""
        kind = {name: text for name, text in (node or {}).items() if name == "c2"}
        return kind or None if value is None else {"c1": value, **kind, "c3": self.oid}

    def owns(self, node: Any) -> bool:
        """True for a number of the register."""
        return type(node) is dict and self.get(node, None) is not None  # type: ignore[arg-type]  # looks at no links


class FacilityNumber(Leaf):
    """A facility by a number of a register (HD): `<number>^<OID>.<number>^ISO`, as a token `her-id|90000101`.

    In a location (PL-4) the three are subcomponents, and the number stands in the OID alone.
    """

    def __init__(self, systems: Systems, *, located: bool, only: str = "") -> None:
        self.names = ("c4", "c4s2", "c4s3") if located else ("c1", "c2", "c3")
        self.located, self.only = located, only
        self.oids = {name: oid(systems, name) for name in ("her-id", "org-number", "resh-id")}
        self.read = tuple((name, f"{register}.") for name, register in self.oids.items() if only in ("", name))

    def get(self, node: Any, _links: Links) -> str | None:
        """The token, or the number alone where one register is read; None for a facility that is named otherwise."""
        text = said(expect(node, dict, "a repetition").get(self.names[1], ""))
        if text is None:
            return None
        for name, beginning in self.read:
            if text.startswith(beginning) and (number := text.removeprefix(beginning)).isdigit():
                return number if self.only else f"{name}|{number}"
        return None

    def put(self, value: Any, node: Any, _links: Links, _known: Any = None) -> Any:
        """The facility; what else stands in the location is kept."""
        rest = {name: text for name, text in (node or {}).items() if name not in self.names}
        if value is None:
            return rest or None
        register, _, number = (f"{self.only}|{value}" if self.only else value).partition("|")
        first = {} if self.located else {self.names[0]: number}
        return {**first, self.names[1]: f"{self.oids[register]}.{number}", self.names[2]: "ISO", **rest}

    def owns(self, node: Any) -> bool:
        """True for a facility with such a number."""
        return type(node) is dict and self.get(node, None) is not None  # type: ignore[arg-type]  # looks at no links


_PERSONS = ("05827500285", "17851950222")  # of test registers: nobody's numbers


def _person(_row: Row, number: int) -> str:
    return _PERSONS[number % len(_PERSONS)]


def _token(_row: Row, number: int) -> str:
    return f"her-id|{90000101 + number}"


def _digits(_row: Row, number: int) -> str:
    return str(90000101 + number)


def _register(name: str) -> LeafKind:
    return LeafKind(
        f"{name}-number", lambda systems: Qualified(oid(systems, name)), "lens", element="PLN", sample=_digits
    )


KINDS: Final = (
    LeafKind("person-id", PersonNumber, "lens", holds=PersonId, element="CX", sample=_person, value=PersonId),
    *(_register(name) for name in ("hpr", "her-id", "org-number", "resh-id", "municipality")),
    LeafKind("facility", lambda s: FacilityNumber(s, located=False), "lens", element="HD", sample=_token),
    LeafKind("unit", lambda s: FacilityNumber(s, located=True), "lens", element="PL", sample=_token),
    LeafKind(
        "unit-her-id", lambda s: FacilityNumber(s, located=True, only="her-id"), "lens", element="PL", sample=_digits
    ),
)

"""Another format's dialect: the same tables, lenses and laws on a tree that is not FHIR."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ip_fhir.errors import InvalidInput, MappingError
from ip_fhir.mapping.lenses.building import build_lenses
from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf, Member, Node
from ip_fhir.mapping.lenses.references import NO_LINKS, Links
from ip_fhir.mapping.lenses.table import Lens
from ip_fhir.mapping.lenses.wrong import Wrong, expect
from ip_fhir.mapping.tables.loading import build_tables, read_source
from ip_fhir.mapping.tables.model import Row, Systems, Table
from ip_fhir.mapping.tables.paths import Condition, Segment


class Shouted(Leaf):
    """A text that the format writes in capitals."""

    def get(self, node: Any, _links: Links) -> Any:
        """The text in small letters."""
        return str(expect(node, str, "text")).lower()

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The text in capitals."""
        return None if value is None else value.upper()

    def owns(self, node: Any) -> bool:
        """True for text."""
        return type(node) is str


@dataclass(frozen=True)
class SegmentGuard:
    """Segments of the table's kind, without a Z field, which would change what they mean."""

    kind: str | None

    def check(self, node: dict[str, Any]) -> None:
        """Refuse another segment."""
        if not self.owns(node):
            raise Wrong(f"is no {self.kind}", "structure")
        self.check_put(node)

    def check_put(self, node: dict[str, Any]) -> None:
        """Refuse what is not known."""
        if "Z" in node:
            raise Wrong("is unknown here", "not-supported", "Z")

    def owns(self, node: dict[str, Any]) -> bool:
        """True for the segment."""
        return bool(node.get("segment", self.kind) == self.kind)

    def denied(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """The field that changes the meaning."""
        return ("Z", "is unknown here") if "Z" in node else None

    def left(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """None: no segment is out of sight."""
        return None

    def rank(self, node: dict[str, Any]) -> int:
        """The same for all."""
        return 0

    def skeleton(self) -> dict[str, Any]:
        """The segment's name."""
        return {"segment": self.kind}


class Segments:
    """A dialect in which `~` asks for a word in the first component of a field."""

    name = "segments"
    kinds: Mapping[str, LeafKind] = {"shouted": LeafKind("shouted", lambda _: Shouted(), "text")}
    owner_kind = "shouted"
    shared = frozenset[str]()

    def path(self, path: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """The path as it is."""
        return path

    def entries(self, segment: Segment, inner: Node, row: Row | None) -> None:
        """None: there are no other entries."""

    def test(self, condition: Condition, systems: Systems) -> Callable[[dict[str, Any]], bool]:
        """The member's first component is that word."""
        return lambda node: bool(node.get(condition.member, {}).get("c1") == condition.value)

    def fixed(self, condition: Condition, systems: Systems) -> dict[str, Any]:
        """That word."""
        return {condition.member: {"c1": condition.value}}

    def which(self, segment: Segment, systems: Systems) -> str:
        """The next one."""
        return "[new]"

    def place(self, steps: Iterable[str]) -> str:
        """As `PID-3.1`, `PRD[2]-1`."""
        first, *rest = steps
        return first + "".join(step if step[0] == "[" else f"-{step}" for step in rest)

    def member(self, name: str, inner: Node, *, guarded: bool) -> Member:
        """A plain member."""
        return Member(name, inner)

    def guard(self, table: Table, systems: Systems) -> SegmentGuard:
        """The guard of a segment."""
        return SegmentGuard(table.resource)


TABLE = {
    "name": "Provider",
    "domain": "Organization",
    "dialect": "segments",
    "resource": "PRD",
    "row": [
        {"domain": "name", "segments": "f3", "type": "shouted", "required": True},
        {"domain": "address", "segments": "f5[f1~HOME].f2", "type": "shouted"},
    ],
}


def lens(table: dict[str, Any] | None = None) -> Lens:
    """The lens of the table above, or of another one."""
    source = replace(read_source(), tables={"Provider": table or TABLE}, bundles=())
    built = build_lenses(build_tables(source), {"segments": Segments()})
    return Lens(built["Provider"])


def test_lenses_serve_another_format() -> None:
    """Get, put and new keep their laws on a tree of segments, whatever else stands in it."""
    made = lens().new({"name": "skogvik", "address": "storgata 1"})
    assert made == {"segment": "PRD", "f3": "SKOGVIK", "f5": [{"f1": {"c1": "HOME"}, "f2": "STORGATA 1"}]}
    assert lens().get(made) == {"name": "skogvik", "address": "storgata 1"}
    theirs = {**made, "f9": "theirs", "f5": [{"f1": {"c1": "WORK"}, "f2": "THEIRS"}, *made["f5"]]}
    assert lens().put(lens().get(theirs), theirs) == theirs
    changed = lens().put({"name": "skogvik", "address": "storgata 2"}, theirs)
    assert changed == {**theirs, "f5": [theirs["f5"][0], {"f1": {"c1": "HOME"}, "f2": "STORGATA 2"}]}


def test_errors_name_places_as_the_format_does() -> None:
    """A place in an error is written by the dialect: PRD-f3, not a FHIRPath."""
    with pytest.raises(InvalidInput) as caught:
        lens().get({"segment": "PRD", "f3": 7}, NO_LINKS, "PRD[2]")
    assert [problem.path for problem in caught.value.problems] == ["PRD[2]-f3"]
    with pytest.raises(InvalidInput) as caught:
        lens().get({"segment": "PRD", "f3": "A", "f5": [{"f1": {"c1": "HOME"}, "f2": 1}]}, NO_LINKS, "PRD")
    assert [problem.path for problem in caught.value.problems] == ["PRD-f5[0]-f2"]
    assert lens().where("address", {}) == "f5[new]-f2"


def test_the_dialect_guards_its_nodes() -> None:
    """What changes the meaning is the dialect's to know: here a Z field, and another segment."""
    for node, told in (({"segment": "PRD", "f3": "A", "Z": 1}, "PRD-Z"), ({"segment": "PV1", "f3": "A"}, "PRD")):
        with pytest.raises(InvalidInput) as caught:
            lens().get(node, NO_LINKS, "PRD")
        assert [problem.path for problem in caught.value.problems] == [told]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"dialect": "morse", "row": [{"domain": "name", "morse": "f3"}]},
            "table Provider: there is no dialect 'morse'; there are segments",
        ),
        (
            {"row": [{"domain": "name", "segments": "f3", "type": "person-id"}]},
            "Provider, row name: there is no type 'person-id'; there are shouted",
        ),
    ],
    ids=["an unknown dialect", "a leaf kind of another dialect"],
)
def test_a_table_that_its_dialect_does_not_know(change: dict[str, Any], told: str) -> None:
    """A dialect that there is not, and a leaf kind of another, are refused when the tables are loaded."""
    with pytest.raises(MappingError) as caught:
        lens({**TABLE, **change})
    assert str(caught.value) == told

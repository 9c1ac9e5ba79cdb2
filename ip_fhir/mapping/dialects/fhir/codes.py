"""The leaf kinds for vocabulary: bare codes, Codings and CodeableConcepts, translated by code tables."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.lenses.nodes import Path, Told
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import CodeTable


class Code(Leaf):
    """A bare code, translated by a closed table."""

    def __init__(self, table: CodeTable) -> None:
        self.table = table

    def get(self, node: Any, _links: Links) -> str:
        """The domain's word."""
        expect(node, str, "a code")
        word = self.table.words.get(("", node))
        if word is None:
            raise Wrong(f"is a code that the table {self.table.name} does not know", "code-invalid")
        return word

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The code."""
        return None if value is None else _written(self.table, value)["code"]

    def owns(self, node: Any) -> bool:
        """True for a code of the table."""
        return type(node) is str and ("", node) in self.table.words


class CodeOrUnknown(Code):
    """A bare code of a closed table; FHIR's code `unknown` says nothing, and stays until another one is written."""

    def get(self, node: Any, links: Links) -> str | None:  # type: ignore[override]  # None: not known
        """The domain's word, or None."""
        return None if node == "unknown" else super().get(node, links)


class Coding(Leaf):
    """A Coding, translated by a table."""

    def __init__(self, table: CodeTable) -> None:
        self.table = table

    def get(self, node: Any, _links: Links) -> str | None:
        """The domain's word; an unknown code of a system of ours is refused, another system's is not ours."""
        system, code = expect(node, dict, "an object").get("system"), node.get("code")
        if not isinstance(code, str | None) or not isinstance(system, str | None):
            raise Wrong("has a system or code that is not text", "structure")
        word = self.table.words.get((system or "", code or ""))
        if word is None and system in self.table.closed:
            raise Wrong(f"is a code that the table {self.table.name} does not know", "code-invalid")
        return word

    def put(self, value: Any, node: Any, _links: Links, _known: Any = None) -> Any:
        """The Coding with our members replaced and others kept; members that described the old code are removed."""
        rest = {k: v for k, v in (node or {}).items() if k not in ("system", "code", "display", "version")}
        return {**({} if value is None else _written(self.table, value)), **rest} or None

    def owns(self, node: Any) -> bool:
        """True for a coding of the table."""
        return type(node) is dict and _key(node) in self.table.words


def _written(table: CodeTable, word: str) -> dict[str, str]:
    coding = table.codings.get(word)
    if coding is None:
        raise Wrong(f"has no code for {word!r} in the table {table.name}", "not-supported")
    return coding


def _key(coding: dict[str, Any]) -> tuple[str, str]:
    system, code = coding.get("system"), coding.get("code")
    return (system if type(system) is str else "", code if type(code) is str else "")


class Concept(Leaf):
    """A CodeableConcept with one coding of a table, and what goes beside it; the rest is left alone."""

    def __init__(self, table: CodeTable) -> None:
        self.coding = Coding(table)
        self.beside = table.beside
        self.once_beside = frozenset(_key(coding) for codings in table.beside.values() for coding in codings)

    def get(self, node: Any, links: Links) -> str | None:
        """The word of the first coding that has one; a later coding that stands for another word contradicts it."""
        codings = expect(node, dict, "an object").get("coding")
        found: str | None = None
        for index, coding in enumerate([] if codings is None else expect(codings, list, "a list")):
            if found is not None and not self.coding.owns(coding):
                continue
            try:
                word = self.coding.get(coding, links)
            except Wrong as wrong:
                wrong.path.insert(0, f"coding[{index}]")
                raise
            if None not in (found, word) and word != found:
                raise Wrong("means something else than the code before it", "multiple-matches", f"coding[{index}]")
            found = found or word
        return found

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The concept with our coding and its companions replaced in place."""
        codings: list[Any] = (node or {}).get("coding") or []
        at = next((n for n, coding in enumerate(codings) if self.coding.owns(coding)), len(codings))
        new = self.coding.put(value, codings[at] if at < len(codings) else None, links)
        ours = [] if new is None else [new, *self.beside.get(value, ())]
        before, after = self._others(codings[:at]), self._others(codings[at + 1 :])
        merged = [*before, *ours, *after]
        rest = {k: v for k, v in (node or {}).items() if k != "coding"}
        return ({"coding": merged, **rest} if merged else rest) or None

    def _others(self, codings: list[Any]) -> list[Any]:
        """The codings that are not companions of ours."""
        return [c for c in codings if not (type(c) is dict and _key(c) in self.once_beside)]

    def owns(self, node: Any) -> bool:
        """True with a code of the table, or of a closed system: unknown codes there are refused, not skipped."""
        codings = node.get("coding") if type(node) is dict else None
        closed = self.coding.table.closed
        return type(codings) is list and any(
            type(c) is dict and (self.coding.owns(c) or _key(c)[0] in closed) for c in codings
        )


class StrictestLabel(Leaf):
    """A list of Codings, such as security labels, of which the strictest that the table has is the value.

    The table's later row is the stricter. Other labels are somebody else's, also those of the same code system.
    """

    def __init__(self, table: CodeTable) -> None:
        self.coding = Coding(table)
        self.rank = {word: rank for rank, word in enumerate(table.codings)}

    def get(self, node: Any, links: Links) -> str | None:
        """The word of the strictest label; None without one."""
        labels = [item for item in expect(node, list, "a list") if self.coding.owns(item)]
        words = [word for item in labels if (word := self.coding.get(item, links)) is not None]
        return max(words, key=self.rank.__getitem__, default=None)

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The labels as they are if they say so already; else one of ours in place of the first, and no other."""
        items: list[Any] = [] if node is None else expect(node, list, "a list")
        if self.get(items, links) == value:
            return node
        ours = [n for n, item in enumerate(items) if self.coding.owns(item)]
        new = self.coding.put(value, items[ours[0]] if ours else None, links) if value is not None else None
        at = ours[0] if ours else len(items)
        kept = [item for n, item in enumerate(items) if n not in ours]
        before = at - sum(n < at for n in ours)
        return [*kept[:before], *([] if new is None else [new]), *kept[before:]] or None

    def owns(self, node: Any) -> bool:
        """True for a list with a label of the table."""
        return type(node) is list and any(map(self.coding.owns, node))


class ConceptText(Leaf):
    """The words of a CodeableConcept: its text; else the first display of its codings; else the first code."""

    telling = True

    def get(self, node: Any, _links: Links) -> str | None:
        """The words, or None."""
        return words_of(node)[0]

    def put(self, value: Any, node: Any, _links: Links, _known: Any = None) -> Any:
        """The concept with the words as its text. Codes for other words are removed: they would contradict it."""
        rest = {k: v for k, v in (node or {}).items() if k not in ("text", "_text", "coding")}
        return {"text": value, **rest} if value is not None else rest or None

    def owns(self, node: Any) -> bool:
        """True for an object with words."""
        try:
            return type(node) is dict and words_of(node)[0] is not None
        except Wrong:
            return True  # reading it tells what is wrong

    def reads(self, node: Any, _links: Links, path: Path) -> Iterator[Path]:
        """The text, or the display or code that the words are of; what stands beside it is not read."""
        words, place = words_of(node)
        if words is not None:
            yield (*path, *(place or ("text",)))

    def tells(self, node: Any, _links: Links, path: Path) -> Iterator[Told]:
        """The place of the words, where they are no text."""
        _, place = words_of(node)
        if place:
            yield (*path, *place), f"is read as the words: there is no text, but a {place[-1]}"


def words_of(node: Any) -> tuple[str | None, Path]:
    """The words of a concept and their place below it; an empty place for its text, or if there are none."""
    text = expect(node, dict, "an object").get("text")
    if text is not None:
        return str(expect(text, str, "text")), ()
    codings = expect(node.get("coding", []), list, "a list")
    for name in ("display", "code"):
        for number, coding in enumerate(codings):
            if type(coding) is dict and type(words := coding.get(name)) is str and words.strip():
                return words, ("coding", number, name)
    return None, ()


KINDS: Final = (
    LeafKind("code", Code, "vocabulary", coded=True, holds=StrEnum, scalar=True),
    LeafKind("code-or-unknown", CodeOrUnknown, "vocabulary", coded=True, holds=StrEnum, element="code", scalar=True),
    LeafKind("coding", Coding, "vocabulary", coded=True, holds=StrEnum, element="Coding"),
    LeafKind("concept", Concept, "vocabulary", coded=True, holds=StrEnum, element="CodeableConcept"),
    LeafKind("strictest-label", StrictestLabel, "vocabulary", coded=True, holds=StrEnum, element="Coding"),
    LeafKind(
        "concept-text",
        lambda _: ConceptText(),
        "lens",
        element="CodeableConcept",
        written="new_text({})",
        structs=("text",),
    ),
)

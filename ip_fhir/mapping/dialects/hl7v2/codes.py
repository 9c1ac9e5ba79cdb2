"""The leaf kinds for vocabulary: bare codes, and coded elements (CWE) with their coding system."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import MappingError
from ip_fhir.mapping.dialects.hl7v2.conditions import accepted, says_something
from ip_fhir.mapping.dialects.hl7v2.places import OURS
from ip_fhir.mapping.dialects.hl7v2.plain import said
from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf
from ip_fhir.mapping.lenses.wrong import Wrong, expect
from ip_fhir.mapping.tables.model import HL7_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.lenses.nodes import Path, Told
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import CodeTable


class Code(Leaf):
    """The code in a component, translated by a closed table."""

    def __init__(self, table: CodeTable) -> None:
        self.table = table

    def get(self, node: Any, _links: Links) -> str | None:
        """The domain's word; an unknown code is refused."""
        code = said(node)
        if code is None:
            return None
        word = self.table.words.get(("", code))
        if word is None:
            raise Wrong(f"is a code that the table {self.table.name} does not know", "code-invalid")
        return word

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The code."""
        return None if value is None else coding_of(self.table, value)["code"]

    def owns(self, node: Any) -> bool:
        """True for a code of the table."""
        return type(node) is str and ("", node) in self.table.words


class CodeAlone(Leaf):
    """The code in a text, without its coding system: no two systems of the table may have it for different words."""

    def __init__(self, table: CodeTable) -> None:
        self.table = table
        self.words: dict[str, str] = {}
        for (_, code), word in table.words.items():
            if self.words.setdefault(code, word) != word:
                raise MappingError(f"the code {code!r} has two meanings in the table {table.name}")

    def get(self, node: Any, _links: Links) -> str | None:
        """The domain's word; an unknown code is refused."""
        code = said(node)
        if code is not None and code not in self.words:
            raise Wrong(f"is a code that the table {self.table.name} does not know", "code-invalid")
        return None if code is None else self.words[code]

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The code."""
        return None if value is None else coding_of(self.table, value)["code"]

    def owns(self, node: Any) -> bool:
        """True for text that says something: an unknown code is refused, not skipped."""
        return type(node) is str and said(node) is not None


class Coded(Leaf):
    """A coded element: code, words and coding system (CWE-1 to 3), and another coding of the same (CWE-4 to 6).

    A code of HL7's own table may stand without its coding system, and one of ours with 99IP alone.
    """

    telling = True

    def __init__(self, table: CodeTable) -> None:
        self.table = table
        self.systems: dict[str, list[str]] = {}
        for uri, mnemonic in table.mnemonics.items():
            hl7 = uri.removeprefix(HL7_TABLES) if uri.startswith(HL7_TABLES) else None
            names = {mnemonic, uri} if hl7 is None else {*accepted(hl7), uri}
            for name in {*names, OURS} if mnemonic.startswith(OURS) else names:
                self.systems.setdefault(name, []).append(uri)

    def get(self, node: Any, _links: Links) -> str | None:
        """The domain's word; an unknown code of a system of ours is refused, another system's is not ours."""
        expect(node, dict, "a coded element")
        if not says_something(node):
            return None
        words = [word for at in (1, 4) if (word := self._word(node, at)) is not None]
        if len({*words}) > 1:
            raise Wrong("has two codes that mean different things", "multiple-matches")
        if not words and self._is_closed(node):
            raise Wrong(f"is a code that the table {self.table.name} does not know", "code-invalid")
        return words[0] if words else None

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The coded element; what described the old code goes with it."""
        return None if value is None else coded(self.table, value)

    def owns(self, node: Any) -> bool:
        """True with a code of the table, or of a closed system: unknown codes there are refused, not skipped."""
        if type(node) is not dict:
            return False
        return any(self._word(node, at) is not None for at in (1, 4)) or (
            says_something(node) and self._is_closed(node)
        )

    def tells(self, node: Any, links: Links, path: Path) -> Iterator[Told]:
        """The place, if it has a code, and none that the table knows."""
        if says_something(node) and self.get(node, links) is None:
            yield path, "is a code that is not known here: not read"

    def _word(self, node: dict[str, Any], at: int) -> str | None:
        code, system = node.get(f"c{at}"), node.get(f"c{at + 2}", "")
        if type(code) is not str or type(system) is not str:
            return None
        found = (self.table.words.get((uri, code)) for uri in self.systems.get(system, ()))
        return next((word for word in found if word is not None), None)

    def _is_closed(self, node: dict[str, Any]) -> bool:
        """True if other codes of the coding system are refused; without one it is that of HL7's own table."""
        return any(uri in self.table.closed for uri in self.systems.get(node.get("c3", ""), ()))


def coding_of(table: CodeTable, word: str) -> dict[str, str]:
    """The coding of a word. Raises `Wrong` for one that has none."""
    found = table.codings.get(word)
    if found is None:
        raise Wrong(f"has no code for {word!r} in the table {table.name}", "not-supported")
    return found


def coded(table: CodeTable, word: str) -> dict[str, str]:
    """The coded element of a word: code, words, coding system."""
    coding = coding_of(table, word)
    made = {"c1": coding["code"], "c2": coding.get("display", "")}
    if "system" in coding:
        made["c3"] = table.mnemonics[coding["system"]]
    return {name: text for name, text in made.items() if text}


KINDS: Final = (
    LeafKind("code", Code, "lens", coded=True, holds=StrEnum, element="ID", scalar=True),
    LeafKind("code-alone", CodeAlone, "lens", coded=True, holds=StrEnum, element="FT"),
    LeafKind("concept", Coded, "lens", coded=True, holds=StrEnum, element="CWE"),
)

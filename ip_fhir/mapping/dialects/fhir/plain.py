"""The leaf kinds for strings, numbers, flags and words, which are read as they are, and for mere presence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf, Present
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row


class Primitive(Leaf):
    """A JSON string, number or boolean, read as it is. `check` refuses a wrong form with a reason."""

    def __init__(self, kind: type, what: str, check: Callable[[Any], str | None] | None = None) -> None:
        self.kind, self.what, self.check = kind, what, check

    def get(self, node: Any, _links: Links) -> Any:
        """The value, type-checked."""
        expect(node, self.kind, self.what)
        if self.check is not None and (reason := self.check(node)):
            raise Wrong(reason)
        return node

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The value."""
        return value

    def owns(self, node: Any) -> bool:
        """True for any value of the type."""
        return type(node) is self.kind


class Words(Leaf):
    """A list of words as one text (given names)."""

    def get(self, node: Any, _links: Links) -> str | None:
        """The words with blanks between."""
        words = [expect(word, str, "text") for word in expect(node, list, "a list") if word is not None]
        return " ".join(words) or None

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The text as one entry."""
        return None if value is None else [value]

    def owns(self, node: Any) -> bool:
        """True for a list."""
        return type(node) is list


def _text(row: Row, number: int) -> str:
    return f"r{number % 64}" if row.domain == ("id",) else f"{row.field} {number}"


def _turn(_row: Row, number: int) -> bool:
    return number % 2 == 0


class IdentifierToken(Leaf):
    """An Identifier as a token: `system|value` (http://hl7.org/fhir/R4/search.html#token)."""

    def get(self, node: Any, _links: Links) -> str | None:
        """The token; None for an identifier without a system or a value."""
        expect(node, dict, "an object")
        system, value = node.get("system"), node.get("value")
        return f"{system}|{value}" if type(system) is str and type(value) is str else None

    def put(self, value: Any, node: Any, _links: Links, _known: Any = None) -> Any:
        """The identifier with system and value of the token; what else stands in it is kept."""
        return None if value is None else {**(node or {}), **_identifier(value)}

    def owns(self, node: Any) -> bool:
        """True for an object."""
        return type(node) is dict


def _identifier(token: str) -> dict[str, str]:
    system, _, number = token.partition("|")
    return {"system": system, "value": number}


def _token(_row: Row, number: int) -> str:
    return f"urn:oid:2.16.578.1.12.4.1.2|{90000101 + number}"


KINDS: Final = (
    LeafKind("string", lambda _: Primitive(str, "text"), "text", sample=_text),
    LeafKind("boolean", lambda _: Primitive(bool, "true or false"), "flag", holds=bool, sample=_turn),
    LeafKind("positiveInt", lambda _: Primitive(int, "a whole number"), "number", holds=int, sample=lambda _, n: n + 2),
    LeafKind("unsignedInt", lambda _: Primitive(int, "a whole number"), "number", holds=int, sample=lambda _, n: n + 2),
    LeafKind("words", lambda _: Words(), "words", element="string", written="[{}]"),
    LeafKind("present", lambda _: Present(), "vocabulary", holds=bool, element="-", sample=_turn, presence=True),
    LeafKind(
        "identifier-token",
        lambda _: IdentifierToken(),
        "lens",
        element="Identifier",
        sample=_token,
        written="token_identifier({})",
        names=lambda _: {"token_identifier": _identifier},
    ),
)

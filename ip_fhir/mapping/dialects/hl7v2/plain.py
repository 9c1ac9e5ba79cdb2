"""The leaf kinds for texts and numbers in one component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.mapping.dialects.hl7v2.conditions import NULL
from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf, Present
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row


def said(node: Any) -> str | None:
    """The text of a component; None where it is empty, or HL7's null. Raises `Wrong` for what is no text."""
    text: str = node if type(node) is str else expect(node, str, "text")
    return None if text in ("", NULL) else text


class Text(Leaf):
    """The text of a component, as it stands."""

    def get(self, node: Any, _links: Links) -> Any:
        """The text, or None."""
        return said(node)

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The text."""
        return value

    def owns(self, node: Any) -> bool:
        """True for text that says something."""
        return type(node) is str and said(node) is not None


class Indicator(Text):
    """Yes or no (table 0136): `Y` or `N`."""

    def get(self, node: Any, _links: Links) -> bool | None:
        """True for Y, false for N."""
        text = said(node)
        text = text and text.strip(" ")  # a blank at the end of a line is part of its last field
        if text not in (None, "", "Y", "N"):
            raise Wrong("is neither Y nor N", "code-invalid")
        return text == "Y" if text else None

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """Y or N."""
        return None if value is None else "Y" if value else "N"


def text_sample(row: Row, number: int) -> str:
    """A text for the laws, different for each number; an id where the field is one."""
    return f"r{number % 64}" if row.domain[-1] == "id" else f"{row.field} {number}"


def turn(_row: Row, number: int) -> bool:
    """True and false in turn."""
    return number % 2 == 0


KINDS: Final = (
    LeafKind("string", lambda _: Text(), "lens", element="ST", sample=text_sample),
    LeafKind("indicator", lambda _: Indicator(), "lens", holds=bool, element="ID", sample=turn),
    LeafKind("present", lambda _: Present(), "lens", holds=bool, element="-", sample=turn, presence=True),
)

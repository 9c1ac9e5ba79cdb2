"""The leaf kinds for a row of an answered form: one OBX segment, whose type (OBX-2) and status (OBX-11) belong to it.

OBX-3 is the linkId of the item in our questionnaires, which the path of the table's row names: `OBX[f3~reason@99IP]`.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.mapping.dialects.hl7v2.codes import Code, Coded, coding_of
from ip_fhir.mapping.dialects.hl7v2.conditions import says_something
from ip_fhir.mapping.dialects.hl7v2.plain import Indicator, Text, said, text_sample, turn
from ip_fhir.mapping.dialects.hl7v2.times import Day, day_sample
from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import CodeTable, Row

_OURS: Final = ("f1", "f2", "f5", "f11")
_TAKEN_BACK: Final = ("D", "W", "X")  # table 0085: deleted, wrong person or place, cannot be obtained


class RowValue(Leaf):
    """The value of a row (OBX-5). `type_` is written to OBX-2; rows of any type that `inner` can read are read.

    A row that takes its value back (OBX-11) is refused. `inner` is the lens on the first component of OBX-5.
    """

    def __init__(self, type_: str, inner: Leaf) -> None:
        self.type_, self.inner = type_, inner

    def get(self, node: Any, links: Links) -> Any:
        """The value, or None."""
        values = standing(node)
        if values is None:
            return None
        try:
            return self.read(values, links)
        except Wrong as wrong:
            wrong.path = wrong.path or ["f5"]
            raise

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The row with the value; without one, what another system put into the row is left."""
        old = {} if node is None else expect(node, dict, "a segment")
        if value is None:
            return {name: field for name, field in old.items() if name not in _OURS} or None
        status = old.get("f11") or [{"c1": "F"}]
        return {**old, "f2": [{"c1": self.type_}], "f5": self.written(value, links), "f11": status}

    def owns(self, node: Any) -> bool:
        """True for a segment with a value."""
        return type(node) is dict and says_something(node.get("f5"))

    def read(self, values: list[Any], links: Links) -> Any:
        """The value of OBX-5, which is one."""
        return self.inner.get(expect(alone(values).get("c1", ""), str, "text"), links)

    def written(self, value: Any, links: Links) -> list[Any]:
        """OBX-5."""
        return [{"c1": self.inner.put(value, None, links)}]


def standing(node: Any) -> list[Any] | None:
    """The repetitions of OBX-5 of a row that holds; None if they say nothing. Raises `Wrong` for what is taken back."""
    values = (node if type(node) is dict else expect(node, dict, "a segment")).get("f5")
    if not says_something(values):
        return None
    status = node.get("f11")
    if status and status[0].get("c1", "") in _TAKEN_BACK:
        raise Wrong("is taken back, or belongs to another person", "not-supported", "f11")
    found: list[Any] = values if type(values) is list else expect(values, list, "a list")
    return found


def alone(values: list[Any]) -> dict[str, Any]:
    """The only repetition. Raises `Wrong` if there are several."""
    if len(values) > 1:
        raise Wrong("has several values, and there can be one only", "multiple-matches", "f5")
    only = values[0]
    found: dict[str, Any] = only if type(only) is dict else expect(only, dict, "a repetition")
    return found


class Words(RowValue):
    """Words for people; each repetition of the field is a line, as in the type TX."""

    def read(self, values: list[Any], _links: Links) -> str:
        """The lines."""
        return "\n".join(expect(expect(v, dict, "a repetition").get("c1", ""), str, "text") for v in values)


class Number(Text):
    """A whole number."""

    def get(self, node: Any, _links: Links) -> int | None:
        """The number."""
        text = said(node)
        if text is not None and not (text.isascii() and text.isdigit() and len(text) < 10):
            raise Wrong("is no whole number")
        return None if text is None else int(text)

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The number in digits."""
        return None if value is None else str(value)


class YesNo(RowValue):
    """Yes or no, as a coded element of table 0136."""

    def __init__(self) -> None:
        super().__init__("CWE", Indicator())

    def written(self, value: Any, _links: Links) -> list[Any]:
        """The coded element."""
        return [{"c1": "Y", "c2": "Yes", "c3": "HL70136"} if value else {"c1": "N", "c2": "No", "c3": "HL70136"}]


class Concept(RowValue):
    """A coded element, translated by a table; a table without coding systems is written as bare codes (ST)."""

    def __init__(self, table: CodeTable) -> None:
        self.table = table
        self.bare = not table.mnemonics
        super().__init__("ST" if self.bare else "CWE", Code(table) if self.bare else Coded(table))

    def read(self, values: list[Any], links: Links) -> Any:
        """The domain's word."""
        if self.bare:
            return super().read(values, links)
        word = self.inner.get(alone(values), links)
        if word is None:
            raise Wrong(f"is a code that the table {self.table.name} does not know", "code-invalid", "f5")
        return word

    def written(self, value: Any, links: Links) -> list[Any]:
        """The coded element, or the bare code."""
        return [{"c1": coding_of(self.table, value)["code"]} if self.bare else self.inner.put(value, None, links)]


class Document(Leaf):
    """A document: its bytes (ED), or its address (RP); its title stands beside the linkId (OBX-3.2)."""

    def get(self, node: Any, _links: Links) -> Any:
        """The document as the domain's JSON has it, or None."""
        values = standing(node)
        if values is None:
            return None
        value, by_address = alone(values), (node.get("f2") or [{}])[0].get("c1") == "RP"
        kind, format_ = (value.get("c3"), value.get("c4")) if by_address else (value.get("c2"), value.get("c3"))
        if not by_address and value.get("c4", "").upper() != "BASE64":
            raise Wrong("is in no encoding that is read here, which is Base64", "not-supported", "f5", "c4")
        found = {"title": _title(node), "content_type": _media_type(kind, format_)}
        place, content = ("url", value.get("c1")) if by_address else ("data", value.get("c5"))
        return {name: text for name, text in {**found, place: content}.items() if text}

    def put(self, value: Any, node: Any, _links: Links, _known: Any = None) -> Any:
        """The row with the document."""
        old = {} if node is None else expect(node, dict, "a segment")
        code = (old.get("f3") or [{}])[0]
        if value is None:
            rest = {name: field for name, field in old.items() if name not in _OURS}
            bare = [{name: text for name, text in code.items() if name != "c2"}]
            return {**rest, "f3": bare} if "f3" in rest else rest or None
        kind, _, format_ = value["content_type"].partition("/")
        by_address = "url" in value
        content = (
            {"c1": value["url"], "c3": kind, "c4": format_}
            if by_address
            else {"c2": kind, "c3": format_, "c4": "Base64", "c5": value["data"]}
        )
        titled = [{**code, "c2": value["title"]}]
        return {
            **old,
            "f2": [{"c1": "RP" if by_address else "ED"}],
            "f3": titled,
            "f5": [content],
            "f11": [{"c1": "F"}],
        }

    def owns(self, node: Any) -> bool:
        """True for a segment of one of the two types with a value."""
        if type(node) is not dict or not says_something(node.get("f5")):
            return False
        return (node.get("f2") or [{}])[0].get("c1") in ("ED", "RP")


_KINDS_OF_DATA: Final = {"text": "text", "image": "image", "audio": "audio", "im": "image", "au": "audio", "ft": "text"}
_FORMATS: Final = {"jpg": "jpeg", "pjpeg": "jpeg", "tif": "tiff"}


def _media_type(kind: Any, format_: Any) -> str | None:
    """The media type of a type and a format of data (tables 0191 and 0291), in small letters: `text/html`."""
    if type(kind) is not str or type(format_) is not str or not kind or not format_:
        return None
    small = kind.lower()
    if kind.islower():
        return f"{kind}/{format_}"
    return f"{_KINDS_OF_DATA.get(small, 'application')}/{_FORMATS.get(format_.lower(), format_.lower())}"


def _title(node: dict[str, Any]) -> str | None:
    code: dict[str, str] = (node.get("f3") or [{}])[0]
    return code.get("c2") or code.get("c1")


_BASE64: Final = ("JVBERi0xLjQ=", "SGVp")


def _document(row: Row, number: int) -> dict[str, str]:
    title = {"title": f"{row.field} {number}", "content_type": "application/pdf"}
    place = {"url": f"https://docs.example/{number}"} if number % 2 else {"data": _BASE64[number % 2]}
    return {**title, **place}


def _count(_row: Row, number: int) -> int:
    return number + 2


_DASHED = re.compile(r"[^A-Za-z0-9-]")


def _ident(row: Row, number: int) -> str:
    return _DASHED.sub("-", f"{row.field}-{number}")


KINDS: Final = (
    LeafKind("number", lambda _: Number(), "lens", holds=int, element="NM", sample=_count),
    LeafKind("row-words", lambda _: Words("TX", Text()), "lens", element="OBX TX", sample=text_sample),
    LeafKind("row-id", lambda _: RowValue("ST", Text()), "lens", element="OBX ST", sample=_ident),
    LeafKind(
        "row-day",
        lambda _: RowValue("DT", Day()),
        "lens",
        holds=date,
        element="OBX DT",
        sample=day_sample,
        value=date.fromisoformat,
    ),
    LeafKind("row-number", lambda _: RowValue("NM", Number()), "lens", holds=int, element="OBX NM", sample=_count),
    LeafKind("row-yes-no", lambda _: YesNo(), "lens", holds=bool, element="OBX CWE", sample=turn),
    LeafKind("row-concept", Concept, "lens", coded=True, holds=StrEnum, element="OBX CWE or ST"),
    LeafKind("row-document", lambda _: Document(), "lens", holds=dict, element="OBX ED or RP", sample=_document),
)

"""The leaf kinds for names (XPN), addresses (XAD) and ways to reach somebody (XTN), each a whole field or entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.mapping.dialects.hl7v2.conditions import NULL, says_something
from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row


def _text(node: dict[str, Any], name: str) -> str | None:
    """A component's text; None where it is empty, HL7's null, or not there."""
    text = node.get(name)
    if text is None or text in ("", NULL):
        return None
    found: str = text if type(text) is str else expect(text, str, "text")
    return found


class _Counting(Leaf):
    """The repetition of a field that counts: the first of the first type that there is. Other types are others'."""

    types: Sequence[str]
    """The types by their order; `""` is none said."""

    type_at: str

    def at(self, items: Any) -> int | None:
        """The number of the repetition that counts; None where there is none."""
        reps = expect(items, list, "a list")
        if len(reps) == 1 and type(reps[0]) is dict:  # as nearly always
            (only,) = reps
            return 0 if only.get(self.type_at, "") in self.types and says_something(only) else None
        ranks = [
            (self.types.index(kind), n)
            for n, rep in enumerate(reps)
            if type(rep) is dict and says_something(rep) and (kind := rep.get(self.type_at, "")) in self.types
        ]
        return min(ranks)[1] if ranks else None

    def get(self, node: Any, _links: Links) -> Any:
        """The value of the repetition, or None."""
        at = self.at(node)
        return None if at is None else self.read(node[at])

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The field with the value in the repetition that counts; a new one is put at the end."""
        reps: list[Any] = [] if node is None else expect(node, list, "a list")
        at = self.at(reps)
        new = None if value is None else self.written(value, {} if at is None else reps[at])
        if at is None:
            return [*reps, new] if new is not None else node
        left = [*reps[:at], *([] if new is None else [new]), *reps[at + 1 :]]
        if new is None and left and self.get(left, links) is not None:
            raise Wrong("cannot be removed: the one after it would be taken for it", "business-rule", f"[{at}]")
        return left or None

    def owns(self, node: Any) -> bool:
        """True for a field with a repetition that counts."""
        return type(node) is list and self.at(node) is not None

    def read(self, rep: dict[str, Any]) -> Any:
        """The value of a repetition."""
        raise NotImplementedError

    def written(self, value: Any, old: dict[str, Any]) -> dict[str, Any]:
        """The repetition with the value."""
        raise NotImplementedError


class PersonName(_Counting):
    """A person's name: family name, and all given names together. The legal name counts before any other."""

    types = ("L", "", "D", "C")
    type_at = "c7"

    def read(self, rep: dict[str, Any]) -> Any:
        """The name; given names and further ones are one text."""
        given = " ".join(filter(None, (_text(rep, "c2"), _text(rep, "c3"))))
        found = {"family": _text(rep, "c1"), "given": given or None}
        return {name: text for name, text in found.items() if text is not None} or None

    def written(self, value: Any, old: dict[str, Any]) -> dict[str, Any]:
        """The name; all given names in the second component."""
        kept = {name: text for name, text in old.items() if name not in ("c1", "c2", "c3")}
        given = {"c2": value["given"]} if value.get("given") else {}
        return {"c1": value["family"], **given, **kept}


class LegalName(PersonName):
    """A person's name, written as the legal one."""

    def written(self, value: Any, old: dict[str, Any]) -> dict[str, Any]:
        """The name, with its type where it is new."""
        return super().written(value, old or {"c7": "L"})


class StreetAddress(_Counting):
    """An address: lines, postal code and place, and the number of the municipality (XAD-9)."""

    types = ("H", "", "C", "M", "B", "O")
    type_at = "c7"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def read(self, rep: dict[str, Any]) -> Any:
        """The address; the first component is one line, and each line of the second is one."""
        second = _text(rep, "c2")
        lines = [line for line in (_text(rep, "c1"), *(second.split("\n") if second else ())) if line]
        found = {
            "lines": lines,
            "postal_code": _text(rep, "c5"),
            "city": _text(rep, "c3"),
            "municipality": _text(rep, "c9"),
        }
        return {name: part for name, part in found.items() if part} or None

    def written(self, value: Any, old: dict[str, Any]) -> dict[str, Any]:
        """The address. Raises `Wrong` for a line with a line break in it, which would be read as two."""
        lines = value.get("lines") or []
        if any("\n" in line for line in lines):
            raise Wrong("has a line with a line break in it, which HL7 v2 cannot tell from two lines", "business-rule")
        parts = {
            "c1": lines[0] if lines else None,
            "c2": "\n".join(lines[1:]),
            "c3": value.get("city"),
            "c5": value.get("postal_code"),
            "c9": value.get("municipality"),
        }
        kept = {name: text for name, text in old.items() if name not in parts}
        kind = {"c7": self.kind} if self.kind and not old else {}
        return {**kept, **kind, **{name: part for name, part in parts.items() if part}}


class Telecom(Leaf):
    """One way to reach somebody: number or address, and by what means (XTN-3). Fax, pager and others are others'.

    XTN-12 has a number as it is written; without it XTN-1, or XTN-5 to 8 put together. An `@` in XTN-1 is an e-mail.
    """

    def __init__(self, use: str) -> None:
        self.use = use

    def get(self, node: Any, _links: Links) -> Any:
        """System and value, or None."""
        means, address = expect(node, dict, "a repetition").get("c3", ""), _text(node, "c4")
        number = _text(node, "c12") or _text(node, "c1") or _put_together(node)
        if means in ("Internet", "X.400") or (means == "" and address is not None):
            value = address or number
            said = _WORDS.get(node.get("c9", ""))
            system = said if said in ("email", "url") else "email" if "@" in (value or "") else "url"
            return None if value is None else {"system": system, "value": value}
        if means not in ("", "PH", "CP") or number is None:
            return None
        if means == "" and "@" in number:
            return {"system": "email", "value": number}
        is_sms = means == "CP" and _WORDS.get(node.get("c9", "")) == "sms"
        return {"system": "sms" if is_sms else "phone", "value": number}

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The entry. XTN-9 says what the means leave open: SMS, an e-mail without `@`, a web address with it."""
        if value is None:
            return None
        system, said = value["system"], value["value"]
        if system in ("email", "url"):
            plain = {"c2": "NET", "c3": "Internet", "c4": said}
            return plain if ("@" in said) == (system == "email") else {**plain, "c9": system.upper()}
        if system == "sms":
            return {"c2": self.use, "c3": "CP", "c9": "SMS", "c12": said}
        return {"c2": self.use, "c3": "PH", "c12": said}

    def owns(self, node: Any) -> bool:
        """True for an entry that can be read."""
        return type(node) is dict and self.get(node, None) is not None  # type: ignore[arg-type]  # looks at no links


_WORDS: Final = {"SMS": "sms", "EMAIL": "email", "URL": "url"}
"""The words of ours in XTN-9."""


def _put_together(node: dict[str, Any]) -> str | None:
    """Country, area, number and extension (XTN-5 to 8) as one number; None without a number."""
    if _text(node, "c7") is None:
        return None
    country, extension = _text(node, "c5"), _text(node, "c8")
    parts = (f"+{country.lstrip('+')}" if country else None, _text(node, "c6"), _text(node, "c7"))
    return " ".join(filter(None, parts)) + (f" x{extension}" if extension else "")


def _name(row: Row, number: int) -> dict[str, str]:
    return {"family": f"{row.field} {number}", "given": f"Given {number}"}


def _address(_row: Row, number: int) -> dict[str, Any]:
    return {"lines": [f"Gata {number}", "2. etasje"], "postal_code": "9899", "city": "Nordvik", "municipality": "5699"}


def _contact(_row: Row, number: int) -> dict[str, str]:
    values = (
        ("phone", "+47 00 00 00 0{}"),
        ("email", "a{}@b.example"),
        ("sms", "9000000{}"),
        ("url", "https://b.example/{}"),
    )
    system, value = values[number % len(values)]
    return {"system": system, "value": value.format(number)}


KINDS: Final = (
    LeafKind("person-name", lambda _: PersonName(), "lens", holds=dict, element="XPN", sample=_name),
    LeafKind("legal-name", lambda _: LegalName(), "lens", holds=dict, element="XPN", sample=_name),
    LeafKind("home-address", lambda _: StreetAddress("H"), "lens", holds=dict, element="XAD", sample=_address),
    LeafKind("address", lambda _: StreetAddress(""), "lens", holds=dict, element="XAD", sample=_address),
    LeafKind("home-contact", lambda _: Telecom("PRN"), "lens", holds=dict, element="XTN", sample=_contact),
    LeafKind("work-contact", lambda _: Telecom("WPN"), "lens", holds=dict, element="XTN", sample=_contact),
)

"""A message's value as one peer wants it: version, character set, acknowledgements, and what older versions lack.

Rows of the tables are of 2.5.1. What another version has elsewhere is moved here, to a place where the same tables read
it: a telephone number to XTN-1 before 2.5 (2.9 section 2.A.90), CWE as CE before 2.5, and OBX-4, which the grammar of
2.3.1 and of 2.7 and later requires. A professional's title (XPN-14, from 2.5) goes beside the numbers of PRD-7, and is
put back when it is read (`heard`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.hl7v2.structure.events import is_before

if TYPE_CHECKING:
    from ip_fhir.hl7v2.line import Hl7v2Line

_CONTACTS: Final = {"PRD": "f5", "PID": "f13", "NK1": "f5"}
_NO_GROUP: Final = "1"
_TITLE: Final = "99IPTITLE"


def spoken(value: dict[str, Any], line: Hl7v2Line) -> dict[str, Any]:
    """The value of a message of ours, for a peer with these settings."""
    msh = {name: field for name, field in value["MSH"].items() if name not in ("f15", "f16")}
    msh |= {"f12": [{"c1": line.version}], "f18": [{"c1": line.written_charset}]}
    if line.ack_mode != "original":
        accept, _, application = line.ack_mode.partition("/")
        msh |= {"f15": [{"c1": accept}], "f16": [{"c1": application}]}
    made: dict[str, Any] = _in_version({**value, "MSH": msh}, line.version)
    return made


def heard(value: dict[str, Any]) -> dict[str, Any]:
    """The value of a message that came in, with each title where the tables read it."""
    contacts = value.get("PROVIDER_CONTACT")
    if type(contacts) is not list:
        return value
    if not any(_title(group["PRD"]) for group in contacts if "PRD" in group):
        return value
    read = [{**group, "PRD": _titled(group["PRD"])} if "PRD" in group else group for group in contacts]
    return {**value, "PROVIDER_CONTACT": read}


def _title(prd: dict[str, Any]) -> str | None:
    """The title that stands beside the numbers; None where there is none."""
    for number in prd.get("f7", ()):
        if number.get("c2") == _TITLE:
            title: str | None = number.get("c1")
            return title
    return None


def _titled(prd: dict[str, Any]) -> dict[str, Any]:
    title = _title(prd)
    if not title or "f2" not in prd or prd["f2"][0].get("c14"):
        return prd
    name, *others = prd["f2"]
    return {**prd, "f2": [{**name, "c14": title}, *others]}


def _untitled(prd: dict[str, Any]) -> dict[str, Any]:
    title = prd["f2"][0].get("c14") if "f2" in prd else None
    if not title:
        return prd
    name = {part: text for part, text in prd["f2"][0].items() if part != "c14"}
    return {**prd, "f2": [name, *prd["f2"][1:]], "f7": [*prd.get("f7", ()), {"c1": title, "c2": _TITLE}]}


def _in_version(node: Any, version: str) -> Any:
    """The node with its segments as the version has them."""
    if type(node) is list:
        return [_in_version(item, version) for item in node]
    return {name: _segments(name, child, version) for name, child in node.items()}


def _segments(name: str, child: Any, version: str) -> Any:
    if name == "OBX":
        return _row(child, version)
    if name in _CONTACTS and is_before(version, "2.5"):
        return [_reached(name, item) for item in child] if type(child) is list else _reached(name, child)
    is_group = len(name) > 3
    return _in_version(child, version) if is_group else child


def _row(row: dict[str, Any], version: str) -> dict[str, Any]:
    wanted = is_before(version, "2.4") or not is_before(version, "2.7")
    made = {"f4": [{"c1": _NO_GROUP}], **row} if wanted else row
    coded = is_before(version, "2.5") and row.get("f2") == [{"c1": "CWE"}]
    return {**made, "f2": [{"c1": "CE"}]} if coded else made


def _reached(name: str, segment: dict[str, Any]) -> dict[str, Any]:
    """The segment with each number in XTN-1, and without XPN-14: both came with 2.5."""
    segment = _untitled(segment) if name == "PRD" else segment
    field = _CONTACTS[name]
    if field not in segment:
        return segment
    return {**segment, field: [{("c1" if part == "c12" else part): t for part, t in x.items()} for x in segment[field]]}

"""A group of a message over what is known already: fields that say something replace, `""` empties, absence leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.mapping.dialects.hl7v2.conditions import NULL, is_field
from ip_fhir.mapping.hl7v2.pathway import TABLES

if TYPE_CHECKING:
    from ip_fhir.mapping.hl7v2.pathway import Data

_WORDS: Final = "f3"  # of GOL and PRB: a code with its words, each of which may be left as it is


def overlaid(known: Data, said: Data) -> Data:
    """The group with what a message says of it. Groups of goals, problems and orders in it are left out."""
    made = {**known}
    for name, part in said.items():
        if name in TABLES:
            continue
        if type(part) is dict:
            segment = any(map(is_field, part))
            made[name] = (_segment if segment else overlaid)(known.get(name) or {}, part)
        else:
            made[name] = _rows(known.get(name) or [], part)
    return made


def _segment(known: Data, said: Data) -> Data:
    made = {**known}
    for name, repetitions in said.items():
        if repetitions == [{"c1": NULL}]:
            made.pop(name, None)
            continue
        before = (known.get(name) or [{}])[0] if name == _WORDS else {}
        first = {part: text for part, text in {**before, **repetitions[0]}.items() if text not in ("", NULL)}
        made[name] = [first, *repetitions[1:]]
    return made


def _rows(known: list[Any], said: list[Any]) -> list[Any]:
    """The rows of OBX or NTE: those of an item that a message has replace those that were known of it."""
    items = {_item(row) for row in said}
    return [*(row for row in known if _item(row) not in items), *(row for row in said if not _is_empty(row))]


def _item(row: Data) -> str:
    """The item of a row: the name of its group, else its code."""
    segment = row.get("OBX", row)
    coded = (segment.get("f3" if "OBX" in row else "f4") or [{}])[0]
    sub_id = (segment.get("f4") or [{}])[0].get("c1", "") if "OBX" in row else coded.get("c4", "")
    return f"#{sub_id.partition('.')[0]}" if sub_id else str(coded.get("c1", ""))


def _is_empty(row: Data) -> bool:
    """True for a row that takes its value away: HL7's null, or OBX-11 D."""
    segment = row.get("OBX", row)
    deleted = "OBX" in row and (segment.get("f11") or [{}])[0].get("c1") == "D"
    return deleted or bool(segment.get("f5" if "OBX" in row else "f3") == [{"c1": NULL}])

"""The context of one message, beside its tree: the offset that times without one are read with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ip_fhir.hl7v2.text import times
from ip_fhir.mapping.lenses.references import Links

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

OSLO: Final = ZoneInfo("Europe/Oslo")


class Context(Links):
    """The context that lenses need beside the node: `zone` is that of a time without an offset.

    HL7 v2 has no references; those of `Links` are empty. `rows_by_code` remembers which rows of a list have which code,
    `once` what was read of a segment: two tables read the PRD of a party. So a context is for one message.
    """

    __slots__ = ("_indexes", "_read", "zone")

    def __init__(self, zone: tzinfo = OSLO) -> None:
        super().__init__({}, closed=False)
        self.zone = zone
        self._indexes: dict[tuple[int, frozenset[str]], tuple[list[Any], dict[str, list[int]]]] = {}
        self._read: dict[tuple[int, Callable[[Any, Links], Any]], tuple[Any, Any]] = {}

    def rows_by_code(self, items: list[Any], systems: frozenset[str]) -> dict[str, list[int]]:
        """The numbers of the rows (OBX in its group) by the codes of OBX-3 in these coding systems, in their order."""
        known = self._indexes.get((id(items), systems))
        if known is None:  # the list is kept alive, so that the id stays its own
            known = self._indexes[id(items), systems] = (items, _codes_in(items, systems))
        return known[1]

    def once(self, read: Callable[[Any, Links], Any], node: Any) -> Any:
        """The data of a segment by a function that reads it, as a new dict; None if it reads nothing."""
        known = self._read.get((id(node), read))
        if known is None:
            known = self._read[id(node), read] = (node, read(node, self))
        return None if known[1] is None else {**known[1]}

    @classmethod
    def of_message(cls, message: dict[str, Any], zone: tzinfo = OSLO) -> Context:
        """The context of a message: the offset of MSH-7, or the sender's zone where MSH-7 has none."""
        said = ((message.get("MSH") or {}).get("f7") or [{}])[0].get("c1", "")
        return cls(times.zone_of(said, zone))


def _codes_in(items: list[Any], systems: frozenset[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        row = item.get("OBX") if type(item) is dict else None
        codes = row.get("f3") if type(row) is dict else None
        if type(codes) is not list:
            continue
        for code in codes:
            if type(code) is dict and code.get("c3", "") in systems and type(text := code.get("c1")) is str:
                if text not in found:
                    found[text] = [number]
                elif found[text][-1] != number:  # a row that names a code twice is one row
                    found[text].append(number)
    return found


def zone_of(links: Links) -> tzinfo:
    """The zone of times without an offset: that of the message, or Norway's."""
    return links.zone if isinstance(links, Context) else OSLO


def written(moment: datetime) -> str:
    """A moment as HL7 v2 writes it, to the second or, where it has them, with decimals.

    >>> from datetime import datetime
    >>> written(datetime.fromisoformat("2026-01-12T10:05:00+01:00"))
    '20260112100500+0100'
    """
    decimals = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    offset = f"{moment:%z}"[:5]  # before 1895 Oslo kept local mean time, whose seconds HL7 v2 cannot write
    return f"{moment.year:04}{moment:%m%d%H%M%S}{decimals}{offset}"

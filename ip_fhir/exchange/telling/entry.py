"""A worklist item as a recipient is told of it: ids, codes, numbers and times; nobody's words, and no name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import orjson

from ip_fhir.domain.effects import Effect, EffectKind
from ip_fhir.domain.values.aggregate import RECIPIENT, Aggregate
from ip_fhir.errors import Rejected
from ip_fhir.ports import OutboxRow

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.effects import Reason

OPENED: Final = "worklist.opened"
"""The kind of event: an item was opened on the worklist."""

TRIAL: Final = "trial"
"""The kind of event, of aggregate and of item by which a person tries a recipient: nothing has happened."""

JSON: Final = "application/json"


def event_of(row: OutboxRow, number: int, opened: datetime) -> bytes:
    """The event about the item of a row, as JSON, under a recipient's number; it was `opened` then (UTC)."""
    effect = row.effect
    data = {
        "item": row.id,
        "reason": effect.reason and str(effect.reason),
        "aggregate": {"kind": row.aggregate_kind, "id": row.correlation_id},
        "about": effect.about,
        "form": effect.form_id,
        "count": effect.number,
        "due": effect.due and effect.due.isoformat(),
    }
    return orjson.dumps({"type": OPENED, "timestamp": opened.isoformat(), "number": number, "data": data})


@dataclass(frozen=True, slots=True)
class Entry:
    """An item that one recipient is told of: the row to the recipient, its number, and the event as it is kept."""

    row: OutboxRow
    number: int
    item: str
    aggregate: Aggregate
    event: bytes

    @classmethod
    def of(cls, row: OutboxRow) -> Self:
        """The entry of a row to a recipient. Raises `Rejected` for one whose event cannot be read."""
        content = row.content or b""
        try:
            said: Any = orjson.loads(content)
            data = said["data"]
            return cls(row, int(said["number"]), str(data["item"]), Aggregate(**data["aggregate"]), content)
        except (ValueError, KeyError, TypeError):
            raise Rejected("the event of this row cannot be read") from None

    @classmethod
    def of_trial(cls, recipient: str, ident: str, at: datetime) -> Self:
        """The entry by which a recipient is tried, marked as such, with the number 0; `at` is a time in UTC."""
        aggregate = Aggregate(kind=TRIAL, id=TRIAL)
        data = {"item": TRIAL, "reason": None, "aggregate": aggregate.to_data(), "about": None}
        said = {"type": TRIAL, "timestamp": at.isoformat(), "number": 0}
        event = orjson.dumps({**said, "data": {**data, "form": None, "count": None, "due": None}})
        effect = Effect(id=ident, kind=EffectKind.TELL)
        row = OutboxRow(ident, recipient, effect, at, content=event, content_type=JSON, aggregate_kind=RECIPIENT)
        return cls(row, 0, TRIAL, aggregate, event)

    @property
    def is_trial(self) -> bool:
        """True if nothing has happened."""
        return self.aggregate.kind == TRIAL

    @property
    def reason(self) -> Reason | None:
        """The reason for which somebody must look."""
        return self.row.effect.reason

    def as_item_row(self) -> OutboxRow:
        """The row of the item itself, as the EHR's `tell` is given it; without the words that others wrote."""
        effect = self.row.effect.evolve(id=self.item)
        return OutboxRow(self.item, self.aggregate.id, effect, self.row.due, aggregate_kind=self.aggregate.kind)

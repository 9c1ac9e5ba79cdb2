"""Rows that cannot be read: each is met on its own, set aside with its reason, and stops no other.

A row may hold anything: after damage, after a hand at the database, after an upgrade that demands more than before. So
each column is looked at before a value is made of it. A reason names columns and fields, and never what stands there.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, String

from ip_fhir.domain.values.aggregate import PLAN, REFERRAL, Aggregate
from ip_fhir.errors import IpFhirError, StoreError, Unreadable
from ip_fhir.store.schema import KEY_LENGTH, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Column

T = TypeVar("T")

_KEYS: Final = {
    "referral": ("correlation_id",),
    "outbox": ("sequence",),
    "worklist": ("id",),
    "evidence": ("number",),
    "resource": ("type", "id", "version"),
    "refusal": ("peer", "digest", "code"),
    "inbox": ("key",),
    "plan": ("id",),
    "plan_version": ("plan_id", "version"),
    "plan_view": ("share", "number"),
    "plan_name": ("kind", "id"),
    "subscription": ("id",),
}
_OWN_KIND: Final = {"referral": REFERRAL, **dict.fromkeys(("plan", "plan_version", "plan_view", "plan_name"), PLAN)}
_OWN_ID: Final = {
    "referral": "correlation_id",
    "plan": "id",
    **dict.fromkeys(("plan_version", "plan_view", "plan_name"), "plan_id"),
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ENDS: Final = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)  # a day within, for every time zone
_INSTANTS: Final = tuple((end - _EPOCH) // timedelta(microseconds=1) for end in _ENDS)
_AGAIN: Final = 60.0  # seconds after which a row that is met again is written down again
_MOST: Final = 10_000  # rows that are remembered until they are written down


@dataclass(frozen=True, slots=True)
class Met:
    """A row that could not be read: its table, its key there, the reason, its aggregate, and when (UTC)."""

    kind: str
    key: str
    reason: str
    aggregate: Aggregate | None
    at: datetime


class Damage:
    """The unreadable rows that were met and are not written down yet. Threads may share it.

    A reader only remembers them: it must not wait for a writer, and may be where nobody can write.
    """

    def __init__(self) -> None:
        self._met: dict[tuple[str, str], Met] = {}
        self._written: dict[tuple[str, str], float] = {}
        self._turn = threading.Lock()

    def sort(self, kind: str, rows: Iterable[Any], make: Callable[[Any], T]) -> tuple[list[T], int]:
        """Returns the values of the readable rows of a table, and the number of those that cannot be read."""
        found, bad = [], 0
        for row in rows:
            try:
                found.append(self.one(kind, row, make))
            except Unreadable:
                bad += 1
        return found, bad

    def one(self, kind: str, row: Any, make: Callable[[Any], T]) -> T:
        """Returns the value of one row. Raises `Unreadable`, and remembers the row."""
        try:
            fault = misfit(kind, row)
            if fault is None:
                return make(row)
        except StoreError as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 - whatever a row holds: it is this row's fault, and only this row's
            fault = f"{type(error).__name__}"
        met = Met(kind, key_of(kind, row), fault, _aggregate(kind, row), datetime.now(UTC))
        self._remember(met)
        raise Unreadable(met.kind, met.key, met.reason)

    def _remember(self, met: Met) -> None:
        place = met.kind, met.key
        with self._turn:
            written = self._written.get(place)
            if (written is None or time.monotonic() - written > _AGAIN) and len(self._met) < _MOST:
                self._met[place] = met

    def met(self) -> list[Met]:
        """Returns the rows that were met and are not written down."""
        with self._turn:
            return list(self._met.values())

    def written(self, met: Met) -> None:
        """Forgets a row that is written down now, and for a minute whenever it is met again."""
        with self._turn:
            if len(self._written) >= _MOST:
                self._written.clear()
            self._met.pop((met.kind, met.key), None)
            self._written[met.kind, met.key] = time.monotonic()

    def released(self, kind: str, key: str) -> None:
        """Forgets a row for good: met again, it is written down again."""
        with self._turn:
            self._met.pop((kind, key), None)
            self._written.pop((kind, key), None)


def key_of(kind: str, row: Any) -> str:
    """Returns the key by which a row is named; what is no text is written in hexadecimal digits."""
    return "/".join(_shown(getattr(row, name, None)) for name in _KEYS[kind])[:KEY_LENGTH]


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    text = str(value)
    return text if is_text(text) else f"x'{text.encode(errors='surrogateescape').hex()}'"


def _aggregate(kind: str, row: Any) -> Aggregate | None:
    """Returns the referral or plan that the row belongs to; None if that cannot be read either."""
    of: Any = _OWN_KIND.get(kind) or getattr(row, "aggregate_kind", None)
    ident: Any = getattr(row, _OWN_ID.get(kind, "aggregate_id"), None)
    try:
        return Aggregate(kind=of, id=ident)
    except IpFhirError:
        return None


# --- columns


def misfit(kind: str, row: Any) -> str | None:
    """Returns the reason why a row's columns are not what the schema says; None if they are.

    SQLite keeps any type in any column. PostgreSQL does not, but a time may still be none.
    """
    for name, fits in _FITS[kind].items():
        if hasattr(row, name) and not fits(getattr(row, name)):
            return f"{name}: not of the column's type"
    return None


def is_text(value: Any) -> bool:
    """True for text that was UTF-8 in the database: any other comes with lone surrogates."""
    if not isinstance(value, str):
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_instant(value: Any) -> bool:
    """True for microseconds since 1970 that are a time of the years 1 to 9999, at every offset."""
    return type(value) is int and _INSTANTS[0] <= value <= _INSTANTS[1]


def _is_number(value: Any) -> bool:
    return type(value) is int


def _is_flag(value: Any) -> bool:
    return value in (0, 1) and isinstance(value, int)


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes)


def _fits(column: Column[Any]) -> Callable[[Any], bool]:
    kinds: tuple[tuple[Any, Callable[[Any], bool]], ...] = (
        (String, is_text),
        (BigInteger, is_instant),
        (Boolean, _is_flag),
        (Integer, _is_number),
        (LargeBinary, _is_bytes),
    )
    check = next(check for kind, check in kinds if isinstance(column.type, kind))
    if not column.nullable:
        return check
    return lambda value: value is None or check(value)


_FITS: Final = {kind: {column.name: _fits(column) for column in metadata.tables[kind].c} for kind in _KEYS}

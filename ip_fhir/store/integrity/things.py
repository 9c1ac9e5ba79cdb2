"""The things that stand in the tables, with the values that the evidence should have for them (`digests`).

Rows are read past SQLAlchemy's types: somebody who changed the database may have put anything into any column.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import select

from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.store import schema
from ip_fhir.store.integrity import digests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection, Select

PAGE: Final = 1000
"""Rows held at a time."""

_DAMAGED: Final = "holds what no record holds"


class Thing(NamedTuple):
    """A thing that stands: its owner ("" for a part of an owned thing), its name and its value."""

    of: str
    name: str
    value: str


@contextmanager
def any_text(connection: Connection) -> Iterator[None]:
    """Lets SQLite return text that is not UTF-8 as bytes: a digest is of bytes, and such a text has none."""
    driver: Any = connection.connection.dbapi_connection
    if not hasattr(driver, "text_factory"):  # PostgreSQL keeps no such text
        yield
        return
    before = driver.text_factory
    driver.text_factory = _text_or_bytes
    try:
        yield
    finally:
        driver.text_factory = before


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def stream(connection: Connection, statement: Select[Any]) -> Iterator[Any]:
    """Yields the rows of a statement without parameters as the driver returns them, a page at a time."""
    sql = str(statement.compile(dialect=connection.dialect))
    yield from connection.exec_driver_sql(sql, execution_options={"stream_results": True, "yield_per": PAGE})


def standing(connection: Connection) -> Iterator[Thing]:
    """Yields all things that stand, however many; use it within `any_text`."""
    yield from _referrals(connection)
    yield from _resources(connection)
    yield from _tokens(connection)
    yield from _outbox(connection)
    yield from _worklist(connection)
    yield from _plans(connection)
    for row in _rows(connection, schema.other_id):
        of = digests.owner(row["aggregate_kind"], row["aggregate_id"])
        yield Thing(of, digests.other_id_name(row), digests.digest_of_row("other_id", row))
    for row in _rows(connection, schema.inbox):
        yield Thing("inbox", f"inbox/{row['key']}", digests.inbox_value(row))
    for row in _rows(connection, schema.subscription):
        yield Thing("subscription", f"subscription/{row['id']}", digests.digest_of_row("subscription", row))
    for row in _rows(connection, schema.refusal):
        yield Thing("refusals", digests.refusal_name(row), digests.refusal_value(row))


def _rows(connection: Connection, table: Any, *order: Any) -> Iterator[Mapping[str, Any]]:
    names = [str(column.name) for column in table.c]  # SQLAlchemy's own kind of text otherwise
    for row in stream(connection, select(table).order_by(*order)):
        yield dict(zip(names, row, strict=True))


def _referrals(connection: Connection) -> Iterator[Thing]:
    for row in _rows(connection, schema.referral):
        ident = row["correlation_id"]
        of = digests.owner("referral", ident)
        yield Thing(of, f"referral/{ident}", digests.digest_of_row("referral", row))
        yield Thing("", f"state/{ident}", f"{row['role']} {row['state']}")


def _resources(connection: Connection) -> Iterator[Thing]:
    """Yields all versions, and a thing that no evidence knows where another version than the last is the current."""
    c = schema.resource.c
    ordered = _rows(connection, schema.resource, c.type, c.id, c.version)
    for (type_, ident), versions in groupby(ordered, key=lambda row: (row["type"], row["id"])):
        wrong, current = False, False
        for row in versions:
            wrong, current = wrong or current, bool(row["current"])
            of = digests.owner(row["aggregate_kind"], row["aggregate_id"])
            yield Thing(of, f"resource/{type_}/{ident}/{row['version']}", digests.digest_of_row("resource", row))
        if wrong or not current:
            yield Thing("", f"current/{type_}/{ident}", _DAMAGED)


def _tokens(connection: Connection) -> Iterator[Thing]:
    c = schema.token.c
    for (type_, ident), rows in groupby(
        stream(connection, select(c.type, c.id, c.name, c.value).order_by(c.type, c.id)), key=lambda row: tuple(row[:2])
    ):
        yield Thing("", f"tokens/{type_}/{ident}", _tokens_value((name, value) for _, _, name, value in rows))


def _tokens_value(pairs: Iterable[tuple[Any, Any]]) -> str:
    found = list(pairs)
    if not all(isinstance(text, str) for pair in found for text in pair):
        return _DAMAGED
    return digests.digest_of_tokens(sorted(found))


def _outbox(connection: Connection) -> Iterator[Thing]:
    for row in _rows(connection, schema.outbox):
        ident = row["id"]
        of = digests.owner(row["aggregate_kind"], row["aggregate_id"])
        yield Thing(of, f"outbox/{ident}", digests.digest_of_row("outbox", row))
        if row["status"] not in digests.UNENDED:
            yield _part("status", ident, row)
        if row["content"] is not None:
            yield _part("content", ident, row)


def _worklist(connection: Connection) -> Iterator[Thing]:
    for row in _rows(connection, schema.worklist):
        of = digests.owner(row["aggregate_kind"], row["aggregate_id"])
        yield Thing(of, f"item/{row['id']}", digests.digest_of_row("worklist", row))
        if row["closed"] != 0:
            yield _part("outcome", row["id"], row)


def _plans(connection: Connection) -> Iterator[Thing]:
    for table in digests.OF_PLANS:
        for row in _rows(connection, schema.metadata.tables[table]):
            of = digests.owner(PLAN, row["id" if table == "plan" else "plan_id"])
            yield Thing(of, digests.plan_name(table, row), digests.digest_of_row(table, row))


def _part(part: str, ident: Any, row: Mapping[str, Any]) -> Thing:
    return Thing("", f"{part}/{ident}", digests.digest_of_columns(row, digests.PARTS[part]))

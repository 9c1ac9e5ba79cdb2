"""The test by which statements pass over rows that are set aside because they cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import String, cast, exists

from ip_fhir.store.schema import unreadable

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def set_aside(kind: str, key: ColumnElement[Any]) -> ColumnElement[bool]:
    """A test that the row of this key, in the table `kind`, is set aside."""
    return exists().where(unreadable.c.kind == kind, unreadable.c.key == cast(key, String))

"""The baseline: what stood before the chain had digests goes into it once, as it stands, when the tables are upgraded.

Whatever was done to a row before that moment is not found by its digest: verify a store before you upgrade it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.store import worklist_statements
from ip_fhir.store.integrity.digests import PARTS, digest_of_columns, dump_wrote
from ip_fhir.store.integrity.links import add_links
from ip_fhir.store.integrity.things import any_text, standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from ip_fhir.store.integrity.things import Thing

SINCE: Final = "0007"
"""The migration with which records of evidence can carry digests."""

JOINED: Final = "0009"
"""The migration that left one open worklist item for each aggregate and reason."""

_AT_ONCE: Final = 500  # things in one record


def write_baseline(connection: Connection) -> None:
    """Adds records with the digests of everything that stands. Raises `StoreError` if the chain's end is not known."""
    with any_text(connection):
        for things in _pages(thing for thing in standing(connection) if not thing.name.startswith("state/")):
            by_owner: dict[str, dict[str, str]] = {}
            for thing in things:
                by_owner.setdefault(thing.of, {})[thing.name] = thing.value
            add_links(connection, (), dump_wrote(things=by_owner, stood=True))


def write_joined(connection: Connection) -> None:
    """Adds records with the digests of the worklist items that migration `JOINED` closed."""
    closed = [dict(row) for row in connection.execute(worklist_statements.JOINED).mappings()]
    for start in range(0, len(closed), _AT_ONCE):
        outcomes = {
            f"outcome/{row['id']}": digest_of_columns(row, PARTS["outcome"]) for row in closed[start : start + _AT_ONCE]
        }
        add_links(connection, (), dump_wrote(things={"": outcomes}))


def _pages(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    page: list[Thing] = []
    for thing in things:
        page.append(thing)
        if len(page) == _AT_ONCE:
            yield page
            page = []
    if page:
        yield page

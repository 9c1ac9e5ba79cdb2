"""Adds records at the end of the chain in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.errors import StoreError
from ip_fhir.store import chain, statements
from ip_fhir.store.prepared import execute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from ip_fhir.domain.values.aggregate import Aggregate


def add_links(connection: Connection, bodies: Sequence[tuple[Aggregate, str]], wrote: str | None) -> None:
    """Adds a record for each pair of aggregate and canonical JSON; the last has `wrote` (see `digests`).

    Without any pair, `wrote` gets a record of the store's own. Raises `StoreError` if the chain's end is not known.
    """
    head = chain.Head.parse(str(execute(connection, statements.HEAD, {}).scalar()))
    if head is None:
        raise StoreError("the end of the evidence chain is not known")
    links = list(chain.follow(head, bodies or [(chain.STORE, chain.NO_WORDS)], wrote))
    execute(connection, statements.ADD_EVIDENCE, links)
    end = chain.Head(head.number + len(links), str(links[-1]["hash"]))
    execute(connection, statements.MOVE_HEAD, {"head": str(end)})

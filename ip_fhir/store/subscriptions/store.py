"""`ip_fhir.ports.subscriptions.SubscriptionStore` in a SQL database.

The changes are read from the chain of evidence: each commit names there what it wrote, in the order of the commits, and
so nothing has to be written beside a change for those who are to be told of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import Conflict
from ip_fhir.ports.subscriptions import Changes
from ip_fhir.store.codec import micros
from ip_fhir.store.damage.reading import SqlReader
from ip_fhir.store.integrity import digests
from ip_fhir.store.integrity.links import add_links
from ip_fhir.store.prepared import execute
from ip_fhir.store.subscriptions import codec, statements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Executable

    from ip_fhir.ports.subscriptions import KeptSubscription, Subscription

_KIND: Final = "subscription"


class SqlSubscriptions(SqlReader):
    """Keeps subscriptions. What their clients wrote is in the chain of evidence; how far they are told is not."""

    def add_subscription(self, new: Subscription, most: int) -> KeptSubscription | None:
        """Keeps a new subscription; None if the client has `most` of them."""
        with self._database.writing() as connection:
            if execute(connection, statements.OF_CLIENT, {"of_client": new.client}).scalar() >= most:
                return None
            place = execute(connection, statements.PLACE, {}).scalar()
            fixed = {"lease_until": None, "claim": 0, "failures": 0, "place": place, "revision": 1, "error": None}
            values = {"id": new.id, "client": new.client, **codec.values_of(new), **fixed}
            execute(connection, statements.ADD, {**values, "next_try": values["updated"]})
            return self._noted(connection, new.id)

    def change_subscription(self, changed: Subscription, based_on: int, now: datetime) -> KeptSubscription:
        """Replaces what the client wrote. Raises `Conflict` if it was changed meanwhile."""
        new = {f"new_{name}": value for name, value in codec.values_of(changed).items()}
        with self._database.writing() as connection:
            values = {"of_id": changed.id, "based_on": based_on, "now": micros(now), **new}
            if execute(connection, statements.CHANGE, values).rowcount == 0:
                raise Conflict("the subscription was changed by another since it was read")
            return self._noted(connection, changed.id)

    def remove_subscription(self, id_: str, client: str) -> bool:
        """Takes out a subscription of this client."""
        with self._database.writing() as connection:
            removed = execute(connection, statements.REMOVE, {"of_id": id_, "of_client": client}).rowcount > 0
            if removed:
                _note(connection, id_, None)
        return removed

    def _noted(self, connection: Connection, id_: str) -> KeptSubscription:
        """The subscription as it stands now, with its digest in the chain."""
        row = execute(connection, statements.ONE, {"of_id": id_}).first()
        _note(connection, id_, digests.digest_of_row(_KIND, row._asdict()))
        return self._damage.one(_KIND, row, codec.kept)

    # --- reading

    def subscription(self, id_: str) -> KeptSubscription | None:
        """Returns a subscription; None if it is not here. Raises `Unreadable` for one that cannot be read."""
        return self._one(_KIND, statements.ONE, {"of_id": id_}, codec.kept)

    def subscriptions(self, client: str, limit: int = 100, after: str | None = None) -> list[KeptSubscription]:
        """Returns the subscriptions of a client in order of their ids."""
        values = {"of_client": client, "after": after or "", "at_most": limit}
        return self._list(_KIND, statements.LIST, values, codec.kept)

    def due_subscriptions(self, now: datetime, limit: int) -> list[KeptSubscription]:
        """Returns subscriptions of which something may have to be told, those that wait longest first."""
        return self._list(_KIND, statements.DUE, {"now": micros(now), "at_most": limit}, codec.kept)

    def changes_since(self, place: int, limit: int) -> Changes:
        """Returns the changes after a place in the chain of evidence."""
        rows = self._read(statements.WROTE, {"place": place, "at_most": limit})
        said = [(row.wrote, row.number) for row in rows if isinstance(row.wrote, str)]
        found = [change for wrote, number in said for change in codec.changes_in(wrote, number)]
        return Changes(found, rows[-1].number if rows else place, len(rows) == limit)

    # --- what becomes of them

    def pass_subscription(self, kept: KeptSubscription, place: int) -> None:
        """Moves on to a place where there was nothing to tell."""
        self._update(statements.PASS, kept, {"new_place": place})

    def claim_subscription(self, kept: KeptSubscription, now: datetime, until: datetime) -> KeptSubscription | None:
        """Holds a subscription for one worker; None if it cannot be had."""
        values = {"now": micros(now), "until": micros(until)}
        return replace(kept, claim=kept.claim + 1) if self._update(statements.CLAIM, kept, values) else None

    def settle_subscription(self, kept: KeptSubscription, place: int, more: bool) -> KeptSubscription | None:
        """Notes that it was told of all up to a place; None for a late report."""
        done = self._update(statements.SETTLE[more], kept, {"new_place": place})
        return replace(kept, place=place, failures=0) if done else None

    def fail_subscription(self, kept: KeptSubscription, reason: str, next_try: datetime | None, failures: int) -> None:
        """Notes a failed attempt."""
        at = micros(kept.subscription.updated if next_try is None else next_try)
        status = "error" if next_try is None else "active"
        self._update(
            statements.FAIL, kept, {"reason": reason, "at": at, "new_status": status, "new_failures": failures}
        )

    def end_subscription(self, kept: KeptSubscription, reason: str) -> None:
        """Sets a subscription off."""
        self._update(statements.END, kept, {"reason": reason})

    def _update(self, statement: Executable, kept: KeptSubscription, values: Mapping[str, Any]) -> bool:
        of = {"of_id": kept.subscription.id, "of_claim": kept.claim, "of_revision": kept.revision}
        with self._database.writing() as connection:
            return execute(connection, statement, {**of, **values}).rowcount > 0


def _note(connection: Connection, id_: str, digest: str | None) -> None:
    add_links(connection, [], digests.dump_wrote(things={_KIND: {f"{_KIND}/{id_}": digest}}))

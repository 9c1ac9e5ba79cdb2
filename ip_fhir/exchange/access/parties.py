"""The parties that a referral concerns, kept beside it so that a search finds only what is a party's own.

They follow from the referral and the settings. Each write of a referral keeps them; where the settings have changed
since, or the rows are from before there was such a table, they are worked out anew, by the worker or by whoever
searches first. Until then nobody finds the referral by a search: names of other settings do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.release import is_strict
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import StoreError
from ip_fhir.ports import PartyNames

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.domain.referral import Referral
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import Transaction

_AT_ONCE: Final = 100  # referrals in one transaction: others write in between
_WHILE_ONE_WAITS: Final = 2_000  # a second or so


def parties_of(context: Context, referral: Referral) -> PartyNames:
    """The parties that a referral concerns: only they may find, read and change it. See `Context.speaking`."""
    if is_strict(referral):
        return PartyNames(frozenset(), context.basis)
    return PartyNames(context.parties_of(referral), context.basis)


def acting(context: Context, credential: Credential) -> PartyNames:
    """The parties as which a credential searches: its own, or all of a carrier's."""
    return PartyNames(frozenset(credential.speaks_as), context.basis)


def require_all(context: Context, limit: int = _WHILE_ONE_WAITS) -> None:
    """Work out what is missing. Raises `StoreError` (try again) if it is more than `limit` referrals."""
    if not catch_up(context, limit):
        raise StoreError("the settings have changed, and it is being worked out whom each referral concerns: try again")


def catch_up(context: Context, limit: int, keep_going: Callable[[], bool] = lambda: True) -> bool:
    """Work out the parties of up to `limit` referrals that have none by the present settings. True if none is left."""
    done = 0
    while missing := context.store.without_parties(context.basis, max(1, min(_AT_ONCE, limit - done))):
        if done >= limit or not keep_going():
            return False
        with context.store.begin() as tx:
            for correlation_id in missing:
                _work_out(context, tx, correlation_id)
        done += len(missing)
    return True


def _work_out(context: Context, tx: Transaction, correlation_id: str) -> None:
    """Keep the parties of one referral; nobody, if it is gone or cannot be read."""
    tx.hold(correlation_id)
    try:
        stored = tx.load(correlation_id)
    except StoreError:  # if it was the storage that failed, the next call fails too
        stored = None
    found = PartyNames(frozenset(), context.basis) if stored is None else parties_of(context, stored.referral)
    tx.set_parties(Aggregate.of_referral(correlation_id), found)

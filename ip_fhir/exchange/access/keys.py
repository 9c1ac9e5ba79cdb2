"""Keys of loops in the store: correlation ids are kept apart by the party whose notice it is.

A loop's key is the correlation id of its notice, which every message about it bears. When another party's loop has that
key, it is a key of our own, made of the party's name and the correlation id, so that it is found again. No correlation
id has the form of such a key (`_FORM`), so nobody can take it first.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.parties import OURS
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from ip_fhir.exchange.context import Context
    from ip_fhir.ports import Stored, Transaction

_FORM: Final = "own-key."
_DIGITS: Final = 40


def find(context: Context, tx: Transaction, owner: str, correlation_id: str) -> tuple[str, Stored | None]:
    """The key of that party's loop with this correlation id, and the loop; None: it may be opened under the key."""
    there = tx.load(correlation_id)
    if there is not None and _is_theirs(context, there, owner, correlation_id):
        return correlation_id, there
    own = _own_key(owner, correlation_id)
    found = tx.load(own)
    is_free = there is None and found is None and not correlation_id.startswith(_FORM)
    return (correlation_id, None) if is_free else (own, found)


def of_our_people(context: Context, correlation_id: str) -> str:
    """The key of the one loop with this correlation id, whoever's it is.

    Raises `InvalidInput` when there is none (not-found), or several parties have one (multiple-matches).
    """
    parties = (OURS, *(peer.name for peer in context.peers))
    keys = (correlation_id, *(_own_key(party, correlation_id) for party in parties))
    stored = (context.store.referral(key) for key in keys)
    found = [s.referral.correlation_id for s in stored if s and s.referral.notice.correlation_id == correlation_id]
    if len(found) > 1:
        reason = "several parties' loops have this correlation id: say which, by its key here"
        raise InvalidInput.at("correlation_id", reason, "multiple-matches")
    if not found:
        raise InvalidInput.at("correlation_id", "no referral has this correlation id", "not-found")
    return found[0]


def _is_theirs(context: Context, stored: Stored, owner: str, correlation_id: str) -> bool:
    referral = stored.referral
    return referral.notice.correlation_id == correlation_id and context.owner(referral) == owner


def _own_key(owner: str, correlation_id: str) -> str:
    return _FORM + sha256(f"{owner}|{correlation_id}".encode()).hexdigest()[:_DIGITS]

"""The loop that a message is about, where its wire cites it by ids that are not ours.

A message without our correlation id may still name one of our messages, or an id of its own that came with an earlier
one. It is about the one loop that all its ids lead to, among those that concern its sender; the newest open loop is
never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.values.aggregate import REFERRAL, Aggregate
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats import CitedWriter, EchoingWriter
from ip_fhir.ports.other_ids import KnownId, OtherId, keeps_other_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from ip_fhir.domain.message import Message
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.formats import Writer
    from ip_fhir.exchange.sending.errand import Errand
    from ip_fhir.ports import OutboxRow, Stored, Transaction

    Find: TypeAlias = Callable[[str], tuple[str, Stored | None]]
    AtKey: TypeAlias = Callable[[str], Stored | None]


def cited_loops(tx: Transaction, party: str, cited: Sequence[OtherId], find: Find, at_key: AtKey) -> dict[str, Stored]:
    """Return the loops that the ids lead to, by key, as far as they concern the party.

    `find` returns the key and the loop with a correlation id, `at_key` the loop with a key here; neither returns one
    that does not concern the party.
    """
    found: dict[str, Stored] = {}
    for other in cited:
        key, stored = find(other.value) if other.kind == "referral" else ("", None)
        if stored is not None:
            found[key] = stored
        for key in _known_keys(tx, party, other):
            stored = at_key(key)
            if stored is not None:
                found[key] = stored
    return found


def about_one(found: dict[str, Stored]) -> None:
    """Refuse ids that lead to several loops. Raises `InvalidInput` (invariant)."""
    if len(found) > 1:
        raise InvalidInput.at("correlation_id", "its ids lead to different referrals", "invariant")


def under(message: Message, correlation_id: str) -> Message:
    """Return the message under the loop's correlation id, by whatever id it cited the loop."""
    if message.correlation_id == correlation_id:
        return message
    form = message.form.evolve(answers=correlation_id) if message.form is not None else None
    return message.evolve(correlation_id=correlation_id, form=form)


def keep_own_ids(tx: Transaction, party: str, loop: str, own: Sequence[OtherId]) -> None:
    """Keep the ids that later messages of the party about the loop may cite."""
    if keeps_other_ids(tx):
        for other in own:
            tx.keep_id(party, other, KnownId(loop, Aggregate.of_referral(loop)))


def with_ids(context: Context, errand: Errand, row: OutboxRow, writer: Writer, content: bytes) -> bytes:
    """Return the bytes of a row with the receiver's own id of the referral, if it told exactly one.

    Keeps, before the row is sent, the ids by which its receiver will cite it. Raises `StoreError`.
    """
    ids = writer.ids_of(content) if isinstance(writer, CitedWriter) else ()
    if not ids and not isinstance(writer, EchoingWriter):
        return content
    party = errand.peer.name
    with context.store.begin() as tx:
        if not keeps_other_ids(tx):
            return content
        for other in ids:
            tx.keep_id(party, other, KnownId(row.id, row.aggregate))
        theirs = tx.ids_of(party, "referral", row.aggregate)
    if isinstance(writer, EchoingWriter) and len(theirs) == 1:
        return writer.echoing(content, theirs[0].value)
    return content


def row_cited(tx: Transaction, parties: Sequence[str], message_id: str) -> OutboxRow | None:
    """Return the row that a receipt is about: by our id of the message, or by the id that one of the parties cites."""
    row = tx.row(message_id)
    if row is not None or not keeps_other_ids(tx):
        return row
    known = (tx.known_id(party, OtherId("message", message_id)) for party in parties)
    return next((tx.row(found.stands_for) for found in known if found is not None), None)


def _known_keys(tx: Transaction, party: str, other: OtherId) -> Iterator[str]:
    """The keys here of the loops that an id leads to: of the message of ours that has it, or as it was kept."""
    row = tx.row(other.value) if other.kind == "message" else None
    if row is not None and row.aggregate_kind == REFERRAL:
        yield row.correlation_id
    known = tx.known_id(party, other) if keeps_other_ids(tx) else None
    if known is not None and known.aggregate.kind == REFERRAL:
        yield known.aggregate.id

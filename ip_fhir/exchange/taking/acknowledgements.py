"""Acknowledgements that a peer wants posted to it as messages of their own, beside the answer on its own connection.

One is a row of the outbox, written in the commit that takes the message in, and is sent as any other: with leases,
rests and attempts, and once more after a crash. It is about no person, and asks for no consent. A message that comes
again has its acknowledgement posted again: by the same row while that is not sent, else by a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Self
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.effects import Effect, EffectKind
from ip_fhir.domain.values.aggregate import ACKNOWLEDGED
from ip_fhir.exchange.peers import Peer
from ip_fhir.ports import OutboxRow
from ip_fhir.ports.adapters import AcknowledgingAdapter

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.exchange.formats import Format
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import Store, Transaction

_UNSENT: Final = ("waiting", "parked")


@dataclass(frozen=True, slots=True)
class Posting:
    """The posting of our acknowledgements to a party; without one they are answers alone."""

    party: str | None = None
    content_type: str = ""

    @classmethod
    def to(cls, credential: Credential, wire: Format) -> Self:
        """Return the posting to whoever sends messages of this format; of a carrier's messages nothing is posted."""
        if not isinstance(credential, Peer) or not isinstance(credential.adapter, AcknowledgingAdapter):
            return cls()
        wanted = credential.adapter.wants_acknowledgements(credential.endpoint)
        return cls(credential.name, wire.content_type) if wanted and credential.adapter.format == wire.name else cls()

    def owe(self, tx: Transaction, message_id: str, reply: bytes, now: datetime) -> None:
        """Queue the answer to a message, which was given at `now` (UTC)."""
        if self.party is not None:
            tx.enqueue([self._row(self.party, message_id, reply, now)])

    def owe_again(self, tx: Transaction, message_id: str, first: bytes, again: bytes, now: datetime) -> None:
        """Queue the answer to a message that has come again: `first` was kept of it, `again` is given now (UTC).

        What was not sent yet is due at once: whoever asks again can be reached.
        """
        if self.party is None:
            return
        before = tx.row(self._row(self.party, message_id, first, now).id)
        if before is not None and before.status in _UNSENT:
            tx.retry(before.id, now)
        else:
            self.owe(tx, message_id, again, now)

    def owe_alone(self, store: Store, message_id: str, reply: bytes, now: datetime) -> None:
        """Queue the answer to a message that was not taken in, in a commit of its own. Raises `StoreError`."""
        if self.party is not None:
            with store.begin() as tx:
                self.owe(tx, message_id, reply, now)

    def _row(self, party: str, message_id: str, reply: bytes, now: datetime) -> OutboxRow:
        """The row of an answer: the same answer has the same one."""
        message = uuid5(NAMESPACE_URL, f"{party}/{message_id}#{ACKNOWLEDGED}")
        ident = str(uuid5(message, sha256(reply).hexdigest()))
        effect = Effect(id=ident, kind=EffectKind.ACKNOWLEDGE, answers=message_id, party=party)
        return OutboxRow(
            ident,
            str(message),
            effect,
            due=now,
            content=reply,
            content_type=self.content_type,
            aggregate_kind=ACKNOWLEDGED,
            peer=party,
        )

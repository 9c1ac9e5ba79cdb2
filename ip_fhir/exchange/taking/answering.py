"""The business answer as the reply to a message, for a peer whose system waits for it on the same connection.

Most answers are given by a person, later: then the reply is a receipt. An answer that follows from the message at once
goes back with it, in the commit that takes the message in; its row is done, and is not sent again. Who asks again gets
the stored reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.consent.permission import Refused
from ip_fhir.domain.loop.consent_gate import may_send
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats import Answering
from ip_fhir.exchange.sending.errand import ReferralErrand
from ip_fhir.ports.other_ids import KnownId, keeps_other_ids

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.formats import Incoming
    from ip_fhir.exchange.taking.intake import Taken
    from ip_fhir.ports import Transaction


def answer_in_reply(
    context: Context, tx: Transaction, incoming: Incoming, taken: Taken, party: str, now: datetime
) -> bytes | None:
    """Return the answer to what was just taken in, and end its row; None if there is none, or it must not leave now.

    Then the row is sent as any other, and the reply is a receipt. `now` is a time in UTC.
    """
    if len(taken.answers) != 1 or not isinstance(incoming, Answering) or not incoming.wants_answer():
        return None
    row = tx.row(taken.answers[0])
    stored = tx.load(taken.about)
    if row is None or stored is None or row.status != "waiting" or row.peer != party:
        return None
    errand = ReferralErrand(context, row, stored.referral, context.peers.party(party))
    # As for a row that is sent: consent is asked for again, and what needs a person's yes waits for it.
    if errand.is_strict or isinstance(may_send(stored.referral, row.effect, errand.agreement, now), Refused):
        return None
    try:
        content, ids = incoming.answer(errand.message(now), errand.owner, context.mapper)
    except InvalidInput:
        return None  # the row tells it, when it is sent
    tx.finish(row.id, now)
    if keeps_other_ids(tx):
        for other in ids:
            tx.keep_id(party, other, KnownId(row.id, row.aggregate))
    return content

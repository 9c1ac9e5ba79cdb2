"""Messages that are not taken in: each is recorded by its digest and the reason, never by its content.

A message that was understood but not allowed is kept in the referral's own evidence (`taking.loop`). This module
records those that belong to no referral: unreadable, in another party's name, or about an unknown referral.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput, LoopError, NotTaken, NotYet
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.counts import UNREADABLE
from ip_fhir.exchange.taking.acknowledgements import Posting
from ip_fhir.fhir.outcome import problems_of
from ip_fhir.logs import log_message
from ip_fhir.ports import Receipt, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.referral import Referral
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.errors import IssueCode
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.formats import Incoming
    from ip_fhir.exchange.peers import Credential

_LONGEST_REASON = 500


@dataclass
class Arrival:
    """A message on its way in: its peer and digest and, once it could be read, its id, kind and party.

    `loop` is the key of the loop that it was taken into, `outcome` the result of taking it in, `incoming` its content
    once that was parsed, `posting` the way of its acknowledgement, where that goes out by itself.
    """

    peer: str
    digest: str
    message_id: str | None = None
    kind: str = UNREADABLE
    party: str | None = None
    loop: str | None = None
    outcome: str = "failed"
    incoming: Incoming | None = field(default=None, repr=False)
    posting: Posting = field(default_factory=Posting)

    @classmethod
    def of(cls, credential: Credential, content: bytes) -> Arrival:
        """A message not read yet; the digest is the SHA-256 of its bytes."""
        return cls(credential.name, sha256(content).hexdigest())


@contextmanager
def refusals_kept(context: Context, arrival: Arrival, but: tuple[IssueCode, ...] = ()) -> Iterator[None]:
    """Record a refusal (`InvalidInput`, `LoopError`) raised in the block, and raise it again.

    Codes in `but` are not recorded: they say nothing about the message, only that somebody else was first. Raises
    `StoreError` when the refusal cannot be recorded.
    """
    try:
        yield
    except (InvalidInput, LoopError) as error:
        problem = next(iter(problems_of(error)), None)
        if problem is None or problem.code not in but:
            _keep(context, arrival, error)
        arrival.outcome = "not-yet" if error.retry else "not-taken"
        context.counts.add("in", arrival.kind, arrival.outcome)
        raise


def refuse(context: Context, content: bytes, credential: Credential, error: InvalidInput) -> None:
    """Record content that is no message in any format, with what is wrong with it. Raises `StoreError`."""
    began, arrival = time.monotonic(), Arrival.of(credential, content)
    with suppress(InvalidInput), refusals_kept(context, arrival):
        raise error
    log_message("in", arrival.peer, arrival.kind, arrival.outcome, began, None)


def _keep(context: Context, arrival: Arrival, error: InvalidInput | LoopError) -> None:
    now, problems = context.clock.now(), problems_of(error)
    code = problems[0].code if problems else "structure"
    reason = str(error)[:_LONGEST_REASON]
    refusal = Refusal(arrival.peer, arrival.digest, code, reason, now, now, arrival.message_id)

    def once() -> None:
        with context.store.begin() as tx:
            tx.refuse(refusal, context.refusals_kept)

    again_on_conflict(once)


def receipt_of(message_id: str, error: NotTaken) -> Receipt:
    """The receipt of a refused message: `transient-error` if the sender may try again, else `fatal-error`."""
    return Receipt(message_id, "transient-error" if error.retry else "fatal-error", error.problems)


def check_role_here(context: Context) -> None:
    """Raise `NotTaken` for a message of the loop where settings give us no role in it."""
    try:
        context.loop_role()
    except LoopError as error:
        raise NotTaken.at("kind", str(error), "business-rule") from None


def check_date(context: Context, message: Message | PlanMessage, now: datetime) -> None:
    """Raise `NotYet` for a message dated in the future, `NotTaken` for one older than `context.oldest`."""
    if message.sent > now + context.skew:
        raise NotYet.at("sent", "dated ahead of the clock here", "business-rule")
    if message.sent < now - context.oldest:
        raise NotTaken.at("sent", f"older than {context.oldest.days} days: replayed, or too late", "business-rule")


def is_early(context: Context, message: Message | PlanMessage, now: datetime) -> bool:
    """True if the message is so new that the one it follows may still be on its way."""
    return now - message.sent < context.early


def unknown_here(context: Context, message: Message, now: datetime) -> NotTaken:
    """The error for a message about an unknown referral: `NotYet` while its notice may still come, then `NotTaken`."""
    kind = NotYet if is_early(context, message, now) else NotTaken
    return kind.at("correlation_id", "no notice came under this correlation id", "not-found")


def check_person(referral: Referral, persons: frozenset[PersonId]) -> None:
    """Raise `NotTaken` when a message names another person than the referral's."""
    refuse_other_person(referral.notice.owner.identifier, persons, "referral")


def refuse_other_person(owner: PersonId | None, persons: frozenset[PersonId], about: str) -> None:
    """Raise `NotTaken` when a message names another person than the `owner` of the referral or plan.

    One person may have numbers of several registers: only numbers of the same register can contradict each other.
    """
    same_register = {person for person in persons if owner is not None and person.kind is owner.kind}
    if same_register and owner not in same_register:
        raise NotTaken.at("owner", f"about another person than the {about}", "business-rule")

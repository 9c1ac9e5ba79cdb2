"""Releases: what a person of ours lets out about persons with a protected address, and to whom.

A release moves no state of the loop, so the table of transitions has no row for it. It is evidence like any other step.
Where an address is strictly confidential (strengt fortrolig), each message waits for a person's yes, but for receipts,
which say nothing, and the withdrawal of consent, which must not wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.protection import EVERY_PART, LocatingPart, is_strictly_confidential, protected_persons
from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.loop.decision import Decision
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import Event, EventKind, Record, Release
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.referral import Author, Referral

_NEVER_WAITS: Final = (MessageKind.WITHDRAWAL,)


def is_strict(referral: Referral) -> bool:
    """True if an address in the notice is strictly confidential."""
    return is_strictly_confidential(referral.notice)


def awaits_yes(referral: Referral, effect: Effect) -> bool:
    """True if the message of this effect must not leave before a person has let it go."""
    if effect.kind is not EffectKind.SEND or effect.message in _NEVER_WAITS:
        return False
    return is_strict(referral) and effect.id not in referral.let_go


def release(
    referral: Referral, party: str, parts: Collection[LocatingPart], by: Author, *, event_id: str, at: datetime
) -> Decision:
    """Returns the decision that these parts, and no others, may go to this party from now on; `at` has a zone.

    Raises `InvalidInput` (business-rule) if nobody in the notice has a protected address: there is nothing to release.
    """
    if not protected_persons(referral.notice):
        raise InvalidInput.at("release", "nobody in the notice has a protected address", "business-rule")
    kept = tuple(part for part in EVERY_PART if part in parts)
    said = f"released to {party}: {', '.join(kept) or 'nothing any more'}"
    made = Release(party=party, parts=kept, at=at, by=by)
    event = _event(referral, by, event_id, at)
    return _decision(referral.evolve(releases=(*referral.releases, made), changed=at), event, said)


def let_go(referral: Referral, message_id: str, by: Author, *, event_id: str, at: datetime) -> Decision:
    """Returns the decision that a message of ours may leave; `at` has a zone."""
    event = _event(referral, by, event_id, at).evolve(message_id=message_id)
    return _decision(referral.evolve(let_go=(*referral.let_go, message_id), changed=at), event, "the message may leave")


def _event(referral: Referral, by: Author, event_id: str, at: datetime) -> Event:
    return Event(id=event_id, kind=EventKind.RELEASE, at=at, raised_by=referral.role, by=by)


def _decision(after: Referral, event: Event, note: str) -> Decision:
    return Decision(after, (Record(event=event, role=after.role, before=after.state, after=after.state, note=note),))

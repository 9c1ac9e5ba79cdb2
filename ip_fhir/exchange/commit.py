"""Writes a decision in one transaction: evidence, referral, resources, outbox, worklist.

All that moves a referral - a message, a form filled in on our side, a receipt, a timer - is written by this module.
"""

from __future__ import annotations

import time
from contextlib import suppress
from random import SystemRandom
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.loop.worklist import ended_by_form, items_of, no_longer_needed, note_of_state
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import Conflict, InvalidInput
from ip_fhir.exchange.access.parties import parties_of
from ip_fhir.mapping import referral_resources
from ip_fhir.ports import OutboxRow, ResourceVersion
from ip_fhir.ports.capabilities import knows_persons, writes_worklist

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ip_fhir.domain.loop import Decision
    from ip_fhir.domain.referral import Referral
    from ip_fhir.exchange.context import Context
    from ip_fhir.ports import JsonObject, Stored, Transaction
    from ip_fhir.ports.capabilities import PersonTransaction, WorklistTransaction

T = TypeVar("T")

_WAITS: Final = (0.0, 0.0, 0.01, 0.02, 0.04, 0.08, 0.16)
"""Seconds before each try after the first, at most: who loses to a busy neighbour again and again gives way."""

_RANDOM: Final = SystemRandom()
_OTHERS = 5  # other loops about the same person that are named


def write(
    tx: Transaction,
    before: Stored | None,
    decision: Decision,
    now: datetime,
    foreign: Sequence[JsonObject] = (),
    *,
    context: Context,
) -> list[JsonObject]:
    """Write a decision; `before` is the stored referral that it was made from (None: a new referral).

    `now` is a time in UTC. `foreign` are resources as the other side wrote them: their elements that we do not map are
    kept. Returns the resources as stored. Raises `Conflict` when the referral has changed since it was loaded.
    """
    referral = decision.referral
    if not decision.records:  # the same event was applied before
        return []
    tx.append(referral.correlation_id, decision.records)
    tx.save(referral, before.revision if before else None)
    tx.set_parties(Aggregate.of_referral(referral.correlation_id), parties_of(context, referral))
    if decision.drops_waiting is not None:
        tx.drop_waiting(referral.correlation_id, decision.drops_waiting, [effect.id for effect in decision.effects])
    if writes_worklist(tx):
        _put_items(tx, before, decision, now)
    if before is None and knows_persons(tx) and referral.notice.owner.identifier is not None:
        _note_person(tx, referral, str(referral.notice.owner.identifier), now)
    effects = [effect for effect in decision.effects if effect.kind is not EffectKind.RESEND]
    tx.enqueue([_row(context, referral, effect, now) for effect in effects])
    for effect in decision.effects:
        if effect.kind is EffectKind.RESEND and effect.answers is not None and not _is_held(tx, effect.answers):
            tx.retry(effect.answers, now)  # the row that is there, with the bytes it had
    return put_resources(tx, referral, now, foreign, context=context, new=before is None)


def _note_person(tx: PersonTransaction, referral: Referral, number: str, now: datetime) -> None:
    """Keep whom a new referral is about; tell our people of another one about the same person that is not over."""
    aggregate = Aggregate.of_referral(referral.correlation_id)
    tx.add_person(aggregate, number)
    others = tx.others_about(aggregate, number, _OTHERS)
    if not others:
        return
    ident = str(uuid5(NAMESPACE_URL, f"{referral.correlation_id}#second-loop"))
    effect = Effect(id=ident, kind=EffectKind.TELL, reason=Reason.SECOND_LOOP, text=", ".join(others))
    tell_our_people(tx, aggregate, effect, now)


def tell_our_people(tx: Transaction, aggregate: Aggregate, effect: Effect, now: datetime) -> None:
    """Queue what no decision asks to be told, and open its item on the worklist. `now` is a time in UTC."""
    tx.enqueue([OutboxRow(effect.id, aggregate.id, effect, due=now, aggregate_kind=aggregate.kind)])
    if writes_worklist(tx):
        tx.open_items(items_of([effect], aggregate, now))


def _is_held(tx: Transaction, row_id: str) -> bool:
    """True if the row waits for a person's yes: the clock does not give it."""
    row = tx.row(row_id)
    return row is not None and row.status == "held"


def _row(context: Context, referral: Referral, effect: Effect, now: datetime) -> OutboxRow:
    """A new outbox row; without a peer if it stays here or the settings name none."""
    peer = None
    if effect.kind is EffectKind.SEND:
        with suppress(InvalidInput):
            peer = context.peer_of(referral, effect).name
    return OutboxRow(effect.id, referral.correlation_id, effect, due=now, peer=peer)


def _put_items(tx: WorklistTransaction, before: Stored | None, decision: Decision, now: datetime) -> None:
    """Close the worklist items that the new state makes needless, in the name of who caused it, and open new ones."""
    aggregate, state = Aggregate.of_referral(decision.referral.correlation_id), decision.referral.state
    if decision.drops_waiting is not None:  # nothing is held any more
        tx.finish_items(aggregate, [Reason.AWAITING_RELEASE], now, None, decision.drops_waiting)
    if before is not None:
        over = no_longer_needed(before.referral.state, state) + ended_by_form(before.referral, decision.referral)
        by = decision.records[-1].event.by
        tx.finish_items(aggregate, tuple(dict.fromkeys(over)), now, by, note_of_state(state))
    tx.open_items(items_of(decision.effects, aggregate, now))


def put_resources(
    tx: Transaction,
    referral: Referral,
    now: datetime,
    foreign: Sequence[JsonObject] = (),
    *,
    context: Context,
    new: bool = False,
) -> list[JsonObject]:
    """Bring the FHIR resources of a referral up to date; an unchanged one keeps its version. Returns them as stored.

    A `new` referral has none yet: they are not looked for before they are written. Raises `InvalidInput` (duplicate)
    when a resource of another referral has one of the ids.
    """
    places = referral_resources(referral)
    if new:
        with suppress(Conflict):  # if one is there all the same, it is looked at after all
            return _put_onto(tx, referral, dict.fromkeys(places), foreign, now, context, just_read=True)
    return _put_onto(tx, referral, {place: tx.resource(*place) for place in places}, foreign, now, context)


def _put_onto(
    tx: Transaction,
    referral: Referral,
    current: Mapping[tuple[str, str], ResourceVersion | None],
    foreign: Sequence[JsonObject],
    now: datetime,
    context: Context,
    *,
    just_read: bool = False,
) -> list[JsonObject]:
    """Write the resources onto those that are there; `current` are the stored ones by type and id.

    With `just_read` the referral's notice was read from `foreign`.
    """
    offered = {resource["resourceType"]: resource for resource in foreign}
    existing = [_existing(place, old, offered) for place, old in current.items()]
    bodies = [body for body in existing if body is not None]
    wanted = context.mapper.referral_to_fhir(referral, bodies, just_read=just_read and "ServiceRequest" in offered)
    return [_put(tx, referral, body, old, now) for body, old in zip(wanted, current.values(), strict=True)]


def _existing(place: tuple[str, str], old: ResourceVersion | None, offered: dict[str, JsonObject]) -> JsonObject | None:
    """Return the resource to write onto: the one that the other side sent, under our id; else the stored one."""
    type_, id_ = place
    if type_ in offered:
        return {**offered[type_], "id": id_}
    return old.body if old is not None else None


def _put(
    tx: Transaction, referral: Referral, body: JsonObject, current: ResourceVersion | None, now: datetime
) -> JsonObject:
    type_, id_ = body["resourceType"], body["id"]
    if current is not None and current.of_referral != referral.correlation_id:
        raise InvalidInput.at(f"{type_}.id", "another referral has a resource with this id", "duplicate")
    if current is not None and without_version(current.body) == without_version(body):
        return current.body
    version = current.version + 1 if current else 1
    meta = {**body.get("meta", {}), "versionId": str(version), "lastUpdated": now.isoformat(timespec="milliseconds")}
    body = {**body, "meta": meta}
    resource = ResourceVersion(type_, id_, version, body, now, referral.correlation_id)
    tx.put_resource(resource, current.version if current else None)
    return body


def not_before(before: Stored | None, now: datetime) -> datetime:
    """Return `now` (UTC), but no earlier than the referral's last change: the clock may have been turned back.

    So time never runs backwards within a referral, and a later message of ours never bears an earlier date.
    """
    return now if before is None else max(now, before.referral.changed)


def without_version(body: JsonObject) -> JsonObject:
    """The resource without `meta.versionId` and `meta.lastUpdated`, which differ in every version."""
    meta = {k: v for k, v in body.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
    return {**body, "meta": meta}


def again_on_conflict(work: Callable[[], T]) -> T:
    """Run `work` and return its result; on `Conflict` run it again, eight times in all. Raises the last `Conflict`.

    `work` must load the referral or plan itself, so that each run decides on its newest revision.
    """
    for seconds in _WAITS:
        with suppress(Conflict):
            return work()
        time.sleep(seconds * _RANDOM.random())
    return work()

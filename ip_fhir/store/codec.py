"""Conversion between values and table rows."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import orjson

from ip_fhir.domain.effects import Effect, earliest
from ip_fhir.domain.loop.waiting import is_overdue, waits_since
from ip_fhir.domain.loop.worklist import WorklistItem
from ip_fhir.domain.referral import Author, Record, Referral
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.value import Value
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.fhir.json_text import dumps, loads
from ip_fhir.ports import EvidenceRecord, Figures, OutboxRow, OutboxStatus, Refusal, ResourceVersion, Seen, Stored
from ip_fhir.ports.capabilities import AggregateRecord, UnreadableRow
from ip_fhir.store.damage.unreadable import is_instant, is_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

    from ip_fhir.ports.capabilities import WorklistPlace

V = TypeVar("V", bound=Value)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_STATUSES: Final = get_args(OutboxStatus)


def seen(row: Row[tuple[str, str, bytes]]) -> Seen:
    """Returns a message that was taken in, from its row."""
    return Seen(row.key, row.digest, row.reply)


def micros(at: datetime) -> int:
    """Returns microseconds since 1970 in UTC. Raises `InvalidInput` for a time without a zone.

    >>> micros(datetime(1970, 1, 1, 1, tzinfo=UTC))
    3600000000
    """
    if at.tzinfo is None:
        raise InvalidInput.at("", "a time needs its zone")
    return (at - _EPOCH) // _MICROSECOND


def moment(number: int) -> datetime:
    """Returns the time, in UTC, from which `micros` made the number.

    >>> moment(micros(datetime(2026, 3, 29, 2, 30, tzinfo=UTC))).isoformat()
    '2026-03-29T02:30:00+00:00'
    """
    return _EPOCH + timedelta(microseconds=number)


def dump(data: Any) -> str:
    """Returns canonical JSON: keys sorted, no blanks. Raises `InvalidInput` for data that JSON cannot hold."""
    try:
        return dumps(data, orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:
        raise InvalidInput.at("", "cannot be written as JSON", "structure") from None


def parse(model: type[V], text: str) -> V:
    """Reads a stored value. Raises `StoreError` if it cannot be read, since that is not the caller's fault."""
    try:
        return model.model_validate_json(text)  # written here: no key stands twice
    except InvalidInput as error:
        paths = ", ".join(problem.path or "(all)" for problem in error.problems)
        raise StoreError(f"a stored {model.__name__} cannot be read: {paths}") from None


def referral_row(referral: Referral, revision: int) -> dict[str, Any]:
    """Returns a referral as a table row, without its key."""
    next_due = earliest(referral.timers)
    return {
        "role": referral.role.value,
        "state": referral.state.value,
        "changed": micros(referral.changed),
        "next_due": None if next_due is None else micros(next_due),
        "revision": revision,
        "body": dump(referral.to_data()),
        "waits_since": None if (since := waits_since(referral)) is None else micros(since),
        "overdue": int(is_overdue(referral)),
    }


def stored(row: Row[tuple[str, str, int]]) -> Stored:
    """Returns a referral's row as a value."""
    return Stored(parse(Referral, row.body), row.revision)


def lane(effect: Effect) -> str:
    """Returns an effect's lane: within a referral, effects with the same kind and recipient stay in order.

    Messages about a plan stay in order for each party, or for each share where the party is not known.

    >>> from ip_fhir.domain.effects import EffectKind
    >>> lane(Effect(id="1", kind=EffectKind.SEND)), lane(Effect(id="2", kind=EffectKind.TELL, to="intake"))
    ('send', 'tell:4736bc313525a831')
    """
    whose = effect.to if effect.plan_message is None else effect.party or effect.about
    if whose is None:
        return effect.kind.value
    return f"{effect.kind.value}:{sha256(whose.encode()).hexdigest()[:16]}"


def outbox_values(row: OutboxRow) -> dict[str, Any]:
    """Returns an outbox row as a new table row."""
    return {
        "id": row.id,
        "aggregate_kind": row.aggregate_kind,
        "aggregate_id": row.correlation_id,
        "lane": lane(row.effect),
        "effect": dump(row.effect.to_data()),
        "due": micros(row.due),
        "attempts": row.attempts,
        "claim": row.claim,
        "status": row.status,
        "content": row.content,
        "content_type": row.content_type,
        "last_error": row.last_error,
        "peer": row.peer,
        "plan_message": None if row.effect.plan_message is None else row.effect.plan_message.value,
        "about": row.effect.about,
    }


def outbox_row(row: Row[Any]) -> OutboxRow:
    """A table row as a value. Raises `StoreError` for a row of a status that there is not."""
    if row.status not in _STATUSES:
        raise StoreError("the status of a stored outbox row is not known")
    return OutboxRow(  # by position: a claim makes many, and names cost
        row.id,
        row.aggregate_id,
        parse(Effect, row.effect),
        moment(row.due),
        row.attempts,
        row.status,
        row.content,
        row.content_type,
        row.last_error,
        row.claim,
        row.handovers,
        None if row.handed_over is None else moment(row.handed_over),
        row.aggregate_kind,
        row.peer,
    )


def resource_values(resource: ResourceVersion) -> dict[str, Any]:
    """Returns a resource as a new, current table row."""
    return {
        "type": resource.type,
        "id": resource.id,
        "version": resource.version,
        "current": True,
        "body": dump(resource.body),
        "updated": micros(resource.updated),
        "aggregate_kind": resource.aggregate_kind,
        "aggregate_id": resource.correlation_id,
    }


def resource_version(row: Row[Any]) -> ResourceVersion:
    """Returns a resource's table row as a value."""
    try:
        body = loads(row.body)
    except (ValueError, RecursionError):
        raise StoreError(f"a stored {row.type} cannot be read") from None
    if not isinstance(body, dict) or (body.get("resourceType"), body.get("id")) != (row.type, row.id):
        raise StoreError(f"a stored {row.type} is not the one of its id")
    return ResourceVersion(
        type=row.type,
        id=row.id,
        version=row.version,
        body=body,
        updated=moment(row.updated),
        correlation_id=row.aggregate_id,
        aggregate_kind=row.aggregate_kind,
    )


def refusal_values(refusal: Refusal) -> dict[str, Any]:
    """Returns a message that was not taken in, as a new table row."""
    return {
        "peer": refusal.peer,
        "digest": refusal.digest,
        "code": refusal.code,
        "reason": refusal.reason,
        "message_id": refusal.message_id,
        "first": micros(refusal.first),
        "last": micros(refusal.last),
        "times": refusal.times,
    }


def refusal(row: Row[Any]) -> Refusal:
    """Returns a table row as a message that was not taken in."""
    first, last = moment(row.first), moment(row.last)
    return Refusal(row.peer, row.digest, row.code, row.reason, first, last, row.message_id, row.times)


def figures(loops: Sequence[Row[Any]], outbox: Sequence[Row[Any]], **counts: int) -> Figures:
    """The counts of loops by state and deadline, of rows by status, and the others by name, as one value."""
    states: Counter[str] = Counter()
    for row in loops:
        states[_known(row.state)] += row.number
    since = min((row.since for row in loops if is_instant(row.since)), default=None)
    return Figures(
        loops=states,
        overdue=sum(row.number for row in loops if row.overdue),
        unanswered_since=None if since is None else moment(since),
        outbox={row.status: row.number for row in outbox if row.status in _STATUSES},
        **counts,
    )


def _known(state: Any) -> str:
    """A referral's state as it is counted: what stands in the column may be anything."""
    return state if is_text(state) else "?"


def evidence_record(row: Row[Any]) -> EvidenceRecord:
    """A link of the chain that is a referral's, as a value."""
    return EvidenceRecord(row.number, row.aggregate_id, parse(Record, row.body), row.previous, row.hash)


def aggregate_record(row: Row[Any], aggregate: Aggregate) -> AggregateRecord:
    """A link of the chain, about any aggregate, as a value."""
    try:
        record = orjson.loads(row.body)
    except orjson.JSONDecodeError:
        raise StoreError("a stored record of evidence cannot be read") from None
    if not isinstance(record, dict):
        raise StoreError("a stored record of evidence is no object")
    return AggregateRecord(row.number, aggregate, record, row.previous, row.hash)


def item_values(item: WorklistItem) -> dict[str, Any]:
    """A worklist item as a new table row, open."""
    return {
        "id": item.id,
        "aggregate_kind": item.aggregate.kind,
        "aggregate_id": item.aggregate.id,
        "reason": item.reason.value,
        "opened": micros(item.opened),
        "closed": 0,
        "body": dump(item.to_data()),
        "about": item.about,
    }


def item_outcome(now: datetime, by: Author | None, note: str | None) -> dict[str, Any]:
    """The columns of an item that is done."""
    return {"new_done": micros(now), "new_done_by": None if by is None else dump(by.to_data()), "new_note": note}


def place(of: WorklistPlace) -> dict[str, Any]:
    """The place of an item in the list, as the parameters of a page behind it."""
    is_done, opened, ident = of
    return {"was_closed": int(is_done), "was_opened": micros(opened), "last": ident}


def item(row: Row[Any]) -> WorklistItem:
    """A worklist item's table row as a value."""
    opened = parse(WorklistItem, row.body)
    if row.done is None:
        return opened
    by = None if row.done_by is None else parse(Author, row.done_by)
    return opened.evolve(done=moment(row.done), by=by, note=row.note)


def unreadable_row(row: Row[Any]) -> UnreadableRow:
    """The table row about a row that cannot be read, as a value."""
    of = None if row.aggregate_id is None else Aggregate(kind=row.aggregate_kind, id=row.aggregate_id)
    first, last = moment(row.first), moment(row.last)
    return UnreadableRow(row.kind, row.key, row.reason, first, last, row.times, of)

"""`Transaction` on a database connection: all its changes are committed together, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import Conflict, InvalidInput, StoreError
from ip_fhir.ports import Seen
from ip_fhir.store import chain, codec, statements, worklist_statements
from ip_fhir.store.engine import Taken
from ip_fhir.store.prepared import execute
from ip_fhir.store.readings.log import ReadingLog
from ip_fhir.store.resources import statements as resource_statements
from ip_fhir.store.schema import KEY_LENGTH
from ip_fhir.store.tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection, Executable

    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.domain.referral import Author, Record, Referral
    from ip_fhir.ports import JsonObject, OutboxRow, Parties, Refusal, ResourceVersion, Stored
    from ip_fhir.store.engine import Values
    from ip_fhir.store.prepared import Result


_CHANGED: Final = "the resource was changed by another since it was read"


class SqlTransaction:
    """Implements `ip_fhir.ports.Transaction` and the transactions of `ip_fhir.ports.capabilities`.

    Only one thread may use it, and only until its block ends.

    After the first failure of the database every further call is refused: the database may have rolled back by itself,
    and later changes would then be committed without the earlier ones.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._failed = False
        self._evidence: list[tuple[Aggregate, str]] = []
        self._finished: list[dict[str, Any]] = []

    def _run(self, statement: Executable, values: Values) -> Result:
        self._write_finished()
        return self._execute(statement, values)

    def _execute(self, statement: Executable, values: Values) -> Result:
        self.check()
        self._failed = True
        result = execute(self._connection, statement, values)
        self._failed = False
        return result

    def _add(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Run an insert and return how many rows it added; 0 also when another added such a row at this moment."""
        try:
            return self._run(statement, values).rowcount
        except Taken:
            return 0

    def check(self) -> None:
        """Raise `StoreError` if the transaction has failed and may not be committed."""
        if self._failed:
            raise StoreError("the transaction has failed: nothing of it is kept")

    def complete(self) -> None:
        """Write the evidence, last: where there are several writers they queue for the end of the chain."""
        self.check()
        self._write_finished()
        if not self._evidence:
            return
        head = chain.Head.parse(str(self._run(statements.HEAD, {}).scalar()))
        if head is None:
            raise StoreError("the end of the evidence chain is not known")
        links = list(chain.follow(head, self._evidence))
        self._run(statements.ADD_EVIDENCE, links)
        end = chain.Head(head.number + len(links), str(links[-1]["hash"]))
        self._run(statements.MOVE_HEAD, {"head": str(end)})
        self._evidence.clear()

    # --- inbox, referral, evidence

    def seen(self, key: str) -> Seen | None:
        """The message taken in under this key, if any."""
        row = self._run(statements.SEEN, {"key": key}).first()
        return None if row is None else Seen(row.key, row.digest, row.reply)

    def remember(self, seen: Seen, now: datetime) -> None:
        """Keep key, digest and reply. `StoreError` for a key that is there; `InvalidInput` over 255 characters."""
        if max(len(seen.key), len(seen.digest)) > KEY_LENGTH:
            raise InvalidInput.at("key", f"longer than {KEY_LENGTH} characters", "too-long")
        values = {"key": seen.key, "digest": seen.digest, "reply": seen.reply, "at": codec.micros(now)}
        self._run(statements.REMEMBER, values)

    def refuse(self, refusal: Refusal, most: int = 1000) -> None:
        """Record a refused message, or count a repeated one, and any beyond `most` of its peer.

        `Conflict` if another transaction records it now.
        """
        if self._refused_again(refusal):
            return
        of_peer = {"of_peer": refusal.peer, "at_most": most}
        if self._run(statements.COUNT_REFUSALS_OF, of_peer).scalar() >= most:
            refusal = refusal.beyond()
            if self._refused_again(refusal):
                return
        if self._add(statements.ADD_REFUSAL, codec.refusal_values(refusal)) == 0:
            raise Conflict("another keeps the same refusal")

    def _refused_again(self, refusal: Refusal) -> bool:
        """Count a message that is recorded; False if it is not."""
        values = codec.refusal_values(refusal)
        key = {f"of_{name}": values[name] for name in ("peer", "digest", "code")}
        return self._run(statements.REFUSED_AGAIN, {**key, "now": values["last"]}).rowcount > 0

    def load(self, correlation_id: str) -> Stored | None:
        """The referral, or None."""
        row = self._run(statements.LOAD, {"correlation_id": correlation_id}).first()
        return None if row is None else codec.stored(row)

    def save(self, referral: Referral, revision: int | None) -> int:
        """Write it and return the new revision, from 1. `Conflict` if `revision` is no longer current."""
        new = (revision or 0) + 1
        values = codec.referral_row(referral, new)
        ident = referral.correlation_id
        if revision is None:
            if self._add(statements.ADD_REFERRAL, {"correlation_id": ident, **values}) == 0:
                raise Conflict("the referral is not new")
        elif self._run(statements.CHANGE_REFERRAL, {"of": ident, "based_on": revision, **values}).rowcount == 0:
            raise Conflict("the referral was changed by another since it was read")
        return new

    def append(self, correlation_id: str, records: Sequence[Record]) -> None:
        """Add evidence to the hash chain, which grows when the transaction is committed."""
        self.append_records(Aggregate.of_referral(correlation_id), [record.to_data() for record in records])

    def append_records(self, aggregate: Aggregate, records: Sequence[JsonObject]) -> None:
        """Add evidence about any aggregate to the one hash chain."""
        self.check()
        self._evidence += [(aggregate, codec.dump(record)) for record in records]

    # --- outbox

    def enqueue(self, rows: Sequence[OutboxRow]) -> None:
        """Add outbox rows, in this order. A row whose id is there already is left as it is."""
        if rows:  # in this order they are numbered
            self._run(statements.ENQUEUE, [codec.outbox_values(row) for row in rows])

    def drop_waiting(self, correlation_id: str, reason: str, keep: Sequence[str] = ()) -> None:
        """Close the referral's unsent rows, but for the ids in `keep`."""
        self.drop_rows(Aggregate.of_referral(correlation_id), reason, keep)

    def drop_rows(self, aggregate: Aggregate, reason: str, keep: Sequence[str] = ()) -> None:
        """Close any aggregate's unsent rows, but for the ids in `keep`."""
        of = {"of_kind": aggregate.kind, "of_id": aggregate.id}
        self._run(statements.DROP, {**of, "reason": reason, "keep": list(keep)})

    def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> list[OutboxRow]:
        """Hold up to `limit` due rows for the worker; see `Store.claim`."""
        if self._connection.dialect.name == "postgresql":
            self._run(statements.PLAN_TO_CLAIM, {})
        held = {"worker": worker, "until": codec.micros(now + lease)}
        rows = self._run(statements.CLAIM, {"now": codec.micros(now), "at_most": max(limit, 0), **held}).rows
        return [codec.outbox_row(row) for row in sorted(rows, key=lambda row: (row.due, row.sequence))]

    def row(self, row_id: str) -> OutboxRow | None:
        """The outbox row in its present state, or None."""
        row = self._run(statements.ROW, {"row_id": row_id}).first()
        return None if row is None else codec.outbox_row(row)

    def keep_content(self, row_id: str, content: bytes, content_type: str) -> OutboxRow:
        """Keep the bytes of the first attempt, if there are none, and return the row."""
        values = {"row_id": row_id, "new_content": content, "new_type": content_type}
        kept = self._run(statements.KEEP_CONTENT, values).first()
        return self._known(row_id) if kept is None else codec.outbox_row(kept)

    def finish(self, row_id: str, now: datetime) -> None:
        """Mark a row as sent, whatever its status was. Several in a row are written together, before the next call."""
        self.check()
        self._finished.append({"row_id": row_id, "now": codec.micros(now)})

    def _write_finished(self) -> None:
        finished, self._finished = self._finished, []
        if not finished:
            return
        if self._execute(statements.FINISH, finished if len(finished) > 1 else finished[0]).rowcount < len(finished):
            for one in finished:
                self._known(one["row_id"])

    def failed(self, row_id: str, reason: str, next_try: datetime | None, claim: int | None = None) -> None:
        """Record a failed attempt: retry at `next_try`, or (None) park the row. A late report changes nothing."""
        statement = statements.PARK if next_try is None else statements.TRY_AGAIN
        values: dict[str, Any] = {"row_id": row_id, "reason": reason}
        if next_try is not None:
            values["next_try"] = codec.micros(next_try)
        if claim is not None:
            statement = statement.where(statements.STILL_THEIRS)
            values["of_claim"] = claim
        if self._run(statement, values).rowcount == 0:
            self._known(row_id)

    def hand_over(self, row_id: str, now: datetime, due: datetime, claim: int) -> None:
        """Mark a claimed row as awaiting its receipt until `due`. A late report changes nothing."""
        values = {"row_id": row_id, "of_claim": claim, "now": codec.micros(now), "receipt_due": codec.micros(due)}
        if self._run(statements.HAND_OVER, values).rowcount == 0:
            self._known(row_id)

    def give_back(self, row_id: str, claim: int) -> None:
        """Give back a claimed row that was not tried. A late report changes nothing."""
        if self._run(statements.GIVE_BACK, {"row_id": row_id, "of_claim": claim}).rowcount == 0:
            self._known(row_id)

    def refused(self, row_id: str, reason: str) -> None:
        """Close a row that will not be sent. A row that was sent stays sent."""
        if self._run(statements.REFUSE, {"row_id": row_id, "reason": reason}).rowcount == 0:
            self._known(row_id)

    def retry(self, row_id: str, now: datetime) -> None:
        """Make a parked or sent row due again; a waiting one due now. `InvalidInput` for one that was refused."""
        values = {"row_id": row_id, "now": codec.micros(now)}
        if self._run(statements.REVIVE, values).rowcount:
            return
        if self._run(statements.HURRY, values).rowcount:
            return
        if self._known(row_id).status == "refused":
            raise InvalidInput.at("row", "it was refused, and is not sent again", "business-rule")

    def _known(self, row_id: str) -> OutboxRow:
        row = self.row(row_id)
        if row is None:
            raise InvalidInput.at("row", "there is no such outbox row", "not-found")
        return row

    # --- worklist

    def open_items(self, items: Sequence[WorklistItem]) -> None:
        """Add items. One whose id is there already is left as it is."""
        if items:
            self._run(worklist_statements.OPEN_ITEM, [codec.item_values(item) for item in items])

    def item(self, item_id: str) -> WorklistItem | None:
        """The item in its present state, or None."""
        row = self._run(worklist_statements.ITEM, {"item_id": item_id}).first()
        return None if row is None else codec.item(row)

    def finish_item(self, item_id: str, now: datetime, by: Author | None, note: str | None) -> bool:
        """Mark an open item as done. False when it is not open."""
        values = {"item_id": item_id, **codec.item_outcome(now, by, note)}
        return self._run(worklist_statements.FINISH_ITEM, values).rowcount > 0

    def finish_items(
        self, aggregate: Aggregate, reasons: Sequence[str], now: datetime, by: Author | None, note: str | None
    ) -> None:
        """Mark the open items of an aggregate that have one of these reasons as done."""
        if reasons:
            of = {"of_kind": aggregate.kind, "of_id": aggregate.id, **codec.item_outcome(now, by, note)}
            self._run(worklist_statements.FINISH_REASON, [{**of, "of_reason": str(reason)} for reason in reasons])

    # --- resources

    def resource(self, type_: str, id_: str) -> ResourceVersion | None:
        """The current version of a FHIR resource."""
        row = self._run(resource_statements.CURRENT, {"of_type": type_, "of_id": id_}).first()
        return None if row is None else codec.resource_version(row)

    def put_resource(self, resource: ResourceVersion, expected: int | None) -> None:
        """Write a version, the one after `expected`; the old ones are kept. `Conflict` if that is not current."""
        key = {"of_type": resource.type, "of_id": resource.id}
        if resource.version != (expected or 0) + 1:
            raise InvalidInput.at("version", "not the one after the expected version", "invariant")
        found = sorted(tokens(resource.body))
        values = codec.resource_values(resource)
        if expected is not None:
            if self._run(resource_statements.RETIRE, {**key, "expected": expected}).rowcount == 0:
                raise Conflict(_CHANGED)
            self._run(resource_statements.DROP_TOKENS, key)
        if self._add(resource_statements.ADD_VERSION, values) == 0:
            raise Conflict(_CHANGED)
        if found:
            of = {"type": resource.type, "id": resource.id}
            self._run(resource_statements.ADD_TOKENS, [{**of, "name": name, "value": value} for name, value in found])

    def set_parties(self, aggregate: Aggregate, parties: Parties) -> None:
        """Keep the parties that an aggregate concerns. Writes nothing if they are those that are kept already."""
        of = {"of_kind": aggregate.kind, "of_id": aggregate.id}
        wanted = {(parties.basis, name) for name in parties.names or {""}}
        kept = {(row.basis, row.party) for row in self._run(resource_statements.PARTIES, of).rows}
        if kept == wanted:
            return
        if kept:
            self._run(resource_statements.DROP_PARTIES, of)
        row = {"aggregate_kind": aggregate.kind, "aggregate_id": aggregate.id}
        rows = [{"basis": basis, "party": name, **row} for basis, name in sorted(wanted)]
        self._run(resource_statements.ADD_PARTIES, rows)

    def hold(self, correlation_id: str) -> None:
        """Keep others from changing the referral until this transaction ends."""
        self._run(resource_statements.HOLD, {"correlation_id": correlation_id})

    # --- log of reads

    @property
    def log(self) -> ReadingLog:
        """The log of reads, in this transaction."""
        return ReadingLog(self._run, self.append_records)

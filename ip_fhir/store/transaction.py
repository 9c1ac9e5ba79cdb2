"""`Transaction` on a database connection: all its changes are committed together, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.values.aggregate import REFERRAL, Aggregate
from ip_fhir.errors import Conflict, InvalidInput, StoreError
from ip_fhir.store import claim_statements, codec, statements
from ip_fhir.store.damage import statements as damage_statements
from ip_fhir.store.engine import Taken
from ip_fhir.store.integrity import digests
from ip_fhir.store.integrity.links import add_links
from ip_fhir.store.prepared import execute
from ip_fhir.store.readings.log import ReadingLog
from ip_fhir.store.resources import concern, other_ids
from ip_fhir.store.resources import statements as resource_statements
from ip_fhir.store.schema import KEY_LENGTH
from ip_fhir.store.tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection, Executable

    from ip_fhir.domain.referral import Record, Referral
    from ip_fhir.ports import JsonObject, OutboxRow, PartyNames, Refusal, ResourceVersion, Seen, Stored
    from ip_fhir.ports.capabilities import UnreadableRow
    from ip_fhir.ports.other_ids import KindOfId, KnownId, OtherId
    from ip_fhir.store.damage.unreadable import Damage
    from ip_fhir.store.engine import Values
    from ip_fhir.store.prepared import Result


_CHANGED: Final = "the resource was changed by another since it was read"


class SqlTransaction:
    """Implements `ip_fhir.ports.Transaction` and those of `ip_fhir.ports.capabilities`, but for the worklist.

    Only one thread may use it, and only until its block ends.

    After the first failure of the database every further call is refused: the database may have rolled back by itself,
    and later changes would then be committed without the earlier ones.

    Each change notes the digest of what it wrote (`integrity.digests`), and `complete` puts them into the chain.
    """

    def __init__(self, connection: Connection, damage: Damage) -> None:
        self._connection = connection
        self._damage = damage
        self._failed = False
        self._evidence: list[tuple[Aggregate, str]] = []
        self._finished: list[dict[str, Any]] = []
        self._written = digests.Written()

    def _run(self, statement: Executable, values: Values) -> Result:
        self._write_finished()
        return self._execute(statement, values)

    def _execute(self, statement: Executable, values: Values) -> Result:
        self.check()
        self._failed = True
        result = execute(self._connection, statement, values)
        self._failed = False
        return result

    def add_proof(self, digest: str, now: datetime, until: datetime) -> bool:
        """Keep a proof of possession, and forget those that are over; True if it was not there."""
        self._run(statements.FORGET_PROOFS, {"now": codec.micros(now)})
        return self._add(statements.ADD_PROOF, {"digest": digest, "until": codec.micros(until)}) == 1

    def _add(self, statement: Executable, values: Values) -> int:
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
        """Write the evidence, last: where there are several writers they queue for the end of the chain.

        What was written without a record of evidence gets one of the store's own, for its digests.
        """
        self.check()
        self._write_finished()
        wrote = self._written.take()
        if wrote is None and not self._evidence:
            return
        add_links(self._connection, self._evidence, wrote)
        self._evidence.clear()

    # --- inbox, referral, evidence

    def seen(self, key: str) -> Seen | None:
        """The message taken in under this key, if any."""
        row = self._run(statements.SEEN, {"key": key}).first()
        return None if row is None else self._damage.one("inbox", row, codec.seen)

    def remember(self, seen: Seen, now: datetime) -> None:
        """Keep key, digest and reply. `StoreError` for a key that is there; `InvalidInput` over 255 characters."""
        if max(len(seen.key), len(seen.digest)) > KEY_LENGTH:
            raise InvalidInput.at("key", f"longer than {KEY_LENGTH} characters", "too-long")
        values = {"key": seen.key, "digest": seen.digest, "reply": seen.reply, "at": codec.micros(now)}
        self._run(statements.REMEMBER, values)
        self._written.note("inbox", f"inbox/{seen.key}", digests.inbox_value(values))

    def refuse(self, refusal: Refusal, most: int = 1000) -> None:
        """Record a refused message, or count a repeated one, and any beyond `most` of its peer; or `Conflict`."""
        if self._refused_again(refusal):
            return
        of_peer = {"of_peer": refusal.peer, "at_most": most}
        if self._run(statements.COUNT_REFUSALS_OF, of_peer).scalar() >= most:
            refusal = refusal.beyond()
            if self._refused_again(refusal):
                return
        if self._add(statements.ADD_REFUSAL, values := codec.refusal_values(refusal)) == 0:
            raise Conflict("another keeps the same refusal")
        self._written.note("refusals", digests.refusal_name(values), digests.refusal_value(values))

    def _refused_again(self, refusal: Refusal) -> bool:
        """Count a message that is recorded; False if it is not."""
        values = codec.refusal_values(refusal)
        key = {f"of_{name}": values[name] for name in ("peer", "digest", "code")}
        return self._run(statements.REFUSED_AGAIN, {**key, "now": values["last"]}).rowcount > 0

    def load(self, correlation_id: str) -> Stored | None:
        """The referral, or None. Raises `Unreadable` for one that cannot be read."""
        row = self._run(statements.LOAD, {"correlation_id": correlation_id}).first()
        return None if row is None else self._damage.one("referral", row, codec.stored)

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
        whole = digests.digest_of_row("referral", {"correlation_id": ident, **values})
        self._written.note(digests.owner(REFERRAL, ident), f"referral/{ident}", whole)
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
        if not rows:
            return
        values = [codec.outbox_values(row) for row in rows]
        added = self._run(statements.ENQUEUE, values).rowcount  # in this order they are numbered
        for one in values if added == len(values) else filter(self._is_as_offered, values):
            self._note_row(one)

    def _is_as_offered(self, values: Mapping[str, Any]) -> bool:
        """True if the outbox row of this id says what `values` say: it is new, or was there and is as new."""
        row = self._run(statements.ROW, {"row_id": values["id"]}).first()
        columns = ("aggregate_kind", "aggregate_id", "effect", "status", "content")
        return all(getattr(row, name) == values[name] for name in columns)

    def _note_row(self, values: Mapping[str, Any]) -> None:
        of, ident = digests.owner(values["aggregate_kind"], values["aggregate_id"]), values["id"]
        self._written.note(of, f"outbox/{ident}", digests.digest_of_row("outbox", values))
        if values["status"] not in digests.UNENDED:
            self._note_status(ident, values["status"], values["last_error"])
        if values["content"] is not None:
            self._note_part("content", ident, values)

    def _note_status(self, row_id: str, status: str, last_error: str | None = None, sent_at: int | None = None) -> None:
        self._note_part("status", row_id, {"status": status, "last_error": last_error, "sent_at": sent_at})

    def _note_part(self, part: str, ident: str, values: Mapping[str, Any]) -> None:
        self._written.note("", f"{part}/{ident}", digests.digest_of_columns(values, digests.PARTS[part]))

    def drop_waiting(self, correlation_id: str, reason: str, keep: Sequence[str] = ()) -> None:
        """Close the referral's unsent rows, but for the ids in `keep`."""
        self.drop_rows(Aggregate.of_referral(correlation_id), reason, keep)

    def drop_rows(self, aggregate: Aggregate, reason: str, keep: Sequence[str] = ()) -> None:
        """Close any aggregate's unsent rows, but for the ids in `keep`."""
        of = {"of_kind": aggregate.kind, "of_id": aggregate.id}
        for row in self._run(statements.DROP, {**of, "reason": reason, "keep": list(keep)}).rows:
            self._note_status(row.id, "refused", reason)

    def claim(
        self, worker: str, now: datetime, lease: timedelta, limit: int, without: frozenset[str | None] = frozenset()
    ) -> list[OutboxRow]:
        """Hold up to `limit` due rows for the worker; see `Store.claim`."""
        if self._connection.dialect.name == "postgresql":
            self._run(claim_statements.PLAN_TO_CLAIM, {})
        statement, left_out = claim_statements.claim(without)
        held = {"worker": worker, "until": codec.micros(now + lease), **left_out}
        claimed: list[OutboxRow] = []
        bad = 1
        while bad and len(claimed) < limit:  # again, if some that cannot be read took the place of others
            values = {"now": codec.micros(now), "at_most": limit - len(claimed), **held}
            rows = sorted(self._run(statement, values).rows, key=lambda row: (row.due, row.sequence))
            found, bad = self._damage.sort("outbox", rows, codec.outbox_row)
            claimed += found
        return claimed

    def row(self, row_id: str) -> OutboxRow | None:
        """The outbox row in its present state, or None."""
        row = self._run(statements.ROW, {"row_id": row_id}).first()
        return None if row is None else self._damage.one("outbox", row, codec.outbox_row)

    def keep_content(self, row_id: str, content: bytes, content_type: str) -> OutboxRow:
        """Keep the bytes of the first attempt, if there are none, and return the row."""
        values = {"row_id": row_id, "new_content": content, "new_type": content_type}
        kept = self._run(statements.KEEP_CONTENT, values).first()
        if kept is None:
            return self._known(row_id)
        self._note_part("content", row_id, {"content": content, "content_type": content_type})
        return self._damage.one("outbox", kept, codec.outbox_row)

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
        for one in finished:
            self._note_status(one["row_id"], "sent", sent_at=one["now"])

    def failed(self, row_id: str, reason: str, next_try: datetime | None, claim: int | None = None) -> None:
        """Record a failed attempt: retry at `next_try`, or (None) park the row. A late report changes nothing."""
        statement = statements.PARK if next_try is None else statements.TRY_AGAIN
        values: dict[str, Any] = {"row_id": row_id, "reason": reason}
        if next_try is not None:
            values["next_try"] = codec.micros(next_try)
        if claim is not None:
            statement = statements.CLAIMED[statement]
            values["of_claim"] = claim
        if self._run(statement, values).rowcount == 0:
            self._known(row_id)
        elif next_try is None:
            self._note_status(row_id, "parked", reason)

    def hold_row(self, row_id: str, reason: str, claim: int) -> bool:
        """Hold a claimed row until a person lets it go. False for a late report, which changes nothing."""
        held = self._run(statements.HOLD_ROW, {"row_id": row_id, "of_claim": claim, "reason": reason}).rowcount > 0
        if held:
            self._note_status(row_id, "held", reason)
        return held

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
        else:
            self._note_status(row_id, "refused", reason)

    def retry(self, row_id: str, now: datetime) -> None:
        """Make a parked, held or sent row due again; a waiting one due now. `InvalidInput` for a refused one."""
        values = {"row_id": row_id, "now": codec.micros(now)}
        if self._run(statements.REVIVE, values).rowcount:
            self._written.note("", f"status/{row_id}", None)
            return
        if self._run(statements.HURRY, values).rowcount == 0:
            status = self._known(row_id).status
            if status in ("refused", "superseded"):
                raise InvalidInput.at("row", f"it was {status}, and is not sent again", "business-rule")

    def _known(self, row_id: str) -> OutboxRow:
        row = self.row(row_id)
        if row is None:
            raise InvalidInput.at("row", "there is no such outbox row", "not-found")
        return row

    # --- resources

    def resource(self, type_: str, id_: str) -> ResourceVersion | None:
        """The current version of a FHIR resource."""
        row = self._run(resource_statements.CURRENT, {"of_type": type_, "of_id": id_}).first()
        return None if row is None else self._damage.one("resource", row, codec.resource_version)

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
        owner, place = digests.owner(resource.aggregate_kind, resource.correlation_id), f"{resource.type}/{resource.id}"
        whole = digests.digest_of_row("resource", values)
        self._written.note(owner, f"resource/{place}/{resource.version}", whole)
        self._written.note(owner, f"tokens/{place}", digests.digest_of_tokens(found) if found else None)

    # --- rows that cannot be read

    def told(self, row: UnreadableRow, now: datetime) -> None:
        """Note that our people have been told of a row that cannot be read."""
        self._run(damage_statements.TOLD, {"of_kind": row.kind, "of_key": row.key, "now": codec.micros(now)})

    def set_parties(self, aggregate: Aggregate, parties: PartyNames) -> None:
        """Keep the parties that an aggregate concerns. Writes nothing if they are those that are kept already."""
        concern.set_parties(self._run, aggregate, parties)

    def add_person(self, aggregate: Aggregate, number: str) -> None:
        """Keep the person whom a new aggregate is about."""
        concern.add_person(self._run, aggregate, number)

    def others_about(self, aggregate: Aggregate, number: str, limit: int) -> list[str]:
        """The referrals about this person, other than this one, that are not over."""
        return concern.others_about(self._run, aggregate, number, limit)

    def keep_id(self, party: str, other: OtherId, known: KnownId) -> None:
        """Keep an id of another system's; one that is kept already is left as it is."""
        values = other_ids.keep_values(party, other, known)
        if self._add(other_ids.KEEP, values):
            of = digests.owner(known.aggregate.kind, known.aggregate.id)
            self._written.note(of, digests.other_id_name(values), digests.digest_of_row("other_id", values))

    def known_id(self, party: str, other: OtherId) -> KnownId | None:
        """The meaning of an id of another system's, or None."""
        return other_ids.known_id(self._run, party, other)

    def ids_of(self, party: str, kind: KindOfId, aggregate: Aggregate) -> tuple[OtherId, ...]:
        """The ids of another system's for an aggregate."""
        return other_ids.ids_of(self._run, party, kind, aggregate)

    def hold(self, correlation_id: str) -> None:
        """Keep others from changing the referral until this transaction ends."""
        self._run(resource_statements.HOLD, {"correlation_id": correlation_id})

    # --- log of reads

    @property
    def log(self) -> ReadingLog:
        """The log of reads, in this transaction."""
        return ReadingLog(self._run, self.append_records)

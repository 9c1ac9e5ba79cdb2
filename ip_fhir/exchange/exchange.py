"""`Exchange`: one side of the loop, as an EHR embeds it.

exchange.send_notice(notice)            the hospital opens a loop
exchange.answer(form)                   the municipality fills in the green form
exchange.act(correlation_id, kind)      anything else a person decides
exchange.receive(content, peer)         bytes that came in; returns the bytes to answer with
exchange.receive_receipt(receipt, peer) a receipt that comes after the message was handed over
exchange.worklist(), .done(id, by)      what our own people must do, and who has done it
exchange.run_due()                      timers and outbox: from a scheduler of your own, or by a Worker
exchange.park(row_id, reason), .retry() a person decides about a message
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from ip_fhir.domain.loop import decide, open_referral
from ip_fhir.domain.referral import Event, EventKind
from ip_fhir.errors import InvalidInput, NotYet
from ip_fhir.exchange import inbound, receipts, rest, worklist
from ip_fhir.exchange.commit import again_on_conflict, at_least, write
from ip_fhir.exchange.outbound import park
from ip_fhir.exchange.sending.batch import Here, Moments, Sending
from ip_fhir.exchange.sending.due import Ran, run_timers
from ip_fhir.ports.capabilities import awaits_receipts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor
    from datetime import datetime

    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.referral import Author, Referral
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.counts import Key
    from ip_fhir.exchange.peers import Peer
    from ip_fhir.exchange.receipts import Settled
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.mapping.bundle.reads import Reads
    from ip_fhir.ports import JsonObject, OutboxRow, Receipt, ResourceVersion, Store, WireFormat

T = TypeVar("T")

_COUNTED = 200  # how far health counts


class Exchange:
    """One side of the loop. Threads may share it: all it keeps is whether it has something to do.

    `activity` is set when there may be something to send at once; a worker waits for it.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.activity = threading.Event()
        self._changes = 0
        self._counting = threading.Lock()
        self._idle: tuple[int, datetime] | None = None
        parallel = context.settings.parallel
        self._pool: Executor = Here() if parallel == 1 else ThreadPoolExecutor(parallel, "ip-fhir-send")

    @property
    def store(self) -> Store:
        """Where everything is kept."""
        return self._context.store

    @property
    def limits(self) -> Limits:
        """How much is taken in."""
        return self._context.limits

    @property
    def url(self) -> str:
        """Our own address on the wire."""
        return self._context.url

    def now(self) -> datetime:
        """The present moment, by this side's clock."""
        return self._context.clock.now()

    def peer_by_token(self, token: str) -> Peer | None:
        """The party that shows this token."""
        return self._context.peers.by_token(token)

    # --- what our own people do

    def send_notice(self, notice: Notice, *, by: Author | None = None) -> Referral:
        """Open a loop: the notice is stored and will be sent. Sending the same notice again changes nothing.

        `by` is the person who pressed the key, here and below: kept as evidence, never sent or logged.

        Raises `ConsentRefused`, `LoopError` (a municipality sends none), `InvalidInput` (the correlation id is taken by
        another notice), `StoreError`.
        """
        context, now = self._context, self.now()
        event = Event(id=notice.id, kind=EventKind.SEND, at=now, raised_by=context.role, notice=notice, by=by)

        def once() -> Referral:
            with context.store.begin() as tx:
                before = tx.load(notice.correlation_id)
                if before is not None and before.referral.notice == notice:
                    return before.referral
                if before is not None:
                    reason = "another notice was sent under this correlation id"
                    raise InvalidInput.at("correlation_id", reason, "duplicate")
                decision = open_referral(notice, context.role, event, context.agreement(notice))
                write(tx, None, decision, now, mapper=context.mapper)
            return decision.referral

        return self._active(again_on_conflict(once))

    def answer(self, form: GreenForm, *, by: Author | None = None) -> Referral:
        """Answer a notice with a green form, complete or not. Raises as `submit`."""
        role = self._context.role
        event = Event(id=form.id, kind=EventKind.ANSWER, at=self.now(), raised_by=role, form=form, by=by)
        return self.submit(form.answers, event)

    def act(
        self, correlation_id: str, kind: EventKind, text: str | None = None, *, by: Author | None = None
    ) -> Referral:
        """What a person of ours decides, in one word: accept, assess, remind, cancel, close ... Raises as `submit`."""
        event = Event(id=str(uuid4()), kind=kind, at=self.now(), raised_by=self._context.role, text=text, by=by)
        return self.submit(correlation_id, event)

    def submit(self, correlation_id: str, event: Event) -> Referral:
        """Apply an event of our own side and return the referral after it.

        Raises `InvalidInput` (unknown referral, something missing, `NotYet`: an event of the future), `LoopError` (not
        in this state, not by this role), `ConsentRefused`, `StoreError`. Then nothing has changed.
        """
        context = self._context
        if event.at > self.now() + context.skew:
            raise NotYet.at("event.at", "dated ahead of the clock here", "business-rule")

        def once() -> Referral:
            with context.store.begin() as tx:
                before = tx.load(correlation_id)
                if before is None:
                    raise InvalidInput.at("correlation_id", "no referral has this correlation id", "not-found")
                happened = event.evolve(at=at_least(event.at, before))
                decision = decide(before.referral, happened, context.agreement(before.referral.notice))
                write(tx, before, decision, event.at, mapper=context.mapper)
            return decision.referral

        return self._active(again_on_conflict(once))

    def worklist(
        self, *, open_only: bool = True, limit: int = 100, correlation_id: str | None = None
    ) -> list[WorklistItem]:
        """See `ip_fhir.exchange.worklist.items`."""
        return worklist.items(self._context, open_only=open_only, limit=limit, correlation_id=correlation_id)

    def done(self, item_id: str, *, by: Author, note: str | None = None) -> WorklistItem:
        """See `ip_fhir.exchange.worklist.done`."""
        return worklist.done(self._context, item_id, by, note)

    # --- what comes in

    def receive(self, content: bytes, peer: Peer | str, format_name: WireFormat = "fhir-message") -> bytes:
        """Take in a message from a peer, or from the peer of that name; see `ip_fhir.exchange.inbound.receive`."""
        sender = self._context.peers.named(peer) if isinstance(peer, str) else peer
        reply = inbound.receive(self._context, content, sender, format_name)
        return self._active(reply)

    def receive_receipt(self, receipt: Receipt, peer: Peer) -> Settled:
        """See `ip_fhir.exchange.receipts.settle`."""
        settled = receipts.settle(self._context, receipt, peer)
        return self._active(settled)

    def read_resource(self, peer: Peer, type_: str, id_: str) -> ResourceVersion:
        """See `ip_fhir.exchange.rest.read`."""
        return rest.read(self._context, peer, type_, id_)

    def search_resources(self, peer: Peer, type_: str, criteria: Mapping[str, str]) -> list[ResourceVersion]:
        """See `ip_fhir.exchange.rest.search`."""
        return rest.search(self._context, peer, type_, criteria)

    def update_resource(self, peer: Peer, type_: str, id_: str, based_on: int, body: JsonObject) -> ResourceVersion:
        """See `ip_fhir.exchange.rest.update`."""
        changed = rest.update(self._context, peer, type_, id_, based_on, body)
        return self._active(changed)

    # --- what time brings

    def run_due(
        self, now: datetime | None = None, limit: int = 1000, keep_going: Callable[[], bool] = lambda: True
    ) -> Ran:
        """Handle the timers that are due and receipts that did not come, then send what is due.

        Until nothing is left or `limit` of each is done.
        For a scheduler of your own: as often as you like, from as many processes and threads as you like. With `now` it
        is that time throughout, and what is not begun within half a lease is left for the next run. `keep_going` is
        asked before each, from any thread. Raises `StoreError` only: what is wrong with one referral is kept with it
        and does not stop the others.
        """
        changes, began = self._changes, now or self.now()
        moments = Moments.of(self._context, now)
        ran = run_timers(self._context, began, limit, keep_going)
        ran += receipts.run_overdue(self._context, began, limit, keep_going)
        ran += Sending(self._context, moments, keep_going, self._pool).run(limit)
        if not ran.anything and keep_going():
            self._idle = (changes, began)
        elif ran.anything:
            self._moved()
        return ran

    def health(self) -> dict[str, Any]:
        """How it stands, without a person's data: for a load balancer, an operator, a test that waits.

        `idle`: the last `run_due` found nothing to do, neither time nor anything else has moved since, and nobody else
        has put anything into the store that is due.
        `changes` moves with whatever happens: two sides that are idle, with the same `changes` as before, have
        nothing more to say to each other at this moment. Rows are counted up to 200.
        """
        now = self.now()
        waiting = self.store.outbox("waiting", _COUNTED)
        awaiting = self.store.outbox("awaiting", _COUNTED) if awaits_receipts(self.store) else []
        due = sum(row.due <= now for row in (*waiting, *awaiting)) + len(self.store.due_timers(now, _COUNTED))
        return {
            "status": "ok",
            "now": now.isoformat(),
            "role": str(self._context.role),
            "idle": self._idle == (self._changes, now) and not due,
            "changes": self._changes,
            "due": due,
            "waiting": len(waiting),
            "awaiting": len(awaiting),
            "parked": len(self.store.outbox("parked", _COUNTED)),
        }

    def check(self) -> None:
        """Whether work can be done: the clock gives a time, the store can be read. Raises `StoreError` if not."""
        self.store.due_timers(self.now(), 1)

    def counts(self) -> dict[Key, int]:
        """Messages by direction, kind and outcome, since this exchange was opened; `ip_fhir.exchange.counts`."""
        return self._context.counts.all()

    def reads(self) -> Reads:
        """Counts of how plans were read by the mapper of this exchange; other exchanges may share it."""
        return self._context.mapper.reads

    def park(self, row_id: str, reason: str, *, by: Author | None = None) -> None:
        """Send this row no more until `retry`: a person has decided so. The loop learns that it has not arrived.

        Raises `InvalidInput` when there is no such row (not-found), or it neither waits nor awaits its receipt
        (business-rule), `StoreError`.
        """
        row = self._row(row_id)
        if row.status not in receipts.UNDER_WAY:
            raise InvalidInput.at("row", f"it is {row.status}, and does not wait", "business-rule")
        park(self._context, row, self.now(), reason, by)
        self._moved()

    def retry(self, row_id: str) -> None:
        """Send this row now, with the bytes it had. Raises `InvalidInput` (not-found; it was refused), `StoreError`."""
        self.store.retry(row_id, self.now())
        self._active(None)

    def _row(self, row_id: str) -> OutboxRow:
        with self.store.begin() as tx:
            row = tx.row(row_id)
        if row is None:
            raise InvalidInput.at("row", "there is no such outbox row", "not-found")
        return row

    def close(self) -> None:
        """Finish what is being sent, and give back what the store holds."""
        self._pool.shutdown()
        self.store.close()

    def _active(self, result: T) -> T:
        self._moved()
        self.activity.set()
        return result

    def _moved(self) -> None:
        with self._counting:
            self._changes += 1

"""`Exchange`: one side of the loop, as an EHR embeds it.

exchange.send_notice(notice)            the hospital opens a loop
exchange.answer(form)                   the municipality fills in the green form
exchange.act(correlation_id, kind)      a person's other decisions: accept, assess, remind, close, ...
exchange.receive(content, peer)         bytes that came in; returns the bytes to answer with
exchange.receive_receipt(receipt, peer) a receipt that comes after the message was handed over
exchange.save_plan(plan, by), ...       plans: share, change, invite, hand over (`plans.verbs`)
exchange.worklist(), .done(id, by)      tasks of our own people, and who has done them
exchange.run_due()                      timers and outbox: called by your own scheduler, or by a Worker
exchange.park(row_id, reason), .retry() a person's decision to stop or repeat a sending
exchange.releases.yes(row_id, by), ...  a person's decision on what is about somebody with a protected address
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from ip_fhir.domain.loop import decide, open_referral
from ip_fhir.domain.parties import OURS
from ip_fhir.domain.referral import Event, EventKind
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.errors import InvalidInput, NotYet, StoreError
from ip_fhir.exchange import inbound, receipts, refusals, rest, worklist
from ip_fhir.exchange.access import deeds, keys
from ip_fhir.exchange.commit import again_on_conflict, not_before, write
from ip_fhir.exchange.interactions.search import WIDE, search
from ip_fhir.exchange.interactions.versions import history, version
from ip_fhir.exchange.outbound import park
from ip_fhir.exchange.plans.commit import announce
from ip_fhir.exchange.plans.loops import vacate
from ip_fhir.exchange.plans.verbs import PlanVerbs
from ip_fhir.exchange.readiness import COUNTED, Readiness, number_due
from ip_fhir.exchange.sending.release import Releases, release_in
from ip_fhir.exchange.sending.running import PARTS
from ip_fhir.exchange.subscriptions.registry import Subscriptions
from ip_fhir.ports.capabilities import awaits_receipts, keeps_proofs, sets_aside

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.referral import Author, Referral
    from ip_fhir.errors import Problem
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.counts import Key
    from ip_fhir.exchange.interactions.search import Narrowed, Page
    from ip_fhir.exchange.interactions.versions import Versions
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.receipts import Settled
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.mapping.bundle.reads import Reads
    from ip_fhir.ports import JsonObject, OutboxRow, Receipt, ResourceVersion, WireFormat
    from ip_fhir.ports.capabilities import WorklistPlace
    from ip_fhir.ports.readings import ReadingOutcome
    from ip_fhir.settings import WorkerSettings

log = logging.getLogger("ip_fhir.exchange")

T = TypeVar("T")


class Exchange(PlanVerbs):
    """One side of an exchange. Threads may share it: besides the store, it only remembers if there is work to do.

    `activity` is set when there may be something to send at once, and `stirred` with it, for the timers.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._readiness = Readiness(context)
        self.releases = Releases(context, lambda: self._active(None))
        self.subscriptions = Subscriptions(context, self._moved)

    @property
    def limits(self) -> Limits:
        """The bounds of a message that is taken in: bytes, depth, entries."""
        return self._context.limits

    @property
    def url(self) -> str:
        """Our own address on the wire."""
        return self._context.url

    def peer_by_token(self, token: str) -> Credential | None:
        """The party or carrier that authenticates with this token; None if there is none."""
        return self._context.peers.by_token(token)

    def peer_by_client(self, client: str) -> Credential | None:
        """The party or carrier that has this name at the authorisation server; None if there is none."""
        return self._context.peers.by_client(client)

    def peer_by_certificate(self, names: frozenset[str]) -> Credential | None:
        """The party or carrier that a client's certificate with these names is of; None if there is none, or several.

        They have the form of `ip_fhir.wire.tls.names_in`.
        """
        return self._context.peers.by_certificate(names)

    def is_first_proof(self, digest: str, seconds: float) -> bool:
        """True if a proof of possession was shown to no process on this store before; remembered for so many seconds.

        Also where the store keeps none: then each process remembers its own. Raises `StoreError`.
        """
        now = self.now()
        store = self.store
        return not keeps_proofs(store) or store.is_first_proof(digest, now, now + timedelta(seconds=seconds))

    # --- done by our own people

    def send_notice(
        self, notice: Notice, *, by: Author | None = None, released: Collection[LocatingPart] = ()
    ) -> Referral:
        """Open a loop: the notice is stored and will be sent. Sending the same notice again changes nothing.

        `by`, here and below, is the person who did this: kept as evidence, never sent or logged. `released` are the
        parts that go along although an address is protected (`Releases`). Returns the referral after it.

        Raises `ConsentRefused`, `LoopError` (only a hospital sends one), `InvalidInput` (the correlation id is taken by
        another notice), `StoreError`.
        """
        context, now, role = self._context, self.now(), self._context.loop_role()
        event = Event(id=notice.id, kind=EventKind.SEND, at=now, raised_by=role, notice=notice, by=by)

        def once() -> Referral:
            with deeds.begin(context.store, now) as tx:
                key, before = keys.find(context, tx, OURS, notice.correlation_id)
                if before is not None and before.referral.notice == notice:
                    return before.referral
                if before is not None:
                    reason = "another notice was sent under this correlation id"
                    raise InvalidInput.at("correlation_id", reason, "duplicate")
                party = context.parties.find(notice.organization(notice.recipient))
                agreement = context.agreement_with(party, notice)
                known = context.known_in(notice, OURS)
                decision = open_referral(notice, role, event, agreement, party=party, known=known, key=key)
                write(tx, None, decision, now, context=context)
                after = decision.referral
                return release_in(context, tx, after, released, by) if released else after

        return self._active(again_on_conflict(once))

    def answer(self, form: GreenForm, *, of: str | None = None, by: Author | None = None) -> Referral:
        """Answer a notice with a green form, complete or not. Raises as `submit`.

        `of` is the loop's key here (`Referral.correlation_id`). Without it, it is the one loop that the form answers;
        raises `InvalidInput` (multiple-matches) when loops of several parties have that correlation id.
        """
        role = self._context.loop_role()
        event = Event(id=form.id, kind=EventKind.ANSWER, at=self.now(), raised_by=role, form=form, by=by)
        return self.submit(keys.of_our_people(self._context, form.answers) if of is None else of, event)

    def act(
        self, correlation_id: str, kind: EventKind, text: str | None = None, *, by: Author | None = None
    ) -> Referral:
        """Apply a decision that needs no form: accept, assess, remind, cancel, close, ... Raises as `submit`.

        `text` is what the person says about it, such as a reason.
        """
        role = self._context.loop_role()
        event = Event(id=deeds.new_id("event"), kind=kind, at=self.now(), raised_by=role, text=text, by=by)
        return self.submit(correlation_id, event)

    def submit(self, correlation_id: str, event: Event) -> Referral:
        """Apply an event of our own side and return the referral after it; `correlation_id` is the loop's key here.

        Raises `InvalidInput` (unknown referral, something missing; `NotYet`: dated in the future), `LoopError` (not
        allowed in this state or for this role), `ConsentRefused`, `StoreError`. After an error nothing has changed.
        """
        (context := self._context).loop_role()
        if event.at > self.now() + context.skew:
            raise NotYet.at("event.at", "dated ahead of the clock here", "business-rule")

        def once() -> tuple[Referral, list[PlanChange]]:
            with deeds.begin(context.store, self.now()) as tx:
                before = tx.load(correlation_id)
                if before is None:
                    raise InvalidInput.at("correlation_id", "no referral has this correlation id", "not-found")
                deeds.require_revision(before.revision)
                given = event.to_party or context.party_given(event.form)
                happened = event.evolve(at=not_before(before, event.at), to_party=given)
                decision = decide(before.referral, happened, context.agreement(before.referral))
                write(tx, before, decision, event.at, context=context)
                vacated = vacate(context, tx, decision, event.at)
            return decision.referral, vacated

        after, vacated = self._active(again_on_conflict(once))
        for moved in vacated:
            announce(context, PlanEventKind.SAVE, moved)
        return after

    def worklist(
        self,
        *,
        open_only: bool = True,
        limit: int = 100,
        correlation_id: str | None = None,
        after: WorklistPlace | None = None,
    ) -> list[WorklistItem]:
        """See `ip_fhir.exchange.worklist.items`."""
        return worklist.items(self._context, correlation_id, open_only=open_only, limit=limit, after=after)

    def work_item(self, item_id: str) -> WorklistItem:
        """See `ip_fhir.exchange.worklist.item`."""
        return worklist.item(self._context, item_id)

    def done(self, item_id: str, *, by: Author, note: str | None = None) -> WorklistItem:
        """See `ip_fhir.exchange.worklist.done`."""
        return worklist.done(self._context, item_id, by, note)

    def not_read(self, correlation_id: str) -> tuple[Problem, ...]:
        """Return a warning for each place of a notice, as its sender wrote it, that was not read; with its FHIRPath.

        `correlation_id` is the loop's key here. What was not read is kept all the same. Raises `StoreError`.
        """
        found = self._context.store.search_resources("ServiceRequest", {"_id": correlation_id}, 1)
        return self._context.mapper.notice_not_read(found[0].body) if found else ()

    def loop_key(self, correlation_id: str) -> str:
        """The key here of the one loop with this correlation id.

        Raises `InvalidInput` (not-found; multiple-matches: several parties' loops have it), `StoreError`.
        """
        return keys.of_our_people(self._context, correlation_id)

    # --- received from the other side

    def receive(self, content: bytes, peer: Credential | str, format_name: WireFormat = "fhir-message") -> bytes:
        """Take in a message that came with the credential of a peer or carrier, which may be given by name.

        See `ip_fhir.exchange.inbound.receive`.
        """
        reply = inbound.receive(self._context, content, self._credential(peer), format_name)
        return self._active(reply)

    def messaging_of(self, peer: Credential | str) -> WireFormat:
        """The format of the FHIR messages that a peer or carrier sends: see `ip_fhir.exchange.peers.Peers`."""
        return self._context.peers.messaging_of(self._credential(peer))

    def line_of(self, peer: Credential | str, format_name: WireFormat, number: str = "") -> object | None:
        """See `ip_fhir.ports.lines.LineKnowing`."""
        credential, peers = self._credential(peer), self._context.peers
        party = self._context.parties.numbered(number, credential.speaks_as) if number else None
        return (peers.lines_of(credential) if party is None else peers.party(party).lines).get(format_name)

    def receive_receipt(self, receipt: Receipt, peer: Credential | str) -> Settled:
        """See `ip_fhir.exchange.receipts.settle`."""
        settled = receipts.settle(self._context, receipt, self._credential(peer))
        return self._active(settled)

    def refuse(self, content: bytes, peer: Credential | str, error: InvalidInput) -> None:
        """See `ip_fhir.exchange.refusals.refuse`."""
        refusals.refuse(self._context, content, self._credential(peer), error)

    def read_resource(self, peer: Credential, type_: str, id_: str) -> ResourceVersion:
        """See `ip_fhir.exchange.rest.read`."""
        return rest.read(self._context, peer, type_, id_)

    def read_version(self, peer: Credential, type_: str, id_: str, number: int) -> ResourceVersion:
        """One version of a resource. Raises `InvalidInput` (not-found), `StoreError`."""
        return version(self._context, peer, rest.current(self._context, peer, type_, id_, "vread"), number)

    def resource_history(
        self,
        peer: Credential,
        type_: str,
        id_: str,
        most: int = 100,
        before: int | None = None,
        since: datetime | None = None,
    ) -> Versions:
        """The versions of a resource, latest first; see `ip_fhir.exchange.interactions.versions.history`."""
        current = rest.current(self._context, peer, type_, id_, "history")
        return history(self._context, peer, current, most, before, since)

    def search_resources(
        self,
        peer: Credential,
        type_: str,
        criteria: Mapping[str, str],
        most: int = 100,
        cursor: str | None = None,
        narrowed: Narrowed = WIDE,
    ) -> Page:
        """See `ip_fhir.exchange.interactions.search.search`."""
        return search(self._context, peer, type_, criteria, most, cursor, narrowed=narrowed)

    def update_resource(
        self, peer: Credential, type_: str, id_: str, based_on: int, body: JsonObject
    ) -> ResourceVersion:
        """See `ip_fhir.exchange.rest.update`."""
        return self._active(rest.update(self._context, peer, type_, id_, based_on, body))

    def patch_resource(
        self, peer: Credential, type_: str, id_: str, based_on: int, operations: list[JsonObject]
    ) -> ResourceVersion:
        """See `ip_fhir.exchange.rest.patch`."""
        return self._active(rest.patch(self._context, peer, type_, id_, based_on, operations))

    # --- health, and decisions about rows

    def health(self) -> dict[str, Any]:
        """The state of this side without a person's data: for a load balancer, an operator, a test that waits.

        `idle` is true if the last `run_due` found nothing to do, neither the time nor `changes` has moved since, and
        nothing else in the store is due. `changes` grows with everything that happens: if both sides are idle and their
        `changes` are as before, no message is under way between them. Rows are counted up to 200.
        """
        now = self.now()
        waiting = self.store.outbox("waiting", COUNTED)
        awaiting = self.store.outbox("awaiting", COUNTED) if awaits_receipts(self.store) else []
        due = number_due(self._context, (*waiting, *awaiting), now)
        return {
            "status": "ok" if (reason := self._readiness.reason()) is None else f"not ready: {reason}",
            "now": now.isoformat(),
            "role": self._context.role and str(self._context.role),
            "idle": all(self._idle.get(part) == (self._changes, now) for part in PARTS) and not due,
            "changes": self._changes,
            "due": due,
            "waiting": len(waiting),
            "awaiting": len(awaiting),
            "parked": len(self.store.outbox("parked", COUNTED)),
            "unreadable": len(self.store.unreadable(COUNTED)) if sets_aside(self.store) else 0,
        }

    def check(self) -> None:
        """Raise `StoreError` unless something can be taken in: the clock gives a time, and the store can be written.

        Tried at most once a second.
        """
        if (reason := self._readiness.reason()) is not None:
            raise StoreError(reason)

    def counts(self) -> dict[Key, int]:
        """Messages by direction, kind and outcome, since this exchange was opened; `ip_fhir.exchange.counts`."""
        return self._context.counts.all()

    def shown(self) -> dict[ReadingOutcome, int]:
        """Reads and searches of other parties by outcome, since this exchange was opened."""
        return self._context.reads.counts()

    def reads(self) -> Reads:
        """Counts of plan reads by this exchange's mapper, fast and by lenses; other exchanges may share the mapper."""
        return self._context.mapper.reads

    def park(self, row_id: str, reason: str, *, by: Author | None = None) -> None:
        """Stop sending this row until `retry`, because a person decided so. The loop is told that it did not arrive.

        Raises `InvalidInput` (not-found; business-rule: it neither waits nor awaits its receipt), `StoreError`.
        """
        row = self._row(row_id)
        if row.status not in receipts.UNDER_WAY:
            raise InvalidInput.at("row", f"it is {row.status}, and does not wait", "business-rule")
        park(self._context, row, self.now(), reason, by)
        self._moved()

    def retry(self, row_id: str) -> None:
        """Send this row now, with the bytes it had. Raises `InvalidInput` (not-found; refused; held), `StoreError`."""
        if self._row(row_id).status == "held":
            raise InvalidInput.at("row", "it awaits a person's yes: see `releases`", "business-rule")
        self.store.retry(row_id, self.now())
        self._active(None)

    def _credential(self, peer: Credential | str) -> Credential:
        """The credential in the settings; one that was made elsewhere has no say here."""
        return self._context.peers.named(peer if isinstance(peer, str) else peer.name)

    def _row(self, row_id: str) -> OutboxRow:
        with self.store.begin() as tx:
            row = tx.row(row_id)
        if row is None:
            raise InvalidInput.at("row", "there is no such outbox row", "not-found")
        return row

    @property
    def settings(self) -> WorkerSettings:
        """The settings of the worker."""
        return self._context.settings

    def close(self) -> None:
        """Finish the sendings under way, for half of `grace` at most, and the log of reads; then close the store."""
        end = time.monotonic() + self._context.settings.grace / 2
        self._bulkheads.close(self._context.settings.grace / 2)
        self._notifier.close(max(0.0, end - time.monotonic()))
        try:
            self._context.reads.finish(self.store)
        except StoreError as error:  # nothing is lost: the next run seals it
            log.warning("the log of reads was not sealed: %s", error)
        self.store.close()

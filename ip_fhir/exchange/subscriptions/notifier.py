"""Notifies clients of changes of what they may read (http://hl7.org/fhir/R4/subscription.html, rest-hook).

Nothing is queued: the chain of evidence names what each commit wrote, and a subscription has the place up to which its
client was told. The place moves on only after the client's server has answered, so that after an outage, a crash, or a
status `error` that the client has lifted, what was missed is told: without `payload` by one notification for all of it,
with `payload` each resource once, as it is by then.

Each client is notified in threads of its own: a server that hangs holds up nobody else.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import wait
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ip_fhir.domain.loop.worklist import NOTIFIED_AGAIN
from ip_fhir.errors import InvalidInput, NotYet, PeerError, Rejected, StoreError, Unavailable
from ip_fhir.exchange.sending.bulkheads import Bulkheads
from ip_fhir.exchange.sending.retry import next_try
from ip_fhir.exchange.subscriptions.failures import close_item, tell_of_failure
from ip_fhir.exchange.subscriptions.selection import matches
from ip_fhir.fhir.reading import FHIR_JSON, write_json
from ip_fhir.ports.http import HttpRequest
from ip_fhir.ports.subscriptions import Change, Changes, keeps_subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.subscriptions.selection import Match
    from ip_fhir.ports.subscriptions import KeptSubscription, Subscription, SubscriptionStore
    from ip_fhir.wire.http import Http

log = logging.getLogger("ip_fhir.exchange")

_AT_ONCE: Final = 2_000  # subscriptions that are looked at together: those of clients that hang stand in front
_COMMITS: Final = 500  # whose changes are read together
_PER_CLIENT: Final = 8  # threads
_SECONDS: Final = 10.0  # for one notification
_MOST_BYTES: Final = 10_000  # of an answer, which is not read
_TOGETHER: Final = 0.25  # seconds that a worker waits for those that it has begun
_LATER: Final = timedelta(seconds=30)

_ENDED: Final = "its end has come"
_UNKNOWN: Final = "its client is not known here any longer"


class Notifier:
    """Notifies the clients of one side. `wake` is called when a subscription is done with and may have more to tell."""

    def __init__(self, context: Context, wake: Callable[[], None]) -> None:
        self._context, self._wake = context, wake
        self._bulkheads = Bulkheads()
        self._under_way: set[str] = set()
        self._turn = threading.Lock()

    @cached_property
    def _http(self) -> Http:
        from ip_fhir.wire.http import Http  # a side without subscribers needs no HTTP client

        return Http(self._context.endpoints.admits)

    def run(self, now: datetime | None, keep_going: Callable[[], bool]) -> int:
        """Tell all that is to be told, and wait for the answers. `now` (UTC) is the time of the run.

        Returns the number of notifications. Raises `StoreError` if the store fails as a whole.
        """
        told, tried = 0, set[tuple[str, int, int]]()
        while keep_going():
            begun = self._begin(now, tried)
            if not begun:
                break
            told += sum(future.result() for future in begun)
        return told

    def begin(self, keep_going: Callable[[], bool]) -> int:
        """Begin to tell what is to be told, and wait only a little. Returns and raises as `run`."""
        begun = self._begin(None, set()) if keep_going() else []
        done, _ = wait(begun, _TOGETHER)
        return sum(future.result() for future in done)

    def close(self, seconds: float) -> None:
        """Wait so long at most for what is under way."""
        self._bulkheads.close(seconds)

    def _begin(self, now: datetime | None, tried: set[tuple[str, int, int]]) -> list[Future[int]]:
        """Begin with each subscription that is due, and was not tried at this place before."""
        store = self._context.store
        if not keeps_subscriptions(store):
            return []
        begun: list[Future[int]] = []
        for kept in store.due_subscriptions(now or self._context.clock.now(), _AT_ONCE):
            mark = (kept.subscription.id, kept.revision, kept.place)
            if mark in tried or not self._take(kept):
                continue
            tried.add(mark)
            work = partial(self._one, store, kept, now)
            future = self._bulkheads.start(kept.subscription.client, _PER_CLIENT, work)
            if future is None:
                self._leave(kept)
            else:
                begun.append(future)
        return begun

    def _take(self, kept: KeptSubscription) -> bool:
        with self._turn:
            if kept.subscription.id in self._under_way:
                return False
            self._under_way.add(kept.subscription.id)
            return True

    def _leave(self, kept: KeptSubscription) -> None:
        with self._turn:
            self._under_way.discard(kept.subscription.id)

    def _one(self, store: SubscriptionStore, kept: KeptSubscription, now: datetime | None) -> int:
        """Tell of one subscription; runs in a thread of its client. Returns the number of notifications."""
        try:
            return _Telling(self._context, self._http, store, kept, now).tell()
        except Exception as error:  # noqa: BLE001 - whatever it is: the others are told, and this one again later
            said = str(error) if isinstance(error, StoreError) else f"unforeseen {type(error).__name__}"
            log.error("subscription %s: %s", kept.subscription.id, said)  # noqa: TRY400 - a trace may hold a person's data
            return 0
        finally:
            self._leave(kept)
            self._wake()


class _Telling:
    """One turn of one subscription."""

    def __init__(
        self,
        context: Context,
        http: Http,
        store: SubscriptionStore,
        kept: KeptSubscription,
        now: datetime | None,
    ) -> None:
        self._context, self._http, self._store, self._kept = context, http, store, kept
        self._fixed = now
        self._begun = time.monotonic()
        self.told = 0

    @property
    def _now(self) -> datetime:
        return self._fixed or self._context.clock.now()

    @property
    def _wanted(self) -> Subscription:
        return self._kept.subscription

    def tell(self) -> int:
        """Tell what there is to tell. Returns the number of notifications. Raises `StoreError`."""
        if (reason := self._over()) is not None:
            self._store.end_subscription(self._kept, reason)
            log.warning("subscription %s of %s: off: %s", self._wanted.id, self._wanted.client, reason)
            return 0
        ahead = self._ahead()
        if not ahead.found:
            self._store.pass_subscription(self._kept, ahead.upto)
            return 0
        lease = timedelta(seconds=self._context.settings.lease)
        claimed = self._store.claim_subscription(self._kept, self._now, self._now + lease)
        if claimed is not None:
            self._kept = claimed
            self._tell(self._context.peers.named(self._wanted.client), ahead)
        return self.told

    def _over(self) -> str | None:
        if self._wanted.ends is not None and self._wanted.ends <= self._now:
            return _ENDED
        try:
            self._context.peers.named(self._wanted.client)
        except InvalidInput:
            return _UNKNOWN
        return None

    def _ahead(self) -> Changes:
        """The changes of resources of its type that it was not told of: all, but with payload the next ones only."""
        place, found, more = self._kept.place, list[Change](), True
        while more and not (self._wanted.payload and found):
            some = self._store.changes_since(place, _COMMITS)
            found += [change for change in some.found if change.type == self._wanted.type]
            place, more = some.upto, some.more
        return Changes(found, place)

    def _tell(self, peer: Credential, ahead: Changes) -> None:
        had_failed = self._kept.failures > 0
        try:
            upto = self._with_resources(peer, ahead) if self._wanted.payload else self._at_all(peer, ahead)
            if self._store.settle_subscription(self._kept, upto, more=False) is not None and had_failed:
                close_item(self._store, self._wanted.id, NOTIFIED_AGAIN, self._now)  # cut off before it was given up
        except PeerError as error:
            self._failed(error)
        except (NotYet, StoreError) as error:
            log.warning("subscription %s: put off: %s", self._wanted.id, error)
            self._put_off()
        except BaseException:
            with suppress(StoreError):
                self._put_off()
            raise

    def _put_off(self) -> None:
        kept = self._kept
        self._store.fail_subscription(kept, kept.subscription.error or "", self._now + _LATER, kept.failures)

    def _at_all(self, peer: Credential, ahead: Changes) -> int:
        """One notification, without words, if anything among the changes is for the client."""
        one = self._wanted
        if next(matches(self._context, peer, one, ahead.found, self._now), None) is not None:
            self._send("POST", one.endpoint)
        return ahead.upto

    def _with_resources(self, peer: Credential, ahead: Changes) -> int:
        """One notification for each resource. Returns the place up to which all is told: time may run out before."""
        for match in matches(self._context, peer, self._wanted, ahead.found, self._now):
            if time.monotonic() - self._begun > self._context.settings.lease / 2:
                return self._kept.place
            match.record(self._context, peer, self._now)
            self._put(match)
            moved = self._store.settle_subscription(self._kept, match.change.place, more=True)
            if moved is None:  # it was changed or taken out meanwhile
                return match.change.place
            self._kept = moved
        return ahead.upto

    def _put(self, match: Match) -> None:
        resource = match.resource
        url = f"{self._wanted.endpoint.rstrip('/')}/{resource.type}/{resource.id}"
        self._send("PUT", url, write_json(resource.body))

    def _send(self, method: str, url: str, body: bytes | None = None) -> None:
        """Send one notification. Raises `PeerError` unless the answer is 2xx."""
        headers = {} if body is None else {"Content-Type": FHIR_JSON}
        headers |= {} if self._wanted.secret is None else {"Authorization": self._wanted.secret}
        request = HttpRequest(method, url, headers, body)
        answer = self._http.perform(request, timeout=_SECONDS, max_bytes=_MOST_BYTES)
        if 200 <= answer.status < 300:
            self.told += 1
            self._context.counts.add("out", "subscription", "sent")
            return
        said = f"{urlsplit(url).netloc}: HTTP {answer.status}"
        raise Rejected(said, status=410) if answer.status == 410 else Unavailable(said, answer.retry_after)

    def _failed(self, error: PeerError) -> None:
        """Try again later, or give up until the client says to begin again."""
        failures = self._kept.failures + 1
        again = next_try(error, failures, self._now, self._context.settings.retry, self._context.jitter)
        self._context.counts.add("out", "subscription", "parked" if again is None else "again")
        if again is None:
            log.warning("subscription %s of %s: given up: %s", self._wanted.id, self._wanted.client, error)
            tell_of_failure(self._store, self._kept, str(error), self._now)
        self._store.fail_subscription(self._kept, str(error), again, failures)

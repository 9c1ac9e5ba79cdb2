"""The listener: looks at a FHIR server for Tasks that carry messages for us, and for the receipts of our own.

A look reads what was updated since the last one, and some time before it, as a server may show what was written at one
moment later than what was written after it. No cursor is kept: at the start everything of the last days is read that
waits, and what was taken in before is known to the exchange by the message's id. A message that could not be taken in
stays as it is, and holds back the moment from which the next look reads.

With a door of our own (`bell`) the server is asked, by Subscriptions (`hooks`), to tell when there is something. We
look at once then, and otherwise seldom, as long as it tells. A look by the clock that finds what it did not tell of,
and a Subscription that is gone, bring back the looks of before.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ip_fhir.errors import InvalidInput, PeerError, Rejected, StoreError
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.fhir.rest.addresses import referred
from ip_fhir.fhir.rest.carrier import (
    SETTLED,
    TASK,
    WAITING,
    identifiers,
    is_carrier,
    kind_of,
    message_id,
    receipt_of,
    settled,
)
from ip_fhir.fhir.rest.etags import version_in
from ip_fhir.fhir.rest.instances import update
from ip_fhir.ports import Receipt
from ip_fhir.wire.backoff import seconds_until_next
from ip_fhir.wire.fhirserver.access import credentials, tls_files
from ip_fhir.wire.fhirserver.bell import Bell
from ip_fhir.wire.fhirserver.gathering import gathered
from ip_fhir.wire.fhirserver.options import ListenerOptions
from ip_fhir.wire.fhirserver.server import Server
from ip_fhir.wire.http import Http

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ip_fhir.ports import JsonObject, Receiver

log = logging.getLogger("ip_fhir.fhirserver")

FORMAT: Final = "fhir-resources"
_LONGEST_WAIT: Final = 300.0
_PAGE: Final = "20"
_SMALL_PAGE: Final = "1"  # after a failed look: several large messages may be too long for one answer
_TOGETHER: Final = 0.2  # seconds that a notification waits for others: many make one look
_ANOTHERS: Final = frozenset({"forbidden", "security"})  # not from the party that this listener speaks for


@dataclass
class _Cursor:
    """The moment from which the next look reads (UTC, by the server's clock), and what is done with since then."""

    since: datetime
    overlap: timedelta
    done: dict[tuple[str, str], datetime | None] = field(default_factory=dict)

    def move(self, newest: datetime | None, open_: list[datetime | None]) -> None:
        """Move on after a whole look: not past what is still open, and `overlap` behind the newest that was seen."""
        if newest is None or None in open_:
            return
        self.since = max(self.since, min([newest - self.overlap, *(moment for moment in open_ if moment is not None)]))
        self.done = {key: moment for key, moment in self.done.items() if moment is None or moment >= self.since}


class FhirServerListener:
    """Looks at a server every few seconds. Raises `InvalidInput` at an option that cannot be used."""

    name: str = "fhirserver"
    longest_stop: ClassVar[float] = 9.5

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = ListenerOptions.model_validate(dict(options))
        self._options.check()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        overlap = timedelta(seconds=self._options.overlap)
        now = datetime.now(UTC)
        self._messages = _Cursor(now - timedelta(days=self._options.days), overlap)
        # A message whose receipt came before is sent again when that is overdue, and then finds its receipt there.
        self._receipts = _Cursor(now - timedelta(days=min(1.0, self._options.days)), overlap)
        self._page = _PAGE
        shown, files = credentials(self._options), tls_files(self._options)
        url, token, seconds = self._options.url, self._options.token, self._options.timeout
        self._server = Server(Http(), url, token, each=seconds, credentials=shown, tls=files)
        self._bell = Bell(self._options)
        self._owners: list[str] = []
        self._news = 0

    @property
    def is_told(self) -> bool:
        """True while the server tells us when there is something."""
        return self._bell.is_trusted

    def start(self, exchange: Receiver) -> None:
        """Begin to look. A server that does not answer is asked again later. Raises `OSError` if the door is taken."""
        self._over.clear()
        self._bell.open()
        self._thread = threading.Thread(target=self._run, args=(exchange,), daemon=True, name="fhirserver")
        self._thread.start()

    def stop(self) -> None:
        """Take in no more, and wait for what is under way. Does nothing if it is not running."""
        self._over.set()
        self._bell.close()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(self.longest_stop)

    def look(self, exchange: Receiver) -> None:
        """Look once: hand in the messages that wait, then the receipts of ours. Raises `PeerError`."""
        try:
            owners = self._owners = self._own_organizations()
            if owners:
                self._read(self._messages, ("owner", owners), (WAITING,), lambda task: self._take_in(task, exchange))
                self._read(self._receipts, ("requester", owners), SETTLED, lambda task: self._tell(task, exchange))
        except PeerError:
            self._page = _SMALL_PAGE
            raise
        self._page = _PAGE

    def _run(self, exchange: Receiver) -> None:
        failures = 0
        while not self._over.is_set():
            try:
                self._look(exchange)
                failures = 0
            except PeerError as error:
                failures += 1
                log.warning("look at %s failed: %s", self._server.host, error)
                first, cap = min(self._options.seconds, _LONGEST_WAIT), _LONGEST_WAIT
                self._over.wait(seconds_until_next(error, failures, first=first, cap=cap, jitter=lambda: 1.0))
                continue
            except Exception as error:  # noqa: BLE001 - a fault in one look must not end all that follow
                log.error("look at %s failed: unforeseen %s", self._server.host, type(error).__name__)  # noqa: TRY400
            if self._bell.wait():
                self._over.wait(_TOGETHER)
        self._server.http.close()

    def _look(self, exchange: Receiver) -> None:
        """Look once, and note if the server had told of what was found."""
        told, self._news = self._bell.take(), 0
        self.look(exchange)
        self._bell.looked(told=told, news=self._news)
        if self._owners:
            self._bell.keep(self._server, self._owners)

    def _own_organizations(self) -> list[str]:
        """Our organisations there, as references; none while nobody has written to us."""
        wanted = frozenset(self._options.organizations)
        found = [
            one
            for page in self._server.pages("Organization", [("identifier", ",".join(sorted(wanted)))])
            for one in page
        ]
        return [f"Organization/{one['id']}" for one in found if not wanted.isdisjoint(identifiers(one))]

    def _read(
        self,
        cursor: _Cursor,
        role: tuple[str, list[str]],
        statuses: tuple[str, ...],
        handle: Callable[[JsonObject], bool],
    ) -> None:
        """Handle each carrier with one of these statuses in which we have the role, once for each of its versions."""
        name, owners = role
        since = cursor.since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        criteria = [(name, ",".join(owners)), ("status", ",".join(statuses)), ("_lastUpdated", f"ge{since}")]
        newest: datetime | None = None
        open_: list[datetime | None] = []
        for page in self._server.pages(TASK, [*criteria, ("_sort", "_lastUpdated"), ("_count", self._page)]):
            for task in page:
                if self._over.is_set():
                    return
                if not self._is_ours(task, name, owners) or task.get("status") not in statuses:
                    continue
                moment, key = _updated(task), (str(task.get("id")), version_in(task) or "")
                if key not in cursor.done:
                    if handle(task):
                        cursor.done[key] = moment
                        self._news += 1
                    else:
                        open_.append(moment)
                newest = max(filter(None, (newest, moment)), default=None)
        cursor.move(newest, open_)

    def _is_ours(self, task: JsonObject, name: str, owners: list[str]) -> bool:
        """True for a carrier that names us: a server may ignore a criterion."""
        node = task.get(name)
        reference = node.get("reference") if isinstance(node, dict) else None
        place = referred(reference, self._server.base) if isinstance(reference, str) else None
        is_message = isinstance(task.get("id"), str) and (is_carrier(task) or kind_of(task) is not None)
        return place is not None and f"{place.type}/{place.id}" in owners and is_message

    def _take_in(self, task: JsonObject, exchange: Receiver) -> bool:
        """Hand in a message and set the status of its Task; False if it must come again."""
        try:
            reply = exchange.receive(self._content(task), self._options.peer, FORMAT)
            receipt = _receipt(reply, message_id(task))
        except InvalidInput as error:
            if any(problem.code in _ANOTHERS for problem in error.problems):
                log.warning("%s: a Task is not from %s", self._server.host, self._options.peer)
                return True
            receipt = Receipt(message_id(task), "transient-error" if error.retry else "fatal-error", error.problems)
        except PeerError:
            raise
        except Exception as error:  # noqa: BLE001 - nothing was taken in: the same comes again with the next look
            log.error("%s: a message could not be taken in: %s", self._server.host, type(error).__name__)  # noqa: TRY400
            return False
        return receipt.code != "transient-error" and self._settled(task, receipt)

    def _content(self, task: JsonObject) -> bytes:
        """The bytes to hand in; where parts of a message cannot be read, the Task alone, which is refused then."""
        if is_carrier(task):
            return write_json(task)
        try:
            return write_json(gathered(self._server, task))
        except Rejected as error:
            log.warning("%s: a message cannot be read whole: %s", self._server.host, error)
            return write_json(task)

    def _settled(self, task: JsonObject, receipt: Receipt) -> bool:
        version = version_in(task)
        if not self._options.settle or version is None:
            return True
        try:
            self._server.perform(update(settled(task, receipt), if_match=version))
        except Rejected as error:  # we may not write there: the sender hears of it by our answer, or not at all
            log.warning("%s: the status of a Task cannot be set: %s", self._server.host, error)
        except PeerError:  # the same message is handed in again, and has the same answer
            return False
        return True

    def _tell(self, task: JsonObject, exchange: Receiver) -> bool:
        receipt = receipt_of(task)
        try:
            if receipt is not None:
                exchange.receive_receipt(receipt, self._options.peer)
        except StoreError:
            return False
        except Exception as error:  # noqa: BLE001 - it comes again with the next look
            log.error("%s: a receipt could not be applied: %s", self._server.host, type(error).__name__)  # noqa: TRY400
            return False
        return True


def _receipt(reply: bytes, ident: str) -> Receipt:
    """The receipt that the exchange gave; any other answer is a yes."""
    try:
        return receipt_from_fhir(read_json(reply))
    except InvalidInput:
        return Receipt(ident, "ok")


def _updated(task: JsonObject) -> datetime | None:
    meta = task.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None

"""GET /metrics: figures in Prometheus' text format. Counts and times only, nothing about a person or a referral.

A reader must show `http.metrics_token`. Without this setting only a program on this machine may read, and only
directly, not through a proxy (behind which everybody would seem to be on this machine).
"""

from __future__ import annotations

import threading
import time
from hmac import compare_digest
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from ip_fhir.domain.referral import State
from ip_fhir.ports.capabilities import lists_work, sets_aside
from ip_fhir.web.clients import is_near
from ip_fhir.web.logins import bearer_token
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.core import Metric
    from starlette.requests import Request

    from ip_fhir.exchange import Exchange, Worker
    from ip_fhir.exchange.sending.circuits import Way
    from ip_fhir.ports import Figures
    from ip_fhir.web.logins import Logins
    from ip_fhir.web.protection import Protection

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STATUSES = ("waiting", "awaiting", "held", "parked", "sent", "refused", "superseded")


class Metrics:
    """The figures of one side. Counting a large store takes time: it is done at most once in `every` seconds."""

    def __init__(
        self,
        exchange: Exchange,
        worker: Worker | None = None,
        every: float = 10.0,
        protection: Protection | None = None,
    ) -> None:
        self._exchange = exchange
        self._protection = protection
        self._worker = worker
        self._every = every
        self._turn = threading.Lock()
        self._counted: tuple[float, Figures] | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """The figures now, in Prometheus' text format. Raises `StoreError`."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Return no metrics, so that registering does not count the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; called by the Prometheus client."""
        figures = self._figures()
        yield from _loops(figures, self._exchange.now().timestamp())
        yield from _outbox(figures)
        if lists_work(self._exchange.store):
            open_items = figures.open_items
            yield GaugeMetricFamily("ip_fhir_worklist_open", "Things that our own people have not done yet", open_items)
        if sets_aside(self._exchange.store):
            bad = figures.unreadable
            yield GaugeMetricFamily("ip_fhir_unreadable_rows", "Stored rows that cannot be read, set aside", bad)
        yield self._messages()
        yield self._reads()
        yield self._shown()
        yield from _ways(self._exchange.ways())
        if self._protection is not None:
            yield from _protection(self._protection)
        if self._worker is not None:
            running = float(self._worker.running)
            yield GaugeMetricFamily("ip_fhir_worker_running", "Whether the worker lives", running)
            passed = self._worker.seconds_since_pass
            yield GaugeMetricFamily("ip_fhir_worker_seconds_since_pass", "Seconds since its last step", passed)

    def _figures(self) -> Figures:
        with self._turn:
            now = time.monotonic()
            if self._counted is None or now - self._counted[0] >= self._every:
                self._counted = (now, self._exchange.store.figures())
            return self._counted[1]

    def _messages(self) -> Metric:
        labels = ("direction", "kind", "outcome")
        counted = CounterMetricFamily("ip_fhir_messages", "Messages since the process began", labels=labels)
        for key, number in sorted(self._exchange.counts().items()):
            counted.add_metric([str(part) for part in key], number)
        return counted

    def _reads(self) -> Metric:
        reads = self._exchange.reads()
        counted = CounterMetricFamily("ip_fhir_reads", "Plans read since the process began", labels=("way",))
        counted.add_metric(["fast"], reads.fast)
        counted.add_metric(["lenses"], reads.lenses)
        return counted

    def _shown(self) -> Metric:
        counted = CounterMetricFamily("ip_fhir_resource_reads", "Reads and searches by others", labels=("outcome",))
        for outcome, number in sorted(self._exchange.shown().items()):
            counted.add_metric([outcome], number)
        return counted


def _loops(figures: Figures, now: float) -> Iterator[Metric]:
    loops = GaugeMetricFamily("ip_fhir_loops", "Loops by state", labels=("state",))
    for state in State:
        loops.add_metric([str(state)], figures.loops.get(str(state), 0))
    yield loops
    yield GaugeMetricFamily("ip_fhir_loops_overdue", "Loops whose green form is over its deadline", figures.overdue)
    since = figures.unanswered_since
    waited = 0.0 if since is None else max(0.0, now - since.timestamp())
    yield GaugeMetricFamily("ip_fhir_oldest_unanswered_seconds", "The longest wait for a green form", waited)


def _outbox(figures: Figures) -> Iterator[Metric]:
    rows = GaugeMetricFamily("ip_fhir_outbox_rows", "Outbox rows by status", labels=("status",))
    for status in _STATUSES:
        rows.add_metric([status], figures.outbox.get(status, 0))  # type: ignore[call-overload]
    yield rows
    attempts = figures.most_attempts
    yield GaugeMetricFamily("ip_fhir_outbox_most_attempts", "The most attempts of a row that still waits", attempts)
    yield GaugeMetricFamily("ip_fhir_refused_messages", "Different messages that were not taken in", figures.refusals)
    times = figures.refused_times
    yield GaugeMetricFamily("ip_fhir_refused_times", "Times that a message was not taken in, within retention", times)


def _ways(ways: Sequence[Way]) -> Iterator[Metric]:
    figures: tuple[tuple[str, str, Callable[[Way], float]], ...] = (
        ("circuit", "1 while the peer is silent and is asked at intervals only", lambda way: way.is_open),
        ("silences", "Times in a row that the peer did not answer", lambda way: way.silences),
        ("next_try_seconds", "Seconds until a silent peer is asked again", lambda way: way.seconds_until_next),
        ("sending", "Messages that are being sent to the peer", lambda way: way.sending),
    )
    for name, help_, figure in figures:
        found = GaugeMetricFamily(f"ip_fhir_peer_{name}", help_, labels=("peer",))
        for way in ways:
            found.add_metric([way.peer], figure(way))
        yield found


def _protection(protection: Protection) -> Iterator[Metric]:
    words = "Requests and connections refused since the process began"
    refused = CounterMetricFamily("ip_fhir_refused_requests", words, labels=("reason",))
    for reason, number in sorted(protection.refused.counts().items()):
        refused.add_metric([reason], number)
    yield refused
    failed = protection.logins.failed
    yield CounterMetricFamily("ip_fhir_failed_logins", "Log-ins with an unknown token since the process began", failed)
    in_flight = protection.admission.bytes_in_flight
    yield GaugeMetricFamily("ip_fhir_bytes_in_flight", "Bytes of bodies that are read or worked on", in_flight)
    held = len(protection.connections)
    yield GaugeMetricFamily("ip_fhir_connections", "Connections of clients, under `serve`", held)


class Scrapers:
    """The programs that may read the figures: those that show the token or, if there is none, those on this machine."""

    def __init__(self, token: str | None, logins: Logins) -> None:
        self._token = token
        self._logins = logins

    def require(self, request: Request) -> None:
        """Raises `BadRequest` 401 or 429 (no or a wrong token), or 403 (from elsewhere, and no token is set)."""
        if self._token is not None:
            self._logins.check(request, self._known)
        elif not is_near(request):
            raise BadRequest(403, "from this machine only, unless http.metrics_token is set", "forbidden")

    def admit(self, request: Request) -> bool:
        """True if the request may see figures, False if it shows no token. Raises `BadRequest` as `require` does."""
        if self._token is None:
            return is_near(request)
        if bearer_token(request) is None:
            return False
        self.require(request)
        return True

    def _known(self, shown: str) -> bool | None:
        return compare_digest(shown.encode(), (self._token or "").encode()) or None

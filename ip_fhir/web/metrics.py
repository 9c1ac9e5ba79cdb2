"""GET /metrics: figures in Prometheus' text format. Counts and times only, nothing about a person or a referral.

A reader must show `http.metrics_token`. Without this setting only a program on this machine may read, and only
directly, not through a proxy (behind which everybody would seem to be on this machine).
"""

from __future__ import annotations

import threading
import time
from hmac import compare_digest
from ipaddress import ip_address
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from ip_fhir.domain.referral import State
from ip_fhir.ports.capabilities import lists_work
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.core import Metric
    from starlette.requests import Request

    from ip_fhir.exchange import Exchange, Worker
    from ip_fhir.exchange.sending.circuits import Way
    from ip_fhir.ports import Figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_STATUSES = ("waiting", "awaiting", "parked", "sent", "refused")


class Metrics:
    """The figures of one side. Counting a large store takes time: it is done at most once in `every` seconds."""

    def __init__(self, exchange: Exchange, worker: Worker | None = None, every: float = 10.0) -> None:
        self._exchange = exchange
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
        yield self._messages()
        yield self._reads()
        yield from _ways(self._exchange.ways())
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


def require_scraper(request: Request, token: str | None) -> None:
    """Raises `BadRequest` 401 (no or a wrong token) or 403 (from elsewhere, and there is no token to show)."""
    if token is not None:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(shown.strip().encode(), token.encode()):
            raise BadRequest(401, "the token of the metrics is required", "security")
    elif not _is_near(request):
        raise BadRequest(403, "from this machine only, unless http.metrics_token is set", "forbidden")


def _is_near(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _PROXY_HEADERS):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False

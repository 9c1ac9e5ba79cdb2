"""Spans of OpenTelemetry: one for each message and each run; of nobody; and none where it is not installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ip_fhir.errors import InvalidInput
from ip_fhir.ports.http import HttpRequest
from ip_fhir.tracing import span, traceparent
from ip_fhir.wire.http import Http
from tests.support.two_sides import Loop, form, make_loop, notice

EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def provider() -> None:
    """The process's provider, which can be set once; it exports into memory."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(made)


@pytest.fixture
def loop(tmp_path: object) -> Iterator[Loop]:
    """Both sides, and no spans yet."""
    made = make_loop(tmp_path)  # type: ignore[arg-type]
    EXPORTER.clear()
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def spans(name: str) -> list[ReadableSpan]:
    """The spans of this name that have ended."""
    return [one for one in EXPORTER.get_finished_spans() if one.name == name]


def told(one: ReadableSpan) -> dict[str, object]:
    """The attributes of a span."""
    return dict(one.attributes or {})


def test_a_loop_is_traced(loop: Loop) -> None:
    """Each message has a span at its sender and one at its receiver, with party, kind, outcome and the loop's id."""
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    (out,) = (told(one) for one in spans("ip_fhir.send") if told(one)["ip_fhir.kind"] == "notice")
    (came,) = (told(one) for one in spans("ip_fhir.receive") if told(one)["ip_fhir.kind"] == "notice")
    assert out == {
        "ip_fhir.party": "municipality",
        "ip_fhir.kind": "notice",
        "ip_fhir.loop": "referral-03",
        "ip_fhir.outcome": "sent",
    }
    assert came == {**out, "ip_fhir.party": "hospital", "ip_fhir.outcome": "ok"}
    assert {told(one)["ip_fhir.part"] for one in spans("ip_fhir.run")} >= {"outbox"}


def test_the_receiver_is_in_the_senders_span_where_they_share_a_thread(loop: Loop) -> None:
    """A span has the one that its thread is in as its parent."""
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    (out,) = (one for one in spans("ip_fhir.send") if told(one)["ip_fhir.kind"] == "notice")
    (came,) = (one for one in spans("ip_fhir.receive") if told(one)["ip_fhir.kind"] == "notice")
    assert came.parent is not None
    assert came.parent.span_id == out.context.span_id


def test_nothing_of_a_person(loop: Loop) -> None:
    """No attribute, name, event or status has a name, a number or a word that somebody wrote, also not of an error."""
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    loop.municipality.exchange.answer(form("03-stroke-patient-2"))
    loop.settle()
    with pytest.raises(InvalidInput):
        loop.municipality.exchange.receive(b'{"resourceType": "Kari Nordmann 12057900499"}', "hospital")
    loop.hospital.wire.break_with = TimeoutError("Kari Nordmann 12057900499")
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    everything = " ".join(one.to_json() for one in EXPORTER.get_finished_spans())
    owner = notice("03").owner
    for word in (owner.name.family, str(owner.identifier), "Kari", "12057900499"):
        assert word not in everything
    assert {key for one in EXPORTER.get_finished_spans() for key in told(one)} <= {
        f"ip_fhir.{name}" for name in ("party", "kind", "outcome", "loop", "part")
    }


def test_an_error_is_noted_by_its_type(loop: Loop) -> None:
    """Without its text and its trace, which may quote a message."""
    with pytest.raises(InvalidInput):
        loop.municipality.exchange.receive(b"{", "hospital")
    (came,) = spans("ip_fhir.receive")
    assert (came.status.description, came.events) == ("InvalidInput", ())


def test_the_trace_is_passed_on_only_where_it_is_wanted() -> None:
    """Without the peer's setting a request carries nothing of the trace, and outside a span there is nothing either."""
    assert traceparent() is None
    with span("send", "client"):
        assert traceparent() is None
    with span("send", "client", passed_on=True):
        said = traceparent()
        with span("receive", "server"):
            assert traceparent() is None
        context = trace.get_current_span().get_span_context()
    assert said is not None
    assert said.startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-")


class Heard(Http):
    """Performs nothing, and keeps the headers."""

    headers: dict[str, str]

    def _once(self, request: HttpRequest, *_rest: object) -> None:  # type: ignore[override]
        self.headers = dict(request.headers)


def test_over_http_it_is_a_header() -> None:
    """`traceparent` stands beside the request's own headers, with the peer's setting and not without."""
    heard = Heard()
    for passed_on in (True, False):
        with span("send", "client", passed_on=passed_on):
            heard.perform(HttpRequest("POST", "https://peer.example/", {"Accept": "x"}))
        assert (set(heard.headers) == {"Accept", "traceparent"}) is passed_on
    heard.perform(HttpRequest("POST", "https://peer.example/"))
    assert heard.headers == {}


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
from ip_fhir.tracing import note, span, traceparent
with span("send", passed_on=False) as one, span("receive") as other:
    one.set(party="x")
    assert one is other
note("run", 0)
assert traceparent() is None
assert not [name for name in sys.modules if name.startswith("opentelemetry.")]
"""


@pytest.mark.processes
def test_without_opentelemetry_nothing_happens() -> None:
    """Where it is not installed, each span is one and the same object that does nothing."""
    subprocess.run([sys.executable, "-c", WITHOUT], check=True)

"""The listener for FHIR servers without messaging: nothing is lost over a restart, and nothing has two effects."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ip_fhir.errors import InvalidInput, NotYet, PeerError, Rejected, StoreError
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.rest.carrier import carrier
from ip_fhir.plugins import listener
from ip_fhir.ports import Receipt
from ip_fhir.testing import ListenerContract
from ip_fhir.testing.listener_contract import ReceiverDouble
from ip_fhir.testing.store_samples import PERSON
from ip_fhir.wire.fhirserver import FhirServerListener
from tests.support.fhir_server import JSON, Fault, FhirServerDouble, fhir_server

NUMBER = "urn:oid:2.16.578.1.12.4.1.2|90000101"
OURS = {"system": "urn:oid:2.16.578.1.12.4.1.2", "value": "90000101"}


def task(ident: str, message: bytes = b"m", *, owner: str = "us", requester: str = "them", **more: Any) -> JSON:
    """A Task that carries a message."""
    named = {"system": "urn:messages", "value": ident}
    ends = {"owner": {"reference": f"Organization/{owner}"}, "requester": {"reference": f"Organization/{requester}"}}
    return {**carrier(message, named, ends), "id": ident, **more}


class Clock:
    """The server's clock: a second passes with each version."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The next second."""
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def server() -> Iterator[FhirServerDouble]:
    """A server on which we and they are known."""
    with fhir_server() as double:
        double.clock = Clock()
        double.put({"resourceType": "Organization", "id": "us", "identifier": [OURS]})
        double.put({"resourceType": "Organization", "id": "them", "identifier": []})
        yield double


class Hurried(FhirServerListener):
    """Waits no longer for what is under way than a test does."""

    longest_stop = 1.0


def made(server: FhirServerDouble, **options: Any) -> Hurried:
    """A listener for what they write there."""
    return Hurried({"url": server.base, "peer": "them", "organizations": [NUMBER], "seconds": 0.02, **options})


@pytest.fixture
def exchange() -> ReceiverDouble:
    """Takes everything in."""
    return ReceiverDouble()


def names(exchange: ReceiverDouble) -> list[str]:
    """The ids of the Tasks that were handed in."""
    return [read_json(content)["id"] for content, _, _ in exchange.came]


def status(server: FhirServerDouble, ident: str) -> str:
    """The status of a Task there."""
    return str(server.now(f"Task/{ident}")["status"])


class TestFhirServerListener(ListenerContract):
    """It keeps what every listener keeps; what is handed in is the Task as the server has it."""

    contents = tuple(  # type: ignore[assignment]  # dated so that no look passes them
        write_json(
            {**task(f"t{number}", message), "meta": {"versionId": "1", "lastUpdated": f"2999-11-01T12:00:0{number}Z"}}
        )
        for number, message in enumerate((b"one", b"two", PERSON.encode(), b"four"), 1)
    )

    @pytest.fixture
    def listener(self, server: FhirServerDouble) -> FhirServerListener:
        """Of the server."""
        self.server = server
        server.clock = None
        return made(server)

    def hand_in(self, listener: Any, content: bytes) -> None:
        """Somebody writes the Task there."""
        found = read_json(content)
        self.server.versions[f"Task/{found['id']}"] = [found]


def test_its_entry_point(server: FhirServerDouble) -> None:
    """It is made from options, and opens nothing."""
    made = listener("fhirserver", {"url": server.base, "peer": "them", "organizations": [NUMBER]})
    assert (made.name, server.asked) == ("fhirserver", [])


def test_taken_in_and_settled(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """A message is handed in once; then its Task says so, and has the message no more."""
    server.put(task("t1"))
    one = made(server)
    for _ in range(3):
        one.look(exchange)
    made(server).look(exchange)
    assert names(exchange) == ["t1"]
    assert exchange.came[0][1:] == ("them", "fhir-resources")
    attachment = server.now("Task/t1")["input"][0]["valueAttachment"]
    assert (status(server, "t1"), "data" in attachment, "hash" in attachment) == ("completed", False, True)


def test_refused_for_good(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """A message that is refused has its Task rejected, with codes and without anybody's words."""
    server.put(task("t1"))
    exchange.raises = InvalidInput.at("MessageHeader.id", "has an error", "invariant")
    made(server).look(exchange)
    reason = server.now("Task/t1")["statusReason"]
    assert (status(server, "t1"), [one["code"] for one in reason["coding"]]) == ("rejected", ["invariant"])
    assert "has an error" not in str(reason)


@pytest.mark.parametrize(
    "error", [StoreError("gone"), NotYet.at("message.id", "too early"), KeyError(PERSON)], ids=type
)
def test_for_now(server: FhirServerDouble, exchange: ReceiverDouble, error: Exception) -> None:
    """What cannot be taken in for now stays, and comes again, also when the look has moved on and after a restart."""
    exchange.raises = error
    if isinstance(error, NotYet):
        assert error.retry
    server.put(task("t1"))
    one = made(server, overlap=0.0)
    one.look(exchange)
    exchange.raises = None
    server.put(task("t2"))
    exchange.raises, first = error, len(exchange.came)
    one.look(exchange)
    assert len(exchange.came) > first
    exchange.raises = None
    one.look(exchange)
    made(server).look(exchange)
    assert {status(server, ident) for ident in ("t1", "t2")} == {"completed"}


def test_killed_before_the_status_was_set(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """The message is handed in again, which the exchange knows; then the status is set."""
    server.put(task("t1"))

    @contextmanager
    def quicker() -> Iterator[None]:
        server.put({**server.now("Task/t1"), "priority": "urgent"})
        yield

    class Late(ReceiverDouble):
        def receive(self, content: bytes, peer: str, format_name: str) -> bytes:
            with quicker():
                return super().receive(content, peer, format_name)

    late = Late()
    made(server).look(late)
    assert status(server, "t1") == "requested"
    made(server).look(exchange)
    assert (len(late.came), len(exchange.came), status(server, "t1")) == (1, 1, "completed")
    assert server.now("Task/t1")["priority"] == "urgent"


@pytest.mark.parametrize("fault", ["no settling", "no versions"])
def test_the_status_cannot_be_set(server: FhirServerDouble, exchange: ReceiverDouble, fault: Fault) -> None:
    """Where we may not write, or no versions guard others' changes, each message is handed in once by each process."""
    server.faults.add(fault)
    server.put(task("t1"))
    one = made(server)
    one.look(exchange)
    one.look(exchange)
    assert names(exchange) == ["t1"]
    made(server, settle=False).look(exchange)
    assert names(exchange) == ["t1", "t1"]
    assert status(server, "t1") == "requested"


def test_shown_late(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """A Task that the server shows after a younger one was read is read, too, within the overlap."""
    one = made(server, settle=False, overlap=60.0)
    server.put(task("t2"))
    one.look(exchange)
    late = task("t1")
    moment = datetime.fromisoformat(server.now("Task/t2")["meta"]["lastUpdated"]) - timedelta(seconds=30)
    server.versions["Task/t1"] = [{**late, "meta": {"versionId": "1", "lastUpdated": moment.isoformat()}}]
    for _ in range(3):
        one.look(exchange)
    assert names(exchange) == ["t2", "t1"]


def test_only_what_is_new_is_asked_for(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """A look asks for what was updated since shortly before the last Task that was seen."""
    one = made(server, overlap=0.0, days=10.0)
    server.put(task("t1"))
    one.look(exchange)
    server.bodies.clear()
    one.look(exchange)
    moment = server.versions["Task/t1"][0]["meta"]["lastUpdated"][:19].replace(":", "%3A")
    assert any(f"ge{moment}".encode() in body for body in server.bodies)


def test_page_by_page(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """All pages are read; what was not reached comes with the next look."""
    server.page_size = 2
    for number in range(7):
        server.put(task(f"t{number}"))
    one = made(server)
    for _ in range(4):
        one.look(exchange)
    assert sorted(names(exchange)) == [f"t{number}" for number in range(7)]
    assert len(server.of_type("Task")) == 7
    assert {one["status"] for one in server.of_type("Task")} == {"completed"}


def test_large_messages(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """Several that are too long for one answer are read one by one, with the look after."""
    for number in range(3):
        server.put(task(f"t{number}", b"x" * 9_000_000))
    one = made(server)
    with pytest.raises(PeerError):
        one.look(exchange)
    assert exchange.came == []
    for _ in range(3):
        one.look(exchange)
    assert sorted(names(exchange)) == ["t0", "t1", "t2"]


def parts(ident: str, focus: str) -> JSON:
    """A Task that names a message of which the content is elsewhere."""
    kind = {"coding": [{"system": "https://ip-fhir.github.io/fhir/CodeSystem/message", "code": "notice"}]}
    found: JSON = {name: value for name, value in task(ident).items() if name != "input"}
    return {**found, "code": kind, "focus": {"reference": focus}}


def test_a_message_of_resources(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """It comes with all that it refers to on this server, but for what a person refers to, and what is not there."""
    server.put({"resourceType": "Patient", "id": "p1", "managingOrganization": {"reference": "Organization/o9"}})
    server.put({"resourceType": "Organization", "id": "o9"})
    away = {"reference": "https://169.254.169.254/Practitioner/x"}
    gone = {"reference": "Condition/none"}
    request = {"subject": {"reference": f"{server.base}/Patient/p1"}, "requester": away, "reasonReference": [gone]}
    server.put({"resourceType": "ServiceRequest", "id": "s1", **request})
    server.put(parts("t1", "ServiceRequest/s1"))
    made(server).look(exchange)
    bundle = read_json(exchange.came[0][0])
    found = [entry["fullUrl"].removeprefix(f"{server.base}/") for entry in bundle["entry"]]
    assert sorted(found) == ["Organization/them", "Organization/us", "Patient/p1", "ServiceRequest/s1", "Task/t1"]
    assert (bundle["type"], status(server, "t1")) == ("collection", "completed")


def test_a_message_of_too_many_resources(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """It is handed in as its Task alone, which the exchange refuses, and holds up no other."""
    for number in range(210):
        server.put({"resourceType": "Goal", "id": f"g{number}", "x": {"reference": f"Goal/g{number + 1}"}})
    server.put(parts("t1", "Goal/g0"))
    server.put(task("t2"))
    made(server).look(exchange)
    assert names(exchange) == ["t1", "t2"]


def test_what_is_not_for_us(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """Another's Task, one that carries nothing, and one of another status are left alone whatever a search gives."""
    server.put(task("t1", owner="them"))
    server.put({**task("t2"), "input": []})
    server.put(task("t3", status="draft"))
    server.put({**task("t4"), "identifier": []})
    server.put(task("t5", owner="us") | {"owner": {"reference": "https://elsewhere.example/Organization/us"}})
    server.faults.add("ignores criteria")
    before = server.count()
    made(server).look(exchange)
    assert (exchange.came, exchange.refused, server.count()) == ([], [], before)


def test_from_somebody_else(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """A message that is not in our peer's name is recorded by the exchange; its Task is left to its own listener."""
    exchange.raises = InvalidInput.at("sender", "not the party that the credential belongs to", "forbidden")
    server.put(task("t1"))
    one = made(server)
    one.look(exchange)
    one.look(exchange)
    assert (names(exchange), status(server, "t1")) == (["t1"], "requested")


def test_receipts(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """The status of a Task of ours is told once, a no with its codes alone."""
    server.put(task("t1", owner="them", requester="us", status="completed"))
    reason = {"coding": [{"code": "security"}], "text": PERSON}
    server.put(task("t2", owner="them", requester="us", status="rejected", statusReason=reason))
    server.put(task("t3", owner="them", requester="us"))
    one = made(server)
    exchange.raises = StoreError("gone")
    one.look(exchange)
    exchange.raises = None
    one.look(exchange)
    one.look(exchange)
    told = [(receipt.message_id, receipt.code) for receipt, peer in exchange.receipts if peer == "them"]
    assert told == [("t1", "ok"), ("t2", "fatal-error")] * 2
    assert PERSON not in str(exchange.receipts)
    assert exchange.receipts[0][0] == Receipt("t1", "ok")


def test_nobody_has_written_to_us(exchange: ReceiverDouble) -> None:
    """While the server does not know us there is nothing to read; from the moment it does, it is read."""
    with fhir_server() as server:
        one = made(server)
        one.look(exchange)
        server.put({"resourceType": "Organization", "id": "us", "identifier": [OURS]})
        server.put(task("t1"))
        one.look(exchange)
    assert names(exchange) == ["t1"]


@pytest.mark.parametrize(
    "fault", ["html", "truncates", "redirects", "error inside", "pages for ever", "pages elsewhere", "busy"]
)
def test_bad_servers(server: FhirServerDouble, exchange: ReceiverDouble, fault: Fault) -> None:
    """Each is an error of the peer; nobody else is asked, and afterwards each message is taken in once."""
    server.faults.add(fault)
    server.put(task("t1"))
    one = made(server, timeout=5.0)
    with pytest.raises(PeerError):
        one.look(exchange)
    server.faults.clear()
    one.look(exchange)
    assert (sorted(set(names(exchange))), status(server, "t1")) == (["t1"], "completed")


def test_a_summary_is_not_read(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """Of a summary nothing is handed in, and nothing is written back."""
    server.faults.add("summary")
    server.put(task("t1"))
    with pytest.raises(Rejected):
        made(server).look(exchange)
    assert (exchange.came, status(server, "t1")) == ([], "requested")


def test_a_server_that_is_down_is_asked_again(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """The thread goes on after a failed look, and tells it without anybody's data."""
    server.faults.add("html")
    server.put(task("t1", PERSON.encode()))
    one = made(server)
    one.start(exchange)
    time.sleep(0.1)
    server.faults.clear()
    try:
        exchange.wait_for(1)
    finally:
        one.stop()
    assert names(exchange) == ["t1"]


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"url": "http://far.example/fhir"}, "url"),
        ({"url": "mllp://a.example"}, "url"),
        ({"organizations": []}, "organizations"),
        ({"organizations": ["90000101"]}, "organizations.0"),
        ({"seconds": 0}, "seconds"),
        ({"peer": None}, "peer"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], place: str) -> None:
    """They are refused at their place, before anything is opened."""
    given = {"url": "https://a.example/fhir", "peer": "them", "organizations": [NUMBER], "token": "secret-x", **options}
    with pytest.raises(InvalidInput) as caught:
        FhirServerListener(given)
    assert [one.path for one in caught.value.problems] == [place]
    assert "secret-x" not in repr(FhirServerListener({**given, **_GOOD}))


_GOOD = {"url": "https://a.example/fhir", "peer": "them", "organizations": [NUMBER], "seconds": 1}

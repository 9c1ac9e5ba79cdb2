"""The listener for HL7 v2: acknowledged after the commit, in the mode that the sender asks for; never by guessing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.errors import InvalidInput, NotYet, Problem, StoreError
from ip_fhir.hl7v2.line import Hl7v2Line
from ip_fhir.ports import Receipt
from ip_fhir.testing import ListenerContract
from ip_fhir.testing.listener_contract import ReceiverDouble
from ip_fhir.testing.store_samples import PERSON
from ip_fhir.wire.listener import MllpListener
from ip_fhir.wire.tls import TlsFiles, client_context
from tests.adapters.mllp_peer import ack, frame, message, mllp_peer
from tests.support.certificates import Authority, fingerprint
from tests.support.served import eventually
from tests.wire.clients import Client

EVERYWHERE = "0.0.0.0"  # noqa: S104 - that this is noticed is tested


class Store(ReceiverDouble):
    """An exchange that answers AA or CA, as the sender asks, and each message again with the same bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.code = "AA"

    def receive(self, content: bytes, peer: str, format_name: str) -> bytes:
        """Take it in, and acknowledge it."""
        super().receive(content, peer, format_name)
        return ack(content.split(b"|")[9].decode(), self.code)


class Hurried(MllpListener):
    """Waits no longer for what is under way than a test does."""

    longest_stop = 1.0


@contextmanager
def listening(exchange: ReceiverDouble, **options: Any) -> Iterator[MllpListener]:
    """A listener of the hospital that runs until the block ends."""
    named = {} if "peers" in options else {"peer": "hospital"}
    listener = Hurried({"port": 0, **named, **options})
    listener.start(exchange)
    try:
        yield listener
    finally:
        listener.stop()


@pytest.fixture
def exchange() -> Store:
    """Takes everything in."""
    return Store()


@pytest.fixture
def client(exchange: Store) -> Iterator[Client]:
    """A connection to a listener."""
    with listening(exchange) as listener, Client(listener.port) as client:
        yield client


def said(answer: bytes | None) -> list[str]:
    """MSA-1, MSA-2, and ERR-3 of each error of an acknowledgement."""
    assert answer is not None
    segments = [segment.split("|") for segment in answer.decode().split("\r")]
    (msa,) = [fields[1:3] for fields in segments if fields[0] == "MSA"]
    return [*msa, *(fields[3].partition("^")[0] for fields in segments if fields[0] == "ERR")]


class TestMllpListener(ListenerContract):
    """It keeps what every listener keeps."""

    contents = (message("1"), message("2"), message("3", more=b"PID|||1||" + PERSON.encode() + b"\r"), message("4"))

    @pytest.fixture
    def listener(self) -> MllpListener:
        """On a free port."""
        return Hurried({"peer": "hospital", "port": 0})

    def hand_in(self, listener: Any, content: bytes) -> None:
        """Over a connection of its own."""
        with Client(listener.port) as client:
            client.ask(content)


# --- modes


@pytest.mark.parametrize(
    ("accept", "application", "code", "answer"),
    [
        ("", "", "AA", "AA"),
        ("", "", "AE", "AE"),
        ("", "", "AR", "AR"),
        ("", "AL", "AA", "AA"),
        ("AL", "NE", "AA", "CA"),
        ("AL", "NE", "CA", "CA"),
        ("AL", "NE", "AE", "CE"),
        ("AL", "NE", "AR", "CR"),
        ("AL", "AL", "AA", "CA"),
        ("SU", "NE", "AA", "CA"),
        ("SU", "NE", "AE", None),
        ("ER", "NE", "AE", "CE"),
        ("ER", "NE", "AA", None),
        ("NE", "NE", "AA", None),
        ("NE", "NE", "AR", None),
    ],
)
def test_what_is_answered_at_once(
    client: Client, exchange: Store, accept: str, application: str, code: str, answer: str | None
) -> None:
    """By MSH-15 and the outcome: an acknowledgement on the connection with a code of the right level, or nothing."""
    exchange.code = code
    client.send(frame(message("M1", accept, application)))
    client.send(frame(message("M2", "", "")))
    if answer is not None:
        assert said(client.next()) == [answer, "M1"]
    assert said(client.next()) == [code.replace("C", "A"), "M2"]
    assert len(exchange.came) == 2


@pytest.mark.parametrize(
    ("accept", "application", "code", "answer"),
    [
        ("NE", "AL", "AA", "AA"),
        ("NE", "AL", "CR", "AR"),
        ("NE", "SU", "AA", "AA"),
        ("NE", "ER", "AE", "AE"),
        ("ER", "AL", "AA", "AA"),
    ],
)
def test_what_is_answered_later(exchange: Store, accept: str, application: str, code: str, answer: str) -> None:
    """Nothing on the connection; the acknowledgement comes on one of our own, and is no answer to wait for."""
    exchange.code = code
    with mllp_peer() as peer:
        peer.answer = lambda _: []
        with listening(exchange, answer_to={"hospital": peer.url}) as listener, Client(listener.port) as client:
            client.send(frame(message("M1", accept, application)))
            eventually(lambda: len(peer.received) == 1)
            assert client.hears(0.05) == b""
        assert said(peer.received[0]) == [answer, "M1"]


@pytest.mark.parametrize(("application", "code"), [("SU", "AE"), ("ER", "AA")])
def test_what_is_not_answered_later(exchange: Store, application: str, code: str) -> None:
    """Only for a success, only for an error: the other is not sent."""
    exchange.code = code
    with mllp_peer() as peer, listening(exchange, answer_to={"hospital": peer.url}) as listener:
        with Client(listener.port) as client:
            client.send(frame(message("M1", "NE", application)))
            assert said(client.ask(message("M2", "", ""))) == [code, "M2"]
        time.sleep(0.05)
        assert peer.received == []


def test_a_later_answer_is_tried_again(exchange: Store, caplog: pytest.LogCaptureFixture) -> None:
    """An acknowledgement that cannot be sent is tried again, told when it is given up, and holds up no other."""
    with mllp_peer() as peer:
        peer.answer = lambda _: []
        with mllp_peer() as gone:
            address = gone.url
        options = {"answer_to": {"hospital": address, "engine": peer.url}}
        with listening(exchange, **options) as listener, Client(listener.port) as client:
            client.send(frame(message("M1", "NE", "AL")))
            eventually(lambda: len(exchange.came) == 1)
    assert "an acknowledgement could not be sent" in caplog.text


def test_a_later_answer_that_has_no_address(client: Client, exchange: Store) -> None:
    """A message that asks for one where settings give no address is refused at once, not taken in and not answered."""
    assert said(client.ask(message("M1", "NE", "AL"))) == ["CR", "M1", "207"]
    assert said(client.ask(message("M2", "SU", "ER"))) == ["CR", "M2", "207"], "a no could not be told"
    assert exchange.came == []
    assert [code for *_, code in exchange.refused] == ["not-supported"] * 2


# --- what cannot be taken in


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (InvalidInput.at("PID-5", "is missing", "required"), ["AE", "101"]),
        (InvalidInput.at("PID-8", "is unknown", "code-invalid"), ["AE", "103"]),
        (InvalidInput.at("MSH-9", "is not read here", "not-supported"), ["AR", "200"]),
        (InvalidInput.at("MSH-10", "with other content", "duplicate"), ["AR", "205"]),
        (InvalidInput.at("MSH-4", "is somebody else", "forbidden"), ["AR", "207"]),
        (InvalidInput([Problem("PID-5", "a", "required"), Problem("", "b", "too-long")]), ["AR", "101", "207"]),
    ],
)
def test_a_refusal_is_answered(exchange: Store, error: InvalidInput, answer: list[str]) -> None:
    """A message whose header can be read has an answer, with each reason; the connection goes on."""
    exchange.raises = error
    with listening(exchange) as listener, Client(listener.port) as client:
        first, *numbers = answer
        assert said(client.ask(message("M1", "", ""))) == [first, "M1", *numbers]
        assert said(client.ask(message("M2", "AL", "NE"))) == [first.replace("A", "C", 1), "M2", *numbers]


@pytest.mark.parametrize("error", [StoreError("the disk is full"), NotYet.at("sent", "too early"), KeyError(PERSON)])
def test_what_may_come_again(exchange: Store, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Not taken in for now: no answer, and the connection is closed; in the enhanced mode CE, which says so."""
    exchange.raises = error
    with listening(exchange) as listener:
        with Client(listener.port) as client:
            assert said(client.ask(message("M1", "AL", "NE"))) == ["CE", "M1", "207"]
            assert said(client.ask(message("M2", "ER", "NE"))) == ["CE", "M2", "207"]
            assert client.ask(message("M3", "", "")) is None
        for accept in ("NE", "SU"):
            with Client(listener.port) as client:
                assert client.ask(message("M4", accept, "NE")) is None
    assert PERSON not in caplog.text


def test_a_format_that_has_no_answer_for_now(exchange: ReceiverDouble) -> None:
    """An empty reply says the same as an error that may come again."""
    exchange = ReceiverDouble()
    exchange.receive = lambda *_: b""  # type: ignore[method-assign]
    with listening(exchange) as listener, Client(listener.port) as client:
        assert said(client.ask(message("M1", "AL", "NE"))) == ["CE", "M1", "207"]
        assert client.ask(message("M1", "", "")) is None


@pytest.mark.parametrize("content", [b"", b"MSH", b"PID|1\r", b"MSH|^~\\&|||||||\r", b"\xff\xfeM\x00S\x00H\x00"])
def test_a_frame_without_a_header(client: Client, exchange: Store, content: bytes) -> None:
    """A frame whose header cannot be read: no answer, closed, and a refusal is kept."""
    assert client.ask(content) is None
    assert exchange.came == []
    ((kept, peer, code),) = exchange.refused
    assert (kept, peer, code) == (content, "hospital", "structure") or code == "not-supported"


def test_bytes_outside_a_frame(client: Client, exchange: Store) -> None:
    """A message without a frame is not taken in: closed, and a refusal is kept."""
    client.send(message("M1"))
    assert client.next() is None
    assert exchange.refused == [(message("M1"), "hospital", "structure")]


def test_fifty_megabytes(client: Client, exchange: Store) -> None:
    """A message beyond the limit is answered by its header, with nothing of it stored but its digest."""
    client.send(b"\x0b" + message("M1", more=b"OBX|1|ED|||") + b"x" * 50_000_000)
    assert said(client.next()) == ["CR", "M1", "207"]
    assert client.next() is None
    assert [code for *_, code in exchange.refused] == ["too-long"]
    assert exchange.came == []


def test_half_a_message_before_a_whole_one(exchange: Store) -> None:
    """`0B` within a frame: half a message is never completed by another one."""
    exchange.raises = InvalidInput.at("PID-5", "has a control character", "structure")
    with listening(exchange) as listener, Client(listener.port) as client:
        answer = client.ask(message("M1")[:-1] + b"|half\x0b" + message("M2"))
        assert answer is None or said(answer)[:2] == ["CR", "M1"]


# --- acknowledgements that come in


@pytest.mark.parametrize(
    ("content", "receipt"),
    [
        (ack("M1", "AA"), Receipt("M1", "ok")),
        (ack("M1", "CA"), Receipt("M1", "ok")),
        (ack("M1", "AR"), "fatal-error"),
        (ack("M1", "AE"), "transient-error"),
        (ack("M1", "AE", "101"), "fatal-error"),
        (ack("M1", "AA", kind="ACK"), Receipt("M1", "ok")),
    ],
)
def test_an_acknowledgement_settles_a_receipt(client: Client, exchange: Store, content: bytes, receipt: Any) -> None:
    """It is handed on as the receipt that it is, and never answered, whatever it asks for."""
    client.send(frame(content) + frame(message("M2", "", "")))
    assert said(client.next()) == ["AA", "M2"]
    ((found, peer),) = exchange.receipts
    assert peer == "hospital"
    assert receipt in (found, found.code)
    assert len(exchange.came) == 1


class Agreed(Store):
    """An exchange that knows what was agreed with the hospital, and with the parties of an engine by their numbers."""

    def line_of(self, peer: str, format_name: str, number: str = "") -> object | None:
        """The settings of the line."""
        if peer == "nobody":
            raise InvalidInput.at("peer", "no peer in the settings has this name", "not-found")
        said = {"hospital": {"application_error": "reject"}, "90000101": {"application_error": "retry"}}
        found = said.get(number) or said.get(peer)
        return Hl7v2Line.model_validate(found or {}) if format_name == "hl7v2" else None


@pytest.mark.parametrize(
    ("peer", "facility", "code"),
    [
        ("hospital", "", "fatal-error"),
        ("hospital", "90000101", "transient-error"),
        ("engine", "", "fatal-error"),
        ("engine", "90000101", "transient-error"),
        ("nobody", "", "fatal-error"),
    ],
)
def test_an_error_means_what_its_sender_s_settings_say(peer: str, facility: str, code: str) -> None:
    """If they say anything, else what the listener's own say."""
    exchange = Agreed()
    with listening(exchange, peer=peer, application_error="reject") as listener, Client(listener.port) as client:
        client.send(frame(ack("M1", "AE").replace(b"|90000202|", f"|{facility}|".encode(), 1)))
        eventually(lambda: len(exchange.receipts) == 1)
    ((found, _),) = exchange.receipts
    assert found.code == code


def test_an_acknowledgement_of_an_acknowledgement(client: Client, exchange: Store) -> None:
    """Ours is acknowledged by somebody: not answered, so that two machines do not go on for ever."""
    answer = client.ask(message("M1", "", ""))
    assert answer is not None
    client.send(frame(ack(answer.split(b"|")[9].decode())))
    assert client.hears(0.05) == b""
    assert len(exchange.receipts) == 1


def test_an_acknowledgement_that_nobody_can_read(client: Client, exchange: Store) -> None:
    """Without MSA, or with a code of no table: recorded as refused, and not answered."""
    client.send(frame(b"MSH|^~\\&|||||||ACK|1|P|2.5.1\r") + frame(ack("M1", "XX")))
    assert client.hears(0.05) == b""
    assert [code for *_, code in exchange.refused] == ["structure", "structure"]
    assert exchange.receipts == []


def test_a_receipt_that_cannot_be_stored(exchange: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The connection goes on; the message is sent again when its receipt does not come."""
    exchange.raises = StoreError("the disk is full")
    with listening(exchange) as listener, Client(listener.port) as client:
        client.send(frame(ack("M1")))
        eventually(lambda: len(exchange.receipts) == 1)
        exchange.raises = None
        assert said(client.ask(message("M2", "", ""))) == ["AA", "M2"]
    assert "was not taken in: StoreError" in caplog.text


def test_a_message_with_an_acknowledgement_in_it(client: Client, exchange: Store) -> None:
    """An RRI with MSA is taken in and answered, and settles the receipt, too."""
    content = ack("M1", "AA", kind="RRI^I12^RRI_I12")
    assert said(client.ask(content)) == ["AA", "K1"]
    assert [receipt for receipt, _ in exchange.receipts] == [Receipt("M1", "ok")]
    assert len(exchange.came) == 1


# --- batches


def test_a_batch_is_answered_by_a_batch(client: Client, exchange: Store) -> None:
    """Each message is taken in by itself; one frame comes back: BHS, an acknowledgement each, BTS."""
    answer = client.ask(b"BHS|^~\\&|EPJ|A|KE|B\r" + message("M1", "", "") + message("M2", "", "") + b"BTS|2\r")
    assert answer is not None
    segments = [segment.split("|")[0] for segment in answer.decode().split("\r")]
    assert segments == ["BHS", "MSH", "MSA", "MSH", "MSA", "BTS", ""]
    assert [content for content, *_ in exchange.came] == [message("M1", "", ""), message("M2", "", "")]


def test_a_batch_with_a_wrong_count(client: Client, exchange: Store) -> None:
    """BTS-1 is wrong: nothing of it is taken in, and each of its messages that wants an answer gets a no."""
    batch = b"BHS|^~\\&|\r" + message("M1", "", "") + message("M2", "NE", "NE") + message("M3") + b"BTS|2\r"
    answer = client.ask(batch)
    assert answer is not None
    found = [segment.split("|") for segment in answer.decode().split("\r")]
    assert [fields[1:3] for fields in found if fields[0] == "MSA"] == [["AR", "M1"], ["CR", "M3"]]
    assert [fields[2] for fields in found if fields[0] == "ERR"] == ["BTS^1^1^1"] * 2
    assert exchange.came == []
    assert [code for *_, code in exchange.refused] == ["invariant"]


def test_a_batch_that_is_taken_in_half(exchange: Store) -> None:
    """The store fails at the second message: no answer at all; when it comes again, both are answered."""
    content = message("M1", "", "") + message("M2", "", "")
    receive = exchange.receive

    def fails_once(part: bytes, peer: str, format_name: str) -> bytes:
        if b"|M2|" in part and len(exchange.came) < 2:
            exchange.came.append((part, peer, format_name))
            raise StoreError("the disk is full")
        return receive(part, peer, format_name)

    exchange.receive = fails_once  # type: ignore[method-assign, assignment]
    with listening(exchange) as listener:
        with Client(listener.port) as client:
            assert client.ask(content) is None
        with Client(listener.port) as client:
            answer = client.ask(content)
    assert answer is not None
    assert answer.count(b"MSA|AA|") == 2


# --- options


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({}, ""),
        ({"peer": "hospital", "peers": {"engine": ["dns:engine.example"]}}, ""),
        ({"peer": "hospital", "colour": "red"}, ""),
        ({"peer": "hospital", "host": EVERYWHERE}, "plain_reason"),
        ({"peer": "hospital", "port": 99_999}, "port"),
        ({"peer": "hospital", "answer_to": {"hospital": "mllp://hospital.example"}}, "answer_to.hospital"),
        ({"peer": "hospital", "answer_to": {"hospital": "http://127.0.0.1"}}, "answer_to.hospital"),
        ({"peer": "hospital", "max_bytes": 1_000_000_000}, ""),
        ({"peers": {"hospital": ["dns:hospital.example"]}}, ""),
        ({"peer": "hospital", "certificate": "/nowhere"}, "trusted"),
        ({"peer": "hospital", "certificate": "/nowhere", "trusted": "/nowhere"}, "trusted"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], place: str) -> None:
    """Told before anything is opened, at their place."""
    with pytest.raises(InvalidInput) as caught:
        MllpListener(options)
    assert [problem.path for problem in caught.value.problems] == [place]


@pytest.mark.parametrize(
    ("names", "place"),
    [
        ({"a": ["dns:x"], "b": ["DNS:X"]}, "peers.b"),
        ({"a": ["sha256:12"]}, "peers.a"),
        ({"a": ["engine"]}, "peers.a"),
        ({"a": ["subject:engine"]}, "peers.a"),
    ],
)
def test_names_that_cannot_be_used(tmp_path: Path, names: dict[str, list[str]], place: str) -> None:
    """A name of two peers, and what is no name of a certificate."""
    files = Authority(tmp_path).certificate("ke")
    with pytest.raises(InvalidInput) as caught:
        MllpListener({**files, "peers": names})
    assert [problem.path for problem in caught.value.problems] == [place]


def test_plain_with_a_reason(exchange: Store) -> None:
    """Without TLS it listens beyond this machine where settings say why it may."""
    options = {"host": EVERYWHERE, "plain_reason": "a tunnel ends here"}
    with listening(exchange, **options) as listener, Client(listener.port) as client:
        assert said(client.ask(message("M1", "", ""))) == ["AA", "M1"]


def test_the_password_of_the_key_is_not_shown(tmp_path: Path) -> None:
    """Neither the listener nor its options show it."""
    files = Authority(tmp_path).certificate("ke", password="letmein")
    listener = MllpListener({**files, "key_password": "letmein", "peer": "hospital"})
    assert "letmein" not in repr(listener) + repr(listener._options)
    with pytest.raises(InvalidInput, match="certificate"):
        MllpListener({**files, "peer": "hospital"})


def test_peers_by_certificate(exchange: Store, tmp_path: Path) -> None:
    """Each message is handed over in the name of the peer whose certificate the connection has."""
    authority = Authority(tmp_path)
    hospital, engine = authority.certificate("hospital"), authority.certificate("engine")
    names = {"hospital": [fingerprint(hospital["certificate"])], "carrier": ["subject:commonName=engine"]}
    with listening(exchange, **authority.certificate("ke"), peers=names) as listener:
        for files in (hospital, engine):
            with Client(listener.port, client_context(TlsFiles(**files))) as client:
                assert said(client.ask(message("M1", "", ""))) == ["AA", "M1"]
    assert [peer for _, peer, _ in exchange.came] == ["hospital", "carrier"]


def test_a_certificate_with_names_of_two_peers(exchange: Store, tmp_path: Path) -> None:
    """Nobody can tell who it is: closed."""
    authority = Authority(tmp_path)
    both = authority.certificate("both")
    names = {"hospital": ["dns:both.example"], "carrier": ["subject:commonName=both"]}
    with listening(exchange, **authority.certificate("ke"), peers=names) as listener:
        context = client_context(TlsFiles(**both))
        with Client(listener.port, context) as client:
            assert client.ask(message("M1", "", "")) is None
    assert exchange.came == []


def test_connections_side_by_side(exchange: Store) -> None:
    """Eight connections with fifty messages each: every message is answered once, on its own connection."""
    found = dict[str, list[str]]()

    def talk(name: str, port: int) -> None:
        with Client(port) as client:
            found[name] = [said(client.ask(message(f"{name}-{n}", "", "")))[1] for n in range(50)]

    with listening(exchange) as listener:
        threads = [threading.Thread(target=talk, args=(str(n), listener.port)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {str(n): [f"{n}-{m}" for m in range(50)] for n in range(8)}
    assert len(exchange.came) == 400

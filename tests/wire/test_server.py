"""The server: one message at a time for each connection, every wait bounded, and who the peer is comes from TLS."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ip_fhir.wire.bounds import Bounds, Room
from ip_fhir.wire.connection import Answer
from ip_fhir.wire.mllp import Fault
from ip_fhir.wire.server import Server
from ip_fhir.wire.tls import TlsFiles, client_context, names_in, server_context
from tests.support.certificates import Authority, fingerprint
from tests.support.served import eventually
from tests.wire.clients import Client

BOUNDS = Bounds(max_bytes=1_000, bytes_in_flight=10_000, frame_seconds=5.0, idle_seconds=5.0)


class Echo:
    """Answers each content with its own, and each fault with its code; remembers both."""

    def __init__(self) -> None:
        self.came: list[tuple[str, bytes]] = []
        self.faults: list[tuple[str, str, bytes]] = []
        self.held = threading.Event()
        self.held.set()
        self.answers: Callable[[bytes], Answer] = Answer

    def answer(self, peer: str, content: bytes) -> Answer:
        """The same content."""
        self.came.append((peer, content))
        self.held.wait(20)
        return self.answers(content)

    def fault(self, peer: str, fault: Fault) -> bytes | None:
        """The code of a long frame."""
        self.faults.append((peer, fault.problem.code, fault.content))
        return b"too long" if fault.problem.code == "too-long" else None


@pytest.fixture
def dialog() -> Echo:
    """Says what it hears."""
    return Echo()


@pytest.fixture
def serve(dialog: Echo) -> Iterator[Callable[[Bounds], Server]]:
    """Starts a server of one peer, and stops it in the end."""
    with ExitStack() as stack:

        def start(bounds: Bounds) -> Server:
            server = Server(bounds, lambda _: "hospital")
            server.start("127.0.0.1", 0, dialog)
            stack.callback(server.stop, 5.0)
            return server

        yield start


@pytest.fixture
def server(serve: Callable[[Bounds], Server]) -> Server:
    """With bounds that no test reaches by itself."""
    return serve(BOUNDS)


# --- answers


def test_answers_come_in_order(server: Server, dialog: Echo) -> None:
    """Frames one by one, two in one segment, one in many pieces: each is answered, in order."""
    with Client(server.port) as client:
        assert client.ask(b"one") == b"one"
        client.send(b"\x0btwo\x1c\r\r\n\x0bthree\x1c\r\x0bfo")
        assert [client.next(), client.next()] == [b"two", b"three"]
        for piece in (b"u", b"r", b"\x1c", b"\r"):
            client.send(piece)
        assert client.next() == b"four"
    assert dialog.came == [("hospital", content) for content in (b"one", b"two", b"three", b"four")]


def test_one_message_at_a_time(server: Server, dialog: Echo) -> None:
    """The second of two frames is not begun before the first is answered; another connection does not wait."""
    dialog.held.clear()
    with Client(server.port) as first, Client(server.port) as second:
        first.send(b"\x0bone\x1c\r\x0btwo\x1c\r")
        eventually(lambda: len(dialog.came) == 1)
        second.send(b"\x0bthree\x1c\r")
        eventually(lambda: len(dialog.came) == 2)
        assert [content for _, content in dialog.came] == [b"one", b"three"]
        dialog.held.set()
        assert [first.next(), first.next(), second.next()] == [b"one", b"two", b"three"]


def test_no_answer(server: Server, dialog: Echo) -> None:
    """Nothing is sent where there is no answer, and the connection goes on."""
    dialog.answers = lambda content: Answer(None if content == b"quiet" else content)
    with Client(server.port) as client:
        client.send(b"\x0bquiet\x1c\r")
        assert client.ask(b"loud") == b"loud"


@pytest.mark.parametrize("content", [None, b"the last"])
def test_an_answer_that_ends_the_connection(server: Server, dialog: Echo, content: bytes | None) -> None:
    """The connection is closed after the answer, which arrives, also where more was sent meanwhile."""
    dialog.answers = lambda _: Answer(content, closes=True)
    with Client(server.port) as client:
        client.send(b"\x0bone\x1c\r\x0btwo\x1c\r")
        assert client.next() == content
        client.finish()
        client.ends()
    assert [content for _, content in dialog.came] == [b"one"]


def test_an_error_ends_its_connection_only(server: Server, dialog: Echo, caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen error closes the connection without an answer; others go on, and no content is logged."""

    def fail(content: bytes) -> Answer:
        if content == b"Kari":
            raise KeyError(content)
        return Answer(content)

    dialog.answers = fail
    with Client(server.port) as first, Client(server.port) as second:
        assert first.ask(b"Kari") is None
        assert second.ask(b"two") == b"two"
    assert "unforeseen KeyError" in caplog.text
    assert "Kari" not in caplog.text


# --- faults and bounds


@pytest.mark.parametrize("junk", [b"MSH|^~\\&|\r", b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n\r\n", b"\x1c\r"])
def test_junk_ends_the_connection(server: Server, dialog: Echo, junk: bytes) -> None:
    """Bytes outside a frame: closed without an answer, and told to whoever records it."""
    with Client(server.port) as client:
        assert client.ask(b"one") == b"one"
        client.send(junk)
        assert client.next() is None
    assert dialog.faults == [("hospital", "structure", junk)]
    eventually(lambda: server.told.counts() == {"frame-structure": 1})


def test_a_frame_beyond_the_limit_is_answered(server: Server, dialog: Echo) -> None:
    """Its sender reads the answer, though more is under way than is ever read; then the connection is closed."""
    with Client(server.port) as client:
        client.send(b"\x0b" + b"x" * 50_000_000)
        assert client.next() == b"too long"
        client.finish()
        client.ends()
    ((_, code, content),) = dialog.faults
    assert (code, content[:1_000]) == ("too-long", b"x" * 1_000)
    assert len(content) < 200_000


def drip(client: Client, content: bytes, seconds: float = 10.0) -> None:
    """Send the bytes again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.send(content)
        time.sleep(0.02)


def test_an_endless_frame(serve: Callable[[Bounds], Server], dialog: Echo) -> None:
    """A frame has its time, however its bytes come; then the connection is closed."""
    server = serve(replace(BOUNDS, frame_seconds=0.3))
    with Client(server.port) as silent, Client(server.port) as dripping, Client(server.port) as no_end:
        silent.send(b"\x0bMSH|")
        no_end.send(b"\x0bMSH|\x1c")
        dripping.send(b"\x0b")
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            drip(dripping, b"x")
        assert time.monotonic() - began < 5.0
        assert silent.ends() + no_end.ends() < 5.0
    eventually(lambda: server.told.counts().get("slow-frame") == 3)
    assert dialog.came == []


def test_a_connection_without_messages(serve: Callable[[Bounds], Server], caplog: pytest.LogCaptureFixture) -> None:
    """Between two frames a connection has its time, which blanks do not prolong; the close is quiet."""
    server = serve(replace(BOUNDS, idle_seconds=0.4))
    with Client(server.port) as client:
        assert client.ask(b"one") == b"one"
        with pytest.raises(ConnectionError):
            drip(client, b"\r\n")
    assert server.told.counts() == {}
    assert "closed" not in caplog.text


def test_half_a_frame(server: Server, dialog: Echo) -> None:
    """A connection that ends within a frame: nothing is taken in, and it is counted."""
    with Client(server.port) as client:
        client.send(b"\x0bhalf")
        client.finish()
        assert client.next() is None
    eventually(lambda: server.told.counts() == {"half-frame": 1})
    assert dialog.came == []


def test_connections_are_bounded(serve: Callable[[Bounds], Server]) -> None:
    """No more connections than in all, and no more than of one peer; one that ends makes room."""
    for bounds in (replace(BOUNDS, connections=2), replace(BOUNDS, connections_per_peer=2)):
        server = serve(bounds)
        with Client(server.port) as first:
            with Client(server.port) as second:
                assert (first.ask(b"1"), second.ask(b"2")) == (b"1", b"2")
                with Client(server.port) as third:
                    assert third.next() is None
            eventually(partial(_answers, server.port))
            assert first.ask(b"4") == b"4"


def _answers(port: int) -> bool:
    with Client(port) as client:
        try:
            return client.ask(b"3") == b"3"
        except ConnectionError:
            return False


def test_large_frames_wait_for_each_other(serve: Callable[[Bounds], Server], dialog: Echo) -> None:
    """There is room for one large frame: the second is read when the first is done, small ones at any time."""
    server = serve(replace(BOUNDS, max_bytes=1_000_000, bytes_in_flight=1_000_000))
    dialog.held.clear()
    large = b"x" * 900_000
    with Client(server.port) as first, Client(server.port) as second, Client(server.port) as small:
        first.send(b"\x0b" + large + b"\x1c\r")
        eventually(lambda: len(dialog.came) == 1)
        sending = threading.Thread(target=second.send, args=(b"\x0b" + large + b"\x1c\r",))
        sending.start()
        small.send(b"\x0bsmall\x1c\r")
        eventually(lambda: len(dialog.came) == 2)
        time.sleep(0.1)
        assert len(dialog.came) == 2
        dialog.held.set()
        assert [first.next(), second.next(), small.next()] == [large, large, b"small"]
        sending.join()


def test_room_is_not_waited_for_for_ever() -> None:
    """Room that does not become free in time is refused; what is given back can be taken."""
    room = Room(10)
    assert room.take(10, time.monotonic())
    assert not room.take(1, time.monotonic() + 0.05)
    room.give_back(10)
    assert room.take(10, time.monotonic())


# --- the end


def test_stop_answers_what_is_taken_in(server: Server, dialog: Echo) -> None:
    """The message under way is answered, the one behind it is not begun, and idle connections are closed."""
    port = server.port
    dialog.held.clear()
    with Client(server.port) as busy, Client(server.port) as idle, Client(server.port) as half:
        busy.send(b"\x0bone\x1c\r\x0btwo\x1c\r")
        half.send(b"\x0bhalf")
        eventually(lambda: len(dialog.came) == 1)
        stopping = threading.Thread(target=server.stop, args=(10.0,))
        stopping.start()
        assert idle.ends() < 2
        assert half.ends() < 2
        dialog.held.set()
        assert busy.next() == b"one"
        assert busy.next() is None
        stopping.join()
    assert [content for _, content in dialog.came] == [b"one"]
    with pytest.raises(ConnectionError):
        Client(port)


def test_stop_does_not_wait_for_ever(server: Server, dialog: Echo) -> None:
    """A message that takes longer than there is time is left."""
    dialog.held.clear()
    with Client(server.port) as client:
        client.send(b"\x0bone\x1c\r")
        eventually(lambda: len(dialog.came) == 1)
        began = time.monotonic()
        server.stop(0.2)
        assert time.monotonic() - began < 2
        dialog.held.set()


# --- TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority that both sides trust."""
    return Authority(tmp_path)


@pytest.fixture
def secure(dialog: Echo, authority: Authority) -> Iterator[Server]:
    """A server with TLS that knows the certificate of the hospital, and by name the engine."""
    known = {fingerprint(authority.certificate("hospital")["certificate"]): "hospital", "dns:engine.example": "engine"}

    def who(connection: object) -> str | None:
        return next((known[name] for name in names_in(connection) if name in known), None)  # type: ignore[arg-type]

    context = server_context(TlsFiles(**authority.certificate("ke")))
    server = Server(replace(BOUNDS, frame_seconds=0.5), who, context)
    server.start("127.0.0.1", 0, dialog)
    yield server
    server.stop(5.0)


def options(authority: Authority, name: str) -> TlsFiles:
    """The files of somebody whom the authority knows."""
    return TlsFiles(
        f"{Path(authority.trusted).parent}/{name}.pem",
        f"{Path(authority.trusted).parent}/{name}.key",
        None,
        authority.trusted,
    )


def test_the_peer_is_whom_the_certificate_names(secure: Server, dialog: Echo, authority: Authority) -> None:
    """By the certificate itself, or by a name in it."""
    authority.certificate("engine")
    for name in ("hospital", "engine"):
        with Client(secure.port, client_context(options(authority, name))) as client:
            assert client.ask(b"one") == b"one"
            assert client.ask(b"x" * 1_000) == b"x" * 1_000
    assert [peer for peer, _ in dialog.came] == ["hospital", "hospital", "engine", "engine"]


@pytest.mark.parametrize("who", ["nobody", "stranger", "without"])
def test_a_certificate_that_is_nobodys(
    secure: Server, dialog: Echo, authority: Authority, tmp_path: Path, who: str
) -> None:
    """One that no peer has, one of another authority, and none at all: closed, nothing is taken in."""
    (tmp_path / "other").mkdir()
    authority.certificate("nobody")
    stranger = Authority(tmp_path / "other", "other").certificate("stranger")
    files = {
        "nobody": options(authority, "nobody"),
        "stranger": TlsFiles(stranger["certificate"], stranger["key"], None, authority.trusted),
        "without": TlsFiles(trusted=authority.trusted),
    }
    try:
        with Client(secure.port, client_context(files[who])) as client:
            assert client.ask(b"one") is None
    except OSError:
        pass  # closed before, during or after the handshake: by the version of TLS
    eventually(lambda: sum(secure.told.counts().values()) == 1)
    assert dialog.came == []


def test_a_plain_connection_to_a_tls_port(secure: Server, dialog: Echo) -> None:
    """A frame without TLS, and a connection that says nothing: closed in time, and others are served meanwhile."""
    with Client(secure.port) as plain, Client(secure.port) as silent:
        plain.send(b"\x0bMSH|^~\\&|\x1c\r")
        plain.ends()
        assert silent.ends() < 2
    assert dialog.came == []
    eventually(lambda: secure.told.counts() == {"tls": 2})


def test_strangers_have_half_of_the_room(secure: Server, dialog: Echo, authority: Authority) -> None:
    """Connections that never say who they are take half of the room at most, and only while TLS may begin."""
    secure.bounds = replace(BOUNDS, frame_seconds=1.0, connections=4)
    context = client_context(options(authority, "hospital"))
    with Client(secure.port, context) as known, ExitStack() as stack:
        assert known.ask(b"one") == b"one"
        strangers = [stack.enter_context(Client(secure.port)) for _ in range(3)]
        strangers[2].ends()
        assert known.ask(b"two") == b"two"
        strangers[0].ends()
        strangers[1].ends()
        with Client(secure.port, context) as again:
            assert again.ask(b"three") == b"three"
    eventually(lambda: secure.told.counts().get("connections") == 1)


def test_tls_to_a_plain_port(server: Server, dialog: Echo, authority: Authority) -> None:
    """A handshake is no frame: closed, and told."""
    authority.certificate("hospital")
    with pytest.raises(OSError, match=r".*"):
        Client(server.port, client_context(options(authority, "hospital")))
    eventually(lambda: len(dialog.faults) == 1)
    assert dialog.came == []

"""`hl7 send` and `hl7 listen`: a line is tried, and nobody takes what was tried for stored."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ip_fhir.demo.place import free_ports
from ip_fhir.domain.message import Message
from ip_fhir.exchange.formats import Formats
from ip_fhir.mapping import default
from ip_fhir.store import standing
from ip_fhir.wire.acknowledgement import read_header
from tests.adapters.mllp_peer import MllpPeer, ack, frame, message, mllp_peer
from tests.cli.conftest import Ran, Run, Sides
from tests.support.served import eventually
from tests.support.two_sides import notice
from tests.wire.clients import Client

SETTINGS = """
role = "municipality"
database = "sqlite:///store.sqlite"
[organization]
id = "ke"
name = "Koordinerende enhet"
kind = "coordinating-unit"
her_id = "8094866"
[[peers]]
name = "hospital"
adapter = "mllp"
url = "{url}"
timeout = 2.0
organization = {{ id = "trust", name = "Sykehuset", kind = "hospital", organization_number = "983971636" }}
[[listeners]]
use = "mllp"
port = {port}
peer = "hospital"
"""


@pytest.fixture
def peer() -> Iterator[MllpPeer]:
    """A hospital that takes MLLP."""
    with mllp_peer() as made:
        yield made


@pytest.fixture
def port() -> int:
    """The port where we listen."""
    return free_ports(1)[0]


@pytest.fixture
def config(tmp_path: Path, peer: MllpPeer, port: int) -> Path:
    """Settings with the hospital as peer, both ways."""
    file = tmp_path / "side.toml"
    file.write_text(SETTINGS.format(url=peer.url, port=port), encoding="utf-8")
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A message as an editor wrote it."""
    path = tmp_path / "notice.hl7"
    path.write_bytes(message("M1", more=b"PID|||1||Nordmann^Kari\r").replace(b"\r", b"\n"))
    return path


@pytest.fixture(scope="module")
def notice_v2() -> bytes:
    """An example notice as HL7 v2."""
    return Formats().writer("hl7v2").write(Message.of_notice(notice("01"), "m-1"), default())


# --- send


def test_send(run: Run, config: Path, peer: MllpPeer, file: Path) -> None:
    """The receipt is shown, the message went out with CR, and no store was made."""
    ran = run("hl7", "send", file, "--peer", "hospital", "--config", config)
    assert ran.code == 0
    assert ran.text.startswith("M1: ok, ")
    assert peer.received == [message("M1", more=b"PID|||1||Nordmann^Kari\r")]
    assert standing(f"sqlite:///{config.parent}/store.sqlite").version is None


def test_send_as_json(run: Run, config: Path, peer: MllpPeer, file: Path) -> None:
    """For a machine; a refusal has its reason, and exit code 4."""
    peer.answer = lambda _: [frame(ack("M1", "CR", "103"))]
    ran = run("hl7", "send", file, "--peer", "hospital", "--config", config, "--json")
    assert ran.code == 4
    assert (ran.data["message"], ran.data["receipt"]) == ("M1", "fatal-error")
    assert "a code is not in its table (103)" in ran.data["problems"][0]
    assert "fatal-error" in ran.err
    assert "Kari" not in ran.err


def test_send_to_nobody(run: Run, config: Path, peer: MllpPeer, file: Path) -> None:
    """A peer that settings do not name: exit code 2; one that does not answer: 4."""
    assert run("hl7", "send", file, "--peer", "nobody", "--config", config).code == 2
    peer.answer = lambda _: []
    ran = run("hl7", "send", file, "--peer", "hospital", "--config", config)
    assert ran.code == 4
    assert "no answer in time" in ran.err


def test_send_what_is_no_message(run: Run, config: Path, tmp_path: Path) -> None:
    """A file without MSH: its name, and what is wrong."""
    (tmp_path / "plan.json").write_text("{}", encoding="utf-8")
    ran = run("hl7", "send", tmp_path / "plan.json", "--peer", "hospital", "--config", config)
    assert ran.code == 2
    assert "plan.json: MSH: cannot be read" in ran.err


# --- listen


class Listening:
    """The command in a thread of its own, until so many messages have come."""

    def __init__(self, run: Run, *arguments: str | Path) -> None:
        self._ran: list[Ran] = []
        self._thread = threading.Thread(target=lambda: self._ran.append(run("hl7", "listen", *arguments)), daemon=True)
        self._thread.start()

    def ended(self) -> Ran:
        """The outcome of the command."""
        self._thread.join(20)
        return self._ran[0]


def connected(port: int) -> Client:
    """A connection, as soon as somebody listens."""
    found: list[Client] = []

    def listens() -> bool:
        try:
            found.append(Client(port))
        except ConnectionError:
            return False
        return True

    eventually(listens)
    return found[0]


def test_listen(run: Run, config: Path, port: int, notice_v2: bytes) -> None:
    """A message that can be read, one that cannot, and an acknowledgement: a line each, and no AA."""
    listening = Listening(run, "--config", config, "--messages", "3")
    with connected(port) as client:
        codes = [header.code for one in (notice_v2, message("M2")) if (header := read_header(client.ask(one) or b""))]
        client.send(frame(ack("M1")))
        ran = listening.ended()
    assert codes == ["CR", "CE"]
    first, *lines = ran.text.splitlines()
    assert "listening" in first
    assert ["read, and not kept" in lines[0], "refused" in lines[1], "acknowledgement" in lines[2]] == [True] * 3
    assert "Nordmann" not in ran.text


def test_listen_and_keep(run: Run, config: Path, port: int, tmp_path: Path, notice_v2: bytes) -> None:
    """A message that is kept is acknowledged as stored; its file is its owner's alone."""
    listening = Listening(run, "--config", config, "--messages", "1", "--keep", tmp_path / "kept")
    with connected(port) as client:
        header = read_header(client.ask(notice_v2) or b"")
        listening.ended()
    assert header is not None
    assert header.code == "CA"
    (kept,) = (tmp_path / "kept").iterdir()
    assert kept.read_bytes() == notice_v2
    assert kept.stat().st_mode & 0o077 == 0


def test_listen_by_the_settings_of_the_peer(run: Run, config: Path, port: int, notice_v2: bytes) -> None:
    """A message without MSH-18 is read in the peer's character set, and an error means what its settings say."""
    text = config.read_text(encoding="utf-8")
    line = '[peers.hl7v2]\ncharset = "8859/1"\napplication_error = "reject"\n[[listeners]]'
    config.write_text(text.replace("[[listeners]]", line), encoding="utf-8")
    listening = Listening(run, "--config", config, "--messages", "2")
    with connected(port) as client:
        client.ask(notice_v2.replace(b"UNICODE UTF-8", b"").decode().encode("latin-1"))
        client.send(frame(ack("M1", "AE")))
        ran = listening.ended()
    _, *lines = ran.text.splitlines()
    assert "notice" in lines[0]
    assert "read, and not kept" in lines[0]
    assert "fatal-error" in lines[1]


def test_listen_without_a_listener(run: Run, sides: Sides) -> None:
    """Settings that name none: exit code 2."""
    ran = run("hl7", "listen", "--config", sides.hospital)
    assert ran.code == 2
    assert "none of the settings uses mllp" in ran.err

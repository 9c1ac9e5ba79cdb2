"""The whole loop with a municipality on HAPI HL7v2 that answers by its own code, in both modes, and killed.

The application (`v2peers/.../HapiTown.java`) knows nothing of us but what stands in the referral. The bytes that HAPI
wrote are kept in `kept/`: tests that need no Java read them.
"""

from __future__ import annotations

import random
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.demo.place import free_ports
from ip_fhir.domain.referral import EventKind
from ip_fhir.exchange import Exchange
from ip_fhir.settings import read_settings
from ip_fhir.wire.acknowledgement import read_header
from ip_fhir.wire.listener import MllpListener
from ip_fhir_mllp import adapter as mllp
from tests.conformance import tools
from tests.conformance.engines import HAPI, Engine, Running, command, named, peers_jar, sending
from tests.conformance.interop import KEPT, Row, observe, observe_bytes
from tests.exchange.test_mllp_loops import Line, asking
from tests.support.people import numbered_notice
from tests.support.processes import ROLES, Town, Zygote
from tests.support.processes import Running as Process
from tests.support.served import eventually
from tests.support.two_sides import make_loop, notice

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

Answer: TypeAlias = Literal["appoint", "reject"]
Mode: TypeAlias = Literal["original", "enhanced"]
ASKED: dict[Mode, tuple[bytes, bytes]] = {"original": (b"", b""), "enhanced": (b"AL", b"NE")}


class Application(Running):
    """The municipality's application: `sent` has the bytes of its answers."""

    def __init__(self, command: list[str], port: int) -> None:
        self.sent: list[bytes] = []
        super().__init__(command, port)

    def heard(self, word: str, rest: str) -> None:
        """A line that it wrote."""
        if word == "SENT":
            self.sent.append(b64decode(rest))
        else:
            super().heard(word, rest)


@contextmanager
def application(place: Path, ports: tuple[int, int], answer: Answer, mode: Mode) -> Iterator[Application]:
    """The application at the first port; it answers to the second, until the block ends."""
    arguments = [*map(str, ports), str(place), answer, mode]
    made = Application(tools.java(peers_jar(), "org.ipfhir.conformance.HapiTown", *arguments), ports[0])
    try:
        made.wait()
        yield made
    finally:
        made.end()


@pytest.mark.parametrize("mode", ["original", "enhanced"])
@pytest.mark.parametrize("answer", ["appoint", "reject"])
def test_a_loop_with_a_municipality_on_hapi(tmp_path: Path, answer: Answer, mode: Mode) -> None:
    """The referral is acknowledged, and answered on a connection of HAPI's own; the loop ends as it was answered."""
    hospital = make_loop(tmp_path).hospital
    ports = free_ports(2)
    line = hospital.wire
    line.__class__ = Line
    assert isinstance(line, Line)
    line.adapter, line.port, line.asks = mllp(), ports[0], ASKED[mode]
    listener = MllpListener({"peer": "municipality", "port": ports[1]})
    listener.start(hospital.exchange)
    try:
        with application(tmp_path / "hapi", (ports[0], ports[1]), answer, mode) as town:
            hospital.exchange.send_notice(notice("03").evolve(wished_coordinator=None))
            hospital.exchange.run_due()
            wanted = "confirmed" if answer == "appoint" else "rejected"
            eventually(lambda: state(hospital.exchange, "referral-03") == wanted, seconds=60)
            hospital.exchange.run_due()
    finally:
        listener.stop()
        line.adapter.close()
    assert hospital.exchange.store.refusals() == []
    assert [row.status for row in hospital.exchange.store.outbox()].count("sent") >= 1
    names = ("accepted", "appointed") if answer == "appoint" else ("rejected",)
    for name, content in zip(names, dict.fromkeys(town.sent), strict=True):
        observe_bytes(f"hapi-{name}.er7", asking(content, b"", b""))
    observe(Row("HAPI HL7v2", "whole loop", f"{mode}, {answer}", wanted, HAPI))


def state(exchange: Exchange, correlation_id: str) -> str:
    """Where a referral stands."""
    stored = exchange.store.referral(correlation_id)
    return str(stored.referral.state) if stored else "none"


LOOPS = 6


@contextmanager
def hospital_at_work(place: Path, zygote: Zygote) -> Iterator[tuple[Town, Exchange]]:
    """Our process, which sends to the municipality's port, and the exchange of its staff; time passes meanwhile."""
    town = Town(place, {role: f"sqlite:///{place / role}.sqlite" for role in ROLES}, zygote, loops=0, mllp=ROLES)
    ours = town.servers["hospital"]
    ours.start()
    staff = open_exchange(read_settings(town.configs["hospital"]))
    try:
        with town.time_passing():
            yield town, staff
    finally:
        staff.close()
        ours.kill_if_running()


def send_while_killed(staff: Exchange, kills: list[Callable[[], None]], sent: Callable[[int], None]) -> None:
    """Send notices, each told to `sent`, and let each be followed by the next of the kills."""
    chance = random.Random(20260112)
    for number in range(LOOPS):
        staff.send_notice(numbered_notice(number).evolve(wished_coordinator=None))
        sent(number)
        time.sleep(chance.uniform(0.0, 1.5))
        kills[number % len(kills)]()


def killing(ours: Process) -> Callable[[], None]:
    """`kill -9` of our process, which is started again."""

    def kill() -> None:
        ours.kill()
        ours.start()

    return kill


def check_ended(staff: Exchange) -> None:
    """Each loop ends, by one answer; nothing waits, and the chain of evidence is whole."""
    idents = [f"loop-{number}" for number in range(LOOPS)]
    eventually(lambda: {state(staff, ident) for ident in idents} == {"confirmed"}, seconds=120)
    eventually(lambda: staff.store.outbox("waiting") == [], seconds=60)
    for ident in idents:
        kinds = [link.record.event.kind for link in staff.store.evidence(ident)]
        assert kinds.count(EventKind.ANSWER) == 1
        assert kinds.count(EventKind.ACCEPT) <= 1
    assert staff.store.verify() == ()


@pytest.mark.promise(1, 2, 3)
@pytest.mark.parametrize("mode", ["original", "enhanced"])
def test_hapi_and_we_are_killed(zygote: Zygote, tmp_path: Path, mode: Mode) -> None:
    """`kill -9` of HAPI's application and of our process, by turns: each answer has one effect, and nothing is lost."""
    with hospital_at_work(tmp_path, zygote) as (town, staff):
        ports = (town.mllp_ports["municipality"], town.mllp_ports["hospital"])
        with application(tmp_path / "hapi", ports, "appoint", mode) as theirs:
            send_while_killed(staff, [killing(town.servers["hospital"]), theirs.kill], lambda _: None)
            check_ended(staff)
    assert sorted(theirs.took) == sorted(set(theirs.took))
    assert len(theirs.took) == LOOPS
    observe(Row("HAPI HL7v2", "whole loop, both killed", mode, "each answer once, nothing lost", HAPI))


@pytest.mark.promise(1, 2, 3)
@pytest.mark.parametrize("engine", ["camel", "hl7"])
def test_camel_or_python_hl7_and_we_are_killed(zygote: Zygote, tmp_path: Path, engine: Engine) -> None:
    """The same with an engine that takes our messages, and one that brings the answers that HAPI wrote."""
    folder = tmp_path / "answers"
    folder.mkdir()

    def answer(number: int) -> None:
        content = (KEPT / "hapi-appointed.er7").read_bytes().replace(b"referral-03", f"loop-{number}".encode())
        fields = content.split(b"|", 10)
        part = folder / f"{number}.part"
        part.write_bytes(b"|".join([*fields[:9], f"A{number}".encode(), fields[10]]))
        part.rename(folder / f"{number}.er7")

    with hospital_at_work(tmp_path, zygote) as (town, staff), ExitStack() as stack:
        to, by = town.mllp_ports["municipality"], town.mllp_ports["hospital"]
        taking, bringing = Running(command(engine, str(to)), to), Running(sending(engine, by, folder))
        stack.callback(taking.end)
        stack.callback(bringing.end)
        taking.wait()
        kills = [taking.kill, killing(town.servers["hospital"]), bringing.kill]
        send_while_killed(staff, kills, answer)
        check_ended(staff)
        eventually(lambda: not list(folder.glob("*.er7")), seconds=60)
        headers = [read_header(row.content) for row in staff.store.outbox("sent") if row.content]
        sent = {header.id for header in headers if header}
        eventually(lambda: set(taking.took) == sent)
    name, version = named(engine)
    observe(
        Row(
            name,
            "both directions, both killed",
            "enhanced there, original back",
            "each answer once, nothing lost",
            version,
        )
    )

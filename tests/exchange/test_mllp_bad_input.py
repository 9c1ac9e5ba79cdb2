"""Bad messages over MLLP, to a real listener and store: what each is answered, and that nothing of a person is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ip_fhir.domain.notice import Notice
from ip_fhir.domain.values.value import read as read_value
from tests.exchange.test_mllp_loops import connected, line
from tests.support.canaries import CANARY, with_canaries
from tests.support.two_sides import Loop, make_loop, notice
from tests.wire.clients import Client

PERSON = notice("05")


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Two sides that speak HL7 v2, of which the hospital has sent a notice with a canary in every field of words."""
    with connected(make_loop(tmp_path_factory.mktemp("stores"))) as made:
        owner = with_canaries(PERSON.owner).evolve(address=PERSON.owner.address)
        sent = read_value(Notice, PERSON.evolve(owner=owner, reason=f"{CANARY}:Notice.reason::").to_json().encode())
        made.hospital.exchange.send_notice(sent)
        made.settle()
        yield made


def field(segment: str, number: int, text: str) -> Callable[[bytes], bytes]:
    """The message with another text in a field of the first segment of that name."""

    def damaged(content: bytes) -> bytes:
        segments = content.split(b"\r")
        at = next(n for n, one in enumerate(segments) if one.startswith(segment.encode()))
        fields = segments[at].split(b"|")
        fields[number - (segment == "MSH")] = text.encode()
        segments[at] = b"|".join(fields)
        return b"\r".join(segments)

    return damaged


def twice(segment: str) -> Callable[[bytes], bytes]:
    """The message with the first segment of that name twice."""

    def damaged(content: bytes) -> bytes:
        segments = content.split(b"\r")
        at = next(n for n, one in enumerate(segments) if one.startswith(segment.encode()))
        return b"\r".join([*segments[: at + 1], segments[at], *segments[at + 1 :]])

    return damaged


def without(segment: str) -> Callable[[bytes], bytes]:
    """The message without the segments of that name."""
    return lambda content: b"\r".join(one for one in content.split(b"\r") if not one.startswith(segment.encode()))


ACK = b"MSH|^~\\&|KE|90000202|EPJ|90000101|20260112||ACK^I12^ACK|K1|P|2.5.1|||AL|AL\rMSA|%s|%s\rERR|||207|E|||%s\r"

ANOTHER = "90000999^2.16.578.1.12.4.1.2.90000999^ISO"

BAD: dict[str, tuple[Callable[[bytes], bytes], str | None]] = {
    "a character set that nobody knows": (field("MSH", 18, "GB18030"), "CR 207"),
    "bytes of another character set": (lambda content: content.replace(CANARY.encode(), b"\xf8\xe5"), "CR 207"),
    "two character sets": (field("MSH", 18, "UNICODE UTF-8~8859/1"), "CR 207"),
    "an event that is none of ours": (field("MSH", 9, "REF^A01"), "CR 201"),
    "another type of message": (field("MSH", 9, "ADT^A01^ADT_A01"), "CR 200"),
    "a version that there is not": (field("MSH", 12, "9.9"), "CR 203"),
    "a message for training": (field("MSH", 11, "T"), "CR 202"),
    "a second PID": (twice("PID"), "CR 207"),
    "RF1 twice": (twice("RF1"), "CR 207"),
    "no PID": (without("PID"), "CE 101"),
    "no RF1": (without("RF1"), "CE 101"),
    "a day of birth that does not exist": (field("PID", 7, "20260231"), "CE 102"),
    "a number of a person that is none": (field("PID", 3, "12345678901^^^X^NNNOR"), "CE 102"),
    "a sender that MSH and PRD name differently": (field("MSH", 4, ANOTHER), "CR 207"),
    "a sender that MSH names by a number alone": (field("MSH", 4, "90000999"), "CR 207"),
    "a recipient that MSH and PRD name differently": (field("MSH", 6, ANOTHER), "CR 207"),
    "somebody else's": (lambda content: content.replace(b"90000202", b"90000999"), "CR 207"),
    "the acknowledgement of another message": (lambda _: ACK % (b"AA", b"nobody", CANARY.encode()), None),
    "the acknowledgement of an acknowledgement": (lambda _: ACK % (b"AE", b"K1", CANARY.encode()), None),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(loop: Loop, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Answered by its code, or not at all; nothing is taken in; no answer, log or refusal names the person."""
    caplog.set_level(logging.DEBUG)
    damage, answer = BAD[name]
    store = loop.municipality.exchange.store
    before = len(store.evidence())
    ident = f"BAD-{list(BAD).index(name)}"
    fresh = field("OBX", 5, ident)(field("MSH", 10, ident)(line(loop.hospital).sent[0]))
    with Client(line(loop.hospital).port) as client:
        client.send(b"\x0b" + damage(fresh) + b"\x1c\r")
        said = client.next() if answer is not None else client.hears(0.2)
    assert said is not None
    segments = [segment.split("|") for segment in said.decode().split("\r")]
    found = [fields[1] for fields in segments if fields[0] == "MSA"]
    found += [fields[3].partition("^")[0] for fields in segments if fields[0] == "ERR"][:1]
    assert " ".join(found) == (answer or "")
    assert len(store.evidence()) == before
    told = [said.decode(), caplog.text, *(refusal.reason for refusal in store.refusals(1_000))]
    for word in (CANARY, str(PERSON.owner.identifier)):
        assert not [one for one in told if word in one]


@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n"])
def test_a_name_cannot_make_a_segment(tmp_path: Path, line_end: str) -> None:
    """A name with a line break and a segment after it stays a name (segment injection)."""
    name = PERSON.owner.name.evolve(family=f"Nordmann{line_end}PID|||1^^^X^NNNOR||Annen{line_end}OBX|1|ST|x")
    with connected(make_loop(tmp_path)) as loop:
        loop.hospital.exchange.send_notice(PERSON.evolve(owner=PERSON.owner.evolve(name=name)))
        loop.settle()
        (content,) = line(loop.hospital).sent
        assert b"\n" not in content
        assert sum(segment.startswith(b"PID") for segment in content.split(b"\r")) == 1
        stored = loop.municipality.exchange.store.referral(PERSON.correlation_id)
        assert stored is not None
        assert stored.referral.notice.owner.name == name


def test_every_case_of_the_wire_has_its_test(shared_data: Path) -> None:
    """Others' bugs on the wire (`wires/cases.json`) go by the same names in tests/adapters/test_mllp.py."""
    cases = json.loads((shared_data / "wires/cases.json").read_text(encoding="utf-8"))
    tests = Path(__file__).parents[1].joinpath("adapters/test_mllp.py").read_text(encoding="utf-8")
    named = [case["id"].replace("-", "_") for case in cases if case["kind"].startswith("mllp-")]
    assert named
    assert [name for name in named if f"def test_{name}(" not in tests] == []

"""What a notice brings that no table reads: it is kept, and whoever looks at the loop is told its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ip_fhir.domain.referral import EventKind
from ip_fhir.errors import Problem
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from tests.support.two_sides import TOKENS, Loop, make_loop, unsent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "Kanarifugl"


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Both sides, nothing sent."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def received(loop: Loop, **more: dict[str, Any]) -> tuple[Problem, ...]:
    """The warnings of the municipality after a notice whose resources of a type have more in them."""
    bundle = read_json(unsent(loop, "03"))
    for entry in bundle["entry"]:
        entry["resource"] |= more.get(entry["resource"]["resourceType"], {})
    peer = loop.municipality.exchange.peer_by_token(TOKENS["hospital"])
    assert peer is not None
    reply = loop.municipality.exchange.receive(write_json(bundle), peer)
    assert receipt_from_fhir(read_json(reply)).code == "ok"
    return loop.municipality.exchange.not_read("referral-03")


def test_a_notice_of_ours_is_read_whole(loop: Loop) -> None:
    """Nothing is told, on either side."""
    assert received(loop) == ()
    assert loop.hospital.exchange.not_read("referral-03") == ()


def test_each_place_is_told(loop: Loop) -> None:
    """In the request and in what it contains, by FHIRPath; never what stands there."""
    more = {"patientInstruction": CANARY, "specimen": [{"display": CANARY}]}
    person = {"maritalStatus": {"text": CANARY}}
    told = received(loop, ServiceRequest=more, Patient=person)
    where = {problem.path: problem.severity for problem in told}
    (of_person,) = (path for path in where if path.endswith(".maritalStatus"))
    assert of_person.startswith("ServiceRequest.contained[")
    assert where == dict.fromkeys(
        ["ServiceRequest.patientInstruction", "ServiceRequest.specimen", of_person], "warning"
    )
    assert CANARY not in str(told)


def test_it_stays_told(loop: Loop) -> None:
    """Also when the loop has moved on, as what was not read is kept in every version."""
    told = received(loop, ServiceRequest={"patientInstruction": CANARY})
    loop.municipality.exchange.act("referral-03", EventKind.ACCEPT)
    assert loop.municipality.exchange.not_read("referral-03") == told


def test_an_unknown_loop(loop: Loop) -> None:
    """Nothing is told of a loop that is not there."""
    assert loop.municipality.exchange.not_read("nobody") == ()

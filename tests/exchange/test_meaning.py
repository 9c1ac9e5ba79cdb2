"""Messages whose elements say that the rest does not hold (field cases 02 and "also seen"): a no, and no loop moves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.ports import Receipt
from tests.support.two_sides import TOKENS, Loop, Side, form, make_loop, notice, unsent

NOTICE = [
    *({"status": status} for status in ("revoked", "entered-in-error", "draft", "completed", "on-hold", "unknown")),
    *({"intent": intent} for intent in ("proposal", "option", "plan", "directive")),
    {"doNotPerform": True},
    {"doNotPerform": "true"},
    {"status": None},
    {"intent": None},
]
FORM = [{"status": status} for status in ("in-progress", "entered-in-error", "stopped", None)]


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Both sides, with nothing between them yet."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def with_changed(content: bytes, type_: str, change: dict[str, Any]) -> bytes:
    """The message with members of its resource of a type changed; None takes one out."""
    bundle = read_json(content)
    (resource,) = (e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == type_)
    resource |= change
    for name in [name for name, value in change.items() if value is None]:
        del resource[name]
    return write_json(bundle)


def receipt(side: Side, content: bytes, sender: str) -> Receipt:
    """What a side answers to bytes from the other."""
    peer = side.exchange.peer_by_token(TOKENS[sender])
    assert peer is not None
    return receipt_from_fhir(read_json(side.exchange.receive(content, peer)))


def places(answer: Receipt) -> list[str]:
    """The last name of each place that the receipt tells."""
    return [problem.path.rpartition(".")[2] for problem in answer.problems]


@pytest.mark.parametrize("change", NOTICE, ids=json.dumps)
def test_a_notice_that_asks_for_nothing_opens_no_loop(loop: Loop, change: dict[str, Any]) -> None:
    """Field case 02: a referral that is revoked, a draft, only proposed or a thing not to do is answered with a no."""
    answer = receipt(loop.municipality, with_changed(unsent(loop, "03"), "ServiceRequest", change), "hospital")
    assert (answer.code, places(answer)) == ("fatal-error", [*change])
    assert loop.state(loop.municipality, "referral-03") == "none"


def test_every_change_of_the_recipe_is_tried(shared_data: Path) -> None:
    """The list above has each change that the field case names."""
    recipe = json.loads((shared_data / "field" / "02-notice-status.json").read_bytes())
    assert [change["ServiceRequest"] for change in recipe["change"] if change["ServiceRequest"] not in NOTICE] == []


@pytest.mark.parametrize("change", FORM, ids=json.dumps)
def test_a_form_that_is_not_filled_in_confirms_nothing(loop: Loop, change: dict[str, Any]) -> None:
    """Field cases, also seen: a green form in progress, stopped or entered in error does not confirm the loop."""
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    before = loop.states("referral-03")
    wire = loop.municipality.wire
    wire.break_with = TimeoutError()
    loop.municipality.exchange.answer(form("03-stroke-patient-1"))
    loop.municipality.exchange.run_due()
    answer = receipt(loop.hospital, with_changed(wire.sent[-1], "QuestionnaireResponse", change), "municipality")
    assert (answer.code, places(answer)) == ("fatal-error", ["status"])
    assert loop.state(loop.hospital, "referral-03") == before[0]


def test_a_form_that_is_amended_is_a_form(loop: Loop) -> None:
    """`amended` is filled in, and corrected since."""
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    wire = loop.municipality.wire
    wire.break_with = TimeoutError()
    loop.municipality.exchange.answer(form("03-stroke-patient-1"))
    loop.municipality.exchange.run_due()
    amended = with_changed(wire.sent[-1], "QuestionnaireResponse", {"status": "amended"})
    assert receipt(loop.hospital, amended, "municipality").code == "ok"

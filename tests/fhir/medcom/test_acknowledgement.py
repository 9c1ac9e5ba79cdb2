"""Acknowledgements: built of whatever can be read of a message, and read from whatever a peer sends."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from ip_fhir.domain.message import MessageKind
from ip_fhir.errors import InvalidInput, IssueCode, Problem
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.fhir.medcom.acknowledgement import acknowledgement, is_acknowledgement, receipt_in, renewed
from ip_fhir.fhir.medcom.chain import gaps, links_in, named
from ip_fhir.fhir.medcom.codes import SAFE_CODES
from ip_fhir.mapping import message_to_fhir
from ip_fhir.ports import Receipt, ReceiptCode
from ip_fhir.testing.message_samples import message

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
URL = "https://m.example/fhir/"


def _made(code: ReceiptCode = "ok", *problems: Problem, request: dict[str, Any] | None = None) -> dict[str, Any]:
    asked = message_to_fhir(message(MessageKind.NOTICE)) if request is None else request
    return acknowledgement(Receipt("message-1", code, problems), asked, NOON, URL)


@pytest.mark.parametrize("code", get_args(ReceiptCode))
@pytest.mark.parametrize("issue", get_args(IssueCode))
def test_what_is_said_is_read_back(code: ReceiptCode, issue: IssueCode) -> None:
    """The code and, of a no, its problems with their places come through; the words do not."""
    problem = Problem("Bundle.entry[1].resource", "Kari Nordmann", issue)
    receipt = receipt_in(_made(code, *([] if code == "ok" else [problem])))
    assert (receipt.message_id, receipt.code) == ("message-1", code)
    if code != "ok" and issue != "informational":
        assert [one.path for one in receipt.problems] == [problem.path]
        assert "Nordmann" not in str(receipt.problems)


def test_it_says_the_same_to_the_byte() -> None:
    """The same answer at the same time is the same; another code or time makes another one."""
    assert _made() == _made()
    assert _made()["id"] != _made("fatal-error")["id"]
    later = acknowledgement(
        Receipt("message-1", "ok"), message_to_fhir(message(MessageKind.NOTICE)), NOON + timedelta(1), URL
    )
    assert later["id"] != _made()["id"]


def test_parties_that_are_contained() -> None:
    """They become entries, each under a name that nothing else in the Bundle has."""
    made = _made()
    urls = [entry["fullUrl"] for entry in made["entry"]]
    assert len(urls) == len(set(urls))
    header = made["entry"][0]["resource"]
    assert {header["sender"]["reference"], header["destination"][0]["receiver"]["reference"]} <= set(urls)


@pytest.mark.parametrize(
    "change",
    [
        {"source": None},
        {"source": {"endpoint": 7}},
        {"destination": []},
        {"destination": [{"receiver": {"reference": "#nobody"}}]},
        {"destination": "x"},
        {"sender": {"reference": 7}},
        {"contained": 7},
    ],
)
def test_a_message_with_a_broken_header(change: dict[str, Any]) -> None:
    """Its acknowledgement has what could be read, and is read back."""
    request = message_to_fhir(message(MessageKind.NOTICE))
    request["entry"][0]["resource"] |= change
    assert receipt_in(_made("fatal-error", Problem("", "x"), request=request)).code == "fatal-error"


def test_it_is_renewed_in_a_new_envelope() -> None:
    """Id and time of the Bundle are new, each time others; its content stays."""
    first, again, third = _made(), renewed(_made(), NOON + timedelta(1)), renewed(_made(), NOON + timedelta(2))
    assert len({one["id"] for one in (first, again, third)}) == 3
    assert len({one["timestamp"] for one in (first, again, third)}) == 3
    assert first["entry"] == again["entry"] == third["entry"]


@pytest.mark.parametrize(
    ("change", "is_one"),
    [
        ({}, False),
        ({"response": {"identifier": "m", "code": "ok"}}, True),
        ({"eventCoding": {"code": "acknowledgement-message"}}, True),
        ({"eventCoding": 7}, False),
    ],
)
def test_what_is_an_acknowledgement(change: dict[str, Any], *, is_one: bool) -> None:
    """A header with a response, or with the event of an acknowledgement; one without response cannot be read."""
    bundle = message_to_fhir(message(MessageKind.REMINDER))
    bundle["entry"][0]["resource"] |= change
    assert is_acknowledgement(bundle) is is_one
    if "response" not in change:
        with pytest.raises(InvalidInput):
            receipt_in(bundle)


def test_codes_that_nobody_knows_are_left_out() -> None:
    """Only codes of MedCom's value set go into the words, and all of ours are in it."""
    made = deepcopy(_made("fatal-error", Problem("", "x", "structure"), Problem("", "y", "duplicate")))
    outcome = made["entry"][-1]["resource"]
    outcome["issue"][0]["details"]["coding"][0]["code"] = "Kari Nordmann"
    words = [problem.reason for problem in receipt_in(made).problems]
    assert "Nordmann" not in words[0]
    assert words[1].endswith("(MSG_DUPLICATE_ID)")
    outcome["issue"][1]["details"] = {"coding": [7, {"code": 7}]}
    assert len(receipt_in(made).problems) == 2
    assert "MSG_DUPLICATE_ID" in SAFE_CODES


@pytest.mark.parametrize(
    ("reference", "ident"),
    [
        ("MessageHeader/a", "a"),
        ("https://x.example/fhir/MessageHeader/a/_history/2", "a"),
        ("MessageHeader/", None),
        ("Patient/a", None),
        ("a", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_references_to_messages(reference: Any, ident: str | None) -> None:
    """Relative, absolute and with a version; anything else names no message."""
    assert named(reference) == ident


def test_an_acknowledgement_has_a_whole_chain() -> None:
    """Its own link points to the message, which has one where it had one."""
    links = links_in([entry for entry in entries_of(_made()) if entry.type == "Provenance"])
    assert len(links) == 1
    assert [problem.code for problem in gaps(links)] == ["invariant"]

"""Carriers: what is put in is taken out, a stranger's Task is none, and a status is read as the receipt it is."""

from typing import Any

import pytest

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.rest.carrier import (
    carrier,
    carrier_in,
    content_digest,
    identifiers,
    is_carrier,
    message_id,
    message_in,
    receipt_of,
    same_message,
    settled,
)
from ip_fhir.ports import JsonObject, Receipt

NAME = {"system": "urn:s", "value": "m-1"}
TASK = carrier("Åse".encode(), NAME, {"code": {"text": "x"}})


def changed(place: str, value: Any) -> JsonObject:
    """The carrier with another value of its input."""
    given = {**TASK["input"][0], place: value}
    return {**TASK, "input": [given]}


def test_in_and_out() -> None:
    """The bytes and the id come back; also from a Bundle that holds the Task among others."""
    assert (message_in(TASK), message_id(TASK), list(identifiers(TASK))) == ("Åse".encode(), "m-1", ["urn:s|m-1"])
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}, {"resource": TASK}]}
    assert carrier_in(bundle) == TASK
    assert is_carrier(TASK)


@pytest.mark.parametrize("entry", [None, {}, [], [1], [{}], [{"resource": TASK}, {"resource": TASK}]])
def test_no_one_carrier(entry: Any) -> None:
    """A Bundle without one, or with two, is refused."""
    with pytest.raises(InvalidInput):
        carrier_in({"resourceType": "Bundle", "entry": entry})


@pytest.mark.parametrize(
    "task",
    [
        None,
        [],
        {},
        {**TASK, "resourceType": "Basic"},
        {**TASK, "input": None},
        {**TASK, "input": [1]},
        {**TASK, "input": [*TASK["input"], *TASK["input"]]},
        changed("type", None),
        changed("type", {"coding": 1}),
        changed("type", {"coding": [{"system": "urn:other", "code": "Bundle"}]}),
        changed("valueAttachment", "x"),
        changed("valueAttachment", {"contentType": "text/plain", "data": "eA=="}),
    ],
)
def test_no_carrier(task: Any) -> None:
    """A Task without one message Bundle in it is no carrier, whatever it looks like, and has no message."""
    assert not is_carrier(task)
    with pytest.raises(InvalidInput):
        message_in(task)


def test_without_a_name() -> None:
    """A message that the Task does not name is not taken from it."""
    refused: list[Any] = [None, [], [1], [{}], {"value": 7}]
    for given in refused:
        assert not is_carrier({**TASK, "identifier": given})
    assert message_id({**TASK, "identifier": NAME}) == "m-1"


@pytest.mark.parametrize("data", ["%", "a", 7, None])
def test_damaged(data: Any) -> None:
    """What is no base64 is refused."""
    with pytest.raises(InvalidInput):
        message_in(changed("valueAttachment", {"contentType": "application/fhir+json", "data": data}))


def test_settled() -> None:
    """The status and the codes are set and the message taken out; it is still known to be the same, others stay."""
    other = {"type": {"text": "theirs"}, "valueString": "x"}
    task = {**TASK, "input": [other, *TASK["input"]], "note": [{"text": "theirs"}]}
    done = settled(task, Receipt("m-1", "ok"))
    assert (done["status"], done["note"], done["input"][0]) == ("completed", task["note"], other)
    assert same_message(done, TASK)
    assert not same_message(carrier(b"other", NAME, {}), done)
    assert not same_message({}, {})
    assert message_in(task)
    with pytest.raises(InvalidInput):
        message_in(done)
    refused = settled(task, Receipt("m-1", "fatal-error", (Problem("x", "Kari", "security"),)))
    assert refused["status"] == "rejected"
    assert [one["code"] for one in refused["statusReason"]["coding"]] == ["security"]
    assert "Kari" not in str(refused)
    assert receipt_of(refused) == Receipt(
        "m-1", "fatal-error", (Problem("", "the receiver's Task is rejected", "security"),)
    )
    unexplained = settled(task, Receipt("m-1", "fatal-error"))
    assert unexplained["statusReason"]["coding"][0]["code"] == "business-rule"


@pytest.mark.parametrize("status", ["requested", "received", "accepted", "in-progress", "draft", "on-hold", None, 7])
def test_no_receipt_yet(status: Any) -> None:
    """Any status but the last ones is no receipt."""
    assert receipt_of({**TASK, "status": status}) is None


@pytest.mark.parametrize("reason", [None, "x", {}, {"coding": 1}, {"coding": [1, {"code": "unheard-of"}]}])
def test_a_no_without_a_reason(reason: Any) -> None:
    """A refusal is one also if nobody can read why."""
    receipt = receipt_of({**TASK, "status": "rejected", "statusReason": reason})
    assert receipt is not None
    assert [(one.code, one.path) for one in receipt.problems] == [("business-rule", "")]


def test_the_digest_is_of_what_is_said() -> None:
    """Ids, versions, narrative and the names of references make no difference; anything else does."""
    mine = {"resourceType": "Goal", "note": [{"text": "x"}], "subject": {"reference": "urn:uuid:1", "type": "Patient"}}
    theirs = {
        "text": {"div": "x"},
        "id": "1",
        "meta": {"versionId": "2"},
        **mine,
        "subject": {"type": "Patient", "reference": "Patient/1"},
    }
    assert content_digest(mine) == content_digest(theirs)
    assert content_digest(mine) != content_digest({**mine, "note": [{"text": "y"}]})

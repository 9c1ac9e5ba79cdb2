"""The adapter fhirmessage: an acknowledgement, a handing over, or one of three errors; never a person's data."""

from typing import Any

import orjson
import pytest
import responses

from ip_fhir.errors import InvalidInput, PeerError, Problem, Rejected, Unavailable
from ip_fhir.fhir.outcome import outcome
from ip_fhir.plugins import adapter_names, adapters
from ip_fhir.ports import Adapter, CheckingAdapter, Endpoint, Outgoing
from ip_fhir_fhirmessage import adapter

BASE = "https://ke.example/fhir"
SENT = b'{"resourceType":"Bundle","name":"Kari Nordmann"}'


def outgoing(**options: str) -> Outgoing:
    """A message to a peer with these options."""
    return Outgoing("m-1", "c-1", SENT, "application/fhir+json", Endpoint(BASE, "secret-token", 5.0, options))


def acknowledgement(code: str = "ok", identifier: str = "m-1", **more: Any) -> bytes:
    """The peer's acknowledgement; `more` are further elements of its Provenance."""
    header = {"resourceType": "MessageHeader", "id": "a-1", "response": {"identifier": identifier, "code": code}}
    link = {
        "resourceType": "Provenance",
        "id": "p-1",
        "target": [{"reference": "MessageHeader/a-1"}],
        "recorded": "2026-01-12T13:00:00Z",
        "activity": {"coding": [{"code": "acknowledgement"}]},
        "agent": [{"who": {"reference": "Organization/o-1"}}],
        "entity": [{"role": "revision", "what": {"reference": "MessageHeader/m-1"}}],
    }
    entries = [{"resource": header}, {"resource": {**link, **more}}, {"resource": outcome([])}]
    return orjson.dumps({"resourceType": "Bundle", "type": "message", "entry": entries})


def test_is_found_as_a_plug_in() -> None:
    """The entry point gives an adapter that says how it is called and what it speaks."""
    assert "fhirmessage" in adapter_names()
    found = adapters(["fhirmessage"])["fhirmessage"]
    assert isinstance(found, Adapter)
    assert isinstance(found, CheckingAdapter)
    assert (found.name, found.format) == ("fhirmessage", "medcom-message")


@responses.activate
@pytest.mark.parametrize("door", ["$process-message", "Bundle"])
@pytest.mark.parametrize("code", ["ok", "transient-error", "fatal-error"])
def test_the_answer_is_the_acknowledgement(code: str, door: str) -> None:
    """What was rendered goes to the door to the byte; the acknowledgement comes back, in each of its codes."""
    responses.post(f"{BASE}/{door}", body=acknowledgement(code))
    got = adapter().send(outgoing(door=door))
    assert got is not None
    assert (got.message_id, got.code) == ("m-1", code)
    (call,) = responses.calls
    assert call.request.body == SENT
    assert call.request.headers["Authorization"] == "Bearer secret-token"


@responses.activate
@pytest.mark.parametrize(
    ("status", "body"), [(200, SENT), (201, b""), (202, b""), (204, b""), (200, orjson.dumps(outcome([])))]
)
def test_the_acknowledgement_comes_later(status: int, body: bytes) -> None:
    """With `receipt = later` a success without an acknowledgement hands over; without it, it is asked for again."""
    responses.post(f"{BASE}/$process-message", body=body, status=status)
    assert adapter().send(outgoing(receipt="later")) is None
    with pytest.raises(Unavailable, match="no acknowledgement"):
        adapter().send(outgoing())


@responses.activate
def test_one_that_comes_at_once_all_the_same() -> None:
    """With `receipt = later`, an answer that is the acknowledgement counts."""
    responses.post(f"{BASE}/$process-message", body=acknowledgement())
    got = adapter().send(outgoing(receipt="later"))
    assert got is not None
    assert got.code == "ok"


@responses.activate
def test_acknowledgements_of_ours() -> None:
    """They are for a peer that wants them so, and are posted to its door; a failure is an error of the peer."""
    responses.post(f"{BASE}/Bundle", status=201)
    assert not adapter().wants_acknowledgements(outgoing().endpoint)
    assert adapter().wants_acknowledgements(outgoing(receipt="later").endpoint)
    adapter().acknowledge(SENT, outgoing(receipt="later", door="Bundle").endpoint)
    (call,) = responses.calls
    assert call.request.body == SENT
    responses.post(f"{BASE}/$process-message", status=503)
    with pytest.raises(Unavailable):
        adapter().acknowledge(SENT, outgoing(receipt="later").endpoint)


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b"", Rejected),
        (401, b"<html>Kari Nordmann</html>", Rejected),
        (422, orjson.dumps(outcome([Problem("Task.code", "Kari Nordmann", "required")])), Rejected),
        (429, b"", Unavailable),
        (500, b"", Unavailable),
        (504, b"", Unavailable),
        (200, b"Kari Nordmann", Unavailable),
        (200, acknowledgement(identifier="another"), Unavailable),
        (200, acknowledgement(code="Kari Nordmann"), Unavailable),
        (200, acknowledgement(target=[]), Unavailable),
        (200, acknowledgement(entity=[{"role": "revision"}]), Unavailable),
        (200, orjson.dumps(outcome([Problem("", "Kari Nordmann", "required")])), Rejected),
    ],
)
def test_anything_else_is_an_error(status: int, body: bytes, error: type[PeerError]) -> None:
    """An acknowledgement of another message, or one that says too little, is none; nobody's data is repeated."""
    responses.post(f"{BASE}/$process-message", body=body, status=status)
    with pytest.raises(PeerError) as caught:
        adapter().send(outgoing())
    assert type(caught.value) is error
    assert "ke.example" in str(caught.value)
    assert "Nordmann" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("option", "value"), [("door", "Task"), ("receipt", "never"), ("trusted", "/not/there.pem")])
def test_an_option_that_cannot_be_used(option: str, value: str) -> None:
    """It is refused at its name before anything is sent."""
    with pytest.raises(InvalidInput) as caught:
        adapter().check(Endpoint(BASE, options={option: value}))
    assert [problem.path for problem in caught.value.problems] == [option]


def test_a_row_with_such_options() -> None:
    """A message to a peer with an option that is not known is refused for good, and nothing is connected to."""
    with pytest.raises(Rejected):
        adapter().send(outgoing(dor="Bundle"))

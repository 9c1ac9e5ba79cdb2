"""The spine's errors say where a field stands in the sender's format, and stay the errors that they were."""

from datetime import timedelta
from typing import Any

import pytest

from ip_fhir.domain.message import Message
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.values.ids import HerId
from ip_fhir.errors import InvalidInput, NotTaken, NotYet, Problem
from ip_fhir.exchange.formats import MESSAGE_FIELDS, Formats, places_of
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.fhir.reading import DEFAULT_LIMITS, read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.mapping import default, message_to_fhir
from tests.support.two_sides import Loop, notice

STRANGER = Organization(id="stranger", name="Somebody else", kind=OrganizationKind.HOSPITAL, her_id=HerId("90000999"))


def bundle(loop: Loop, **changes: Any) -> dict[str, Any]:
    """The hospital's notice as a message Bundle, with something in it changed."""
    about = notice("03")
    fields: dict[str, Any] = {
        "id": "m-1",
        "kind": "notice",
        "correlation_id": about.correlation_id,
        "sent": loop.clock.now(),
        "sender": about.organization(about.sender),
        "recipient": about.organization(about.recipient),
        "notice": about,
    }
    return message_to_fhir(Message(**{**fields, **changes}), default())


def refused(loop: Loop, bundle: dict[str, Any], format_name: str = "fhir-message") -> str:
    """Where the municipality says that the mistake is."""
    with pytest.raises(InvalidInput) as caught:
        loop.municipality.exchange.receive(write_json(bundle), "hospital", format_name)
    return caught.value.problems[0].path


def test_places_in_a_message(loop: Loop) -> None:
    """By FHIRPath, as before the core knew of other formats: in the error, in the receipt, and in what is kept."""
    assert refused(loop, bundle(loop, sender=STRANGER)) == "MessageHeader.sender"
    assert refused(loop, bundle(loop, recipient=STRANGER)) == "MessageHeader.destination"
    loop.municipality.exchange.receive(write_json(bundle(loop)), "hospital")
    assert refused(loop, bundle(loop, text="other words")) == "MessageHeader.id"
    unknown = bundle(loop, id="m-2", kind="closure", notice=None, correlation_id="nobody")
    early = bundle(loop, id="m-3", sent=loop.clock.now() + timedelta(hours=1))
    for sent, place in ((unknown, "MessageHeader"), (early, "Bundle.timestamp")):
        receipt = receipt_from_fhir(read_json(loop.municipality.exchange.receive(write_json(sent), "hospital")))
        assert (receipt.code, receipt.problems[0].path) == ("transient-error", place)
    kept = {refusal.reason.partition(":")[0] for refusal in loop.municipality.store.refusals()}
    assert kept == {
        "MessageHeader",
        "MessageHeader.id",
        "MessageHeader.sender",
        "MessageHeader.destination",
        "Bundle.timestamp",
    }


def test_places_in_a_transaction(loop: Loop) -> None:
    """Where a notice has them: there is no header that could be wrong."""
    about = notice("03")
    elsewhere = about.evolve(organizations=(*about.organizations, STRANGER), recipient=STRANGER.id)
    carried = entries_of(bundle(loop, notice=elsewhere))[1:]
    entries = [{"fullUrl": entry.full_url, "resource": entry.resource} for entry in carried]
    sent = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert refused(loop, sent, "fhir-transaction") == "ServiceRequest.performer"


def test_an_unknown_peer_and_an_unknown_format(loop: Loop) -> None:
    """What a listener got wrong is told at what it got wrong; nothing is kept, since nothing was looked at."""
    with pytest.raises(InvalidInput, match="peer: no peer in the settings has this name"):
        loop.municipality.exchange.receive(b"", "nobody")
    with pytest.raises(InvalidInput, match=r"formats\.smoke: not installed"):
        loop.municipality.exchange.receive(b"", "hospital", "smoke")
    assert loop.municipality.store.refusals() == []


@pytest.mark.parametrize("kind", [InvalidInput, NotTaken, NotYet])
def test_the_error_stays_what_it_was(loop: Loop, kind: type[InvalidInput]) -> None:
    """Its type, reasons and codes, and the places that are no field of a message."""
    incoming = Formats().named("fhir-message").open(write_json(bundle(loop)), DEFAULT_LIMITS)
    problems = [Problem("message.id", "a", "duplicate"), Problem("Task.status", "b"), Problem("", "c", "conflict")]
    with pytest.raises(kind) as caught, places_of(incoming):
        raise kind(problems)
    assert type(caught.value) is kind
    assert [(p.path, p.reason, p.code) for p in caught.value.problems] == [
        ("MessageHeader.id", "a", "duplicate"),
        ("Task.status", "b", "value"),
        ("", "c", "conflict"),
    ]
    assert not set(MESSAGE_FIELDS) & {incoming.place(field) for field in MESSAGE_FIELDS}

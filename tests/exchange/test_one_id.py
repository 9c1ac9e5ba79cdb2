"""One correlation id, whichever way a referral is looked for, and whichever wire its words come by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ip_fhir.domain.referral import EventKind
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.mapping import message_from_fhir, message_from_transaction
from tests.support.two_sides import TOKENS, Loop, Side, form, notice, unsent


def found(side: Side, who: str, type_: str, **criteria: str) -> list[str | None]:
    """The referrals whose resources a party finds."""
    peer = side.exchange.peer_by_token(TOKENS[who])
    assert peer is not None
    given = {name.replace("_", "-"): value for name, value in criteria.items()}
    return [resource.correlation_id for resource in side.exchange.search_resources(peer, type_, given).found]


def transaction(message: bytes) -> dict[str, Any]:
    """The notice of a message as a transaction."""
    bundle = json.loads(message)
    return {**bundle, "type": "transaction", "entry": bundle["entry"][1:]}


@pytest.mark.promise(14)
def test_found_by_every_fhir_name(loop: Loop) -> None:
    """Promise 14: by the identifier of ServiceRequest and of Task, on both sides, and by nobody else's."""
    for name in ("01", "03"):
        loop.hospital.exchange.send_notice(notice(name))
    loop.settle()
    for side, other in ((loop.hospital, "municipality"), (loop.municipality, "hospital")):
        for type_ in ("ServiceRequest", "Task"):
            assert found(side, other, type_, identifier="referral-01") == ["referral-01"]
            (resource,) = side.store.search_resources(type_, {"identifier": "referral-01"})
            (identifier,) = [i for i in resource.body["identifier"] if i["value"] == "referral-01"]
            named = f"{identifier['system']}|referral-01"
            assert found(side, other, type_, identifier=named) == ["referral-01"]
            assert found(side, other, type_, identifier="referral-02") == []
        (request,) = side.store.search_resources("ServiceRequest", {"identifier": "referral-01"})
        assert found(side, other, "Task", focus=f"ServiceRequest/{request.id}") == ["referral-01"]
        assert found(side, other, "Task", based_on=f"ServiceRequest/{request.id}") == ["referral-01"]


@pytest.mark.promise(14)
def test_every_message_says_it_in_its_header(loop: Loop) -> None:
    """Promise 14: the header alone says which referral, whatever the message carries; the receipt names the message."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.municipality.exchange.act("referral-01", EventKind.ASK_INFORMATION, "Hvilken skole?")
    loop.settle()
    loop.hospital.exchange.act("referral-01", EventKind.GIVE_INFORMATION, "Lia skole")
    loop.municipality.exchange.answer(form("01"))
    loop.settle()
    sent = [*loop.hospital.wire.sent, *loop.municipality.wire.sent]
    assert len(sent) == 4
    for content in sent:
        header = read_json(content)["entry"][0]["resource"]
        values = [e["valueIdentifier"]["value"] for e in header["extension"] if "valueIdentifier" in e]
        assert values == ["referral-01"]
        message = message_from_fhir(read_json(content))
        receiver = loop.municipality if content in loop.hospital.wire.sent else loop.hospital
        peer = receiver.exchange.peer_by_token(TOKENS["hospital" if receiver is loop.municipality else "municipality"])
        assert peer is not None
        receipt = receipt_from_fhir(read_json(receiver.exchange.receive(content, peer)))
        assert (receipt.message_id, receipt.code) == (message.id, "ok")


@pytest.mark.promise(14)
def test_begun_on_one_wire_and_answered_on_another(loop: Loop) -> None:
    """Promise 14: a notice by REST, information by message, accepted in the Task, the form by message: one loop."""
    message = unsent(loop, "01")
    hospital = loop.municipality.exchange.peer_by_token(TOKENS["hospital"])
    municipality = loop.hospital.exchange.peer_by_token(TOKENS["municipality"])
    assert hospital is not None
    assert municipality is not None
    body = transaction(message)
    assert message_from_transaction(body).correlation_id == "referral-01"
    loop.municipality.exchange.receive(write_json(body), hospital, "fhir-transaction")
    assert loop.state(loop.municipality, "referral-01") == "delivered"
    (task,) = loop.hospital.exchange.search_resources(municipality, "Task", {"identifier": "referral-01"}).found
    accepted = {**task.body, "status": "accepted"}
    loop.hospital.exchange.update_resource(municipality, "Task", task.id, task.version, accepted)
    assert loop.states("referral-01") == ("accepted", "delivered")
    loop.municipality.exchange.answer(form("01"))
    loop.clock.forward(hours=1)
    loop.settle()
    assert loop.states("referral-01") == ("confirmed", "confirmed")
    assert len(loop.hospital.exchange.store.referrals()) == len(loop.municipality.exchange.store.referrals()) == 1

"""Evidence as Provenance and AuditEvent: all of a loop's, valid, with its place in the chain, and nobody's name."""

from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.provenance import Provenance

from ip_fhir.domain.referral import Author, EventKind
from ip_fhir.mapping import evidence_to_fhir
from ip_fhir.ports import EvidenceRecord
from tests.support.two_sides import Loop, form, make_loop, notice

CORRELATION = notice("03").correlation_id


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """A loop that was opened, accepted, answered and closed, with a reminder that came too late."""
    loop = make_loop(tmp_path)
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    loop.municipality.exchange.act(CORRELATION, EventKind.ACCEPT, "Vi tar saka")
    loop.settle()
    loop.clock.forward(days=40)
    loop.settle()
    loop.municipality.exchange.answer(form("03-stroke-patient-2"))
    loop.settle()
    return loop


def records_of(loop: Loop) -> list[EvidenceRecord]:
    """Both sides' evidence."""
    return [link for side in (loop.hospital, loop.municipality) for link in side.exchange.store.evidence()]


def exported(records: list[EvidenceRecord]) -> list[tuple[EvidenceRecord, dict[str, Any], dict[str, Any]]]:
    """Each record with its two resources."""
    found = list(evidence_to_fhir(records))
    return list(zip(records, found[::2], found[1::2], strict=True))


def test_every_record_is_valid(loop: Loop) -> None:
    """By the R4B models, for each kind of record that a whole loop leaves on either side."""
    records = records_of(loop)
    assert {link.record.event.kind for link in records} >= {
        EventKind.SEND,
        EventKind.RECEIVE,
        EventKind.RECEIPT_OK,
        EventKind.ACCEPT,
        EventKind.TIME,
        EventKind.ANSWER,
    }
    for _, provenance, audit in exported(records):
        assert Provenance.model_validate(provenance).model_dump(mode="json")["id"] == provenance["id"]
        assert AuditEvent.model_validate(audit).model_dump(mode="json")["id"] == audit["id"]


def test_the_chain_can_be_followed(loop: Loop) -> None:
    """Number, hash and the hash before stand in the AuditEvent: with them the exported evidence is in order."""
    for link, _, audit in exported(records_of(loop)):
        details = {detail["type"]: detail["valueString"] for detail in audit["entity"][0]["detail"]}
        assert (details["number"], details["hash"], details["previous"]) == (str(link.number), link.hash, link.previous)
        assert details["after"] == link.record.after


@pytest.mark.promise(16)
def test_who_what_when_why(loop: Loop) -> None:
    """An event that a message brought names the organisation, its party and the message; one of our own, the side."""
    hospital = {link.record.event.kind: pair for link, *pair in exported(list(loop.hospital.exchange.store.evidence()))}
    provenance, audit = hospital[EventKind.ACCEPT]
    unit = notice("03").organization(notice("03").recipient)
    assert provenance["agent"][0]["who"]["display"] == f"{unit.name} (municipality)"
    assert provenance["reason"][0]["text"] == "Vi tar saka"
    assert provenance["activity"]["coding"][0]["code"] == "accept"
    assert provenance["target"][0]["identifier"]["value"] == CORRELATION
    assert any("identifier" in entity["what"] for entity in provenance["entity"])
    assert audit["agent"][0]["requestor"] is True
    assert "onBehalfOf" not in provenance["agent"][0]
    assert hospital[EventKind.TIME][1]["agent"][0] == {"who": {"display": "clock"}, "requestor": False}
    assert hospital[EventKind.SEND][1]["action"] == "C"


@pytest.mark.promise(16)
def test_on_what_ground(loop: Loop) -> None:
    """The consents that a notice stands on are named, by id."""
    first = loop.hospital.exchange.store.evidence()[0]
    record = first.record.evolve(event=first.record.event.evolve(notice=notice("02")))
    ((_, provenance, _),) = exported([changed(first, record)])
    named = [entity["what"]["reference"] for entity in provenance["entity"]]
    assert named == [f"Consent/{consent.id}" for consent in notice("02").consents]
    assert named


def test_what_was_refused_says_so(loop: Loop) -> None:
    """A message that was kept and not acted on is a failure, with the reason."""
    records = records_of(loop)
    refused = records[-1].record.evolve(note="refused: not in this state")
    (_, _, audit), (_, _, other) = exported([changed(records[-1], refused), records[0]])
    assert (audit["outcome"], audit["outcomeDesc"]) == ("4", "refused: not in this state")
    assert other["outcome"] == "0"


def changed(link: EvidenceRecord, record: Any) -> EvidenceRecord:
    """The link with another record."""
    return EvidenceRecord(link.number, link.correlation_id, record, link.previous, link.hash)


def test_nobody_is_named(loop: Loop) -> None:
    """Notice and form are referred to, not repeated; the AuditEvent has no word that people wrote."""
    owner = notice("03").owner
    for _, provenance, audit in exported(records_of(loop)):
        assert owner.name is not None
        assert owner.name.family not in str(provenance) + str(audit)
        assert "Vi tar saka" not in str(audit)


def test_an_export_can_be_repeated(loop: Loop) -> None:
    """The same records give the same resources, ids and all; all ids differ."""
    records = list(loop.hospital.exchange.store.evidence())
    first = list(evidence_to_fhir(records))
    assert first == list(evidence_to_fhir(records))
    assert len({(one["resourceType"], one["id"]) for one in first}) == len(first) == 2 * len(records)


@pytest.mark.promise(16)
def test_who_pressed_the_key(loop: Loop) -> None:
    """The person of our own side: named in the Provenance, on behalf of the side; by id alone in the AuditEvent."""
    nina = Author(id="nina01", name="Nina Testesen")
    loop.municipality.exchange.act(CORRELATION, EventKind.COORDINATOR_LEFT, by=nina)
    (link,) = [link for link in loop.municipality.exchange.store.evidence() if link.record.event.by]
    ((_, provenance, audit),) = exported([link])
    (agent,) = provenance["agent"]
    assert agent["who"] == {"identifier": {"value": "nina01"}, "display": "Nina Testesen"}
    assert agent["onBehalfOf"] == {"display": "municipality"}
    assert agent["type"]["coding"][0]["code"] == "author"
    assert audit["agent"] == [{"who": {"display": "municipality"}, "requestor": True, "altId": "nina01"}]
    assert nina.name not in str(audit)
    assert Provenance.model_validate(provenance).model_dump(mode="json")["agent"][0]["onBehalfOf"]
    assert AuditEvent.model_validate(audit).model_dump(mode="json")["agent"][0]["altId"] == "nina01"

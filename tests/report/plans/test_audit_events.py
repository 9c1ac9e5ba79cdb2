"""The access log as AuditEvents: by the pattern of IHE BALP, without anybody's number, the same at each export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import pytest

from ip_fhir.ports.readings import Reading, ReadingWay
from ip_fhir.report.plans.access import AccessEntry, AccessKind, access_entries, access_lines
from ip_fhir.report.plans.audit_events import access_events
from ip_fhir.report.plans.wording import Wording
from tests.report.plans.log import CONSENT, PARTIES, READINGS, RECORDS, WHOM, entries
from tests.report.plans.texts import example

HOLDER = "Nordvik kommune"
ADDRESSES = {HOLDER: "https://nordvik.example/fhir", "Nordvik barneskole": "https://skole.example/fhir"}
DCM = "http://dicom.nema.org/resources/ontology/DCM"


def made() -> list[dict[str, Any]]:
    """The events of the log."""
    return list(access_events(entries(), example(1), HOLDER, ADDRESSES))


def of_role(event: dict[str, Any], code: str) -> list[dict[str, Any]]:
    """The agents of a role of DICOM."""
    role = [{"system": DCM, "code": code}]
    return [agent for agent in event["agent"] if agent.get("type", {}).get("coding") == role]


def test_a_disclosure_is_as_balp_wants_it() -> None:
    """The constraints of IHE.BasicAudit.PrivacyDisclosure.Source, where the addresses of both sides are known.

    Source: https://profiles.ihe.net/ITI/BALP/StructureDefinition-IHE.BasicAudit.PrivacyDisclosure.Source.html
    """
    event = made()[0]
    assert event["type"] == {"system": DCM, "code": "110106"}
    assert event["action"] == "R"
    assert {
        "system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle",
        "code": "disclose",
    } in event["subtype"]
    assert event["outcome"] == "0"
    (source,), (recipient,) = of_role(event, "110153"), of_role(event, "110152")
    assert source["who"] == event["source"]["observer"]
    assert source["network"]["address"] == ADDRESSES[HOLDER]
    assert recipient["network"]["address"] == ADDRESSES["Nordvik barneskole"]
    patients = [
        one
        for one in event["entity"]
        if one["type"]["system"].endswith("audit-entity-type") and one["type"]["code"] == "1"
    ]
    assert [(one["what"], one["role"]["code"]) for one in patients] == [({"reference": "Patient/person-01"}, "1")]
    assert len(event["entity"]) >= 2


def test_each_entry_has_one_event() -> None:
    """In the same order; a refusal is a failure, what is not confirmed says so; the consents are named."""
    events = made()
    assert len(events) == len(entries())
    outcomes = {one.kind: event["outcome"] for one, event in zip(entries(), events, strict=True)}
    assert outcomes.pop(AccessKind.REFUSED) == "4"
    assert set(outcomes.values()) == {"0"}
    assert "outcomeDesc" not in events[0]
    assert events[1]["outcomeDesc"] == "sent; not confirmed as received"
    assert {"reference": f"Consent/{CONSENT}"} in [one["what"] for one in events[0]["entity"]]
    details = {one["type"]: one["valueString"] for entity in events[0]["entity"] for one in entity.get("detail", ())}
    assert details == {"view": "1", "plan-version": "1"}


def test_a_withdrawal_discloses_nothing() -> None:
    """It is a transmission, and no disclosure."""
    (event,) = [e for one, e in zip(entries(), made(), strict=True) if one.kind is AccessKind.WITHDRAWAL]
    assert [one["code"] for one in event["subtype"]] == ["transmit"]


def test_a_read_is_an_interaction() -> None:
    """Asked for by the other side; a search has its criteria by name."""
    read, search = (event for event in made() if event["type"]["code"] == "rest" and event["outcome"] == "0")
    assert ([one["code"] for one in read["subtype"]], read["action"]) == (["read"], "R")
    assert ([one["code"] for one in search["subtype"]], search["action"]) == (["search-type"], "E")
    assert [agent["requestor"] for agent in search["agent"]] == [False, True]
    assert '"criteria", "valueString": "patient"' in json.dumps(search)
    (source,) = of_role(search, "110153")
    assert source["network"]["address"] == ADDRESSES[HOLDER]
    assert "network" not in of_role(search, "110152")[0]


@pytest.mark.parametrize("way", get_args(ReadingWay))
def test_each_way_of_reading_is_an_interaction_of_fhir(way: ReadingWay) -> None:
    """By FHIR's own code; the client by which the party's system came is its other id, where it is known."""
    codes = {"history": "history-instance", "search": "search-type", "view": "operation"}
    for client in ("", "their-engine"):
        read = replace(READINGS[0], way=way, client=client)
        entry, event = next((entry, event) for entry, event in _with(read) if entry.kind is AccessKind.READ)
        assert [one["code"] for one in event["subtype"]] == [codes.get(way, way)]
        assert entry.to_data()["client"] == (client or None)
        words = " ".join(access_lines(Wording(example(1), "nb", entry.at.date()), [entry]))
        assert "CarePlan/plan-01" in words.replace("\n", " ")
        (asking,) = of_role(event, "110152")
        assert asking.get("altId") == (client or None)


def _with(read: Reading) -> Iterator[tuple[AccessEntry, dict[str, Any]]]:
    """The entries of the log with this read alone, and their events."""
    found = access_entries(RECORDS, [read], WHOM, PARTIES)
    yield from zip(found, access_events(found, example(1), HOLDER, ADDRESSES), strict=True)


def test_nobody_is_named_who_need_not_be() -> None:
    """No number, no name of the person; of our own people the id that the EHR uses; the same ids at each export."""
    text = json.dumps(made(), ensure_ascii=False)
    owner = example(1).owner
    for hidden in (str(owner.identifier), owner.name.family, "Nina Testesen", "Åse Marie"):
        assert hidden not in text
    assert "nina01" in text
    assert made() == made()
    assert len({event["id"] for event in made()}) == len(made())

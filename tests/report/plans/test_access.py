"""The access log of a plan: who was sent or read what, when, and on the ground of which consents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.events import PlanRecord
from ip_fhir.domain.team import Membership, MembershipStatus, TeamRole
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.domain.values.value import read
from ip_fhir.ports.plans import keeps_plans
from ip_fhir.report.plans.access import AccessKind, access_entries, access_lines
from ip_fhir.report.plans.wording import Wording
from tests.report.plans.log import CONSENT, PARTIES, READINGS, RECORDS, WHOM, at, entries
from tests.report.plans.texts import ON, example
from tests.support.ring import NINA, Ring, make_plan, make_ring, organization


def test_what_was_sent_and_read() -> None:
    """A line for each view, withdrawal, invitation, handover and read, by time, with their receipts."""
    found = entries()
    assert [(one.kind, one.to, one.number) for one in found] == [
        (AccessKind.VIEW, "Nordvik barneskole", 1),
        (AccessKind.VIEW, "Nordvik legesenter", 1),
        (AccessKind.READ, "Nordvik barneskole", 1),
        (AccessKind.READ, "Nordvik legesenter", 1),
        (AccessKind.REFUSED, "ukjent", None),
        (AccessKind.INVITATION, "Nordvik barneskole", None),
        (AccessKind.WITHDRAWAL, "Nordvik barneskole", 2),
        (AccessKind.HANDOVER, "Solvik", None),
    ]
    assert [one.received for one in found[:2]] == [at(1), None]
    assert [one.version for one in found if one.kind is AccessKind.VIEW] == [1, 1]


def test_the_ground_of_a_read_is_that_of_the_view() -> None:
    """A read rests on the consents of the last view that the party was given before; a refusal on none."""
    found = {(one.kind, one.to): one.consents for one in entries()}
    assert found[AccessKind.READ, "Nordvik barneskole"] == (CONSENT, "gone")
    assert found[AccessKind.REFUSED, "ukjent"] == ()
    (early,) = access_entries((), READINGS[:1], WHOM, PARTIES)
    assert early.consents == ()


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """Parties around one plan, each with a store."""
    made = make_ring(tmp_path)
    yield made
    made.close()


def test_what_an_exchange_has_sent(ring: Ring) -> None:
    """The log of a plan that was shared, changed, withdrawn from one, offered to a member and to a new holder."""
    plan = make_plan()
    team = plan.team
    assert team is not None
    asked = Membership(id="asked", member="school", role=TeamRole.OTHER, status=MembershipStatus.PROPOSED)
    plan = plan.evolve(
        organizations=(*plan.organizations, organization("elsewhere")),
        team=team.evolve(memberships=(*team.memberships, asked)),
    )
    ring.holder.save_plan(plan, by=NINA)
    for party in ("hospital", "school"):
        ring.holder.share(plan.id, party, by=NINA)
    ring.settle()
    ring.holder.save_plan(plan.evolve(needs=()), by=NINA)
    ring.holder.invite(plan.id, "asked", by=NINA)
    ring.settle()
    share = next(one for one in ring.holder.plan(plan.id).shares if one.party == "school")
    ring.holder.end_share(share.id, by=NINA)
    ring.holder.hand_over(plan.id, "elsewhere", by=NINA)
    ring.settle()
    case, store = ring.holder.plan(plan.id), ring.holder.store
    assert keeps_plans(store)
    assert case.handover is not None
    records = [read(PlanRecord, link.record) for link in store.records(Aggregate(kind=PLAN, id=plan.id))]
    whom = {one.id: one.party for one in case.shares} | {one.id: one.party for one in case.invitations}
    whom[case.handover.id] = case.handover.party
    found = access_entries(records, (), whom, {})
    assert sorted((one.kind, one.to, one.number, one.version) for one in found) == [
        (AccessKind.HANDOVER, "elsewhere", None, 2),
        (AccessKind.INVITATION, "school", None, 2),
        (AccessKind.VIEW, "hospital", 1, 1),
        (AccessKind.VIEW, "hospital", 2, 2),
        (AccessKind.VIEW, "school", 1, 1),
        (AccessKind.WITHDRAWAL, "school", 2, 2),
    ]
    assert all(one.received for one in found if one.kind in (AccessKind.VIEW, AccessKind.WITHDRAWAL))
    assert all(one.consents for one in found if one.kind is AccessKind.VIEW)
    assert all(one.by == NINA for one in found)


def test_a_participant_sends_nothing_of_the_plan() -> None:
    """The evidence of a participant's side has no line in the log."""
    records = [record.evolve(side=PlanSide.PARTICIPANT) for record in RECORDS]
    assert access_entries(records, (), WHOM, PARTIES) == []


def test_who_is_not_known_is_named_by_id() -> None:
    """Nothing is left out because a name is missing."""
    found = access_entries(RECORDS, READINGS, {}, {})
    assert {one.to for one in found} == {"share-school", "share-gp", "skole", "lege", "ukjent", "i-1", "h-1"}


def test_the_log_in_words() -> None:
    """When, to whom, what, received when, on which ground; a consent that is gone by its id."""
    lines = list(access_lines(Wording(example(1), "nb", ON), entries()))
    assert lines == [
        "2026-09-01 08:30  Nordvik barneskole fikk utsnitt nr. 1, av versjon 1. Mottatt",
        "                  1. sep. 08:31. Grunnlag: samtykke til deling 23. jan. 2026,",
        "                  Åse Marie Solbakk (mor) og samtykke med id gone. Gjort av Nina",
        "                  Testesen.",
        "2026-09-01 08:30  Nordvik legesenter fikk utsnitt nr. 1, av versjon 1. Ikke",
        "                  bekreftet mottatt. Grunnlag: samtykke til deling",
        "                  23. jan. 2026, Åse Marie Solbakk (mor). Gjort av Nina",
        "                  Testesen.",
        "2026-09-01 08:35  Nordvik barneskole leste planen (CarePlan/plan-01). Grunnlag:",
        "                  samtykke til deling 23. jan. 2026, Åse Marie Solbakk (mor) og",
        "                  samtykke med id gone.",
        "2026-09-01 08:36  Nordvik legesenter søkte og fikk se et mål (Goal/g7)",
        "                  (patient). Grunnlag: samtykke til deling 23. jan. 2026, Åse",
        "                  Marie Solbakk (mor).",
        "2026-09-01 08:37  ukjent spurte etter Basic/x og ble avvist.",
        "2026-09-01 09:00  Nordvik barneskole ble invitert til å delta, og fikk vite hvem",
        "                  planen gjelder. Gjort av Nina Testesen.",
        "2026-09-01 09:30  Nordvik barneskole fikk beskjed om å ta planen ut av bruk (nr.",
        "                  2). Mottatt 1. sep. 09:31. Gjort av Nina Testesen.",
        "2026-09-01 10:00  Solvik fikk tilbud om å overta planen, og fikk hele versjon 1.",
        "                  Gjort av Nina Testesen.",
    ]


def test_without_names() -> None:
    """Nobody of our own side is named; an empty log says so."""
    wording = Wording(example(1), "en", ON)
    assert "Nina" not in "\n".join(access_lines(wording, entries(), names=False))
    assert list(access_lines(wording, ())) == ["Nobody was sent the plan, or has read it."]


def test_json() -> None:
    """Machines read the same, with times in UTC and consents by their ids."""
    data = [one.to_data() for one in entries()]
    assert data[0] == {
        "at": "2026-09-01T06:30:00+00:00",
        "to": "Nordvik barneskole",
        "kind": "view",
        "number": 1,
        "version": 1,
        "received": "2026-09-01T06:31:00+00:00",
        "resource": None,
        "way": None,
        "criteria": [],
        "consents": [CONSENT, "gone"],
        "client": None,
        "by": {"id": "nina01", "name": "Nina Testesen"},
    }
    assert (data[3]["way"], data[3]["criteria"], data[3]["resource"]) == ("search", ["patient"], "Goal/g7")

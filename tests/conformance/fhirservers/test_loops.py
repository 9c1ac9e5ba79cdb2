"""The loop and shared plans through FHIR servers that others wrote, and what the party whose server it is sees."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import Rejected
from ip_fhir.fhir.rest import instances, searches
from ip_fhir.servers import FhirServer
from ip_fhir.servers.abilities import PARTS, Abilities
from tests.conformance.fhirservers.sites import Site
from tests.conformance.fhirservers.test_plans import ON_BOTH, seen
from tests.support.fhir_server import JSON
from tests.support.ring import NINA, make_plan
from tests.support.ring_plan import PLAN, copy
from tests.support.through_fhir import (
    HOSPITAL,
    ServerWire,
    plan_shared,
    ring_through,
    texts,
    through_server,
    whole_loop,
)
from tests.support.two_sides import notice

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

WRITTEN = (*PARTS, "Communication", "QuestionnaireResponse", "ServiceRequest", "Task")
SCHOOL = "school"
CLOSED_TO_THE_SCHOOL = ("Å bo for seg selv", "Å få egen bolig", "Søke om bolig")


def written(client: FhirServer, since: str) -> Iterator[JSON]:
    """Each resource that was written to the server since then, as it is now."""
    for type_ in WRITTEN:
        criteria = [("_lastUpdated", f"ge{since}"), ("_count", "200")]
        yield from client.connection.all_pages(client.connection.perform(searches.search(type_, criteria)))


def versions(client: FhirServer, since: str) -> Iterator[JSON]:
    """Each version of all these resources: what was taken out of a Task is in its history."""
    for one in written(client, since):
        yield from client.connection.perform(searches.history(one["resourceType"], one["id"])).resources


def ways_told(caplog: pytest.LogCaptureFixture) -> str:
    """The ways round that the adapter said it takes, each with the types that it is for."""
    types = defaultdict[str, set[str]](set)
    for record in caplog.records:
        if record.name == "ip_fhir.fhirserver":
            _, type_, way = record.getMessage().split(": ", 2)
            types[way].add(type_)
    return "; ".join(f"{', '.join(sorted(types[way]))}: {way}" for way in sorted(types))


@ON_BOTH
def test_the_whole_loop(site: Site, tmp_path: Path, since: str, caplog: pytest.LogCaptureFixture) -> None:
    """Notice, green form and end arrive, each by one Task that says so; nothing is there twice.

    Who uses that server finds the notice by its patient, and the form by the notice.
    """
    caplog.set_level("INFO", "ip_fhir.fhirserver")
    with through_server(tmp_path, site.base) as through:
        whole_loop(through, "-whole")
    client = site.client()
    there = list(written(client, since))
    tasks = [one for one in there if one["resourceType"] == "Task"]
    assert {task["status"] for task in tasks} == {"completed"}
    assert len({task["identifier"][0]["value"] for task in tasks}) == len(tasks) >= 2
    assert counted(client, there) == 1
    (request,) = (one for one in there if one["resourceType"] == "ServiceRequest")
    number = notice("01").owner.identifier
    (patient,) = patients(client, str(number))
    assert request["subject"]["reference"] == f"Patient/{patient['id']}"
    found = client.connection.perform(searches.search("ServiceRequest", [("subject", f"Patient/{patient['id']}")]))
    assert [one["id"] for one in found.resources] == [request["id"]]
    seen(site, "the whole loop through it", f"confirmed on both sides, {len(tasks)} Tasks", ways_told(caplog))


def counted(client: FhirServer, there: list[JSON]) -> int:
    """How often the notice is there, and the form with it; a server that keeps no forms has it in the Task alone."""
    found = Counter(one["resourceType"] for one in there)
    if "QuestionnaireResponse" in Abilities.read(client.capability()).types:
        assert found["QuestionnaireResponse"] == found["ServiceRequest"]
    return found["ServiceRequest"]


def patients(client: FhirServer, number: str) -> tuple[JSON, ...]:
    """The patients with this number."""
    systems = {uri for name in ("fnr", "duf") for uri in client.mapper.compiled.systems.accepted(name)}
    wanted = ",".join(f"{system}|{number}" for system in sorted(systems))
    return client.connection.perform(searches.search("Patient", [("identifier", wanted)])).resources


@ON_BOTH
def test_killed_and_doubled(site: Site, tmp_path: Path, since: str) -> None:
    """Each listener dies after each look and looks twice, and each message is sent twice: the same loop, once."""
    with through_server(tmp_path, site.base) as through:
        look = through.look

        def twice(*names: str) -> None:
            for side in (through.loop.hospital, through.loop.municipality):
                assert isinstance(side.wire, ServerWire)
                side.wire.send_again()
            for name in names or through.listeners:
                through.restart(name)
                look(name)
                look(name)

        through.look = twice  # type: ignore[method-assign]
        whole_loop(through, "-killed")
        assert len(through.loop.municipality.exchange.store.referrals()) == 1
    there = list(written(site.client(), since))
    tasks = [one["identifier"][0]["value"] for one in there if one["resourceType"] == "Task"]
    assert len(set(tasks)) == len(tasks)
    assert counted(site.client(), there) == 1
    seen(site, "the loop, each message sent and each listener started twice", "once there, once taken in")


@ON_BOTH
def test_a_shared_plan(site: Site, tmp_path: Path, since: str) -> None:
    """A view, a change, the next view, the end: one CarePlan there, each view a version of it, revoked at last."""
    with ring_through(tmp_path, site.base) as (ring, settle):
        plan_shared(ring, settle)
    client = site.client()
    there = list(written(client, since))
    (plan,) = (one for one in there if one["resourceType"] == "CarePlan")
    assert plan["status"] == "revoked"
    assert len(client.connection.perform(searches.history("CarePlan", plan["id"])).resources) == 3
    kinds = Counter(one["code"]["coding"][0]["code"] for one in there if one["resourceType"] == "Task")
    assert kinds == Counter(["plan", "plan", "plan-change", "plan-change-answer", "plan-withdrawn"])
    assert {one["status"] for one in there if one["resourceType"] == "Task"} == {"completed"}
    seen(site, "a plan shared, changed by the participant, and withdrawn", "2 views; 1 CarePlan, revoked at last")


@ON_BOTH
@pytest.mark.parametrize(("party", "readers"), [(SCHOOL, ()), (HOSPITAL, (SCHOOL,))])
def test_what_is_found_by_those_who_read_it(
    site: Site,
    tmp_path: Path,
    since: str,
    caplog: pytest.LogCaptureFixture,
    party: str,
    readers: tuple[str, ...],
) -> None:
    """The school finds a view by the person's number: all of it, and no trace of what is closed to the school.

    Not in a resource, nor in an attachment, nor in an older version of either; be it the school's own server, or the
    hospital's, which the school reads, too. No client takes it for the plan itself.
    """
    caplog.set_level("INFO", "ip_fhir.fhirserver")
    client, plan, number = site.client(), make_plan(), PersonId(f"20270000000{1 + len(readers)}")
    mine = plan.evolve(owner=plan.owner.evolve(identifier=number))
    with ring_through(tmp_path, site.base, party=party, readers=readers) as (ring, settle):
        ring.holder.save_plan(mine, by=NINA)
        ring.holder.share(PLAN, party, by=NINA)
        ring.settle()
        on_the_way = set().union(*(texts(one) for one in versions(client, since)))
        settle()
        view = copy(ring, party).plan
    (patient,) = patients(client, str(number))
    criteria = [("patient", f"Patient/{patient['id']}")]
    (there,) = client.connection.perform(searches.search("CarePlan", criteria)).resources
    goals = [one["reference"].split("/") for one in there["goal"] if "reference" in one]
    found = [client.connection.perform(instances.read(*place)).resource for place in goals]
    assert [goal.text for goal in view.goals] == ["Å svømme hver uke"]
    assert len(there["activity"]) == len(view.measures) == 2
    if "Goal" in Abilities.read(client.capability()).types:
        assert [one["description"]["text"] for one in found] == ["Å svømme hver uke"]
    with pytest.raises(Rejected, match="this is a view of a plan, not the plan"):
        client.fetch_plan(person=number)
    kept = set().union(*(texts(one) for one in versions(client, since)))
    assert any("Å svømme hver uke" in text for text in on_the_way & kept)
    assert [one for text in on_the_way | kept for one in CLOSED_TO_THE_SCHOOL if one in text] == []
    whose = "of two parties" if readers else "of the participant's own"
    result = "a view of what is open, no trace of the rest"
    seen(site, f"a plan that is closed in part, on a server {whose}", result, ways_told(caplog))

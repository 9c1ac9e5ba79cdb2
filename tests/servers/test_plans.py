"""Plans on a FHIR server: fetched whole in few requests, and changed by their differences alone."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from ip_fhir.domain.merge import ChangeKind, difference
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput, Rejected
from ip_fhir.servers import FetchedPlan, FhirServer
from ip_fhir.servers.connection import Connection
from tests.mapping.examples import example
from tests.servers.plans import put_there, same, with_aunt, with_title
from tests.support.fhir_server import FhirServerDouble

Count = Callable[[], int]


@pytest.mark.parametrize("number", range(1, 6))
def test_every_example_is_fetched_whole(
    number: int, double: FhirServerDouble, client: FhirServer, requests: Count
) -> None:
    """By its id and by the person's number in at most six requests; only the order of lists is the server's."""
    plan = example(number)
    for other in range(1, 6):
        put_there(double, example(other))
    found = client.fetch_plan(plan.id)
    assert requests() <= 6
    assert same(client.fetch_plan(person=plan.owner.identifier), found)
    assert requests() <= 6
    assert {change.kind for change in difference(plan, found.plan)} <= {ChangeKind.REORDERED}
    assert found.warnings == ()


def test_no_address_and_no_log_line_of_a_proxy_names_the_person(double: FhirServerDouble, client: FhirServer) -> None:
    """The number travels in bodies only."""
    put_there(double, example(1))
    number = example(1).owner.identifier
    assert number is not None
    client.fetch_plan(person=number)
    assert not [asked for asked in double.asked if number in asked]
    assert any(number.encode() in body for body in double.bodies)


def test_a_plan_is_stored_once(double: FhirServerDouble, client: FhirServer) -> None:
    """Stored twice it is there once, with the server's ids, and the second time nothing is written."""
    first = client.store_plan(example(1))
    count = double.count()
    assert same(client.store_plan(example(1)), first)
    assert double.count() == count == 58
    assert sorted(goal.text for goal in first.plan.goals) == sorted(goal.text for goal in example(1).goals)
    assert first.warnings == ()


@pytest.mark.parametrize("system", ["urn:oid:2.16.578.1.12.4.1.4.1", "http://hl7.no/fhir/NamingSystem/FNR"])
def test_actors_that_are_there_are_referred_to(double: FhirServerDouble, client: FhirServer, system: str) -> None:
    """A patient with the number, in either name of its register, is neither doubled nor written."""
    number = str(example(1).owner.identifier)
    theirs = {"resourceType": "Patient", "id": "theirs", "identifier": [{"system": system, "value": number}]}
    double.put({**theirs, "name": [{"family": "Solbakk", "given": ["Ylva"]}], "birthDate": "2019-05-17"})
    found = client.store_plan(example(1))
    assert found.plan.owner.id == "theirs"
    assert [patient["meta"]["versionId"] for patient in double.of_type("Patient")] == ["1"]


def test_two_plans_share_their_actors_and_nothing_else(double: FhirServerDouble, client: FhirServer) -> None:
    """The same plan begun twice, at two times: each has its own goals, and there is one of each organisation."""
    client.store_plan(example(1))
    organizations = len(double.of_type("Organization"))
    client.store_plan(example(1).evolve(created=example(1).created.replace(year=2020)))
    assert len(double.of_type("CarePlan")) == 2
    assert len(double.of_type("Goal")) == 2 * len(example(1).goals)
    assert len(double.of_type("Patient")) == 1
    numbered = [one for one in double.of_type("Organization") if "urn:ietf" not in str(one["identifier"])]
    assert len({orjson.dumps(one["identifier"]) for one in numbered}) == len(numbered)
    assert len(double.of_type("Organization")) - organizations < organizations


def test_the_same_plan_of_another_person_is_not_taken_for_it(double: FhirServerDouble, client: FhirServer) -> None:
    """Another system has a person with our local id, and a plan of the same instant and words: refused."""
    client.store_plan(example(1))
    count = double.count()
    another = example(1).owner.evolve(identifier=PersonId("202600000001"))
    with pytest.raises(Rejected, match="another person's"):
        client.store_plan(example(1).evolve(owner=another))
    assert double.count() == count


def test_one_changed_measure_is_one_request(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan, requests: Count
) -> None:
    """One resource is written, onto the version that was read; what comes back is what a new reading gives."""
    requests()
    first, *others = stored.plan.measures
    updated = client.update_plan(stored, stored.plan.evolve(measures=(first.evolve(extent="Hver uke"), *others)))
    assert (requests(), updated.written) == (1, 1)
    (entry,) = orjson.loads(double.bodies[-1])["entry"]
    assert entry["request"]["ifMatch"] == 'W/"1"'
    assert same(updated.now, client.fetch_plan(stored.plan.id))
    assert updated.now.plan.measures[0].extent == "Hver uke"


def test_nothing_changed_is_no_request(client: FhirServer, stored: FetchedPlan, requests: Count) -> None:
    """The plan as it was fetched is not sent."""
    requests()
    assert client.update_plan(stored, stored.plan).written == 0
    assert requests() == 0


def test_what_others_wrote_into_a_resource_stays(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan
) -> None:
    """An element that we do not map is in the new version too."""
    plan = double.now(f"CarePlan/{stored.plan.id}")
    double.put({**plan, "note": [{"text": "theirs"}]})
    before = client.fetch_plan(stored.plan.id)
    client.update_plan(before, with_title(before, "Min plan"))
    assert double.now(f"CarePlan/{stored.plan.id}")["note"] == [{"text": "theirs"}]


def test_new_parts_are_created_and_have_the_servers_ids(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan, requests: Count
) -> None:
    """A goal put into words by a new person: two creations and the CarePlan in one request, and references hold."""
    requests()
    updated = client.update_plan(stored, with_aunt(stored))
    assert (requests(), updated.written) == (1, 3)
    goal = next(goal for goal in updated.now.plan.goals if goal.text == "Gå på ski")
    aunt = next(person for person in updated.now.plan.related_persons if person.id == goal.expressed_by)
    assert goal.id.isdecimal()
    assert aunt.id.isdecimal()
    assert same(updated.now, client.fetch_plan(stored.plan.id))
    identifiers = double.now(f"Goal/{goal.id}")["identifier"]
    assert identifiers[0]["value"] == "goal-new"


def test_an_id_that_is_used_again_is_another_resource(client: FhirServer, stored: FetchedPlan) -> None:
    """A goal is taken out, and a new one gets its id: the server's old goal is not taken for the new one."""
    added = client.update_plan(stored, with_aunt(stored)).now
    kept = tuple(goal for goal in added.plan.goals if goal.text != "Gå på ski")
    removed = client.update_plan(added, added.plan.evolve(goals=kept))
    assert [problem.severity for problem in removed.not_written] == ["warning"]
    other = stored.plan.goals[0].evolve(id="goal-new", text="Svømme", part_of=None)
    again = client.update_plan(removed.now, removed.now.plan.evolve(goals=(*kept, other)))
    assert "Svømme" in {goal.text for goal in again.now.plan.goals}


def test_an_actor_is_not_written(double: FhirServerDouble, client: FhirServer, stored: FetchedPlan) -> None:
    """A new name of an organisation stays with us, and the caller is told; the rest is written."""
    first, *others = stored.plan.organizations
    changed = with_title(stored, "Min plan").evolve(organizations=(first.evolve(name="Nytt navn"), *others))
    updated = client.update_plan(stored, changed)
    assert updated.written == 1
    assert ["not the plan's" in problem.reason for problem in updated.not_written] == [True]
    assert {one["meta"]["versionId"] for one in double.of_type("Organization")} == {"1"}
    assert updated.now.plan.organizations[0].name == "Nytt navn"


def test_a_person_without_a_plan_and_one_with_two(double: FhirServerDouble, client: FhirServer) -> None:
    """None, and several active ones, are the caller's to decide; of two the active one is fetched."""
    person = example(1).owner.identifier
    with pytest.raises(InvalidInput, match="no individual plan"):
        client.fetch_plan(person=person)
    put_there(double, example(1))
    plan = double.now(f"CarePlan/{example(1).id}")
    double.put({**plan, "id": "old", "status": "completed"})
    assert client.fetch_plan(person=person).plan.id == example(1).id
    double.put({**plan, "id": "second"})
    with pytest.raises(InvalidInput, match="ask for one by its id"):
        client.fetch_plan(person=person)
    with pytest.raises(InvalidInput, match="is needed"):
        client.fetch_plan()


def test_long_searches_are_read_to_the_end(double: FhirServerDouble, client: FhirServer) -> None:
    """Two to a page: every consent and every relative is found."""
    put_there(double, example(1))
    double.page_size = 2
    found = client.fetch_plan(example(1).id).plan
    assert len(found.consents) == len(example(1).consents)
    assert len(found.related_persons) == len(example(1).related_persons)


@pytest.mark.parametrize(
    "base", ["http://server.example/fhir", "ftp://server.example", "server.example", "https://h/?a=b"]
)
def test_an_address_in_the_clear_is_refused(base: str) -> None:
    """Only https, but for this machine or where a tunnel encrypts."""
    with pytest.raises(InvalidInput, match=r"^base: "):
        Connection(base)
    assert Connection("http://server.example/fhir", plain_http=True).host == "server.example"
    assert Connection("https://server.example/fhir", "a-token").requests == 0


def test_the_capability_is_what_the_server_says(client: FhirServer) -> None:
    """Its CapabilityStatement, as it is."""
    assert client.capability()["fhirVersion"] == "4.0.1"

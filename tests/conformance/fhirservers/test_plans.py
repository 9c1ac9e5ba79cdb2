"""Plans of ours on FHIR servers that others wrote: stored, fetched, changed by several, and nothing lost or doubled."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ip_fhir.cli.commands.operation.checks.server import check_server
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import Conflict, Problem, Rejected
from ip_fhir.fhir.rest import instances, searches
from ip_fhir.fhir.rest.bundles import EntryRequest, transaction
from ip_fhir.servers import EditConflict, FetchedPlan, FhirServer
from ip_fhir.servers.abilities import Abilities
from tests.conformance.fhirservers.conftest import of_another
from tests.conformance.fhirservers.sites import Site
from tests.conformance.interop import ServerRow, observe
from tests.mapping.examples import PLANS, example
from tests.servers.plans import same, with_aunt, with_title

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

Change = Callable[[FetchedPlan], IndividualPlan]

BY_NAME = "parts are created by name: it cannot search goals by identifier, and refuses the condition"
ON_BOTH = pytest.mark.parametrize(
    "site",
    [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("hapi", "sekmet")],
    indirect=True,
)


def seen(site: Site, feature: str, result: str, way: str = "") -> None:
    """Compare with the table of the documentation."""
    observe(ServerRow(site.name, feature, result, way, site.version))


def contents(plan: IndividualPlan) -> Any:
    """All that a plan says, whatever the ids of its parts and the order in which they stand."""
    data = plan.model_dump(mode="json")
    ids: set[str] = set()

    def collect(node: Any) -> None:
        for item in node if isinstance(node, list) else node.values() if isinstance(node, dict) else ():
            collect(item)
        if isinstance(node, dict) and isinstance(node.get("id"), str):
            ids.add(node["id"])

    def without_ids(node: Any) -> Any:
        if isinstance(node, list):
            return sorted((without_ids(item) for item in node), key=json.dumps)
        if isinstance(node, dict):
            return {key: without_ids(value) for key, value in node.items()}
        return "an id" if node in ids else node

    collect(data)
    return without_ids(data)


def alike(one: FetchedPlan, other: FetchedPlan) -> bool:
    """True if all but what a server makes anew at each writing is the same, which it need not tell."""

    def kept(plan: FetchedPlan) -> list[Any]:
        resources = [entry["resource"] for entry in plan.bundle["entry"]]
        return [{**resource, "meta": resource["meta"]["versionId"]} for resource in resources]

    return (one.plan, kept(one), one.warnings) == (other.plan, kept(other), other.warnings)


def told_of(plan: FetchedPlan) -> list[Problem]:
    """What was told of a plan, but for more identifiers that an organisation has on this server by other tests."""
    entries = plan.bundle["entry"]
    return [
        one
        for one in plan.warnings
        if not (".identifier[" in one.path and entries[_entry(one.path)]["resource"]["resourceType"] == "Organization")
    ]


def _entry(path: str) -> int:
    return int(path.removeprefix("Bundle.entry[").partition("]")[0])


def there(client: FhirServer, type_: str, id_: str) -> dict[str, Any]:
    """A resource as it is on the server."""
    return client.connection.perform(instances.read(type_, id_)).resource


def number_of(site: Site, plan: IndividualPlan) -> list[tuple[str, str]]:
    """The criterion that finds the person of the plan by number."""
    systems = sorted(site.client().mapper.compiled.systems.accepted("duf"))
    return [("identifier", ",".join(f"{system}|{plan.owner.identifier}" for system in systems))]


def by_another(client: FhirServer, type_: str, id_: str, **elements: Any) -> None:
    """Another system writes elements into a resource."""
    now = there(client, type_, id_)
    client.connection.perform(instances.update({**now, **elements}, if_match=now["meta"]["versionId"]))


@ON_BOTH
def test_every_example_is_stored_and_fetched(site: Site) -> None:
    """Each says there what it said here; fetched by id and by the person's number in at most six requests."""
    client, most, equal = site.client(), 0, 0
    for number in range(1, len(PLANS) + 1):
        plan = of_another(example(number))
        stored = client.store_plan(plan)
        assert told_of(stored) == []
        before = client.connection.requests
        assert same(client.fetch_plan(stored.plan.id), stored)
        most = max(most, client.connection.requests - before)
        equal += contents(stored.plan) == contents(plan)
        before = client.connection.requests
        assert same(client.fetch_plan(person=plan.owner.identifier), stored)
        assert client.connection.requests - before <= 6
    assert most <= 6
    assert equal == len(PLANS)
    seen(site, "all example plans stored and read back", f"{equal} of {len(PLANS)} equal", BY_NAME * client.by_name)
    seen(site, "a plan fetched with all it refers to", f"{most} requests, each level one batch")


@ON_BOTH
def test_a_plan_is_stored_once(site: Site, plan: IndividualPlan) -> None:
    """The second time nothing is written: the same ids and versions; nor by another client that knows nothing yet."""
    first = site.client().store_plan(plan)
    assert same(site.client().store_plan(plan), first)
    assert len(site.client().connection.perform(searches.search("Patient", number_of(site, plan))).resources) == 1
    seen(site, "the same plan stored twice", "once there, no new version")


@ON_BOTH
def test_stored_by_two_at_once(site: Site, plan: IndividualPlan) -> None:
    """Two of ours store the same plan, and another plan of the same person, side by side: no patient is there twice."""
    later = plan.evolve(created=plan.created.replace(month=11))
    with ThreadPoolExecutor(3) as all_three:
        first, second, other = all_three.map(lambda one: site.client().store_plan(one), (plan, plan, later))
    assert first.plan.id == second.plan.id != other.plan.id
    assert first.plan.owner.id == other.plan.owner.id
    for stored in (first, other):
        assert len(site.client().fetch_plan(stored.plan.id).plan.goals) == len(plan.goals)
    patients = site.client().connection.perform(searches.search("Patient", number_of(site, plan))).resources
    assert len(patients) == 1
    seen(site, "the same plan stored by two at once", "once there, and one patient")


@ON_BOTH
def test_one_changed_measure_is_one_request(site: Site, plan: IndividualPlan) -> None:
    """One resource is written, onto the version that was read; what comes back is what a new reading gives."""
    client = site.client()
    stored = client.store_plan(plan)
    before = client.connection.requests
    first, *others = stored.plan.measures
    updated = client.update_plan(stored, stored.plan.evolve(measures=(first.evolve(extent="Hver uke"), *others)))
    assert (client.connection.requests - before, updated.written) == (1, 1)
    assert alike(updated.now, client.fetch_plan(stored.plan.id))
    seen(site, "one measure changed", "1 request")


@ON_BOTH
def test_new_parts(site: Site, plan: IndividualPlan) -> None:
    """A goal put into words by a new person is there once, also when the same call is made again."""
    client = site.client()
    stored = client.store_plan(plan)
    updated = client.update_plan(stored, with_aunt(stored))
    assert updated.written == 3
    assert alike(updated.now, client.fetch_plan(stored.plan.id))
    again = client.update_plan(stored, with_aunt(stored))
    assert [goal.text for goal in again.now.plan.goals].count("Gå på ski") == 1
    assert len(again.now.plan.related_persons) == len(plan.related_persons) + 1
    seen(site, "a goal and a person added, twice", "once there", BY_NAME * client.by_name)


@ON_BOTH
def test_what_another_wrote_stays(site: Site, plan: IndividualPlan) -> None:
    """Another writes elements that we do not map, and a mapped field, before and after we read: all of it is there."""
    client, another = site.client(), site.client()
    stored = client.store_plan(plan)
    ident, goal = stored.plan.id, stored.plan.goals[0].id
    theirs = {"url": "https://another.example/x", "valueString": "theirs"}
    by_another(another, "Goal", goal, extension=[*there(client, "Goal", goal).get("extension", []), theirs])
    fetched = client.fetch_plan(ident)
    by_another(another, "CarePlan", ident, note=[{"text": "theirs"}])
    by_another(another, "Patient", stored.plan.owner.id, maritalStatus={"text": "theirs"})
    first, *others = fetched.plan.goals
    changed = with_title(fetched, "Min plan").evolve(goals=(first.evolve(text="Vårt ord"), *others))
    updated = client.update_plan(fetched, changed)
    assert updated.now.plan.title == "Min plan"
    assert there(client, "CarePlan", ident)["note"] == [{"text": "theirs"}]
    assert theirs in there(client, "Goal", goal)["extension"]
    assert there(client, "Goal", goal)["description"]["text"] == "Vårt ord"
    assert there(client, "Patient", stored.plan.owner.id)["maritalStatus"] == {"text": "theirs"}
    seen(site, "changed by somebody else in between, and put back", "both changes there")


@ON_BOTH
def test_one_field_changed_by_both(site: Site, plan: IndividualPlan) -> None:
    """Nothing is written; the error names the field, and has the plan as it is there."""
    ours, theirs = site.client(), site.client()
    stored = ours.store_plan(plan)
    theirs.update_plan(stored, with_title(stored, "Deres tittel"))
    with pytest.raises(EditConflict, match="title") as caught:
        ours.update_plan(stored, with_title(stored, "Vår tittel"))
    assert caught.value.now.plan.title == "Deres tittel"
    assert ours.fetch_plan(stored.plan.id).plan.title == "Deres tittel"
    seen(site, "both change the same field", "reported, nothing written")


@ON_BOTH
def test_two_of_ours_at_once(site: Site, plan: IndividualPlan) -> None:
    """Each changes a field of the same CarePlan four times, side by side: both changes stand."""
    stored = site.client().store_plan(plan)

    def edits(change: Callable[[IndividualPlan, int], IndividualPlan]) -> None:
        client, base = site.client(), stored
        for number in range(4):
            base = client.update_plan(base, change(base.plan, number)).now

    def extent(plan: IndividualPlan, number: int) -> IndividualPlan:
        first, *others = plan.measures
        return plan.evolve(measures=(first.evolve(extent=f"{number} ganger"), *others))

    with ThreadPoolExecutor(2) as both:
        done = [both.submit(edits, extent), both.submit(edits, lambda plan, number: plan.evolve(title=f"Nr. {number}"))]
        for one in done:
            one.result()
    now = site.client().fetch_plan(stored.plan.id).plan
    assert (now.title, now.measures[0].extent) == ("Nr. 3", "3 ganger")
    seen(site, "two of ours editing one plan at once", "all changes there")


@ON_BOTH
def test_an_old_version_is_not_written_over(site: Site, plan: IndividualPlan) -> None:
    """By itself and in a transaction, of which then nothing takes effect; the status is the server's own."""
    client = site.client()
    stored = client.store_plan(plan)
    old = there(client, "CarePlan", stored.plan.id)
    by_another(client, "CarePlan", stored.plan.id, note=[{"text": "theirs"}])
    version = old["meta"]["versionId"]
    goal = there(client, "Goal", stored.plan.goals[0].id)
    several = transaction(
        [
            EntryRequest("PUT", f"Goal/{goal['id']}", {**goal, "language": "nn"}, if_match=goal["meta"]["versionId"]),
            EntryRequest("PUT", f"CarePlan/{old['id']}", old, if_match=version),
        ]
    )
    for interaction in (instances.update(old, if_match=version), several):
        with pytest.raises(Conflict, match=f"HTTP {site.stale}"):
            client.connection.perform(interaction)
    assert there(client, "Goal", goal["id"]) == goal
    assert there(client, "CarePlan", old["id"])["note"] == [{"text": "theirs"}]
    seen(site, "an update of an old version", f"refused, HTTP {site.stale}")


@ON_BOTH
def test_what_was_just_written_is_fetched(site: Site, plan: IndividualPlan) -> None:
    """A relative whom nothing refers to is found by a search; no answer of a minute ago is taken for that of now."""
    client, another = site.client(), site.client()
    stored = client.store_plan(plan)
    relative = there(client, "RelatedPerson", stored.plan.related_persons[0].id)
    aunt = {name: value for name, value in relative.items() if name not in {"id", "meta", "identifier"}}
    for year in (1990, 1991):
        made = another.connection.perform(instances.create({**aunt, "birthDate": f"{year}-01-01"}))
        url = f"{site.base}/RelatedPerson/{made.location.id}"
        assert url in {entry["fullUrl"] for entry in client.fetch_plan(stored.plan.id).bundle["entry"]}
    seen(site, "a relative added by somebody else, fetched at once", "there")


@ON_BOTH
def test_ids_of_digits_only(site: Site, plan: IndividualPlan) -> None:
    """A server may refuse them: a plan of ours whose parts have such ids is stored with ids of the server's kind."""
    client = site.client()
    put = EntryRequest("PUT", "Organization/101", {"resourceType": "Organization", "id": "101", "name": "x"})
    try:
        client.connection.perform(transaction([put]))
        said = "accepted"
    except Rejected as error:
        said = f"refused, HTTP {error.status}"
    renamed = json.dumps(plan.model_dump(mode="json")).replace(f'"{plan.goals[0].id}"', '"7001"')
    stored = client.store_plan(read(IndividualPlan, renamed))
    assert contents(stored.plan) == contents(plan)
    seen(
        site, "ids of digits only", said, "ours is an identifier there; the server gives the id" * (said != "accepted")
    )


@ON_BOTH
def test_without_batches(site: Site, plan: IndividualPlan) -> None:
    """A client that may not send batches reads the same plan: by one search where it includes all, else one by one."""
    stored = site.client().store_plan(plan)
    client = site.client(batches=False)
    assert same(client.fetch_plan(stored.plan.id), stored)
    few = client.connection.requests <= 6
    result = f"{client.connection.requests} requests" if few else "one request for each resource"
    seen(site, "a plan fetched without batches", result, "" if few else "it does not include what a plan refers to")


@ON_BOTH
def test_interactions(site: Site, plan: IndividualPlan) -> None:
    """Old versions and the history are there, a number is searched for in a body, a condition creates once."""
    client = site.client()
    stored = client.store_plan(plan)
    perform, ident = client.connection.perform, stored.plan.id
    by_another(client, "CarePlan", ident, note=[{"text": "theirs"}])
    now = there(client, "CarePlan", ident)
    version = int(now["meta"]["versionId"])
    assert perform(instances.vread("CarePlan", ident, str(version - 1))).resource.get("note") != now["note"]
    assert len(perform(searches.history("CarePlan", ident)).resources) == version
    organization = {"resourceType": "Organization", "name": "x", "identifier": [{"system": "urn:x", "value": ident}]}
    condition = [("identifier", f"urn:x|{ident}")]
    made = [perform(instances.create(organization, if_none_exist=condition)) for _ in range(2)]
    assert [one.created for one in made] == [True, False]
    assert made[0].location.id == made[1].location.id
    patched = perform(
        instances.patch("Organization", made[0].location.id, [{"op": "add", "path": "/alias", "value": ["y"]}])
    )
    assert there(client, "Organization", patched.location.id)["alias"] == ["y"]
    perform(instances.delete("Organization", patched.location.id))
    with pytest.raises(Rejected, match="410"):
        there(client, "Organization", patched.location.id)
    seen(site, "vread, history, conditional create, JSON Patch, delete", "as in FHIR R4")


@ON_BOTH
def test_the_doctor(site: Site, plan: IndividualPlan) -> None:
    """`ip-fhir doctor --server` finds nothing that fails, and foretells the way that our client takes."""
    found = list(check_server(site.base, None))
    assert [finding for finding in found if finding.status == "fail"] == []
    client = site.client()
    client.store_plan(plan)
    foretold = bool(Abilities.read(client.capability()).created_by_name())
    assert (foretold, client.batches) == (client.by_name, True)
    warned = ", ".join(dict.fromkeys(finding.what for finding in found if finding.status == "warn"))
    seen(site, "ip-fhir doctor --server", f"no fail; warns of {warned}")

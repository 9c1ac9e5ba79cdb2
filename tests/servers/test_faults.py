"""Servers that behave badly: a typed error of the peer, nothing lost, nothing doubled, no other host asked."""

from __future__ import annotations

import pytest

from ip_fhir.errors import Conflict, InvalidInput, PeerError, Rejected, Unavailable
from ip_fhir.servers import FetchedPlan, FhirServer
from tests.mapping.examples import example
from tests.servers.plans import same, with_aunt, with_title
from tests.support.fhir_server import Fault, FhirServerDouble, Refused


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("html", Unavailable),
        ("truncates", Unavailable),
        ("hangs", Unavailable),
        ("redirects", Rejected),
        ("error inside", Rejected),
        ("summary", Rejected),
        ("pages for ever", Rejected),
        ("pages elsewhere", Rejected),
        ("no consent search", Rejected),
    ],
)
def test_a_plan_is_not_read_from_it(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan, fault: Fault, error: type[PeerError]
) -> None:
    """Each is a typed error that names the host and none of the server's words; nothing is written."""
    double.faults.add(fault)
    count = double.count()
    with pytest.raises(error) as caught:
        client.fetch_plan(stored.plan.id)
    assert str(caught.value).startswith("127.0.0.1:")
    assert "Kari" not in str(caught.value)
    assert "169.254" not in str(caught.value)
    assert double.count() == count


@pytest.mark.parametrize("fault", ["html", "truncates", "hangs", "redirects", "error inside"])
def test_a_change_is_not_lost_on_it(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan, fault: Fault
) -> None:
    """The update fails with an error of the peer; made again when the server is well, it takes effect once."""
    wanted = with_aunt(stored)
    double.faults.add(fault)
    with pytest.raises(PeerError):
        client.update_plan(stored, wanted)
    double.faults.clear()
    now = client.update_plan(stored, wanted).now
    assert [goal.text for goal in now.plan.goals].count("Gå på ski") == 1
    assert len(double.of_type("RelatedPerson")) == len(stored.plan.related_persons) + 1
    assert len(double.of_type("Goal")) == len(stored.plan.goals) + 1


def test_another_persons_plan_is_refused(double: FhirServerDouble, client: FhirServer, stored: FetchedPlan) -> None:
    """Asked for one plan, the server answers another; by number it is seen by the person."""
    other = client.store_plan(example(2)).plan
    double.faults.add("another person")
    with pytest.raises(Rejected, match="another CarePlan"):
        client.fetch_plan(other.id)
    with pytest.raises(Rejected, match="another person's"):
        client.fetch_plan(stored.plan.id, person=other.owner.identifier)


def test_one_number_at_two_patients(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan, waited: list[float]
) -> None:
    """A plan of theirs cannot be stored until somebody has merged them: that is said at once, and nothing written."""
    (patient,) = double.of_type("Patient")
    double.put({**patient, "id": "another"})
    later = example(1).evolve(created=stored.plan.created.replace(year=2031))
    count = double.count()
    with pytest.raises(Rejected, match="there are 2 of type Patient with one number: somebody must merge") as caught:
        client.store_plan(later)
    assert caught.value.status == 412
    assert (double.count(), waited) == (count, [])
    assert str(example(1).owner.identifier) not in str(caught.value)


def test_a_relative_that_cannot_be_read(double: FhirServerDouble, client: FhirServer, stored: FetchedPlan) -> None:
    """Somebody else's relative has no name: the plan is read without, which is told; a change leaves it as it is."""
    (relative, *_) = double.of_type("RelatedPerson")
    double.put({"resourceType": "RelatedPerson", "id": "theirs", "patient": relative["patient"]})
    fetched = client.fetch_plan(stored.plan.id)
    assert fetched.plan == stored.plan
    (told,) = [one for one in fetched.warnings if one.path.startswith("RelatedPerson")]
    assert (told.severity, "stays there as it is" in told.reason) == ("warning", True)
    updated = client.update_plan(fetched, with_title(fetched, "Min plan"))
    assert (updated.written, updated.now.plan.title) == (1, "Min plan")
    assert len(double.versions["RelatedPerson/theirs"]) == 1


def test_a_relative_whom_the_plan_needs(double: FhirServerDouble, client: FhirServer, stored: FetchedPlan) -> None:
    """One who is referred to is not left out: the plan cannot be read, and that is said."""
    for relative in double.of_type("RelatedPerson"):
        double.put({name: value for name, value in relative.items() if name != "name"})
    with pytest.raises(Rejected, match="the plan cannot be read"):
        client.fetch_plan(stored.plan.id)


def test_criteria_that_are_ignored_show_nobody_elses(double: FhirServerDouble, client: FhirServer) -> None:
    """A search that finds everybody's consents and relatives: only those of the person are the plan's."""
    first = client.store_plan(example(1))
    client.store_plan(example(2))
    double.faults.add("ignores criteria")
    assert same(client.fetch_plan(first.plan.id), first)


def test_a_server_without_batches_is_searched(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan
) -> None:
    """The same plan in six requests where it has our search parameters, and in five when it is known."""
    double.faults.add("no batch")
    double.asked.clear()
    assert same(client.fetch_plan(stored.plan.id), stored)
    assert len(double.asked) == 6
    double.asked.clear()
    assert same(client.fetch_plan(stored.plan.id), stored)
    assert len(double.asked) == 5


def test_a_server_with_neither_is_asked_one_by_one(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan
) -> None:
    """The same plan, in a request for each resource and a few more."""
    double.faults |= {"no batch", "no includes"}
    double.asked.clear()
    assert same(client.fetch_plan(stored.plan.id), stored)
    assert len(double.asked) <= len(stored.bundle["entry"]) + 6


def test_busy_entries_are_asked_again_and_no_others(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan, waited: list[float]
) -> None:
    """Two entries of a batch with the status 200 ask to come again (429): the next batch has those two."""
    double.faults.add("busy entries")
    double.bodies.clear()
    assert same(client.fetch_plan(stored.plan.id), stored)
    assert [body.count(b'"GET"') for body in double.bodies][2] == 2
    assert waited


def test_a_busy_server_is_asked_again_after_a_while(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan, waited: list[float]
) -> None:
    """Each second request is refused with 503: all are made in the end, with a wait that begins at half a second."""
    double.asked.clear()
    double.faults.add("busy")
    assert client.update_plan(stored, with_title(stored, "Min plan")).now.plan.title == "Min plan"
    assert set(waited) == {0.5}


@pytest.mark.parametrize("fault", ["late", "lost"])
def test_a_transaction_without_an_answer_is_looked_up(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan, fault: Fault
) -> None:
    """504, after it took effect and without: in the end it took effect once."""
    double.faults.add(fault)
    updated = client.update_plan(stored, with_aunt(stored))
    assert updated.written == 3
    assert same(updated.now, client.fetch_plan(stored.plan.id))
    assert len(double.of_type("Goal")) == len(stored.plan.goals) + 1
    assert len(double.of_type("RelatedPerson")) == len(stored.plan.related_persons) + 1
    assert double.now(f"CarePlan/{stored.plan.id}")["meta"]["versionId"] == "2"


@pytest.mark.parametrize("fault", ["late", "lost"])
def test_an_update_without_an_answer_is_read_back(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan, fault: Fault
) -> None:
    """The same where nothing was created that could be looked up: the plan is read, and only what is missing sent."""
    double.faults.add(fault)
    updated = client.update_plan(stored, with_title(stored, "Min plan"))
    assert updated.written == 1
    assert updated.now.plan.title == "Min plan"
    assert double.now(f"CarePlan/{stored.plan.id}")["meta"]["versionId"] == "2"


@pytest.mark.parametrize("fault", ["late", "no location"])
def test_a_plan_that_was_stored_without_an_answer_is_found(
    double: FhirServerDouble, client: FhirServer, fault: Fault
) -> None:
    """A creation after which nobody says where it is: it is looked up by its identifier, and not made again."""
    double.faults.add(fault)
    found = client.store_plan(example(1))
    assert double.now(f"CarePlan/{found.plan.id}")["meta"]["versionId"] == "1"
    assert double.count() == 58


def test_a_plan_that_was_lost_can_be_stored_again(double: FhirServerDouble, client: FhirServer) -> None:
    """504 before it took effect: an error, and the same call stores it."""
    double.faults.add("lost")
    with pytest.raises(Unavailable):
        client.store_plan(example(1))
    client.store_plan(example(1))
    assert double.count() == 58


def test_what_was_written_over_is_told(double: FhirServerDouble, client: FhirServer, stored: FetchedPlan) -> None:
    """A server that ignores If-Match: the version that was written over is named, and is in its history."""
    double.faults.add("ignores If-Match")
    plan = double.now(f"CarePlan/{stored.plan.id}")
    double.before_transaction = lambda: double.put({**plan, "description": "theirs"})
    with pytest.raises(Rejected, match="version 2 of a CarePlan written over"):
        client.update_plan(stored, with_title(stored, "Min plan"))


def test_a_server_without_versions_is_written_nothing(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan
) -> None:
    """Without a version nobody would notice that another's change is lost: refused before anything is sent."""
    double.faults.add("no versions")
    before = client.fetch_plan(stored.plan.id)
    count = double.count()
    with pytest.raises(Rejected, match="has no version"):
        client.update_plan(before, with_title(before, "Min plan"))
    assert double.count() == count


def test_a_plan_that_refers_elsewhere_is_asked_for_here_alone(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan
) -> None:
    """References to other hosts and to other plans are not followed; one to what is gone is told."""
    plan = double.now(f"CarePlan/{stored.plan.id}")
    elsewhere = [{"reference": "http://169.254.169.254/fhir/Goal/1"}, {"reference": "CarePlan/other"}]
    double.put({**plan, "replaces": elsewhere, "supportingInfo": [{"reference": "DocumentReference/gone"}]})
    double.asked.clear()
    double.bodies.clear()
    found = client.fetch_plan(stored.plan.id)
    assert not [body for body in double.bodies if b"169.254" in body or b"CarePlan/other" in body]
    assert "DocumentReference" in {warning.path for warning in found.warnings}


def test_a_plan_whose_parts_are_missing_is_the_servers_fault(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan
) -> None:
    """A goal that is not there: the plan is not read without it, and the error is the peer's."""
    del double.versions[f"Goal/{stored.plan.goals[0].id}"]
    with pytest.raises(Rejected, match="cannot be read") as caught:
        client.fetch_plan(stored.plan.id)
    assert isinstance(caught.value.__cause__, InvalidInput)


def test_a_plan_that_is_not_there(client: FhirServer) -> None:
    """404 is a permanent no, with its status."""
    with pytest.raises(Rejected) as caught:
        client.fetch_plan("nobody")
    assert caught.value.status == 404


def test_a_server_that_is_always_stale_is_left(
    double: FhirServerDouble, client: FhirServer, stored: FetchedPlan
) -> None:
    """Somebody writes before each of our attempts: after some, the conflict is the caller's, and nothing is lost."""
    plan_name, notes = f"CarePlan/{stored.plan.id}", list[dict[str, str]]()

    def write() -> None:
        notes.append({"text": f"theirs {len(notes)}"})
        double.put({**double.now(plan_name), "note": [*notes]})
        double.before_transaction = write

    double.before_transaction = write
    with pytest.raises(Conflict):
        client.update_plan(stored, with_title(stored, "Min plan"))
    assert double.now(plan_name)["note"] == notes


def test_a_server_that_takes_no_conditions(double: FhirServerDouble, client: FhirServer) -> None:
    """It cannot search goals by identifier: they are created by name, once, and only patients by condition."""
    double.faults.add("no conditions")
    stored = client.store_plan(example(1))
    count = double.count()
    assert same(client.store_plan(example(1)), stored)
    assert double.count() == count == 58
    assert len(double.of_type("Patient")) == 1
    assert {goal.id for goal in stored.plan.goals} == {one["id"] for one in double.of_type("Goal")}
    updated = client.update_plan(stored, with_aunt(stored))
    assert updated.written == 3
    assert same(updated.now, client.fetch_plan(stored.plan.id))
    assert same(client.update_plan(stored, with_aunt(stored)).now, updated.now)
    assert len(double.of_type("Goal")) == len(stored.plan.goals) + 1


@pytest.mark.parametrize("fault", ["late", "lost"])
def test_no_conditions_and_an_answer_that_did_not_come(
    double: FhirServerDouble, client: FhirServer, fault: Fault
) -> None:
    """The server is asked by name whether it took effect: nothing is there twice, and nothing missing."""
    double.faults.add("no conditions")
    stored = client.store_plan(example(1))
    double.faults.add(fault)
    updated = client.update_plan(stored, with_aunt(stored))
    assert same(updated.now, client.fetch_plan(stored.plan.id))
    assert [goal.text for goal in updated.now.plan.goals].count("Gå på ski") == 1
    assert len(double.of_type("Goal")) == len(stored.plan.goals) + 1


def test_a_part_is_changed_while_another_adds_it_too(double: FhirServerDouble, client: FhirServer) -> None:
    """Two of ours add the same goal by name, and the first one's is changed since: the change stays."""
    double.faults.add("no conditions")
    stored = client.store_plan(example(1))
    first = client.update_plan(stored, with_aunt(stored)).now
    goal = next(goal for goal in first.plan.goals if goal.text == "Gå på ski")
    double.put({**double.now(f"Goal/{goal.id}"), "note": [{"text": "theirs"}]})
    client.update_plan(stored, with_aunt(stored))
    assert double.now(f"Goal/{goal.id}")["note"] == [{"text": "theirs"}]


def test_an_ignored_condition_is_told(double: FhirServerDouble, client: FhirServer) -> None:
    """A server takes a part of an older plan for the new one: an error, and never a plan with that part."""
    client.store_plan(example(1).evolve(created=example(1).created.replace(year=2020)))
    double.faults.add("ignores conditions")
    with pytest.raises(Rejected, match="a condition was not heeded"):
        client.store_plan(example(1))


def test_a_conflict_while_storing(double: FhirServerDouble, client: FhirServer, waited: list[float]) -> None:
    """Somebody creates one of the resources at the same time, and nothing of ours is written: it is tried again."""

    def refuse() -> None:
        raise Refused(409, "conflict")

    double.before_transaction = refuse
    stored = client.store_plan(example(1))
    assert same(client.store_plan(example(1)), stored)
    assert (double.count(), len(waited)) == (58, 1)


def test_conflicts_without_end_while_storing(double: FhirServerDouble, client: FhirServer) -> None:
    """A server that always answers so is given up, and nothing is there."""

    def refuse() -> None:
        double.before_transaction = refuse
        raise Refused(409, "conflict")

    double.before_transaction = refuse
    with pytest.raises(Conflict):
        client.store_plan(example(1))
    assert double.count() == 0


@pytest.mark.parametrize("change", [None, {"note": [{"text": "theirs"}]}])
def test_a_part_that_another_created_by_name_meanwhile(
    double: FhirServerDouble, client: FhirServer, change: dict[str, object] | None
) -> None:
    """The same content is no loss; content that was changed since is told, and can be read in its history."""
    double.faults.add("no conditions")
    plan = example(1)
    stored = client.store_plan(plan)
    another, double.versions = double.versions, {}

    def somebody() -> None:
        double.versions |= another
        if change is not None:
            double.put({**double.now(f"Goal/{stored.plan.goals[0].id}"), **change})

    double.before_transaction = somebody
    if change is None:
        assert contents_of(client.store_plan(plan)) == contents_of(stored)
        return
    with pytest.raises(Rejected, match="written over: see its history"):
        client.store_plan(plan)


def contents_of(plan: FetchedPlan) -> list[object]:
    """The resources of a plan without their versions."""
    return [{**entry["resource"], "meta": None} for entry in plan.bundle["entry"]]

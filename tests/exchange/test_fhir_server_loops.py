"""The loop and a shared plan through a FHIR server that has no messaging, with real HTTP between."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ip_fhir.bootstrap import open_exchange, open_listeners
from ip_fhir.demo.place import free_ports
from ip_fhir.domain.referral import Role
from ip_fhir.exchange.listeners import listening
from ip_fhir.settings.sections import ListenerSettings
from tests.support.fhir_server import JSON, Fault, FhirServerDouble, fhir_server
from tests.support.ring_plan import copy, shared
from tests.support.served import eventually
from tests.support.through_fhir import (
    HOSPITAL,
    MUNICIPALITY,
    Through,
    numbers,
    plan_shared,
    ring_through,
    texts,
    through_server,
    whole_loop,
)
from tests.support.two_sides import form, notice, side_settings


@pytest.fixture
def server() -> Iterator[FhirServerDouble]:
    """A server that refuses references to nothing, as HAPI does."""
    with fhir_server() as double:
        double.faults.add("checks references")
        double.clock = lambda: datetime.now(UTC)
        yield double


@pytest.fixture
def through(tmp_path: Path, server: FhirServerDouble) -> Iterator[Through]:
    """Both sides, with the server between them."""
    with through_server(tmp_path, server.base) as made:
        yield made


def test_a_loop(through: Through, server: FhirServerDouble) -> None:
    """Notice, form and end arrive; each message is one Task there, which says that it was taken in."""
    whole_loop(through)
    tasks = server.of_type("Task")
    assert {task["status"] for task in tasks} == {"completed"}
    assert len(tasks) == len({task["identifier"][0]["value"] for task in tasks}) >= 2
    assert len(server.of_type("ServiceRequest")) == len(server.of_type("QuestionnaireResponse")) == 1
    assert len(server.of_type("Patient")) == 1


def test_a_plan(tmp_path: Path, server: FhirServerDouble) -> None:
    """A view, a change, the next view, the end: one CarePlan there, written over by its own writer, revoked at last."""
    with ring_through(tmp_path, server.base) as (ring, settle):
        plan_shared(ring, settle)
    assert [len(found) for name, found in server.versions.items() if name.startswith("CarePlan/")] == [3]
    assert server.of_type("CarePlan")[0]["status"] == "revoked"
    tasks = [task["code"]["coding"][0]["code"] for task in server.of_type("Task") if task["status"] == "completed"]
    assert tasks == ["plan", "plan-change", "plan", "plan-change-answer", "plan-withdrawn"]


def test_a_server_that_two_parties_read(tmp_path: Path, server: FhirServerDouble) -> None:
    """The hospital's view there has what the school may see, too: no trace of the rest in any version or attachment."""
    with ring_through(tmp_path, server.base, readers=("school",)) as (ring, settle):
        shared(ring, HOSPITAL)
        settle()
        assert len(copy(ring, HOSPITAL).plan.goals) == 1
    there = [text for found in server.versions.values() for one in found for text in texts(one)]
    assert any("Svømmetrening" in text for text in there)
    closed = ("Å bo for seg selv", "Å få egen bolig", "Søke om bolig")
    assert [words for text in there for words in closed if words in text] == []


def test_killed_and_doubled(through: Through, server: FhirServerDouble) -> None:
    """No answer comes to any first transaction, each listener dies after each look, and looks twice: the same end."""
    listeners = through.look

    def look(*names: str) -> None:
        for name in names or (HOSPITAL, MUNICIPALITY):
            through.restart(name)
            listeners(name)
            listeners(name)
        through.loop.clock.forward(minutes=2)
        server.faults.add("late")

    through.look = look  # type: ignore[method-assign]
    server.faults.add("late")
    whole_loop(through)
    tasks = server.of_type("Task")
    assert len(tasks) == len({task["identifier"][0]["value"] for task in tasks})
    assert len(server.of_type("ServiceRequest")) == len(server.of_type("Patient")) == 1
    assert len(through.loop.municipality.exchange.store.referrals()) == 1


def test_by_notifications(tmp_path: Path, server: FhirServerDouble) -> None:
    """Both sides look once an hour, and otherwise when the server tells: the loop comes to its end at once."""
    server.hooks = True
    with ExitStack() as stack:
        through = stack.enter_context(through_server(tmp_path, server.base))
        for name in (HOSPITAL, MUNICIPALITY):
            (port,) = free_ports(1)
            door = {"hook": f"http://127.0.0.1:{port}/", "hook_port": port, "hook_token": "a-token-of-" + name}
            through.options = {**door, "seconds": 0.05, "hook_seconds": 3600.0}
            through.restart(name)
            through.listeners[name].start(through.side(name).exchange)
            stack.callback(through.listeners[name].stop)
        sent, hospital, municipality = notice("01"), through.loop.hospital, through.loop.municipality

        def both(state: str) -> bool:
            through.loop.settle()
            return through.loop.states(sent.correlation_id) == (state, state)

        hospital.exchange.send_notice(sent)
        eventually(lambda: both("delivered"), 60)
        eventually(lambda: len(server.of_type("Subscription")) == 4)
        municipality.exchange.answer(form("01-child-with-cerebral-palsy"))
        eventually(lambda: both("confirmed"), 60)
        eventually(lambda: all(one.is_told for one in through.listeners.values()))
        tasks = server.of_type("Task")
        assert len(tasks) == len({task["identifier"][0]["value"] for task in tasks})
        assert len(municipality.exchange.store.referrals()) == 1


def test_the_store_fails(through: Through, server: FhirServerDouble) -> None:
    """What is not committed is not acknowledged: its Task waits, and is taken in when the store works again."""
    through.loop.municipality.store.cut_at = "commit"
    through.loop.hospital.exchange.send_notice(notice("01"))
    through.settle()
    assert [task["status"] for task in server.of_type("Task")] == ["requested"]
    assert [row.status for row in through.loop.hospital.exchange.store.outbox("awaiting")] == ["awaiting"]
    through.loop.municipality.store.cut_at = None
    through.settle()
    assert [task["status"] for task in server.of_type("Task")] == ["completed"]
    assert len(through.loop.municipality.exchange.store.referrals()) == 1
    assert through.loop.hospital.exchange.store.outbox("awaiting") == []


def test_killed_before_the_receipt(through: Through, server: FhirServerDouble) -> None:
    """Killed after the commit and before the status is set, a side takes the same in again: no second effect."""
    server.faults.add("no settling")
    through.loop.hospital.exchange.send_notice(notice("01"))
    through.loop.hospital.exchange.run_due()
    through.look(MUNICIPALITY)
    evidence = len(through.loop.municipality.exchange.store.evidence())
    server.faults.discard("no settling")
    through.restart(MUNICIPALITY)
    through.settle()
    store = through.loop.municipality.exchange.store
    assert len(store.evidence()) == evidence
    assert (len(store.referrals()), store.refusals()) == (1, [])
    assert [task["status"] for task in server.of_type("Task")] == ["completed"]


def test_without_a_listener_for_receipts(through: Through, server: FhirServerDouble) -> None:
    """The hospital hears of the receipt when the message is overdue and looked for again: nothing is written twice."""
    through.loop.hospital.exchange.send_notice(notice("01"))
    through.loop.hospital.exchange.run_due()
    through.look(MUNICIPALITY)
    count = server.count()
    through.loop.clock.forward(days=1)
    through.loop.hospital.exchange.run_due()
    assert through.loop.hospital.exchange.store.outbox("awaiting") == []
    assert server.count() == count


def test_refused_by_the_receiver(through: Through, server: FhirServerDouble) -> None:
    """A message that is refused for good is parked at its sender with the reason, and its people are told."""
    through.loop.hospital.exchange.send_notice(notice("01"))
    through.loop.hospital.exchange.run_due()
    (task,) = server.of_type("Task")
    server.put({**task, "status": "rejected", "statusReason": {"coding": [{"code": "business-rule"}]}})
    through.look(HOSPITAL)
    (row,) = through.loop.hospital.exchange.store.outbox("parked")
    assert row.last_error is not None
    assert "the receiver's Task is rejected" in row.last_error
    through.loop.hospital.exchange.run_due()
    assert through.loop.hospital.told


def test_what_nobody_can_read(through: Through, server: FhirServerDouble) -> None:
    """A Task for us that carries no message we can read is refused once, recorded, and its Task says so."""
    through.loop.hospital.exchange.send_notice(notice("01"))
    through.loop.hospital.exchange.run_due()
    (task,) = server.of_type("Task")
    attachment = {**task["input"][0]["valueAttachment"], "data": "e30="}
    server.put({**task, "input": [{**task["input"][0], "valueAttachment": attachment}]})
    for _ in range(2):
        through.look(MUNICIPALITY)
    assert len(through.loop.municipality.exchange.store.refusals()) == 1
    assert server.now(f"Task/{task['id']}")["status"] == "rejected"


@pytest.mark.parametrize("ways", ["no conditional create", "no identifier search"])
def test_poorer_servers(tmp_path: Path, server: FhirServerDouble, ways: Fault) -> None:
    """The loop runs through a server that can do less, with nothing doubled."""
    server.faults.add(ways)
    with through_server(tmp_path, server.base) as through:
        whole_loop(through)
    assert len(server.of_type("Patient")) == 1
    tasks = server.of_type("Task")
    assert len(tasks) == len({task["identifier"][0]["value"] for task in tasks})


def by_hand(server: FhirServerDouble, task: JSON) -> JSON:
    """The Task as somebody writes it who has no message Bundle to put into it."""
    without: JSON = {name: value for name, value in task.items() if name != "input"}
    server.versions[f"Task/{task['id']}"] = []
    server.put({**without, "status": "requested"})
    return server.now(f"Task/{task['id']}")


def test_written_by_somebodys_own_tools(through: Through, server: FhirServerDouble) -> None:
    """A notice and a form that are only resources, each named by a Task, are read as the messages they are."""
    sent = notice("01")
    hospital, municipality = through.loop.hospital, through.loop.municipality
    hospital.exchange.send_notice(sent)
    hospital.exchange.run_due()
    (task,) = server.of_type("Task")
    by_hand(server, task)
    through.settle()
    municipality.exchange.answer(form("01-child-with-cerebral-palsy"))
    municipality.exchange.run_due()
    answer = server.of_type("Task")[-1]
    by_hand(server, answer)
    through.settle()
    through.loop.clock.forward(days=1)
    through.settle()
    assert through.loop.states(sent.correlation_id) == ("confirmed", "confirmed")
    assert hospital.exchange.store.refusals() == municipality.exchange.store.refusals() == []
    assert {one["status"] for one in server.of_type("Task")} == {"completed"}


def test_resources_that_were_touched_meanwhile(through: Through, server: FhirServerDouble) -> None:
    """A message of resources is the same message when versions and narratives have changed before it came again."""
    through.loop.hospital.exchange.send_notice(notice("01"))
    through.loop.hospital.exchange.run_due()
    task = by_hand(server, server.of_type("Task")[0])
    server.faults.add("no settling")
    through.look(MUNICIPALITY)
    for request in server.of_type("ServiceRequest"):
        server.put({**request, "text": {"status": "generated", "div": "<div>x</div>"}})
    server.faults.discard("no settling")
    through.restart(MUNICIPALITY)
    through.look(MUNICIPALITY)
    assert through.loop.municipality.exchange.store.refusals() == []
    assert server.now(f"Task/{task['id']}")["status"] == "completed"


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"groupIdentifier": None}, "Task.groupIdentifier"),
        ({"groupIdentifier": {"system": "urn:other", "value": "referral-01"}}, "Task.groupIdentifier"),
        ({"requester": {"reference": "Organization/none"}}, "Task.requester"),
        ({"requester": {"display": "Sjukehuset"}}, "Task.requester"),
        ({"authoredOn": None}, "Bundle.timestamp"),
        ({"focus": None}, "Bundle"),
        (
            {"code": {"coding": [{"system": "https://ip-fhir.github.io/fhir/CodeSystem/message", "code": "plan"}]}},
            "Task",
        ),
        ({"code": {"coding": [{"system": "https://ip-fhir.github.io/fhir/CodeSystem/message", "code": "x"}]}}, ""),
    ],
)
def test_a_task_that_says_too_little(through: Through, server: FhirServerDouble, changed: JSON, place: str) -> None:
    """It is refused with the place, recorded, and its Task says so; nothing is guessed."""
    through.loop.hospital.exchange.send_notice(notice("01"))
    through.loop.hospital.exchange.run_due()
    task = by_hand(server, server.of_type("Task")[0])
    server.put({name: value for name, value in {**task, **changed}.items() if value is not None})
    through.look(MUNICIPALITY)
    (refusal,) = through.loop.municipality.exchange.store.refusals()
    assert refusal.reason.startswith(place)
    assert server.now(f"Task/{task['id']}")["status"] == "rejected"
    assert through.loop.municipality.exchange.store.referrals() == []


def test_strangers_tasks(through: Through, server: FhirServerDouble) -> None:
    """A Task of ours for something else than a message stays as it is."""
    through.loop.hospital.exchange.send_notice(notice("01"))
    through.settle()
    owner = server.of_type("Task")[0]["owner"]
    code = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}
    other = {"resourceType": "Task", "id": "other", "status": "requested", "intent": "order", "owner": owner}
    server.put({**other, "identifier": [{"value": "x"}], "code": code})
    before = server.count()
    through.look()
    assert server.count() == before
    assert through.loop.municipality.exchange.store.refusals() == []


def test_a_second_loop(tmp_path: Path, server: FhirServerDouble) -> None:
    """Where a loop has run before, another about the same person runs too; the person is there once."""
    for mark in ("-one", "-two"):
        (tmp_path / mark).mkdir()
        with through_server(tmp_path / mark, server.base) as through:
            whole_loop(through, mark)
    assert len(server.of_type("ServiceRequest")) == 2
    assert len(server.of_type("Patient")) == 1


def test_from_settings(tmp_path: Path, server: FhirServerDouble) -> None:
    """Adapter, format and listener are found by their names in settings, and a notice goes from side to side."""
    with ExitStack() as stack:
        sides = {}
        for role, other in ((Role.HOSPITAL, Role.MUNICIPALITY), (Role.MUNICIPALITY, Role.HOSPITAL)):
            peer = {"adapter": "fhirserver", "url": server.base, "options": {"meta_profile": False}}
            settings = side_settings(tmp_path, role, **peer)
            named = {"url": server.base, "peer": str(other), "seconds": 0.05}
            ours = numbers(settings.organization)
            listener = ListenerSettings.model_validate({"use": "fhirserver", "organizations": ours, **named})
            settings = settings.evolve(listeners=(listener,))
            exchange = sides[role] = open_exchange(settings)
            stack.callback(exchange.store.close)
            stack.enter_context(listening(exchange, open_listeners(settings)))
        sent = notice("01").evolve(authored=datetime.now(UTC))
        sides[Role.HOSPITAL].send_notice(sent)
        sides[Role.HOSPITAL].run_due()
        eventually(lambda: sides[Role.MUNICIPALITY].store.referral(sent.correlation_id) is not None)
        eventually(lambda: not sides[Role.HOSPITAL].store.outbox("awaiting"))
        assert sides[Role.HOSPITAL].store.outbox()[0].status == "sent"
    assert all("profile" not in one["meta"] for found in server.versions.values() for one in found)

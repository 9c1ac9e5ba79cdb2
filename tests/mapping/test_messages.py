"""Messages and referrals: there and back, and what a changed Task means."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.loop.table import TASK_STATUS
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.referral import EventKind, Role, State
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.fhir_bundles import FhirMessage
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.mapping import (
    default,
    event_from_task,
    message_from_fhir,
    message_from_transaction,
    message_to_fhir,
    referral_resources,
    referral_to_fhir,
)
from tests.mapping.foreign_content import marks, woven
from tests.mapping.json_diff import differences
from tests.mapping.test_bad_input import form, notice, notice_transaction, referral
from tests.support.loop import by_hospital
from tests.support.strategies import messages

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
OWN = "https://ip-fhir.github.io/fhir"


@settings(max_examples=25)
@given(messages())
def test_a_message_comes_back(message: Message) -> None:
    """message_from_fhir(message_to_fhir(m)) == m, of every kind."""
    assert message_from_fhir(message_to_fhir(message)) == message


@settings(max_examples=10)
@given(messages(), st.data())
def test_a_message_with_foreign_content(message: Message, data: st.DataObject) -> None:
    """What another system adds to the resources of a message changes nothing of what it says."""
    made = message_to_fhir(message)
    for entry in made["entry"]:
        contained = entry["resource"].get("contained")
        entry["resource"] = data.draw(woven({k: v for k, v in entry["resource"].items() if k != "contained"}))
        if contained is not None:
            entry["resource"]["contained"] = contained
    assert message_from_fhir(made) == message


def test_a_notice_as_a_transaction() -> None:
    """The same notice comes out of a transaction; sent again it is the same message."""
    first, second = (message_from_transaction(notice_transaction()) for _ in range(2))
    assert first == second
    assert (first.kind, first.notice, first.correlation_id) == (MessageKind.NOTICE, notice(), notice().correlation_id)


def test_a_transaction_of_a_system_that_knows_no_correlation_id() -> None:
    """The ServiceRequest's own id is the correlation id then."""
    there = notice_transaction()
    request = next(e["resource"] for e in there["entry"] if e["resource"]["resourceType"] == "ServiceRequest")
    request["identifier"] = [{"system": "urn:theirs", "value": "1"}]
    found = message_from_transaction(there)
    assert found.correlation_id == request["id"]


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"request": {"method": "DELETE", "url": "Patient/p"}}, "request"),
        ({"request": {"method": "GET", "url": "Patient/p"}}, "request"),
        (
            {
                "resource": {"resourceType": "Patient", "id": "p"},
                "request": {"method": "PUT", "url": "Patient/p", "ifMatch": 'W/"3"'},
            },
            "request.ifMatch",
        ),
    ],
)
def test_a_transaction_that_asks_for_more_is_refused(entry: dict[str, Any], place: str) -> None:
    """Spark 714, openemr 12378: what would not be done is not answered as if it were; its place is named."""
    there = notice_transaction()
    there["entry"].append(entry)
    with pytest.raises(InvalidInput) as caught:
        message_from_transaction(there)
    number = len(there["entry"]) - 1
    assert [(p.path, p.code) for p in caught.value.problems] == [(f"Bundle.entry[{number}].{place}", "not-supported")]


def test_a_message_of_another_referral() -> None:
    """A header and a notice that name two referrals are refused, at the header's place."""
    n = notice()
    made = message_to_fhir(by_hospital(n, notice=n))
    text = f"{OWN}/StructureDefinition/ip-correlation"
    extension = next(e for e in made["entry"][0]["resource"]["extension"] if e["url"] == text)
    extension["valueIdentifier"]["value"] = "another"
    with pytest.raises(InvalidInput) as caught:
        message_from_fhir(made)
    assert caught.value.problems[0].path == "Bundle.entry[0].resource"


PLACES: list[tuple[str, Any, str]] = [
    ("timestamp", "yesterday", "Bundle.timestamp"),
    ("timestamp", None, "Bundle.timestamp"),
    ("entry.0.resource.contained.0.name", " ", "Bundle.entry[0].resource.contained[0].name"),
    ("entry.0.resource.contained", None, "Bundle.entry[0].resource.contained"),
    ("entry.0.resource.id", "no id", "Bundle.entry[0].resource.id"),
    ("entry.0.resource.eventCoding.code", "x", "Bundle.entry[0].resource.eventCoding"),
    ("entry.1.resource.payload.0.contentString", " ", "Bundle.entry[1].resource.payload[0].contentString"),
]


@pytest.mark.parametrize(("at", "value", "path"), PLACES)
def test_a_problem_of_a_message_is_told_with_its_place(at: str, value: Any, path: str) -> None:
    """By FHIRPath, in the header, the contained party, or the Communication."""
    n = notice()
    there: Any = message_to_fhir(by_hospital(n, MessageKind.REMINDER, number=1, text="Purring"))
    node = there
    *steps, last = at.split(".")
    for step in steps:
        node = node[int(step) if step.isdigit() else step]
    node[last] = value
    with pytest.raises(InvalidInput) as caught:
        message_from_fhir(there)
    assert [problem.path for problem in caught.value.problems] == [path]


@pytest.mark.parametrize("state", list(State))
def test_a_referral_in_every_state(state: State) -> None:
    """Task.status and businessStatus as the loop's table says; written again nothing changes."""
    made = referral_to_fhir(referral().evolve(state=state), [])
    standing = TASK_STATUS[state]
    assert [resource["resourceType"] for resource in made] == ["ServiceRequest", "Task"]
    task = made[1]
    assert task["status"] == standing.status
    business = task.get("businessStatus", {}).get("coding", [{}])[0].get("code")
    assert business == standing.business_status
    assert made[0]["id"] == referral().correlation_id
    assert task["focus"] == {"reference": f"ServiceRequest/{referral().correlation_id}"}
    assert referral_to_fhir(referral().evolve(state=state), made) == made


@settings(max_examples=10)
@given(st.data())
def test_a_referral_onto_versions_with_foreign_content(data: st.DataObject) -> None:
    """A state that changes changes status, businessStatus and when; nothing else in ServiceRequest and Task."""
    before = referral()
    there = [data.draw(woven(resource)) for resource in referral_to_fhir(before, [])]
    assert referral_to_fhir(before, there) == there
    assert default().referral_to_fhir(before, there, just_read=True) == there
    after = referral_to_fhir(before.evolve(state=State.ACCEPTED, changed=NOW), there)
    assert after[0] == there[0]
    assert {at.partition("[")[0].partition(".")[0] for at in differences(there[1], after[1])} == {
        "status",
        "businessStatus",
        "lastModified",
    }
    assert sorted(marks(after)) == sorted(marks(there))


@settings(max_examples=15)
@given(messages(MessageKind.NOTICE))
def test_a_request_that_was_just_read(message: Message) -> None:
    """The request of a message that came in is not written again, and that makes no difference."""
    wire = FhirMessage()
    incoming = wire.open(wire.write(message, default()), DEFAULT_LIMITS)
    read = incoming.message(default())
    assert isinstance(read, Message)
    assert read.notice is not None
    taken = referral().evolve(correlation_id=read.correlation_id, notice=read.notice)
    came = [{**resource, "id": read.correlation_id} for resource in incoming.resources()]
    assert default().referral_to_fhir(taken, came, just_read=True) == referral_to_fhir(taken, came)


def test_a_request_without_a_correlation_id_gets_one() -> None:
    """However it was read, it is written: what it lacks is put into it."""
    whole = referral_to_fhir(referral(), [])[0]
    bare = {name: value for name, value in whole.items() if name != "identifier"}
    assert default().referral_to_fhir(referral(), [bare], just_read=True)[0] == whole


def test_a_new_task_after_a_terminal_one() -> None:
    """A terminal Task is never reopened: the next one has the next number, and nothing of the old one."""
    first = referral_to_fhir(referral().evolve(state=State.CONFIRMED), [])
    second = referral_to_fhir(referral().evolve(state=State.VACANT, task_number=2), first)
    assert first[1]["id"] != second[1]["id"]
    assert second[1]["id"].endswith("-2")
    assert second[0] == first[0]


@pytest.mark.parametrize("correlation_id", ["short", "x" * 64])
@pytest.mark.parametrize("number", [1, 12])
def test_what_a_referral_is_called_as_resources(correlation_id: str, number: int) -> None:
    """Type and id of its resources are known before they are made: what is stored is read by them."""
    long = referral().evolve(correlation_id=correlation_id, task_number=number)
    assert referral_resources(long) == tuple((made["resourceType"], made["id"]) for made in referral_to_fhir(long, []))


MEANS = [
    (Role.HOSPITAL, "received", None, EventKind.RECEIVE),
    (Role.HOSPITAL, "accepted", None, EventKind.ACCEPT),
    (Role.HOSPITAL, "in-progress", "assessment", EventKind.ASSESS),
    (Role.HOSPITAL, "in-progress", "coordinator-vacant", EventKind.COORDINATOR_LEFT),
    (Role.HOSPITAL, "on-hold", None, EventKind.ASK_INFORMATION),
    (Role.HOSPITAL, "cancelled", None, EventKind.AGREE_ABORT),
    (Role.MUNICIPALITY, "requested", None, EventKind.GIVE_INFORMATION),
    (Role.MUNICIPALITY, "in-progress", "cancellation-requested", EventKind.ASK_ABORT),
    (Role.MUNICIPALITY, "cancelled", "consent-withdrawn", EventKind.WITHDRAW_CONSENT),
    (Role.MUNICIPALITY, "cancelled", None, EventKind.CANCEL),
    (Role.MUNICIPALITY, "completed", "closed", EventKind.CLOSE),
]


@pytest.mark.parametrize(("ours", "status", "business", "kind"), MEANS)
def test_what_a_changed_task_means(ours: Role, status: str, business: str | None, kind: EventKind) -> None:
    """The other side's status, raised by the other side; the same version of the Task is the same event."""
    before = referral().evolve(role=ours)
    task = {**referral_to_fhir(before, [])[1], "status": status, "meta": {"versionId": "7"}}
    task.pop("businessStatus", None)
    if business is not None:
        task["businessStatus"] = {"coding": [{"system": f"{OWN}/CodeSystem/business-status", "code": business}]}
    event, other_version = (event_from_task(before, {**task, "meta": {"versionId": v}}, NOW) for v in ("7", "8"))
    assert event is not None
    assert other_version is not None
    other = Role.MUNICIPALITY if ours is Role.HOSPITAL else Role.HOSPITAL
    assert (event.kind, event.raised_by, event.at) == (kind, other, NOW)
    assert event_from_task(before, task, NOW) == event
    assert other_version.id != event.id


def test_a_task_that_says_nothing_new() -> None:
    """As it stands, or with something added that ours has no word for, it is no event; one word of ours changed is."""
    task = referral_to_fhir(referral(), [])[1]
    added = {
        **task,
        "note": [{"text": "sett på mandag"}],
        "extension": [{"url": "https://a.example/x", "valueCode": "y"}],
    }
    assert event_from_task(referral(), task, NOW) is None
    assert event_from_task(referral(), added, NOW) is None
    with pytest.raises(InvalidInput):
        event_from_task(referral(), {**added, "status": "completed"}, NOW)


@pytest.mark.parametrize(("ours", "status"), [(Role.HOSPITAL, "completed"), (Role.MUNICIPALITY, "accepted")])
def test_what_a_task_cannot_say(ours: Role, status: str) -> None:
    """Completed without a form names nobody; and only the municipality accepts."""
    before = referral().evolve(role=ours)
    task = {**referral_to_fhir(before, [])[1], "status": status}
    task.pop("businessStatus", None)
    with pytest.raises(InvalidInput) as caught:
        event_from_task(before, task, NOW)
    assert caught.value.problems[0].path == "Task.status"


def test_a_form_in_a_task_is_the_answer() -> None:
    """A contained green form, with everybody it names, is the answer, whatever the status says."""
    f = form()
    sender = next(o for o in f.organizations if o.id == f.sender)
    carried = message_to_fhir(
        Message(
            id="m",
            kind=MessageKind.GREEN_FORM,
            correlation_id=f.answers,
            sent=f.authored,
            sender=sender,
            recipient=sender.evolve(id="h"),
            form=f,
        )
    )["entry"][1:]
    contained = [entry["resource"] for entry in carried]
    task = {**referral_to_fhir(referral(), [])[1], "status": "completed", "contained": contained}
    event = event_from_task(referral(), task, NOW)
    assert event is not None
    assert (event.kind, event.form) == (EventKind.ANSWER, f)

"""What is wrong in a bundle is told with its FHIRPath, and never anything but an `InvalidInput` comes out."""

import re
import time
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Profession
from ip_fhir.domain.referral import Referral, Role, State
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping import (
    event_from_task,
    from_fhir,
    from_fhir_json,
    message_from_fhir,
    message_from_transaction,
    message_to_fhir,
    put_plan,
    read_fhir,
    referral_to_fhir,
)
from tests.mapping.examples import JSON, PLANS, bundle, example, number_of, resource

EXAMPLES = PLANS[0].parents[1]
MARK = "Kari-Marker-4711"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def notice() -> Notice:
    """A notice."""
    return read(Notice, (EXAMPLES / "notices" / "01-child-with-cerebral-palsy.json").read_bytes())


def form() -> GreenForm:
    """A green form to it."""
    return read(GreenForm, (EXAMPLES / "green_forms" / "01-child-with-cerebral-palsy.json").read_bytes())


def message(kind: MessageKind, correlation_id: str, sent: datetime, said: JSON) -> Message:
    """A message of that kind."""
    return Message(id="m", kind=kind, correlation_id=correlation_id, sent=sent, **said)


def notice_message() -> JSON:
    """The notice as a message."""
    n = notice()
    sender, recipient = n.organization(n.sender), n.organization(n.recipient)
    said = {"notice": n, "text": "x", "sender": sender, "recipient": recipient}
    return message_to_fhir(message(MessageKind.NOTICE, n.correlation_id, n.authored, said))


def form_message() -> JSON:
    """The form as a message."""
    f = form()
    sender = next(o for o in f.organizations if o.id == f.sender)
    said = {"form": f, "sender": sender, "recipient": sender.evolve(id="h")}
    return message_to_fhir(message(MessageKind.GREEN_FORM, f.answers, f.authored, said))


def reminder() -> JSON:
    """A reminder as a message."""
    n = notice()
    sender, recipient = n.organization(n.sender), n.organization(n.recipient)
    said = {"number": 2, "text": "x", "sender": sender, "recipient": recipient}
    return message_to_fhir(message(MessageKind.REMINDER, n.correlation_id, n.authored, said))


def notice_transaction() -> JSON:
    """The notice as a transaction."""
    made = notice_message()
    entries = [e for e in made["entry"] if e["resource"]["resourceType"] not in ("MessageHeader", "Communication")]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def referral() -> Referral:
    """The referral of the notice."""
    n = notice()
    return Referral(
        correlation_id=n.correlation_id,
        role=Role.HOSPITAL,
        state=State.DELIVERED,
        notice=n,
        opened=n.authored,
        changed=n.authored,
    )


def task() -> JSON:
    """Its Task, with a green form in it."""
    made = referral_to_fhir(referral(), [])[1]
    carried = [e["resource"] for e in form_message()["entry"][1:]]
    return {**made, "status": "completed", "contained": carried}


def put(there: JSON) -> object:
    """Put a plan onto the bundle."""
    return put_plan(example(1).evolve(title="Ny"), there)


READERS: dict[str, tuple[Callable[[], JSON], Callable[[JSON], object]]] = {
    "plan": (lambda: bundle(1), from_fhir),
    "put": (lambda: bundle(1), put),
    "notice message": (notice_message, message_from_fhir),
    "form message": (form_message, message_from_fhir),
    "reminder": (reminder, message_from_fhir),
    "transaction": (notice_transaction, message_from_transaction),
    "task": (task, lambda there: event_from_task(referral(), there, NOW)),
}

LEAVES: list[Any] = [None, True, 0, -1, 1.5, "", " ", MARK, "x" * 65, [], {}, [None], [[]], [{}], {"reference": MARK}]
LEAVES += [
    {"reference": 1},
    {"coding": [{"system": ["a"], "code": {}}]},
    "2026-13-45",
    "\u0662\u0660\u0662\u0666-01-01",
    "\ud800",
]
LEAVES += ["2026-01-12T08:00:00Z", "0001-01-01T00:00:00+14:00", {"system": MARK, "value": MARK, "code": MARK}]


def places(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of everything below the node."""
    pairs: list[tuple[str | int, Any]] = []
    if isinstance(node, dict):
        pairs = list(node.items())
    if isinstance(node, list):
        pairs = list(enumerate(node))
    return [p for key, value in pairs for p in ((*path, key), *places(value, (*path, key)))]


def damaged(there: JSON, path: tuple[str | int, ...], change: str, leaf: Any) -> JSON:
    """A copy with one place replaced, removed, repeated or added to."""
    made = deepcopy(there)
    above: Any = made
    for step in path[:-1]:
        above = above[step]
    last = path[-1]
    if change == "remove":
        del above[last]
    elif change == "repeat" and isinstance(above, list):
        above.insert(int(last), deepcopy(above[int(last)]))
    elif change == "add" and isinstance(above, dict):
        above[f"{last}x" if leaf is None else "modifierExtension"] = leaf
    else:
        above[last] = leaf
    return made


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=50)
@given(data=st.data())
def test_damaged_input(name: str, data: st.DataObject) -> None:
    """Anything replaced, removed, repeated: a value comes out, or `InvalidInput` with paths and no content."""
    make, reader = READERS[name]
    there = make()
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places(there)))
        change = data.draw(st.sampled_from(("replace", "replace", "remove", "repeat", "add")))
        there = damaged(there, path, change, data.draw(st.sampled_from(LEAVES)))
    refused = refusal(reader, there)
    assert refused is None or refused.problems
    for problem in refused.problems if refused else ():
        assert FHIRPATH.fullmatch(problem.path), problem
        assert MARK not in str(problem)


def refusal(reader: Callable[[JSON], object], there: JSON) -> InvalidInput | None:
    """The error, if there is one; any other is let through."""
    try:
        reader(there)
    except InvalidInput as error:
        return error
    return None


STEP = r"[A-Za-z_]\w*(\[\d+\]|\('[^']*'\)|\.where\([^)]*\)(\))?)*"
FHIRPATH = re.compile(rf"(Bundle|Task)(\[\d+\])?(\.({STEP}|exists\(\).*))*")


@pytest.mark.parametrize("thing", [None, 1, "x", [], {}, {"resourceType": "Patient"}, {"resourceType": "Bundle"}])
def test_no_bundle(thing: Any) -> None:
    """What is no bundle, or an empty one, is refused by every reader."""
    for reader in (from_fhir, message_from_fhir, message_from_transaction, put):
        with pytest.raises(InvalidInput):
            reader(thing)
    with pytest.raises(InvalidInput):
        event_from_task(referral(), thing, NOW)


def change(type_: str, ident: str | None, at: str, value: Any) -> Callable[[JSON], None]:
    """Set a member of a resource; `...` takes it out."""

    def apply(there: JSON) -> None:
        node: Any = resource(there, type_, ident)
        *steps, last = at.split(".")
        for step in steps:
            node = node[int(step) if step.isdigit() else step]
        if value is ...:
            del node[last]
        else:
            node[int(last) if last.isdigit() else last] = value

    return apply


def plan_with(at: str, value: Any) -> Callable[[JSON], None]:
    """Set a member of the CarePlan."""
    return change("CarePlan", None, at, value)


GOAL = example(1).goals[0].id
SUB_GOAL = next(goal.id for goal in example(1).goals if goal.part_of is not None)
PLAN_PROBLEMS: list[tuple[str, Callable[[JSON], None], str, str, str]] = [
    (
        "a goal that is not there",
        plan_with("goal.0.reference", "Goal/x"),
        "CarePlan",
        "goal[0]",
        "not-found",
    ),
    ("no subject", plan_with("subject", ...), "CarePlan", "subject", "required"),
    ("a list for an object", change("Goal", GOAL, "description", [{"text": "x"}]), "Goal", "description", "structure"),
    ("an object for a list", change("CareTeam", None, "participant", {}), "CareTeam", "participant", "structure"),
    ("a number for text", change("Goal", GOAL, "description.text", 1), "Goal", "description.text", "structure"),
    (
        "a code outside a closed list",
        change("Goal", GOAL, "lifecycleStatus", "x"),
        "Goal",
        "lifecycleStatus",
        "code-invalid",
    ),
    ("no status", change("Goal", GOAL, "lifecycleStatus", ...), "Goal", "lifecycleStatus", "required"),
    ("a month that is none", change("Goal", GOAL, "startDate", "2026-13"), "Goal", "startDate", "value"),
    ("a day that is none", change("Goal", GOAL, "startDate", "2026-02-30"), "Goal", "startDate", "value"),
    (
        "a moment without offset",
        plan_with("created", "2026-01-12T08:00:00"),
        "CarePlan",
        "created",
        "value",
    ),
    (
        "a wrong check digit",
        change("Patient", None, "identifier.0.value", "17851950223"),
        "Patient",
        "identifier",
        "value",
    ),
    (
        "an end before the start",
        plan_with("period.end", "2020-01-01"),
        "CarePlan",
        "period",
        "invariant",
    ),
    ("a blank text", plan_with("title", " "), "CarePlan", "title", "value"),
    ("a text that is too long", plan_with("title", "x" * 50_001), "CarePlan", "title", "too-long"),
    ("no name", change("Patient", None, "name", ...), "Patient", "name[0]", "required"),
    (
        "a plan of a plan",
        plan_with("author.reference", "Goal/" + GOAL),
        "CarePlan",
        "author",
        "invariant",
    ),
    (
        "a measure for no goal",
        plan_with("activity.1.detail.goal", [{"reference": "Patient/person-01"}]),
        "CarePlan",
        "activity[1].detail.goal[0]",
        "invariant",
    ),
]


REASONS = {
    "a goal that is not there": "refers to a resource that is not in the bundle",
    "no subject": "must refer to the person whom it is about, in the bundle",
    "a list for an object": "is not an object",
    "an object for a list": "is not a list",
    "a number for text": "is not text",
    "a code outside a closed list": "is a code that the table goal-status does not know",
    "no status": "is required",
    "a month that is none": "is no day that exists",
    "a day that is none": "day value is outside expected range",
    "a moment without offset": "is not a date and time with an offset",
    "a wrong check digit": "wrong check digit",
    "an end before the start": "the period ends before it starts",
    "a blank text": "is blank, or has a control character",
    "a text that is too long": "should have at most 50000 characters",
    "no name": "is required",
    "a plan of a plan": "refers to nobody in the plan",
    "a measure for no goal": "refers to a goal that is not in the plan",
}


@pytest.mark.parametrize(
    ("apply", "type_", "at", "code", "reason"),
    [pytest.param(*rest, REASONS[name], id=name) for name, *rest in PLAN_PROBLEMS],
)
def test_a_problem_is_told_with_its_place(
    apply: Callable[[JSON], None], type_: str, at: str, code: str, reason: str
) -> None:
    """Each has its FHIRPath in the bundle, with the numbers of the entries, its FHIR issue type, and why."""
    there = bundle(1)
    apply(there)
    ident = {"Goal": GOAL}.get(type_) or resource(there, type_)["id"]
    with pytest.raises(InvalidInput) as caught:
        from_fhir(there)
    place = f"Bundle.entry[{number_of(there, type_, ident)}].resource"
    expected = f"{place}.{at}" if at else place
    found = [p for p in caught.value.problems if p.path.startswith(expected)]
    assert any(p.code.startswith(code) and reason in p.reason for p in found), caught.value


def test_every_problem_at_once() -> None:
    """Three mistakes in three resources are told together."""
    there = bundle(1)
    change("Goal", GOAL, "lifecycleStatus", "x")(there)
    change("Goal", SUB_GOAL, "description", ...)(there)
    change("CareTeam", None, "status", "x")(there)
    with pytest.raises(InvalidInput) as caught:
        from_fhir(there)
    assert len(caught.value.problems) == 3


def test_two_plans() -> None:
    """A bundle with two CarePlans is not guessed at; one with none neither."""
    there = bundle(1)
    plan = resource(there, "CarePlan")
    there["entry"].append({"fullUrl": "urn:uuid:2", "resource": {**plan, "id": "plan-2"}})
    with pytest.raises(InvalidInput, match="holds 2 CarePlans that could be meant, 2 of them active"):
        from_fhir(there)
    there["entry"] = [e for e in there["entry"] if e["resource"]["resourceType"] != "CarePlan"]
    with pytest.raises(InvalidInput, match="holds 0 resources that could be the CarePlan"):
        from_fhir(there)


HER_ID, PROFESSIONS = "urn:oid:2.16.578.1.12.4.1.2", "urn:oid:2.16.578.1.12.4.1.1.9060"
COORDINATOR = "pro-child-coordinator"
READ_IN_ALL_WAYS = (from_fhir, lambda there: from_fhir_json(orjson.dumps(there)), read_fhir)


def two_slices(type_: str, ident: str | None, member: str, *entries: JSON) -> Callable[[JSON], None]:
    """Give a resource these entries in the place of what stands there."""
    return change(type_, ident, member, list(entries))


def second_unit(there: JSON) -> None:
    """A second coordinating unit beside the first."""
    extensions = resource(there, "CarePlan")["extension"]
    first = next(e for e in extensions if e["url"].endswith("/ip-coordinating-unit"))
    extensions.append({**first, "valueReference": {"reference": "Organization/org-nordvik"}})


def second_number(there: JSON) -> None:
    """A second number of the same register."""
    identifiers = resource(there, "Patient")["identifier"]
    identifiers.append({**identifiers[0], "value": "05827500285"})


SECOND = [
    (
        "two HER-ids, one by an alias",
        two_slices(
            "Organization",
            "org-nordvik",
            "identifier",
            {"system": HER_ID, "value": "80000"},
            {"system": "http://hl7.no/fhir/NamingSystem/HERid", "value": "80001"},
        ),
        ("Organization", "org-nordvik", "identifier[1]"),
        "is a second one, and there can be one only",
    ),
    (
        "two extensions",
        second_unit,
        ("CarePlan", "plan-01", "extension[19]"),
        "is a second one, and there can be one only",
    ),
    (
        "two person numbers",
        second_number,
        ("Patient", "person-01", "identifier[1]"),
        "is a second number of one register, and there can be one only",
    ),
    (
        "two codes in one concept",
        two_slices(
            "PractitionerRole",
            COORDINATOR,
            "code",
            {"coding": [{"system": PROFESSIONS, "code": "LE"}, {"system": PROFESSIONS, "code": "SP"}]},
        ),
        ("PractitionerRole", COORDINATOR, "code[0].coding[1]"),
        "means something else than the code before it",
    ),
]


@pytest.mark.parametrize(("apply", "place", "reason"), [pytest.param(*rest, id=name) for name, *rest in SECOND])
def test_two_slices_that_match(apply: Callable[[JSON], None], place: tuple[str, str, str], reason: str) -> None:
    """Neither is chosen: refused at the second, to read and to write onto."""
    there = bundle(1)
    apply(there)
    type_, ident, at = place
    expected = f"Bundle.entry[{number_of(there, type_, ident)}].resource.{at}: {reason}"
    for use in (*READ_IN_ALL_WAYS, put):
        with pytest.raises(InvalidInput) as caught:
            use(there)
        assert [str(problem) for problem in caught.value.problems] == [expected]
        assert caught.value.problems[0].code == "multiple-matches"


def test_two_codes_for_one_word() -> None:
    """A national code and the site's own for the same thing contradict nothing."""
    there = bundle(1)
    own = "https://ip-fhir.github.io/fhir/CodeSystem/profession"
    apply = two_slices("PractitionerRole", COORDINATOR, "code", {"coding": [{"system": own, "code": "teacher"}] * 2})
    apply(there)
    found = next(p for p in from_fhir(there).professionals if p.id == COORDINATOR)
    assert found.profession is Profession.TEACHER


def test_an_unknown_code_where_others_may_have_their_own() -> None:
    """Kept as it stands, code and text, and told as unread with its place; never taken for one of ours."""
    there = bundle(1)
    number = number_of(there, "PractitionerRole", COORDINATOR)
    theirs = {"coding": [{"system": PROFESSIONS, "code": "XX", "display": MARK}], "text": MARK}
    change("PractitionerRole", COORDINATOR, "code", [theirs])(there)
    reading = read_fhir(there)
    assert next(p for p in reading.plan.professionals if p.id == COORDINATOR).profession is None
    told = [(w.path, w.reason, w.severity) for w in reading.warnings]
    assert told == [(f"Bundle.entry[{number}].resource.code", "is not read", "warning")]
    assert MARK not in str(reading.warnings)
    assert put_plan(reading.plan, there) == there


def test_two_concepts_of_which_one_is_read() -> None:
    """Somebody may have two professions: the first is read, and the second is told as unread with its place."""
    there = bundle(1)
    number = number_of(there, "PractitionerRole", COORDINATOR)
    concepts = [{"coding": [{"system": PROFESSIONS, "code": code}]} for code in ("LE", "SP")]
    change("PractitionerRole", COORDINATOR, "code", concepts)(there)
    reading = read_fhir(there)
    assert next(p for p in reading.plan.professionals if p.id == COORDINATOR).profession is Profession.PHYSICIAN
    assert [w.path for w in reading.warnings] == [f"Bundle.entry[{number}].resource.code[1]"]
    assert put_plan(reading.plan, there) == there


def test_goals_in_a_circle() -> None:
    """A goal that is part of itself, and two that are part of each other: refused where each says so."""
    extension = "https://ip-fhir.github.io/fhir/StructureDefinition/ip-goal-part-of"
    for other in (GOAL, SUB_GOAL):
        there = bundle(1)
        above = {"url": extension, "valueReference": {"reference": f"Goal/{other}"}}
        change("Goal", GOAL, "extension", [above])(there)
        at = f"Bundle.entry[{number_of(there, 'Goal', GOAL)}].resource.extension[0].valueReference"
        for use in READ_IN_ALL_WAYS:
            with pytest.raises(InvalidInput) as caught:
                use(there)
            assert (at, "a sub-goal has no sub-goals") in {(p.path, p.reason) for p in caught.value.problems}


def test_organisations_in_a_circle() -> None:
    """Two organisations that are part of each other are refused, both named."""
    there = bundle(1)
    change("Organization", "org-nordvik", "partOf", {"reference": "Organization/org-nordvik-ke"})(there)
    with pytest.raises(InvalidInput) as caught:
        from_fhir(there)
    numbers = [number_of(there, "Organization", name) for name in ("org-nordvik", "org-nordvik-ke")]
    assert {p.path for p in caught.value.problems} == {f"Bundle.entry[{n}].resource.partOf" for n in numbers}


def test_a_role_without_its_person() -> None:
    """A PractitionerRole whose Practitioner is missing: the professional has no name."""
    there = bundle(1)
    del there["entry"][number_of(there, "Practitioner", "pro-child-coordinator")]
    with pytest.raises(InvalidInput) as caught:
        from_fhir(there)
    number = number_of(there, "PractitionerRole", "pro-child-coordinator")
    assert f"Bundle.entry[{number}].resource.practitioner" in {p.path for p in caught.value.problems}


def test_a_relative_of_somebody_else() -> None:
    """A RelatedPerson of another Patient does not slip into the plan."""
    there = bundle(1)
    other = {"resourceType": "Patient", "id": "other", "name": [{"family": "Annen"}]}
    there["entry"].append({"fullUrl": "https://ip-fhir.github.io/fhir/Patient/other", "resource": other})
    change("RelatedPerson", "person-01-father", "patient.reference", "Patient/other")(there)
    with pytest.raises(InvalidInput):
        from_fhir(there)


def test_as_many_professionals_as_a_plan_may_name() -> None:
    """They are read and written in seconds, not in the square of their number; of one more, the plan's own place."""
    there = bundle(1)
    more = 2_000 - len(example(1).professionals)
    role = resource(there, "PractitionerRole", "pro-child-coordinator")
    person = resource(there, "Practitioner", "pro-child-coordinator")
    for n in range(more + 1):
        one = {**role, "id": f"r{n}", "practitioner": {"reference": f"Practitioner/p{n}"}}
        there["entry"].append({"fullUrl": f"https://ip-fhir.github.io/fhir/PractitionerRole/r{n}", "resource": one})
        who = {**person, "id": f"p{n}"}
        there["entry"].append({"fullUrl": f"https://ip-fhir.github.io/fhir/Practitioner/p{n}", "resource": who})
    with pytest.raises(InvalidInput) as caught:
        from_fhir(there)
    numbers = [n for n, entry in enumerate(there["entry"]) if entry["resource"]["resourceType"] == "CarePlan"]
    assert str(caught.value) == f"Bundle.entry[{numbers[0]}].resource: professionals: has more than 2000 items"
    del there["entry"][-2:]
    start = time.process_time()
    plan = from_fhir(there)
    assert len(plan.professionals) == 2_000
    assert put_plan(plan, there) == there
    assert time.process_time() - start < 20


@pytest.mark.slow
def test_a_hundred_thousand_entries() -> None:
    """As text it is refused for its parts, and says so; as a dict it is read in time that grows with its length.

    What is not the plan's stays, and is told entry by entry.
    """
    there = bundle(1)
    theirs = [
        {"fullUrl": f"https://ehr.example/Basic/{n}", "resource": {"resourceType": "Basic"}} for n in range(100_000)
    ]
    there["entry"] = [*there["entry"], *theirs]
    for use in (lambda: from_fhir_json(orjson.dumps(there)), lambda: read_json(orjson.dumps(there))):
        with pytest.raises(InvalidInput, match="more than 200000 parts") as caught:
            use()
        assert caught.value.problems[0].code == "too-costly"
    begun = time.process_time()
    reading = read_fhir(there)
    assert reading.plan == example(1)
    number = len(bundle(1)["entry"])
    assert [w.path for w in reading.warnings] == [f"Bundle.entry[{number + n}].resource" for n in range(100_000)]
    assert put_plan(reading.plan, there) == there
    assert time.process_time() - begun < 60


def test_as_many_values_in_one_list_as_may_be() -> None:
    """Lists without keys are matched by content, also when they are long."""
    there = bundle(1)
    plan = resource(there, "CarePlan")
    plan["activity"][0]["detail"]["performer"] = [{"reference": "Patient/person-01"}] * 500
    found = from_fhir(there)
    start = time.process_time()
    measures = (found.measures[0].evolve(takes_part=found.measures[0].takes_part[1:]), *found.measures[1:])
    result = put_plan(found.evolve(measures=measures), there)
    assert len(resource(result, "CarePlan")["activity"][0]["detail"]["performer"]) == 499
    assert time.process_time() - start < 20


def test_texts_tell_no_content() -> None:
    """What a person wrote stands in no error, wherever it stood."""
    there = bundle(1)
    texts = [path for path in places(there) if isinstance(_at(there, path), str)]
    for path in texts[:: max(1, len(texts) // 60)]:
        refused = refusal(from_fhir, damaged(there, path, "replace", MARK))
        assert MARK not in f"{refused} {refused!r}"


def _at(node: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        node = node[step]
    return node

"""Searches as clients that others wrote send them: by time, organisation and person; sorted, counted, with others."""

from __future__ import annotations

from typing import Any

import pytest

from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.ports import Endpoint
from tests.support.rest_caller import Caller, ids, link, refused
from tests.support.two_sides import Loop, notice

HER = "urn:oid:2.16.578.1.12.4.1.2"
HOSPITAL, UNIT = "90000101", "90000202"
TASKS = ["referral-01-1", "referral-02-1", "referral-03-1"]


def number_of(name: str) -> str:
    """The number of the person whom an example notice is about."""
    identifier = notice(name).owner.identifier
    assert identifier is not None
    return str(identifier)


def times(caller: Caller) -> list[str]:
    """The times at which the three Tasks were last changed, by their ids."""
    return [caller.get(f"Task/{one}").json()["meta"]["lastUpdated"] for one in TASKS]


@pytest.mark.usefixtures("three")
def test_by_time(caller: Caller) -> None:
    """`_lastUpdated` with each prefix finds what changed then; two of them together are a range."""
    first, second, third = (one.replace("+", "%2B") for one in times(caller))
    for query, found in (
        (f"gt{first}", TASKS[1:]),
        (f"ge{first}", TASKS),
        (f"lt{second}", TASKS[:1]),
        (f"le{second}", TASKS[:2]),
        (f"sa{second}", TASKS[2:]),
        (f"eb{second}", TASKS[:1]),
        (f"eq{second}", TASKS[1:2]),
        (second, TASKS[1:2]),
        (f"gt{first}&_lastUpdated=lt{third}", TASKS[1:2]),
        ("2026", TASKS),
        ("2026-01", TASKS),
        ("2026-01-12", TASKS),
        ("2026-01-12T13:00Z", TASKS[:1]),
        ("gt2026-01-12", []),
        ("lt2026-01-12", []),
        ("ge2027", []),
    ):
        bundle = caller.found(f"Task?_lastUpdated={query}")
        assert (ids(bundle), bundle["total"]) == (found, len(found)), query
        assert ids(caller.found(str(link(bundle, "self")))) == found


def test_sorted_by_time(caller: Caller, three: Loop) -> None:
    """`_sort` gives the one changed longest ago first, or last, page by page, each once."""
    note = {"text": "ring"}
    task = caller.get(f"Task/{TASKS[0]}").json()
    three.clock.forward(hours=1)
    assert caller.put(f"Task/{TASKS[0]}", {**task, "note": [note]}).status_code == 200
    oldest = [*TASKS[1:], TASKS[0]]
    for sort, wanted in (("_lastUpdated", oldest), ("-_lastUpdated", oldest[::-1])):
        url: str | None = f"Task?_sort={sort}&_count=2&status=received"
        found: list[str] = []
        while url is not None:
            bundle = caller.found(url)
            found += ids(bundle)
            url = link(bundle, "next")
        assert found == wanted
        following = link(caller.found(f"Task?_sort={sort}&_count=1"), "next")
        refused(caller.get(str(following).replace(sort, "_lastUpdated" if sort[0] == "-" else "-_lastUpdated")), 400,
                "structure")  # fmt: skip


@pytest.mark.usefixtures("three")
def test_by_organisation(caller: Caller) -> None:
    """`owner`, `requester` and `performer` are searched for by identifier, in each form in which clients write it."""
    for query, number in (
        (f"Task?owner:identifier={HER}|{UNIT}", 3),
        (f"Task?owner.identifier={UNIT}", 3),
        (f"Task?owner:Organization.identifier={HER}|{UNIT}", 3),
        (f"Task?owner:identifier={HER}|{HOSPITAL}", 0),
        (f"Task?requester:identifier=x,{HER}|{HOSPITAL}&status=received", 3),
        (f"Task?requester:identifier=urn:x|{HOSPITAL}", 0),
        (f"ServiceRequest?performer:identifier={HER}|{UNIT}", 3),
        (f"ServiceRequest?performer:identifier={HER}|{HOSPITAL}", 0),
    ):
        bundle = caller.found(query)
        assert bundle["total"] == len(ids(bundle)) == number, query
        assert caller.found(str(link(bundle, "self"))) == bundle
        counted = caller.found(f"{query}&_summary=count")
        assert (counted["total"], counted.get("entry")) == (number, None)


def test_by_person(caller: Caller, three: Loop) -> None:
    """A person is found by POST only, and stands in no link: a page that follows is named by its cursor."""
    again = notice("01").evolve(id="notice-09", correlation_id="referral-09")
    three.hospital.exchange.send_notice(again)
    three.settle()
    number = number_of("01")
    token = f"urn:oid:2.16.578.1.12.4.1.4.1|{number}"
    for fields in ({"patient_identifier": token}, {"subject_identifier": number}, {"patient.identifier": token}):
        for type_, wanted in (
            ("Task", [TASKS[0], "referral-09-1"]),
            ("ServiceRequest", ["referral-01", "referral-09"]),
        ):
            whole = caller.form(f"{type_}/_search", **fields)
            assert (ids(whole.json()), whole.json()["total"]) == (wanted, 2)
            page = caller.form(f"{type_}/_search", **fields, _count="1")
            following = link(page.json(), "next")
            assert following is not None
            last = caller.found(following)
            assert (ids(page.json()) + ids(last), link(last, "next")) == (wanted, None)
            assert caller.found(str(link(last, "self"))) == last
            links = [link(one, relation) for one in (page.json(), last) for relation in ("self", "next")]
            assert not any(number in str(one) for one in links)
    assert ids(caller.form("Task/_search", patient_identifier=number_of("02"), status="received").json()) == [TASKS[1]]
    assert ids(caller.form("Task/_search", patient_identifier=number_of("02"), status="draft").json()) == []


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"patient_identifier": "urn:oid:2.16.578.1.12.4.1.4.1|13116900136"}, 422, "value"),
        ({"patient_identifier": "urn:x|17851950222"}, 422, "value"),
        ({"patient_identifier": "17851950222,17851950222"}, 400, "not-supported"),
        ({"patient_identifier": "17851950222", "subject_identifier": "17851950222"}, 400, "not-supported"),
        ({"patient_identifier": "17851950222", "_cursor": "x"}, 400, "not-supported"),
        ({"identifier": "17851950222"}, 400, "not-supported"),
        ({"owner_identifier": "17851950222"}, 400, "not-supported"),
    ],
)
def test_a_person_that_is_not_searched_for(caller: Caller, fields: dict[str, str], status: int, code: str) -> None:
    """A number that is none, of another system, two at once: refused, and no number is in the words."""
    words = refused(caller.form("Task/_search", **fields), status, code)
    assert "17851950222" not in words
    assert "13116900136" not in words


@pytest.mark.usefixtures("three")
def test_what_goes_along(caller: Caller) -> None:
    """`_include` brings the ServiceRequest of each Task found, `_revinclude` the Task of each ServiceRequest."""
    requests = ["referral-01", "referral-02", "referral-03"]
    for value in ("Task:based-on", "Task:focus", "Task:focus:ServiceRequest"):
        bundle = caller.found(f"Task?_include={value}&_count=2")
        assert (ids(bundle), ids(bundle, "include"), bundle["total"]) == (TASKS[:2], requests[:2], 3)
        following = caller.found(str(link(bundle, "next")))
        assert (ids(following), ids(following, "include")) == (TASKS[2:], requests[2:])
        found = caller.found(f"ServiceRequest?_id=referral-02&_revinclude={value}")
        assert (ids(found), ids(found, "include"), found["total"]) == (["referral-02"], TASKS[1:2], 1)
    both = caller.found("Task?_include=Task:based-on&_include=Task:focus&_id=referral-01-1")
    assert ids(both, "include") == ["referral-01"]
    assert ids(caller.found("Task?_id=none&_include=Task:focus"), "include") == []


@pytest.mark.usefixtures("three")
def test_only_the_number(caller: Caller) -> None:
    """`_summary=count` and `_count=0` answer how many there are, and no resource."""
    for query in ("_summary=count", "_count=0", "_count=0&_totalMethod=count", "_summary=count&_count=1"):
        bundle = caller.found(f"Task?status=received&{query}")
        assert (bundle["total"], "entry" in bundle, link(bundle, "next")) == (3, False, None)
        assert caller.found(str(link(bundle, "self"))) == bundle


@pytest.mark.usefixtures("three")
def test_lenient(caller: Caller) -> None:
    """What is not supported is left out for who asks for that: the answer says so, and its links do not have it."""
    query = "Task?status=received&colour=blue&_sort=status&owner=Organization/1&_include=Task:owner"
    refused(caller.get(query), 400, "not-supported")
    refused(caller.get(query, Prefer="handling=strict"), 400, "not-supported")
    bundle = caller.found(query, Prefer="return=minimal; handling=lenient")
    assert ids(bundle) == TASKS
    (told,) = [one["resource"] for one in bundle["entry"] if one["search"]["mode"] == "outcome"]
    assert [issue["expression"] for issue in told["issue"]] == [
        ["colour"], ["owner"], ["_include=Task:owner"], ["_sort"],
    ]  # fmt: skip
    assert "colour" not in str(link(bundle, "self"))
    assert ids(caller.found(str(link(bundle, "self")))) == TASKS
    for wrong in ("patient=Patient/1", "status=", "_count=ten"):
        assert caller.get(f"Task?{wrong}", Prefer="handling=lenient").status_code == 400


@pytest.mark.usefixtures("three")
def test_the_format_may_stand_in_the_url(caller: Caller) -> None:
    """`_format` counts instead of `Accept`; anything but JSON is 406, at every address."""
    for path in ("Task", "Task/referral-01-1", "metadata", "Task/referral-01-1/_history"):
        for value in ("json", "application/fhir%2Bjson", "application/fhir+json", "application/json"):
            assert caller.get(f"{path}?_format={value}&_pretty=true", Accept="text/html").status_code == 200
        for value in ("xml", "application/fhir+xml", "ttl", ""):
            refused(caller.get(f"{path}?_format={value}"), 406, "not-supported")


def test_another_party_finds_nothing(caller: Caller, three: Loop) -> None:
    """Neither by person, time or what goes along, nor with another's cursor, versions or numbers."""
    context = three.municipality.exchange._context
    stranger = context.organizations[0].evolve(
        id="other", her_id="90000999", organization_number=None, resh_id=None, kind="hospital"
    )
    known = context.peers._peers
    added = Peer("other", (stranger,), known[0].adapter, Endpoint("memory://"), ("token-of-another-hospital",))
    object.__setattr__(context, "peers", Peers([*known, added]))
    context.__post_init__()
    other = Caller(caller.client, "token-of-another-hospital", caller.base)
    number = number_of("01")
    page = caller.form("Task/_search", patient_identifier=number, _count="1")
    assert page.json()["total"] == 1
    for query in ("Task?_lastUpdated=2026", "Task?_sort=_lastUpdated", "ServiceRequest?_revinclude=Task:focus",
                  "Task?_summary=count", f"Task?owner:identifier={UNIT}&_count=0"):  # fmt: skip
        bundle = other.found(query)
        assert (bundle["total"], "entry" in bundle) == (0, False), query
    assert other.form("Task/_search", patient_identifier=number).json()["total"] == 0
    for path in ("_history", "_history/1"):
        refused(other.get(f"Task/{TASKS[0]}/{path}"), 404, "not-found")
    following = link(caller.found("Task?_count=1"), "next")
    refused(other.get(str(following)), 400, "structure")


def test_what_was_shown_is_recorded(caller: Caller, three: Loop) -> None:
    """Each resource that was found, or went along, and each version has a row; a person's number is in none."""

    def rows() -> list[Any]:
        found = [(one.way, one.type, one.id, one.version, one.criteria) for one in three.municipality.store.readings()]
        return sorted(found)

    number = number_of("01")
    caller.form("Task/_search", patient_identifier=number, _include="Task:focus")
    caller.get(f"Task/{TASKS[0]}/_history")
    caller.get(f"Task/{TASKS[0]}/_history/1")
    assert rows() == [
        ("history", "Task", TASKS[0], 1, ()),
        ("search", "ServiceRequest", "referral-01", 1, ("_include", "patient")),
        ("search", "Task", TASKS[0], 1, ("_include", "patient")),
        ("vread", "Task", TASKS[0], 1, ()),
    ]
    assert number not in str(three.municipality.store.readings())

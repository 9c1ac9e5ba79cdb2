"""The endpoint of plans: read, search and `$view`, each cut to who asks, and no trace of what is cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import Phase, given, settings
from starlette.testclient import TestClient

from ip_fhir.domain.plan import IndividualPlan, PlanStatus
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.sharing.see import settle
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.exchange.plans.around import settings_basis
from ip_fhir.exchange.plans.rest import SERVED
from ip_fhir.mapping import view_from_fhir
from ip_fhir.ports import Endpoint
from ip_fhir.web.app import create_app
from tests.domain.sharing.alike import Case, cases, only_seen, with_more
from tests.support.canaries import CANARY
from tests.support.ring import (
    NINA,
    PERSON,
    Line,
    Network,
    Ring,
    agreement,
    empty_store,
    make_plan,
    make_ring,
    organization,
)
from tests.support.ring_plan import PLAN, shared
from tests.support.two_sides import SetClock

ROOTS = ("CarePlan", "CareTeam", "Patient")
BASE = "https://municipality.example/fhir"
SYSTEM = "urn:oid:2.16.578.1.12.4.1.4.1"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """The plan is shared with the hospital and, without housing, the school; no test of this module changes it."""
    made = make_ring(tmp_path_factory.mktemp("ring"))
    shared(made, "hospital", "school")
    yield made
    made.close()


@dataclass
class Caller:
    """Somebody who asks the holder's endpoint, with the token of a party."""

    client: TestClient
    party: str

    @property
    def _token(self) -> dict[str, str]:
        return {"Authorization": f"Bearer token-of-{self.party}"}

    def get(self, url: str, **headers: str) -> Any:
        """The answer to a GET of a path, or of a link."""
        return self.client.get(url.removeprefix(BASE), headers={**self._token, **headers})

    def post(self, url: str, **form: str) -> Any:
        """The answer to a form; `patient_identifier` is the parameter `patient.identifier`."""
        body = urlencode({name.replace("_identifier", ".identifier"): value for name, value in form.items()})
        return self.client.post(url, content=body, headers={**self._token, **FORM})

    def put(self, url: str, resource: Any, version: str) -> Any:
        """The answer to an update of that version."""
        headers = {**self._token, "Content-Type": "application/fhir+json", "If-Match": version}
        return self.client.put(url, json=resource, headers=headers)

    def send(self, method: str, url: str) -> Any:
        """The answer to a request with a body of FHIR."""
        headers = {**self._token, "Content-Type": "application/fhir+json", "If-Match": 'W/"1"'}
        return self.client.request(method, url, content=b"{}", headers=headers)


@pytest.fixture
def hospital(ring: Ring) -> Caller:
    """The hospital, which sees the whole plan."""
    return Caller(TestClient(create_app(ring.holder)), "hospital")


@pytest.fixture
def practice(hospital: Caller) -> Caller:
    """The general practice, with which nothing is shared."""
    return Caller(hospital.client, "practice")


def refused(response: Any, status: int, code: str) -> str:
    """Check an error and return its words; no person's number is in it."""
    assert response.status_code == status, response.text
    (issue, *_) = response.json()["issue"]
    assert issue["code"] == code
    assert PERSON not in response.text
    return str(issue["diagnostics"])


def link(bundle: dict[str, Any], relation: str) -> str | None:
    """The URL of a link of a searchset."""
    return next((str(one["url"]) for one in bundle["link"] if one["relation"] == relation), None)


def test_the_view_is_one_bundle(ring: Ring, hospital: Caller) -> None:
    """`$view` gives the view that was sent by message, with its number as ETag; who has it gets 304."""
    answer = hospital.get(f"/CarePlan/{PLAN}/$view")
    share = next(share for share in ring.holder.plan(PLAN).shares if share.party == "hospital")
    assert view_from_fhir(answer.json()) == ring.copy("hospital", share.id)
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.json()["entry"][-1]["fullUrl"] == f"{ring.holder.url}/CarePlan/{PLAN}"
    again = hospital.get(f"/CarePlan/{PLAN}/$view", **{"If-None-Match": 'W/"1"'})
    assert (again.status_code, again.content) == (304, b"")
    assert hospital.get(f"/CarePlan/{PLAN}/$view?share={share.id}").content == answer.content


def test_each_is_shown_its_own(hospital: Caller) -> None:
    """The school does not see what the person keeps from it, and each has ids of its own."""
    school = Caller(hospital.client, "school")
    whole, part = (one.get(f"/CarePlan/{PLAN}/$view") for one in (hospital, school))
    assert "Søke om bolig" in whole.text
    assert "bolig" not in part.text
    ids = [{e["resource"]["id"] for e in answer.json()["entry"]} for answer in (whole, part)]
    assert ids[0] & ids[1] == {PLAN}
    for entry in whole.json()["entry"]:
        if entry["resource"]["id"] != PLAN:
            refused(school.get(f"/{entry['resource']['resourceType']}/{entry['resource']['id']}"), 404, "not-found")


def test_read_with_its_version(hospital: Caller) -> None:
    """A resource has its version as ETag and in `meta`, the day of the view as Last-Modified; who has it gets 304."""
    answer = hospital.get(f"/CarePlan/{PLAN}")
    assert answer.json()["meta"]["versionId"] == "1"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["last-modified"] == "Sun, 11 Jan 2026 23:00:00 GMT"
    assert hospital.get(f"/CarePlan/{PLAN}", **{"If-None-Match": 'W/"1"'}).status_code == 304
    assert hospital.get(f"/CarePlan/{PLAN}", **{"If-None-Match": 'W/"2"'}).status_code == 200


@pytest.mark.parametrize(
    ("type_", "parameter"),
    [
        *((type_, name) for type_ in ("CarePlan", "Goal", "CareTeam", "Condition") for name in ("patient", "subject")),
        ("CarePlan", "patient:Patient"),
        ("Appointment", "patient"),
        ("RelatedPerson", "patient"),
        ("Patient", ""),
    ],
)
def test_search_by_person(hospital: Caller, type_: str, parameter: str) -> None:
    """By POST the number finds what stands in the view, as FHIR names the person for this type; never by GET."""
    name = f"{parameter}.identifier".removeprefix(".")
    found = hospital.post(f"/{type_}/_search", **{name: f"{SYSTEM}|{PERSON}"})
    assert found.status_code == 200
    number = {"CarePlan": 1, "Goal": 2, "CareTeam": 1, "Condition": 1, "Patient": 1}.get(type_, 0)
    assert found.json()["total"] == number
    matches = [entry for entry in found.json().get("entry", ()) if entry["search"]["mode"] == "match"]
    assert [entry["resource"]["resourceType"] for entry in matches] == [type_] * number
    assert PERSON not in str(found.json()["link"])
    in_url = urlencode({name: f"{SYSTEM}|{PERSON}"})
    assert refused(hospital.get(f"/{type_}?{in_url}"), 400, "not-supported") == "a person is not searched for in a URL"
    refused(hospital.post(f"/{type_}/_search?{in_url}"), 400, "not-supported")


@pytest.mark.parametrize("type_", ["Practitioner", "PractitionerRole", "Organization"])
def test_people_at_work_are_not_searched_by_person(hospital: Caller, type_: str) -> None:
    """FHIR has no such parameter for them: they are found by id, or by share."""
    refused(hospital.post(f"/{type_}/_search", patient_identifier=PERSON), 400, "not-supported")


def test_search_by_id_and_share(ring: Ring, hospital: Caller) -> None:
    """`_id`, several joined by commas, and `share` find by GET and POST; both together must match."""
    share = next(share for share in ring.holder.plan(PLAN).shares if share.party == "hospital")
    goals = hospital.get(f"/Goal?share={share.id}").json()
    assert goals["total"] == 2
    ids = [entry["resource"]["id"] for entry in goals["entry"]]
    for query, number in (
        (f"_id={ids[0]}", 1),
        (f"_id={ids[1]},{ids[0]},none", 2),
        (f"_id={ids[0]}&share={share.id}&_format=json", 1),
        (f"_id={ids[0]}&share=another", 0),
        ("_id=none", 0),
    ):
        answer = hospital.get(f"/Goal?{query}")
        assert answer.json()["total"] == number, query
        form = dict(pair.split("=") for pair in query.split("&"))
        assert hospital.post("/Goal/_search", **form).content == answer.content
        assert hospital.get(str(link(answer.json(), "self"))).content == answer.content


def test_page_by_page(hospital: Caller) -> None:
    """`next` links go through all of a search by person, without the person in them."""
    found: list[str] = []
    answer = hospital.post("/Goal/_search", patient_identifier=PERSON, _count="1")
    for _ in range(2):
        bundle = answer.json()
        assert bundle["total"] == 2
        found += [entry["resource"]["id"] for entry in bundle["entry"]]
        following = link(bundle, "next")
        if following is None:
            break
        assert PERSON not in following
        answer = hospital.get(following)
    assert len(set(found)) == 2
    assert link(answer.json(), "next") is None


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 422, "required"),
        ("_count=5", 422, "required"),
        ("status=active", 400, "not-supported"),
        ("_id=a&_id=b", 400, "not-supported"),
        ("_id=", 400, "value"),
        ("_id=" + ",".join("abcdefghijklmnopqrstu"), 400, "too-costly"),
        ("share=a,b", 400, "not-supported"),
        ("_id=a&_count=00", 400, "value"),
        ("_id=a&_summary=x", 400, "value"),
        ("_id=a&_lastUpdated=2026", 400, "not-supported"),
        ("_cursor=x", 400, "structure"),
        ("patient=Patient/1", 400, "not-supported"),
        (f"_id={PERSON}", 400, "not-supported"),
    ],
)
def test_what_is_not_searched_for(hospital: Caller, practice: Caller, query: str, status: int, code: str) -> None:
    """Unsupported, doubled, empty and endless criteria are refused, in the same words for who has no share."""
    answer = hospital.get(f"/Goal?{query}")
    refused(answer, status, code)
    assert practice.get(f"/Goal?{query}").content == answer.content


def test_nothing_is_deleted_here(hospital: Caller) -> None:
    """What there is may be changed and added to; nothing is deleted, no whole type is changed, no plan is begun."""
    for type_ in SERVED:
        more = set() if type_ in ROOTS else {"POST"}
        for method, url, allowed in (
            *([("POST", f"/{type_}", {"GET", "HEAD"})] if type_ in ROOTS else []),
            ("PUT", f"/{type_}", {"GET", "HEAD"} | more),
            ("PATCH", f"/{type_}", {"GET", "HEAD"} | more),
            ("DELETE", f"/{type_}/x", {"GET", "HEAD", "PUT", "PATCH"}),
        ):
            answer = hospital.send(method, url)
            refused(answer, 405, "not-supported")
            assert set(answer.headers["allow"].split(", ")) == allowed


def test_a_token_is_needed(hospital: Caller) -> None:
    """Without a token, or with a wrong one, nothing is read."""
    for url in (f"/CarePlan/{PLAN}", f"/CarePlan/{PLAN}/$view", "/Goal?_id=x"):
        assert hospital.client.get(url).status_code == 401
    assert hospital.client.post("/Goal/_search", headers=FORM).status_code == 401


def test_the_capability_statement_tells_the_truth(ring: Ring, hospital: Caller) -> None:
    """Types, parameters and operation of plans are in it: what it names works; and only where the store keeps plans."""
    statement = hospital.client.get("/metadata").json()
    (rest,) = statement["rest"]
    types = {one["type"]: one for one in rest["resource"]}
    assert set(types) == {*SERVED, "ServiceRequest", "Task", "Subscription"}
    assert "about plans" in statement["messaging"][0]["documentation"]
    for type_ in SERVED:
        told = types[type_]
        always = {"read", "vread", "history-instance", "search-type", "update", "patch"}
        assert {one["code"] for one in told["interaction"]} == always | (set() if type_ in ROOTS else {"create"})
        assert (told["versioning"], told["updateCreate"]) == ("versioned-update", False)
        for parameter in told["searchParam"]:
            name, is_person = parameter["name"], parameter["name"] in ("patient", "subject", "identifier")
            chained = f"{name}.identifier" if name in ("patient", "subject") else name
            value = PERSON if is_person else "x"
            assert hospital.post(f"/{type_}/_search", **{chained: value}).status_code == 200, (type_, name)
    operation = types["CarePlan"]["operation"][0]
    definition = hospital.client.get(operation["definition"].removeprefix(ring.holder.url)).json()
    assert (definition["code"], definition["instance"], definition["affectsState"]) == ("view", True, False)
    assert hospital.get(f"/CarePlan/{PLAN}/${definition['code']}").status_code == 200


def test_what_is_served_is_sound(hospital: Caller) -> None:
    """FHIR's own models take the view, a searchset with an outcome, and the OperationDefinition."""
    nothing = Caller(hospital.client, "practice").post("/CarePlan/_search", patient_identifier=PERSON)
    said = [hospital.get(f"/CarePlan/{PLAN}/$view"), hospital.get(f"/CarePlan?_id={PLAN}"), nothing]
    said += [hospital.get(f"/OperationDefinition/{one}") for one in ("plan-view", "plan-change")]
    for answer in said:
        resource = answer.json()
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


# --- no trace


_PLACES = count()


def _side(directory: Path, case: Case, plan: IndividualPlan | None) -> Exchange:
    """The holder of a plan that is shared as in the case, on that day; without a plan if None."""
    network, clock = Network(), SetClock()
    clock.at = datetime.combine(case.on, time(12), tzinfo=OSLO).astimezone(UTC)
    apart = case.share.person is not None
    peers = [
        Peer(name, (organization(of),), Line(network, "municipality", of), Endpoint("ring://"), (f"token-of-{name}",))
        for name, of in (("nordvik-skole", "school"), ("another", "hospital"))
    ]
    peers = [Peer(p.name, p.organizations, p.adapter, p.endpoint, p.accepts, by_person=apart) for p in peers]
    side = Exchange(
        Context(
            role=None,
            organizations=(organization("municipality"),),
            store=empty_store(directory / f"{next(_PLACES)}.sqlite"),
            clock=clock,
            peers=Peers(peers),
            agreements=(agreement("municipality", "school", case.share.level), agreement("municipality", "hospital")),
            url=BASE,
            jitter=lambda: 1.0,
            tell=lambda _row: None,
        )
    )
    if plan is not None:
        _keep(side, case, plan)
    return side


def _keep(side: Exchange, case: Case, plan: IndividualPlan) -> None:
    """Store the plan with its share as they are on that day, by the settings of this side."""
    before = side.now() - timedelta(hours=next(_PLACES))  # alike plans need not have been changed at the same time
    kept = SharedPlan(
        id=plan.id,
        side=PlanSide.HOLDER,
        plan=plan,
        shares=(settle(None, plan, case.share, case.on).share,),
        opened=before,
        changed=before,
        settled_on=case.on,
        settled_by=settings_basis(side._context).digest,
    )
    with side.store.begin() as tx:
        tx.save_plan(kept, None)  # type: ignore[attr-defined]


def answers(side: Exchange, case: Case, party: str, ids: list[tuple[str, str]]) -> list[tuple[int, bytes, Any]]:
    """All that a party can learn: each way of asking, with status, bytes, ETag and Last-Modified."""
    caller = Caller(TestClient(create_app(side)), party)
    plan, share, number = case.share.plan, case.share.id, case.plan.owner.identifier
    urls = [f"/CarePlan/{plan}", f"/CarePlan/{plan}/$view", f"/CarePlan/{plan}/$view?share={share}"]
    urls += [f"/{type_}?share={share}&_count=2" for type_ in SERVED]
    urls += [f"/{type_}/{ident}" for type_, ident in ids]
    urls += [f"/Goal?_id={','.join(ident for _, ident in ids[:20])}", "/Goal?_id=goal-hidden&_count=0", "/Goal"]
    made = [caller.get(url) for url in urls]
    for page in made[3 : 3 + len(SERVED)]:
        following = link(page.json(), "next") if page.status_code == 200 else None
        made += [caller.get(following)] if following is not None else []
    for type_ in ("CarePlan", "Goal", "Patient"):
        name = "identifier" if type_ == "Patient" else "patient_identifier"
        about = {} if number is None else {name: str(number), "share": share}
        made.append(caller.post(f"/{type_}/_search", **about))
        made.append(caller.post(f"/{type_}/_search", **{name: PERSON}))
    return [_told(one) for one in made]


def _told(answer: Any) -> tuple[int, bytes, Any]:
    names = ("etag", "last-modified", "location", "content-location")
    return answer.status_code, answer.content, tuple(map(answer.headers.get, names))


def changes(caller: Caller, url: str) -> Iterator[Any]:
    """The answers to a change of a resource, to the same again, and to the question what became of it."""
    there = caller.get(url)
    resource: Any = there.json() if there.status_code == 200 else {"resourceType": url.split("/")[1], "id": "x"}
    resource |= {"description": {"text": "annet"}} if resource["resourceType"] == "Goal" else {}
    for one in resource.get("activity", [])[:1]:
        one.setdefault("detail", {})["status"] = "in-progress"
    for _ in range(2):
        answer = caller.put(url, resource, there.headers.get("etag", 'W/"1"'))
        yield answer
    if (where := answer.headers.get("content-location")) is not None:
        yield caller.get(where)
    yield caller.get(url)


def asked_for(side: Exchange, case: Case) -> list[tuple[str, str]]:
    """Type and id of all that the share's party sees, of what it does not, and of what is not there."""
    caller = Caller(TestClient(create_app(side)), "nordvik-skole")
    view = caller.get(f"/CarePlan/{case.share.plan}/$view?share={case.share.id}")
    entries = view.json()["entry"] if view.status_code == 200 else []
    seen = [(entry["resource"]["resourceType"], entry["resource"]["id"]) for entry in entries]
    return [*seen, *(("Goal", goal.id) for goal in case.plan.goals), ("Goal", "goal-hidden"), ("Condition", "a" * 20)]


@settings(max_examples=12)
@given(cases())
def test_alike_plans_give_the_same_answers(tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    """Whatever a participant asks, plans that are alike for it give it the same bytes, totals, ETags and errors."""
    place = tmp_path_factory.mktemp("alike")
    sides = [_side(place, case, plan) for plan in (case.plan, only_seen(case), with_more(case))]
    ids = asked_for(sides[0], case)
    first, *others = (answers(side, case, "nordvik-skole", ids) for side in sides)
    for other in others:
        assert other == first
    assert not [content for _, content, _ in first if CANARY.encode() in content]
    for side in sides:
        side.close()


@settings(max_examples=6, phases=(Phase.generate,))
@given(cases())
def test_alike_plans_give_the_same_answers_to_changes(tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    """What a participant changes takes effect, waits or is refused alike, whatever else is in the plan."""
    place = tmp_path_factory.mktemp("changed")
    case = as_settings_say(case)
    sides = [_side(place, case, plan) for plan in (case.plan, only_seen(case), with_more(case))]
    ids = asked_for(sides[0], case)
    some = [*(one for one in ids if one[0] == "CarePlan"), *[one for one in ids if one[0] == "Goal"][:2], ids[-2]]
    told = []
    for side in sides:
        caller = Caller(TestClient(create_app(side)), "nordvik-skole")
        urls = [f"/{type_}/{ident}?share={case.share.id}" for type_, ident in some]
        told.append([_told(answer) for url in urls for answer in changes(caller, url)])
        side.close()
    for other in told[1:]:
        for one, two in zip(told[0], other, strict=True):
            assert one == two
    assert not [content for _, content, _ in told[0] if CANARY.encode() in content]


def as_settings_say(case: Case) -> Case:
    """The case in which the share goes on when it is looked at: the school is the party of the settings.

    The plan is not over, and its owner lives: a death, and the end of a plan, end its shares, and are no secret.
    """
    number = organization("school").her_id
    units = tuple(one.evolve(her_id=number) if one.id == "school" else one for one in case.plan.organizations)
    share = case.share.evolve(organizations=("school",), person=None, released=(), book=())
    owner = case.plan.owner.evolve(dead=None, deceased=None)
    return Case(case.plan.evolve(organizations=units, owner=owner, status=PlanStatus.DRAFT), share, case.on)


@settings(max_examples=8)
@given(cases())
def test_who_has_no_share_gets_one_answer(tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    """Whether there is a plan or none, another party gets the same, to the byte, whatever it asks."""
    place = tmp_path_factory.mktemp("none")
    with_plan, without = _side(place, case, case.plan), _side(place, case, None)
    ids = asked_for(with_plan, case)
    there, nowhere = (answers(side, case, "another", ids) for side in (with_plan, without))
    assert there == nowhere
    with_plan.close()
    without.close()


def test_who_has_no_share_is_told_how_to_ask(practice: Caller) -> None:
    """A search by person that finds nothing says the same for everybody: how to ask for a plan."""
    there = practice.post("/CarePlan/_search", patient_identifier=PERSON)
    nowhere = practice.post("/CarePlan/_search", patient_identifier="05827500285")
    assert there.content == nowhere.content
    (entry,) = there.json()["entry"]
    assert (there.json()["total"], entry["search"]["mode"]) == (0, "outcome")
    assert "plan-request" in entry["resource"]["issue"][0]["diagnostics"]


def test_what_a_resource_says_changes_with_its_etag_only(tmp_path: Path) -> None:
    """From version to version: with the same ETag a resource says the same, but for number and day of the view."""
    ring = make_ring(tmp_path)
    ring.holder.save_plan(make_plan(), by=NINA)
    ring.holder.share(PLAN, "hospital", by=NINA)
    caller = Caller(TestClient(create_app(ring.holder)), "hospital")
    known: dict[tuple[str, str, str], str] = {}
    for step in range(6):
        plan = ring.holder.plan(PLAN).plan
        assert plan is not None
        ring.holder.save_plan(_stepped(plan, step), by=NINA)
        for entry in caller.get(f"/CarePlan/{PLAN}/$view").json()["entry"]:
            resource = entry["resource"]
            key = (resource["resourceType"], resource["id"], resource["meta"]["versionId"])
            assert known.setdefault(key, _content(resource)) == _content(resource), (step, key)
    assert len(known) > len({key[:2] for key in known})
    ring.close()


def _stepped(plan: IndividualPlan, step: int) -> IndividualPlan:
    goals, measures, people = plan.goals, plan.measures, plan.professionals
    changes: list[dict[str, Any]] = [
        {"goals": (goals[0].evolve(text="Å svømme hver dag"), *goals[1:])},
        {"measures": (measures[0].evolve(how="I bassenget"), *measures[1:])},
        {"professionals": (people[0].evolve(title="Vernepleier"), *people[1:])},
        {"measures": measures[1:]},
        {"goals": (*goals, goals[0].evolve(id="goal-3", text="Å sykle"))},
        {"title": "Planen min"},
    ]
    return plan.evolve(**changes[step])


def _content(resource: dict[str, Any]) -> str:
    """The content of a resource but for what tells the number and day of the whole view."""
    kept = {name: value for name, value in resource.items() if name not in ("meta", "extension", "created")}
    own = [
        one
        for one in resource.get("extension", ())
        if not re.search("ip-(view|plan-version|plan-updated)$", one["url"])
    ]
    return str((kept, own))

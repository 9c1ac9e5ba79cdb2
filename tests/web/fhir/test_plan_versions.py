"""Versions of a resource of a view: those that the party was given, as far as it may still see all that they name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.web.app import create_app
from tests.support.rest_caller import Caller, refused
from tests.support.ring import NINA, Ring, with_settings
from tests.support.ring_plan import PLAN, current

ROOT = f"CarePlan/{PLAN}"


@pytest.fixture
def ring(ring: Ring) -> Ring:
    """The plan's first goal had two other texts since it was shared, a day apart."""
    for text in ("Svømme fem meter", "Svømme ti meter"):
        ring.clock.forward(days=1)
        reword(ring, text)
    return ring


def reword(ring: Ring, text: str) -> None:
    """Give the first goal another text."""
    plan = current(ring)
    first, *others = plan.goals
    ring.holder.save_plan(plan.evolve(goals=(first.evolve(text=text), *others)), by=NINA)
    ring.settle()


def goal_of(caller: Caller) -> str:
    """The address of the goal in the party's view."""
    bundle = caller.get(f"{ROOT}/$view").json()
    found = (one["resource"] for one in bundle["entry"])
    return next(f"Goal/{one['id']}" for one in found if "meter" in str(one.get("description")))


def texts(bundle: dict[str, Any]) -> list[tuple[str, str]]:
    """Version and text of each entry of a history."""
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "history")
    found = [one["resource"] for one in bundle.get("entry", [])]
    return [(one["meta"]["versionId"], one["description"]["text"]) for one in found]


def test_each_version_once_latest_first(ring: Ring, hospital: Caller) -> None:
    """The history has the texts that the party was given; each version is read by its number, and recorded."""
    path = goal_of(hospital)
    found = texts(hospital.get(f"{path}/_history").json())
    assert [text for _, text in found][:2] == ["Svømme ti meter", "Svømme fem meter"]
    assert len(found) == 3
    assert len({version for version, _ in found}) == 3
    for version, text in found:
        one = hospital.get(f"{path}/_history/{version}")
        assert (one.json()["description"]["text"], one.headers["etag"]) == (text, f'W/"{version}"')
    about = Aggregate.of_plan(PLAN)
    ways = [one.way for one in ring.holder.store.readings(about)]  # type: ignore[attr-defined]
    assert (ways.count("history"), ways.count("vread")) == (3, 3)


def test_what_does_not_change_has_one_version(hospital: Caller) -> None:
    """Of a resource that is as it was in every view, and of the CarePlan, whose goal alone was reworded."""
    bundle = hospital.get(f"{ROOT}/$view").json()
    patient = next(one["resource"]["id"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient")
    for path in (f"Patient/{patient}", ROOT):
        assert len(hospital.get(f"{path}/_history").json()["entry"]) == 1


def test_page_by_page(hospital: Caller) -> None:
    """By `_count` and the link, each version comes once."""
    found, url = [], f"{goal_of(hospital)}/_history?_count=1"
    for _ in range(5):
        bundle = hospital.get(url).json()
        found += texts(bundle)
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            break
        (url,) = following
    assert found == texts(hospital.get(f"{goal_of(hospital)}/_history").json())


def test_since_when(ring: Ring, hospital: Caller) -> None:
    """Only versions of a day that is not before it."""
    path, now = goal_of(hospital), ring.clock.now()
    since = (now - timedelta(hours=30)).isoformat().replace("+00:00", "Z")
    assert len(texts(hospital.get(f"{path}/_history?_since={since}").json())) == 1
    assert len(texts(hospital.get(f"{path}/_history?_since=2020-01-01T00:00:00Z").json())) == 3


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "1e3", "9" * 30])
def test_no_such_version(hospital: Caller, number: str) -> None:
    """A number that no version has is not found, whatever it looks like."""
    refused(hospital.get(f"{goal_of(hospital)}/_history/{number}"), 404, "not-found")


@pytest.mark.parametrize("query", ["_count=0", "_count=x", "_since=x", "_cursor=x", "_at=2020", "_count=1&_count=2"])
def test_bad_parameters(hospital: Caller, query: str) -> None:
    """They are refused, not ignored."""
    assert hospital.get(f"{goal_of(hospital)}/_history?{query}").status_code == 400


def test_another_party_has_no_part_in_it(ring: Ring, hospital: Caller) -> None:
    """Neither the ids of another's view nor its versions are there for a party; that it asked is recorded."""
    path = goal_of(hospital)
    for name in ("school", "practice"):
        other = Caller(hospital.client, f"token-of-{name}", hospital.base)
        refused(other.get(f"{path}/_history"), 404, "not-found")
        refused(other.get(f"{path}/_history/1"), 404, "not-found")
    stranger = Caller(hospital.client, "token-of-practice", hospital.base)
    refused(stranger.get(f"{ROOT}/_history"), 404, "not-found")
    last = ring.holder.store.readings(Aggregate.of_plan(PLAN), 1)  # type: ignore[attr-defined]
    assert [(one.party, one.way, one.ground) for one in last] == [("practice", "history", "refused")]


def test_what_is_closed_by_now_is_not_given_again(ring: Ring, hospital: Caller) -> None:
    """After the share was narrowed no earlier version is given out, and what left the view is not there at all."""
    path = goal_of(hospital)
    side = with_settings(ring, levels={"hospital": ContentLevel.NEEDS})
    narrowed = Caller(TestClient(create_app(side)), "token-of-hospital", side.url)
    found = narrowed.get(f"{path}/_history").json()
    assert len(found.get("entry", [])) == 1
    for number in ("1", "2"):
        refused(narrowed.get(f"{path}/_history/{number}"), 404, "not-found")


def test_an_item_that_is_gone_takes_its_traces_along(ring: Ring, hospital: Caller) -> None:
    """A version of the CarePlan that names what is not in today's view is not given; nor is that item's history."""
    path = goal_of(hospital)
    plan = current(ring)
    gone = plan.goals[0].id
    measures = tuple(one.evolve(goals=tuple(g for g in one.goals if g != gone)) for one in plan.measures)
    left = tuple(one.evolve(part_of=None) if one.part_of == gone else one for one in plan.goals[1:])
    ring.holder.save_plan(plan.evolve(goals=left, measures=measures), by=NINA)
    ring.settle()
    refused(hospital.get(f"{path}/_history"), 404, "not-found")
    refused(hospital.get(f"{path}/_history/1"), 404, "not-found")
    ident = path.partition("/")[2]
    assert ident not in hospital.get(f"{ROOT}/_history").text

"""The law's items a) to i): each met, and each way of missing it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ip_fhir.domain.completeness import completeness
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from tests.support.data import ABSENT, changed, example
from tests.support.strategies import plans

WHOLE = example("plans", "01")  # last changed on 21 August 2026
CHILD = "person-01"


def lacks(data: Any) -> dict[str, tuple[str, ...]]:
    """What the plan lacks, by item."""
    return {item.item: item.missing for item in completeness(read(IndividualPlan, data)) if not item.met}


def with_team(**fields: Any) -> Any:
    """The plan with another team."""
    return {**WHOLE, "team": {"id": "team-01", **fields}}


def member(status: str = "accepted", who: str = CHILD, **period: str) -> dict[str, Any]:
    """A membership."""
    return {"id": f"m-{who}-{status}", "member": who, "role": "owner", "status": status, "period": period}


def coordinator(holder: str | None = "pro-gp", **period: str) -> dict[str, Any]:
    """A coordinator's place."""
    return {"id": "c", "holder": holder, "period": period}


def measure(**fields: Any) -> dict[str, Any]:
    """A measure with all it needs, but for `fields`."""
    whole = {"id": "m", "what": "Trening", "responsible": "pro-gp", "extent": "En time", "how": "I gruppe"}
    return {name: value for name, value in {**whole, **fields}.items() if value is not ABSENT}


def consent(ident: str, kind: str, **fields: Any) -> dict[str, Any]:
    """A consent."""
    return {"id": ident, "kind": kind, "given_on": "2026-01-01", **fields}


PLAN, SHARING = consent("p", "plan"), consent("s", "sharing")
TEAM = {"coordinators": [coordinator()], "memberships": [member()]}
NO_PLAN, NO_SHARING = "consent to the plan", "consent to sharing confidential information, where it applies"
NOBODY = "who takes part in the work on the plan"
NO_COORDINATOR = "who is responsible for coordination and progress"

CASES: list[tuple[str, Any, dict[str, tuple[str, ...]]]] = [
    ("whole", WHOLE, {}),
    # a
    ("no goals", {**WHOLE, "goals": [], "measures": [measure()]}, {"a": ("goals",)}),
    ("no resources", {**WHOLE, "resources": []}, {"a": ("the person's resources",)}),
    ("no needs", {**WHOLE, "needs": []}, {"a": ("need for services",)}),
    # b, c
    ("no team", {**WHOLE, "team": None}, {"b": (NOBODY,), "c": (NO_COORDINATOR,)}),
    ("small team", with_team(**TEAM), {}),
    ("no members", with_team(coordinators=[coordinator()]), {"b": (NOBODY,)}),
    ("proposed", with_team(**{**TEAM, "memberships": [member("proposed")]}), {"b": (NOBODY,)}),
    ("declined", with_team(**{**TEAM, "memberships": [member("declined")]}), {"b": (NOBODY,)}),
    ("ended", with_team(**{**TEAM, "memberships": [member("ended", end="2026-02-01")]}), {"b": (NOBODY,)}),
    ("returned", with_team(**{**TEAM, "memberships": [member("returned")]}), {}),
    ("without the person", with_team(**{**TEAM, "memberships": [member(who="pro-gp")]}),
        {"b": ("the person among those who take part",)}),
    ("no coordinator", with_team(memberships=[member()]), {"c": (NO_COORDINATOR,)}),
    ("vacant", with_team(**{**TEAM, "coordinators": [coordinator(None)]}), {"c": (NO_COORDINATOR,)}),
    ("coordinator left", with_team(**{**TEAM, "coordinators": [coordinator(end="2026-08-20")]}),
        {"c": (NO_COORDINATOR,)}),
    ("coordinator leaves today", with_team(**{**TEAM, "coordinators": [coordinator(end="2026-08-21")]}), {}),
    ("coordinator left after the plan was made", with_team(**{**TEAM, "coordinators": [coordinator(end="2026-08-20")]})
        | {"updated": None, "created": "2026-03-02T12:00:00+01:00"}, {}),
    # d
    ("owner gives nothing", changed(WHOLE, "contributions.0.by", "services"), {"d": ("what the person contributes",)}),
    ("nobody gives", {**WHOLE, "contributions": []},
        {"d": ("what the person contributes", "what the services contribute", "what the relatives contribute")}),
    # e, f
    ("no measures", {**WHOLE, "measures": []}, {"e": ("measures",), "f": ("how every measure is carried out",)}),
    ("no extent", {**WHOLE, "measures": [measure(extent=ABSENT)]}, {"e": ("the extent of every measure",)}),
    ("nobody responsible", {**WHOLE, "measures": [measure(responsible=ABSENT)]},
        {"e": ("who is responsible for every measure",)}),
    ("one of two", {**WHOLE, "measures": [measure(), measure(id="n", how=ABSENT)]},
        {"f": ("how every measure is carried out",)}),
    ("one given up", {**WHOLE, "measures": [measure(), {"id": "n", "what": "x", "status": "cancelled"}]}, {}),
    ("one stopped", {**WHOLE, "measures": [measure(), {"id": "n", "what": "x", "status": "stopped"}]}, {}),
    ("all given up", {**WHOLE, "measures": [measure(status="cancelled")]},
        {"e": ("measures",), "f": ("how every measure is carried out",)}),
    # g
    ("no period", {**WHOLE, "period": {"end": "2027-01-01"}}, {"g": ("the plan period",)}),
    ("no follow-up", {**WHOLE, "follow_up": None}, {"g": ("when and how the plan is followed up",)}),
    ("no evaluation", {**WHOLE, "evaluation": None}, {"g": ("when and how the plan is evaluated",)}),
    # h
    ("both consents", {**WHOLE, "consents": [PLAN, SHARING]}, {}),
    ("no consent", {**WHOLE, "consents": []}, {"h": (NO_PLAN, NO_SHARING)}),
    ("no plan consent", {**WHOLE, "consents": [SHARING]}, {"h": (NO_PLAN,)}),
    ("no sharing consent", {**WHOLE, "consents": [PLAN]}, {"h": (NO_SHARING,)}),
    ("plan refused", {**WHOLE, "status": "revoked",
                      "consents": [consent("p", "plan", status="refused"), SHARING]}, {"h": (NO_PLAN,)}),
    ("plan denied", {**WHOLE, "consents": [consent("p", "plan", access="deny"), SHARING]}, {"h": (NO_PLAN,)}),
    ("sharing with exceptions only", {**WHOLE, "consents": [PLAN, consent("s", "sharing", access="deny")]}, {}),
    ("withdrawn", {**WHOLE, "status": "revoked",
                   "consents": [consent("p", "plan", status="withdrawn", withdrawn_on="2026-02-01"), SHARING]},
        {"h": (NO_PLAN,)}),
    ("sharing refused", {**WHOLE, "consents": [PLAN, consent("s", "sharing", status="refused")]}, {}),
    ("run out", {**WHOLE, "consents": [PLAN, consent("s", "sharing", period={"end": "2026-08-20"})]},
        {"h": (NO_SHARING,)}),
    ("runs out today", {**WHOLE, "consents": [PLAN, consent("s", "sharing", period={"end": "2026-08-21"})]}, {}),
    # i
    ("no cooperation", {**WHOLE, "cooperation": []}, {"i": ("cooperation with others that is needed or wished for",)}),
]  # fmt: skip


@pytest.mark.parametrize(("words", "data", "missing"), CASES, ids=[case[0] for case in CASES])
def test_item_by_item(words: str, data: Any, missing: dict[str, tuple[str, ...]]) -> None:
    """One thing taken from a complete plan is the one thing that it lacks."""
    assert lacks(data) == missing


def test_without_relatives_nobody_asks_for_theirs() -> None:
    """Relatives contribute where there are some."""
    alone = {
        "id": "p",
        "owner": WHOLE["owner"],
        "created": WHOLE["created"],
        "contributions": [{"id": "1", "by": "owner", "text": "x"}, {"id": "2", "by": "services", "text": "x"}],
    }
    assert "d" not in lacks(alone)
    relative = {"id": "r", "name": {"family": "Sæbø"}, "relationship": "friend"}
    assert lacks({**alone, "related_persons": [relative]})["d"] == ("what the relatives contribute",)


def test_an_empty_plan_lacks_all() -> None:
    """Nine items in the law's order, none of them met, each says what the law asks for."""
    items = completeness(read(IndividualPlan, {name: WHOLE[name] for name in ("id", "owner", "created")}))
    assert "".join(item.item for item in items) == "abcdefghi"
    assert not any(item.met for item in items)
    assert len({item.asks_for for item in items}) == 9


@given(plans())
def test_every_plan_has_nine_answers(plan: IndividualPlan) -> None:
    """Any plan at all is answered; an item is met exactly when it lacks nothing."""
    items = completeness(plan)
    assert "".join(item.item for item in items) == "abcdefghi"
    assert all(item.met == (item.missing == ()) for item in items)


def test_a_guardian_is_no_relative() -> None:
    """A guardian as the only related person: nothing of relatives is missing (users.md E, completeness d)."""
    guardian = {"id": "g", "name": {"family": "Verge"}, "relationship": "guardian", "mandate": {"kind": "guardian"}}
    alone = {
        **{name: WHOLE[name] for name in ("id", "owner", "created")},
        "contributions": [{"id": "1", "by": "owner", "text": "x"}, {"id": "2", "by": "services", "text": "x"}],
    }
    assert "d" not in lacks({**alone, "related_persons": [guardian]})


@pytest.mark.parametrize(("end", "missing"), [("2026-06-30", True), ("2026-07-01", False)])
def test_the_day_is_the_norwegian_one(end: str, missing: bool) -> None:
    """30 June 23:30 UTC is 1 July in Oslo: a coordinator until 30 June has left by then (users.md E, c)."""
    places = [coordinator(start="2026-01-01", end=end)]
    plan = {**with_team(coordinators=places), "updated": "2026-06-30T23:30:00Z"}
    assert ("c" in lacks(plan)) is missing

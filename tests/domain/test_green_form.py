"""The green form: what each decision needs, item by item, with and without the notice it answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.green_form import FormDecision, GreenForm, Missing, RejectionReason, missing_items
from ip_fhir.domain.notice import Notice, NoticeKind
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from tests.support.data import ABSENT, changed, example
from tests.support.strategies import green_forms, notices

APPOINTED = example("green_forms", "02")  # one coordinator, a leader who signs, a mentor
TWO = example("green_forms", "04")
REJECTED = example("green_forms", "05")
NOTICE = read(Notice, example("notices", "02"))  # plan and coordinator, no wish
BASE = {name: APPOINTED[name] for name in ("id", "answers", "authored", "sender", "organizations")}
DECLINED = {**BASE, "decision": "declined", "declined": "both", "declined_on": "2026-01-20"}
FORWARDED = {**BASE, "decision": "forwarded", "forwarded_to": "org-nordvik"}
COORDINATOR = next(
    n for n, p in enumerate(APPOINTED["professionals"]) if p["id"] == APPOINTED["coordinators"][0]["holder"]
)
PERSON = f"professionals.{COORDINATOR}"
WISH = NOTICE.evolve(wished_coordinator="Gro")


def lacks(data: Any, notice: Notice | None = NOTICE) -> list[str]:
    """What a form of these data lacks."""
    return [missing.value for missing in missing_items(read(GreenForm, data), notice)]


@pytest.mark.parametrize("data", [APPOINTED, TWO, REJECTED, DECLINED, FORWARDED])
def test_complete_forms(data: Any) -> None:
    """A form of each decision with all it needs lacks nothing, also when the notice is not at hand."""
    assert lacks(data) == lacks(data, None) == []


ITEMS: list[tuple[str, Any, str, Any, list[str]]] = [
    ("no decision", APPOINTED, "decision", ABSENT, ["decision"]),
    # appointed
    ("no coordinator", APPOINTED, "coordinators", [], ["coordinator"]),
    ("a vacant place", APPOINTED, "coordinators.0.holder", ABSENT, ["coordinator"]),
    ("a title is a role", APPOINTED, f"{PERSON}.profession", ABSENT, []),
    ("a profession is a role", APPOINTED, f"{PERSON}.title", ABSENT, []),
    ("no organisation", APPOINTED, f"{PERSON}.organization", ABSENT, ["coordinator-organization"]),
    ("no way to reach", APPOINTED, f"{PERSON}.contacts", ABSENT, ["coordinator-contact"]),
    ("one way is enough", APPOINTED, f"{PERSON}.contacts", [{"system": "sms", "value": "90 00 00 00"}], []),
    ("an attachment is no way", APPOINTED, f"{PERSON}.contacts", [{"system": "phone", "value": "Se vedlegg"}],
        ["coordinator-contact"]),
    ("nor too few digits", APPOINTED, f"{PERSON}.contacts", [{"system": "phone", "value": "tlf. 12"}],
        ["coordinator-contact"]),
    ("a year ahead", APPOINTED, "coordinators.0.period.start", "2027-06-01", ["coordinator-from"]),
    ("from when?", APPOINTED, "coordinators.0.period", {"end": "2027-01-01"}, ["coordinator-from"]),
    ("no HPR number", APPOINTED, f"{PERSON}.hpr_number", ABSENT, []),
    ("plan?", APPOINTED, "plan_state", ABSENT, ["plan-state"]),
    ("declines the plan, wants a coordinator", APPOINTED, "plan_state", "declined", []),
    ("starts, but when?", APPOINTED, "plan_state", "starts-later", ["plan-starts"]),
    ("second coordinator, from when?", TWO, "coordinators.1.period", ABSENT, ["coordinator-from"]),
    # declined
    ("declines what?", DECLINED, "declined", ABSENT, ["declined-what"]),
    ("declines when?", DECLINED, "declined_on", ABSENT, ["declined-when"]),
    ("declines the coordinator", DECLINED, "declined", "coordinator", []),
    ("declines the plan, still has the right to a coordinator", DECLINED, "declined", "plan", ["coordinator"]),
    # rejected
    ("no rejection", REJECTED, "rejection", ABSENT,
        ["rejection-reason", "rejection-legal-basis", "complaint-told", "complaint-to"]),
    ("on what ground?", REJECTED, "rejection.legal_basis", ABSENT, ["rejection-legal-basis"]),
    ("told of the right to complain?", REJECTED, "rejection.told_of_right_to_complain", ABSENT, ["complaint-told"]),
    ("not told of the right to complain", REJECTED, "rejection.told_of_right_to_complain", False, ["complaint-told"]),
    ("to whom?", REJECTED, "rejection.complaint_to", ABSENT, ["complaint-to"]),
    ("no words, but a reason", REJECTED, "rejection.text", ABSENT, []),
    # forwarded
    ("to whom?", FORWARDED, "forwarded_to", ABSENT, ["forwarded-to"]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "data", "path", "value", "missing"), ITEMS, ids=[f"{i[0]} {i[2]}" for i in ITEMS])
def test_item_by_item(words: str, data: Any, path: str, value: Any, missing: list[str]) -> None:
    """One thing taken from a complete form is the one thing it lacks."""
    assert lacks(changed(data, path, value)) == missing


def test_no_role_at_all() -> None:
    """Neither title nor profession: what does the coordinator do?"""
    bare = changed(changed(APPOINTED, f"{PERSON}.title", ABSENT), f"{PERSON}.profession", ABSENT)
    assert lacks(bare) == ["coordinator-role"]


def test_other_is_no_reason_without_words() -> None:
    """Another reason is one when it is said which."""
    other = changed(changed(REJECTED, "rejection.reason", "other"), "rejection.text", ABSENT)
    assert lacks(other) == ["rejection-reason"]
    assert lacks(changed(other, "rejection.text", "Flytter til en annen kommune i mars")) == []


@pytest.mark.parametrize(
    ("honoured", "reason", "missing"),
    [(ABSENT, ABSENT, ["wish"]), (True, ABSENT, []), (False, "Har ikke kapasitet", [])],
)
def test_a_wish_is_answered(honoured: Any, reason: Any, missing: list[str]) -> None:
    """Where the notice tells of a wish, the form says whether it is honoured; without a wish it need not."""
    form = changed(APPOINTED, "coordinators.0.wish_honoured", True)
    form = changed(changed(form, "coordinators.0.wish_reason", "x"), "coordinators.0.wish_honoured", honoured)
    form = changed(form, "coordinators.0.wish_reason", reason)
    assert lacks(form, WISH) == missing
    assert lacks(form, NOTICE) == lacks(form, None) == []


def test_one_answer_to_the_wish_is_enough() -> None:
    """With two coordinators one of them is the answer to the wish."""
    assert TWO["coordinators"][0]["wish_honoured"] is True
    assert "wish_honoured" not in TWO["coordinators"][1]
    assert lacks(TWO, WISH) == []


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_the_plan_is_asked_about_where_it_was_asked_for(kind: NoticeKind) -> None:
    """A notice that asks only for a coordinator needs no word about the plan."""
    form = changed(APPOINTED, "plan_state", ABSENT)
    assert lacks(form, NOTICE.evolve(kind=kind)) == (["plan-state"] if kind.asks_for_plan else [])


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_who_declines_the_plan_is_offered_what_else_was_asked_for(kind: NoticeKind) -> None:
    """Declining the plan answers a notice that asks for nothing else."""
    form = {**DECLINED, "declined": "plan"}
    assert lacks(form, NOTICE.evolve(kind=kind)) == (["coordinator"] if kind.asks_for_coordinator else [])
    named = {**form, **{name: APPOINTED[name] for name in ("organizations", "professionals", "coordinators")}}
    assert lacks(named, NOTICE.evolve(kind=kind)) == []


def test_everything_at_once_and_each_once() -> None:
    """Two coordinators of whom nothing is said lack four things, each listed once, in a fixed order."""
    form = changed(APPOINTED, "professionals", [{"id": i, "name": {"family": "Sæbø"}} for i in ("a", "b")])
    form = changed(form, "signed_by", ABSENT)
    form = changed(form, "coordinators", [{"id": "x", "holder": "a"}, {"id": "y", "holder": "b"}])
    assert lacks(changed(form, "plan_state", ABSENT), WISH) == [
        *("coordinator-role", "coordinator-organization", "coordinator-contact", "coordinator-from"),
        *("wish", "plan-state"),
    ]


BELONGS = {
    None: {"decision"},
    FormDecision.APPOINTED: {"coordinator", "wish", "plan"},
    FormDecision.DECLINED: {"declined", "coordinator"},
    FormDecision.REJECTED: {"rejection", "complaint"},
    FormDecision.FORWARDED: {"forwarded"},
}


@given(green_forms(), st.none() | notices())
def test_only_what_belongs_to_the_decision(form: GreenForm, notice: Notice | None) -> None:
    """What another decision would need is not asked for; nothing is listed twice."""
    missing = missing_items(form, notice)
    assert {one.value.partition("-")[0] for one in missing} <= BELONGS[form.decision]
    assert len(set(missing)) == len(missing)
    assert set(missing) <= set(Missing)


# --- what every form must say, complete or not -------------------------------------------------------


def problems(data: Any) -> list[tuple[str, str, str]]:
    """Path, reason and code of each problem, none for a sound form."""
    try:
        read(GreenForm, data)
    except InvalidInput as error:
        return [(p.path, p.reason, p.code) for p in error.problems]
    return []


@pytest.mark.parametrize("name", ["id", "answers", "authored", "sender", "organizations"])
def test_what_a_form_must_say(name: str) -> None:
    """Which loop it answers, who sends it and when: the rest may be lacking."""
    assert problems(BASE) == []
    assert problems(changed(BASE, name, ABSENT)) == [(name, "field required", "required")]


REFERENCES = {
    "sender": "org-nordvik",
    "forwarded_to": "org-nordvik",
    "signed_by": "pro-ke-leader",
    "organizations.1.part_of": "org-nordvik",
    "professionals.0.organization": "org-nordvik",
    "coordinators.0.holder": "pro-ke-leader",
    "coordinators.0.mentor": "pro-ke-leader",
    "coordinators.0.appointed_by": "org-nordvik",
}


@pytest.mark.parametrize("path", REFERENCES)
@pytest.mark.parametrize("ident", ["nobody", "org-nordvik", "pro-ke-leader", "person-02-coordinator-1"])
def test_references(path: str, ident: str) -> None:
    """Each place takes the ids of what it is for, and nothing that is not in the form."""
    wrong = [(path, "refers to nobody in the form", "invariant")]
    assert problems(changed(APPOINTED, path, ident)) == ([] if ident == REFERENCES[path] else wrong)


@pytest.mark.parametrize("name", ["organizations", "professionals", "coordinators"])
def test_an_id_is_used_once(name: str) -> None:
    """The same id twice is told at the later place."""
    place = f"{name}.{len(APPOINTED[name])}"
    found = problems(changed(APPOINTED, place, APPOINTED[name][-1]))
    assert found == [(f"{place}.id", "the id is used twice in the form", "invariant")]


def test_no_organisation_is_part_of_itself() -> None:
    """As in a plan."""
    found = problems(changed(APPOINTED, "organizations.0.part_of", APPOINTED["organizations"][0]["id"]))
    assert found == [("organizations.0.part_of", "the organisation is part of itself", "invariant")]


def test_professionals_are_found() -> None:
    """By id, or None."""
    form = read(GreenForm, APPOINTED)
    assert form.professional("pro-ke-leader") == form.professionals[0]
    assert form.professional("nobody") is None
    assert form.professional(None) is None


def test_reasons_to_reject() -> None:
    """Five, and the last needs words."""
    assert [reason.value for reason in RejectionReason][-1] == "other"
    assert len(RejectionReason) == 5

"""The examples hold what they say: each file loads, together they use the domain, each script runs offline."""

from __future__ import annotations

import os
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.completeness import completeness
from ip_fhir.domain.consent.consent import Access, ConsentKind, ConsentStatus
from ip_fhir.domain.consent.permission import Allowed
from ip_fhir.domain.green_form import FormDecision, GreenForm, Missing, RejectionReason, missing_items
from ip_fhir.domain.loop.consent_gate import gate
from ip_fhir.domain.notice import Notice, NoticeKind
from ip_fhir.domain.people import Gender, Organization, OrganizationKind, Professional
from ip_fhir.domain.plan import (
    Achievement,
    Contributor,
    GoalStatus,
    IndividualPlan,
    MeasureStatus,
    ReviewKind,
    ReviewStatus,
)
from ip_fhir.domain.team import CoordinatorKind, MembershipStatus, TeamRole
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Value, read
from tests.support.data import EXAMPLES
from tests.support.reach import all_fields, used_fields, used_members

SCRIPTS = sorted(EXAMPLES.glob("*.py"))
NUMBERS = ["01", "02", "03", "04", "05"]


def load(folder: str, model: type[Value]) -> dict[str, Any]:
    """Every example of one folder by its file's name."""
    return {file.stem: read(model, file.read_bytes()) for file in sorted((EXAMPLES / folder).glob("*.json"))}


PLANS: dict[str, IndividualPlan] = load("plans", IndividualPlan)
NOTICES: dict[str, Notice] = load("notices", Notice)
FORMS: dict[str, GreenForm] = load("green_forms", GreenForm)
WHOLES: dict[str, Value] = {
    **{f"plan {name}": plan for name, plan in PLANS.items()},
    **{f"notice {name}": notice for name, notice in NOTICES.items()},
    **{f"form {name}": form for name, form in FORMS.items()},
}


def numbered(values: dict[str, Any], number: str) -> Any:
    """The one whose name begins with that number."""
    (found,) = (value for name, value in values.items() if name.startswith(number))
    return found


def test_five_persons() -> None:
    """Five plans and five notices go by the same names; every form is somebody's."""
    assert [name[:2] for name in PLANS] == NUMBERS
    assert list(NOTICES) == list(PLANS)
    assert all(any(name.startswith(person) for person in PLANS) for name in FORMS)


@pytest.mark.parametrize("name", WHOLES)
def test_written_as_it_is_read(name: str) -> None:
    """A file that is read and written again is the same: nothing in it is left out or put in another form."""
    folder, stem = name.split(" ", 1)
    file = EXAMPLES / {"plan": "plans", "notice": "notices", "form": "green_forms"}[folder] / f"{stem}.json"
    assert WHOLES[name].to_json(indent=2) + "\n" == file.read_text(encoding="utf-8")


def _persons(value: Any) -> list[PersonId]:
    if isinstance(value, PersonId):
        return [value]
    if isinstance(value, Value):
        return [found for name in type(value).model_fields for found in _persons(getattr(value, name))]
    return [found for part in value for found in _persons(part)] if isinstance(value, tuple) else []


@pytest.mark.parametrize("name", WHOLES)
def test_nobody_is_real(name: str) -> None:
    """Every person's number is from a test register, and right by today's rule; telephone numbers are nobody's."""
    whole = WHOLES[name]
    for number in _persons(whole):
        assert number.synthetic is not None
        assert number.warnings == ()
    phones = [text for text in whole.to_json().split('"') if text.startswith("+47")]
    assert all(phone.startswith("+47 00 ") for phone in phones)


@pytest.mark.parametrize("name", WHOLES)
def test_same_thing_same_id(name: str) -> None:
    """An organisation is the same in every file that names it; a professional, but for what a form leaves open, too."""
    known: dict[str, Value] = {}
    for other in WHOLES.values():
        for organization in (*_all(other, "organizations"),):
            assert known.setdefault(organization.id, organization) == organization
    for person in _all(WHOLES[name], "professionals"):
        same = (p for other in WHOLES.values() for p in _all(other, "professionals") if p.id == person.id)
        assert {p.name.full for p in same} == {person.name.full}


def _all(whole: Value, field: str) -> tuple[Any, ...]:
    found: tuple[Organization | Professional, ...] = getattr(whole, field)
    return found


NOT_SHOWN: set[Enum] = {OrganizationKind.SOCIAL_SERVICES, OrganizationKind.LABOUR_MARKET_ENTERPRISE}


def test_all_of_the_domain_is_shown() -> None:
    """Together the plans fill every field there is, but for the few named here."""
    used = {field for plan in PLANS.values() for field in used_fields(plan)}
    withholding = {f"{person}.protection" for person in ("PlanOwner", "RelatedPerson", "Professional")}
    dead = {"PlanOwner.deceased", "PlanOwner.dead"}
    assert all_fields(IndividualPlan) - used == dead | withholding  # they would not come back whole


@pytest.mark.parametrize(
    "kind",
    [
        LifeArea, GoalStatus, Achievement, MeasureStatus, ReviewKind, ReviewStatus, Contributor, MembershipStatus,
        TeamRole, CoordinatorKind, ConsentStatus, ConsentKind, Access, OrganizationKind,
    ],
)  # fmt: skip
def test_every_member_is_shown(kind: type[Enum]) -> None:
    """Together the plans use every life area, every status of goals, measures, reviews, members and consents."""
    used = {member for plan in PLANS.values() for member in used_members(plan)}
    assert set(kind) - used == NOT_SHOWN & set(kind)


@pytest.mark.parametrize("number", NUMBERS)
def test_size_of_a_real_plan(number: str) -> None:
    """Three main goals, five to eight sub-goals, six to twelve measures, six to ten members."""
    plan: IndividualPlan = numbered(PLANS, number)
    assert len(plan.main_goals) == 3
    assert 5 <= len(plan.goals) - 3 <= 8
    assert 6 <= len(plan.measures) <= 12
    assert plan.team is not None
    assert 6 <= len(plan.team.memberships) <= 10
    assert all(plan.sub_goals(goal) for goal in plan.main_goals)


@pytest.mark.parametrize("number", NUMBERS)
def test_complete_but_for_one(number: str) -> None:
    """All plans meet the law's items a) to i); the fourth lacks e), f), g) and h), on purpose."""
    gaps = [item.item for item in completeness(numbered(PLANS, number)) if not item.met]
    assert gaps == (["e", "f", "g"] if number == "04" else [])


def test_what_each_plan_is_for() -> None:
    """The hard cases are there: two coordinators, hospital and municipality at once, a vacant place, no HPR number."""
    teams = {name[:2]: plan.team for name, plan in PLANS.items() if plan.team is not None}
    assert [c.kind for c in teams["01"].coordinators] == [CoordinatorKind.CHILD]
    assert {c.kind for c in teams["03"].coordinators} == {CoordinatorKind.MUNICIPAL, CoordinatorKind.HOSPITAL}
    assert teams["04"].two_coordinators_reason
    assert [c.vacant for c in teams["05"].coordinators] == [False, True, False]
    holders = {c.holder for c in teams["04"].coordinators}
    assert all(p.hpr_number is None for p in numbered(PLANS, "04").professionals if p.id in holders)
    guardian = next(r for r in numbered(PLANS, "05").related_persons if r.mandate)
    assert guardian.mandate.document.data


def test_notices() -> None:
    """One hospital tells one coordinating unit; the kinds differ, and one asks on its legal basis alone."""
    assert {(n.sender, n.recipient) for n in NOTICES.values()} == {("org-fjellregionen", "org-nordvik-ke")}
    assert {n.kind for n in NOTICES.values()} == set(NoticeKind)
    assert [name[:2] for name, notice in NOTICES.items() if not notice.consents] == ["03"]
    assert [name[:2] for name, notice in NOTICES.items() if notice.wished_coordinator] == ["01", "03", "04"]
    assert {n.authored.strftime("%Y-%m-%d %z") for n in NOTICES.values()} == {"2026-01-12 +0100"}


@pytest.mark.parametrize("number", NUMBERS)
def test_notice_and_plan_are_about_one_person(number: str) -> None:
    """The notice's owner is the plan's."""
    assert numbered(NOTICES, number).owner == numbered(PLANS, number).owner


@pytest.mark.parametrize("number", NUMBERS)
def test_notice_may_be_sent(number: str) -> None:
    """Consent or legal basis lets each notice out on the day it was written."""
    notice: Notice = numbered(NOTICES, number)
    answer = gate(notice, Agreement(), local_day(notice.authored))
    assert isinstance(answer, Allowed)
    assert bool(answer.consents) == (number != "03")


@pytest.mark.parametrize("name", FORMS)
def test_forms_answer_their_notice(name: str) -> None:
    """A form's `answers` is its notice's correlation id; its coordinators are the plan's; it comes after the notice."""
    form, notice = FORMS[name], numbered(NOTICES, name[:2])
    assert form.answers == notice.correlation_id
    assert form.sender == notice.recipient
    assert form.authored > notice.authored
    plan: IndividualPlan = numbered(PLANS, name[:2])
    assert plan.team is not None
    in_plan = {(c.id, c.holder, c.kind) for c in plan.team.coordinators}
    assert {(c.id, c.holder, c.kind) for c in form.coordinators} <= in_plan


LACKING = {
    "03-stroke-patient-1-incomplete": (Missing.COORDINATOR_CONTACT, Missing.COORDINATOR_FROM, Missing.WISH),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_are_complete_but_for_one(name: str) -> None:
    """Each form closes its loop, but for the first answer about the stroke patient, which lacks three things."""
    assert missing_items(FORMS[name], numbered(NOTICES, name[:2])) == LACKING.get(name, ())


def test_story() -> None:
    """One is rejected with the right to complain, one has two coordinators, one comes late."""
    rejected = FORMS["05-woman-of-ninety"]
    assert rejected.decision is FormDecision.REJECTED
    assert rejected.rejection is not None
    assert rejected.rejection.reason is RejectionReason.ALREADY_HAS
    assert len(FORMS["04-young-adult-from-school-to-work"].coordinators) == 2
    waited = FORMS["02-adult-with-mental-illness"].authored - NOTICES["02-adult-with-mental-illness"].authored
    assert waited.days == 31


def test_letters() -> None:
    """Norwegian, Sámi and Turkish letters are there to be lost; an owner is neither woman nor man."""
    text = "".join(whole.to_json() for whole in WHOLES.values())
    assert set("æøåØÅáČŊ") <= set(text)
    assert "Y\u0131ld\u0131z" in text
    assert Gender.OTHER in {m for plan in PLANS.values() for m in used_members(plan)}


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.name for script in SCRIPTS])
def test_script_runs_offline(script: Path, tmp_path: Path) -> None:
    """Each script runs without network, from any directory, without a warning, and says something."""
    no_network = "import socket; socket.socket.connect = socket.socket.connect_ex = None; import runpy, sys; "
    run = f"{no_network}runpy.run_path(sys.argv[1], run_name='__main__')"
    ran = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-X", "utf8", "-c", run, str(script)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip()


def test_there_are_scripts() -> None:
    """The scripts are numbered from 01, without a gap."""
    assert [script.name[:2] for script in SCRIPTS] == [f"{n:02}" for n in range(1, len(SCRIPTS) + 1)]
    assert len(SCRIPTS) >= 4

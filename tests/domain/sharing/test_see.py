"""The rules of what a participant sees, each by an example."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, get_args

import pytest
from pydantic import Field

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import Access, Provision
from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.people import (
    AddressProtection,
)
from ip_fhir.domain.plan import (
    Goal,
    GoalStatus,
    IndividualPlan,
    ReviewKind,
)
from ip_fhir.domain.sharing.lens import visible
from ip_fhir.domain.sharing.lens.visible import VISIBLE, Shown
from ip_fhir.domain.sharing.policy import holds_until, openings
from ip_fhir.domain.sharing.put_back import put_back
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.team import CareTeam, Coordinator, CoordinatorKind, MembershipStatus
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period, Value
from ip_fhir.errors import MappingError
from tests.domain.sharing.examples import ON, PHONE, SCHOOL, YES, deny, place, plan_with, share_of, texts, worker

ALL = {"Tegner", "Skyss", "Penger", "Ro", "Spare", "Spare litt", "Kino", "Reise", "Budsjett", "Tur"}


def test_with_a_yes_to_all_all_is_seen() -> None:
    """Where nothing is closed, all items are there, and others' memberships."""
    view = see(plan_with(YES), SCHOOL, ON)
    assert texts(view) == ALL
    assert view.plan.note == "Et notat"
    assert view.plan.team is not None
    assert [member.task for member in view.plan.team.memberships] == ["Skole", "Lege"]


def test_a_closed_area_closes_what_serves_it() -> None:
    """An item counts as its goals' areas; one with several is seen if all are open; a sub-goal may lose its goal."""
    plan = see(plan_with(deny(LifeArea.ECONOMY)), SCHOOL, ON).plan
    assert {goal.text for goal in plan.goals} == {"Kino"}
    assert plan.goals[0].part_of is None
    assert {measure.what: len(measure.goals) for measure in plan.measures} == {"Kino": 1}
    assert {need.text for need in plan.needs} == {"Skyss", "Ro"}
    assert plan.team is not None
    assert [member.task for member in plan.team.memberships] == ["Skole"]


def test_what_has_no_area_follows_the_consent_as_a_whole() -> None:
    """A yes for one area shows that area's items alone: no note, contribution, arrangement or outcome, but days."""
    yes = YES.evolve(access=Access.DENY, provisions=(Provision(access=Access.PERMIT, areas=(LifeArea.TRANSPORT,)),))
    view = see(plan_with(yes), SCHOOL, ON)
    plan = view.plan
    assert texts(view) == {"Skyss"}
    assert (plan.note, plan.title, plan.legal_basis, plan.contributions, plan.cooperation) == (None, None, (), (), ())
    assert plan.follow_up is None
    assert [(review.kind, review.planned, review.held, review.outcome, review.how) for review in plan.reviews] == [
        (ReviewKind.FOLLOW_UP, date(2026, 9, 1), None, None, None),
        (ReviewKind.EVALUATION, date(2026, 3, 1), date(2026, 3, 2), None, None),
    ]


def test_an_area_is_open_only_if_all_persons_are_allowed() -> None:
    """A no to one colleague closes the area to the party; with a share for each person, to that person alone."""
    more = (place("p-teacher", "teacher"), place("p-helper", "helper"))
    plan = plan_with(
        deny(LifeArea.LEISURE, recipients=("helper",)),
        professionals=(*plan_with().professionals, worker("helper", "school")),
        team=CareTeam(id="team", memberships=more),
    )
    assert "Tegner" not in texts(see(plan, SCHOOL, ON))
    assert "Tegner" in texts(see(plan, share_of("school", person="teacher"), ON))
    assert "Tegner" not in texts(see(plan, share_of("school", person="helper"), ON))


def test_a_no_to_the_organisation_above_counts() -> None:
    """Consent about the hospital is consent about its ward's doctor; an organisation may be itself the member."""
    plan = plan_with(deny(LifeArea.LEISURE, recipients=("hospital",)))
    assert "Tegner" not in texts(see(plan, share_of("ward", "hospital"), ON))
    itself = plan.evolve(team=CareTeam(id="team", memberships=(place("p", "ward"),)))
    assert "Tegner" not in texts(see(itself, share_of("ward", "hospital"), ON))
    assert "Tegner" in texts(see(plan, SCHOOL, ON))


@pytest.mark.parametrize(
    "change",
    [
        {"status": MembershipStatus.PROPOSED},
        {"status": MembershipStatus.DECLINED},
        {"period": Period(end=ON - timedelta(days=1))},
        {"period": Period(start=ON + timedelta(days=1))},
        {"on_behalf_of": "ward"},
    ],
)
def test_nothing_is_open_to_a_party_of_which_nobody_takes_part(change: dict[str, Any]) -> None:
    """Only memberships in force that day count, in whose name they are."""
    team = CareTeam(id="team", memberships=(place("p", "teacher").evolve(**change),))
    view = see(plan_with(YES, team=team), SCHOOL, ON)
    assert texts(view) == set()
    assert view.openings == ()


def test_levels() -> None:
    """`header`: that there is a plan, and who; `needs`: also needs, goals with status and period, reviews to come."""
    plan = plan_with(YES)
    header, needs = (see(plan, share_of("school", level=level), ON) for level in ("header", "needs"))
    assert texts(header) == set()
    assert (header.plan.status, header.plan.period, header.plan.reviews) == (plan.status, plan.period, ())
    assert header.plan.team is not None
    assert [member.task for member in header.plan.team.memberships] == ["Skole"]
    assert {person.name.family for person in header.plan.professionals} == {"Nurse", "Teacher"}
    assert (header.plan.owner.name.family, header.plan.owner.contacts, header.plan.owner.address) == (
        *("Testesen", ()),
        None,
    )
    assert texts(needs) == {"Skyss", "Penger", "Ro", "Spare", "Spare litt", "Kino", "Reise"}
    assert [review.planned for review in needs.plan.reviews] == [date(2026, 9, 1)]
    assert {(goal.note, goal.expressed_by, goal.target) for goal in needs.plan.goals} == {(None, None, None)}
    assert {person.name.family for person in needs.plan.professionals} == {"Nurse", "Teacher"}


def test_people_are_there_only_where_something_names_them() -> None:
    """With name, title, organisation and contacts; no number, mandate, mentor, wish and its reason."""
    plan = see(plan_with(deny(LifeArea.ECONOMY)), SCHOOL, ON).plan
    assert {person.name.family for person in plan.professionals} == {"Nurse", "Teacher"}
    assert {person.name.family for person in plan.related_persons} == {"Tante"}
    assert {unit.name for unit in plan.organizations} == {"Municipality", "School"}
    nurse = next(person for person in plan.professionals if person.name.family == "Nurse")
    assert (nurse.hpr_number, nurse.contacts) == (None, PHONE)
    all_of = see(plan_with(YES), SCHOOL, ON).plan
    assert {person.name.family: person.mandate for person in all_of.related_persons} == {"Mor": None, "Tante": None}
    assert all_of.team is not None
    (place,) = all_of.team.coordinators
    assert (place.mentor, place.wish_honoured, place.wish_reason) == (None, None, None)
    assert {unit.name for unit in all_of.organizations} == {"Municipality", "School", "Ward", "Hospital"}


def test_two_coordinators_of_a_day_keep_their_reason() -> None:
    """Two of a kind at once need it; a reason that is about others' time is left out."""
    first, second = (Coordinator(id=f"k-{name}", holder=name) for name in ("nurse", "doctor"))
    team = CareTeam(id="team", coordinators=(first, second), two_coordinators_reason="Overlapp")
    plan = plan_with(YES, team=team)
    assert (shown := see(plan, SCHOOL, ON).plan.team) is not None
    assert shown.two_coordinators_reason == "Overlapp"
    past = second.evolve(period=Period(end=ON - timedelta(days=1)))
    later = plan.evolve(team=team.evolve(coordinators=(first, past)))
    assert (shown := see(later, SCHOOL, ON).plan.team) is not None
    assert (len(shown.coordinators), shown.two_coordinators_reason) == (1, None)


def test_version_and_days_are_the_views() -> None:
    """The number of the view, the share's first day, and when the view last changed; no author, no plan before it."""
    share = share_of("school", number=4, updated_on=date(2026, 4, 1))
    view = see(plan_with(YES), share, ON)
    plan = view.plan
    assert (view.number, plan.version, plan.author, plan.replaces, plan.consents) == (4, 4, None, None, ())
    assert plan.created.isoformat() == "2026-01-12T00:00:00+01:00"
    assert plan.updated is not None
    assert plan.updated.isoformat() == "2026-04-01T00:00:00+02:00"
    assert plan.id == "plan-1"


def test_two_shares_have_nothing_in_common_but_the_plan() -> None:
    """Ids of one share say nothing in another; of one share they are the same in each view."""
    plan = plan_with(YES)
    ours, again, theirs = (
        {goal.id for goal in see(plan, share, ON).plan.goals}
        for share in (SCHOOL, SCHOOL.evolve(number=3), share_of("school", key="a7" * 32))
    )
    assert ours == again
    assert not ours & theirs


@pytest.mark.parametrize("protection", list(AddressProtection))
def test_what_leads_to_a_protected_person_is_there_only_if_it_is_ticked(protection: AddressProtection) -> None:
    """Address, contacts of person and relatives, and places of measures; those at work can be reached."""
    plan = plan_with(YES)
    plan = plan.evolve(owner=plan.owner.evolve(protection=protection))
    without = see(plan, SCHOOL, ON).plan
    assert (without.owner.address, without.owner.contacts) == (None, ())
    assert {person.contacts for person in without.related_persons} == {()}
    assert {measure.where for measure in without.measures} == {None}
    assert PHONE in {person.contacts for person in without.professionals}
    ticked = see(plan, share_of("school", released=[LocatingPart.PLACES]), ON).plan
    assert "Kontoret" in {measure.where for measure in ticked.measures}
    assert ticked.owner.address is None


def test_a_coordinator_of_another_day_is_no_reason_to_be_reached() -> None:
    """A professional with a protected address can be reached while coordinating; that one once did is not told."""
    professionals = [
        person.evolve(protection=AddressProtection.CONFIDENTIAL, contacts=PHONE) if person.id == "doctor" else person
        for person in plan_with().professionals
    ]
    for period, contacts in ((Period(), PHONE), (Period(end=date(2026, 5, 1)), ())):
        held = Coordinator(id="k", kind=CoordinatorKind.HOSPITAL, holder="doctor", period=period)
        team = CareTeam(id="team", memberships=(place("p", "teacher"), place("d", "doctor")), coordinators=(held,))
        view = see(plan_with(YES, professionals=professionals, team=team), SCHOOL, ON).plan
        assert [person.contacts for person in view.professionals if person.name.family == "Doctor"] == [contacts]


# --- terms -----------------------------------------------------------------------------------------------


def test_a_view_tells_since_and_until_when_areas_are_open() -> None:
    """The first day since the share began, and the last; the view holds until the first of those."""
    leisure = Provision(
        access=Access.DENY, areas=(LifeArea.LEISURE,), period=Period(start=date(2026, 7, 1), end=date(2026, 7, 31))
    )
    food = Provision(access=Access.DENY, areas=(LifeArea.FOOD,), period=Period(end=date(2026, 4, 30)))
    plan = plan_with(YES.evolve(provisions=(leisure, food), period=Period(end=date(2026, 12, 31))))
    told = {one.area: (one.since, one.until) for one in openings(plan, SCHOOL, ON)}
    assert told[LifeArea.LEISURE] == (date(2026, 1, 12), date(2026, 6, 30))
    assert told[LifeArea.FOOD] == (date(2026, 5, 1), date(2026, 12, 31))
    assert told[None] == (date(2026, 1, 12), date(2026, 12, 31))
    assert holds_until(plan, SCHOOL, ON) == date(2026, 6, 30)
    assert holds_until(plan, SCHOOL, date(2026, 7, 1)) == date(2026, 12, 31)
    assert LifeArea.LEISURE not in {one.area for one in openings(plan, SCHOOL, date(2026, 7, 1))}


def test_a_view_holds_until_the_last_of_its_people_leaves_or_one_comes_who_may_not() -> None:
    """Who takes part decides as much as consent does."""
    until = Period(end=date(2026, 8, 31))
    team = CareTeam(id="team", memberships=(place("p", "teacher", period=until),))
    assert holds_until(plan_with(YES, team=team), SCHOOL, ON) == date(2026, 8, 31)
    helper = place("h", "helper", period=Period(start=date(2026, 7, 1)))
    plan = plan_with(
        deny(LifeArea.LEISURE, recipients=("helper",)),
        professionals=(*plan_with().professionals, worker("helper", "school")),
        team=CareTeam(id="team", memberships=(place("p", "teacher"), helper)),
    )
    told = {one.area: one.until for one in openings(plan, SCHOOL, ON)}
    assert told == {area: date(2026, 6, 30) if area is LifeArea.LEISURE else None for area in (None, *LifeArea)}
    assert holds_until(plan, SCHOOL, date(2026, 7, 1)) is None


def test_a_view_holds_until_a_parents_word_ends() -> None:
    """What a parent consented to closes when the child is sixteen."""
    plan = plan_with(YES.evolve(given_by="mother", period=Period()))
    plan = plan.evolve(owner=plan.owner.evolve(birth_date=date(2010, 9, 1)))
    assert holds_until(plan, SCHOOL, ON) == date(2026, 8, 31)


# --- the table -------------------------------------------------------------------------------------------

# All that is never shown, once more.
_NEVER = {
    *("IndividualPlan.author", "IndividualPlan.replaces", "IndividualPlan.consents"),
    *(f"PlanOwner.{name}" for name in ("gender", "language", "needs_interpreter", "deceased", "dead")),
    *(f"RelatedPerson.{name}" for name in ("identifier", "next_of_kin", "mandate")),
    *("Professional.hpr_number", "Professional.her_id"),
    *(f"Coordinator.{name}" for name in ("mentor", "wish_honoured", "wish_reason")),
}
_GENERAL = {
    *(f"IndividualPlan.{name}" for name in ("title", "legal_basis", "coordinating_unit", "contributions", "note")),
    *(f"IndividualPlan.{name}" for name in ("cooperation", "follow_up", "evaluation")),
    *(f"Contribution.{name}" for name in ("by", "text", "actor")),
    *(f"Cooperation.{name}" for name in ("with_whom", "organization", "text")),
    *(f"Arrangement.{name}" for name in ("every_months", "how", "responsible")),
    *(f"Review.{name}" for name in ("how", "responsible", "participants", "outcome")),
    "CareTeam.name",
}
_PLAN = {
    *("IndividualPlan.resources", "IndividualPlan.measures", "PlanOwner.contacts", "PlanOwner.address"),
    *("Resource.text", "Resource.area", "Goal.target", "Goal.expressed_by", "Goal.note"),
    *(f"Measure.{name}" for name in ("what", "goals", "areas", "responsible", "takes_part", "extent", "how", "where")),
    *(f"Measure.{name}" for name in ("period", "status", "status_reason")),
}
_NEEDS = {
    *("IndividualPlan.needs", "IndividualPlan.goals", "IndividualPlan.reviews", "Need.text", "Need.area"),
    *(f"Goal.{name}" for name in ("text", "status", "achievement", "status_date", "status_reason", "part_of")),
    *("Goal.areas", "Goal.period", "Review.kind", "Review.planned", "Review.status", "Review.held"),
}


_HEADER = {
    "IndividualPlan": "id owner status period related_persons organizations professionals team",
    "PlanOwner": "name identifier birth_date protection",
    "RelatedPerson": "name relationship contacts protection",
    "Organization": "name kind part_of organization_number her_id resh_id municipality contacts address",
    "Professional": "name organization profession title contacts protection",
    "CareTeam": "status memberships coordinators two_coordinators_reason",
    "Membership": "member role role_text status period on_behalf_of task",
    "Coordinator": "kind holder period appointed_by",
    "PersonName": "family given",
    "ContactPoint": "system value",
    "Address": "lines postal_code city municipality",
    "Period": "start end",
}


def test_the_table_says_of_every_field_when_it_is_shown() -> None:
    """All fields of a plan's tree, walked here: never, with the consent as a whole, by level, else always."""
    found: dict[Shown, set[str]] = {shown: set() for shown in Shown}
    for model in _types(IndividualPlan):
        for name in model.model_fields:
            shown = VISIBLE[model][name]
            found[shown].add(f"{model.__name__}.{name}")
    assert found[Shown.NEVER] == _NEVER
    assert found[Shown.GENERAL] == _GENERAL
    assert found[Shown.PLAN] == _PLAN
    assert found[Shown.NEEDS] == _NEEDS
    assert {name.rpartition(".")[2] for name in found[Shown.OWN]} == {"id", "version", "created", "updated"}
    assert found[Shown.HEADER] == {f"{model}.{name}" for model, names in _HEADER.items() for name in names.split()}


def _types(model: type[Value]) -> set[type[Value]]:
    found: set[type[Value]] = {model}
    for name, field in model.model_fields.items():
        if f"{model.__name__}.{name}" not in _NEVER:
            for part in (field.annotation, *get_args(field.annotation)):
                if isinstance(part, type) and issubclass(part, Value) and part not in found:
                    found |= _types(part)
    return found


def test_a_goal_shows_its_status_with_date_and_reason_or_not_at_all() -> None:
    """Fields that one rule binds are shown together."""
    goal = Goal(id="g", text="Gå", status=GoalStatus.ON_HOLD, status_date=ON, status_reason="Syk")
    plan = plan_with(YES, goals=(goal,), measures=())
    (shown,) = see(plan, share_of("school", level=ContentLevel.NEEDS), ON).plan.goals
    assert (shown.status, shown.status_date, shown.status_reason) == (GoalStatus.ON_HOLD, ON, "Syk")


def test_a_type_that_the_table_does_not_name_is_an_error_on_load() -> None:
    """A new field is in no view until somebody decides; nothing works before."""

    class Odd(Value):
        """A value of nowhere."""

        id: str = Field(description="Id of it.")

    with pytest.raises(MappingError, match="Odd: the table of what a view shows does not fit its fields: id"):
        visible._check(Odd, set())


def test_a_plan_without_a_team_shows_no_more_than_that_it_is_there() -> None:
    """Nobody takes part; a protected address stays protected."""
    owner = plan_with().owner.evolve(protection=AddressProtection.CONFIDENTIAL)
    plan = plan_with(YES, team=None, owner=owner)
    view = see(plan, SCHOOL, ON)
    assert (texts(view), view.plan.team, view.plan.owner.contacts) == (set(), None, ())
    assert put_back(view.plan, SCHOOL, plan, ON).plan == plan

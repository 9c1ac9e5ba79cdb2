"""Messages about a shared plan as PPG: what is taken away is said, refused or read, and never taken for unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.change import Change
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.lens.wanted import as_said
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.sharing.see import see
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping import default, plan_message_from_hl7v2, plan_message_to_hl7v2
from ip_fhir.testing.message_samples import NUMBER, plan_message
from tests.domain.sharing.alike import Case, cases, only_seen, with_more
from tests.support.canaries import CANARY

K = PlanMessageKind
GOAL = "|goal-1||1||||||||||||active^Active^99IPGOAL"
FIRST_GOAL = "GOL|UP|20260302120000+0000|^Ære være: å gå på skøyter|goal-1"
NOT_WHOLE = ("|N|change-whole", "|Y|change-whole")


def with_text(kind: PlanMessageKind, *changes: tuple[str, str], whole: bool = False) -> PlanMessage:
    """The sample message of a kind as it is read with each first text in place of the second, which must be there."""
    return changed(plan_message(kind), *changes, whole=whole)


def changed(message: PlanMessage, *changes: tuple[str, str], whole: bool = False) -> PlanMessage:
    """A message as it is read with each first text in place of the second, which must be there."""
    text = new(plan_message_to_hl7v2(message)).to_bytes().decode()
    for made, was in changes:
        assert was in text
        text = text.replace(was, made, 1)
    return plan_message_from_hl7v2(read(text.encode(), DEFAULT_LIMITS).value, whole=whole)


def wish(message: PlanMessage) -> Change:
    """The change in a message."""
    assert message.change is not None
    return message.change


TAKEN_AWAY = [
    (('|goal-1||1|""|""||||||||||active^Active^99IPGOAL', GOAL), ["GOL-7.1", "GOL-8.1"]),
    (('ST|goal^^99IP||""', "ST|goal^^99IP||goal-1"), ["OBX-5.1"]),
    (('NTE|10||""|title^^99IP\rNTE|10||plan-change', "NTE|10||plan-change"), ["NTE[10]-3.1"]),
    (('|measure-1|""|^Skøyter', "|measure-1||^Skøyter"), ["OBR-3.1"]),
    (('^^L||||""', "^^L"), ["PID-9.1"]),
    (("GOL|DE|", "GOL|UP|"), ["GOL-1"]),
    (("ORC|CA|", "ORC|SC|"), ["ORC-1"]),
    (("PTH|DE|", "PTH|UP|"), ["PTH-1"]),
    ((f"ROL|member-1|DE|^Borte|member-1^^^^^^^^99IP\r{FIRST_GOAL}", FIRST_GOAL), ["ROL-2"]),
]
"""A change that takes something away, and the places of it."""


@pytest.mark.parametrize(("change", "places"), TAKEN_AWAY)
def test_a_change_that_takes_away_is_refused_by_its_place(change: tuple[str, str], places: list[str]) -> None:
    """HL7's null and the action codes that take away are never read as unchanged; the words name nobody."""
    with pytest.raises(InvalidInput) as caught:
        with_text(K.PLAN_CHANGE, NOT_WHOLE, change)
    assert [problem.path for problem in caught.value.problems] == places
    assert {problem.code for problem in caught.value.problems} == {"not-supported"}
    assert str(NUMBER) not in str(caught.value)


def test_a_whole_change_takes_away_what_it_nulls() -> None:
    """Of a change that says it is whole, null is absence, and an item with the action code of taking away is gone."""
    nulled = with_text(K.PLAN_CHANGE, TAKEN_AWAY[0][0]).change
    assert nulled is not None
    assert nulled.whole
    assert nulled.wanted == plan_message(K.PLAN_CHANGE).change.wanted  # type: ignore[union-attr]
    gone = with_text(K.PLAN_CHANGE, ("ORC|CA|", "ORC|SC|")).change
    assert gone is not None
    assert gone.wanted.measures == ()


def test_a_sender_whose_changes_are_always_whole() -> None:
    """Each of its changes is read as one that says so: what it nulls or deletes was taken out."""
    gone = wish(with_text(K.PLAN_CHANGE, NOT_WHOLE, ("ORC|CA|", "ORC|SC|"), whole=True))
    assert gone.whole
    assert gone.wanted.measures == ()


def test_what_a_change_says_is_unchanged() -> None:
    """By the action codes of items, and of the pathway for the plan's own fields; of two codes the other counts."""
    assert wish(with_text(K.PLAN_CHANGE, ("ORC|UC|", "ORC|SC|"))).unchanged == ("measure-1",)
    assert wish(with_text(K.PLAN_CHANGE, ("GOL|UC|", "GOL|UP|"))).unchanged == ("goal-1",)
    assert wish(with_text(K.PLAN_CHANGE, ("PTH|UC|", "PTH|UP|"))).unchanged == ("plan-1",)
    order = "ORC|SC|measure-1\rOBR|1|measure-1||^Skøyter hver tirsdag\rOBX|1|ST|goal^^99IP||goal-1||||||F\r"
    as_it_was = order.replace("SC", "UC").replace("tirsdag", "dag")
    for both in (order + as_it_was, as_it_was + order):
        found = wish(with_text(K.PLAN_CHANGE, (both, order)))
        assert (found.unchanged, found.wanted.measures[0].what) == ((), "Skøyter hver tirsdag")


ALONE = [
    (f"GOL|UC|20260302120000+0000||goal-2\r{FIRST_GOAL}", FIRST_GOAL),
    ("PRB|UC|20260302120000+0000||need-1\rORC|SC|", "ORC|SC|"),
    ("ORC|UC|measure-2\rORC|SC|", "ORC|SC|"),
]
"""An item that a change leaves unchanged, by its id alone, and the text in whose place it stands."""


@pytest.mark.parametrize(("change", "ident"), [*zip(ALONE, ["goal-2", "need-1", "measure-2"], strict=True)])
def test_what_is_unchanged_may_have_its_id_alone(change: tuple[str, str], ident: str) -> None:
    """GOL, PRB or ORC with the action code and the id: it is as in the view, and nobody's words are put into it."""
    wanted = wish(with_text(K.PLAN_CHANGE, change))
    assert wanted.unchanged == (ident,)
    base = wanted.wanted.evolve(title="as in the view")
    goals = tuple(goal.evolve(text="Skøyter") if goal.id == ident else goal for goal in base.goals)
    base = base.evolve(goals=goals, needs=(), measures=tuple(one for one in base.measures if one.id != ident))
    made = as_said(wanted.wanted, base, wanted.unchanged)
    assert (made.goals, made.needs, made.measures) == (base.goals, (), base.measures)


def test_a_pathway_that_is_unchanged_may_have_its_id_alone() -> None:
    """PTH with the action code and PTH-3, and no row that says when the plan was begun: its fields are the view's."""
    text = new(plan_message_to_hl7v2(plan_message(K.PLAN_CHANGE))).to_bytes().decode()
    segments = [one for one in text.split("\r") if "|plan-created^" not in one]
    short = ["PTH|UC||share-1" if one.startswith("PTH|") else one for one in segments]
    found = plan_message_from_hl7v2(read("\r".join(short).encode(), DEFAULT_LIMITS).value)
    assert wish(found).unchanged == ("plan-1",)
    assert wish(found).wanted.created == found.sent


@pytest.mark.parametrize("change", ALONE)
def test_nothing_is_unchanged_in_a_view(change: tuple[str, str]) -> None:
    """A view is whole: an item with its id alone is refused, by the place of what it lacks."""
    with pytest.raises(InvalidInput) as caught:
        with_text(K.PLAN, change)
    assert {problem.path for problem in caught.value.problems} <= {"GOL-3.2", "PRB-3.2", "OBR-4.2"}


def test_a_view_is_read_whatever_it_says_is_unchanged() -> None:
    """In a view an unchanged item is one."""
    assert with_text(K.PLAN, ("ORC|UC|", "ORC|SC|")).view == plan_message(K.PLAN).view


HPR = "&2.16.578.1.12.4.1.4.4&ISO"
DOCTOR = f"ROL|r-2|AD|6^Fastlege^2.16.578.1.12.4.1.1.9034|990000209^Solli^Even^^^^^^{HPR}|20260201\r"


def with_team(kind: PlanMessageKind) -> PlanMessage:
    """A message with a plan whose team has a coordinator."""
    message, name = plan_message(kind), "view" if kind is K.PLAN else "change"
    field = "plan" if kind is K.PLAN else "wanted"
    content = getattr(message, name)
    data = getattr(content, field).to_data()
    nina = {"id": "nina", "name": {"family": "Lund", "given": "Nina"}}
    team = {"id": "team-1", "coordinators": [{"id": "c-1", "holder": "nina"}]}
    plan = IndividualPlan.from_data({**data, "professionals": [nina], "team": team})
    return message.evolve(**{name: content.evolve(**{field: plan})})


def test_roles_are_a_view_s_team_where_no_rows_say_it() -> None:
    """As in a plan."""
    view = with_text(K.PLAN, (DOCTOR + FIRST_GOAL, FIRST_GOAL)).view
    assert view is not None
    assert view.plan.team is not None
    assert [(one.id, one.member) for one in view.plan.team.memberships] == [("r-2", "hpr-990000209")]


@pytest.mark.parametrize("kind", [K.PLAN, K.PLAN_CHANGE])
def test_a_role_that_no_row_has_is_added(kind: PlanMessageKind) -> None:
    """To the team that rows say; the role that a row has too is there once."""
    message = changed(with_team(kind), (DOCTOR + FIRST_GOAL, FIRST_GOAL))
    plan = wish(message).wanted if message.view is None else message.view.plan
    assert plan.team is not None
    assert plan.team.id == "team-1"
    assert [one.id for one in plan.team.coordinators] == ["c-1"]
    assert [(one.id, one.member) for one in plan.team.memberships] == [("r-2", "hpr-990000209")]


def test_a_role_that_a_whole_change_takes_away_is_gone() -> None:
    """Also where its row is still there; said to be unchanged, it is in the change as such."""
    gone = wish(changed(with_team(K.PLAN_CHANGE), ("ROL|c-1|DE|", "ROL|c-1|UP|"))).wanted.team
    assert gone is not None
    assert gone.coordinators == ()
    assert wish(changed(with_team(K.PLAN_CHANGE), ("ROL|c-1|UC|", "ROL|c-1|UP|"))).unchanged == ("c-1",)


def test_roles_of_a_team_that_no_row_names_are_the_view_s() -> None:
    """ROL alone has no id of the team: the change says so, and all else of the team is as in the view."""
    asked = wish(with_text(K.PLAN_CHANGE, (DOCTOR + FIRST_GOAL, FIRST_GOAL)))
    assert asked.team_unnamed
    team = {"id": "team-1", "name": "Ansvarsgruppa", "coordinators": [{"id": "c-1"}]}
    base = IndividualPlan.from_data({**asked.wanted.evolve(team=None).to_data(), "team": team})
    made = as_said(asked.wanted, base, asked.unchanged, team_unnamed=True).team
    assert made is not None
    assert base.team is not None
    assert made == base.team.evolve(memberships=made.memberships)
    assert [one.id for one in made.memberships] == ["r-2"]
    assert as_said(asked.wanted, base.evolve(team=None), (), team_unnamed=True) == asked.wanted
    assert not wish(changed(with_team(K.PLAN_CHANGE), (DOCTOR + FIRST_GOAL, FIRST_GOAL))).team_unnamed


def test_roles_that_cannot_be_told_apart_are_refused() -> None:
    """Beside rows, one without an id."""
    with pytest.raises(InvalidInput) as caught:
        changed(with_team(K.PLAN_CHANGE), ("ROL||UP|", "ROL|c-1|UP|"))
    assert [problem.path for problem in caught.value.problems] == ["ROL-1"]


def test_what_a_view_takes_away_is_not_in_it() -> None:
    """A goal that its action code takes away is none of the view's; it need not be known."""
    gone = "GOL|DE|20260302120000+0000|^Borte|goal-0\rGOL|UP|"
    view = with_text(K.PLAN, (gone, "GOL|UP|")).view
    assert view == plan_message(K.PLAN).view


def written(case: Case, plan: IndividualPlan) -> bytes | str:
    """The bytes of the view that a participant gets of a plan; where HL7 v2 cannot say it, the words of that."""
    view = see(plan, case.share, case.on)
    message = plan_message(K.PLAN).evolve(view=view, kept=(), numbers=())
    try:
        return new(plan_message_to_hl7v2(message, default().releasing(EVERY_PART))).to_bytes()
    except InvalidInput as error:
        return str(error)


@pytest.mark.sharing_promise(2)
@settings(max_examples=40)
@given(cases())
def test_alike_plans_give_the_same_bytes(case: Case) -> None:
    """Without all that a participant does not see, and with more and other of it, its PPG is the same to the byte."""
    found = written(case, case.plan)
    assert written(case, only_seen(case)) == found
    assert written(case, with_more(case)) == found
    assert CANARY not in (found if isinstance(found, str) else found.decode())

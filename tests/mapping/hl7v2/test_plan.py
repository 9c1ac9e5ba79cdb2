"""A plan as PPG: what PPG holds comes back, the rest is told; PPP, PTR and CCM are read; nothing is guessed."""

from pathlib import Path

import pytest
from hypothesis import given, settings

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.team import CoordinatorKind, TeamRole
from ip_fhir.domain.values.value import Period
from ip_fhir.domain.values.value import read as from_json
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.check import check
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping import plan_from_hl7v2, plan_to_hl7v2
from ip_fhir.mapping.hl7v2.parties import REASON_NOT_SAID
from tests.mapping.hl7v2.samples import MSH, NOTICE, PID, value_of
from tests.support import strategies as make

HEAD = MSH.replace("REF^I12^REF_I12", "PPG^PCG^PPG_PCG")
PTH = "PTH|AD|A02-2^Individuell plan^2.16.578.1.12.4.1.1.9602|plan-03^NORDVIK|20260301|active^Active^99IPST"
GOAL = "GOL|AD|20260301|goal^Gå til butikken^99IP|goal-1^NORDVIK||1|20260301|20260601"
NEED = "PRB|AD|20260301|need^Hjelp til trening^99IP|need-1^NORDVIK"
ORDER = ("ORC|NW|measure-1^NORDVIK|||IP", "OBR|1|measure-1^NORDVIK||measure^Gangtrening^99IP")
EXAMPLES = sorted(Path("examples/plans").glob("*.json"))
WHOLE = (HEAD, PID, PTH, GOAL, NEED, *ORDER)


def without_place(plan: IndividualPlan) -> IndividualPlan:
    """The plan without what the tables list as having no place in PPG."""
    related = tuple(person.evolve(mandate=None) for person in plan.related_persons)
    return plan.evolve(related_persons=related, consents=())


@settings(max_examples=40)
@given(make.plans())
def test_what_ppg_holds_comes_back(plan: IndividualPlan) -> None:
    """Every value of the plan, but for what the tables list as without a place: that is told."""
    made = plan_to_hl7v2(plan)
    told = plan_from_hl7v2(read(new(made.value).to_bytes(), DEFAULT_LIMITS).value)
    assert told.plan.to_data() == without_place(plan).to_data()
    assert told.warnings == ()
    left = {problem.path.rpartition(".")[2] for problem in made.warnings}
    assert ("consents" in left) == bool(plan.consents)
    assert ("mandate" in left) == any(person.mandate for person in plan.related_persons)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_come_back(path: Path) -> None:
    """Byte for byte in JSON, and the message keeps to the standard in order, cardinality and types."""
    plan = from_json(IndividualPlan, path.read_bytes())
    message = read(new(plan_to_hl7v2(plan).value).to_bytes(), DEFAULT_LIMITS)
    assert plan_from_hl7v2(message.value).plan.to_json() == without_place(plan).to_json()
    assert check(message, strict=True) == ()


def test_every_place_of_the_plan_is_read() -> None:
    """Our own PPG by hand."""
    told = plan_from_hl7v2(value_of(*WHOLE))
    assert [goal.text for goal in told.plan.goals] == ["Gå til butikken"]
    assert [need.text for need in told.plan.needs] == ["Hjelp til trening"]
    assert [(one.what, one.goals) for one in told.plan.measures] == [("Gangtrening", ("goal-1",))]
    assert [warning.path for warning in told.warnings] == ["MSH-7"]


@pytest.mark.parametrize(
    ("event", "segments"),
    [
        ("PPP^PCB^PPP_PCB", (PTH, NEED, GOAL)),
        ("CCM^I21^CCM_I21", ("PV1|1|O", NEED, GOAL, PTH)),
    ],
)
def test_other_messages_about_pathways(event: str, segments: tuple[str, ...]) -> None:
    """Goals and needs are read wherever they stand."""
    version = "2.8" if event.startswith("CCM") else "2.5.1"
    head = MSH.replace("REF^I12^REF_I12", event).replace("|2.5.1|", f"|{version}|")
    told = plan_from_hl7v2(value_of(head, PID, *segments)).plan
    assert ([g.id for g in told.goals], [n.id for n in told.needs]) == (["goal-1"], ["need-1"])


def test_a_measure_under_two_goals() -> None:
    """It is one, with both goals; with other words under the second it is refused."""
    second = GOAL.replace("goal-1", "goal-2")
    told = plan_from_hl7v2(value_of(*WHOLE, second, *ORDER)).plan
    assert [one.goals for one in told.measures] == [("goal-1", "goal-2")]
    with pytest.raises(InvalidInput) as caught:
        plan_from_hl7v2(value_of(*WHOLE, second, ORDER[0], ORDER[1].replace("Gangtrening", "Svømming")))
    assert [problem.path for problem in caught.value.problems] == ["ORC-2"]


@pytest.mark.parametrize(
    ("segments", "place"),
    [
        (NOTICE, "MSH-9"),
        ((HEAD, PID, PTH, PTH.replace("plan-03", "plan-04")), "PTH"),
        ((HEAD, PID, PTH, GOAL.replace("goal-1^NORDVIK", "")), "GOL-4.1"),
        ((HEAD, PID, PTH.replace("active^Active^99IPST", ""), GOAL), "PTH-5"),
    ],
)
def test_what_is_no_plan(segments: tuple[str, ...], place: str) -> None:
    """Another message, two pathways, a goal without an id, a plan without a status."""
    with pytest.raises(InvalidInput) as caught:
        plan_from_hl7v2(value_of(*segments))
    assert [problem.path for problem in caught.value.problems] == [place]


HPR = "&2.16.578.1.12.4.1.4.4&ISO"
ROLES = (
    f"ROL|r-1|AD|8^Koordinator^2.16.578.1.12.4.1.1.9034|990000187^Krogstad^Ingvild^^^^^^{HPR}|20260112|20260630",
    f"ROL|r-2|AD|6^Fastlege^2.16.578.1.12.4.1.1.9034|990000209^Solli^Even^^^^^^{HPR}|20260201",
    "ROL|r-3|AD|AT^Attending^HL70443|90000101^Skolen^^^^^^^&2.16.578.1.12.4.1.2&ISO",
    f"ROL|r-4|AD|77^Turnusansvarlig^2.16.578.1.12.4.1.1.9034|990000187^Krogstad^Ingvild^^^^^^{HPR}",
    "ROL|r-5|DE|6^Fastlege^2.16.578.1.12.4.1.1.9034|^Borte^Bo",
)


def test_coordinators_and_members_of_another_system() -> None:
    """With ROL alone: who, as what, and from when until when; one person once; a role without a code in its words."""
    plan = plan_from_hl7v2(value_of(HEAD, PID, PTH, *ROLES)).plan
    assert plan.team is not None
    assert [(one.id, one.kind, one.holder, one.period) for one in plan.team.coordinators] == [
        (
            "r-1",
            CoordinatorKind.MUNICIPAL,
            "hpr-990000187",
            Period.from_data({"start": "2026-01-12", "end": "2026-06-30"}),
        )
    ]
    assert [(one.id, one.member, one.role, one.role_text) for one in plan.team.memberships] == [
        ("r-2", "hpr-990000209", TeamRole.GENERAL_PRACTITIONER, None),
        ("r-3", plan.organizations[0].id, TeamRole.OTHER, "Attending"),
        ("r-4", "hpr-990000187", TeamRole.OTHER, "Turnusansvarlig"),
    ]
    assert [one.name.full for one in plan.professionals] == ["Ingvild Krogstad", "Even Solli"]
    assert [(one.name, str(one.her_id)) for one in plan.organizations] == [("Skolen", "90000101")]


def test_a_role_that_names_nobody_is_refused() -> None:
    """By its place."""
    with pytest.raises(InvalidInput) as caught:
        plan_from_hl7v2(value_of(HEAD, PID, PTH, "ROL|r-1|AD|8^Koordinator^2.16.578.1.12.4.1.1.9034|990000187"))
    assert [problem.path for problem in caught.value.problems] == ["ROL-4.2"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_a_system_without_our_rows_reads_of_the_team(path: Path) -> None:
    """Each place that somebody holds, by its id and period, is in ROL; a vacant one is not.

    Two coordinators of one kind at once need a reason, which ROL cannot say: that it is not said, stands there, and is
    told.
    """
    plan = from_json(IndividualPlan, path.read_bytes())
    value = plan_to_hl7v2(plan).value
    (pathway,) = value["PATHWAY"]
    roles = [group["ROL"] for group in pathway.get("PATHWAY_ROLE", ())]
    team = plan.team
    held = [] if team is None else [one.id for one in team.coordinators if one.holder is not None]
    assert [role["f1"][0]["c1"] for role in roles] == [*held, *(one.id for one in (team.memberships if team else ()))]
    bare = {**value, "PATHWAY": [{name: pathway[name] for name in ("PTH", "PATHWAY_ROLE") if name in pathway}]}
    reading = plan_from_hl7v2(bare)
    told = reading.plan.team
    assert (told is None) == (not roles)
    if team is not None and team.two_coordinators_reason is not None:
        assert told is not None
        assert told.two_coordinators_reason == REASON_NOT_SAID
        assert "ROL-3" in [problem.path for problem in reading.warnings]
    if team is not None and told is not None:
        coordinators = [(one.id, one.kind, one.period) for one in team.coordinators if one.holder is not None]
        assert [(one.id, one.kind, one.period) for one in told.coordinators] == coordinators
        members = [(one.id, one.role, one.period) for one in team.memberships]
        assert [(one.id, one.role, one.period) for one in told.memberships] == members

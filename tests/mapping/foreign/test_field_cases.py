"""The right value of each field case, restated from `shared/data/field/README.md`: by mapper and `ip-fhir check`.

Each case was made after a public report of a fault in another system (the README names it), and came out wrong once.
02 is a recipe for the loop and is tried there; 06 and 07 are about the text itself and are tried as text.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.cli import main
from ip_fhir.domain.consent.consent import Access
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.team import TeamRole
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import put_plan, read_fhir
from tests.mapping.json_diff import differences

JSON = dict[str, Any]
CREATED = datetime(2026, 1, 2, 9, tzinfo=UTC)
THIRD_ENTRY = "Bundle.entry[2].resource"
PLAN_ENTRY = "Bundle.entry[1].resource"
PATIENT_ENTRY = "Bundle.entry[0].resource"


@dataclass(frozen=True)
class Case:
    """The right value of one file: refused at a place, or read, with places that are told and a plan that holds.

    `change` sets one field of the plan, and `places` are the only ones in the bundle that it changes.
    """

    file: str
    refused: str = ""
    told: tuple[str, ...] = ()
    holds: Callable[[IndividualPlan], object] = lambda _: True
    change: tuple[tuple[str | int, ...], Any] | None = None
    places: tuple[str, ...] = ()


def denies(plan: IndividualPlan) -> bool:
    """A no to everybody and everything, with no exception that says yes."""
    (consent,) = plan.consents
    return consent.access is Access.DENY and all(p.access is Access.DENY for p in consent.provisions)


def nurse(plan: IndividualPlan) -> bool:
    """One member, whose role is `other` with the words that stand there."""
    assert plan.team is not None
    (member,) = plan.team.memberships
    said = json.dumps(member.to_data(), ensure_ascii=False)
    return member.member == "d" and member.role.value == "other" and "Sykepleier" in said


def doctor(plan: IndividualPlan) -> bool:
    """The member of the contained team."""
    return plan.team is not None and [(m.member, m.role) for m in plan.team.memberships] == [
        ("d", TeamRole.GENERAL_PRACTITIONER)
    ]


def father(plan: IndividualPlan) -> bool:
    """The contained relative is a person of the plan and a member of the team."""
    assert plan.team is not None
    (relative,), (member,) = plan.related_persons, plan.team.memberships
    return relative.name.full == "Per Ås" and (member.member, member.role) == (relative.id, TeamRole.RELATIVE)


def in_words(plan: IndividualPlan) -> bool:
    """A measure that has only a code has the code as words."""
    return [measure.what for measure in plan.measures] == ["229070002"]


CASES = [
    Case("01-activity-do-not-perform", refused=f"{PLAN_ENTRY}.activity[0].detail.doNotPerform"),
    Case("03-patient-of-another-server", refused=f"{PLAN_ENTRY}.subject"),
    Case(
        "04-old-name-first",
        told=(f"{PATIENT_ENTRY}.name[0]",),
        holds=lambda plan: plan.owner.name.full == "Ida Ny",
        change=(("owner", "name", "family"), "Nyere"),
        places=("entry[0].resource.name[1].family",),
    ),
    Case(
        "04b-nickname-first",
        told=(f"{PATIENT_ENTRY}.name[0]",),
        holds=lambda plan: plan.owner.name.full == "Ida Ny",
        change=(("owner", "name", "given"), "Ida Marie"),
        places=("entry[0].resource.name[1].given",),
    ),
    Case("05-need-refuted", told=(THIRD_ENTRY,), holds=lambda plan: plan.needs == ()),
    Case("05b-need-resolved", told=(THIRD_ENTRY,), holds=lambda plan: plan.needs == ()),
    Case(
        "08-versioned-goal-reference",
        holds=lambda plan: [goal.id for goal in plan.goals] == ["g"],
        change=(("goals", 0, "text"), "Gå lange turer"),
        places=("entry[2].resource.description.text",),
    ),
    Case("09-subject-by-number-patient-in-bundle", holds=lambda plan: plan.owner.id == "p"),
    Case("10-two-plans-one-completed", told=("Bundle.entry[2].resource",), holds=lambda plan: plan.id == "c"),
    Case("10b-no-created-cli", refused=f"{PLAN_ENTRY}.created"),
    Case("11-searchset-with-outcome", told=("Bundle.entry[2].resource.issue[0]",)),
    Case("12-consent-inactive", told=(THIRD_ENTRY,), holds=lambda plan: plan.consents == ()),
    Case("12b-consent-attachment-no-title", told=(THIRD_ENTRY,), holds=denies),
    Case("13-team-snomed-role", holds=nurse),
    Case("14-contained-team", holds=doctor),
    Case("14b-contained-relative-in-team", holds=father),
    Case("15-intent-option", refused=f"{PLAN_ENTRY}.intent"),
    Case("16-goal-start-month-only", holds=lambda plan: [goal.text for goal in plan.goals] == ["Gå tur"]),
    Case("17-measure-coded-without-words", told=(f"{THIRD_ENTRY}.code",), holds=in_words),
    Case(
        "17b-activity-status-unknown",
        told=(f"{PLAN_ENTRY}.activity[0].detail.status",),
        holds=lambda plan: [measure.what for measure in plan.measures] == ["Tiltak"],
    ),
    Case("18-fnr-under-dnumber-oid", told=(f"{PATIENT_ENTRY}.identifier[0]",)),
    Case("18b-fnr-and-dnumber-no-warning", told=(f"{PATIENT_ENTRY}.identifier",)),
]
READ = [case for case in CASES if not case.refused]
ELSEWHERE = {"02-notice-status", "06-consent-key-twice", "07-decimal-0.700-through-put"}


def named(cases: list[Case]) -> pytest.MarkDecorator:
    """A test for each case, by the name of its file."""
    return pytest.mark.parametrize("case", cases, ids=[case.file for case in cases])


@pytest.fixture
def field(shared_data: Path) -> Path:
    """The folder of the cases."""
    return shared_data / "field"


def bundle_of(field: Path, case: Case) -> JSON:
    """The bundle of a case."""
    found: JSON = json.loads((field / f"{case.file}.json").read_bytes())
    return found


def is_told(place: str, told: list[str]) -> bool:
    """True if the place, or one below or above it, is told."""
    return any(path.startswith(place) or place.startswith(f"{path}.") for path in told)


def test_every_case_has_its_right_value_here(field: Path) -> None:
    """No file of the folder is left out."""
    assert {file.stem for file in field.glob("*.json")} == {case.file for case in CASES} | ELSEWHERE


@named(CASES)
def test_read_with_the_right_value_or_refused_at_its_place(field: Path, case: Case) -> None:
    """What the README says: a refusal with the place of what cannot be read over, or the plan, and what is told."""
    bundle = bundle_of(field, case)
    if case.refused:
        with pytest.raises(InvalidInput) as refused:
            read_fhir(bundle)
        assert case.refused in [problem.path for problem in refused.value.problems]
        return
    found = read_fhir(bundle)
    assert case.holds(found.plan)
    told = [warning.path for warning in found.warnings]
    assert [place for place in case.told if not is_told(place, told)] == []


@named(READ)
def test_what_is_read_is_put_back_unchanged(field: Path, case: Case) -> None:
    """put(read(bundle), bundle) == bundle, whatever of it was told, and the references and roles as they stand."""
    bundle = bundle_of(field, case)
    assert put_plan(read_fhir(bundle).plan, bundle) == bundle


@named([case for case in READ if case.change])
def test_a_change_changes_only_its_place(field: Path, case: Case) -> None:
    """The current name and not the old one; the goal and not the version in the reference to it."""
    assert case.change is not None
    bundle, ((*way, last), value) = bundle_of(field, case), case.change
    data = read_fhir(bundle).plan.to_data()
    node: Any = data
    for step in way:
        node = node[step]
    node[last] = value
    written = put_plan(read(IndividualPlan, data), bundle)
    assert tuple(differences(bundle, written)) == case.places


@named(CASES)
def test_the_command_line_says_the_same(field: Path, case: Case, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """`ip-fhir check`: exit code 2 and the place on stderr, or a plan that lacks something, and what was told."""
    code = main(["check", str(field / f"{case.file}.json")])
    err = capfdbinary.readouterr().err.decode()
    if case.refused:
        assert code == 2
        assert f": {case.refused}: " in err
        return
    assert code == 1
    told = [line.split(": warning: ")[1].split(": ")[0] for line in err.splitlines() if ": warning: " in line]
    assert [place for place in case.told if not is_told(place, told)] == []


def test_06_a_key_that_stands_twice(field: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """LinuxForHealth 1155, hapi 848: the text is refused, with the path of the key that stands twice."""
    assert main(["check", str(field / "06-consent-key-twice.json")]) == 2
    err = capfdbinary.readouterr().err.decode()
    assert "entry[2].resource.provision" in err


@pytest.mark.parametrize("number", ["0.700", "12345678901234567890123456789", "1.0E+2"])
def test_07_a_number_keeps_its_text(
    field: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], number: str
) -> None:
    """Firely 732: put of a changed plan leaves `0.700`, a number of 29 digits and an exponent as they are written."""
    text = (field / "07-decimal-0.700-through-put.json").read_text(encoding="utf-8").replace("0.700", number)
    (onto := tmp_path / "bundle.json").write_text(text, encoding="utf-8")
    assert main(["map", str(onto), "--to", "plan"]) == 0
    plan = json.loads(capfdbinary.readouterr().out)
    plan["goals"][0]["text"] = "Gå rundt to kvartaler"
    (changed := tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert main(["put", str(changed), "--onto", str(onto)]) == 0
    written = capfdbinary.readouterr().out.decode()
    assert f'"value":{number}' in written.replace(" ", "")
    assert "Gå rundt to kvartaler" in written


def test_10_the_caller_says_which_plan(field: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Opensrp/fhircore 2169: `plan=` and `--plan` decide; two active plans are refused, naming both ids."""
    file = field / "10-two-plans-one-completed.json"
    bundle = json.loads(file.read_bytes())
    found = read_fhir(bundle, plan="c2")
    assert found.plan.id == "c2"
    assert "Bundle.entry[1].resource" in [warning.path for warning in found.warnings]
    assert main(["map", str(file), "--to", "plan", "--plan", "c2"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["id"] == "c2"
    bundle["entry"][2]["resource"]["status"] = "active"
    with pytest.raises(InvalidInput, match=r"\(c, c2\)"):
        read_fhir(bundle)


def test_10b_the_time_of_creation_is_asked_for(field: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Many: without `created` the refusal says which option helps; with it the plan is read and put back exactly."""
    file = field / "10b-no-created-cli.json"
    bundle = json.loads(file.read_bytes())
    assert main(["check", str(file)]) == 2
    assert "--created" in capfdbinary.readouterr().err.decode()
    plan = read_fhir(bundle, created=CREATED).plan
    assert plan.created == CREATED
    assert put_plan(plan, bundle) == bundle
    assert main(["map", str(file), "--to", "plan", "--created", "2026-01-02T10:00:00+01:00"]) == 0
    assert read(IndividualPlan, capfdbinary.readouterr().out) == plan


def test_14_put_writes_into_the_contained_team(field: Path) -> None:
    """Orca PR 484: a change of the contained team's member is made inside the CarePlan that contains it."""
    bundle = json.loads((field / "14-contained-team.json").read_bytes())
    data = read_fhir(bundle).plan.to_data()
    data["team"]["memberships"][0]["period"] = {"end": "2026-09-01"}
    written = put_plan(read(IndividualPlan, data), bundle)
    assert differences(bundle, written) == ["entry[1].resource.contained[0].participant[0].period"]


def test_16_the_precision_of_a_day_is_kept_or_told(field: Path) -> None:
    """Vrdr-dotnet PR 398: a start of which only the month is known is a period's day, or is told; never a refusal."""
    found = read_fhir(json.loads((field / "16-goal-start-month-only.json").read_bytes()))
    told = [warning.path for warning in found.warnings]
    assert found.plan.goals[0].period.start is not None or is_told(f"{THIRD_ENTRY}.startDate", told)

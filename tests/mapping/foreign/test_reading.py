"""Plans as others write them: what is sure is read, what is left unread is told, a guess is refused, all is kept."""

import copy
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.people import ContactPoint, ContactSystem, PersonName, PlanOwner
from ip_fhir.domain.plan import GoalStatus, IndividualPlan, MeasureStatus
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.mapping import Mapper, from_fhir, put_plan, read_fhir, to_fhir
from ip_fhir.mapping.compiled import shipped
from ip_fhir.mapping.foreign.reading import Reading, is_ours, variant_for
from ip_fhir.mapping.overlays.laws import broken_laws
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping.examples import with_references
from tests.mapping.json_diff import differences
from tests.support import strategies as make
from tests.support.two_sides import EXAMPLES

FILES = sorted((EXAMPLES / "neighbours").glob("*.json"))
OWNER = PlanOwner(
    id="person-9",
    name=PersonName(family="Bjørnstad", given="Håvard"),
    identifier="14826121549",  # type: ignore[arg-type]
    contacts=(ContactPoint(system=ContactSystem.PHONE, value="+47 00 00 05 21"),),
)

# Restated by hand from the bundles: every place that no field of a plan says, or says otherwise than it stands there.
UNREAD = {
    "another-record": [
        *("0:goal[1]", "0:activity[0].detail.kind", "0:activity[0].detail.code.coding"),
        *("0:activity[0].detail.location.reference", "0:activity[0].detail.performer[1]", "0:activity[0].progress"),
        *(
            "0:note[0].time",
            "0:contained[0]",
            "1:identifier[1]",
            "2:name[0].prefix",
            "2:telecom",
            "3:relationship",
            "4:",
        ),
        *("5:participant[0].role", "5:participant[2].role", "6:code.coding[0].display"),
        *("6:code.coding[0].system", "6:code.coding[0].code", "7:priority", "8:"),
        *("9:description.coding[0].display", "9:description.coding[0].system", "9:description.coding[0].code"),
    ],
    "kommunefhir": [
        *("0:active", "0:name[0].use", "0:telecom[0].use", "1:type", "4:participant[0].role"),
        *("4:managingOrganization", "5:category", "6:", "7:target[0].measure", "8:intent", "8:category", "8:priority"),
        *("8:authoredOn", "8:requester", "8:performer", "8:reasonReference", "8:supportingInfo", "9:", "10:category"),
        *("10:supportingInfo", "10:activity[0].outcomeReference", "10:activity[1]"),
    ],
    "national-plan-api": [
        *(
            "0:description",
            "0:author",
            "1:code.coding[0].display",
            "1:code.coding[0].system",
            "1:code.coding[0].code",
            "1:onsetDateTime",
            "3:addresses",
            "4:addresses",
            "5:category",
        ),
        *("5:occurrenceTiming", "5:reasonReference", "6:category", "6:performer", "6:reasonReference"),
        *("7:code.coding[0].display", "7:category", "7:code.coding[0].system", "7:code.coding[0].code"),
    ],
}


def bundle_of(name: str) -> dict[str, Any]:
    """A neighbour's bundle."""
    found: dict[str, Any] = json.loads((EXAMPLES / "neighbours" / f"{name}.json").read_bytes())
    return found


def reading(bundle: dict[str, Any]) -> Any:
    """As somebody reads it who asked for the plan of `OWNER`."""
    return read_fhir(bundle, owner=OWNER)


def resource(bundle: dict[str, Any], ident: str) -> dict[str, Any]:
    """The resource with this id."""
    found: dict[str, Any] = next(e["resource"] for e in bundle["entry"] if e["resource"].get("id") == ident)
    return found


def refusal(bundle: dict[str, Any]) -> list[str]:
    """The problems for which a bundle is refused."""
    with pytest.raises(InvalidInput) as refused:
        reading(bundle)
    return [str(problem) for problem in refused.value.problems]


def changed(plan: IndividualPlan, *path: str | int, to: Any) -> IndividualPlan:
    """The plan with one field changed."""
    data = plan.to_data()
    *way, last = path
    node: Any = data
    for step in way:
        node = node[step]
    node[last] = to
    return read(IndividualPlan, data)


def assert_r4(bundle: dict[str, Any]) -> None:
    """What the models of R4B take."""
    for entry in bundle["entry"]:
        get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])


def test_three_neighbours_are_tried() -> None:
    """The tests below are about three bundles, valid by the models."""
    assert [file.stem for file in FILES] == sorted(UNREAD)
    for name in UNREAD:
        assert_r4(bundle_of(name))
        assert not is_ours(bundle_of(name), shipped())


@pytest.mark.parametrize("name", sorted(UNREAD))
def test_a_reference_may_name_a_version(name: str) -> None:
    """Where each reference names a version of the resource, the same is read and left unread, and all is kept."""
    bundle = bundle_of(name)
    versioned = with_references(bundle, lambda reference: f"{reference}/_history/7")
    found = reading(versioned)
    assert found == reading(bundle)
    assert put_plan(found.plan, versioned) == versioned


@pytest.mark.parametrize("name", UNREAD)
def test_every_place_left_unread_is_told_and_no_other(name: str) -> None:
    """A warning for each, also for words of a display, with its FHIRPath, none with a person's data in it."""
    bundle = bundle_of(name)
    warnings = reading(bundle).warnings
    places = (place.partition(":") for place in UNREAD[name])
    expected = [f"Bundle.entry[{number}].resource.{path}".rstrip(".") for number, _, path in places]
    assert [warning.path for warning in warnings] == expected
    assert {warning.severity for warning in warnings} == {"warning"}
    assert not any("Bjørnstad" in str(w) or "Åsheim" in str(w) or "14826121549" in str(w) for w in warnings)


@pytest.mark.parametrize("name", UNREAD)
def test_writing_what_was_read_changes_nothing(name: str) -> None:
    """put(read(bundle), bundle) == bundle, and the bundle that went in is left as it was."""
    bundle = bundle_of(name)
    before = copy.deepcopy(bundle)
    assert put_plan(reading(bundle).plan, bundle) == before
    assert bundle == before


def test_the_national_api_gives_a_plan() -> None:
    """Conditions are needs, goals goals, ServiceRequests measures; the person is who was asked for, by number."""
    plan = reading(bundle_of("national-plan-api")).plan
    assert plan.owner == OWNER
    assert [need.text for need in plan.needs] == ["Uspesifisert hjerneinfarkt", "Vansker med å finne ordene"]
    assert [goal.text for goal in plan.goals] == [
        "Gå til butikken og hjem uten følge",
        "Snakke i telefonen med barnebarna",
    ]
    assert str(plan.goals[0].period.end) == "2026-06-30"
    assert [(m.what, m.how, m.takes_part, m.status) for m in plan.measures] == [
        ("Gangtrening", "Tjue minutter hver dag, med stav", ("person-9",), MeasureStatus.IN_PROGRESS),
        ("Logoped", None, (), MeasureStatus.ON_HOLD),
        ("Blodtrykksmåling", None, (), MeasureStatus.COMPLETED),
    ]


def test_kommunefhir_gives_a_plan() -> None:
    """Team, professional with role, target in words; the health concern is a need, the background is none."""
    bundle = bundle_of("kommunefhir")
    plan = from_fhir(bundle)
    assert plan == reading(bundle).plan
    assert plan.created.isoformat() == "2026-01-13T00:00:00+01:00"
    assert [need.text for need in plan.needs] == ["Nedsatt gangfunksjon etter hoftebrudd"]
    assert plan.goals[0].target == "Klarer stell og enkel matlaging med litt hjelp"
    assert [m.what for m in plan.measures] == ["Vurdering ved fysioterapeut og ergoterapeut"]
    assert plan.team is not None
    assert [(m.role.value, m.role_text) for m in plan.team.memberships] == [
        ("other", "Primærsykepleier"),
        ("primary-contact", None),
        ("general-practitioner", None),
    ]
    assert {m.member for m in plan.team.memberships[:2]} == {"sykepleier-rolle"}
    assert [o.kind.value for o in plan.organizations] == ["other"]


def test_a_record_without_ids_and_profiles_gives_a_plan() -> None:
    """References by urn, a Practitioner without a role, a goal entered in error, a coordinator by code."""
    plan = from_fhir(bundle_of("another-record"))
    assert plan.status.value == "on-hold"
    nygaard = _professional(plan, "Per Nygård")
    assert plan.author == nygaard
    assert [(g.text, g.status) for g in plan.goals] == [
        ("Sykle til skolen med de andre", GoalStatus.ACTIVE),
        ("Dresses independently", GoalStatus.PROPOSED),
    ]
    assert [m.what for m in plan.measures] == ["Fysioterapi i gruppe", "Søke om tilrettelagt transport"]
    assert plan.team is not None
    assert [c.holder for c in plan.team.coordinators] == [nygaard]
    assert [(m.role.value, m.role_text) for m in plan.team.memberships] == [
        ("other", None),
        ("other", "Caregiver"),
        ("general-practitioner", None),
    ]
    assert plan.team.memberships[2].member == _professional(plan, "Vikar")


def _professional(plan: IndividualPlan, name: str) -> str:
    """The id of the one professional of this name."""
    (ident,) = (person.id for person in plan.professionals if person.name.full == name)
    return ident


CHANGES = [
    ("national-plan-api", ("goals", 0, "status"), "completed", ["entry[3].resource.lifecycleStatus"]),
    ("national-plan-api", ("measures", 0, "status"), "on-hold", ["entry[5].resource.status"]),
    ("national-plan-api", ("needs", 1, "text"), "Ordleting", ["entry[2].resource.code.text"]),
    (
        "national-plan-api",
        ("needs", 0, "text"),
        "Slag",
        ["entry[1].resource.code.coding", "entry[1].resource.code.text"],
    ),
    (
        "kommunefhir",
        ("goals", 0, "target"),
        "Alene",
        [
            "entry[7].resource.target[0].detailString",
            "entry[7].resource.target[0].extension",
        ],
    ),
    (
        "kommunefhir",
        ("team", "memberships", 1, "period", "end"),
        "2026-02-01",
        [
            "entry[4].resource.participant[1].period.end",
        ],
    ),
    ("another-record", ("measures", 1, "status"), "in-progress", ["entry[0].resource.activity[1].detail.status"]),
    ("another-record", ("title",), "Ny tittel", ["entry[0].resource.title"]),
]


@pytest.mark.parametrize(("name", "path", "to", "places"), CHANGES)
def test_a_change_changes_its_place_and_no_other(name: str, path: tuple[Any, ...], to: Any, places: list[str]) -> None:
    """The JSON differs exactly where the tables say, and what is read back is the plan that was written."""
    bundle = bundle_of(name)
    plan = changed(reading(bundle).plan, *path, to=to)
    written = put_plan(plan, bundle)
    assert differences(bundle, written) == places
    assert reading(written).plan == plan
    assert_r4(written)


def test_what_is_new_follows_their_way() -> None:
    """A new measure is a ServiceRequest that refers to the person by number, as theirs do; theirs stay as they are."""
    bundle = bundle_of("national-plan-api")
    plan = reading(bundle).plan
    data = plan.to_data()
    data["measures"].append({"id": "svoemming", "what": "Svømming", "takes_part": ["person-9"], "goals": ["g-gaa"]})
    plan = read(IndividualPlan, data)
    written = put_plan(plan, bundle)
    assert written["entry"][1 : len(bundle["entry"])] == bundle["entry"][1:]
    person = {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "14826121549"}}
    new = resource(written, "svoemming")
    assert (new["resourceType"], new["intent"], new["status"]) == ("ServiceRequest", "plan", "draft")
    assert new["subject"]["identifier"]["value"] == person["identifier"]["value"]
    assert new["performer"][0]["identifier"]["value"] == person["identifier"]["value"]
    assert "meta" not in new
    assert "Patient" not in {e["resource"]["resourceType"] for e in written["entry"]}
    assert reading(written).plan == plan
    assert_r4(written)


def test_a_professional_gets_a_role_when_the_plan_says_one() -> None:
    """A Practitioner cannot say where somebody works: a PractitionerRole is added, the Practitioner stays."""
    bundle = bundle_of("another-record")
    data = from_fhir(bundle).to_data()
    nygaard = next(person for person in data["professionals"] if person["name"]["family"] == "Nygård")
    nygaard["title"] = "Fysioterapeut i kommunen"
    plan = read(IndividualPlan, data)
    written = put_plan(plan, bundle)
    assert written["entry"][: len(bundle["entry"])] == bundle["entry"]
    (role,) = written["entry"][len(bundle["entry"]) :]
    assert set(role) == {"resource"}
    assert role["resource"]["practitioner"] == {"reference": bundle["entry"][2]["fullUrl"]}
    assert from_fhir(written) == plan
    assert_r4(written)


def _set(name: str, ident: str, member: str, value: Any) -> dict[str, Any]:
    bundle = bundle_of(name)
    resource(bundle, ident)[member] = value
    return bundle


NATIONAL_PLAN = "5d1b8f52-0b1e-4a3e-9d2c-6f1f6b0c1a01"
GUESSES = [
    (_set("kommunefhir", "plan", "status", "unknown"), "Bundle.entry[10].resource.status: is a code that"),
    (_set("kommunefhir", "plan", "created", "2026-1"), "Bundle.entry[10].resource.created: is not a date and time"),
    (_set("kommunefhir", "plan", "created", "2026-13"), "Bundle.entry[10].resource.created: is no day that exists"),
    (_set("kommunefhir", "plan", "created", "2026-02-30"), "Bundle.entry[10].resource.created: is no day that exists"),
    (_set("kommunefhir", "plan", "created", None), "Bundle.entry[10].resource.created: is required"),
    (_set("kommunefhir", "plan", "period", {"start": "26"}), "Bundle.entry[10].resource.period.start: is not a"),
    (_set("kommunefhir", "plan", "subject", {"display": "hun"}), "Bundle.entry[10].resource"),
    (_set("kommunefhir", "maal", "subject", {"reference": "Patient/another"}), "Bundle.entry[7].resource.subject"),
    (
        _set("kommunefhir", "patient", "name", [{"text": "Ingrid"}]),
        "Bundle.entry[0].resource.name[0].family: is required",
    ),
    (
        _set("kommunefhir", "maal", "modifierExtension", [{"url": "x"}]),
        "Bundle.entry[7].resource.modifierExtension: is",
    ),
]


@pytest.mark.parametrize(("bundle", "problem"), GUESSES, ids=[problem for _, problem in GUESSES])
def test_a_guess_is_refused(bundle: dict[str, Any], problem: str) -> None:
    """With the FHIRPath of what is missing, unknown in a closed list, or half said."""
    assert any(found.startswith(problem) for found in refusal(bundle)), refusal(bundle)


def test_a_goal_of_another_person_is_refused_by_number_too() -> None:
    """The plan refers to it, and it says that it is about somebody else."""
    bundle = _set("national-plan-api", "g-gaa", "subject", {"identifier": {"value": "17851950222"}})
    assert refusal(bundle) == ["Bundle.entry[3].resource.subject: is not the person that the plan is of"]
    bundle = _set("kommunefhir", "maal", "subject", {"identifier": {"value": "17851950222"}})
    assert reading(bundle).plan.goals[0].id == "maal"


def test_two_plans_are_refused() -> None:
    """Which one is meant is not ours to say."""
    bundle = bundle_of("kommunefhir")
    bundle["entry"].append({"resource": {**resource(bundle, "plan"), "id": "other"}})
    (said,) = refusal(bundle)
    assert said.startswith("Bundle: holds 2 CarePlans that could be meant, 2 of them active (plan, other); say which")


def test_the_plan_must_be_of_the_person_asked_for() -> None:
    """Another number in the CarePlan is another person's plan; without a person to ask for there is no owner."""
    bundle = _set("national-plan-api", NATIONAL_PLAN, "subject", {"identifier": {"value": "17851950222"}})
    assert refusal(bundle) == ["Bundle.entry[0].resource.subject: is not the person that the plan is said to be of"]
    with pytest.raises(InvalidInput, match=r"Bundle\.entry\[0\]\.resource"):
        read_fhir(bundle_of("national-plan-api"))


def test_when_a_plan_was_made_may_be_said_by_the_caller() -> None:
    """Where the CarePlan does not say it; writing the plan back does not add it."""
    bundle = bundle_of("kommunefhir")
    del resource(bundle, "plan")["created"]
    moment = datetime.fromisoformat("2026-01-14T08:00:00+01:00")
    plan = read_fhir(bundle, created=moment).plan
    assert plan.created == moment
    assert put_plan(plan, bundle) == bundle
    assert read_fhir(bundle_of("kommunefhir"), created=moment).plan.created != moment


def test_what_their_codes_cannot_say_is_refused() -> None:
    """A ServiceRequest is active or it is not: `scheduled` is refused, not written as something else."""
    bundle = bundle_of("national-plan-api")
    plan = changed(reading(bundle).plan, "measures", 0, "status", to="scheduled")
    with pytest.raises(InvalidInput, match="has no code for 'scheduled' in the table measure-request-status"):
        put_plan(plan, bundle)


def test_what_their_codes_cannot_say_is_not_written_anew() -> None:
    """A whole plan in their way of writing: the same refusal, with table and row; what has a code is written."""
    plan = reading(bundle_of("national-plan-api")).plan
    mapper = Mapper(shipped().varied("neighbour", "requests"))
    kinds = [entry["resource"]["resourceType"] for entry in mapper.to_fhir(plan)["entry"]]
    assert kinds.count("ServiceRequest") == len(plan.measures) > 0
    for write in (mapper.to_fhir, mapper.to_fhir_json, lambda p: to_fhir(p, mapper)):
        with pytest.raises(InvalidInput) as refused:
            write(changed(plan, "measures", 0, "status", to="scheduled"))
        (problem,) = refused.value.problems
        assert problem == Problem(
            "Measure.status", "has no code for 'scheduled' in the table measure-request-status", "not-supported"
        )


def test_an_unknown_code_of_an_open_list_is_kept_and_told() -> None:
    """A cousin is a relative with a relationship that has no word here: read as other, told, and kept when written."""
    bundle = bundle_of("another-record")
    cousin = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "COUSN"}]}]
    bundle["entry"][3]["resource"]["relationship"] = cousin
    found = read_fhir(bundle)
    assert found.plan.related_persons[0].relationship.value == "other"
    assert "Bundle.entry[3].resource.relationship" in [warning.path for warning in found.warnings]
    renamed = changed(found.plan, "related_persons", 0, "name", "given", to="Aase")
    assert put_plan(renamed, bundle)["entry"][3]["resource"]["relationship"] == cousin


def test_our_own_plan_reads_as_ever_and_nothing_is_told() -> None:
    """`read_fhir` takes what `from_fhir` takes, in both versions."""
    plan = read(IndividualPlan, json.loads((EXAMPLES / "plans" / "03-stroke-patient.json").read_bytes()))
    bundle = to_fhir(plan)
    assert is_ours(bundle, shipped())
    assert read_fhir(bundle).plan == plan
    assert read_fhir(bundle).warnings == ()
    newer = to_fhir(plan, version="R5")
    assert read_fhir(newer).plan == plan
    assert [str(w) for w in read_fhir(newer).warnings] == []


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=15)
@given(plan=make.plans())
def test_of_no_plan_of_ours_is_anything_left_unread(version: FhirVersion, plan: IndividualPlan) -> None:
    """Whatever a plan says, each place that we write is read: a warning is about what another system put there."""
    assert read_fhir(to_fhir(plan, version=version), version=version) == Reading(plan, ())


def test_what_is_refused_of_our_own_is_refused_by_both() -> None:
    """Of a plan as we write it nothing is put out of sight: a goal that is not there is missed, not passed over."""
    plan = read(IndividualPlan, json.loads((EXAMPLES / "plans" / "03-stroke-patient.json").read_bytes()))
    bundle = to_fhir(plan)
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["id"] != plan.goals[0].id]
    problems = []
    for reader in (from_fhir, read_fhir):
        with pytest.raises(InvalidInput) as refused:
            reader(bundle)
        problems.append(refused.value.problems)
    assert problems[0] == problems[1]
    assert {problem.code for problem in problems[0]} == {"not-found"}


def test_a_second_team_and_a_background_stay_in_the_bundle() -> None:
    """What a CarePlan refers to for another reason than the tables know is not the plan's to remove."""
    bundle = bundle_of("kommunefhir")
    bundle["entry"].append({"resource": {**resource(bundle, "team"), "id": "team-2"}})
    resource(bundle, "plan")["careTeam"].append({"reference": "CareTeam/team-2"})
    plan = changed(from_fhir(bundle), "title", to="Ny tittel")
    assert differences(bundle, put_plan(plan, bundle)) == ["entry[10].resource.title"]


@pytest.mark.parametrize("name", ["national-plan-api", "another-record"])
def test_the_laws_hold_for_the_neighbours_tables(name: str) -> None:
    """All tables of both variants, with every field filled and every word used, beside foreign content."""
    tables = variant_for(bundle_of(name), shipped()).tables
    problems = broken_laws(tables, dict.fromkeys(tables.fields, ()), ())
    assert list(problems) == []


def test_every_published_care_plan_is_read_or_refused(shared_data: Any) -> None:
    """Each bundle with a CarePlan among the closed-loop examples gives a plan or says, by FHIRPath, why not."""
    found = []
    for file in sorted((shared_data / "closed-loop").rglob("*.json")):
        text = file.read_text(encoding="utf-8")
        if '"CarePlan"' in text and (bundle := json.loads(text)).get("resourceType") == "Bundle":
            found.append(file.name)
            assert all(path.startswith("Bundle") for path in outcome(bundle))
    assert len(found) >= 2


def outcome(bundle: dict[str, Any]) -> list[str]:
    """The places of the warnings, or of the problems."""
    try:
        return [warning.path for warning in read_fhir(bundle).warnings]
    except InvalidInput as error:
        return [problem.path for problem in error.problems]


@settings(max_examples=12)
@given(drawn=make.plans())
def test_any_plan_of_the_person_can_be_written_onto_theirs(drawn: IndividualPlan) -> None:
    """What is read back is the plan that was written, whatever the bundle said before; or a word has no code there."""
    text = json.dumps(bundle_of("kommunefhir")).replace("Patient/patient", f"Patient/{drawn.owner.id}")
    bundle = json.loads(text)
    resource(bundle, "patient")["id"] = drawn.owner.id
    plan = read(IndividualPlan, {**drawn.to_data(), "owner": from_fhir(bundle).owner.to_data()})
    try:
        written = put_plan(plan, bundle)
    except InvalidInput as error:
        problems = [problem.reason for problem in error.problems]
        assert problems
        assert all("has no code for" in reason for reason in problems)
    else:
        assert read_fhir(written).plan == plan
        assert_r4(written)


_WRONG: tuple[Any, ...] = (
    3,
    "x",
    True,
    [],
    {},
    [{}],
    [3],
    {"reference": 3},
    {"reference": "Patient/nobody"},
    {"coding": 3},
    [["x"]],
)


def _paths(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place below a node."""
    children: Iterable[tuple[str | int, Any]] = ()
    if isinstance(node, dict):
        children = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    for name, child in children:
        yield (*path, name)
        yield from _paths(child, (*path, name))


@pytest.mark.parametrize("name", UNREAD)
@settings(max_examples=25)
@given(data=st.data())
def test_whatever_stands_there_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """A wrong type anywhere: a plan that writes back without a change, or a refusal; nothing else is raised."""
    bundle = bundle_of(name)
    *way, last = data.draw(st.sampled_from(list(_paths(bundle))))
    node: Any = bundle
    for step in way:
        node = node[step]
    node[last] = data.draw(st.sampled_from(_WRONG))
    try:
        found = reading(bundle)
    except InvalidInput as error:
        assert error.problems  # noqa: PT017 - one of two right outcomes
    else:
        assert put_plan(found.plan, bundle) == bundle

"""Views of a plan as FHIR: marked as such, refused where a plan is wanted, and plans refused where a view is."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.sharing.view import Opening, PlanView
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import (
    default,
    from_fhir,
    is_view,
    open_plan,
    read_fhir,
    rebase,
    to_fhir,
    update_bundle,
    view_from_fhir,
    view_to_fhir,
)
from tests.mapping.examples import example
from tests.support.sharing_strategies import plan_views

JSON = dict[str, Any]
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
TAG = {"system": "https://ip-fhir.github.io/fhir/CodeSystem/plan-tag", "code": "plan-view"}
REDACTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}
ALL = default().releasing(EVERY_PART)


def view(number: int = 1) -> PlanView:
    """A view of an example plan, with nothing closed."""
    plan = example(number).evolve(consents=(), author=None, replaces=None)
    return PlanView(share="share-1", number=7, level=ContentLevel.PLAN, openings=(Opening(),), plan=plan)


def root_of(bundle: JSON) -> JSON:
    """The CarePlan of a bundle."""
    found: JSON = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "CarePlan")
    return found


@settings(max_examples=15)
@given(plan_views())
def test_a_view_comes_back(shown: PlanView) -> None:
    """view_from_fhir(view_to_fhir(v)) == v, and it says of itself that it is a view, whatever is cut."""
    made = view_to_fhir(shown, ALL)
    assert is_view(made)
    assert view_from_fhir(made) == shown
    root = root_of(made)
    assert (root["meta"]["tag"], root["meta"]["security"]) == ([TAG], [REDACTED])
    types = {entry["resource"]["resourceType"] for entry in made["entry"]}
    assert types.isdisjoint({"Consent", "Provenance", "HealthcareService"}), "nothing but what the view has"


@pytest.mark.parametrize("number", range(1, 6))
def test_no_reader_of_plans_takes_a_view(number: int) -> None:
    """Each verb that reads or writes a plan refuses a view at its tag, so that nothing cut replaces a whole."""
    shown = view(number)
    made, plan = view_to_fhir(shown, ALL), example(number)
    verbs: list[Callable[[], Any]] = [
        lambda: from_fhir(made),
        lambda: default().from_fhir_json(orjson.dumps(made)),
        lambda: read_fhir(made),
        lambda: open_plan(made),
        lambda: update_bundle(made, plan),
        lambda: rebase(plan, plan, made),
    ]
    for verb in verbs:
        with pytest.raises(InvalidInput) as caught:
            verb()
        (problem,) = caught.value.problems
        at = len(made["entry"]) - 1
        assert problem.path == f"Bundle.entry[{at}].resource.meta.tag[0]"
        assert "this is a view of a plan, not the plan" in problem.reason


def test_another_systems_plan_with_the_tag_is_no_plan_either() -> None:
    """The tag counts in a plan as any system writes it."""
    bundle = deepcopy(to_fhir(example(1)))
    root = root_of(bundle)
    root["category"], root["meta"] = [], {"tag": [{"code": "theirs"}, TAG]}
    with pytest.raises(InvalidInput) as caught:
        read_fhir(bundle)
    assert [problem.path.partition("resource.")[2] for problem in caught.value.problems] == ["meta.tag[1]"]


def test_a_plan_is_no_view() -> None:
    """A bundle without the tag is refused as a view, at the place where the tag is missing."""
    with pytest.raises(InvalidInput) as caught:
        view_from_fhir(to_fhir(example(1)))
    assert caught.value.problems[0].path.endswith(".meta.tag")
    assert not is_view(to_fhir(example(1)))


def _without_terms(root: JSON) -> None:
    root["extension"] = [e for e in root["extension"] if not e["url"].endswith("ip-view")]


def _term(name: str, **value: Any) -> Any:
    def change(root: JSON) -> None:
        terms = next(e for e in root["extension"] if e["url"].endswith("ip-view"))
        term = next(e for e in terms["extension"] if e["url"] == name)
        term.clear()
        term.update({"url": name, **value})

    return change


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (_without_terms, ""),
        (_term("number", valuePositiveInt=0), "[0].extension[1].valuePositiveInt"),
        (_term("level", valueCode="some"), "[0].extension[2].valueCode"),
        (_term("share", valueId="a b"), "[0].extension[0].valueId"),
    ],
)
def test_wrong_terms_are_told_with_their_place(change: Any, place: str) -> None:
    """Missing terms, and terms that the domain refuses, are `InvalidInput` below the CarePlan."""
    made = view_to_fhir(view())
    change(root_of(made))
    with pytest.raises(InvalidInput) as caught:
        view_from_fhir(made)
    at = f"Bundle.entry[{len(made['entry']) - 1}].resource.extension{place}"
    assert all(problem.path.startswith(at) for problem in caught.value.problems)


@pytest.mark.parametrize("inside", [[], [{"url": "general", "valueBoolean": False}], [{"url": "general"}]])
def test_an_opening_of_nothing_opens_nothing(inside: list[JSON]) -> None:
    """An opening that says neither an area nor that it has none is refused: it must not read as one of the two."""
    made = view_to_fhir(view())
    terms = next(e for e in root_of(made)["extension"] if e["url"].endswith("ip-view"))
    next(e for e in terms["extension"] if e["url"] == "opening")["extension"] = inside
    with pytest.raises(InvalidInput):
        view_from_fhir(made)


def test_a_view_with_a_consent_is_neither_written_nor_read() -> None:
    """What the person consents to, and refuses, leaves in no view, and is taken from none."""
    plan = example(1)
    assert plan.consents
    with pytest.raises(InvalidInput) as caught:
        view_to_fhir(view().evolve(plan=plan))
    assert caught.value.problems[0].path == "plan.consents"
    made = view_to_fhir(view())
    consent = next(e for e in to_fhir(plan)["entry"] if e["resource"]["resourceType"] == "Consent")
    made["entry"].insert(0, consent)
    with pytest.raises(InvalidInput, match="Consent"):
        view_from_fhir(made)


def test_each_resource_has_the_number_of_the_view_in_which_it_last_changed() -> None:
    """`meta.versionId` is the greatest number of what stands in a resource; without numbers there is none."""
    shown = view()
    plan = shown.plan
    measure, goal = plan.measures[0], plan.goals[0]
    made = view_to_fhir(shown, numbers={plan.id: 2, measure.id: 7, goal.id: 3})
    versions = {e["resource"]["id"]: e["resource"].get("meta", {}).get("versionId") for e in made["entry"]}
    assert (versions[plan.id], versions[goal.id]) == ("7", "3")
    assert [number for ident, number in versions.items() if ident not in (plan.id, goal.id) and number] == []
    assert view_from_fhir(made) == shown


def test_withheld_parts_are_written_for_whom_they_were_released_alone() -> None:
    """A mapper without release leaves out what leads to a person with a protected address."""
    shown = view()
    owner = shown.plan.owner.evolve(protection="strictly-confidential", contacts=({"system": "phone", "value": "1"},))
    shown = shown.evolve(plan=shown.plan.evolve(owner=owner))
    assert view_from_fhir(view_to_fhir(shown)).plan.owner.contacts == ()
    assert view_from_fhir(view_to_fhir(shown, ALL)) == shown


@pytest.mark.parametrize(
    ("type_", "element", "value"),
    [
        ("Goal", "lifecycleStatus", "entered-in-error"),
        ("Condition", "verificationStatus", {"coding": [{"code": "refuted", "system": VERIFICATION}]}),
        ("Patient", "active", False),
        ("Goal", "implicitRules", "https://theirs.example/rules"),
    ],
)
def test_a_view_with_a_part_that_does_not_hold_is_refused(type_: str, element: str, value: Any) -> None:
    """A view is whole: a part that cannot be read as it stands is not left out in silence."""
    made = view_to_fhir(view(), ALL)
    resource = next(e["resource"] for e in made["entry"] if e["resource"]["resourceType"] == type_)
    resource[element] = value
    with pytest.raises(InvalidInput) as caught:
        view_from_fhir(made)
    assert element in caught.value.problems[0].path


def test_a_view_in_r5_comes_back_and_says_the_same() -> None:
    """With the R5 tables it has the same tag and the same terms."""
    made = view_to_fhir(view(), version="R5")
    assert view_from_fhir(made, version="R5") == view_from_fhir(made) == view_from_fhir(view_to_fhir(view()))
    assert root_of(made)["meta"]["tag"] == [TAG]

"""The official validator's gate can fail: a resource that is broken on purpose is caught, by FHIR or by our profile."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import made
from tests.conformance.judge import Issue, Validator
from tests.conformance.made import JsonObject
from tests.conformance.sources import Sources

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

Break = Callable[[JsonObject], object]


@pytest.fixture(scope="module")
def examples(checkout: Path) -> dict[str, JsonObject]:
    """One valid resource of each type and of each profile that the library writes: of the examples, what says most."""
    found: dict[str, JsonObject] = {}
    for resource in (*made.singles(made.example_bundles(checkout)), *made.example_referrals(checkout)):
        profiles = (url.rpartition("/")[2] for url in resource.get("meta", {}).get("profile", ()))
        for name in (resource["resourceType"], *profiles):
            other = found.get(name)
            if other is None or len(json.dumps(other)) < len(json.dumps(resource)):
                found[name] = resource
    found["Bundle"] = next(made.example_bundles(checkout))
    return found


def broken(resource: JsonObject, damage: Break) -> JsonObject:
    """The resource, damaged."""
    result = copy.deepcopy(resource)
    damage(result)
    assert result != resource
    return result


def errors(issues: list[Issue]) -> list[str]:
    """The errors among the issues."""
    return [str(issue) for issue in issues if issue.bad]


def extension(resource: JsonObject, name: str) -> JsonObject:
    """The first extension of that name in the resource."""
    found = (e for e in resource["extension"] if e["url"].endswith(f"/{name}"))
    return next(found)


def _actor(appointment: JsonObject, reference: str) -> None:
    appointment["participant"][0]["actor"] = {"reference": reference}


def _period(resource: JsonObject) -> None:
    resource["period"] = {"start": "2025-02-01", "end": "2025-01-01"}


def _extend(resource: JsonObject, url: str) -> None:
    resource["extension"] = [{"url": url, "valueString": "something"}]


def _first_coding(resource: JsonObject, member: str, code: str) -> None:
    resource[member][0]["coding"][0] = {**resource[member][0]["coding"][0], "code": code}


def _contain(resource: JsonObject) -> None:
    resource.setdefault("contained", []).append({"resourceType": "Organization", "id": "lonely", "name": "Nobody's"})


def _died_twice(patient: JsonObject) -> None:
    patient.update(deceasedBoolean=True, deceasedDateTime="2025-01-01")


def _renamed(bundle: JsonObject) -> None:
    bundle["entry"][0]["fullUrl"] = "https://example.org/fhir/Patient/another"


BY_FHIR: list[tuple[str, str, Break, str]] = [
    ("a code of a required list", "CarePlan", lambda r: r.update(status="begun"), "CarePlan.status"),
    ("an element that is none", "Goal", lambda r: r.update(wish="to dance"), "Goal.wish|wish"),
    ("a missing element", "Consent", lambda r: r.pop("scope"), "Consent.scope"),
    ("text where a list is", "CareTeam", lambda r: r.update(participant="all"), "participant"),
    ("a number as text", "CarePlan", lambda r: extension(r, "ip-plan-version").update(valuePositiveInt="two"), "value"),
    ("a day that is none", "Patient", lambda r: r.update(birthDate="2025-02-30"), "birthDate"),
    ("a reference to the wrong type", "Appointment", lambda r: _actor(r, "Organization/o"), "actor"),
    ("an invariant: a period ends before it starts", "CarePlan", _period, "per-1"),
    ("an unknown extension", "Organization", lambda r: _extend(r, "https://example.org/x"), "could not be found"),
    ("an empty object", "Patient", lambda r: r.update(address=[{}]), "must have some content"),
    ("an empty list", "Patient", lambda r: r.update(name=[]), "name"),
    ("two values of one choice", "Patient", _died_twice, "deceased"),
    ("a code of ours that does not exist", "Organization", lambda r: _first_coding(r, "type", "castle"), "castle"),
    ("contained, and nothing refers to it", "ServiceRequest", _contain, "dom-3"),
    ("an entry with another's fullUrl", "Bundle", _renamed, "fullUrl"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "type_", "damage", "said"), BY_FHIR, ids=[row[0] for row in BY_FHIR])
def test_caught_by_fhir(
    validator: Validator, examples: dict[str, JsonObject], what: str, type_: str, damage: Break, said: str
) -> None:
    """The resource is valid as it is and not when it has this."""
    assert errors(validator.judge(examples[type_])) == []
    found = errors(validator.judge(broken(examples[type_], damage)))
    assert any(part in error for error in found for part in said.split("|")), (what, found)


def test_text_that_is_no_json(validator: Validator) -> None:
    """What is not JSON, or no resource, is caught, and the validator goes on."""
    for text in (
        "not json",
        "[]",
        '{"resourceType": "Dragon"}',
        '{"resourceType": "Patient", "gender": "male", "gender": "x"}',
    ):
        assert errors(validator.judge(text)), text
    assert errors(validator.judge({"resourceType": "Patient"})) == []


def _two_responsible(plan: JsonObject) -> None:
    detail: Any = next(a["detail"] for a in plan["activity"] if "performer" in a["detail"])
    detail["performer"] = [detail["performer"][0], copy.deepcopy(detail["performer"][0])]


def _part_of_itself(goal: JsonObject) -> None:
    definition = goal["meta"]["profile"][0].replace("ip-Goal", "ip-goal-part-of")
    goal["extension"] = [{"url": definition, "valueReference": {"reference": f"Goal/{goal['id']}"}}]


def _withdrawn(consent: JsonObject) -> None:
    consent["status"] = "inactive" if consent["status"] != "inactive" else "active"


# Each is valid FHIR R4 (the same resource without meta.profile), and not what our profile says.
BY_PROFILE: list[tuple[str, str, Break]] = [
    ("ip-CarePlan: of no kind that we know", "CarePlan", lambda r: r.pop("category")),
    ("ip-CarePlan: when it was made is not told", "CarePlan", lambda r: r.pop("created")),
    ("ip-CarePlan: an order, not a plan", "CarePlan", lambda r: r.update(intent="order")),
    ("ip-CarePlan: of a group", "CarePlan", lambda r: r.update(subject={"reference": "Group/g"})),
    ("ip-CarePlan: two are responsible", "CarePlan", _two_responsible),
    ("ip-PlanView: it does not say that it is a view", "CarePlan", lambda r: r["meta"].pop("tag")),
    ("ip-PlanView: it is not labelled", "CarePlan", lambda r: r["meta"].pop("security")),
    ("ip-Goal: not in words", "Goal", lambda r: r.update(description={"coding": [{"code": "x"}]})),
    ("ip-Goal: a status that plans do not have", "Goal", lambda r: r.update(lifecycleStatus="entered-in-error")),
    ("ip-Goal: part of itself", "Goal", _part_of_itself),
    ("ip-CareTeam: whose it is is not told", "CareTeam", lambda r: r.pop("subject")),
    ("ip-CareTeam: a member without a role", "CareTeam", lambda r: r["participant"][0].pop("role")),
    ("ip-CareTeam: a vacant place that is no coordinator's", "CareTeam", lambda r: r["participant"][0].pop("member")),
    ("ip-Consent: whose it is is not told", "Consent", lambda r: r.pop("patient")),
    ("ip-Consent: to something else", "Consent", lambda r: r.update(category=[{"text": "research"}])),
    ("ip-Consent: withdrawn without a day", "Consent", _withdrawn),
    ("ip-Consent: of a policy that we do not know", "Consent", lambda r: r.update(policyRule={"text": "other"})),
    ("ip-Notice: no correlation id", "ServiceRequest", lambda r: r.pop("identifier")),
    ("ip-Notice: what is needed is not told", "ServiceRequest", lambda r: r.pop("code")),
    ("ip-Notice: when is not told", "ServiceRequest", lambda r: r.pop("authoredOn")),
    ("ip-Notice: a proposal", "ServiceRequest", lambda r: r.update(intent="proposal")),
    ("ip-FeedbackTask: about nothing", "Task", lambda r: r.pop("focus")),
    ("ip-FeedbackTask: to do something else", "Task", lambda r: r.update(code={"text": "call back"})),
    ("ip-FeedbackTask: a state not of the loop", "Task", lambda r: r.update(businessStatus={"text": "lost"})),
    ("ip-GreenForm: answers no loop", "QuestionnaireResponse", lambda r: r.pop("basedOn")),
    ("ip-GreenForm: from nobody", "QuestionnaireResponse", lambda r: r.pop("author")),
    ("ip-GreenForm: when is not told", "QuestionnaireResponse", lambda r: r.pop("authored")),
]  # fmt: skip


@pytest.mark.parametrize(("what", "type_", "damage"), BY_PROFILE, ids=[row[0] for row in BY_PROFILE])
def test_caught_by_our_profile(
    validator: Validator, examples: dict[str, JsonObject], what: str, type_: str, damage: Break
) -> None:
    """It is valid FHIR R4, and caught where it says that it follows the profile."""
    profile = what.partition(":")[0]
    resource = broken(examples[profile], damage)
    assert resource["resourceType"] == type_
    assert any(url.endswith(f"/{profile}") for url in resource["meta"]["profile"])
    assert errors(validator.judge(made.without_profile(resource))) == []
    assert errors(validator.judge(resource)) != []


def test_each_profile_is_broken_once() -> None:
    """None of our profiles is without a resource that breaks it."""
    from tests.conformance.test_profiles import EXPECTED_PROFILES

    assert {what.partition(":")[0] for what, _, _ in BY_PROFILE} == set(EXPECTED_PROFILES)


def _extensions(checkout: Path) -> list[JsonObject]:
    files = sorted((checkout / "mappings" / "profiles" / "built").glob("StructureDefinition-*.json"))
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return [one for one in found if one["type"] == "Extension"]


def test_an_extension_belongs_where_it_is_defined(validator: Validator, checkout: Path) -> None:
    """Each of our extensions is caught in a resource that it is not for, and with a value that it does not take."""
    definitions = _extensions(checkout)
    assert len(definitions) > 30
    basic = {"resourceType": "Basic", "code": {"text": "x"}}
    answers = validator.judge_all(
        {**basic, _member(one): [{"url": one["url"], "valueMoney": {"value": 1}}]} for one in definitions
    )
    for definition, issues in zip(definitions, answers, strict=True):
        found = " ".join(errors(issues))
        assert "is not allowed" in found or "not allowed to be used" in found, (definition["id"], found)
        assert "Money" in found or "value" in found, (definition["id"], found)


def _member(definition: JsonObject) -> str:
    root = definition["differential"]["element"][0]
    return "modifierExtension" if root.get("isModifier") else "extension"


def test_a_form_is_held_against_its_questions(validator: Validator, examples: dict[str, JsonObject]) -> None:
    """A green form with a question that is not asked, or an answer of another kind, is caught."""
    form = examples["QuestionnaireResponse"]
    assert errors(validator.judge(form)) == []
    for item in (
        {"linkId": "favourite-colour", "answer": [{"valueString": "green"}]},
        {"linkId": "note", "answer": [{"valueInteger": 3}]},
        {"linkId": "decision", "answer": [{"valueCoding": {"code": "perhaps"}}]},
    ):
        rest = [one for one in form["item"] if one["linkId"] != item["linkId"]]
        items = [item, *rest] if item["linkId"] == "decision" else [*rest, item]
        assert errors(validator.judge({**form, "item": items})), item


def test_a_filled_in_notice_form(validator: Validator, sources: Sources) -> None:
    """A notice that is filled in as a form is valid by its Questionnaire, and not with an answer from elsewhere."""
    kind = {"system": sources.uri("cs-notice-kind"), "code": "plan", "display": "Individual plan"}
    response = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{sources.base}/Questionnaire/notice",
        "status": "completed",
        "item": [
            {"linkId": "notice-kind", "answer": [{"valueCoding": kind}]},
            {"linkId": "need", "item": [{"linkId": "need-text", "answer": [{"valueString": "Hjelp til å bo hjemme"}]}]},
            {"linkId": "discharge", "answer": [{"valueDate": "2026-03-20"}]},
        ],
    }
    assert errors(validator.judge(response)) == []
    kind["code"] = "castle"
    assert errors(validator.judge(response))

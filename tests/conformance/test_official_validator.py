"""The official validator judges our output: what the library writes is valid FHIR R4 and follows our profiles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from ip_fhir.report.plans.audit_events import access_events
from tests.conformance import made
from tests.conformance.judge import Allowed, Issue, Validator, Verdict, allowed_warnings
from tests.conformance.made import JsonObject
from tests.report.plans.log import entries
from tests.report.plans.texts import example

# The validator is built on first use, which takes a download; and the machine may be shared.
pytestmark = [pytest.mark.timeout(1200), pytest.mark.slow]

MESSAGES, REFERRALS, PLAN_MESSAGES = 200, 64, 60


def objections(validator: Validator, verdict: Verdict, resources: Iterable[JsonObject]) -> list[str]:
    """What the validator has against any of them, with the resource's number, each once."""
    found: dict[str, int] = {}
    for number, issues in enumerate(validator.judge_all(resources)):
        for objection in verdict.objections(issues):
            found.setdefault(objection, number)
    return [f"no. {number}: {objection}" for objection, number in found.items()]


def test_it_knows_our_definitions(validator: Validator, definitions: list[Path]) -> None:
    """Every definition that ships is read by the validator."""
    assert validator.definitions == sum(len(list(place.glob("*.json"))) for place in definitions)


def test_examples(validator: Validator, verdict: Verdict, checkout: Path) -> None:
    """Every bundle of every example plan, notice and green form is valid, with references that resolve."""
    assert objections(validator, verdict, made.example_bundles(checkout)) == []


def test_each_resource_of_the_examples(validator: Validator, verdict: Verdict, checkout: Path) -> None:
    """So is each of their resources by itself, and each loop's ServiceRequest and Task in every state."""
    resources = chain(made.singles(made.example_bundles(checkout)), made.example_referrals(checkout))
    assert objections(validator, verdict, made.shapes_of(resources)) == []


def test_each_resource_as_plain_r4(validator: Validator, verdict: Verdict, checkout: Path) -> None:
    """Each is valid for somebody who knows FHIR R4 and takes no notice of our profiles."""
    resources = chain(made.singles(made.example_bundles(checkout)), made.example_referrals(checkout))
    assert objections(validator, verdict, map(made.without_profile, made.shapes_of(resources))) == []


def test_generated_plans(validator: Validator, verdict: Verdict) -> None:
    """The bundles of generated plans are valid, whatever the plan holds: of 500 in the gate, see `made.PLANS`."""
    assert objections(validator, verdict, made.generated_plans(made.PLANS)) == []


def test_generated_messages(validator: Validator, verdict: Verdict) -> None:
    """Generated messages of every kind are valid, with the notice or form that they carry."""
    assert objections(validator, verdict, made.generated_messages(MESSAGES)) == []


def test_generated_messages_about_a_plan(validator: Validator, verdict: Verdict) -> None:
    """Generated messages about a plan are valid, of every kind: views, changes and answers, invitations, handovers."""
    assert objections(validator, verdict, made.generated_plan_messages(PLAN_MESSAGES)) == []


def test_generated_views(validator: Validator, verdict: Verdict) -> None:
    """Generated views of plans are valid, and each follows the profile of a view."""
    assert objections(validator, verdict, made.generated_views(PLAN_MESSAGES)) == []


def test_generated_notice_forms(validator: Validator, verdict: Verdict) -> None:
    """Generated notices as answered questionnaires are valid, each answer by its question."""
    assert objections(validator, verdict, made.generated_notice_forms(REFERRALS)) == []


def test_generated_referrals(validator: Validator, verdict: Verdict) -> None:
    """The ServiceRequest and Task of generated notices are valid in every state, on both sides."""
    assert objections(validator, verdict, made.generated_referrals(REFERRALS)) == []


def test_the_access_log_of_a_plan(validator: Validator, verdict: Verdict) -> None:
    """Who was sent or read what is told as valid AuditEvents."""
    events = access_events(
        entries(), example(1), "Nordvik kommune", {"Nordvik kommune": "https://nordvik.example/fhir"}
    )
    assert objections(validator, verdict, events) == []


def _judged(folder: Path) -> Iterator[tuple[Path, str]]:
    """The tests of the folder whose findings go into the verdict."""
    for path in folder.glob("test_*.py"):
        for name in re.findall(r"^def (test_\w+)\([^)]*verdict: Verdict", path.read_text("utf-8"), re.MULTILINE):
            yield path, name


@pytest.mark.last
def test_every_allowed_warning_is_needed(verdict: Verdict, request: pytest.FixtureRequest) -> None:
    """The allow-list holds nothing that no longer happens; it is judged by what the tests above have seen."""
    asked = {(item.path, item.name.partition("[")[0]) for item in request.session.items}
    if not set(_judged(request.path.parent)) <= asked:
        pytest.skip("only part of the tests was asked for")
    assert [entry for entry in verdict.allowed if entry not in verdict.used] == []


@pytest.mark.parametrize("make", [made.generated_plans, made.generated_messages])
def test_references_resolve(make: Callable[[int], Iterable[JsonObject]]) -> None:
    """Every reference in a bundle leads to an entry of the bundle or to something contained."""
    assert [missing for bundle in make(50) for missing in dangling(bundle)] == []


def dangling(bundle: JsonObject) -> list[str]:
    """Literal references in the bundle that lead nowhere."""
    targets = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]}
    missing = []
    for entry in bundle["entry"]:
        inside = {f"#{resource['id']}" for resource in entry["resource"].get("contained", ())}
        missing += [ref for ref in references(entry["resource"]) if ref not in targets | inside]
    return missing


def references(node: object) -> list[str]:
    """Every literal reference in a resource."""
    if isinstance(node, list):
        return [ref for item in node for ref in references(item)]
    if not isinstance(node, dict):
        return []
    here = [node["reference"]] if isinstance(node.get("reference"), str) else []
    return here + [ref for value in node.values() for ref in references(value)]


# --- the gate can fail ---------------------------------------------------------------------------


def test_reasons_are_given() -> None:
    """Every warning that is let through says why, in a sentence."""
    assert [entry.id for entry in allowed_warnings() if len(entry.reason.split()) < 8] == []


def test_the_allow_list_lets_no_error_through() -> None:
    """An error stands, even where a warning in the same words is let through."""
    entry = Allowed("some-id", "Goal\\.note", "angle brackets", "because")
    warning = Issue("warning", "Goal.note[0]", "some-id", "has angle brackets")
    assert entry.covers(warning)
    assert not entry.covers(Issue("error", warning.location, warning.id, warning.message))
    assert not entry.covers(Issue("warning", "Goal.text", warning.id, warning.message))


def test_a_dangling_reference_is_seen() -> None:
    """A bundle with a reference that leads nowhere is seen."""
    goal = {"resourceType": "Goal", "id": "g", "subject": {"reference": "Patient/nobody"}}
    assert dangling({"entry": [{"resource": goal}]}) == ["Patient/nobody"]

"""A resource that names rules which are unknown here (`implicitRules`) is not read and not written: FHIR forbids it."""

from copy import deepcopy
from typing import Any

import orjson
import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import default, event_from_task, from_fhir, from_fhir_json, message_from_fhir, put_plan, to_fhir
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping.examples import JSON, PLANS, example
from tests.mapping.test_bad_input import NOW, form_message, notice_message, referral, reminder, task

RULES = "https://other.example/fhir/rules"
DERIVED = ("HealthcareService", "Provenance")  # said again for others, never read


def wrong(refused: pytest.ExceptionInfo[InvalidInput]) -> set[tuple[str, str]]:
    """The places and kinds of the problems."""
    return {(problem.path, problem.code) for problem in refused.value.problems}


def _from_text(bundle: JSON) -> object:
    return from_fhir_json(orjson.dumps(bundle))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", range(1, len(PLANS) + 1))
def test_every_resource_of_a_plan(version: FhirVersion, number: int) -> None:
    """Wherever in a plan's bundle the rules are named: refused there, both to read and to write onto.

    Only a consent does not refuse the bundle: it is read as a no (tests/mapping/bundle/test_refusal.py).
    """
    plan = example(number)
    there = to_fhir(plan, version=version)
    seen: set[str] = set()
    for index, entry in enumerate(there["entry"]):
        if (kind := entry["resource"]["resourceType"]) in (seen | set(DERIVED)):
            continue
        seen.add(kind)
        if kind == "Consent":
            continue
        changed = deepcopy(there)
        changed["entry"][index]["resource"]["implicitRules"] = RULES
        uses = (from_fhir, _from_text, lambda bundle: put_plan(plan.evolve(title="Ny"), bundle))
        for use in uses:
            with pytest.raises(InvalidInput) as refused:
                use(changed)
            assert (f"Bundle.entry[{index}].resource.implicitRules", "not-supported") in wrong(refused)
            assert RULES not in str(refused.value)
    assert {"CarePlan", "CareTeam", "Consent", "Goal", "Patient", "Practitioner", "PractitionerRole"} <= seen


@pytest.mark.parametrize("version", VERSIONS)
def test_every_table_of_a_resource(version: FhirVersion) -> None:
    """One mechanism: whatever table of a resource there is or comes to be refuses it, reading and writing."""
    for name, lens in default(version).compiled.lenses.items():
        if (kind := lens.inner.table.resource) is None or lens.inner.table.dialect != "fhir":
            continue
        resource = {"resourceType": kind, "id": "x", "implicitRules": RULES}
        for use in (lens.get, lambda r, lens=lens: lens.put({"id": "x"}, r)):
            with pytest.raises(InvalidInput) as refused:
                use(resource)
            assert wrong(refused) == {(f"{name}.implicitRules", "not-supported")}


@pytest.mark.parametrize("make", [notice_message, form_message, reminder])
def test_every_resource_of_a_message(make: Any) -> None:
    """Header, what it contains, what it carries, and the Bundle itself."""
    there: JSON = make()
    places = {"Bundle.implicitRules": deepcopy(there)}
    places["Bundle.implicitRules"]["implicitRules"] = RULES
    for index, entry in enumerate(there["entry"]):
        if entry["resource"]["resourceType"] not in {*DERIVED, "Consent"}:
            changed = places[f"Bundle.entry[{index}].resource.implicitRules"] = deepcopy(there)
            changed["entry"][index]["resource"]["implicitRules"] = RULES
    for index in range(2):
        changed = places[f"Bundle.entry[0].resource.contained[{index}].implicitRules"] = deepcopy(there)
        changed["entry"][0]["resource"]["contained"][index]["implicitRules"] = RULES
    for place, changed in places.items():
        with pytest.raises(InvalidInput) as refused:
            message_from_fhir(changed)
        assert (place, "not-supported") in wrong(refused)


def test_a_task() -> None:
    """A Task that the other party changed, and the form in it."""
    for at in ("Task", "form"):
        there = task()
        form = next(c for c in there["contained"] if c["resourceType"] == "QuestionnaireResponse")
        (there if at == "Task" else form)["implicitRules"] = RULES
        with pytest.raises(InvalidInput) as refused:
            event_from_task(referral(), there, NOW)
        assert all(path.endswith("implicitRules") for path, _ in wrong(refused))


def test_rules_of_the_bundle() -> None:
    """They hold for all that is in it."""
    there = {**to_fhir(example(1)), "implicitRules": RULES}
    for use in (from_fhir, _from_text):
        with pytest.raises(InvalidInput) as refused:
            use(there)
        assert wrong(refused) == {("Bundle.implicitRules", "not-supported")}


def test_what_is_not_ours_to_read() -> None:
    """A resource that no table reads may have rules of its own: it is left as it is."""
    plan = example(1)
    there = to_fhir(plan)
    there["entry"].append({"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Basic", "implicitRules": RULES}})
    assert from_fhir(there) == plan
    assert put_plan(plan, there) == there

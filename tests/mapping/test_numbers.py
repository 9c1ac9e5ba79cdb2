"""Numbers of a peer through the mapping: what no row names stays as it was written."""

from pathlib import Path

import pytest

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.mapping import default, from_fhir, from_fhir_json, open_plan, to_fhir_json, update_bundle
from tests.support.data import EXAMPLES


def test_a_decimal_through_put(shared_data: Path) -> None:
    """`0.700` stays `0.700`, also in a goal that is changed (field/07; firely 732)."""
    content = (shared_data / "field" / "07-decimal-0.700-through-put.json").read_bytes()
    for number in (b"0.700", b"1E2", b"0.12345678901234567890123456789", b"12345678901234567890123456789"):
        bundle = read_json(content.replace(b"0.700", number))
        plan = from_fhir(bundle)
        goal = plan.goals[0].evolve(text="Gå til butikken")
        for made in (
            update_bundle(bundle, plan.evolve(goals=(goal,))),
            open_plan(bundle).put(plan.evolve(goals=(goal,))),
        ):
            assert b'"value":' + number + b"," in write_json(made)


def test_a_bundle_of_ours_with_numbers_is_read_fast() -> None:
    """A number that another system added keeps no bundle of ours from the fast reader."""
    plan = read(IndividualPlan, min((EXAMPLES / "plans").glob("01-*.json")).read_bytes())
    content = to_fhir_json(plan)
    added = content.replace(b'"intent":"plan"', b'"intent":"plan","extension2":[{"valueDecimal":0.700}]', 1)
    assert added != content
    assert default().read_fast(added) == plan
    opened = open_plan(read_json(added))
    assert b'"valueDecimal":0.700' in write_json(opened.put(plan.evolve(title="Min plan")))


def test_a_plan_with_a_key_twice_is_not_read_fast() -> None:
    """The fast reader, too, refuses text in which a key stands twice, also one that no row reads."""
    plan = read(IndividualPlan, min((EXAMPLES / "plans").glob("01-*.json")).read_bytes())
    content = to_fhir_json(plan)
    for twice in (
        content.replace(b'"intent":"plan"', b'"intent":"plan","intent":"plan"', 1),
        content.replace(b'"intent":"plan"', b'"intent" : "plan","note2":{"x":1,"x" : 2}', 1),
    ):
        with pytest.raises(InvalidInput, match="stands twice"):
            from_fhir_json(twice)

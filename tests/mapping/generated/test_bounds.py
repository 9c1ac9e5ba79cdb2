"""The bounds of lists hold in the fast reader as in the lenses: at the bound it stands, one above it stands down."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from ip_fhir.domain.consent.consent import Access
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import Value
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import Mapper, default, from_fhir_json, read_fhir, to_fhir_json
from tests.support import growing
from tests.support.growing import PLAN_CASES, Case, bounds_of

BOUNDS = bounds_of(IndividualPlan)
FULL = {name: case for case in PLAN_CASES for name in case.lists if len(case.lists) == 1 and ":" not in case.name}


@pytest.mark.parametrize("case", PLAN_CASES, ids=lambda case: case.name)
def test_at_the_bound_it_is_read_fast(case: Case) -> None:
    """A list of as many items as it may have leaves no doubt, and reads as the lenses read it."""
    plan = growing.plan(**case.make(case.most(IndividualPlan)))
    content = to_fhir_json(plan)
    mapper = Mapper(default().compiled)
    assert mapper.from_fhir_json(content) == plan
    assert (mapper.reads.fast, mapper.reads.stand_downs) == (1, {})


@pytest.mark.parametrize("name", FULL)
def test_one_above_is_refused_as_the_lenses_refuse_it(name: str) -> None:
    """The fast reader leaves one item too many to the lenses, whose error names the bound.

    A consent with one too many cannot be kept whole: it is read as a no, and the warning names the bound.
    """
    full = growing.plan(**FULL[name].make(BOUNDS[name]))
    longer = one_more(full, name)
    content = to_fhir_json(longer)
    assert default().read_fast(content) is None
    if name.partition(".")[0] in ("Consent", "Provision"):
        assert {(c.access, c.provisions) for c in from_fhir_json(content).consents} == {(Access.DENY, ())}
        warnings = read_fhir(orjson.loads(content)).warnings
        assert any(f"has more than {BOUNDS[name]} items" in warning.reason for warning in warnings)
        return
    with pytest.raises(InvalidInput, match=f"has more than {BOUNDS[name]} items"):
        from_fhir_json(content)


def test_every_list_is_tried() -> None:
    """No list of a plan is left out above."""
    assert FULL.keys() == BOUNDS.keys()


def one_more(plan: IndividualPlan, name: str) -> IndividualPlan:
    """The plan with one more item in the list of this name, unchecked."""
    model, _, field = name.rpartition(".")
    longer: IndividualPlan = _longer(plan, model or "IndividualPlan", field)
    assert longer is not plan
    return longer


def _longer(value: Any, model: str, field: str) -> Any:
    if isinstance(value, tuple):
        changed = tuple(_longer(item, model, field) for item in value)
        return value if all(new is old for new, old in zip(changed, value, strict=True)) else changed
    if not isinstance(value, Value):
        return value
    if type(value).__name__ == model:
        last = getattr(value, field)[-1]
        another = last.model_copy(update={"id": "another"}) if hasattr(last, "id") else last
        return value.model_copy(update={field: (*getattr(value, field), another)})
    inner = {name: _longer(part, model, field) for name, part in vars(value).items()}
    update = {name: part for name, part in inner.items() if part is not getattr(value, name)}
    return value.model_copy(update=update) if update else value

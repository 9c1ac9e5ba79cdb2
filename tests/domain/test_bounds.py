"""Every list has a most: in the JSON Schema, and as an error that names the place and the bound."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import ip_fhir.domain
from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import Value
from ip_fhir.errors import InvalidInput
from tests.support import growing
from tests.support.growing import FORM_CASES, NOTICE_CASES, PLAN_CASES, Case, bounds_of

CASES = [
    *(pytest.param(growing.plan, IndividualPlan, case, id=f"plan {case.name}") for case in PLAN_CASES),
    *(pytest.param(growing.notice, Notice, case, id=f"notice {case.name}") for case in NOTICE_CASES),
    *(pytest.param(growing.form, GreenForm, case, id=f"form {case.name}") for case in FORM_CASES),
]


def models() -> list[type[Value]]:
    """Every domain value."""
    for module in walk_packages(ip_fhir.domain.__path__, "ip_fhir.domain."):
        import_module(module.name)
    found = {model for model in below(Value) if model.__module__.startswith("ip_fhir.domain.")}
    return sorted(found, key=lambda model: model.__qualname__)


def below(model: type[Value]) -> Iterator[type[Value]]:
    """All its subclasses."""
    for inner in model.__subclasses__():
        yield inner
        yield from below(inner)


def arrays_in(said: Any) -> Iterator[dict[str, Any]]:
    """Every array in a schema."""
    if isinstance(said, dict):
        if said.get("type") == "array":
            yield said
        for inner in said.values():
            yield from arrays_in(inner)
    elif isinstance(said, list):
        for inner in said:
            yield from arrays_in(inner)


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_every_list_has_a_most_in_the_schema(model: type[Value]) -> None:
    """A list without `maxItems` is one that a peer can make as long as it likes."""
    assert [array for array in arrays_in(model.model_json_schema()) if "maxItems" not in array] == []


@pytest.mark.parametrize("root", [IndividualPlan, Notice, GreenForm], ids=lambda model: model.__name__)
def test_every_list_grows_in_a_case(root: type[Value]) -> None:
    """A new list of a plan, a notice or a form is grown by the benchmark and by these tests too."""
    grown = {name for case in (*PLAN_CASES, *NOTICE_CASES, *FORM_CASES) for name in case.lists}
    assert bounds_of(root).keys() - grown == set()


@pytest.mark.parametrize(("make", "root", "case"), CASES)
def test_at_the_most_and_one_above(make: Any, root: type[Value], case: Case) -> None:
    """As many as the bound are taken; of one more, the error names the list and the bound."""
    most = case.most(root)
    assert make(**case.make(most)).id
    with pytest.raises(InvalidInput) as caught:
        make(**case.make(most + 1))
    bounds = {f"has more than {bounds_of(root)[name]} items" for name in case.lists}
    too_long = [p for p in caught.value.problems if p.reason in bounds]
    assert too_long
    assert too_long[0].code == "too-long"
    assert too_long[0].path.rpartition(".")[2] in {name.rpartition(".")[2] for name in case.lists}

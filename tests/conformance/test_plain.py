"""The official validator judges what we write in R5, and what we write in other systems' plans, by FHIR alone.

Our profiles are of R4, and another system's plan follows none of them: here errors count, and no warning does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from ip_fhir.domain.plan import Goal, IndividualPlan, Measure, MeasureStatus
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import default, put_plan, read_fhir
from ip_fhir.mapping.compiled import Compiled, shipped
from ip_fhir.mapping.tables.variants import SETS
from tests.conformance import made
from tests.conformance.judge import Validator
from tests.conformance.made import JsonObject
from tests.mapping.foreign.test_reading import OWNER
from tests.support.strategies import plans

pytestmark = [pytest.mark.timeout(1200), pytest.mark.slow]

r4 = pytest.mark.parametrize("plain", ["R4"], indirect=True)
r5 = pytest.mark.parametrize("plain", ["R5"], indirect=True)
NEIGHBOURS = [name for name, variants in SETS.items() if "neighbour" in variants]


def errors(validator: Validator, resources: Iterable[JsonObject]) -> list[str]:
    """The errors that the validator finds, with the resource's number, each once."""
    found: dict[str, int] = {}
    for number, issues in enumerate(validator.judge_all(resources)):
        for issue in issues:
            if issue.bad:
                found.setdefault(str(issue), number)
    return [f"no. {number}: {error}" for error, number in found.items()]


@r5
def test_examples_in_r5(plain: Validator, checkout: Path) -> None:
    """Every example plan, notice and green form in R5, and the ServiceRequest and Task of each loop in every state."""
    version = default("R5")
    assert errors(plain, made.example_bundles(checkout, version)) == []
    assert errors(plain, made.shapes_of(made.example_referrals(checkout, version))) == []


@r5
def test_generated_in_r5(plain: Validator) -> None:
    """Generated plans, messages of every kind and referrals in R5."""
    version = default("R5")
    assert errors(plain, made.generated_plans(made.PLANS // 5, version)) == []
    assert errors(plain, made.generated_messages(60, version)) == []
    assert errors(plain, made.generated_plan_messages(36, version)) == []
    assert errors(plain, made.generated_referrals(16, version)) == []


@r5
def test_r4_is_not_r5(plain: Validator, checkout: Path) -> None:
    """The gate can fail: an R4 bundle is refused, and an R5 one with a wrong code or a member of R4."""
    r4_bundle, *_ = made.example_bundles(checkout)
    assert errors(plain, [r4_bundle])
    bundle, *_ = made.example_bundles(checkout, default("R5"))
    assert errors(plain, [bundle]) == []
    for kind, member, value, told in (
        ("CareTeam", "status", "busy", "CareTeam.status"),
        ("CarePlan", "author", {"display": "x"}, "author"),
    ):
        broken = deepcopy(bundle)
        next(e["resource"] for e in broken["entry"] if e["resource"]["resourceType"] == kind)[member] = value
        assert any(told in error for error in errors(plain, [broken]))


@r4
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_plans_in_their_way_of_writing(plain: Validator, checkout: Path, name: str) -> None:
    """A plan written by the tables for another system's way is base R4: the examples and generated ones."""
    tables = shipped().varied(*SETS[name])
    examples = [
        read(IndividualPlan, file.read_bytes()) for file in sorted((checkout / "examples/plans").glob("*.json"))
    ]
    made_so = list(writable([*examples, *made.generated(plans(), made.PLANS // 5)], tables))
    assert len(made_so) > 40
    assert errors(plain, made.shapes_of(iter(made_so))) == []


def writable(found: Iterable[IndividualPlan], tables: Compiled) -> Iterator[JsonObject]:
    """The resources of those plans for whose words their way has a code (a request cannot be `scheduled`)."""
    for plan in found:
        try:
            yield from tables.assembly("plan").resources(plan)
        except InvalidInput as refused:
            assert "has no code" in str(refused)  # noqa: PT017 - any other refusal would be one too many


@r4
def test_what_is_put_onto_theirs(plain: Validator, checkout: Path) -> None:
    """A goal, a measure and a title put onto another system's bundle: no error that it had not before."""
    files = sorted((checkout / "examples" / "neighbours").glob("*.json"))
    assert len(files) == 3
    for file in files:
        theirs = json.loads(file.read_bytes())
        plan = read_fhir(theirs, owner=OWNER).plan
        goal = Goal(id="new-goal", text="Gå på kino")
        measure = Measure(id="new-measure", what="Støttekontakt", goals=(goal.id,), status=MeasureStatus.IN_PROGRESS)
        changed = put_plan(
            plan.evolve(goals=(*plan.goals, goal), measures=(*plan.measures, measure), title="Min plan"), theirs
        )
        assert changed != theirs
        before = {error.partition(": ")[2] for error in errors(plain, [theirs])}
        assert [error for error in errors(plain, [changed]) if error.partition(": ")[2] not in before] == []

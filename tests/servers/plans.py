"""Plans on the server: stored by somebody else, changed in ways that the tests share, and compared."""

from __future__ import annotations

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.mapping import to_fhir
from ip_fhir.servers import FetchedPlan
from tests.support.fhir_server import FhirServerDouble


def same(one: FetchedPlan, other: FetchedPlan) -> bool:
    """True if plan, bundle and warnings are equal; a comparison in the test itself would show thousands of lines."""
    return (one.plan, one.bundle, one.warnings) == (other.plan, other.bundle, other.warnings)


def put_there(double: FhirServerDouble, plan: IndividualPlan) -> None:
    """Somebody stores a plan with its own ids."""
    for entry in to_fhir(plan)["entry"]:
        double.put(entry["resource"])


def with_title(plan: FetchedPlan, title: str) -> IndividualPlan:
    """The plan with another title."""
    return plan.plan.evolve(title=title)


def with_aunt(stored: FetchedPlan) -> IndividualPlan:
    """The plan with a new person and a goal that she put into words."""
    aunt = stored.plan.related_persons[0].evolve(id="aunt", identifier=None)
    goal = stored.plan.goals[0].evolve(id="goal-new", text="Gå på ski", part_of=None, expressed_by="aunt")
    people = (*stored.plan.related_persons, aunt)
    return stored.plan.evolve(goals=(*stored.plan.goals, goal), related_persons=people)

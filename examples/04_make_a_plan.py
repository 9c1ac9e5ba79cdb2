"""Make a plan in code, change it, and see how what is wrong is refused: with the place, never with what stood there."""

from datetime import UTC, date, datetime

from ip_fhir import IndividualPlan, InvalidInput
from ip_fhir.model import Goal, LifeArea, Measure, Period, PersonId, PersonName, PlanOwner, PlanStatus

number = PersonId.parse("058275 00285")
print("the number shows itself as", repr(number), "from the test register", number.synthetic)

plan = IndividualPlan(
    id="plan-06",
    owner=PlanOwner(id="person-06", name=PersonName(given="Áile", family="Sæbø"), identifier=number),
    created=datetime(2026, 1, 12, 8, 0, tzinfo=UTC),
    period=Period(start=date(2026, 1, 12), end=date(2027, 12, 31)),
    goals=(Goal(id="goal-1", text="Jeg vil synge i kor igjen", areas=(LifeArea.LEISURE,)),),
    measures=(Measure(id="measure-1", what="Følge til korøvelse", goals=("goal-1",)),),
)
active = plan.evolve(status=PlanStatus.ACTIVE, version=2)
print("changed:", active, "from version", plan.version, "to", active.version)

problems: list[str] = []
try:
    plan.evolve(measures=(Measure(id="measure-1", what="Følge", goals=("goal-2",)),))
except InvalidInput as error:
    print("refused:", error)
    problems = [problem.path for problem in error.problems]
assert problems == ["measures.0.goals.0"], "a measure towards a goal that is not there is refused"

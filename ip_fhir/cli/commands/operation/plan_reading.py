"""Plans written and read by a mapper, to see how many of them the fast reader leaves to the lenses."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, PlanOwner, Professional
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping import Mapper
    from ip_fhir.mapping.bundle.reads import Reads

_EXAMPLES = Path(__file__).parents[4] / "examples" / "plans"
"""In a checkout; an installed package has no examples."""


def try_reading(mapper: Mapper) -> Reads:
    """The counts of reading plans that the same tables wrote.

    Raises `InvalidInput` where a plan does not come back, `OSError` where an example cannot be read.
    """
    from ip_fhir.mapping import Mapper

    trial = Mapper(mapper.compiled)  # whose counts are its own
    for plan in _plans():
        trial.from_fhir_json(trial.to_fhir_json(plan))
    return trial.reads


def _plans() -> Iterator[IndividualPlan]:
    """A synthetic plan, and in a checkout the examples."""
    unit = Organization(id="unit", name="Koordinerende enhet", kind=OrganizationKind.COORDINATING_UNIT)
    number = PersonId.parse("05827500285")
    yield IndividualPlan(
        id="plan",
        title="Min plan",
        owner=PlanOwner(id="owner", name=PersonName(given="Áile", family="Prøve"), identifier=number),
        created=datetime(2026, 1, 12, 8, 0, tzinfo=UTC),
        period=Period(start=date(2026, 1, 12), end=date(2027, 12, 31)),
        organizations=(unit,),
        professionals=(Professional(id="nurse", name=PersonName(given="Kari", family="Prøve"), organization=unit.id),),
        goals=(Goal(id="goal", text="Jeg vil synge i kor igjen", areas=(LifeArea.LEISURE,)),),
        measures=(Measure(id="measure", what="Følge til korøvelse", goals=("goal",), responsible="nurse"),),
        coordinating_unit=unit.id,
    )
    for file in sorted(_EXAMPLES.glob("*.json")):
        yield read(IndividualPlan, file.read_bytes())

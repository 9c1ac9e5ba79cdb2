"""The ages at which a person's own word begins to count, and a parent's word ends to count.

Defaults are those of pasient- og brukerrettighetsloven (pbrl), not verified by a lawyer:
§ 4-3 (who has reached 16 consents alone), § 4-4 (before that, the parents), § 3-4 (from 12 to 16 a child may keep
things from the parents).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from ip_fhir.domain.people import PlanOwner

Years = Annotated[int, Field(strict=True, ge=0, le=30)]
"""An age in whole years."""


class ConsentAges(Value):
    """The ages by which `permits` decides whose word counts, in whole years.

    >>> ConsentAges().health_consent, ConsentAges().may_withhold
    (16, 12)
    """

    health_consent: Years = Field(default=16, description="Age from which a person consents alone (pbrl § 4-3).")
    may_withhold: Years = Field(
        default=12, description="Age from which a child may keep things from the parents (pbrl § 3-4)."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.may_withhold > self.health_consent:
            message = "may_withhold is above health_consent"
            raise ValueError(message)
        return self


LAW = ConsentAges()
"""The ages that the law gives."""


def birth_dates(owner: PlanOwner) -> tuple[date, ...]:
    """Returns the birth dates that are known of a person: the stated one, and that in the number if it differs."""
    in_number = owner.identifier.birth_date if owner.identifier is not None else None
    return tuple(dict.fromkeys(day for day in (owner.birth_date, in_number) if day is not None))


def first_day_at(birth: date, years: int) -> date:
    """Returns the day on which somebody becomes `years` old; who is born on 29 February, by 1 March in other years.

    >>> first_day_at(date(2012, 2, 29), 16), first_day_at(date(2012, 2, 29), 15)
    (datetime.date(2028, 2, 29), datetime.date(2027, 3, 1))
    """
    year = min(birth.year + years, date.max.year)
    try:
        return birth.replace(year=year)
    except ValueError:
        return date(year, 3, 1)

"""The options by which a caller says what a Bundle leaves out: the time of creation, the owner, which plan is meant."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.errors import Problem
    from ip_fhir.mapping import Mapper, Reading
    from ip_fhir.ports import JsonObject


@dataclass(frozen=True, slots=True)
class Given:
    """The options `--created`, `--owner` and `--plan`, and `--told-is-error`, as they were typed."""

    created: str | None = None
    owner: str | None = None
    plan: str | None = None
    told_is_error: bool = False

    def read(self, bundle: JsonObject, site: Mapper) -> Reading:
        """Returns the plan in a Bundle with its warnings. Raises `InvalidInput` as `Mapper.read_fhir`."""
        return site.read_fhir(
            bundle,
            created=_moment(self.created),
            owner=None if self.owner is None else read_owner(self.owner, site),
            plan=self.plan,
            told_is_error=self.told_is_error,
        )

    def expect_of(self, plan: IndividualPlan, site: Mapper) -> None:
        """Raises `InvalidInput` if the plan says another owner or another time of creation than the options."""
        if self.created is not None and _moment(self.created) != plan.created:
            raise InvalidInput.at("--created", "is not when the plan says that it was made", "invariant")
        if self.owner is not None and read_owner(self.owner, site) != plan.owner:
            raise InvalidInput.at("--owner", "is not the person whom the plan is about", "invariant")


def tell(name: str, warnings: Iterable[Problem]) -> None:
    """Writes each warning about a file as one line on stderr."""
    sys.stderr.writelines(f"ip-fhir: {name}: warning: {' '.join(str(warning).split())}\n" for warning in warnings)


def _moment(text: str | None) -> datetime | None:
    """The time that `--created` says. A day is its beginning in Norway, as in a CarePlan that gives only the day."""
    from datetime import date, datetime, time

    from ip_fhir.domain.values.calendar import OSLO

    if text is None:
        return None
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), OSLO)
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput.at("--created", "a day (2026-01-31) or a time with its zone (2026-01-31T10:00:00+01:00)")
    return moment


def read_owner(file: str, site: Mapper) -> PlanOwner:
    """Reads the person in a file: a FHIR Patient, or the owner of a plan as JSON. Raises `InvalidInput`."""
    from ip_fhir.cli.files import naming, read_file, read_value
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.values.value import read
    from ip_fhir.fhir.reading import read_json

    content = read_file(file)
    with naming(content.name):
        if b'"resourceType"' not in content.data:
            return read_value(PlanOwner, content)
        patient = read_json(content.data)
        if patient["resourceType"] != "Patient":
            raise InvalidInput.at("resourceType", "is not Patient, and an owner is one", "not-supported")
        return read(PlanOwner, site.lens("Patient").get(patient))

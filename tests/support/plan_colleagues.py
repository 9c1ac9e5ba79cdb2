"""Two coordinators on the holder's store and two clinicians on a participant's: all processes on one plan at once.

Each writes down what the library said it had done, after it had said so. Who is told that somebody was first looks
again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.plan import IndividualPlan, Measure
from ip_fhir.domain.sharing.change import KeptChange, Outcome, PartDecision
from ip_fhir.domain.values.value import Period, Value
from ip_fhir.errors import Conflict, InvalidInput
from ip_fhir.exchange import Exchange
from ip_fhir.settings import read_settings
from tests.support.ring import NINA, OLE, make_plan

PLAN = make_plan().id
SWIM, HOUSE, SCHOOL = (measure.what for measure in make_plan().measures)
MEASURES = (SWIM, SCHOOL)
"""The measure whose `how` each coordinator changes, by the number of the coordinator."""

FIELDS = ("extent", "how", "period", "added")
"""The parts that clinicians ask for, one after the other: proposed, changed by a coordinator too, at once, and new."""

WAITING = (Outcome.PROPOSED, Outcome.CONFLICT)
_FIRST_DAY = date(2026, 1, 1)


class Saved(Value):
    """A version that a coordinator saved."""

    who: int
    version: int
    how: str


class Decided(Value):
    """The decision of a coordinator about the part of a change that waited, and how it had waited."""

    who: int
    change: str
    was: Outcome
    outcome: Outcome


class Asked(Value):
    """The change that a clinician asked for: one part, with a value that nobody else uses."""

    change: str
    field: str
    value: str


def work(config: str, party: str, who: int, times: int, log: str) -> None:
    """Do so many deeds, and end."""
    exchange, deed = open_exchange(read_settings(config)), _coordinate if party == "municipality" else _ask
    done = 0
    with Path(log).open("w", encoding="utf-8", buffering=1) as file:
        while done < times:
            try:
                said = deed(exchange, who, done)
            except (Conflict, InvalidInput):  # somebody was first
                continue
            file.write(f"{said.to_json()}\n")
            done += 1
            time.sleep(0.02)


def value_of(plan: IndividualPlan, field: str, value: str) -> str | None:
    """The value that a plan has where a clinician changes this field; of an added measure, its words if it is there."""
    if field == "added":
        return next((one.what for one in plan.measures if one.what == value), None)
    measure = next(one for one in plan.measures if one.what == (HOUSE if field == "extent" else SWIM))
    found = getattr(measure, field)
    return str(found.start) if isinstance(found, Period) else found


def decide(exchange: Exchange, kept: KeptChange, who: int) -> Decided:
    """Accept what waits of a change, or decline it: the two coordinators never agree."""
    (part,) = (one for one in kept.decisions if one.outcome in WAITING)
    outcome = Outcome.ACCEPTED if who == 0 else Outcome.DECLINED
    exchange.answer_change(kept.change.id, [PartDecision(field=part.field, id=part.id, outcome=outcome)], by=NINA)
    return Decided(who=who, change=kept.change.id, was=part.outcome, outcome=outcome)


def waiting(exchange: Exchange) -> Iterator[KeptChange]:
    """The changes that wait for a coordinator."""
    changes = exchange.plan(PLAN).changes
    return (kept for kept in changes if any(one.outcome in WAITING for one in kept.decisions))


def _coordinate(exchange: Exchange, who: int, number: int) -> Value:
    change = next(waiting(exchange), None)
    if change is not None and number % 2:
        return decide(exchange, change, who)
    plan = exchange.plan(PLAN).plan
    assert plan is not None
    how = f"koordinator {who}: {uuid4()}"
    measures = tuple(one.evolve(how=how) if one.what == MEASURES[who] else one for one in plan.measures)
    after = exchange.save_plan(plan.evolve(measures=measures), by=NINA).plan
    assert after is not None
    return Saved(who=who, version=after.version, how=how)


def _ask(exchange: Exchange, who: int, number: int) -> Value:
    view = exchange.plan(PLAN).copies[0].view
    assert view is not None
    field = FIELDS[number % len(FIELDS)]
    plan, value = _wanted(view.plan, field, str(_FIRST_DAY + timedelta(days=2 * number + who)))
    after = exchange.change_plan(view.evolve(plan=plan), by=OLE)
    return Asked(change=after.changes[-1].change.id, field=field, value=value)


def _wanted(plan: IndividualPlan, field: str, day: str) -> tuple[IndividualPlan, str]:
    words = str(uuid4())
    if field == "added":
        new = Measure(id=str(uuid4()), what=words, goals=(plan.goals[0].id,))
        return plan.evolve(measures=(*plan.measures, new)), words
    value, what = (day if field == "period" else words), (HOUSE if field == "extent" else SWIM)
    given = {field: Period(start=date.fromisoformat(day)) if field == "period" else words}
    return plan.evolve(measures=tuple(one.evolve(**given) if one.what == what else one for one in plan.measures)), value

"""The staff of two municipalities between which persons move with their plans, and of participants who stay.

Who holds a plan works on it and then offers it to the other, which declines now and then, and is asked again. They may
be killed, and go on from what is stored.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.case import HandoverStatus, PlanSide, SharedPlan
from ip_fhir.errors import Conflict, ConsentRefused, InvalidInput, LoopError, StoreError
from ip_fhir.exchange import Exchange
from ip_fhir.settings import read_settings
from tests.support.plan_people import do_next, numbered_plan, out_of_step, plans_of, take_part
from tests.support.ring import NINA, organization

MUNICIPALITIES = ("municipality", "elsewhere")
STAYING = ("hospital", "school")
EVERYBODY = (*MUNICIPALITIES, *STAYING)
VERSIONS_HERE = 2
"""The number of versions that each holder makes before it hands a plan over, and after the last time."""


@dataclass(frozen=True)
class Work:
    """The work of one side: `moves` is how often each of so many `plans` is handed over.

    A line in the file `saved` says which version of which plan was stored, after the library had said so.
    """

    party: str
    pause: float
    plans: int
    moves: int
    saved: str


def work(config: str, **given: object) -> None:
    """Do what a side's people do, until killed. `given` are the fields of `Work`."""
    asked = Work(**given)  # type: ignore[arg-type]
    exchange = open_exchange(read_settings(config))
    while True:
        with suppress(Conflict, StoreError, LoopError, InvalidInput, ConsentRefused):  # somebody was first: look again
            if asked.party in MUNICIPALITIES:
                _coordinate(exchange, asked)
            else:
                take_part(exchange, asked.party, 2 * asked.moves)
        time.sleep(asked.pause)


def moving_plan(number: int) -> IndividualPlan:
    """A plan that names the other municipality too."""
    plan = numbered_plan(number)
    return plan.evolve(organizations=(*plan.organizations, organization("elsewhere")))


def _coordinate(exchange: Exchange, asked: Work) -> None:
    cases = plans_of(exchange, None)  # read once: between two reads a plan may change sides
    held = [case for case in cases if case.side is PlanSide.HOLDER]
    known = [case for case in cases if case.side is PlanSide.PARTICIPANT]
    if asked.party == MUNICIPALITIES[0] and len(cases) < asked.plans:
        exchange.save_plan(moving_plan(len(cases)), by=NINA)
    for case in known:
        _answer(exchange, case)
    told = out_of_step(exchange)
    for case in held:
        with suppress(Conflict, LoopError, InvalidInput):  # this plan has just gone: the others wait for us
            _care_for(exchange, case, told, asked)


def _answer(exchange: Exchange, case: SharedPlan) -> None:
    """Answer an offer of a plan: now and then no, by its id, which is another each time."""
    offer = case.handover
    if offer is not None and offer.offered is not None and offer.status is HandoverStatus.OFFERED:
        exchange.answer_handover(offer.id, accepts=offer.id[0] not in "0123", by=NINA)


def _care_for(exchange: Exchange, case: SharedPlan, told: set[str | None], asked: Work) -> None:
    plan = case.plan
    assert plan is not None
    target = VERSIONS_HERE * case.epoch
    do_next(exchange, case, told, target, STAYING)
    after = exchange.plan(case.id)
    if after.plan is not None and after.plan.version > plan.version:
        _note(Path(asked.saved), f"{case.id} {after.plan.version} {after.plan.measures[0].how}\n")
    waits = case.handover is not None and case.handover.status is HandoverStatus.OFFERED
    if case.epoch <= asked.moves and plan.version >= target and not waits and len(case.shares) >= len(STAYING):
        exchange.hand_over(case.id, next(one for one in MUNICIPALITIES if one != asked.party), by=NINA)


def _note(file: Path, line: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="utf-8") as stream:
        stream.write(line)

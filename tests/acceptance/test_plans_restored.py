"""Sides around plans whose stores are lost and replaced by older backups, while all others are at work and are killed.

Of each four backups two are the holder's. After two of them `ip-fhir db restore` is run at once; it is forgotten after
the other two, and at a participant found out in the end.
`IP_FHIR_PLAN_RESTORES` says how many for each database (4; `make soak ARGS="sharing"`: 40), `IP_FHIR_SEED` begins the
same chance again.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.store import open_store
from tests.support.backups import back_up, put_back
from tests.support.plan_people import PARTICIPANTS
from tests.support.plan_town import PlanTown, open_stores, plans_in, running_plan_town, wrong_with_plans
from tests.support.processes import Running, Zygote, kill_at_random

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

RESTORES = int(os.environ.get("IP_FHIR_PLAN_RESTORES", "4"))
SEED = int(os.environ.get("IP_FHIR_SEED", "20260112"))
HOLDER = "municipality"
PLANS = 2
KEPT_FROM_THE_SCHOOL = ("bolig", "bo for seg selv")


@pytest.mark.sharing_promise(1, 3, 6)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(max(1, RESTORES // 4)))
def test_restored_from_older_backups(
    plan_databases: dict[str, str], zygote: Zygote, tmp_path: Path, number: int
) -> None:
    """In the end each copy is its view, no number went back, no change is there twice, nothing withheld was seen."""
    chance = random.Random(SEED + number)
    other = [chance.choice(PARTICIPANTS) for _ in range(2)]
    losses = [(HOLDER, True), (HOLDER, False), (other[0], True), (other[1], False)]
    chance.shuffle(losses)
    with running_plan_town(tmp_path, plan_databases, zygote, PLANS, versions=100_000, asks=1_000) as town:
        _until_all_share(town)
        with town.time_passing():
            highest = max(_lose(town, zygote, chance, *loss) for loss in losses)
            kill_at_random(town, 2, chance)
            _until_all_change(town)
        town.wind_down()
        _tell(town, zygote, chance, other[1])
        town.finish(300)
    assert wrong_with_plans(plan_databases, {side for side, _ in losses}) == []
    assert _highest(plan_databases) >= highest
    _assert_withheld(plan_databases)


def _until_all_share(town: PlanTown) -> None:
    """Wait until every participant has a copy of every plan."""
    deadline = time.monotonic() + 60
    with open_stores(town.databases) as stores:
        while any(len(plans_in(stores[side], PlanSide.PARTICIPANT)) < PLANS for side in PARTICIPANTS):
            assert time.monotonic() < deadline, "the sides do not get on; see the logs"
            time.sleep(0.05)


def _until_all_change(town: PlanTown) -> None:
    """Wait until the coordinator has changed every plan again: by numbers alone, only the next view tells anything."""
    deadline = time.monotonic() + 60
    with closing(open_store(town.databases[HOLDER])) as store:
        before = {plan.id: plan.plan.version for plan in plans_in(store, PlanSide.HOLDER) if plan.plan is not None}
        while any(
            plan.plan is None or plan.plan.version <= before[plan.id] for plan in plans_in(store, PlanSide.HOLDER)
        ):
            assert time.monotonic() < deadline, "the coordinator does not get on; see the logs"
            time.sleep(0.05)


def _lose(town: PlanTown, zygote: Zygote, chance: random.Random, side: str, told: bool) -> int:
    """Replace the store of a side by a backup that it has gone on from; return the highest number held before."""
    backup = town.place / f"{side}-{chance.random()}.backup"
    back_up(town.databases[side], backup)
    before = _records(town.databases[side])
    kill_at_random(town, chance.randint(1, 3), chance)
    while _records(town.databases[side]) < before + 10:  # what the backup does not have
        time.sleep(0.02)
    town.stop(side)
    highest = _highest(town.databases)
    put_back(town.databases[side], backup)
    if told:
        _tell(town, zygote, chance, side)
    town.start(side)
    return highest


def _tell(town: PlanTown, zygote: Zygote, chance: random.Random, side: str) -> None:
    """Run `db restore`, which may be killed before it ends, and is run again then."""
    command = Running(zygote, "restore", town.configs[side], town.place / "restore.log", {"by": "nina01 Nina"})
    command.start()
    if chance.random() < 0.5:
        time.sleep(chance.uniform(0.0, 0.1))
        assert command.kill() in (0, -signal.SIGKILL)
        command.start()
    assert command.pid is not None
    assert zygote.code(command.pid, hang=True) == 0, command.log.read_text(encoding="utf-8")


def _records(database: str) -> int:
    with closing(open_store(database)) as store:
        return store.head().number


def _highest(databases: dict[str, str]) -> int:
    """The highest number of a view that a participant holds."""
    with open_stores(databases) as stores:
        held = [plan for side in PARTICIPANTS for plan in plans_in(stores[side], PlanSide.PARTICIPANT)]
    return max(copy.number for plan in held for copy in plan.copies)


def _assert_withheld(databases: dict[str, str]) -> None:
    """Nothing of an area that is closed to the school has ever been sent to it, or is there."""
    with open_stores(databases) as stores:
        sent = [row.content or b"" for row in stores[HOLDER].outbox(None, 1_000_000) if row.peer == "school"]
        there = [plan.to_json().encode() for plan in plans_in(stores["school"], PlanSide.PARTICIPANT)]
    assert sent
    for content in (*sent, *there):
        assert not any(word.encode() in content for word in KEPT_FROM_THE_SCHOOL)

"""Two processes on one store change one plan at the same time, at the holder and at a participant, over real HTTP.

`IP_FHIR_PLAN_DEEDS` says how much each of the four does, for each database (12; `make soak ARGS="sharing"`: 150).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.merge import difference
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.change import KeptChange, Outcome
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.value import Value, read
from ip_fhir.errors import Conflict
from ip_fhir.settings import read_settings
from ip_fhir.store import SqlStore, open_store
from tests.support.plan_colleagues import MEASURES, PLAN, Asked, Decided, Saved, decide, value_of, waiting
from tests.support.plan_town import PlanTown
from tests.support.processes import Running, Zygote
from tests.support.ring import NINA, make_plan

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

DEEDS = int(os.environ.get("IP_FHIR_PLAN_DEEDS", "12"))
SIDES = ("municipality", "hospital")
_TOOK_EFFECT = (Outcome.DONE, Outcome.ACCEPTED)
_FIRST_TIME = ("done", "waits")
"""The findings about a change that has come; that it came again decides nothing."""

T = TypeVar("T", bound=Value)
Seen = TypeVar("Seen")


@dataclass
class Log:
    """All that the four were told they had done."""

    saved: list[Saved]
    decided: list[Decided]
    asked: list[Asked]


@pytest.mark.sharing_promise(1, 3, 4)
@pytest.mark.timeout(300 + 10 * DEEDS)
def test_two_processes_on_each_side_change_one_plan(
    plan_databases: dict[str, str], zygote: Zygote, tmp_path: Path
) -> None:
    """No change is lost or applied twice, each is decided once, and a conflict is one by the two versions alone."""
    town = PlanTown(tmp_path, plan_databases, zygote, plans=1)
    with ExitStack() as clean:
        for server in town.servers.values():
            server.start()
            clean.callback(server.kill_if_running)
        town.until_they_answer()
        clean.enter_context(town.time_passing())  # what could not be sent is tried again
        _share(town)
        log = _all_at_once(town, zygote)
        log.decided += _decide_the_rest(town, log)
        _until_it_rests(town)
    with (
        closing(open_store(plan_databases["municipality"])) as here,
        closing(open_store(plan_databases["hospital"])) as there,
    ):
        for store in (here, there):
            assert store.verify() == ()
        _assert_no_change_is_lost(here, log)
        _assert_decided_by_the_table(here, log)
        _assert_answered(here, there, log)


def _share(town: PlanTown) -> None:
    with closing(open_exchange(read_settings(town.configs["municipality"]))) as holder:
        holder.save_plan(make_plan(), by=NINA)
        holder.share(PLAN, "hospital", by=NINA)
    with closing(open_store(town.databases["hospital"])) as store:
        _until(lambda: store.shared_plan(PLAN) is not None)


def _all_at_once(town: PlanTown, zygote: Zygote) -> Log:
    """Let all four begin, and wait until each has done all; nobody is killed."""
    at_work = {
        (side, who): Running(
            zygote,
            "plan_colleagues",
            town.configs[side],
            town.place / f"{side}-{who}.log",
            {"party": side, "who": who, "times": DEEDS, "log": str(town.place / f"{side}-{who}.jsonl")},
        )
        for side in SIDES
        for who in (0, 1)
    }
    with ExitStack() as clean:
        for one in at_work.values():
            one.start()
            clean.callback(one.kill_if_running)
        for one in at_work.values():
            assert one.pid is not None
            code = _until(partial(zygote.code, one.pid, hang=False), lambda code: code is not None)
            one.pid = None
            assert code == 0, one.log.read_text(encoding="utf-8")
    by_coordinators = [line for who in (0, 1) for line in _lines(town.place / f"municipality-{who}.jsonl")]
    by_clinicians = [line for who in (0, 1) for line in _lines(town.place / f"hospital-{who}.jsonl")]
    return Log(
        [read(Saved, line) for line in by_coordinators if "version" in line],
        [read(Decided, line) for line in by_coordinators if "version" not in line],
        [read(Asked, line) for line in by_clinicians],
    )


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def _decide_the_rest(town: PlanTown, log: Log) -> Iterator[Decided]:
    """Wait until all has come to the holder, and decide what the coordinators have left."""
    with closing(open_exchange(read_settings(town.configs["municipality"]))) as holder:
        _until(lambda: len(holder.plan(PLAN).changes) == len(log.asked))
        while (kept := next(waiting(holder), None)) is not None:
            with suppress(Conflict):  # a receipt came meanwhile: look again
                yield decide(holder, kept, 0)


def _until_it_rests(town: PlanTown) -> None:
    stores = [open_store(town.databases[side]) for side in SIDES]
    try:
        _until(lambda: not any(store.outbox("waiting", 1) for store in stores))
    finally:
        for store in stores:
            store.close()


def _until(look: Callable[[], Seen], holds: Callable[[Seen], bool] = bool) -> Seen:
    """Look again and again until it holds; return what was seen then."""
    end = time.monotonic() + 240 + 8 * DEEDS
    while not holds(seen := look()):
        assert time.monotonic() < end, "it does not get on; see the logs"
        time.sleep(0.05)
    return seen


def _versions(store: SqlStore) -> dict[int, IndividualPlan]:
    saved = store.plan_versions(PLAN, 100_000)
    found = {one.version: store.plan_version(PLAN, one.version) for one in saved}
    return {number: one.plan for number, one in found.items() if one is not None}


def _assert_no_change_is_lost(store: SqlStore, log: Log) -> None:
    """Each version differs from the one before by one deed alone, and each deed that took effect is one version's."""
    versions = _versions(store)
    assert sorted(versions) == list(range(1, len(versions) + 1))
    saved = {one.version: one for one in log.saved}
    assert len(saved) == len(log.saved), "each version is one coordinator's"
    asked, seen = {one.value: one for one in log.asked}, Counter[str]()
    for number in range(2, len(versions) + 1):
        differs = [
            one for one in difference(versions[number - 1], versions[number]) if one.field not in ("version", "updated")
        ]
        assert len(differs) == 1, "nothing else was overwritten"
        if number in saved:
            by = saved[number]
            (measure,) = (one for one in versions[number].measures if one.how == by.how)
            assert (differs[0].field, measure.what) == ("measures.how", MEASURES[by.who])
            continue
        (value,) = {
            one.value
            for one in log.asked
            if value_of(versions[number], one.field, one.value) == one.value
            and value_of(versions[number - 1], one.field, one.value) != one.value
        }
        seen[asked[value].change] += 1
    assert seen == Counter(one.change.id for one in _changes(store) if one.decisions[0].outcome in _TOOK_EFFECT)


def _assert_decided_by_the_table(store: SqlStore, log: Log) -> None:
    """Base and present value the same: at once or proposed. Else a conflict, which one coordinator decided, once."""
    versions, decided = _versions(store), {one.change: one for one in log.decided}
    assert len(decided) == len(log.decided), "each is decided once"
    came = {
        one.record["about"]: one.record["version"]
        for one in store.records(Aggregate.of_plan(PLAN))
        if one.record["kind"] == "change" and one.record.get("note", "").partition(":")[0] in _FIRST_TIME
    }
    for asked, kept in _asked(store, log):
        (part,) = kept.decisions
        first = decided[kept.change.id].was if kept.change.id in decided else part.outcome
        at = versions[came[kept.change.id] - (first is Outcome.DONE)]
        with store.begin() as tx:
            made = tx.view_made(kept.change.share, kept.change.base)
        assert made is not None
        same = value_of(versions[made.version], asked.field, asked.value) == value_of(at, asked.field, asked.value)
        at_once = Outcome.DONE if asked.field == "period" else Outcome.PROPOSED
        assert first is (at_once if same else Outcome.CONFLICT)
        if kept.change.id in decided:
            assert part.outcome is decided[kept.change.id].outcome


def _assert_answered(here: SqlStore, there: SqlStore, log: Log) -> None:
    """What was asked is what the holder has, answered as it was decided; the copy is the view."""
    holder, hospital = here.shared_plan(PLAN), there.shared_plan(PLAN)
    assert holder is not None
    assert hospital is not None
    assert holder.plan.plan is not None
    decided = {one.change.id: (one.status, one.decisions) for one in holder.plan.changes}
    assert {one.change.id: (one.status, one.decisions) for one in hospital.plan.changes} == decided
    assert sorted(decided) == sorted(one.change for one in log.asked)
    (share,) = holder.plan.shares
    (copy,) = hospital.plan.copies
    assert copy.view == see(holder.plan.plan, share, share.made_on or local_day(holder.plan.changed))


def _changes(store: SqlStore) -> tuple[KeptChange, ...]:
    stored = store.shared_plan(PLAN)
    assert stored is not None
    return stored.plan.changes


def _asked(store: SqlStore, log: Log) -> Iterator[tuple[Asked, KeptChange]]:
    asked = {one.change: one for one in log.asked}
    for kept in _changes(store):
        yield asked[kept.change.id], kept

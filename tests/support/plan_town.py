"""Four sides around plans as real processes that may be killed at any moment, and what must hold when they rest."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ip_fhir.demo.place import free_ports
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.ports import Store
from ip_fhir.store import open_store
from tests.support.plan_people import PARTICIPANTS, VERSIONS
from tests.support.processes import Running, Timekeeper, Zygote, toml
from tests.support.ring import organization

SIDES = ("municipality", *PARTICIPANTS)


class PlanTown(Timekeeper):
    """A folder with settings, clock and logs: each side with an endpoint with its worker, and people at work."""

    def __init__(self, place: Path, databases: dict[str, str], zygote: Zygote, plans: int) -> None:
        super().__init__(place, dict(zip(SIDES, free_ports(len(SIDES)), strict=True)))
        self.databases, self.plans = databases, plans
        configs = {side: self._write(side) for side in SIDES}
        self.servers = {side: Running(zygote, "serve", configs[side], place / f"serve-{side}.log") for side in SIDES}
        self.people = {
            side: Running(
                zygote,
                "plan_people",
                configs[side],
                place / f"people-{side}.log",
                {"party": side, "pause": 0.02, "until": plans},
            )
            for side in SIDES
        }

    @property
    def everybody(self) -> list[Running]:
        """All processes."""
        return [*self.servers.values(), *self.people.values()]

    def _write(self, side: str) -> Path:
        others = [other for other in SIDES if other != side]
        retry = {"first": 1.0, "cap": 30.0, "attempts": 1000}
        data = {
            "database": self.databases[side],
            "organization": _numbered(side),
            "http": {"port": self.ports[side]},
            "clock": {"file": "clock"},
            "worker": {"rest": 0.02, "lease": 60.0, "batch": 4, "retry": retry},
            "agreements": [{"parties": [_party(side), _party(other)], "content_level": "plan"} for other in others],
            "peers": [
                {
                    "name": other,
                    "url": f"http://127.0.0.1:{self.ports[other]}",
                    "timeout": 10.0,
                    "token": f"what-{side}-shows",
                    "accepts": [f"what-{other}-shows"],
                    "organization": _numbered(other),
                }
                for other in others
            ],
        }
        file = self.place / f"{side}.toml"
        file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in data.items()), encoding="utf-8")
        return file

    def finish(self, seconds: float) -> None:
        """Wait until all plans are made, every change is decided, and nothing waits; then end all."""
        deadline = time.monotonic() + seconds
        stores = {side: open_store(self.databases[side]) for side in SIDES}
        try:
            while not self._rests(stores):
                assert time.monotonic() < deadline, "the sides do not come to rest; see the logs"
                self.forward(60)
                time.sleep(0.3)
        finally:
            for store in stores.values():
                store.close()
        for one in self.everybody:
            if one.pid is not None:
                one.end(signal.SIGTERM)

    def _rests(self, stores: Mapping[str, Store]) -> bool:
        if any(store.outbox("waiting", 1) or store.outbox("awaiting", 1) for store in stores.values()):
            return False
        plans = _plans(stores["municipality"], PlanSide.HOLDER)
        return len(plans) >= self.plans and all(_is_done(plan) for plan in plans)


def _is_done(case: SharedPlan) -> bool:
    """True if all have a share, have asked and been answered, and the coordinator has changed it often enough."""
    asked = {kept.change.share for kept in case.changes if kept.status not in _OPEN}
    return len(asked) == len(PARTICIPANTS) and case.plan is not None and case.plan.version >= VERSIONS


_OPEN = (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT, ChangeStatus.SENT)


@contextmanager
def running_plan_town(place: Path, databases: dict[str, str], zygote: Zygote, plans: int) -> Iterator[PlanTown]:
    """Everybody at work, on so many plans; killed in the end."""
    town = PlanTown(place, databases, zygote, plans)
    with ExitStack() as clean:
        for one in town.everybody:
            one.start()
            clean.callback(one.kill_if_running)
        town.until_they_answer()
        yield town


def wrong_with_plans(databases: dict[str, str]) -> list[str]:
    """Everything that is not as it must be when all have come to rest: read from the stores alone."""
    stores = {side: open_store(url) for side, url in databases.items()}
    try:
        problems = [f"{side} chain: {found}" for side, store in stores.items() for found in store.verify()]
        for side, store in stores.items():
            left = (row for row in store.outbox(None, 1_000_000) if row.status in ("waiting", "awaiting", "parked"))
            problems += [f"{side}: {row.id} is {row.status}: {row.last_error}" for row in left]
        theirs = {side: {p.id: p for p in _plans(stores[side], PlanSide.PARTICIPANT)} for side in PARTICIPANTS}
        for case in _plans(stores["municipality"], PlanSide.HOLDER):
            problems += [f"{case.id}: {problem}" for problem in _wrong(case, theirs)]
    finally:
        for store in stores.values():
            store.close()
    return problems


def _wrong(case: SharedPlan, theirs: dict[str, dict[str, SharedPlan]]) -> Iterator[str]:
    plan = case.plan
    assert plan is not None
    for share in case.shares:
        other = theirs[share.party].get(case.id)
        copy = other.copy_of(share.id) if other is not None else None
        on = share.made_on or local_day(case.changed)
        if other is None or copy is None or copy.view != see(plan, share, on):
            yield f"the copy of {share.party} is not its view"
        elif {kept.change.id: kept.status for kept in other.changes} != {
            kept.change.id: kept.status for kept in case.changes if kept.change.share == share.id
        }:
            yield f"the changes of {share.party} are not answered as they were decided"
    if len({kept.change.id for kept in case.changes}) != len(case.changes):
        yield "a change is there twice"


def _plans(store: Store, side: PlanSide) -> list[SharedPlan]:
    return store.plans(side, 1_000_000)  # type: ignore[attr-defined, no-any-return]


def _numbered(side: str) -> dict[str, object]:
    return organization(side).to_data()


def _party(side: str) -> dict[str, object]:
    return {"her_id": str(organization(side).her_id)}

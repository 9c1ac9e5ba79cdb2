"""Four sides around plans as real processes that may be killed at any moment, and what must hold when they rest."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypeVar

from ip_fhir.demo.place import free_ports
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.ports import OutboxRow, Store
from ip_fhir.store import open_store
from tests.support.plan_people import OPEN, PARTICIPANTS, VERSIONS
from tests.support.processes import Running, Timekeeper, Zygote, toml
from tests.support.ring import organization

SIDES = ("municipality", *PARTICIPANTS)

Town = TypeVar("Town", bound="PlanTown")

_ROUNDS_OF_A_DAY = 25
"""Looks at a town that comes to rest before a day passes: what a backup lacks is asked for again after days."""


class PlanTown(Timekeeper):
    """A folder with settings, clock and logs: each side with an endpoint with its worker, and people at work.

    The sides are those that have a database.
    """

    staff = "plan_people"

    def __init__(
        self,
        place: Path,
        databases: dict[str, str],
        zygote: Zygote,
        plans: int,
        versions: int = VERSIONS,
        asks: int = 1,
    ) -> None:
        super().__init__(place, dict(zip(databases, free_ports(len(databases)), strict=True)))
        self.databases, self.plans, self.versions, self.asks = databases, plans, versions, asks
        self.configs = configs = {side: self._write(side) for side in databases}
        self.servers = {
            side: Running(zygote, "serve", configs[side], place / f"serve-{side}.log") for side in databases
        }
        self.people = {
            side: Running(
                zygote,
                self.staff,
                configs[side],
                place / f"people-{side}.log",
                {"party": side, "pause": 0.02, "until": plans, "versions": versions, "asks": asks},
            )
            for side in databases
        }

    @property
    def everybody(self) -> list[Running]:
        """All processes."""
        return [*self.servers.values(), *self.people.values()]

    def wind_down(self) -> None:
        """Let all people begin nothing new; what has begun goes on."""
        self.versions = self.asks = 0
        for one in self.people.values():
            one.kill_if_running()
            one.more |= {"versions": 0, "asks": 0}
            one.start()

    def stop(self, side: str) -> None:
        """Kill all that runs at a side."""
        for one in (self.servers[side], self.people[side]):
            one.kill_if_running()

    def start(self, side: str) -> None:
        """Start a side again."""
        for one in (self.servers[side], self.people[side]):
            one.start()

    def _write(self, side: str) -> Path:
        others = [other for other in self.databases if other != side]
        retry = {"first": 1.0, "cap": 30.0, "attempts": 1000}
        # Machines ask faster than others decide; a change too many would be refused, as it should.
        terms = {"content_level": "plan", "sharing": {"undecided_changes": 1000}}
        data = {
            "database": self.databases[side],
            "organization": _numbered(side),
            "http": {"port": self.ports[side]},
            "clock": {"file": "clock"},
            "worker": {"rest": 0.02, "lease": 60.0, "batch": 4, "retry": retry},
            "agreements": [{"parties": [_party(side), _party(other)], **terms} for other in others],
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
        with open_stores(self.databases) as stores:
            rounds = 0
            while (restless := next(self.restless(stores), None)) is not None:
                assert time.monotonic() < deadline, f"the sides do not come to rest; see the logs: {restless}"
                rounds += 1
                self.forward(60 if rounds % _ROUNDS_OF_A_DAY else 86_400)
                time.sleep(0.3)
        for one in self.everybody:
            if one.pid is not None:
                one.end(signal.SIGTERM)

    def restless(self, stores: Mapping[str, Store]) -> Iterator[str]:
        """All that is not done yet, or waits."""
        yield from under_way(stores)
        for plan in (plan for side in PARTICIPANTS for plan in plans_in(stores[side], PlanSide.PARTICIPANT)):
            if len(plan.changes) < self.asks or any(kept.status in OPEN for kept in plan.changes):
                yield f"{plan.id}: {statuses(plan)}, by a participant"
        plans = plans_in(stores["municipality"], PlanSide.HOLDER)
        if len(plans) < self.plans:
            yield f"there are {len(plans)} plans"
        yield from (f"{plan.id} is not done" for plan in plans if not self._is_done(plan))

    def _is_done(self, case: SharedPlan) -> bool:
        """True if all have a share that is in step, the plan was changed often enough, and no change waits.

        With a backup one may wait again of which its author has heard before.
        """
        shared = {share.party for share in case.shares if share.in_step}
        waits = any(kept.status in OPEN for kept in case.changes)
        is_whole = len(shared) == len(PARTICIPANTS) and not waits
        return is_whole and case.plan is not None and case.plan.version >= self.versions


def under_way(stores: Mapping[str, Store]) -> Iterator[str]:
    """Say for each side which row of its outbox has not ended."""
    for side, store in stores.items():
        for row in (*store.outbox("waiting", 1), *store.outbox("awaiting", 1)):
            yield f"{side}: {words_of(row)}"


def words_of(row: OutboxRow) -> str:
    """Return how a row of an outbox stands."""
    what = row.effect.plan_message or row.effect.kind
    return f"{what} {row.id} about {row.correlation_id} to {row.peer} is {row.status}: {row.last_error}"


def statuses(plan: SharedPlan) -> str:
    """Return how all changes stand that one side knows of a plan."""
    return ", ".join(kept.status for kept in plan.changes) or "no change"


@contextmanager
def running_plan_town(
    place: Path, databases: dict[str, str], zygote: Zygote, plans: int, **more: int
) -> Iterator[PlanTown]:
    """Everybody at work, on so many plans; killed in the end. `more` is for `PlanTown`."""
    with running(PlanTown(place, databases, zygote, plans, **more)) as town:
        yield town


@contextmanager
def running(town: Town) -> Iterator[Town]:
    """Everybody of a town at work; killed in the end."""
    with ExitStack() as clean:
        for one in town.everybody:
            one.start()
            clean.callback(one.kill_if_running)
        town.until_they_answer()
        yield town


def wrong_with_plans(databases: dict[str, str], restored: Collection[str] = ()) -> list[str]:
    """Everything that is not as it must be when all have come to rest: read from the stores alone.

    A side that was `restored` from a backup may have forgotten changes, and a message about one is refused for good.
    """
    with open_stores(databases) as stores:
        problems = [f"{side} chain: {found}" for side, store in stores.items() for found in store.verify()]
        for side, store in stores.items():
            left = (row for row in store.outbox(None, 1_000_000) if row.status in ("waiting", "awaiting", "parked"))
            problems += [
                f"{side}: {words_of(row)}"
                for row in left
                if row.status != "parked" or not restored or row.effect.plan_message not in _OF_CHANGES
            ]
        theirs = {side: {p.id: p for p in plans_in(stores[side], PlanSide.PARTICIPANT)} for side in PARTICIPANTS}
        for case in plans_in(stores["municipality"], PlanSide.HOLDER):
            problems += [f"{case.id}: {problem}" for problem in _wrong(case, theirs, restored)]
    return problems


@contextmanager
def open_stores(databases: Mapping[str, str]) -> Iterator[dict[str, Store]]:
    """The stores of all sides."""
    with ExitStack() as clean:
        yield {side: clean.enter_context(closing(open_store(url))) for side, url in databases.items()}


_OF_CHANGES = (PlanMessageKind.PLAN_CHANGE, PlanMessageKind.PLAN_CHANGE_ANSWER)


def _wrong(case: SharedPlan, theirs: dict[str, dict[str, SharedPlan]], restored: Collection[str]) -> Iterator[str]:
    plan = case.plan
    assert plan is not None
    for share in case.shares:
        other = theirs[share.party].get(case.id)
        copy = other.copy_of(share.id) if other is not None else None
        on = share.made_on or local_day(case.changed)
        if other is None or copy is None or copy.view != see(plan, share, on):
            yield f"the copy of {share.party} is not its view"
            continue
        if not (copy.number == share.number == share.acknowledged):
            yield f"{share.party} holds number {copy.number} of {share.number}"
        decided = {kept.change.id: kept.status for kept in case.changes if kept.change.share == share.id}
        heard = {kept.change.id: kept.status for kept in other.changes}
        both = decided.keys() & heard.keys()
        for ident in both:
            if decided[ident] != heard[ident]:
                yield f"change {ident} of {share.party} was answered as {heard[ident]}, and is {decided[ident]}"
        if (heard.keys() - both and "municipality" not in restored) or (
            decided.keys() - both and share.party not in restored
        ):
            yield f"a change of {share.party} is lost"
    if len({kept.change.id for kept in case.changes}) != len(case.changes):
        yield "a change is there twice"
    words = [said for measure in plan.measures for said in (measure.what, measure.extent) if said is not None]
    if len(set(words)) != len(words):
        yield "a change took effect twice"


def plans_in(store: Store, side: PlanSide | None) -> list[SharedPlan]:
    """All plans in which a side has this part, or any."""
    return store.plans(side, 1_000_000)  # type: ignore[attr-defined, no-any-return]


def _numbered(side: str) -> dict[str, object]:
    return organization(side).to_data()


def _party(side: str) -> dict[str, object]:
    return {"her_id": str(organization(side).her_id)}

"""The parties around one plan, each with a settings file beside its store, so that commands work on what they have."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ip_fhir.demo.place import SimulatedClock
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.values.value import Value
from ip_fhir.ports import Store
from ip_fhir.store import open_store
from tests.cli.conftest import Run
from tests.support.ring import PARTIES, Ring, make_plan, make_ring, organization

BY = ("--by", "nina01 Nina Koordinatortest")
PLAN = "plan-of-the-ring"


@dataclass(frozen=True)
class Around:
    """The parties, and the folder of their settings files."""

    ring: Ring
    place: Path

    def __getitem__(self, party: str) -> Path:
        return self.place / f"{party}.toml"

    def write(self, value: Value, name: str = "plan.json") -> Path:
        """Writes a plan or view into a file."""
        file = self.place / name
        file.write_text(value.to_json(), encoding="utf-8")
        return file

    def settle(self) -> None:
        """Lets all parties send and take in until none has anything to do."""
        self.ring.settle()
        self.keep_time()

    def keep_time(self) -> None:
        """Gives the commands the time of the parties."""
        SimulatedClock(self.place / "clock").set(self.ring.clock.at)

    def current(self) -> IndividualPlan:
        """The newest version of the plan at the holder."""
        plan = self.ring.plan(PARTIES[0])
        assert plan is not None
        assert plan.plan is not None
        return plan.plan

    def share(self, party: str) -> Share:
        """The holder's share with a party."""
        plan = self.ring.plan(PARTIES[0])
        assert plan is not None
        return next(share for share in plan.shares if share.party == party)


@pytest.fixture
def around(tmp_path: Path, empty_store: Path) -> Iterator[Around]:
    """Five parties; each has an agreement with each other one."""

    def copied(party: str) -> Store:
        file = shutil.copy(empty_store, tmp_path / f"{party}.sqlite")
        return open_store(f"sqlite:///{file}")

    made = Around(make_ring(tmp_path, open_=copied), tmp_path)
    made.keep_time()
    for party in PARTIES:
        token = tmp_path / f"{party}.token"
        token.write_text(f"token-of-{party}-that-opens-nothing", encoding="ascii")
        token.chmod(0o600)
        made[party].write_text(_settings(tmp_path, party), encoding="utf-8")
    yield made
    made.ring.close()


@pytest.fixture
def saved(around: Around, run: Run) -> Around:
    """The parties after the municipality has saved the plan."""
    ran = run("plan", "save", around.write(make_plan()), "--config", around["municipality"], *BY)
    assert (ran.code, ran.err) == (0, "")
    return around


@pytest.fixture
def shared(saved: Around, run: Run) -> Around:
    """The parties after the plan was shared with hospital and school, and both have it."""
    for party in ("hospital", "school"):
        ran = run("plan", "share", PLAN, party, "--yes", "--config", saved["municipality"], *BY)
        assert (ran.code, ran.err) == (0, "")
    saved.settle()
    return saved


def _settings(place: Path, party: str) -> str:
    """The settings of a party: no role in the loop, the others as peers, an agreement on the whole plan with each."""
    others = [other for other in PARTIES if other != party]
    database = json.dumps(f"sqlite:///{place / party}.sqlite")
    ours = f'database = {database}\nclock = {{ file = "clock" }}\n\n{_organization(party)}'
    return "\n".join(
        [ours, *(_agreement(party, other) for other in others), *(_peer(party, other) for other in others)]
    )


def _agreement(party: str, other: str) -> str:
    numbers = ", ".join(f'{{ her_id = "{organization(name).her_id}" }}' for name in (party, other))
    return f'[[agreements]]\nparties = [{numbers}]\ncontent_level = "plan"\n'


def _peer(party: str, other: str) -> str:
    tokens = f'token = {{ file = "{party}.token" }}\naccepts = [{{ file = "{other}.token" }}]'
    return (
        f'[[peers]]\nname = "{other}"\nurl = "http://127.0.0.1:1/{other}"\n{tokens}\n{_organization(other, "peers.")}'
    )


def _organization(party: str, above: str = "") -> str:
    facts = "\n".join(f"{key} = {json.dumps(value)}" for key, value in organization(party).to_data().items())
    return f"[{above}organization]\n{facts}\n"

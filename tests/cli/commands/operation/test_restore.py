"""`db restore`: after a backup was put back, nothing goes out before each participant has said what it holds."""

import shutil
from dataclasses import replace

import pytest

from ip_fhir.domain.plan import Measure
from ip_fhir.exchange import Exchange
from ip_fhir.store import open_store
from tests.cli.commands.conftest import BY, PLAN, Around
from tests.cli.conftest import Run

NEW = Measure(id="measure-4", what="Skole på sykehuset", goals=("goal-1",))
OTHER = Measure(id="measure-5", what="Leksehjelp", goals=("goal-1",))


def saved_with(run: Run, around: Around, measure: Measure) -> None:
    """The plan with one more measure, which both participants may see."""
    plan = around.current()
    file = around.write(plan.evolve(measures=(*plan.measures, measure)))
    assert run("plan", "save", file, "--yes", "--config", around["municipality"], *BY).code == 0


def backed_up_before_the_last_view(run: Run, shared: Around, party: str) -> None:
    """A party puts a backup back that does not know the last view that the municipality sent."""
    file, backup = shared.place / f"{party}.sqlite", shared.place / "backup.sqlite"
    assert run("db", "backup", backup, "--config", shared[party]).code == 0
    saved_with(run, shared, NEW)
    shared.settle()
    side = shared.ring[party]
    side.close()
    for beside in shared.place.glob(f"{party}.sqlite-*"):
        beside.unlink()
    shutil.copy(backup, file)
    restored = replace(side._context, store=open_store(f"sqlite:///{file}"))
    shared.ring.network.sides[party] = Exchange(restored)


@pytest.fixture
def put_back(run: Run, shared: Around) -> Around:
    """The parties after the municipality put a backup back that does not know the last view that it sent."""
    backed_up_before_the_last_view(run, shared, "municipality")
    return shared


def test_a_restored_holder_asks_first(run: Run, put_back: Around) -> None:
    """Promise 6: what is saved meanwhile waits until each has said what it holds, and a person has looked."""
    ran = run("db", "restore", "--config", put_back["municipality"], *BY, "--json")
    assert ran.data == {"plans": {"holder": 1}, "asked": {"hospital": 1, "school": 1}, "without": 0}
    saved_with(run, put_back, OTHER)
    put_back.ring.network.sent.clear()
    put_back.settle()
    sent = b"".join(content for sender, _to, content in put_back.ring.network.sent if sender == "municipality")
    assert b"Leksehjelp" not in sent
    shown = run("plan", "shares", PLAN, "--config", put_back["municipality"], "--lang", "nb")
    assert shown.text.count("ute av takt") == 2
    for party in ("hospital", "school"):
        assert run("plan", "share", PLAN, party, "--yes", "--config", put_back["municipality"], *BY).code == 0
    put_back.settle()
    view = put_back.ring.copy("hospital", put_back.share("hospital").id)
    assert view is not None
    assert view.number == 3
    assert [one.what for one in view.plan.measures][-1] == "Leksehjelp"


def test_who_cannot_be_asked_is_decided_by_a_person(run: Run, put_back: Around) -> None:
    """`--without` a party: its share goes on at once; an unknown party is refused before anything is marked."""
    wrong = run("db", "restore", "--without", "nobody", "--config", put_back["municipality"], *BY)
    assert (wrong.code, wrong.out) == (2, b"")
    ran = run("db", "restore", "--without", "school", "--config", put_back["municipality"], *BY)
    assert ran.code == 0, ran.err
    assert "1 shares go on without an answer" in ran.text
    assert put_back.share("school").in_step
    assert not put_back.share("hospital").in_step


def test_a_restored_participant_says_what_it_holds(run: Run, shared: Around) -> None:
    """It tells the holder its number; what it holds is the newest, and nothing changes."""
    ran = run("db", "restore", "--config", shared["hospital"], *BY, "--json")
    assert ran.data == {"plans": {"participant": 1}, "asked": {}, "without": 0}
    shared.settle()
    assert shared.share("hospital").in_step


def test_a_participant_with_an_older_backup_gets_the_newest(run: Run, shared: Around) -> None:
    """It says that it holds an older number: the view that it has forgotten comes again, unchanged."""
    backed_up_before_the_last_view(run, shared, "hospital")
    share = shared.share("hospital")
    old = shared.ring.copy("hospital", share.id)
    assert old is not None
    assert (old.number, share.number) == (1, 2)
    assert run("db", "restore", "--config", shared["hospital"], *BY).code == 0
    shared.settle()
    view = shared.ring.copy("hospital", share.id)
    assert view is not None
    assert (view.number, view.digest()) == (share.number, share.digest)
    assert shared.share("hospital") == share, "nothing is new for the holder"
    assert shared.ring["hospital"].store.verify() == ()

"""`db restore`: after a backup was put back, nothing goes out before each participant has said what it holds."""

import shutil

from ip_fhir.domain.plan import Measure
from tests.cli.commands.conftest import BY, PLAN, Around
from tests.cli.conftest import Run

NEW = Measure(id="measure-4", what="Skole på sykehuset", goals=("goal-1",))


def test_a_restored_holder_asks_first(run: Run, shared: Around) -> None:
    """A view was sent that the backup does not know: the hospital is asked, and a person is shown that it is ahead."""
    file = shared.place / "municipality.sqlite"
    backup = shared.place / "backup.sqlite"
    assert run("db", "backup", backup, "--config", shared["municipality"]).code == 0
    plan = shared.current()
    new = shared.write(plan.evolve(measures=(*plan.measures, NEW)))
    run("plan", "save", new, "--yes", "--config", shared["municipality"], *BY)
    shared.settle()
    shared.ring.holder.close()
    shutil.copy(backup, file)
    for wal in shared.place.glob("municipality.sqlite-*"):
        wal.unlink()
    ran = run("db", "restore", "--config", shared["municipality"], *BY, "--json")
    assert ran.data == {"plans": {"holder": 1}, "asked": {"hospital": 1, "school": 1}, "without": 0}
    waiting = run("outbox", "list", "--config", shared["municipality"], "--json").data
    assert {row["kind"] for row in waiting if row["status"] == "waiting"} == {"plan-state-request"}
    assert run("plan", "show", PLAN, "--config", shared["municipality"], "--json").data["version"] == 1

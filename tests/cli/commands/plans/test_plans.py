"""`plan list`, `show`, `shares`: what a side has of plans, in words and for machines."""

from tests.cli.commands.plans.conftest import PLAN, Around
from tests.cli.conftest import Run


def test_a_plan_is_listed_without_a_name(run: Run, shared: Around) -> None:
    """At the holder with whom it is shared, at a participant with the number of its view."""
    (here,) = run("plan", "list", "--config", shared["municipality"], "--json").data
    assert (here["plan"], here["side"], here["shared_with"]) == (PLAN, "holder", ["hospital", "school"])
    (there,) = run("plan", "list", "--config", shared["hospital"], "--json").data
    assert (there["side"], there["holder"], list(there["views"].values())) == ("participant", "municipality", [1])
    shown = run("plan", "list", "--config", shared["municipality"], "--lang", "nb")
    assert "hospital, school" in shown.text
    assert "Ringtest" not in shown.text

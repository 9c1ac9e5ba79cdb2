"""Plans about a person with a strictly confidential address: each message waits for a yes."""

import pytest

from ip_fhir.domain.people import Address, AddressProtection
from tests.cli.commands.conftest import BY, PLAN, Around
from tests.cli.conftest import Run
from tests.support.ring import make_plan


@pytest.fixture
def held(run: Run, around: Around) -> Around:
    """The parties after the plan was shared with the hospital, whose view is held."""
    plan = make_plan()
    home = Address(lines=("Gjemmestien 1",), postal_code="9899", city="Nordvik")
    owner = plan.owner.evolve(address=home, protection=AddressProtection.STRICTLY_CONFIDENTIAL)
    run("plan", "save", around.write(plan.evolve(owner=owner)), "--config", around["municipality"], *BY)
    ran = run("plan", "share", PLAN, "hospital", "--yes", "--config", around["municipality"], *BY)
    assert ran.code == 0, ran.err
    around.settle()
    return around


def held_row(run: Run, around: Around) -> str:
    """The id of the one row that waits for a yes."""
    rows = run("outbox", "list", "--status", "held", "--config", around["municipality"], "--json").data
    ((ident, what),) = [(row["id"], row["what"]) for row in rows]
    assert what == "plan"
    return str(ident)


def test_a_view_waits_for_a_yes(run: Run, held: Around) -> None:
    """Nothing has left; after a yes the view is there, without the address, and the yes is evidence."""
    assert held.ring.plan("hospital") is None
    row = held_row(run, held)
    assert run("outbox", "release", row, "--config", held["municipality"]).code == 2
    ran = run("outbox", "release", row, "--config", held["municipality"], *BY)
    assert ran.code == 0, ran.err
    held.settle()
    view = held.ring.copy("hospital", held.share("hospital").id)
    assert view is not None
    assert view.plan.owner.address is None
    shown = run("plan", "show", PLAN, "--config", held["municipality"], "--lang", "nb").text
    assert "Gjemmestien" not in shown
    again = run("outbox", "release", row, "--config", held["municipality"], *BY)
    assert (again.code, again.out) == (2, b"")


def test_what_is_ticked_goes_along_after_another_yes(run: Run, held: Around) -> None:
    """The address is ticked for the hospital alone: a new view with it waits in the place of the first."""
    first = held_row(run, held)
    share = held.share("hospital").id
    ran = run("outbox", "release", first, "--release", "address", "--config", held["municipality"], *BY)
    assert (ran.code, ran.out) == (2, b"")
    ran = run("plan", "release", share, "--release", "address", "--config", held["municipality"], *BY)
    assert ran.code == 0, ran.err
    held.settle()
    second = held_row(run, held)
    assert second != first
    assert run("outbox", "release", second, "--config", held["municipality"], *BY).code == 0
    held.settle()
    view = held.ring.copy("hospital", share)
    assert view is not None
    assert view.plan.owner.address is not None


def test_a_no_keeps_it_back(run: Run, held: Around) -> None:
    """The row is parked; the hospital gets nothing; a later yes still lets it go."""
    row = held_row(run, held)
    assert run("outbox", "withhold", row, "--config", held["municipality"], *BY).code == 0
    held.settle()
    assert held.ring.plan("hospital") is None
    ran = run("outbox", "release", row, "--config", held["municipality"], *BY)
    assert ran.code == 0, ran.err


def test_the_withdrawal_waits_for_nobody(run: Run, held: Around) -> None:
    """What ends a share leaves at once."""
    run("outbox", "release", held_row(run, held), "--config", held["municipality"], *BY)
    held.settle()
    share = held.share("hospital").id
    run("plan", "end", share, "--config", held["municipality"], *BY)
    held.settle()
    assert held.ring.copy("hospital", share) is None

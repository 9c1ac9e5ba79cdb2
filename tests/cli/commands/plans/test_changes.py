"""`plan changes`, `accept`, `decline`, `change`: a participant asks, the coordinator sees both values and decides."""

from collections.abc import Callable
from typing import Any

import pytest

from ip_fhir.domain.plan import MeasureStatus
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.value import read
from tests.cli.commands.conftest import BY, PLAN, Around
from tests.cli.conftest import Run

OLE = ("--by", "ole02 Ole Sykehustest")
WORDS = "Å svømme to ganger i uka"


def view_of(run: Run, around: Around, party: str) -> PlanView:
    """The view that a party has, as it is shown."""
    return read(PlanView, run("plan", "show", PLAN, "--config", around[party], "--json").out)


def ask(run: Run, around: Around, change: Callable[[PlanView], dict[str, Any]]) -> None:
    """The hospital asks for something otherwise, with the file of its view."""
    view = view_of(run, around, "hospital")
    wanted = view.evolve(plan=view.plan.evolve(**change(view)))
    file = around.write(wanted, "view.json")
    ran = run("plan", "change", file, "--text", "Etter samtale", "--config", around["hospital"], *OLE, "--json")
    assert [one["kind"] for one in ran.data["messages"]] == ["plan-change"], ran.err
    around.settle()


def other_goal(view: PlanView) -> dict[str, Any]:
    """Another text in the first goal, which a person decides."""
    return {"goals": (view.plan.goals[0].evolve(text=WORDS), *view.plan.goals[1:])}


def other_goal_and_status(view: PlanView) -> dict[str, Any]:
    """With it the status of another goal."""
    first, second = view.plan.goals
    return {"goals": (first.evolve(text=WORDS), second.evolve(status="on-hold"))}


def test_what_takes_effect_at_once_waits_for_nobody(run: Run, shared: Around) -> None:
    """The status of the hospital's own measure: done, seen by both, and not on the list."""

    def begun(view: PlanView) -> dict[str, Any]:
        return {
            "measures": tuple(
                one.evolve(status=MeasureStatus.IN_PROGRESS) if one.what == "Svømmetrening" else one
                for one in view.plan.measures
            )
        }

    ask(run, shared, begun)
    assert shared.current().measures[0].status is MeasureStatus.IN_PROGRESS
    assert run("plan", "changes", "--config", shared["municipality"]).text == "no changes wait\n"
    (one,) = run("plan", "changes", PLAN, "--all", "--config", shared["hospital"], "--json").data
    assert one["status"] == "accepted"


def test_a_change_is_shown_with_both_values_and_accepted(run: Run, shared: Around) -> None:
    """What stands and what is wished, side by side; a yes takes it into the plan, and the hospital is answered."""
    ask(run, shared, other_goal)
    shown = run("plan", "changes", "--config", shared["municipality"], "--lang", "nb")
    assert "Å svømme hver uke" in shown.text
    assert WORDS in shown.text
    assert "Etter samtale" in shown.text
    (one,) = run("plan", "changes", PLAN, "--config", shared["municipality"], "--json").data
    (part,) = one["parts"]
    assert (part["outcome"], part["stands"], part["wished"]) == ("proposed", "Å svømme hver uke", WORDS)
    ran = run("plan", "accept", one["change"], "--config", shared["municipality"], *BY, "--json")
    assert "plan-change-answer" in [message["kind"] for message in ran.data["messages"]]
    shared.settle()
    assert shared.current().goals[0].text == WORDS
    theirs = shared.ring.plan("hospital")
    assert theirs is not None
    assert theirs.changes[0].status is ChangeStatus.ACCEPTED
    assert view_of(run, shared, "hospital").plan.goals[0].text == WORDS


def test_parts_are_decided_one_by_one(run: Run, shared: Around) -> None:
    """One part is declined with a reason, the other goes on waiting; both named as the list names them."""
    ask(run, shared, other_goal_and_status)
    (one,) = run("plan", "changes", PLAN, "--config", shared["municipality"], "--json").data
    parts = {part["field"]: str(part["number"]) for part in one["parts"]}
    reason = "Personen har sagt det slik"
    command = ("plan", "decline", one["change"], parts["goals.text"], "--reason", reason)
    assert run(*command, "--config", shared["municipality"], *BY).code == 0
    (still,) = run("plan", "changes", PLAN, "--config", shared["municipality"], "--json").data
    assert {part["field"]: part["outcome"] for part in still["parts"]} == {
        "goals.text": "declined",
        "goals.status": "proposed",
    }
    again = run(*command, "--config", shared["municipality"], *BY)
    assert (again.code, again.out) == (2, b"")
    assert parts["goals.status"] in again.err
    assert run("plan", "accept", one["change"], "--config", shared["municipality"], *BY).code == 0
    shared.settle()
    assert run("plan", "accept", one["change"], "--config", shared["municipality"], *BY).code == 2
    (theirs,) = run("plan", "changes", PLAN, "--all", "--config", shared["hospital"], "--json").data
    assert theirs["status"] == "partly"
    assert reason in [part["reason"] for part in theirs["parts"]]
    assert shared.current().goals[0].text == "Å svømme hver uke"


def test_a_conflict_is_decided(run: Run, shared: Around) -> None:
    """Both changed the same field: ours stands until a person chooses; theirs is kept, and both are shown."""
    view = view_of(run, shared, "hospital")
    plan = shared.current()
    ours = plan.evolve(goals=(plan.goals[0].evolve(text="Å svømme på lørdager"), *plan.goals[1:]))
    run("plan", "save", shared.write(ours), "--config", shared["municipality"], *BY)
    wanted = shared.write(view.evolve(plan=view.plan.evolve(**other_goal(view))), "view.json")
    run("plan", "change", wanted, "--config", shared["hospital"], *OLE)
    shared.settle()
    (one,) = run("plan", "changes", PLAN, "--config", shared["municipality"], "--json").data
    (part,) = one["parts"]
    assert (one["status"], part["outcome"]) == ("conflict", "conflict")
    assert (part["stands"], part["wished"]) == ("Å svømme på lørdager", WORDS)
    assert shared.current().goals[0].text == "Å svømme på lørdager"
    run("plan", "accept", one["change"], "--config", shared["municipality"], *BY)
    assert shared.current().goals[0].text == WORDS


def test_without_names_no_value_is_shown(run: Run, shared: Around) -> None:
    """The places of a change, and no word of it."""
    ask(run, shared, other_goal)
    for more in ((), ("--json",)):
        shown = run("plan", "changes", "--no-names", *more, "--config", shared["municipality"])
        assert "goals.text" in shown.text
        assert not [word for word in ("svømme", "samtale", "Ole") if word in shown.text]


@pytest.mark.parametrize("command", [("accept", "no-such"), ("decline", "no-such", "--reason", "x")])
def test_a_change_that_is_not_there(run: Run, saved: Around, command: tuple[str, ...]) -> None:
    """Exit code 2, and one line."""
    ran = run("plan", *command, "--config", saved["municipality"], *BY)
    assert (ran.code, ran.err) == (2, "ip-fhir: no-such: no-such: there is no change of this id here\n")

"""`plan save`, `history`, `diff`: versions, and what is said when somebody else has saved the plan since."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.plan import IndividualPlan, Measure
from ip_fhir.domain.values.value import read
from ip_fhir.fhir.reading import write_json
from ip_fhir.mapping import message_to_fhir, to_fhir
from ip_fhir.settings import read_settings
from tests.cli.commands.conftest import BY, PLAN, Around
from tests.cli.conftest import Run, Sides
from tests.support.data import EXAMPLES
from tests.support.loop import by_hospital
from tests.support.ring import make_plan
from tests.support.two_sides import form, notice

NEW = Measure(id="measure-4", what="Skole på sykehuset", goals=("goal-1",))


def how(plan: IndividualPlan, text: str) -> IndividualPlan:
    """The plan with another text in its first measure."""
    return plan.evolve(measures=(plan.measures[0].evolve(how=text), *plan.measures[1:]))


def test_a_plan_is_saved_and_again_nothing_changes(run: Run, saved: Around) -> None:
    """The first version is the file as it is; the same file again makes no second version."""
    assert saved.current() == make_plan()
    again = run("plan", "save", saved.place / "plan.json", "--config", saved["municipality"], *BY, "--json")
    assert (again.code, again.data["version"], again.data["messages"]) == (0, 1, [])
    assert [
        one["version"] for one in run("plan", "history", PLAN, "--config", saved["municipality"], "--json").data
    ] == [1]


@pytest.mark.parametrize("file", sorted((EXAMPLES / "plans").glob("*.json")), ids=lambda file: file.stem)
def test_files_that_sites_have_today_are_saved_as_they_are(run: Run, around: Around, file: Path) -> None:
    """Upgrading: each example, as JSON and as a Bundle, becomes the first version kept, and nothing in it changes."""
    plan = read(IndividualPlan, file.read_bytes())
    bundle = around.place / "bundle.json"
    bundle.write_bytes(write_json(to_fhir(plan)))
    for source in (file, bundle):
        ran = run("plan", "save", source, "--config", around["municipality"], *BY, "--json")
        assert (ran.code, ran.data["version"]) == (0, plan.version), ran.err
    shown = run("plan", "show", plan.id, "--config", around["municipality"], "--json")
    assert read(IndividualPlan, shown.out) == plan


def test_an_outdated_version_is_a_conflict_and_says_who_saved_what(run: Run, saved: Around) -> None:
    """Exit code 4; who saved the plan since, and in words what changed, on stdout; nothing is saved."""
    other = saved.write(how(saved.current(), "I varmtvannsbasseng"), "other.json")
    assert run("plan", "save", other, "--config", saved["municipality"], "--by", "7 Kari Testesen").code == 0
    mine = saved.write(how(make_plan(), "I elva"), "mine.json")
    ran = run("plan", "save", mine, "--config", saved["municipality"], *BY, "--lang", "nb")
    assert ran.code == 4
    assert "lagret av andre siden versjon 1" in ran.text
    assert "Kari Testesen" in ran.text
    assert "I varmtvannsbasseng" in ran.text
    assert (ran.err.count("\n"), "basseng" in ran.err) == (1, False)
    data = run("plan", "save", mine, "--config", saved["municipality"], *BY, "--json").data
    assert [(one["version"], one["by"]["name"]) for one in data["since"]] == [(2, "Kari Testesen")]
    assert len(data["difference"]) == 1
    assert saved.current().measures[0].how == "I varmtvannsbasseng"


def test_something_new_needs_a_yes(run: Run, shared: Around) -> None:
    """Where nobody can be asked, a save that opens something new is refused without --yes."""
    plan = shared.current()
    new = shared.write(plan.evolve(measures=(*plan.measures, NEW)), "new.json")
    ran = run("plan", "save", new, "--config", shared["municipality"], *BY)
    assert (ran.code, ran.out) == (2, b"")
    assert "something new opens to hospital, school" in ran.err
    assert shared.current().version == 1
    ran = run("plan", "save", new, "--config", shared["municipality"], *BY, "--yes", "--json")
    assert [(one["kind"], one["peer"], one["number"]) for one in ran.data["messages"]] == [
        ("plan", "hospital", 2),
        ("plan", "school", 2),
    ]


def test_a_change_of_what_is_seen_already_needs_no_yes(run: Run, shared: Around) -> None:
    """Another text in a measure that both see is saved at once."""
    other = shared.write(how(shared.current(), "I varmtvannsbasseng"), "other.json")
    assert run("plan", "save", other, "--config", shared["municipality"], *BY).code == 0


def test_history_and_difference_in_words(run: Run, saved: Around) -> None:
    """Each version with time, person and what changed; the difference of two versions; --no-names names nobody."""
    other = saved.write(how(saved.current(), "I varmtvannsbasseng"), "other.json")
    run("plan", "save", other, "--config", saved["municipality"], "--by", "7 Kari Testesen")
    shown = run("plan", "history", PLAN, "--config", saved["municipality"], "--lang", "nb")
    assert [line.split()[0] for line in shown.text.splitlines()[2:]] == ["2", "1"]
    assert "Kari Testesen" in shown.text
    assert "Testesen" not in run("plan", "history", PLAN, "--config", saved["municipality"], "--no-names").text
    first = run("plan", "diff", PLAN, "--config", saved["municipality"], "--lang", "nb").text
    assert first == run("plan", "diff", PLAN, "1", "2", "--config", saved["municipality"], "--lang", "nb").text
    assert "Svømmetrening" in first
    assert "I varmtvannsbasseng" in first
    same = run("plan", "diff", PLAN, "2", "2", "--config", saved["municipality"])
    assert same.text == "no difference\n"
    assert run("plan", "diff", PLAN, "1", "9", "--config", saved["municipality"]).code == 2


def test_what_cannot_be_saved(run: Run, saved: Around) -> None:
    """What a participant sees, or a green form: exit code 2, with the file's name, and nothing is saved."""
    view = run("plan", "show", PLAN, "--as", "hospital", "--config", saved["municipality"], "--json")
    for name, content in (("view.json", view.data["plan"]), ("form.json", {"answers": "x"})):
        file = saved.place / name
        file.write_text(json.dumps(content), encoding="utf-8")
        ran = run("plan", "save", file, "--config", saved["municipality"], *BY)
        assert ran.code in (2, 4)
        assert name in ran.err
    assert saved.current() == make_plan()


def test_a_plan_comes_of_a_loop(run: Run, sides: Sides) -> None:
    """`--from` a loop ends its task to make the plan; an unknown loop, or another person's, is refused."""
    with closing(open_exchange(read_settings(sides.municipality, environ={}))) as exchange:
        asked = notice("02")
        message = by_hospital(asked, notice=asked).evolve(sent=exchange.now())
        exchange.receive(write_json(message_to_fhir(message)), "hospital")
        exchange.answer(form("02"))
    waiting = run("worklist", "list", "--loop", "referral-02", "--config", sides.municipality, "--json").data
    assert "make-plan" in [item["reason"] for item in waiting]
    file, other = (min((EXAMPLES / "plans").glob(f"{number}-*.json")) for number in ("02", "03"))
    for plan, loop in ((other, "referral-02"), (file, "no-such-loop")):
        ran = run("plan", "save", plan, "--from", loop, "--config", sides.municipality, *BY)
        assert (ran.code, ran.out) == (2, b"")
    ran = run("plan", "save", file, "--from", "referral-02", "--config", sides.municipality, *BY)
    assert ran.code == 0, ran.err
    waiting = run("worklist", "list", "--loop", "referral-02", "--config", sides.municipality, "--json").data
    assert "make-plan" not in [item["reason"] for item in waiting]

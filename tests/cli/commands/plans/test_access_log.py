"""`plan access-log`: who was sent what, when, and on the ground of which consent."""

import pytest

from tests.cli.commands.conftest import PLAN, Around
from tests.cli.commands.plans.test_changes import ask, other_goal
from tests.cli.conftest import Run


def test_in_words_and_for_machines(run: Run, shared: Around) -> None:
    """Each view with its receipt, the consent it rests on and who sent it; --no-names names none of our people."""
    shown = run("plan", "access-log", PLAN, "--config", shared["municipality"], "--lang", "nb")
    assert "school (test)" in shown.text
    assert "samtykke til deling" in shown.text
    assert "Nina Koordinatortest" in shown.text
    entries = run("plan", "access-log", PLAN, "--config", shared["municipality"], "--json").data
    assert [(one["to"], one["kind"], one["consents"]) for one in entries] == [
        ("hospital (test) (hospital)", "view", ["consent-sharing"]),
        ("school (test) (school)", "view", ["consent-sharing"]),
    ]
    assert all(one["received"] for one in entries)
    hidden = run("plan", "access-log", PLAN, "--no-names", "--config", shared["municipality"])
    assert "Nina" not in hidden.text


def test_as_audit_events(run: Run, shared: Around) -> None:
    """An AuditEvent for each, in a Bundle; the person is named by no number."""
    ran = run("plan", "access-log", PLAN, "--fhir", "--config", shared["municipality"])
    assert [entry["resource"]["resourceType"] for entry in ran.data["entry"]] == ["AuditEvent", "AuditEvent"]
    assert "12057900499" not in ran.text


def test_only_the_holder_has_it(run: Run, shared: Around) -> None:
    """Another side holds the plan: exit code 2."""
    assert run("plan", "access-log", PLAN, "--config", shared["school"]).code == 2


def test_whoever_shows_a_plan_stands_in_it(run: Run, shared: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of their account, as a read by our own people; whoever sees no word of the plan does not."""
    monkeypatch.setenv("LOGNAME", "koordinator7")
    config = ("--config", shared["municipality"])
    before = run("plan", "access-log", PLAN, *config, "--json").data
    assert run("plan", "show", PLAN, "--no-names", *config).code == 0
    assert run("plan", "access-log", PLAN, *config, "--json").data == before
    assert run("plan", "show", PLAN, *config).code == 0
    assert run("plan", "show", PLAN, "--as", "school", *config).code == 0
    read = run("plan", "access-log", PLAN, *config, "--json").data[len(before) :]
    assert sorted((one["kind"], one["way"], one["by"]["id"]) for one in read) == [
        ("read", "read", "koordinator7"),
        ("read", "view", "koordinator7"),
    ]
    assert "koordinator7" in run("plan", "access-log", PLAN, *config).text
    assert "koordinator7" not in run("plan", "access-log", PLAN, "--no-names", *config).text
    assert len(run("plan", "access-log", PLAN, "--fhir", *config).data["entry"]) == len(before) + 2


@pytest.mark.parametrize(
    ("command", "way"), [("history", "history"), ("diff", "history"), ("preview", "read"), ("changes", None)]
)
def test_other_commands_that_show_what_stands_in_a_plan(
    run: Run, shared: Around, monkeypatch: pytest.MonkeyPatch, command: str, way: str | None
) -> None:
    """They leave a line, too; where there is no change to show, none."""
    monkeypatch.setenv("LOGNAME", "koordinator7")
    config = ("--config", shared["municipality"])
    before = run("plan", "access-log", PLAN, *config, "--json").data
    if command == "history":
        assert run("plan", "history", PLAN, "--no-names", *config).code == 0
    assert run("plan", command, PLAN, *config).code == 0
    read = run("plan", "access-log", PLAN, *config, "--json").data[len(before) :]
    assert [(one["way"], one["by"]["id"]) for one in read] == ([] if way is None else [(way, "koordinator7")])


def test_changes_that_are_shown(run: Run, shared: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sees the values of a change stands in the log; with --no-names they see none."""
    monkeypatch.setenv("LOGNAME", "koordinator7")
    ask(run, shared, other_goal)
    config = ("--config", shared["municipality"])
    before = len(run("plan", "access-log", PLAN, *config, "--json").data)
    assert run("plan", "changes", "--no-names", *config).code == 0
    assert len(run("plan", "access-log", PLAN, *config, "--json").data) == before
    assert run("plan", "changes", *config).code == 0
    (read,) = run("plan", "access-log", PLAN, *config, "--json").data[before:]
    assert (read["way"], read["by"]["id"]) == ("history", "koordinator7")

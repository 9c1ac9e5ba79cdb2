"""`plan access-log`: who was sent what, when, and on the ground of which consent."""

from tests.cli.commands.conftest import PLAN, Around
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

"""`consent matrix`: a table that can be read, and the same as JSON."""

from datetime import date

import pytest

from ip_fhir.domain.consent.matrix import AREAS
from tests.cli.conftest import Run
from tests.support.two_sides import EXAMPLES

PLANS = sorted((EXAMPLES / "plans").glob("*.json"))
ADULT = PLANS[1]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stem)
@pytest.mark.parametrize("language", ["nb", "en"])
def test_a_table_of_a_hundred_columns(run: Run, plan: str, language: str) -> None:
    """No line is wider than 100; every mark that is used is explained below."""
    ran = run("consent", "matrix", plan, "--on", "2026-05-01", "--lang", language)
    assert ran.code == 0
    assert max(len(line.rstrip()) for line in ran.text.splitlines()) <= 100
    table, *legend = ran.text.split("\n\n")[1:]
    marks = {mark for line in table.splitlines()[2:] for mark in line[38:].split() if mark[0] in "✓123456789"}
    assert marks == {line.split()[0] for line in legend[0].splitlines()}


def test_marks(run: Run) -> None:
    """NAV sees work until the consent ends, and nothing of the treatment, by a rule that is named."""
    text = run("consent", "matrix", ADULT, "--on", "2026-05-01", "--lang", "en").text
    (row,) = (line for line in text.splitlines() if "NAV Nordvik" in line)
    assert row.split()[2:] == ["✓a", "✓a", "1", "✓a", "✓a", "✓a", "✓a", "✓a", "✓a", "✓a", "✓a", "1"]
    assert "✓a  yes, until 31 Dec 2027" in text
    assert "(recipient-or-area)" in text


def test_for_machines(run: Run) -> None:
    """JSON has every participant and area; without a day it is today."""
    data = run("consent", "matrix", ADULT, "--json").data
    assert date.fromisoformat(data["on"]) >= date(2026, 1, 1)
    assert all([cell["area"] for cell in row["cells"]] == list(AREAS) for row in data["participants"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((ADULT, "--on", "May"), "--on: is no day"),
        ((EXAMPLES / "notices" / "03-stroke-patient.json",), "is a notice, and a plan is needed"),
        (("nowhere.json",), "nowhere.json: cannot be read"),
    ],
)
def test_what_cannot_be_used(run: Run, arguments: tuple[str, ...], reason: str) -> None:
    """One clear line, exit code 2."""
    ran = run("consent", "matrix", *arguments)
    assert ran.code == 2
    assert reason in ran.err

"""Commands of the loop on a side that has no role in it: one clear line, exit code 3; all others work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run, Sides
from tests.support.two_sides import EXAMPLES

NOTICE = EXAMPLES / "notices" / "03-stroke-patient.json"
FORM = EXAMPLES / "green_forms" / "03-stroke-patient-1-incomplete.json"
LINE = "this side has no role in the green form loop: in its settings `role` is neither hospital nor municipality"


@pytest.fixture
def school(sides: Sides) -> Path:
    """The settings of a side from which the role was taken."""
    said = sides.municipality.read_text(encoding="utf-8")
    sides.municipality.write_text(said.replace('role = "municipality"\n', "", 1), encoding="utf-8")
    return sides.municipality


@pytest.mark.parametrize(
    "command",
    [
        ("notice", "new"),
        ("notice", "send", NOTICE),
        ("green-form", "new", "referral-03"),
        ("green-form", "send", FORM),
        ("remind", "referral-03"),
        ("act", "referral-03"),
        ("act", "referral-03", "accept"),
        ("referrals", "close", "referral-03"),
    ],
    ids=lambda command: " ".join(map(str, command[:2])),
)
def test_what_belongs_to_the_loop(run: Run, school: Path, command: tuple[str | Path, ...]) -> None:
    """Whatever is asked, it says that this side has no part in it."""
    ran = run(*command, "--config", school)
    assert (ran.code, ran.text) == (3, "")
    assert LINE in ran.err


@pytest.mark.parametrize(
    "command",
    [
        ("referrals", "list"),
        ("worklist", "list"),
        ("outbox", "list"),
        ("work", "--once"),
        ("db", "unreadable"),
    ],
    ids=" ".join,
)
def test_what_works(run: Run, school: Path, command: tuple[str, ...]) -> None:
    """Whatever is about the store, or what is due, does what it does on any side."""
    assert run(*command, "--config", school).code == 0


def test_doctor_tells_of_loops_from_before(run: Run, sides: Sides) -> None:
    """Loops that a side has, and can do nothing in since its role was taken away, are told."""
    assert run("notice", "send", NOTICE, "--config", sides.hospital).code == 0
    assert "nobody here can act in one" not in run("doctor", "--config", sides.hospital).text
    said = sides.hospital.read_text(encoding="utf-8")
    sides.hospital.write_text(said.replace('role = "hospital"\n', "", 1), encoding="utf-8")
    assert "nobody here can act in one" in run("doctor", "--config", sides.hospital).text


def test_doctor_says_so(run: Run, school: Path) -> None:
    """The settings are in order, and show that this side has no part in the loop."""
    told = run("doctor", "--config", school).text
    assert "no role in the green form loop" in told
    assert "no agreement names us" not in told, "the agreement of the loop names both, whoever has which role"

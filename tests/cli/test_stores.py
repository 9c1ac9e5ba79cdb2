"""Stores: which commands make one, and where."""

from pathlib import Path
from typing import Any

import pytest
import typer

from ip_fhir.cli.app import app
from tests.cli.conftest import Run, Sides
from tests.support.two_sides import EXAMPLES

NOTICE = EXAMPLES / "notices" / "03-stroke-patient.json"
FORM = EXAMPLES / "green_forms" / "03-stroke-patient-2-complete.json"
MAKES = ("serve", "work", "db upgrade")
LOOKS_ONLY = (
    *("doctor", "verify", "db status", "notice new", "hl7 send", "hl7 listen", "hl7 specification"),
    *("map", "put", "check", "support-bundle", "mock", "told try"),
)
"""Commands that need no store, or tell that there is none, which is their own answer and no error."""
BY = ("--by", "1 Nina Testesen")
PLAN = EXAMPLES / "plans" / "01-child-with-cerebral-palsy.json"
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "notice send": (NOTICE,),
    "green-form send": (FORM,),
    "act": ("referral-03",),
    "green-form new": ("referral-03",),
    "remind": ("referral-03",),
    "referrals close": ("referral-03", "--text", "moved"),
    "referrals show": ("referral-03",),
    "outbox show": ("row",),
    "outbox retry": ("row",),
    "outbox park": ("row", "--reason", "no"),
    "outbox release": ("row", "--by", "1 Nina Testesen"),
    "told replay": ("name", "--from", "1"),
    "outbox withhold": ("row", "--reason", "no", "--by", "1 Nina Testesen"),
    "outbox disclose": ("referral-03", "--to", "municipality", "--release", "contacts", "--by", "1 Nina Testesen"),
    "worklist done": ("item", "--by", "1 Nina Testesen"),
    "worklist show": ("item",),
    "db backup": ("copy.sqlite",),
    "db purge": ("--older-than", "1"),
    "db take-up": ("referral", "x"),
    "consent show": ("referral-03",),
    "db restore": BY,
    "plan save": (PLAN, *BY),
    "plan share": ("plan", "municipality", *BY),
    "plan end": ("share", *BY),
    "plan release": ("share", *BY),
    "plan diff": ("plan",),
    "plan accept": ("change", *BY),
    "plan decline": ("change", "--reason", "no", *BY),
    "plan invite": ("plan", "membership", *BY),
    "plan answer-invitation": ("invitation", "yes", *BY),
    "plan hand-over": ("plan", "municipality", *BY),
    "plan answer-handover": ("handover", "yes", *BY),
    "plan answer-request": ("request", "yes", *BY),
}
"""What a command needs to get as far as its store."""


def _commands(command: Any, name: str = "") -> dict[str, Any]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return {name: command}
    found: dict[str, Any] = {}
    for part, one in inner.items():
        found |= _commands(one, f"{name} {part}".strip())
    return found


COMMANDS = {
    name: command
    for name, command in _commands(typer.main.get_command(app)).items()
    if any(parameter.name == "config" for parameter in command.params)
}
NEEDS_MORE = ("plan ask", "plan change")
"""Commands that read a file which no example is: `tests/cli/commands/plans` has them."""
OPENS = sorted(set(COMMANDS) - set(MAKES) - set(LOOKS_ONLY) - set(NEEDS_MORE))


def test_the_commands_are_found() -> None:
    """The list is made from the application: a new command is in it by itself."""
    assert {"notice send", "referrals list", "reads list", *MAKES, *LOOKS_ONLY} <= set(COMMANDS)


@pytest.mark.parametrize("name", OPENS)
def test_no_store_is_made(run: Run, bare_sides: Sides, name: str) -> None:
    """A command that needs a store names the file and what makes it, exit code 7 (findings/users.md 0.7)."""
    ran = run(*name.split(), *ARGUMENTS.get(name, ()), "--config", bare_sides.hospital)
    store = bare_sides.hospital.with_suffix(".sqlite")
    assert ran.code == 7, ran.err
    assert ran.err == (
        f"ip-fhir: there is no store: {store} is not there, or empty (ip-fhir serve, work and db upgrade make it)\n"
    )
    assert not list(bare_sides.hospital.parent.glob("*.sqlite*"))


def test_the_store_is_beside_the_settings(
    run: Run, bare_sides: Sides, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From another folder a notice goes into the store that `db upgrade` made, beside the settings."""
    text = bare_sides.hospital.read_text(encoding="utf-8").splitlines()
    beside = ["database = 'sqlite:///mine.sqlite'" if line.startswith("database") else line for line in text]
    bare_sides.hospital.write_text("\n".join(beside), encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run("db", "upgrade", "--config", bare_sides.hospital).code == 0
    assert run("notice", "send", NOTICE, "--config", bare_sides.hospital).code == 0
    assert (bare_sides.hospital.parent / "mine.sqlite").exists()
    assert not list(elsewhere.iterdir())

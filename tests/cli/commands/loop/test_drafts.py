"""`green-form new`, `notice new`: drafts with what is known, refused until they are filled in (findings/users.md B)."""

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.fhir.reading import write_json
from ip_fhir.mapping import message_to_fhir
from ip_fhir.settings import read_settings
from tests.cli.conftest import Run, Sides
from tests.support.loop import by_hospital
from tests.support.two_sides import notice

WORDS = {
    "phone number": "+47 00 00 09 99",
    "birth number or D-number": "08903540460",
    "day of birth, as 1950-03-02": "1935-10-08",
    "true, when the person has been told": True,
    "true or false": True,
}
"""What a person writes at some of the places; at the others the first of the codes, a day, or words."""


def is_left_out(value: Any) -> bool:
    """A line that the person takes out."""
    return isinstance(value, str) and "take the line out" in value


def filled(node: Any) -> Any:
    """The draft, filled in as a person would."""
    if isinstance(node, dict):
        return {key: filled(value) for key, value in node.items() if not is_left_out(value)}
    if isinstance(node, list):
        return [filled(value) for value in node]
    if not isinstance(node, str) or not node.startswith("FILL IN: "):
        return node
    asked = node.removeprefix("FILL IN: ")
    if asked in WORDS:
        return WORDS[asked]
    return "2026-01-10" if "as 2026" in asked else asked.split(" or ")[0]


@pytest.fixture
def received(sides: Sides) -> Path:
    """The settings of a municipality that has received notice 03."""
    with closing(open_exchange(read_settings(sides.municipality))) as exchange:
        sent = by_hospital(notice("03"), notice=notice("03")).evolve(sent=exchange.now())
        exchange.receive(write_json(message_to_fhir(sent)), "hospital")
    return sides.municipality


def test_a_notice(run: Run, sides: Sides, tmp_path: Path) -> None:
    """The draft is refused with every place; filled in it is checked, sent, and opens a loop under a new id."""
    file = tmp_path / "notice.json"
    assert run("notice", "new", "--config", sides.hospital, "-o", file).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    places = len(re.findall("FILL IN", file.read_text(encoding="utf-8")))
    for command in (("check", file), ("notice", "send", file, "--config", sides.hospital)):
        ran = run(*command)
        assert ran.code == 2
        assert ran.err.count(": is to be filled in: ") == ran.err.count("\n") == places
    draft = json.loads(file.read_bytes())
    file.write_text(json.dumps(filled(draft)), encoding="utf-8")
    assert run("check", file).code == 0
    ran = run("notice", "send", file, "--config", sides.hospital, "--json")
    assert (ran.code, ran.data["correlation_id"]) == (0, draft["correlation_id"])
    assert run("notice", "new", "--config", sides.hospital, "-o", file).code == 2, "never written over"


@pytest.mark.parametrize("decision", ["appointed", "declined", "rejected"])
def test_a_green_form(run: Run, received: Path, tmp_path: Path, decision: str) -> None:
    """The draft knows the loop and the unit; filled in it is complete, and answers the notice."""
    file = tmp_path / "form.json"
    made = run("green-form", "new", "referral-03", "--decision", decision, "--config", received)
    draft = json.loads(made.out)
    assert (draft["answers"], draft["sender"]) == ("referral-03", notice("03").recipient)
    assert run("check", "-", stdin=made.out).code == 2
    file.write_text(json.dumps(filled(draft)), encoding="utf-8")
    assert run("check", file).code == 0
    ran = run("green-form", "send", file, "--config", received, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.data["form_status"] == "complete"


def test_to_whom(run: Run, sides: Sides) -> None:
    """Only the hospital begins, an unknown loop has no form, and an unknown peer gets no notice."""
    assert run("notice", "new", "--config", sides.municipality).code == 3
    ran = run("notice", "new", "--to", "nobody", "--config", sides.hospital)
    assert (ran.code, ran.err) == (2, "ip-fhir: --to: name the one peer that it is for: municipality\n")
    assert run("green-form", "new", "nobody", "--config", sides.municipality).code == 2

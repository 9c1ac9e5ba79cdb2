"""No command shows what leads to a person with a protected address, unless `--release` names it (issue 11, 8)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.people import AddressProtection
from ip_fhir.mapping import default, to_fhir_json
from tests.cli.conftest import Run, Sides
from tests.support.protected import CANARIES, protected_notice, protected_plan

STRICT = AddressProtection.STRICTLY_CONFIDENTIAL
NURSE = "nurse-7 Tormod Testesen"


def leaks(text: str) -> list[str]:
    """The canaries in a text."""
    return [word for word in CANARIES if word in text]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A file with a plan about somebody with a protected address."""
    file = tmp_path / "plan.json"
    file.write_text(protected_plan().to_json(), encoding="utf-8")
    return file


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A file with a Bundle that has all of it."""
    file = tmp_path / "bundle.json"
    file.write_bytes(to_fhir_json(protected_plan(), default().releasing(EVERY_PART)))
    return file


def _sent(run: Run, sides: Sides, tmp_path: Path, protection: AddressProtection, *more: str) -> str:
    """Send a protected notice; returns what the command said."""
    file = tmp_path / "notice.json"
    file.write_text(protected_notice(protection, "01").to_json(), encoding="utf-8")
    ran = run("notice", "send", file, "--config", sides.hospital, *more)
    assert ran.code == 0, ran.err
    return ran.text + ran.err


@pytest.mark.parametrize("lines", [(), ("--ndjson",)], ids=["one", "ndjson"])
def test_map(run: Run, plan: Path, bundle: Path, lines: tuple[str, ...]) -> None:
    """`map` leaves it out both ways, and says so; what is ticked is there."""
    for file, to in ((plan, "fhir"), (bundle, "plan")):
        ran = run("map", file, "--to", to, *lines)
        assert (ran.code, leaks(ran.text + ran.err)) == (0, [])
        if not lines:
            assert "an address is protected" in ran.err
        ticked = run("map", file, "--to", to, "--release", "contacts", "--release", "places", *lines)
        assert leaks(ticked.text) == ["99900001", "gøymt@example.org", "99900002", "Gøymeplassen"]


def test_put(run: Run, plan: Path, tmp_path: Path) -> None:
    """`put` brings nothing into a Bundle that it lacks, unless it is ticked."""
    bare = tmp_path / "bare.json"
    bare.write_bytes(to_fhir_json(protected_plan()))
    assert leaks(run("put", plan, "--onto", bare).text) == []
    assert leaks(run("put", plan, "--onto", bare, "--release", "municipality").text) == ["5401"]


def test_what_shows_a_store(run: Run, sides: Sides, tmp_path: Path) -> None:
    """Lists, the whole referral, items, the exported evidence: none has it, though the store does."""
    said = _sent(run, sides, tmp_path, AddressProtection.CONFIDENTIAL)
    assert "protected address: address, municipality, contacts not sent" in said
    export = tmp_path / "evidence.json"
    of = protected_notice(name="01").correlation_id
    commands = [
        ("referrals", "list"),
        ("referrals", "show", of),
        ("referrals", "show", of, "--json"),
        ("outbox", "list", "--status", "all", "--json"),
        ("worklist", "list", "--json"),
        ("verify", "--export", str(export)),
        ("doctor",),
    ]
    for command in commands:
        ran = run(*command, "--config", sides.hospital)
        assert leaks(ran.text + ran.err) == [], command
    assert leaks(export.read_text(encoding="utf-8")) == []
    assert leaks(said) == []
    shown = run("referrals", "show", of, "--json", "--config", sides.hospital).data
    assert shown["notice"]["owner"]["protection"] == "confidential"


def test_check_and_matrix(run: Run, plan: Path, bundle: Path) -> None:
    """What judges a plan shows nothing of it."""
    for command in (("check", plan), ("check", bundle), ("consent", "matrix", plan)):
        ran = run(*command)
        assert leaks(ran.text + ran.err) == [], command


def test_a_release_with_the_notice(run: Run, sides: Sides, tmp_path: Path) -> None:
    """`notice send --release` needs --by, and is then a step of the loop with who and what."""
    file = tmp_path / "notice.json"
    file.write_text(protected_notice(name="01").to_json(), encoding="utf-8")
    send = ("notice", "send", file, "--config", sides.hospital, "--release", "contacts")
    refused = run(*send)
    assert (refused.code, "by: missing" in refused.err) == (2, True)
    sent = run(*send, "--by", NURSE)
    assert "protected address: address, municipality not sent" in sent.err
    of = protected_notice(name="01").correlation_id
    steps = run("referrals", "show", of, "--json", "--config", sides.hospital).data["evidence"]
    assert [(step["event"], step["by"]["name"]) for step in steps] == [
        ("send", "Tormod Testesen"),
        ("release", "Tormod Testesen"),
    ]


def test_yes_and_no_to_a_held_message(run: Run, sides: Sides, tmp_path: Path) -> None:
    """Strictly confidential: `work` holds it, `outbox` lists it; no, then yes, each by somebody."""
    _sent(run, sides, tmp_path, STRICT)
    config = ("--config", sides.hospital)
    ran = run("work", "--once", "--no-listeners", "--json", *config)
    assert (ran.data["held"], ran.data["sent"]) == (1, 0)
    (row,) = run("outbox", "list", "--status", "held", "--json", *config).data
    (item,) = run("worklist", "list", "--json", *config).data
    assert item["reason"] == "awaiting-release"
    assert run("outbox", "release", row["id"], *config).code == 2
    assert run("outbox", "retry", row["id"], *config).code == 2
    assert "wait for a person's yes" in run("doctor", *config).text
    assert run("outbox", "withhold", row["id"], "--by", NURSE, "--reason", "wrong unit", *config).code == 0
    assert run("outbox", "list", "--status", "held", "--json", *config).data == []
    released = run("outbox", "release", row["id"], "--by", NURSE, "--release", "contacts", "--json", *config)
    assert (released.code, released.data) == (0, {"id": row["id"], "status": "waiting"})
    assert run("outbox", "release", row["id"], "--by", NURSE, *config).code == 2


def test_disclose(run: Run, sides: Sides, tmp_path: Path) -> None:
    """What may go to a party is said and taken back, for what is made from then on."""
    _sent(run, sides, tmp_path, AddressProtection.CONFIDENTIAL)
    of = protected_notice(name="01").correlation_id
    disclose = ("outbox", "disclose", of, "--to", "municipality", "--config", sides.hospital)
    assert run(*disclose, "--release", "address").code == 2
    said = run(*disclose, "--release", "address", "--by", NURSE)
    assert said.text == f"{of}: address may go to municipality\n"
    assert run(*disclose, "--by", NURSE, "--json").data == {"correlation_id": of, "to": "municipality", "released": []}
    assert run(*disclose[:-3], "nobody", *disclose[-2:], "--by", NURSE).code == 2


def test_attachments_that_are_not_sent(run: Run, sides: Sides, tmp_path: Path) -> None:
    """The sender of a notice is told which content the agreement does not let through (users.md 0, 10)."""
    document = {"title": "Epikrise", "content_type": "application/pdf", "data": "SGVp"}
    file = tmp_path / "notice.json"
    made = protected_notice(None, "01").to_data() | {"attachments": [document]}
    file.write_text(json.dumps(made), encoding="utf-8")
    ran = run("notice", "send", file, "--config", sides.hospital)
    assert "warning: attachments: not sent at the content level needs" in ran.err
    assert leaks(ran.text + ran.err) == []

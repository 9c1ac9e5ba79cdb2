"""`notice send`, `green-form send`, `remind`, `work`, `serve`, `referrals`, `verify`: a loop from the command line."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.cli.conftest import Run, Sides
from tests.support.two_sides import EXAMPLES

NOTICE = EXAMPLES / "notices" / "03-stroke-patient.json"
INCOMPLETE = EXAMPLES / "green_forms" / "03-stroke-patient-1-incomplete.json"
COMPLETE = EXAMPLES / "green_forms" / "03-stroke-patient-2-complete.json"
FREE_WORDS = ("Bjørnstad", "Håvard", "afasi")
"""What would tell who notice 03 is about."""


def test_a_notice_is_stored_once(run: Run, sides: Sides) -> None:
    """Sending a notice stores it; sending it again changes nothing; the list shows it without a name."""
    for _ in range(2):
        ran = run("notice", "send", NOTICE, "--config", sides.hospital, "--json")
        assert (ran.code, ran.data["correlation_id"], ran.data["state"]) == (0, "referral-03", "sent")
    listed = run("referrals", "list", "--config", sides.hospital, "--json").data
    assert [(one["correlation_id"], one["state"], one["kind"]) for one in listed] == [
        ("referral-03", "sent", "coordinator")
    ]
    for command in (["list"], ["list", "--lang", "nb"], ["show", "referral-03", "--no-names"]):
        text = run("referrals", *command, "--config", sides.hospital).text
        assert "referral-03" in text
        assert not [word for word in FREE_WORDS if word in text]


def test_another_notice_under_the_same_id_is_refused(run: Run, sides: Sides) -> None:
    """The same correlation id with other content: exit code 2, with file, path and reason."""
    run("notice", "send", NOTICE, "--config", sides.hospital)
    other = json.dumps({**json.loads(NOTICE.read_bytes()), "urgency": "urgent"}).encode()
    ran = run("notice", "send", "-", "--config", sides.hospital, stdin=other)
    assert ran.code == 2
    assert ran.err.startswith("ip-fhir: stdin: correlation_id: another notice")


def test_what_the_loop_forbids(run: Run, sides: Sides) -> None:
    """The wrong side, the wrong state: exit code 3, with what it is about; an unknown loop: 2."""
    ran = run("notice", "send", NOTICE, "--config", sides.municipality)
    assert ran.code == 3
    assert ran.err.startswith(f"ip-fhir: {NOTICE}: ")
    run("notice", "send", NOTICE, "--config", sides.hospital)
    ran = run("remind", "referral-03", "--config", sides.hospital)
    assert ran.code == 3
    assert ran.err.startswith("ip-fhir: referral-03: the loop is sent: remind is not possible for the hospital now; ")
    assert run("green-form", "send", COMPLETE, "--config", sides.municipality).code == 2
    assert run("remind", "nobody", "--config", sides.hospital).code == 2
    assert run("referrals", "show", "nobody", "--config", sides.hospital).code == 2
    assert run("referrals", "list", "--state", "nowhere", "--config", sides.hospital).code == 2


def test_consent_forbids_it(run: Run, sides: Sides) -> None:
    """A notice of a plan without consent is not sent: exit code 5, and nothing is stored."""
    notice = json.loads((EXAMPLES / "notices" / "05-woman-of-ninety.json").read_bytes())
    ran = run("notice", "send", "-", "--config", sides.hospital, stdin=json.dumps({**notice, "consents": []}).encode())
    assert ran.code == 5
    assert "Gáddevárri" not in ran.err
    assert run("referrals", "list", "--config", sides.hospital, "--json").data == []


def test_work_once(run: Run, sides: Sides) -> None:
    """With nobody at the other end the worker says what became of each row, and ends."""
    run("notice", "send", NOTICE, "--config", sides.hospital)
    ran = run("work", "--once", "--config", sides.hospital, "--json")
    assert (ran.code, ran.data["again"], ran.data["sent"]) == (0, 1, 0)
    assert "again 0" in run("work", "--once", "--config", sides.hospital).text


@pytest.mark.promise(16)
def test_a_changed_record_is_found(run: Run, sides: Sides) -> None:
    """`verify` finds a record that somebody changed in the database: its number, and exit code 1."""
    run("notice", "send", NOTICE, "--config", sides.hospital)
    ran = run("verify", "--config", sides.hospital)
    assert (ran.code, ran.text[:17]) == (0, "whole: 1 records,")
    with closing(sqlite3.connect(sides.hospital.parent / "hospital.sqlite")) as database:
        database.execute("UPDATE evidence SET body = replace(body, 'hospital', 'municipal')")
        database.commit()
    ran = run("verify", "--config", sides.hospital)
    assert (ran.code, ran.text[:11]) == (1, "evidence.1:")
    assert run("verify", "--config", sides.hospital, "--json").data["whole"] is False
    assert '"evidence","status":"fail"' in run("doctor", "--config", sides.hospital, "--json").text


def test_a_store_that_cannot_be_opened(run: Run, sides: Sides) -> None:
    """A file that is no database: exit code 7, or a line of the doctor's."""
    (sides.hospital.parent / "hospital.sqlite").write_bytes(b"no database at all, but long enough to look at" * 100)
    ran = run("referrals", "list", "--config", sides.hospital)
    assert ran.code == 7
    assert ran.err.count("\n") == 1
    doctor = run("doctor", "--config", sides.hospital, "--json")
    assert doctor.code == 1
    assert {one["status"] for one in doctor.data if one["what"] == "store"} == {"fail"}


# --- as processes --------------------------------------------------------------------------------


def served(config: Path, *more: str) -> subprocess.Popen[bytes]:
    """`ip-fhir serve`, its other end of stdin in our hand."""
    command = [sys.executable, "-m", "ip_fhir.cli", "serve", "--config", str(config), *more]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)


def healthy(config: Path) -> dict[str, object]:
    """What /health says, as soon as it answers."""
    port = tomllib.loads(config.read_text(encoding="utf-8"))["http"]["port"]
    deadline = time.monotonic() + 30
    while True:
        try:
            found: dict[str, object] = requests.get(f"http://127.0.0.1:{port}/health", timeout=5).json()
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return found


def test_the_log_of_a_first_start(sides: Sides) -> None:
    """Lines of ours only, as JSON: none of the sixteen of Alembic's, none of uvicorn's. Source: users.md B."""
    process = served(sides.hospital, "--log-format", "json")
    try:
        healthy(sides.hospital)
        process.terminate()
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    lines = [json.loads(line) for line in said.decode().splitlines()]
    assert lines[-1]["message"].startswith("listening on 127.0.0.1 port ")
    assert {line["logger"].partition(".")[0] for line in lines} == {"ip_fhir"}


def test_a_loop_by_hand(run: Run, sides: Sides) -> None:
    """The whole loop by commands alone: notice, reminder, incomplete form, complete form, over real HTTP."""

    def both_work() -> None:
        for config in (sides.hospital, sides.municipality, sides.hospital):
            assert run("work", "--once", "--config", config).code == 0

    def state(config: Path, wanted: str) -> str:
        """The state, when it has come to it: a serving process may just be sending what `work` left to it."""
        deadline = time.monotonic() + 30
        while True:
            found = [str(one["state"]) for one in run("referrals", "list", "--config", config, "--json").data]
            if found == [wanted] or time.monotonic() > deadline:
                return ", ".join(found)
            time.sleep(0.1)

    with served(sides.municipality) as municipality, served(sides.hospital) as hospital:
        try:
            healthy(sides.municipality)
            healthy(sides.hospital)
            run("notice", "send", NOTICE, "--config", sides.hospital)
            both_work()
            assert state(sides.municipality, "delivered") == "delivered"
            assert state(sides.hospital, "delivered") == "delivered"
            reminded = run("remind", "referral-03", "--text", "Hvordan går det?", "--config", sides.hospital, "--json")
            assert reminded.data["reminders"] == 1
            incomplete = run("green-form", "send", INCOMPLETE, "--config", sides.municipality)
            assert "the form lacks" in incomplete.text
            both_work()
            for config in (sides.municipality, sides.hospital):
                assert state(config, "incomplete") == "incomplete"
            sides.clock.set(datetime(2026, 1, 12, 8, 0, tzinfo=UTC) + timedelta(days=7))
            run("green-form", "send", COMPLETE, "--config", sides.municipality)
            both_work()
            for config in (sides.municipality, sides.hospital):
                assert state(config, "confirmed") == "confirmed"
        finally:
            municipality.terminate()
            hospital.terminate()
    assert (municipality.returncode, hospital.returncode) == (0, 0)
    shown = run("referrals", "show", "referral-03", "--config", sides.hospital, "--json").data
    assert [form["status"] for form in shown["forms"]] == ["incomplete", "complete"]
    assert shown["evidence"][-1]["after"] == "confirmed"


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "stdin"])
def test_serve_ends_in_order(how: str, sides: Sides) -> None:
    """SIGTERM and Ctrl-C end it with 0; so does the end of whoever started it, where that was asked for."""
    more = ["--while-stdin-open"] if how == "stdin" else []
    with served(sides.hospital, *more) as process:
        try:
            assert healthy(sides.hospital)["role"] == "hospital"
            if how == "stdin":
                assert process.stdin is not None
                process.stdin.close()
            else:
                os.kill(process.pid, getattr(signal, how))
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_work_ends_in_order(run: Run, sides: Sides) -> None:
    """A worker on its own does what is due, and SIGTERM ends it with 0."""
    run("notice", "send", NOTICE, "--config", sides.hospital)
    command = [sys.executable, "-m", "ip_fhir.cli", "work", "--config", str(sides.hospital)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as worker:
        try:
            deadline = time.monotonic() + 30
            with closing(sqlite3.connect(sides.hospital.parent / "hospital.sqlite")) as database:
                while not database.execute("SELECT count(*) FROM outbox WHERE last_error IS NOT NULL").fetchone()[0]:
                    assert time.monotonic() < deadline, "it did not try to send"
                    time.sleep(0.05)
            worker.terminate()
            assert worker.wait(20) == 0
        finally:
            worker.kill()


def test_two_at_one_port(sides: Sides) -> None:
    """A port that is taken: it ends with an error code and a line, not silently."""
    with served(sides.hospital) as first:
        try:
            healthy(sides.hospital)
            with served(sides.hospital) as second:
                assert second.wait(30) != 0
                assert second.stderr is not None
                said = second.stderr.read()
            assert b"address already in use" in said
            assert b"Traceback" not in said
        finally:
            first.terminate()

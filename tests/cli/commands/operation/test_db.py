"""`db`: tables brought up to date, how the store stands, a copy, what is past its time."""

import json
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ip_fhir.domain.referral import State
from ip_fhir.settings import read_settings
from ip_fhir.store import SqlStore, open_store
from ip_fhir.store.schema import VERSION
from ip_fhir.testing.store_samples import (
    append,
    outbox_row,
    plan_version,
    record,
    referral,
    share,
    shared_plan,
    view_made,
)
from tests.cli.conftest import Run, Sides
from tests.store.places import Place
from tests.support.postgres import running_server


@pytest.fixture
def config(bare_sides: Sides) -> Path:
    """The settings of a side whose store is not there yet."""
    return bare_sides.hospital


EMPTY = (
    "evidence: there is nothing to check: no record was ever written to this store, "
    "or it is not the one that was meant\n"
)


def store_of(config: Path) -> SqlStore:
    """The store that the settings name."""
    return open_store(read_settings(config).database)


def test_upgrade_and_status(run: Run, config: Path) -> None:
    """A store that is not there has no version, exit code 1; then it is made; then nothing is left to do."""
    before = run("db", "status", "-c", config, "--json")
    assert (before.code, before.data["version"], before.data["needed"]) == (1, None, VERSION)
    assert run("db", "upgrade", "-c", config).text == f"the tables are at version {VERSION}, they were at none\n"
    assert run("db", "upgrade", "-c", config).text == f"the tables are at version {VERSION}\n"
    with closing(store_of(config)) as store:
        with store.begin() as transaction:
            transaction.save(referral("r"), None)
        append(store, "r", "1")
    after = run("db", "status", "-c", config, "--json")
    assert after.code == 0
    assert {name: after.data[name] for name in ("database", "loops", "records", "purged")} == {
        "database": "sqlite",
        "loops": {"sent": 1},
        "records": 2,
        "purged": 0,
    }
    assert "sent 1" in run("db", "status", "-c", config).text


def test_backup(run: Run, config: Path, tmp_path: Path) -> None:
    """The copy is a store; a second copy does not take its place."""
    with closing(store_of(config)) as store:
        append(store, "r", "1")
    copy = tmp_path / "copy.sqlite"
    assert run("db", "backup", copy, "-c", config).code == 0
    with closing(open_store(f"sqlite:///{copy}")) as copied:
        assert copied.head().number == 1
    again = run("db", "backup", copy, "-c", config)
    assert (again.code, again.err) == (2, "ip-fhir: backup: there is a file of this name already\n")


def test_purge(run: Run, sides: Sides) -> None:
    """Only with --yes; by the side's own clock; `verify` counts what was purged."""
    config = sides.hospital
    with closing(store_of(config)) as store:
        with store.begin() as transaction:
            transaction.save(referral("r", State.CLOSED), None)
        append(store, "r", "1", "2")
        with store.begin() as transaction:
            transaction.save_plan(shared_plan("ended", over=True), None)
            going_on = shared_plan("p", shares=(share("s", "p", number=2, version=2),))
            transaction.save_plan(going_on, None)
            transaction.save_plan(going_on.evolve(plan=plan_version("p", 2)), 1)
            transaction.add_views("p", [view_made("s"), view_made("s", 2, 2)])
    sides.clock.set(datetime(2027, 3, 1, tzinfo=UTC))
    assert run("db", "purge", "-c", config, "--older-than", 365, "--yes", "--json").data["referrals"] == 0
    sides.clock.set(datetime(2027, 3, 3, tzinfo=UTC))
    assert run("db", "purge", "-c", config, "--older-than", 365).text == (
        "1 loops and 1 plans would be purged; --yes does it\n"
    )
    would = {"would_purge": 1, "would_purge_plans": 1, "confirmed": 0}
    assert run("db", "purge", "-c", config, "--older-than", 365, "--json").data == would
    done = run("db", "purge", "-c", config, "--older-than", 365, "--yes")
    counted = "0 receipts and 0 keys of messages; 0 rows of the log of reads"
    parts = "of plans that go on: 1 versions, 1 views, 0 messages, 0 items"
    assert done.text == f"purged: 1 loops, 1 plans, the words of 2 records; {counted}\n{parts}\n"
    assert run("verify", "-c", config).text.startswith("whole: 7 records, 2 of them purged, ")
    assert run("verify", "-c", config, "--json").data["purged"] == 2


def test_confirmed_loops_are_named_and_kept(run: Run, sides: Sides) -> None:
    """They have not ended: a purge says how many are as old, and how they are closed (findings/users.md B)."""
    config = sides.hospital
    with closing(store_of(config)) as store, store.begin() as transaction:
        transaction.save(referral("r", State.CONFIRMED), None)
    sides.clock.set(datetime(2027, 3, 3, tzinfo=UTC))
    said = (
        "1 confirmed loops are as old, and kept: close_after_days of the agreement closes them, or `ip-fhir referrals"
    )
    for yes in ((), ("--yes",)):
        assert said in run("db", "purge", "-c", config, "--older-than", 365, *yes).text
    assert run("db", "purge", "-c", config, "--older-than", 365, "--json").data == {
        "would_purge": 0,
        "would_purge_plans": 0,
        "confirmed": 1,
    }


def test_purge_needs_an_age(run: Run, config: Path) -> None:
    """How long is for somebody to say; there is no default, and nothing of today goes."""
    assert run("db", "purge", "-c", config, "--yes").code == 2
    assert run("db", "purge", "-c", config, "--older-than", 0, "--yes").code == 2


def test_a_server(run: Run, config: Path) -> None:
    """On PostgreSQL the tables are made when asked for, and the copy is left to the server's own means."""
    with running_server() as server:
        text = config.read_text()
        (line,) = [line for line in text.splitlines() if line.startswith("database")]
        config.write_text(text.replace(line, f'database = "{server.new_database()}"'))
        absent = run("verify", "-c", config)
        assert (absent.code, absent.text.startswith("store: there is no store: the database has no tables")) == (
            1,
            True,
        )
        assert run("db", "upgrade", "-c", config).code == 0
        assert run("verify", "-c", config).text.startswith("evidence: there is nothing to check: no record")
        assert run("db", "status", "-c", config, "--json").data["database"] == "postgresql"
        copy = run("db", "backup", config.with_name("copy"), "-c", config)
        assert (copy.code, copy.err) == (2, "ip-fhir: backup: a PostgreSQL store is copied with pg_dump\n")


@pytest.mark.promise(16)
def test_export(run: Run, config: Path, tmp_path: Path) -> None:
    """`verify --export` writes a Bundle or lines, for the owner alone, and takes no other file's place."""
    assert run("verify", "-c", config, "--export", tmp_path / "none.json").code == 1
    assert not (tmp_path / "none.json").exists()
    run("db", "upgrade", "-c", config)
    assert run("verify", "-c", config, "--export", tmp_path / "none.json").code == 1
    assert json.loads((tmp_path / "none.json").read_bytes()) == {"resourceType": "Bundle", "type": "collection"}
    with closing(store_of(config)) as store:
        append(store, "r", "1", "2")
    assert run("verify", "-c", config, "--export", tmp_path / "all.json").text.startswith("whole: 2 records")
    bundle = json.loads((tmp_path / "all.json").read_bytes())
    types = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert types == ["Provenance", "AuditEvent"] * 2
    assert run("verify", "-c", config, "--export", tmp_path / "all.ndjson").code == 0
    lines = [json.loads(line) for line in (tmp_path / "all.ndjson").read_bytes().splitlines()]
    assert lines == [entry["resource"] for entry in bundle["entry"]]
    assert stat.S_IMODE((tmp_path / "all.json").stat().st_mode) == 0o600
    again = run("verify", "-c", config, "--export", tmp_path / "all.json")
    assert (again.code, again.err) == (2, "ip-fhir: --export: there is a file of this name already\n")
    assert run("verify", "-c", config, "--export", tmp_path / "missing" / "all.json").code == 2


READING = [
    ("verify",),
    ("referrals", "list"),
    ("referrals", "show", "r"),
    ("outbox", "list"),
    ("outbox", "refusals"),
    ("outbox", "retry", "r"),
    ("worklist", "list"),
    ("db", "status"),
    ("db", "backup", "copy"),
    ("db", "purge", "--older-than", "1", "--yes"),
    ("db", "unreadable"),
    ("db", "take-up", "outbox", "1"),
    ("doctor",),
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
@pytest.mark.parametrize("content", [None, b""], ids=["missing", "empty"])
def test_no_command_that_reads_makes_a_store(
    run: Run, config: Path, command: tuple[str, ...], content: bytes | None
) -> None:
    """A file that is not there stays so, an empty one stays empty; each says so, by its exit code too."""
    file = config.parent / "hospital.sqlite"
    if content is not None:
        file.write_bytes(content)
    ran = run(*command, "-c", config)
    assert ran.code == (0 if command == ("doctor",) and content is None else 7 if command[0] != "verify" else 1) or (
        command in [("db", "status"), ("doctor",)] and ran.code == 1
    )
    assert "whole" not in ran.text
    assert (file.read_bytes() if file.exists() else None) == content


def test_nothing_is_never_whole(run: Run, config: Path) -> None:
    """No store, an empty file, another's database, a store without a record: each in its own words, exit code 1."""
    file = config.parent / "hospital.sqlite"
    nowhere = f"store: there is no store: {file} is not there, or empty (ip-fhir serve, work and db upgrade make it)\n"
    assert run("verify", "-c", config).text == nowhere
    file.write_bytes(b"")
    assert run("verify", "-c", config).text == nowhere
    found = run("verify", "-c", config, "--json")
    assert (found.code, found.data["whole"]) == (1, False)
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE theirs (number integer)")
    assert run("verify", "-c", config).text == f"store: there is no store: {file} is another program's\n"
    file.unlink()
    run("db", "upgrade", "-c", config)
    empty = run("verify", "-c", config, "--json")
    assert (empty.code, empty.data["whole"], empty.data["empty"]) == (1, False, True)
    assert run("verify", "-c", config).text == EMPTY
    with closing(store_of(config)) as store:
        append(store, "r", "1")
    whole = run("verify", "-c", config, "--json")
    assert (whole.code, whole.data["whole"], whole.data["empty"]) == (0, True, False)


def test_rows_that_cannot_be_read(run: Run, config: Path) -> None:
    """Lists show the others and name them; verify, status and doctor too; mended, one is taken up again."""
    with closing(store_of(config)) as store, store.begin() as transaction:
        for ident in ("a", "b"):
            transaction.save(referral(ident), None)
            transaction.append(ident, [record(ident)])
            transaction.enqueue([outbox_row(ident, ident)])
    place = Place(read_settings(config).database)
    ((kept,),) = place.sql("SELECT body FROM referral WHERE correlation_id = 'a'")
    place.sql("UPDATE referral SET body = '{}' WHERE correlation_id = 'a'")
    place.sql("UPDATE outbox SET due = 'soon' WHERE id = 'a'")
    listed = run("referrals", "list", "-c", config, "--json")
    assert [one["correlation_id"] for one in listed.data] == ["b"]
    assert listed.err.startswith("ip-fhir: referral a cannot be read: a stored Referral cannot be read: ")
    rows = run("outbox", "list", "--status", "waiting", "-c", config, "--json")
    assert ([row["id"] for row in rows.data], rows.err) == (
        ["b"],
        "ip-fhir: outbox 1 cannot be read: due: not of the column's type\n",
    )
    verified = run("verify", "-c", config)
    assert verified.code == 1
    assert "outbox.1: due: not of the column's type" in verified.text
    found = {line["detail"] for line in run("doctor", "-c", config, "--json").data if line["what"] == "unreadable row"}
    assert len(found) == 2
    assert run("db", "unreadable", "-c", config).text == "every row that was met could be read\n"
    looked = run("db", "unreadable", "--look", "-c", config, "--json")
    assert (looked.code, [(row["table"], row["key"], row["of"]) for row in looked.data]) == (
        1,
        [("outbox", "1", "referral a"), ("referral", "a", "referral a")],
    )
    assert "referral a" in run("db", "unreadable", "-c", config).text
    assert run("db", "status", "-c", config, "--json").data["unreadable"] == 2
    assert run("db", "take-up", "referral", "a", "-c", config).code == 7
    place.sql("UPDATE referral SET body = :body WHERE correlation_id = 'a'", body=kept)
    assert run("db", "take-up", "referral", "a", "-c", config).text == "referral a: taken up again\n"
    assert run("db", "take-up", "referral", "a", "-c", config).code == 2
    assert run("db", "take-up", "no-table", "a", "-c", config).code == 2
    assert [row["table"] for row in run("db", "unreadable", "-c", config, "--json").data] == ["outbox"]

"""`db`: tables brought up to date, how the store stands, a copy, what is past its time."""

import json
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ip_fhir.domain.referral import State
from ip_fhir.settings import read_settings
from ip_fhir.store import SqlStore, open_store
from ip_fhir.store.schema import VERSION
from ip_fhir.testing.store_samples import append, referral
from tests.cli.conftest import Run, Sides
from tests.support.postgres import running_server


@pytest.fixture
def config(sides: Sides) -> Path:
    """The settings of a side whose store is not there yet."""
    return sides.hospital


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
        "records": 1,
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
    sides.clock.set(datetime(2027, 3, 1, tzinfo=UTC))
    assert run("db", "purge", "-c", config, "--older-than", 365, "--yes", "--json").data["referrals"] == 0
    sides.clock.set(datetime(2027, 3, 3, tzinfo=UTC))
    assert run("db", "purge", "-c", config, "--older-than", 365).text == "1 loops would be purged; --yes does it\n"
    assert run("db", "purge", "-c", config, "--older-than", 365, "--json").data == {"would_purge": 1}
    done = run("db", "purge", "-c", config, "--older-than", 365, "--yes")
    counted = "0 receipts and 0 keys of messages; 0 rows of the log of reads"
    assert done.text == f"purged: 1 loops, the words of 2 records; {counted}\n"
    assert run("verify", "-c", config).text.startswith("whole: 2 records, 2 of them purged, the last is ")
    assert run("verify", "-c", config, "--json").data["purged"] == 2


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
        assert run("verify", "-c", config).code == 7
        assert run("db", "upgrade", "-c", config).code == 0
        assert run("verify", "-c", config).code == 0
        assert run("db", "status", "-c", config, "--json").data["database"] == "postgresql"
        copy = run("db", "backup", config.with_name("copy"), "-c", config)
        assert (copy.code, copy.err) == (2, "ip-fhir: backup: a PostgreSQL store is copied with pg_dump\n")


@pytest.mark.promise(16)
def test_export(run: Run, config: Path, tmp_path: Path) -> None:
    """`verify --export` writes a Bundle or lines, for the owner alone, and takes no other file's place."""
    assert run("verify", "-c", config, "--export", tmp_path / "none.json").code == 0
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

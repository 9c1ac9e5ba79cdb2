"""docs/howto.md, walked: the lines in its boxes are run as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import requests
from sqlalchemy import Connection, text

from ip_fhir.settings import read_settings
from ip_fhir.store import codec, open_store
from ip_fhir.store.damage.unreadable import Damage
from ip_fhir.store.engine import Database
from ip_fhir.store.migrate import MIGRATIONS
from ip_fhir.store.migrate import run as migrate_to
from ip_fhir.store.schema import VERSION
from ip_fhir.store.transaction import SqlTransaction
from ip_fhir.testing.store_samples import enqueue, everything, outbox_row, record, referral
from tests.cli.conftest import Ran, Run, Sides
from tests.support.certificates import Authority
from tests.support.postgres import Server, running_server
from tests.support.two_sides import notice

HOWTO = Path(__file__).parents[2] / "docs" / "howto.md"
OLDER = [path.name.partition("_")[0] for path in sorted((MIGRATIONS / "versions").glob("0*.py"))][:-1]

Walk = Callable[[str], list[Ran]]


def boxes(title: str) -> list[str]:
    """The boxes under a heading, in order."""
    part = re.split(r"(?m)^## ", HOWTO.read_text())
    (section,) = (one for one in part if one.partition("\n")[0] == title)
    found = re.findall(r"(?ms)^```sh\n(.*?)^```$", section)
    assert found
    return found


@pytest.fixture
def walk(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    """Runs the lines of a box, in a folder; each must succeed. Our own commands run in this process."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("IP_FHIR_PEERS__0__TIMEOUT", "250")  # the machine may be busy with other tests
    monkeypatch.setenv("IP_FHIR_WORKER__LEASE", "600")

    def lines(box: str) -> list[Ran]:
        ran = []
        for line in box.splitlines():
            command, _, or_else = line.partition(" || ")
            if command.startswith("ip-fhir "):
                ran.append(run(*shlex.split(command)[1:]))
                assert ran[-1].code == 0 or or_else == "true", (line, ran[-1])
            else:
                subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=True)
        return ran

    yield lines
    monkeypatch.undo()


def side(settings: Path, name: str = "side.toml", database: str = "sqlite:///side.sqlite") -> Path:
    """The settings of a side in the present folder, with a store there."""
    text_ = re.sub(r'(?m)^database = ".*"$', f'database = "{database}"', settings.read_text())
    for one in settings.parent.iterdir():
        if one.suffix not in (".sqlite", ".toml") or one.name == "agreement.toml":
            shutil.copy(one, one.name)
    target = Path(name)
    target.write_text(text_)
    target.chmod(0o600)
    return target


def fill(config: Path) -> None:
    """Something of everything in the store of these settings."""
    with closing(open_store(read_settings(config).database)) as store, store.begin() as transaction:
        everything(transaction)


def test_install(walk: Walk, sides: Sides) -> None:
    """A settings file is written, and `doctor` is content with one that is filled in; the extras exist."""
    first, second = boxes("Install")
    walk(first)
    assert "FILL IN" in Path("side.toml").read_text()
    Path("side.toml").unlink()
    side(sides.municipality)
    walk("ip-fhir db upgrade --config side.toml")
    walk(second)
    extras = re.search(r"ip-fhir\[(.*?)\]'", HOWTO.read_text())
    assert extras is not None
    project = (HOWTO.parents[1] / "pyproject.toml").read_text()
    assert all(re.search(rf"(?m)^{extra} = \[", project) for extra in extras[1].split(","))


@contextmanager
def serving(config: str, **environ: str) -> Iterator[int]:
    """A side that runs as `ip-fhir serve` does; yields its port."""
    port = read_settings(config).http.port
    command = [sys.executable, "-m", "ip_fhir.cli", "serve", "--config", config]
    process = subprocess.Popen(command, env={**os.environ, **environ})
    try:
        for _ in range(1200):
            assert process.poll() is None
            with suppress(requests.ConnectionError):
                assert requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5).status_code == 200
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        assert process.wait(100) == 0


def two_sides(sides: Sides) -> None:
    """Both sides' settings in the present folder, each with an empty store beside it."""
    for file in (sides.hospital, sides.municipality):
        side(file, file.name, f"sqlite:///{file.stem}.sqlite")


def test_the_first_peer(walk: Walk, bare_sides: Sides) -> None:
    """Two sides that know each other: a notice leaves one, and is listed at the other, which runs."""
    two_sides(bare_sides)
    Path("notice.json").write_text(notice("01").to_json())
    first, second = boxes("The first peer")
    walk(first)
    with serving("municipality.toml"):
        ran = walk(second)
    assert "referral-01" in ran[3].text
    assert "referral-01" in ran[4].text


def test_new_tokens(walk: Walk, bare_sides: Sides) -> None:
    """At each step of the change messages go out; in the end the old token is refused."""
    two_sides(bare_sides)
    (box,) = boxes("New tokens")
    walk("ip-fhir db upgrade --config hospital.toml")
    walk(box)
    assert len(Path("new.token").read_text().strip()) == 64
    theirs, ours = Path("municipality.toml"), Path("hospital.toml")
    steps = [
        (theirs, '{ file = "hospital.token" }', '{ file = "hospital.token" }, { file = "new.token" }'),
        (ours, '{ file = "hospital.token" }', '{ file = "new.token" }'),
        (theirs, '{ file = "hospital.token" }, { file = "new.token" }', '{ file = "new.token" }'),
    ]
    for number, (file, before, after) in enumerate(steps, start=1):
        said = file.read_text()
        assert before in said, said
        file.write_text(said.replace(before, after))
        Path("notice.json").write_text(notice(f"0{number}").to_json())
        with serving("municipality.toml"):
            walk("ip-fhir notice send notice.json --config hospital.toml")
            walk("ip-fhir work --once --config hospital.toml")
            listed = walk("ip-fhir outbox list --status sent --config hospital.toml --json")[0].data
        assert len(listed) == number
    ours.write_text(ours.read_text().replace('{ file = "new.token" }', '{ file = "hospital.token" }'))
    with serving("municipality.toml") as port:
        old = {"Authorization": f"Bearer {Path('hospital.token').read_text().strip()}"}
        assert requests.get(f"http://127.0.0.1:{port}/Task", headers=old, timeout=50).status_code == 401


def test_new_certificates(walk: Walk, sides: Sides) -> None:
    """The files are replaced in one step each, are the side's own again, and `doctor` is content with them."""
    side(sides.municipality)
    walk("ip-fhir db upgrade --config side.toml")
    for name in ("old", "new"):
        made = Authority(Path(), f"authority-{name}").certificate(name)
        Path(made["certificate"]).rename("certificate.pem" if name == "old" else "new-certificate.pem")
        Path(made["key"]).rename("key.pem" if name == "old" else "new-key.pem")
    Path("key.pem").chmod(0o600)
    said = (
        Path("side.toml")
        .read_text()
        .replace("[http]", '[http]\ntls = { certificate = "certificate.pem", key = "key.pem" }')
    )
    Path("side.toml").write_text(said)
    (box,) = boxes("New certificates")
    walk(box)
    assert Path("certificate.pem").read_text() == Path("new-certificate.pem").read_text()
    assert stat.S_IMODE(Path("key.pem").stat().st_mode) == 0o600
    assert not list(Path().glob("*.part"))


def put(connection: Connection, version: str) -> None:
    """A referral as this version of the tables had it, and from 0007 on with its digest in the chain."""
    if version >= "0007":
        transaction = SqlTransaction(connection, Damage())
        transaction.save(referral("r"), None)
        transaction.append("r", [record("r-1")])
        transaction.complete()
        return
    values = codec.referral_row(referral("r"), 1)
    names = [name for name in values if version >= "0002" or name not in ("waits_since", "overdue")]
    given = ", ".join(f":{name}" for name in names)
    said = f"INSERT INTO referral (correlation_id, {', '.join(names)}) VALUES ('r', {given})"  # noqa: S608
    connection.execute(text(said), {name: values[name] for name in names})


@pytest.mark.parametrize("version", OLDER)
def test_upgrade(walk: Walk, sides: Sides, version: str) -> None:
    """A store of every earlier version, with a row as that version had it, is brought up to date and verifies."""
    config = side(sides.municipality)
    url = read_settings(config).database
    with closing(Database(url)) as database:
        database.use_wal()
        with database.writing() as connection:
            migrate_to(connection, version)
            put(connection, version)
    (box,) = boxes("Upgrade")
    before, _, after, verified = walk(box)
    assert (before.code, after.code) == (1, 0)
    assert VERSION in after.text
    assert "whole" in verified.text
    with closing(open_store(url)) as store:
        found = store.referral("r")
    assert found is not None
    assert found.referral == referral("r")


def test_back_up_and_put_back(walk: Walk, sides: Sides) -> None:
    """What was in the copy is there again, whole; what came after it is not."""
    config = side(sides.municipality)
    walk("ip-fhir db upgrade --config side.toml")
    fill(config)
    first, second = boxes("Back up, and put back")
    walk(first)
    with closing(open_store(read_settings(config).database)) as store:
        enqueue(store, outbox_row("later", "r"))
    walk(second)
    with closing(open_store(read_settings(config).database)) as store:
        assert store.referral("r") is not None
        assert [row.id for row in store.outbox()] == ["a"]
        assert store.verify() == ()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with running_server() as server:
        yield server


def test_move_to_postgresql(walk: Walk, sides: Sides, server: Server) -> None:
    """The store is there, whole; a second copy onto it is refused, and the way back is the same."""
    config = side(sides.municipality)
    walk("ip-fhir db upgrade --config side.toml")
    fill(config)
    Path("pg.toml").write_text(config.read_text().replace('"sqlite:///side.sqlite"', f'"{server.new_database()}"'))
    Path("pg.toml").chmod(0o600)
    (box,) = boxes("Move to PostgreSQL")
    copied, _status, verified = walk(box)
    assert "whole: the last record is" in copied.text
    assert "whole" in verified.text
    with closing(open_store(read_settings("pg.toml").database)) as store:
        assert store.referral("r") is not None
    with pytest.raises(AssertionError, match="holds something"):
        walk("ip-fhir db copy side.toml pg.toml")
    Path("back.toml").write_text(config.read_text().replace("side.sqlite", "back.sqlite"))
    walk("ip-fhir db copy pg.toml back.toml")
    with closing(open_store(read_settings("back.toml").database)) as store:
        assert store.referral("r") is not None

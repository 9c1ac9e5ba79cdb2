"""`verify` with heads kept elsewhere and signed heads, and of nothing; `evidence head`; the heads of `work`."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from ip_fhir.bootstrap import open_exchange, open_listeners
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.heads import HeadKeeper
from ip_fhir.settings import read_settings
from ip_fhir.store import SqlStore, open_store
from ip_fhir.testing.listener_contract import ReceiverDouble
from ip_fhir.testing.store_samples import append
from tests.cli.conftest import Run, Sides


@pytest.fixture
def config(sides: Sides) -> Path:
    """A side's settings, which name a directory for signed heads and a key."""
    key = OKPKey.generate_key("Ed25519")
    file = sides.hospital
    file.with_name("private.pem").write_bytes(key.as_pem(private=True))
    file.with_name("public.pem").write_bytes(key.as_pem(private=False))
    table = '\n[evidence]\nheads = "heads"\nkey = { file = "private.pem" }\n'
    file.write_text(file.read_text() + table)
    return file


def store_of(config: Path) -> SqlStore:
    """The store that the settings name."""
    return open_store(read_settings(config).database)


def fill(config: Path, *events: str) -> None:
    """Some records of evidence."""
    with closing(store_of(config)) as store:
        append(store, "r", *events)


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until it has happened, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def database(config: Path) -> Path:
    """The file of the store."""
    return Path(read_settings(config).database.removeprefix("sqlite:///").partition("?")[0])


def test_nothing_is_not_whole(run: Run, bare_sides: Sides) -> None:
    """No file, an empty one, a store without a record: exit code 1, the reason, and no file is made."""
    config = bare_sides.hospital
    file = database(config)
    ran = run("verify", "-c", config)
    assert (ran.code, ran.text[:26]) == (1, "store: there is no store: ")
    assert not file.exists()
    file.touch()
    assert run("verify", "-c", config).code == 1
    assert run("verify", "-c", config, "--json").data["whole"] is False
    assert file.read_bytes() == b""
    store_of(config).close()
    ran = run("verify", "-c", config)
    assert (ran.code, ran.text[:44]) == (1, "evidence: there is nothing to check: no reco")
    assert "no record was ever written" in run("doctor", "-c", config).text


def test_a_store_that_was_emptied(run: Run, config: Path) -> None:
    """A file that was truncated, or removed and made anew, is not whole, and does not have the head that was kept."""
    fill(config, "1")
    head = run("verify", "-c", config).text.splitlines()[-1].removeprefix("head: ")
    database(config).write_bytes(b"")
    for name in ("-wal", "-shm"):
        Path(f"{database(config)}{name}").unlink(missing_ok=True)
    assert run("verify", "-c", config).code == 1
    fill(config, "other")
    assert run("verify", "-c", config).code == 0, "a new chain is whole"
    ran = run("verify", "-c", config, "--expect", head)
    assert (ran.code, ran.text) == (1, "evidence.1: the chain does not have the head that was kept elsewhere\n")


def test_expect(run: Run, config: Path, tmp_path: Path) -> None:
    """The head that `verify` shows is what --expect takes, also from a file, and also when the chain has grown."""
    fill(config, "1", "2")
    shown = run("verify", "-c", config).text.splitlines()
    assert shown[0] == "whole: 2 records, 0 rows and parts of rows as they were written"
    head = shown[1].removeprefix("head: ")
    assert head.startswith("2 ")
    fill(config, "3")
    kept = tmp_path / "heads.txt"
    kept.write_text(f"{head}\n\n{run('evidence', 'head', '-c', config).text.splitlines()[0]}\n")
    assert run("verify", "-c", config, "--expect", head, "--expect", str(kept)).code == 0
    wrong = f"2 {'0' * 64}"
    ran = run("verify", "-c", config, "--expect", head, "--expect", wrong, "--json")
    assert (ran.code, [problem["path"] for problem in ran.data["problems"]]) == (1, ["evidence.2"])
    kept.write_text("nonsense\n")
    for text in ("nonsense", str(kept), str(tmp_path / "missing"), str(tmp_path)):
        assert run("verify", "-c", config, "--expect", text).code == 2


def test_signed_heads(run: Run, config: Path, tmp_path: Path) -> None:
    """A signed head fits the chain it is of; another key, a changed line, a chain made anew and no heads do not."""
    fill(config, "1", "2")
    ran = run("evidence", "head", "-c", config, "--json")
    (file,) = map(Path, ran.data["files"])
    assert file.parent == config.with_name("heads")
    fill(config, "3")
    public = config.with_name("public.pem")
    check = ("verify", "-c", config, "--heads", file.parent, "--public-key", public)
    assert "1 signed heads fit, the last of " in run(*check).text
    assert run(*check, "--json").data["signed"] == 1
    assert run(*check[:-2]).code == 2, "without the key"
    assert run(*check[:-1], tmp_path / "missing.pem").code == 2
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(OKPKey.generate_key("Ed25519").as_pem(private=False))
    ran = run(*check[:-1], stranger)
    assert (ran.code, ran.text) == (1, f"{file.name}:1: no head that this key has signed\n")
    line = file.read_text()
    file.write_text(line[:60] + ("A" if line[60] != "A" else "B") + line[61:])
    assert run(*check).code == 1
    file.write_text(line)
    assert run(*check).code == 0
    with closing(sqlite3.connect(database(config))) as connection:
        connection.execute("DELETE FROM evidence")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'chain-head'", (f"0 {'0' * 64}",))
        connection.commit()
    fill(config, "a", "b", "c")
    ran = run(*check)
    assert (ran.code, ran.text) == (1, "evidence.2: the chain does not have the head that was kept elsewhere\n")
    file.unlink()
    assert run(*check).code == 2


def test_without_a_key(run: Run, sides: Sides) -> None:
    """`evidence head` shows the end of the chain; only where the settings have a key it signs."""
    fill(sides.hospital, "1")
    ran = run("evidence", "head", "-c", sides.hospital)
    assert (ran.code, ran.text[:2], len(ran.text)) == (0, "1 ", 67)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('heads = "heads"', "heads and key: each needs the other"),
        ('heads = "heads"\nkey = "nonsense nonsense"', "evidence.key: no key for signatures"),
        ('heads = "heads"\nkey = { file = "public.pem" }', "evidence.key: a public key cannot sign"),
        ('heads = "heads"\nkey = { file = "none.pem" }', "evidence.key: the file named here cannot be read"),
    ],
)
def test_settings_that_cannot_be(run: Run, config: Path, table: str, words: str) -> None:
    """A key that is none, or not private, is told with its place before anything begins."""
    text = config.read_text()
    config.write_text(text[: text.index("[evidence]")] + f"[evidence]\n{table}\n")
    ran = run("evidence", "head", "-c", config)
    assert (ran.code, words in ran.err) == (2, True)


def test_a_head_at_each_interval(config: Path, sides: Sides) -> None:
    """One in each interval, however many sides share the directory; what stands in it is the chain's end then."""
    settings = read_settings(config)
    (keeper,), (other,) = open_listeners(settings), open_listeners(settings)
    assert isinstance(keeper, HeadKeeper)
    assert isinstance(other, HeadKeeper)
    exchange = open_exchange(settings)
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)
    for minutes, written in ((0, True), (59, False), (60, True), (600, True)):
        sides.clock.set(start + timedelta(minutes=minutes))
        assert (keeper.keep(exchange) is not None) == written
        assert other.keep(exchange) is None
    exchange.close()
    names = sorted(file.name for file in config.with_name("heads").iterdir())
    assert names == ["20260302T120000Z.jws", "20260302T130000Z.jws", "20260302T220000Z.jws"]


def test_the_thread_writes(config: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Started with the other listeners it writes at once; a directory that cannot be made is logged; it stops."""
    settings = read_settings(config)
    (keeper,) = open_listeners(settings)
    exchange = open_exchange(settings)
    heads = config.with_name("heads")
    keeper.start(exchange)
    wait_for(lambda: heads.is_dir() and bool(list(heads.glob("*.jws"))))
    keeper.stop()
    for file in heads.iterdir():
        file.unlink()
    heads.rmdir()
    heads.write_text("in the way")
    (again,) = open_listeners(settings)
    again.start(exchange)
    wait_for(lambda: "signed head of the evidence: not written" in caplog.text)
    again.stop()
    exchange.close()
    assert "PRIVATE" not in caplog.text


def test_not_for_any_receiver(config: Path) -> None:
    """A receiver that is no exchange has no chain: told when it starts."""
    (keeper,) = open_listeners(read_settings(config))
    with pytest.raises(InvalidInput, match="an exchange's store"):
        keeper.start(ReceiverDouble())

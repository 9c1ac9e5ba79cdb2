"""What an operator does: copy the store while it works, take out what is past its time, see how it stands."""

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.referral import State
from ip_fhir.domain.values.aggregate import RECIPIENT
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.ports import Seen
from ip_fhir.store import Purged, SqlStore, open_store, standing
from ip_fhir.store.chain import Head
from ip_fhir.store.schema import VERSION
from ip_fhir.testing.store_samples import (
    NOON,
    PERSON,
    after,
    append,
    enqueue,
    outbox_row,
    record,
    referral,
    task,
)
from tests.store.places import Place
from tests.support.postgres import Server

LATER = after(days=400)
ENDED = [State.CLOSED, State.CANCELLED, State.WITHDRAWN, State.REJECTED]


def fill(store: SqlStore, ident: str, state: State = State.CLOSED, **more: object) -> None:
    """A referral with one of each thing, sent."""
    with store.begin() as transaction:
        transaction.save(referral(ident, state, **more), None)  # type: ignore[arg-type]
        transaction.append(ident, [record(f"{ident}-{number}", state=state) for number in (1, 2)])
        transaction.remember(Seen(f"key-{ident}", "digest", b"reply"), NOON)
        transaction.enqueue([outbox_row(f"{ident}-row", ident)])
        transaction.put_resource(task(f"{ident}-task", correlation_id=ident, status="requested"), None)
        transaction.put_resource(task(f"{ident}-task", 2, correlation_id=ident, status="completed"), 1)
        transaction.finish(f"{ident}-row", NOON)


# --- retention


def test_what_people_were_told_long_ago_goes(store: SqlStore) -> None:
    """Once it is done with; what waits or is parked stays, no number comes again, and the evidence is whole."""
    idents = ("sent", "refused", "parked", "waits", "last")
    for ident in idents:
        row = replace(outbox_row(ident, "intake", kind=EffectKind.TELL), aggregate_kind=RECIPIENT)
        with store.begin() as transaction:
            transaction.next_telling("intake", ident)
            transaction.enqueue([row])
    for ident in ("sent", "last"):
        store.sent(ident, NOON)
    store.refused("refused", "no")
    store.failed("parked", "no", None)
    assert store.purge(NOON, LATER).tellings == 0
    assert store.purge(after(days=1), LATER) == Purged(tellings=3)
    assert [row.id for row in store.tellings("intake")] == ["parked", "waits"]
    assert store.last_telling("intake") == len(idents)
    assert store.verify() == ()
    assert store.purge(after(days=1), LATER) == Purged()


@pytest.mark.parametrize("state", State)
def test_only_what_has_ended_is_purged(store: SqlStore, state: State) -> None:
    """A loop that goes on is never taken out, however long nothing has happened in it."""
    fill(store, "r", state)
    assert store.count_expired(LATER) == int(state in ENDED)
    assert store.count_confirmed(LATER) == int(state is State.CONFIRMED)
    assert store.purge(LATER, LATER) == (Purged(1, 2) if state in ENDED else Purged())
    assert (store.referral("r") is None) == (state in ENDED)


def test_what_goes_and_what_stays(store: SqlStore, place: Place) -> None:
    """All that was said about the person is gone from every table; another's loop is whole; the chain verifies."""
    fill(store, "old")
    fill(store, "new", changed=after(days=1))
    before = store.evidence("new")
    assert store.purge(after(hours=1), LATER) == Purged(1, 2)
    assert store.referral("old") is None
    assert store.evidence("old") == []
    assert [row.correlation_id for row in store.outbox()] == ["new"]
    assert [one.id for one in store.search_resources("Task", {})] == ["new-task"]
    assert place.sql("SELECT count(*) FROM resource WHERE aggregate_id = 'old'") == [(0,)]
    assert place.sql("SELECT count(*) FROM token WHERE id = 'old-task'") == [(0,)]
    assert place.sql("SELECT body FROM evidence WHERE aggregate_id = 'old'") == [("",), ("",)]
    assert store.evidence("new") == before
    assert store.verify() == ()
    assert (store.head().number, store.head().purged) == (5, 2), "the purge has a record of its own"


def test_a_message_of_last_year_is_still_known(store: SqlStore) -> None:
    """Key, digest and receipt stay: a resend after the purge opens nothing anew."""
    fill(store, "r")
    store.purge(LATER, LATER)
    with store.begin() as transaction:
        assert transaction.seen("key-r") == Seen("key-r", "digest", b"reply")


def test_a_key_stays_while_its_message_could_be_taken_in(store: SqlStore) -> None:
    """Its receipt goes once the message is too old for that; the key then too, if it is older than what is purged."""
    days = (0, 100, 200, 300)
    with store.begin() as transaction:
        for day in days:
            transaction.remember(Seen(f"key-{day}", "digest", b"reply"), after(days=day))
    assert store.purge(after(days=350), LATER, replayable=after(days=150)) == Purged(keys=2, receipts=2)
    assert left(store, days) == {200: b"reply", 300: b"reply"}, "purged soon: the keys stay for as long as is needed"
    assert store.purge(after(days=50), LATER, replayable=after(days=250)) == Purged(receipts=1)
    assert left(store, days) == {200: b"", 300: b"reply"}, "purged late: the keys stay as long as the referrals"
    assert store.purge(after(days=50), LATER, replayable=after(days=250)) == Purged()
    assert store.verify() == ()


def left(store: SqlStore, days: tuple[int, ...]) -> dict[int, bytes]:
    """What was answered to the messages that are known."""
    with store.begin() as transaction:
        seen = {day: transaction.seen(f"key-{day}") for day in days}
    return {day: one.reply for day, one in seen.items() if one is not None}


def test_many_keys_are_forgotten_in_pieces(store: SqlStore) -> None:
    """More than fit into one transaction, and none is passed over."""
    with store.begin() as transaction:
        for number in range(2001):
            transaction.remember(Seen(f"key-{number}", "digest", b"reply"), NOON)
    assert store.purge(LATER, LATER, replayable=LATER) == Purged(keys=2001, receipts=2001)


def test_what_is_unsent_is_not_purged(store: SqlStore) -> None:
    """A withdrawal that has not got out, a parked message that waits for a person, a deadline to come: it stays."""
    for ident in ("waiting", "parked"):
        fill(store, ident, State.WITHDRAWN)
        enqueue(store, outbox_row(f"{ident}-more", ident))
    store.failed("parked-more", "no", None)
    fill(store, "deadline", due=after(days=1000))
    assert (store.count_expired(LATER), store.purge(LATER, LATER)) == (0, Purged())
    assert len(store.evidence()) == 6


def test_many_are_purged_in_pieces(store: SqlStore) -> None:
    """More than fit into one transaction; and a second purge finds nothing."""
    for number in range(120):
        with store.begin() as transaction:
            transaction.save(referral(f"r{number}", State.CLOSED), None)
            transaction.append(f"r{number}", [record(f"e{number}", state=State.CLOSED)])
    assert store.purge(LATER, LATER) == Purged(120, 120)
    assert store.purge(LATER, LATER) == Purged()
    append(store, "new", "1")
    assert store.verify() == ()
    assert len(store.evidence()) == 1


def test_nothing_is_left_in_the_file(sqlite: Place, file: Path) -> None:
    """Not even on pages that are free now, or in the log: nobody who gets the file can read what was purged."""
    with closing(open_store(sqlite.url)) as store:
        for number in range(50):
            fill(store, f"r{number}")
        assert holds(file, PERSON)
        store.purge(LATER, LATER)
        assert not holds(file, PERSON)


def holds(file: Path, words: str) -> bool:
    """Whether a store's file, or the log beside it, has these words anywhere."""
    log = file.with_name(f"{file.name}-wal")
    return any(words.encode() in path.read_bytes() for path in (file, log) if path.exists())


FORGERIES = {
    "a live loop's record": "UPDATE evidence SET {gone} WHERE number = 3",
    "all of a live loop's": "UPDATE evidence SET {gone} WHERE aggregate_id = 'live'",
    "words put back": "UPDATE evidence SET body = '{{}}' WHERE number = 1",
    "another digest": "UPDATE evidence SET digest = '{zeros}' WHERE number = 1",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_purge_does_not_hide_a_change(store: SqlStore, place: Place, forgery: str) -> None:
    """Words that are gone though the loop is there, or that came back where they had gone, are found."""
    fill(store, "old")
    fill(store, "live", changed=LATER)
    store.purge(LATER, LATER)
    assert store.verify() == ()
    (kept,) = place.sql("SELECT digest, purged_at FROM evidence WHERE number = 1")
    gone = f"body = '', digest = '{kept[0]}', purged_at = {kept[1]}"
    place.sql(FORGERIES[forgery].format(gone=gone, zeros="0" * 64))
    assert store.verify() != ()


def test_the_digest_alone_does_not_excuse_a_change(store: SqlStore, place: Place) -> None:
    """Even one who works out the right digest cannot take the words from a loop that is there."""
    fill(store, "live", State.SENT)
    place.sql("UPDATE evidence SET digest = :digest, purged_at = 1, body = '' WHERE number = 1", digest=digest(place))
    assert [problem.reason for problem in store.verify()] == ["its words were taken out, and not by a purge"]


def digest(place: Place) -> str:
    """The digest of the first record."""
    ((body,),) = place.sql("SELECT body FROM evidence WHERE number = 1")
    return sha256(body.encode()).hexdigest()


def test_a_loop_may_begin_again(store: SqlStore) -> None:
    """A new loop under a correlation id that was purged is no forgery."""
    fill(store, "r")
    store.purge(LATER, LATER)
    with store.begin() as transaction:
        transaction.save(referral("r", changed=LATER), None)
        transaction.append("r", [record("new").evolve(before=None)])
    assert store.verify() == ()
    assert [link.number for link in store.evidence("r")] == [4]


# --- copy


@contextmanager
def writing(store: SqlStore) -> Iterator[list[str]]:
    """Somebody who writes without pause; the ids of what is committed."""
    written: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            fill(store, f"r{len(written)}")
            written.append(f"r{len(written)}")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        stop.set()
        thread.join()


@pytest.mark.slow
def test_a_copy_under_load(sqlite: Place, tmp_path: Path) -> None:
    """Copied again and again while somebody writes: nobody waits long, and each copy is a whole store of one moment."""
    with closing(open_store(sqlite.url)) as store:
        for number in range(300):
            fill(store, f"before-{number}")
        with writing(store) as written:
            known = []
            for number in range(5):
                known.append(len(written))
                store.backup(tmp_path / f"copy{number}.sqlite")
        assert len(written) > known[0], "nothing was written meanwhile"
    for number, at_least in enumerate(known):
        with closing(open_store(f"sqlite:///{tmp_path}/copy{number}.sqlite")) as copy:
            assert copy.verify() == ()
            loops = len(copy.referrals(limit=100_000))
            assert 300 + at_least <= loops <= 300 + len(written)
            assert copy.head().number == 2 * loops == 2 * len(copy.outbox(limit=100_000))


def test_a_copy_is_put_back(sqlite: Place, file: Path, tmp_path: Path) -> None:
    """As docs/operations.md says: the copy takes the file's place, the side files go, the store goes on from there."""
    copy = tmp_path / "copy.sqlite"
    with closing(open_store(sqlite.url)) as store:
        fill(store, "kept")
        store.backup(copy)
        fill(store, "lost")
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        file.with_name(name).unlink(missing_ok=True)
    copy.replace(file)
    with closing(open_store(sqlite.url)) as store:
        assert [one.correlation_id for one in store.referrals()] == ["kept"]
        fill(store, "new")
        assert store.verify() == ()


def test_a_copy_is_the_owners_alone(sqlite: Place, tmp_path: Path) -> None:
    """It holds what the store holds; one file, without side files."""
    with closing(open_store(sqlite.url)) as store:
        store.backup(tmp_path / "copies.sqlite")
    (made,) = tmp_path.glob("copies*")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_a_copy_takes_nobodys_place(sqlite: Place, tmp_path: Path) -> None:
    """A file that is there is not written over."""
    other = tmp_path / "other"
    other.write_text("mine")
    with closing(open_store(sqlite.url)) as store, pytest.raises(InvalidInput, match="already"):
        store.backup(other)
    assert other.read_text() == "mine"


def test_a_copy_that_fails_leaves_nothing(sqlite: Place, file: Path, tmp_path: Path) -> None:
    """A directory that is not there, a store that is damaged: `StoreError`, and no file that looks like a backup."""
    with closing(open_store(sqlite.url)) as store:
        for number in range(50):
            fill(store, f"r{number}")
        with pytest.raises(StoreError, match="No such file"):
            store.backup(tmp_path / "missing" / "copy")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'evidence_by_aggregate'"
        ).fetchone()
    with file.open("r+b") as damaged:
        damaged.seek((page - 1) * 4096)
        damaged.write(bytes(4096))
    with closing(open_store(sqlite.url)) as store, pytest.raises(StoreError, match=r"damaged|DatabaseError"):
        store.backup(tmp_path / "copy.sqlite")
    assert list(tmp_path.glob("copy*")) == []


def test_a_server_is_copied_by_its_own_means(postgresql: Place, tmp_path: Path) -> None:
    """The error says by which."""
    with closing(open_store(postgresql.url)) as store, pytest.raises(InvalidInput, match="pg_dump"):
        store.backup(tmp_path / "copy")


# --- standing


def test_standing(place: Place) -> None:
    """Which database, the version of its tables, its size."""
    found = standing(place.url)
    assert (found.database, found.version, found.needed) == (
        "sqlite" if place.embedded else "postgresql",
        VERSION,
        VERSION,
    )
    assert found.size > 50_000


def test_standing_of_what_is_not_there(server: Server, tmp_path: Path) -> None:
    """A database without tables has no version; a file that is not there is not made."""
    assert standing(server.new_database()).version is None
    assert standing(f"sqlite:///{tmp_path}/none.sqlite").version is None
    assert list(tmp_path.iterdir()) == []


def test_the_head_is_the_last_record(store: SqlStore) -> None:
    """Number and hash; those of an empty chain before there is one."""
    assert (store.head().number, store.head().hash) == (0, Head(0, "0" * 64).hash)
    append(store, "r", "1", "2")
    assert (store.head().number, store.head().hash) == (2, store.evidence()[-1].hash)

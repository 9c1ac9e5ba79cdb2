"""Compares what stands in the tables with what the evidence says was written, and follows each referral's states.

Nothing is decided anew: agreements, rules and versions change. What the evidence says and what stands are brought into
a database of its own in a temporary file, which holds names and digests only, and compared there: the store may be of
any size, the memory is not.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from ip_fhir.domain.values.aggregate import REFERRAL
from ip_fhir.errors import Problem, StoreError
from ip_fhir.ports.capabilities import sets_aside
from ip_fhir.store import chain, statements
from ip_fhir.store.engine import name_of
from ip_fhir.store.integrity.digests import owner
from ip_fhir.store.integrity.things import PAGE, any_text, standing, stream
from ip_fhir.store.schema import evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from ip_fhir.ports import Store

MOST_PROBLEMS: Final = 1000
"""Problems that are named one by one; the others are counted."""

_TABLES: Final = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
PRAGMA cache_size=-32768;
CREATE TABLE expected (
    name TEXT PRIMARY KEY, of TEXT, value TEXT, number INTEGER, stood INTEGER, part_of TEXT
) WITHOUT ROWID;
CREATE TABLE standing (name TEXT PRIMARY KEY, of TEXT, value TEXT) WITHOUT ROWID;
CREATE TABLE gone (of TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT, number INTEGER) WITHOUT ROWID;
CREATE TABLE wordless (number INTEGER PRIMARY KEY, of TEXT);
"""

_DIFFERENT: Final = """
SELECT s.name, s.value, e.value, e.number, g.number FROM standing s
LEFT JOIN expected e USING (name) LEFT JOIN gone g ON g.of = e.of AND g.number > e.number
WHERE e.value IS NOT s.value OR g.number IS NOT NULL
ORDER BY s.name
"""

_MISSING: Final = """
SELECT e.name, e.value, e.number FROM expected e
LEFT JOIN standing s USING (name) LEFT JOIN gone g ON g.of = e.of AND g.number > e.number
WHERE s.name IS NULL AND g.number IS NULL AND e.value IS NOT NULL
AND (e.part_of IS NULL OR EXISTS (SELECT 1 FROM standing o WHERE o.name = e.part_of))
ORDER BY e.name
"""

_STATES: Final = """
SELECT s.name, t.number FROM state t JOIN standing s USING (name) WHERE s.value <> t.value ORDER BY s.name
"""

_WORDLESS: Final = """
SELECT w.number FROM wordless w LEFT JOIN gone g ON g.of = w.of AND g.number > w.number
WHERE g.number IS NULL ORDER BY w.number
"""

_PARTS_OF: Final = {"outbox": ("status", "content"), "item": ("outcome",)}
_IS_ID: Final = re.compile(r"[A-Za-z0-9\-._#/]{1,330}")


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a verification.

    `things` counts rows and parts of rows that were compared with their digests, `stood` those among them whose digest
    was taken at the upgrade from a version without digests.
    """

    problems: tuple[Problem, ...]
    things: int
    stood: int


class _Link(NamedTuple):
    """A row of the chain, as the driver returns it."""

    number: int
    aggregate_id: str
    body: str
    previous: str
    hash: str
    digest: str | None
    purged_at: int | None
    aggregate_kind: str
    wrote: str | None


def verify(connection: Connection, expected: Sequence[chain.Head] = ()) -> Checked:
    """Checks the chain, all that it says was written, and that it holds the `expected` heads, kept elsewhere.

    At most `MOST_PROBLEMS` problems are named. Raises `StoreError` if the database cannot be read, or there is no room
    for the temporary file.
    """
    try:
        with any_text(connection), closing(sqlite3.connect("")) as aside:
            aside.executescript(_TABLES)
            verification = _Verification(connection, aside)
            problems = _at_most(verification.problems(expected))
            return Checked(problems, *verification.counts())
    except sqlite3.Error as error:
        raise StoreError(f"verify failed, perhaps for want of room for a temporary file: {name_of(error)}") from None


def with_the_rest(store: Store, found: Iterable[Problem]) -> tuple[Problem, ...]:
    """Returns what was found of a store's chain, and of its rows that cannot be read, or that there is nothing at all.

    It takes as long as it takes to read every row. Raises `StoreError`.
    """
    unreadable = store.look_through() if sets_aside(store) else ()
    reason = "there is nothing to check: no record was ever written to this store, or it is not the one that was meant"
    empty = () if store.head().number else (Problem("evidence", reason, "not-found"),)
    return (*found, *unreadable, *empty)


def _at_most(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    named: list[Problem] = []
    more = 0
    for problem in problems:
        if len(named) < MOST_PROBLEMS:
            named.append(problem)
        else:
            more += 1
    return (*named, Problem("store", f"and {more} more problems", "invariant")) if more else tuple(named)


class _Verification:
    """One verification. `aside` is an empty temporary database."""

    def __init__(self, connection: Connection, aside: sqlite3.Connection) -> None:
        self._connection = connection
        self._aside = aside
        self._forgotten: dict[str, int] = {}
        self._found: list[Problem] = []

    def problems(self, expected: Sequence[chain.Head]) -> Iterator[Problem]:
        """Yields all problems: of the chain, of the heads kept elsewhere, of states, of what stands."""
        head = chain.Head.parse(str(self._connection.scalar(statements.READ_HEAD)))
        columns = [evidence.c[name] for name in _Link._fields]
        rows = stream(self._connection, statements.CHAIN.with_only_columns(*columns))
        heads = _Heads(expected)
        yield from chain.check(self._read(heads.seen(map(_Link._make, rows))), head)
        wrong = self._connection.execute(statements.WRONGLY_PURGED).scalars()
        yield from map(chain.wrongly_purged, wrong)
        yield from (chain.wrongly_purged(number) for (number,) in self._aside.execute(_WORDLESS))
        yield from heads.missing()
        yield from self._found
        self._keep_standing()
        yield from self._different()
        yield from self._missing()
        for name, number in self._aside.execute(_STATES):
            reason = f"its state or side is not the one that record {number} of the evidence led to"
            yield Problem(_path(name), reason, "invariant")

    def counts(self) -> tuple[int, int]:
        """Returns the numbers of things compared, and of those whose digest is from the upgrade."""
        counted = "SELECT count(*), coalesce(sum(stood), 0) FROM expected JOIN standing USING (name)"
        things, stood = self._aside.execute(counted).fetchone()
        return things, stood

    # --- what the evidence says

    def _read(self, links: Iterable[_Link]) -> Iterator[_Link]:
        """Yields the links as they are, having kept what they say."""
        for link in links:
            if isinstance(link.wrote, str):
                self._keep_wrote(link)
            if link.aggregate_kind == REFERRAL:
                self._follow_state(link)
            elif link.digest is not None and isinstance(link.number, int):
                of = owner(link.aggregate_kind, link.aggregate_id)
                self._aside.execute("INSERT OR REPLACE INTO wordless VALUES (?, ?)", (link.number, of))
            yield link

    def _keep_wrote(self, link: _Link) -> None:
        try:
            wrote = orjson.loads(link.wrote or "")
            things = [
                (name, of, value, link.number, int(wrote.get("stood", False)), _part_of(name))
                for of, named in wrote.get("things", {}).items()
                for name, value in named.items()
            ]
            gone = [(of, link.number) for of in wrote.get("gone", ())]
            forgotten = {str(name): int(at) for name, at in wrote.get("forgotten", {}).items()}
            self._aside.executemany(
                "DELETE FROM expected WHERE name = ?", _parts_of_new_rows(name for name, *_ in things)
            )
            self._aside.executemany("INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?, ?, ?)", things)
            self._aside.executemany("INSERT OR REPLACE INTO gone VALUES (?, ?)", gone)
        except (ValueError, TypeError, AttributeError, OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError):
            self._found.append(chain.problem_of(link.number, "what its commit wrote cannot be read"))
            return
        for name, at in forgotten.items():
            self._forgotten[name] = max(at, self._forgotten.get(name, at))

    def _follow_state(self, link: _Link) -> None:
        """Follows the states of a referral from record to record; after a purge they begin anew."""
        name = f"state/{link.aggregate_id}"
        if link.digest is not None or not link.body:
            self._aside.execute("DELETE FROM state WHERE name = ?", (name,))
            return
        try:
            record = orjson.loads(link.body)
            before, after, role = record["before"], record["after"], record["role"]
        except (ValueError, TypeError, KeyError):  # then its hash is wrong too, which is named
            self._aside.execute("DELETE FROM state WHERE name = ?", (name,))
            return
        known = self._aside.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        if known is not None and known[0] != f"{role} {before}":
            self._found.append(chain.problem_of(link.number, "it does not begin in the state that the loop was in"))
        self._aside.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (name, f"{role} {after}", link.number))

    # --- what stands

    def _keep_standing(self) -> None:
        """Brings what stands into the temporary database. Of two things with one name, which cannot be, one counts."""
        things = ((thing.name, thing.of, thing.value) for thing in standing(self._connection))
        self._aside.executemany("INSERT OR REPLACE INTO standing VALUES (?, ?, ?)", things)

    def _different(self) -> Iterator[Problem]:
        for name, stands, value, number, gone in self._pages(_DIFFERENT):
            if name.startswith("state/"):
                continue
            if gone is not None:
                yield Problem(_path(name), f"was purged with record {gone} of the evidence, and is here", "invariant")
            elif value is None:
                yield Problem(_path(name), "no record of the evidence wrote it", "invariant")
            elif not self._reply_forgotten(name, stands, value):
                yield Problem(_path(name), f"is not as record {number} of the evidence left it", "invariant")

    def _missing(self) -> Iterator[Problem]:
        for name, value, number in self._pages(_MISSING):
            if not self._row_forgotten(name, value):
                yield Problem(_path(name), f"is missing: record {number} of the evidence wrote it", "invariant")

    def _row_forgotten(self, name: str, value: str) -> bool:
        """True if a purge by age took the row out: a message's key or a refusal."""
        kinds = {"inbox": "keys", "refusal": "refusals"}
        kind = kinds.get(name.partition("/")[0])
        at = value.partition(" ")[0]
        return kind in self._forgotten and at.lstrip("-").isdecimal() and int(at) < self._forgotten[kind]

    def _reply_forgotten(self, name: str, stands: str, value: str) -> bool:
        """True if a purge by age emptied the reply to a message, and nothing else changed."""
        if not name.startswith("inbox/") or "replies" not in self._forgotten:
            return False
        at = value.partition(" ")[0]
        emptied = f"{value.rpartition(' ')[0]} {sha256(b'').hexdigest()}"
        return stands == emptied and at.lstrip("-").isdecimal() and int(at) < self._forgotten["replies"]

    def _pages(self, query: str) -> Iterator[tuple[Any, ...]]:
        found = self._aside.execute(query)
        while page := found.fetchmany(PAGE):
            yield from page


class _Heads:
    """Heads that were kept elsewhere, to be found among the links."""

    def __init__(self, expected: Sequence[chain.Head]) -> None:
        self._wanted = {head for head in expected if head != chain.START}
        self._numbers = {head.number for head in self._wanted}

    def seen(self, links: Iterable[_Link]) -> Iterator[_Link]:
        """Yields the links as they are, having struck out the heads that are among them."""
        for link in links:
            if link.number in self._numbers and isinstance(link.hash, str):
                self._wanted.discard(chain.Head(link.number, link.hash))
            yield link

    def missing(self) -> Iterator[Problem]:
        """Yields a problem for each head that was not found."""
        for head in sorted(self._wanted, key=lambda head: (head.number, head.hash)):
            yield chain.problem_of(head.number, "the chain does not have the head that was kept elsewhere")


def _parts_of_new_rows(names: Iterable[str]) -> Iterator[tuple[str]]:
    """Yields the parts that a new row has not: one of its id may have had them, before a purge."""
    for name in names:
        kind, _, ident = name.partition("/")
        for part in _PARTS_OF.get(kind, ()):
            yield (f"{part}/{ident}",)


def _part_of(name: str) -> str | None:
    """Returns the name of the row that a thing is a part of; None for a row, and for a resource's tokens."""
    part, _, ident = name.partition("/")
    return next((f"{row}/{ident}" for row, parts in _PARTS_OF.items() if part in parts), None)


def _path(name: str) -> str:
    """Returns a thing's name as the path of a problem; an id that is none is told by its digest, not repeated."""
    kind, _, ident = name.partition("/")
    kind = "referral" if kind == "state" else kind
    told = ident if _IS_ID.fullmatch(ident) else f"(no id, SHA-256 {sha256(ident.encode()).hexdigest()[:12]})"
    return f"{kind}.{told.replace('/', '.')}"

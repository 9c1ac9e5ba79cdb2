"""`db`: upgrades, shows, copies and purges the store, and takes up rows again that could not be read."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.options import Config, Json

if TYPE_CHECKING:
    from ip_fhir.ports.capabilities import UnreadableRow

_CLOSED_BY = "close_after_days of the agreement closes them, or `ip-fhir referrals close`"

app = typer.Typer(help="The store's tables, a copy of it, and what is past its time.", rich_markup_mode=None)


@app.command("upgrade")
def upgrade(config: Config) -> None:
    """Bring the store's tables to what this version needs.

    All in one transaction; one that is up to date is left as it is. A SQLite file is brought up to date by itself.
    """
    from ip_fhir.cli.opening import read_config
    from ip_fhir.cli.output import say
    from ip_fhir.store import standing, upgrade_store

    url = read_config(config).database
    before = standing(url).version
    upgrade_store(url)
    after = standing(url).version
    say(f"the tables are at version {after}" + ("" if before == after else f", they were at {before or 'none'}"))


@app.command("status")
def status(config: Config, as_json: Json = False) -> None:
    """Show how the store stands.

    Database, version of the tables, size, loops by state, outbox rows by status, open worklist items, rows that cannot
    be read, records of evidence. Exit code 1 if the tables are not of the version that is needed.
    """
    from ip_fhir.cli.opening import read_config
    from ip_fhir.cli.output import emit, show
    from ip_fhir.store import standing

    url = read_config(config).database
    found = standing(url)
    current = found.version == found.needed
    facts: dict[str, Any] = {
        "database": found.database,
        "version": found.version,
        "needed": found.needed,
        "bytes": found.size,
        **(_counted(url) if current else {}),
    }
    if as_json:
        emit(facts)
    else:
        show(("", ""), [(name, _words(value)) for name, value in facts.items()])
    if not current:
        raise typer.Exit(1)


@app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.", show_default=False)],
    config: Config,
) -> None:
    """Copy a SQLite store while it is in use.

    The copy is the store as it stood at one moment, checked, and readable by its owner alone. PostgreSQL: pg_dump.
    """
    from ip_fhir.cli.opening import opened_store
    from ip_fhir.cli.output import say

    with opened_store(config) as store:
        store.backup(target)
    say(f"copied: {target.stat().st_size} bytes")


@app.command("copy")
def copy(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A database URL, or a settings file that has one.", show_default=False)
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same, of an empty database.", show_default=False)],
) -> None:
    """Move a store from SQLite to PostgreSQL, or back, whole.

    Every process of the side is stopped first: a source that anybody has open is refused, and while it is copied nobody
    can open it. All in one transaction: after an interruption the source is as it was and the target empty; begin
    again. In the end the rows are counted in both and the copy's evidence is verified: exit code 1 if it is not whole.
    The source stays. A URL with a password is seen by others of the machine: name a settings file.
    """
    from contextlib import closing

    from ip_fhir.cli.output import say
    from ip_fhir.store import copy_store, open_store

    from_, to = _url_of(source), _url_of(target)
    done = copy_store(from_, to)
    with closing(open_store(to)) as store:
        problems, head = store.verify(), store.head()
    say(f"copied: {sum(done.rows.values())} rows of {len(done.rows)} tables, {done.head.number} records of evidence")
    for problem in problems:
        say(f"{problem.path}: {problem.reason}")
    if problems or (head.number, head.hash) != (done.head.number, done.head.hash):
        say("the copy is not whole, or the source was not: do not use it before `ip-fhir verify` of the source")
        raise typer.Exit(1)
    say(f"whole: the last record is {done.head.number} {done.head.hash[:16]}...")


@app.command("purge")
def purge(
    config: Config,
    older_than: Annotated[
        int, typer.Option("--older-than", min=1, help="Days since the loop or plan last changed.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, say only how many it would be.")] = False,
    as_json: Json = False,
) -> None:
    """Take out loops and plans that ended long ago. A confirmed loop has not ended: it is counted, and kept.

    The referral, its FHIR resources, its messages and the words of its evidence go; of a plan also its versions and
    views. Of a plan that goes on, versions, views and messages go that are as old and that no share can come back to,
    and worklist items that were done then.
    What our own people were told (`[[told]]`) goes when it is as old, and cannot be repeated from then on.
    The chain keeps a digest in their place, and verifies as before. Keys of messages go when they are as old, and older
    than any message that is taken in; receipts when they are older than that. The log of reads goes in whole batches
    that are as old, and older than the years of `evidence.reads_years`.
    """
    from ip_fhir.cli.opening import clock_of, opened_store, read_config
    from ip_fhir.cli.output import emit, say
    from ip_fhir.domain.sharing.terms import SharingTerms
    from ip_fhir.domain.values.aggregate import PLAN
    from ip_fhir.store import Purged

    settings = read_config(config)
    now = clock_of(settings).now()
    before = now - timedelta(days=older_than)
    with opened_store(config) as store:
        kept = store.count_confirmed(before)
        number, plans = (0, 0) if yes else (store.count_expired(before), store.count_expired(before, PLAN))
        base = max((agreement.sharing.base_days for agreement in settings.agreements), default=SharingTerms().base_days)
        replayable = settings.limits.replayable(now)
        reads = settings.evidence.reads_kept()
        done = store.purge(before, now, replayable, timedelta(days=base), reads) if yes else Purged()
    if as_json:
        would = {"would_purge": number, "would_purge_plans": plans}
        emit({**(asdict(done) if yes else would), "confirmed": kept})
        return
    if yes:
        said = f"purged: {done.referrals} loops, {done.plans} plans, the words of {done.records} records"
        say(f"{said}; {done.receipts} receipts and {done.keys} keys of messages; {done.reads} rows of the log of reads")
        if done.versions or done.views or done.messages or done.items:
            gone = f"{done.versions} versions, {done.views} views, {done.messages} messages, {done.items} items"
            say(f"of plans that go on: {gone}")
        if done.tellings:
            say(f"{done.tellings} rows of what our own people were told")
    else:
        say(f"{number} loops and {plans} plans would be purged; --yes does it")
    if kept:
        say(f"{kept} confirmed loops are as old, and kept: {_CLOSED_BY}")


@app.command("unreadable")
def unreadable(
    config: Config,
    look: Annotated[bool, typer.Option("--look", help="First read every row of the store, and set bad ones aside.")] = (
        False
    ),
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List rows that cannot be read.

    Each is set aside, and left as it is, until somebody has mended it in the database and `db take-up` has tried it.
    Exit code 1 if there is any.
    """
    from ip_fhir.cli.opening import opened_store
    from ip_fhir.cli.output import emit, say, show

    with opened_store(config) as store:
        if look:
            store.look_through()
            store.set_aside(datetime.now(UTC))
        rows = store.unreadable(limit)
    if as_json:
        emit([_unreadable(row) for row in rows])
    elif not rows:
        say("every row that was met could be read")
    else:
        show(
            ("Table", "Key", "Belongs to", "First", "Times", "Why"),
            [(r.kind, r.key, _of(r) or "", f"{r.first:%Y-%m-%d %H:%M} UTC", str(r.times), r.reason) for r in rows],
        )
    if rows:
        raise typer.Exit(1)


@app.command("take-up")
def take_up(
    kind: Annotated[str, typer.Argument(metavar="TABLE", help="As `db unreadable` shows it.", show_default=False)],
    key: Annotated[str, typer.Argument(metavar="KEY", help="As `db unreadable` shows it.", show_default=False)],
    config: Config,
) -> None:
    """Take up a row again that has been mended.

    It is read first: one that still cannot be read stays set aside, exit code 7.
    """
    from ip_fhir.cli.opening import opened_store
    from ip_fhir.cli.output import say

    with opened_store(config) as store:
        store.take_up(kind, key)
    say(f"{kind} {key}: taken up again")


def _url_of(given: str) -> str:
    """The database URL that was given, or that a settings file has."""
    from ip_fhir.settings import read_settings

    return given if "://" in given else read_settings(Path(given)).database


def _counted(url: str) -> dict[str, Any]:
    from ip_fhir.store import open_store

    store = open_store(url)
    try:
        figures, head = store.figures(), store.head()
    finally:
        store.close()
    return {
        "loops": dict(figures.loops),
        "outbox": dict(figures.outbox),
        "worklist": figures.open_items,
        "unreadable": figures.unreadable,
        "records": head.number,
        "purged": head.purged,
        "head": head.hash,
    }


def _of(row: UnreadableRow) -> str | None:
    return None if row.aggregate is None else f"{row.aggregate.kind} {row.aggregate.id}"


def _unreadable(row: UnreadableRow) -> dict[str, Any]:
    return {
        "table": row.kind,
        "key": row.key,
        "of": _of(row),
        "reason": row.reason,
        "first": row.first.isoformat(),
        "last": row.last.isoformat(),
        "times": row.times,
    }


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in sorted(value.items())) or "none"
    return "none" if value is None else str(value)

"""The checks behind `doctor` and `adapters`. Each returns findings and raises nothing."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from ip_fhir.cli.commands.operation.checks.tls import check_tls
from ip_fhir.cli.commands.operation.checks.told import check_tellings, check_told
from ip_fhir.cli.commands.operation.file_modes import loose_files
from ip_fhir.errors import InvalidInput, IpFhirError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

    from ip_fhir.mapping import Mapper
    from ip_fhir.plugins import PluginKind
    from ip_fhir.ports import Store
    from ip_fhir.settings import PeerSettings, Settings
    from ip_fhir.store import SqlStore

Status: TypeAlias = Literal["ok", "warn", "fail"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report: the thing checked, its status, and a detail that says what to do about it."""

    what: str
    status: Status
    detail: str


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """A plug-in's entry point, and its problem, if any.

    `format` is an adapter's wire format, or a wire format's media type; a listener has none.
    """

    kind: str
    name: str
    format: str
    source: str
    problem: str | None = None


def look_at_plugins() -> list[InstalledPlugin]:
    """Every adapter, format and listener that is installed, loaded to see whether it can be."""
    from ip_fhir.exchange.formats import FORMATS
    from ip_fhir.plugins import ADAPTERS, LISTENERS

    return [
        _looked_at(kind, entry)
        for kind in (ADAPTERS, FORMATS, LISTENERS)
        for entry in sorted(entry_points(group=kind.group), key=lambda entry: entry.name)
    ]


def _looked_at(kind: PluginKind, entry: EntryPoint) -> InstalledPlugin:
    source = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
    try:
        return InstalledPlugin(kind.name, entry.name, _format_of(kind, entry.name), source)
    except InvalidInput as error:
        return InstalledPlugin(kind.name, entry.name, "", source, error.problems[0].reason)


def _format_of(kind: PluginKind, name: str) -> str:
    """The format of a plug-in that can be loaded. Raises `InvalidInput` where it cannot."""
    from ip_fhir.exchange.formats import FORMATS, Formats
    from ip_fhir.plugins import ADAPTERS, adapters, check_installed

    if kind == ADAPTERS:
        return adapters([name])[name].format
    if kind == FORMATS:
        return Formats().named(name).content_type
    check_installed(kind, name)
    return ""


def check_installation() -> Iterator[Finding]:
    """Checks Python, extras, mapping tables, the reading of plans, time zone data, calendar and plug-ins."""
    from ip_fhir import __version__
    from ip_fhir.mapping import default

    yield Finding("ip-fhir", "ok", f"{__version__} on Python {platform.python_version()}")
    yield from _extras()
    tables = _tables()
    yield tables
    if tables.status == "ok":
        yield check_plan_reading("plan reading", default())
    yield _time_zone()
    yield _holidays()
    yield from _plugins()


def _extras() -> Iterator[Finding]:
    from ip_fhir.cli.opening import EXTRAS, missing_packages

    for extra in EXTRAS:
        absent = missing_packages(extra)
        if absent:
            detail = f"not installed ({', '.join(absent)}); pip install 'ip-fhir[{extra}]' if it is wanted"
            yield Finding(f"extra {extra}", "warn", detail)
        else:
            yield Finding(f"extra {extra}", "ok", ", ".join(f"{n} {_version(n)}" for n in EXTRAS[extra]))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _tables() -> Finding:
    from ip_fhir.mapping.tables.loading import load_tables

    try:
        tables = load_tables()
    except (IpFhirError, OSError) as error:
        return Finding("mapping tables", "fail", str(error))
    return Finding("mapping tables", "ok", f"{len(tables.fields)} resource tables load")


def check_plan_reading(what: str, mapper: Mapper) -> Finding:
    """Plans as these tables write them; each that the fast reader leaves to the lenses costs twenty times as much."""
    from ip_fhir.cli.commands.operation.plan_reading import try_reading

    try:
        reads = try_reading(mapper)
    except (IpFhirError, OSError) as error:
        return Finding(what, "fail", str(error))
    if reads.lenses:
        reasons = ", ".join(f"{reason}: {number}" for reason, number in sorted(reads.stand_downs.items()))
        detail = f"{reads.lenses} of {reads.fast + reads.lenses} plans were left to the lenses ({reasons}): slow"
        return Finding(what, "warn", detail)
    return Finding(what, "ok", f"{reads.fast} plans read, none left to the lenses")


def _time_zone() -> Finding:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo("Europe/Oslo")
    except ZoneInfoNotFoundError:
        return Finding("time zone data", "fail", "Europe/Oslo is not known; install the package tzdata")
    return Finding("time zone data", "ok", "Europe/Oslo is known")


def _holidays() -> Finding:
    from datetime import date

    from ip_fhir.domain.values.calendar import is_working_day

    if is_working_day(date(2026, 5, 17)) or is_working_day(date(2026, 5, 14)):
        return Finding(
            "public holidays", "fail", "Ascension Day 2026 counts as a working day: package holidays is wrong"
        )
    return Finding("public holidays", "ok", f"Norway, holidays {_version('holidays')}")


def _plugins() -> Iterator[Finding]:
    found = look_at_plugins()
    if not any(plugin.kind == "adapter" for plugin in found):
        yield Finding("adapters", "fail", "none is installed, so nothing can be sent")
    for plugin in found:
        what = f"{plugin.kind} {plugin.name}"
        if plugin.problem:
            yield Finding(what, "fail", plugin.problem)
        else:
            yield Finding(what, "ok", plugin.format or "can be loaded")


def check_side(config: Path) -> Iterator[Finding]:
    """Checks the settings, the store and the peers of the side that a settings file describes."""
    from ip_fhir.cli.opening import read_config

    try:
        settings = read_config(config)
    except InvalidInput as error:
        for problem in error.problems:
            yield Finding("settings", "fail", str(problem))
        return
    role = settings.role or "no role in the green form loop"
    yield Finding("settings", "ok", f"{config.name}: {role}, {settings.http.url}")
    yield from check_modes(config, settings.database)
    yield from _address(settings)
    if (tls := check_tls(settings.http)) is not None:
        yield Finding("tls", *tls)
    yield from _clock(settings)
    yield from _overlay(settings)
    yield from _store(settings)
    if not settings.peers:
        yield Finding("peers", "fail", "none is configured: there is nobody to send to or to take in from")
    for peer in settings.peers:
        yield from _peer(peer)
    yield from _parties(settings)
    yield from _agreements(settings)
    yield from _listeners(settings)
    yield from (Finding(*found) for found in check_told(settings))


def _parties(settings: Settings) -> Iterator[Finding]:
    """Tells which parties no message can name."""
    from ip_fhir.domain.parties import OURS

    parties = settings.parties
    for party in parties.without_own_number():
        if party == OURS:
            yield Finding("parties", "fail", "we have no number that is ours alone: no message can be addressed to us")
        else:
            reason = "has no number that is its alone: only its own token tells it, and nothing can be addressed to it"
            yield Finding(f"peer {party}", "warn", reason)


def _agreements(settings: Settings) -> Iterator[Finding]:
    """Tells which agreements no two parties have or an earlier one hides, and with which peers no plan can be shared.

    A side of the green form loop need not share plans: only one without a role is told of peers without an agreement.
    """
    from ip_fhir.domain.agreement import duplicates
    from ip_fhir.domain.parties import OURS

    parties, agreements = settings.parties, dict(enumerate(settings.agreements))
    for number, agreement in agreements.items():
        for side in agreement.between:
            if not any(parties.covers(party, side) for party in parties):
                yield Finding(f"agreement {number}", "warn", "no party has the numbers of one of its two")
    for number in duplicates(agreements):
        yield Finding(f"agreement {number}", "warn", "is between the same two as an earlier one, which counts alone")
    for peer in settings.peers if settings.role is None else ():
        if not any(agreement.is_between(OURS, peer.name, parties) for agreement in settings.agreements):
            yield Finding(f"peer {peer.name}", "warn", "no agreement names us and it: no plan is shared with it")


def check_modes(config: Path, database: str) -> Iterator[Finding]:
    """A line for each file of a side that others than its owner can read or change, with its mode."""
    for loose in loose_files(config, database):
        status: Status = "fail" if loose.writable else "warn"
        can = "change" if loose.writable else "read"
        yield Finding("file", status, f"{loose.what} ({loose.path.name}) is {loose.mode:04o}: others can {can} it")


def _listeners(settings: Settings) -> Iterator[Finding]:
    """A line for each listener of the settings that can be made, or for each problem; none is started."""
    from ip_fhir.bootstrap import open_listeners

    try:
        for number, listener in enumerate(open_listeners(settings)):
            yield Finding(f"listener {number}", "ok", listener.name)
    except InvalidInput as error:
        for problem in error.problems:
            yield Finding("listeners", "fail", str(problem))


def _address(settings: Settings) -> Iterator[Finding]:
    url = urlsplit(settings.http.url)
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        yield Finding(
            "address", "warn", "others would send over http, unencrypted; set http.base_url to an https address"
        )


def _clock(settings: Settings) -> Iterator[Finding]:
    if settings.clock.file is not None:
        yield Finding("clock", "warn", "time is simulated (clock.file); never so in earnest")


def _overlay(settings: Settings) -> Iterator[Finding]:
    from ip_fhir.mapping import Mapper

    if settings.mappings.overlay is None:
        return
    try:
        mapper = Mapper.load(settings.mappings.overlay)
    except IpFhirError as error:
        yield Finding("overlay", "fail", str(error))
        return
    yield Finding("overlay", "ok", "keeps the laws of the lenses")
    yield check_plan_reading("plan reading with the overlay", mapper)


def _store(settings: Settings) -> Iterator[Finding]:
    """Checks that the store opens and its evidence is whole. A SQLite file that does not exist is not created."""
    from ip_fhir.cli.opening import absence
    from ip_fhir.store import open_store

    kind, _, place = settings.database.partition(":///")
    if kind == "sqlite" and not Path(place.partition("?")[0]).is_file():
        yield Finding("store", "warn", "the SQLite file is not there yet; the first start makes it")
        return
    try:
        if (absent := absence(settings.database)) is not None:
            yield Finding("store", "fail", absent)
            return
        store = open_store(settings.database)
    except IpFhirError as error:
        yield Finding("store", "fail", str(error))
        return
    try:
        yield Finding("store", "ok", f"{kind} opens")
        yield from check_capabilities(store)
        yield from _evidence(store)
        for problem in store.look_through():
            yield Finding("unreadable row", "fail", f"{problem}; ip-fhir db unreadable --look")
        parked = len(store.outbox("parked", 200))
        if parked:
            yield Finding("outbox", "warn", f"{parked} messages are parked and wait for a person")
        held = len(store.outbox("held", 200))
        if held:
            yield Finding(
                "outbox", "warn", f"{held} messages wait for a person's yes: ip-fhir outbox list --status held"
            )
        yield from check_refusals(store)
        yield from (Finding(*found) for found in check_tellings(store))
        if settings.role is None and store.referrals(limit=1):
            yield Finding(
                "store", "warn", "it has loops, but settings give us no role in them: nobody here can act in one"
            )
    except IpFhirError as error:
        yield Finding("store", "fail", str(error))
    finally:
        store.close()


def _evidence(store: SqlStore) -> Iterator[Finding]:
    checked, head = store.examine(), store.head()
    if checked.problems:
        yield Finding("evidence", "fail", f"{len(checked.problems)} problems; ip-fhir verify names them")
    elif not head.number:
        yield Finding("evidence", "warn", "no record was ever written: nothing to check, or another store than meant")
    else:
        what = f"{head.number} records, and {checked.things} rows and parts of rows as they were written"
        yield Finding("evidence", "ok", f"the chain is whole: {what}")


_REFUSALS = 10_000  # those that came last are looked at


def check_refusals(store: Store) -> Iterator[Finding]:
    """A line if messages were not taken in; a warning if a peer sent more than are recorded one by one."""
    from ip_fhir.ports.figures import BEYOND

    figures = store.figures()
    if not figures.refusals:
        return
    said = f"{figures.refusals} different messages were not taken in, {figures.refused_times} times in all"
    peers = sorted({one.peer for one in store.refusals(_REFUSALS) if one.digest == BEYOND})
    if peers:
        yield Finding("refusals", "warn", f"{said}; more than are recorded one by one from {', '.join(peers)}")
    else:
        yield Finding("refusals", "ok", said)


def check_capabilities(store: Store) -> Iterator[Finding]:
    """Each thing that the store cannot do, and what that means."""
    from ip_fhir.ports.capabilities import missing

    lacks = {
        "ReceiptStore": "cannot await a receipt: what is handed over is tried again as after a failure",
        "HoldingStore": "holds no message for a person's yes: it is parked meanwhile",
        "WorklistStore": "keeps no worklist: people are told, but nothing is listed or marked as done",
        "ReadingStore": "keeps no log of reads: nobody can tell afterwards who read what",
        "AggregateStore": "keeps only loops: no plans with evidence and messages of their own",
        "PlanStore": "keeps no shared plans: none is held, shared or received",
        "UnreadableStore": "does not set aside rows that cannot be read: they are logged, and nobody is told",
        "ProofStore": "remembers no proofs of possession (DPoP): each process remembers its own",
        "SubscriptionStore": "keeps no subscriptions: the endpoint takes none",
        "TellingStore": "numbers nothing that people are told: [[told]] cannot be used",
        "JoinableStore": "writes in no transaction of a host's: what is decided is committed by itself",
        "TrialStore": "cannot try to write: being ready means that it can be read",
    }
    for name in missing(store):
        yield Finding("store", "warn", f"{lacks[name]} ({name}: see ip_fhir.ports.capabilities)")


def _peer(peer: PeerSettings) -> Iterator[Finding]:
    what = f"peer {peer.name}"
    if peer.token is None:
        yield Finding(what, "warn", "no token to show them: they will refuse us unless they ask for none")
    if not (peer.accepts or peer.clients or peer.certificates):
        yield Finding(what, "warn", "no token of theirs is accepted: they cannot send to us")
    if peer.plain_http:
        yield Finding(what, "warn", "is reached over http: something else must encrypt the way there (plain_http)")
    if peer.token is not None and peer.accepts:
        yield Finding(what, "ok", f"by {peer.adapter}, tokens set both ways")

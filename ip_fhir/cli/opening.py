"""The settings, exchange and extras that a command needs, each opened or reported as missing."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.exchange import Exchange
    from ip_fhir.hl7v2.line import Hl7v2Line
    from ip_fhir.ports import Clock
    from ip_fhir.settings import Settings
    from ip_fhir.store import SqlStore

EXTRAS: dict[str, tuple[str, ...]] = {
    "web": ("h11", "prometheus_client", "starlette", "uvicorn"),
    "report": ("jinja2",),
    "postgres": ("psycopg",),
    "hl7v2": ("hl7apy",),
    "evidence": ("joserfc",),
    "auth": ("joserfc",),
    "tracing": ("opentelemetry",),
}
"""The extras, and the packages that each brings as they are imported."""


def read_config(path: Path) -> Settings:
    """Reads a settings file. Raises `InvalidInput` with every problem, each with the file's name."""
    from ip_fhir.cli.exits import in_file
    from ip_fhir.settings import read_settings

    try:
        return read_settings(path)
    except InvalidInput as error:
        known = all(problem.path == path.name for problem in error.problems)  # it could not be read at all
        raise error if known else in_file(error, path.name) from None


@dataclass(frozen=True, slots=True)
class PeerLine:
    """A line for HL7 v2, and the file with the site's own rows and codes."""

    line: Hl7v2Line
    overlay: Path | None


def peer_line(peer: str | None, config: Path | None, overlay: Path | None = None) -> PeerLine:
    """The line of the peer that `--peer` names in the settings; without it, one of which nothing is set.

    The file with rows is the `overlay` that is given, else that of the settings. Raises `InvalidInput` for a name that
    settings do not have.
    """
    from ip_fhir.bootstrap import line_of
    from ip_fhir.hl7v2.line import NO_SETTINGS

    if peer is None:
        return PeerLine(NO_SETTINGS, overlay)
    if config is None:
        raise InvalidInput.at("--peer", "needs the settings: --config", "required")
    settings = read_config(config)
    found = next((one for one in settings.peers if one.name == peer), None)
    if found is None:
        raise InvalidInput.at("--peer", "no peer in the settings has this name", "not-found")
    return PeerLine(line_of(found), overlay or settings.mappings.overlay)


def clock_of(settings: Settings) -> Clock:
    """Returns the side's clock: the simulated one that the settings name, or the system's."""
    from ip_fhir.exchange.clock import FileClock, SystemClock

    return FileClock(settings.clock.file) if settings.clock.file else SystemClock()


def absence(url: str) -> str | None:
    """Returns the reason why there is no store at a database URL; None if there is one. Makes no file.

    A sentence that names the file, and the commands that make a store.
    """
    from ip_fhir.store import standing

    found = standing(url)
    if found.version is not None:
        return None
    if found.database != "sqlite":
        return "there is no store: the database has no tables of ours (ip-fhir db upgrade makes them)"
    file = url.partition(":///")[2].partition("?")[0]
    if found.size:
        return f"there is no store: {file} is another program's"
    return f"there is no store: {file} is not there, or empty (ip-fhir serve, work and db upgrade make it)"


@contextmanager
def opened(path: Path, *, existing: bool = True, in_loop: bool = False) -> Iterator[Exchange]:
    """Opens the exchange that a settings file describes, and closes it afterwards.

    Raises `StoreError` if there is no store. Only without `existing` one is made: by a command that others then find
    in this place. A store that any command made would take in a notice that nobody sends. With `in_loop`, for what only
    a side of the green form loop does, raises `LoopError` if settings give the side no role in it.
    """
    from ip_fhir.bootstrap import open_exchange
    from ip_fhir.domain.referral import role_in_loop

    settings = read_config(path)
    if in_loop:
        role_in_loop(settings.role)
    if existing and (absent := absence(settings.database)) is not None:
        raise StoreError(absent)
    exchange = open_exchange(settings)
    try:
        yield exchange
    finally:
        exchange.close()


@contextmanager
def opened_store(path: Path) -> Iterator[SqlStore]:
    """Opens the store of a settings file alone, and closes it afterwards. Raises `StoreError` if there is none."""
    from ip_fhir.store import open_store

    url = read_config(path).database
    if (absent := absence(url)) is not None:
        raise StoreError(absent)
    store = open_store(url)
    try:
        yield store
    finally:
        store.close()


def missing_packages(extra: str) -> list[str]:
    """Returns the packages of an extra that are not installed."""
    return [name for name in EXTRAS[extra] if find_spec(name) is None]


def require_extra(command: str, *extras: str) -> None:
    """Raises `InvalidInput` with the install command unless the extras are installed."""
    absent = [extra for extra in extras if missing_packages(extra)]
    if absent:
        reason = f"needs what is not installed; install it: pip install 'ip-fhir[{','.join(absent)}]'"
        raise InvalidInput.at(command, reason, "not-supported")

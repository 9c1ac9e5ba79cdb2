"""The output folder of a run: settings, tokens, clock and stores of all parties, and the results.

A folder is cleared only if an earlier run made it, which its mark tells.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.people import Organization
    from ip_fhir.report.words.codes import Language

_MARK = ".ip-fhir-demo"
SIDES = (Role.HOSPITAL, Role.MUNICIPALITY)
_LADDER: dict[Language, tuple[str, str, str]] = {
    "nb": ("Leder av koordinerende enhet", "Kommunedirektørens stab", "Sykehusets egen ledelse"),
    "en": ("Leader of the coordinating unit", "The chief executive's office", "The hospital's own management"),
}


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Yields the output folder, empty and locked. Raises `InvalidInput` if it holds others' files or another run."""
    mark = out / _MARK
    try:
        if out.is_dir() and any(out.iterdir()) and not mark.is_file():
            raise InvalidInput.at(str(out), "is not empty, and no earlier demo made it; name another with --out")
        out.mkdir(parents=True, exist_ok=True)
        opened = mark.open("a", encoding="ascii")
    except OSError as error:
        raise _unusable(out, error) from None
    with opened:
        if not _lock(opened.fileno()):
            raise InvalidInput.at(str(out), "another demo is running there; name another with --out", "conflict")
        try:
            _clear(out)
        except OSError as error:
            raise _unusable(out, error) from None
        yield


def _unusable(out: Path, error: OSError) -> InvalidInput:
    return InvalidInput.at(str(out), f"cannot be written: {error.strerror or type(error).__name__}")


def _lock(file: int) -> bool:
    try:
        import fcntl
    except ImportError:  # no such locks on Windows: two runs in one folder are then the person's own affair
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _clear(out: Path) -> None:
    for entry in out.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _MARK:
            entry.unlink()


class SimulatedClock:
    """The simulated time of a run: a file that all processes read, replaced whole."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def set(self, now: datetime) -> None:
        """Sets the time for all processes."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(now.isoformat(), encoding="ascii")
        os.replace(fresh, self.file)  # noqa: PTH105 - the call whose atomicity is promised by name


@dataclass(frozen=True, slots=True)
class DemoParty:
    """A party of the demonstration: its name in all settings and files, and who it is.

    `role` is its role in the loop; None: it takes part in the plan only. `units` are its departments with numbers.
    If its system speaks `hl7v2` only, the hospital is the one party that it knows.
    """

    name: str
    organization: Organization
    role: Role | None = None
    units: tuple[Organization, ...] = ()
    hl7v2: bool = False


def settings_file(run: Path, name: str) -> Path:
    """Returns the path of a party's settings file."""
    return run / f"{name}.toml"


def loop_parties(notice: Notice, units: tuple[Organization, ...] = ()) -> tuple[DemoParty, DemoParty]:
    """Returns the hospital and the municipality of a notice; `units` are departments of the municipality."""
    hospital, unit = notice.organization(notice.sender), notice.organization(notice.recipient)
    return (
        DemoParty(str(Role.HOSPITAL), hospital, Role.HOSPITAL),
        DemoParty(str(Role.MUNICIPALITY), unit, Role.MUNICIPALITY, units),
    )


def write_settings(run: Path, parties: Sequence[DemoParty], language: Language) -> dict[str, int]:
    """Writes agreements, tokens and the settings of all parties into `run`, and returns their ports by name.

    The first two are the hospital and the municipality of the loops.
    """
    places = [place for party in parties for place in (party.name, _mllp(party))]
    ports = dict(zip(places, free_ports(len(places)), strict=True))
    run.mkdir(parents=True)
    for party in (party for party in parties if not party.hl7v2):
        _write_private(run / f"{party.name}.token", secrets.token_urlsafe(32))
    _write(run / "agreement.toml", {"agreement": list(_agreements(parties, language))})
    for party in parties:
        _write(settings_file(run, party.name), _settings(party, run, parties, ports, language))
    return ports


def _settings(
    ours: DemoParty, run: Path, parties: Sequence[DemoParty], ports: Mapping[str, int], language: Language
) -> dict[str, Any]:
    return {
        **({"role": str(ours.role)} if ours.role is not None else {}),
        "language": language,
        "database": f"sqlite:///{(run / f'{ours.name}.sqlite').resolve()}",
        "agreements": "agreement.toml",
        **_said(ours),
        "http": {"host": "127.0.0.1", "port": ports[ours.name]},
        "clock": {"file": "clock"},
        # A pass finds nothing in a thousandth of a second; a real site rests a second.
        "worker": {"rest": 0.02, "retry": {"first": 30.0, "cap": 60.0}},
        "peers": [_peer(ours, other, ports) for other in parties if _is_known(ours, other)],
        **_listening(ours, parties, ports),
    }


def _is_known(ours: DemoParty, other: DemoParty) -> bool:
    """True if the two write to each other."""
    hl7v2 = ours.hl7v2 or other.hl7v2
    return other is not ours and (not hl7v2 or Role.HOSPITAL in (ours.role, other.role))


def _peer(ours: DemoParty, other: DemoParty, ports: Mapping[str, int]) -> dict[str, Any]:
    """Returns the settings of a peer: FHIR over HTTP with tokens, or HL7 v2 over MLLP."""
    said = {"name": other.name, "timeout": 10.0, **_said(other)}
    if ours.hl7v2 or other.hl7v2:
        return said | {"adapter": "mllp", "url": f"mllp://127.0.0.1:{ports[_mllp(other)]}"}
    tokens = {"token": {"file": f"{ours.name}.token"}, "accepts": [{"file": f"{other.name}.token"}]}
    return said | {"url": f"http://127.0.0.1:{ports[other.name]}", **tokens}


def _listening(ours: DemoParty, parties: Sequence[DemoParty], ports: Mapping[str, int]) -> dict[str, Any]:
    """Returns the settings of the listener for HL7 v2, where somebody sends it."""
    senders = [other.name for other in parties if (ours.hl7v2 or other.hl7v2) and _is_known(ours, other)]
    port = ports[_mllp(ours)]
    return {"listeners": [{"use": "mllp", "port": port, "peer": name} for name in senders]} if senders else {}


def _mllp(party: DemoParty) -> str:
    """Returns the name under which the party's port for MLLP is among the ports."""
    return f"{party.name} over MLLP"


def _said(party: DemoParty) -> dict[str, Any]:
    units = [_alone(unit) for unit in party.units]
    return {"organization": _alone(party.organization), **({"units": units} if units else {})}


def _alone(organization: Organization) -> dict[str, Any]:
    """Returns the organisation without `part_of`: the organisation it is part of is not in the settings."""
    return {
        k: v for k, v in organization.to_data().items() if k in ("id", "name", "kind", "organization_number", "her_id")
    }


def _agreements(parties: Sequence[DemoParty], language: Language) -> Iterator[dict[str, Any]]:
    """Yields the agreements of the loops, then those of every other two parties, about plans.

    Where there are others, whole plans are shared, also between the two of the loops.
    """
    hospital, municipality, *others = parties
    leader, executive, management = _LADDER[language]
    whole = {"content_level": str(ContentLevel.PLAN)} if others else {}
    for town in (municipality, *(other for other in others if other.hl7v2)):
        yield {
            "hospital": _named(hospital),
            "municipality": _named(town),
            "two_coordinators_allowed": True,
            "ladder": [{"name": leader}, {"name": executive}, {"name": management, "side": "hospital"}],
            **whole,
        }
    for one, other in combinations((party for party in parties if not party.hl7v2), 2):
        if (one, other) != (hospital, municipality):
            yield {"parties": [_named(one), _named(other)], **whole}


def _named(party: DemoParty) -> dict[str, Any]:
    return {"name": party.organization.name, "organization_number": str(party.organization.organization_number)}


def free_ports(count: int) -> list[int]:
    """Returns loopback ports that nobody listens at; all are held open at once, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [made.getsockname()[1] for made in sockets]
    finally:
        for made in sockets:
            made.close()


def _write(file: Path, data: Mapping[str, Any]) -> None:
    lines = (f"{key} = {_toml(value)}" for key, value in data.items())
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: Any) -> str:
    """Returns a value as TOML on one line. Its strings, numbers and booleans are written as in JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(_toml(inner) for inner in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _write_private(file: Path, text: str) -> None:
    with open(file, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
        opened.write(text)

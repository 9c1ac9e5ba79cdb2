"""The output folder of a run: settings, tokens, clock and stores of both sides, and the results.

A folder is cleared only if an earlier run made it, which its mark tells.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
    """The simulated time of a run: a file that both processes read, replaced whole."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def set(self, now: datetime) -> None:
        """Sets the time for both processes."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(now.isoformat(), encoding="ascii")
        os.replace(fresh, self.file)  # noqa: PTH105 - the call whose atomicity is promised by name


def settings_file(run: Path, role: Role) -> Path:
    """Returns the path of a side's settings file."""
    return run / f"{role}.toml"


def write_settings(run: Path, notice: Notice, language: Language) -> dict[Role, int]:
    """Writes agreement, tokens and settings of both sides of `notice` into `run`, and returns their ports."""
    parties = {
        Role.HOSPITAL: notice.organization(notice.sender),
        Role.MUNICIPALITY: notice.organization(notice.recipient),
    }
    ports = dict(zip(SIDES, free_ports(len(SIDES)), strict=True))
    run.mkdir(parents=True)
    for role in SIDES:
        _write_private(run / f"{role}.token", secrets.token_urlsafe(32))
    _write(run / "agreement.toml", {"agreement": [_agreement(parties, language)]})
    for role in SIDES:
        _write(settings_file(run, role), _settings(role, run, parties, ports, language))
    return ports


def _settings(
    role: Role, run: Path, parties: Mapping[Role, Organization], ports: Mapping[Role, int], language: Language
) -> dict[str, Any]:
    (other,) = set(SIDES) - {role}
    return {
        "role": str(role),
        "language": language,
        "database": f"sqlite:///{(run / f'{role}.sqlite').resolve()}",
        "agreements": "agreement.toml",
        "organization": _alone(parties[role]),
        "http": {"host": "127.0.0.1", "port": ports[role]},
        "clock": {"file": "clock"},
        # A pass finds nothing in a thousandth of a second; a real site rests a second.
        "worker": {"rest": 0.02, "retry": {"first": 30.0, "cap": 60.0}},
        "peers": [
            {
                "name": str(other),
                "url": f"http://127.0.0.1:{ports[other]}",
                "timeout": 10.0,
                "token": {"file": f"{role}.token"},
                "accepts": [{"file": f"{other}.token"}],
                "organization": _alone(parties[other]),
            }
        ],
    }


def _alone(organization: Organization) -> dict[str, Any]:
    """Returns the organisation without `part_of`: the organisation it is part of is not in the settings."""
    return {
        k: v for k, v in organization.to_data().items() if k in ("id", "name", "kind", "organization_number", "her_id")
    }


def _agreement(parties: Mapping[Role, Organization], language: Language) -> dict[str, Any]:
    def party(role: Role) -> dict[str, Any]:
        return {"name": parties[role].name, "organization_number": str(parties[role].organization_number)}

    leader, executive, management = _LADDER[language]
    return {
        "hospital": party(Role.HOSPITAL),
        "municipality": party(Role.MUNICIPALITY),
        "two_coordinators_allowed": True,
        "ladder": [{"name": leader}, {"name": executive}, {"name": management, "side": "hospital"}],
    }


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

"""The settings of the mock: those of the side that is tested, seen from the other end of one of its lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

from ip_fhir.domain.people import OrganizationKind
from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput
from ip_fhir.mock.scripts import Policy
from ip_fhir.ports.hosts import is_loopback
from ip_fhir.settings import (
    HttpSettings,
    ListenerSettings,
    PeerSettings,
    RetrySettings,
    Settings,
    WorkerSettings,
)
from ip_fhir.wire.options import ListenerOptions

if TYPE_CHECKING:
    from pathlib import Path

TESTED: Final = "tested"
"""The name, in the settings of the mock, of the side that is tested."""

_TOWN: Final = (OrganizationKind.MUNICIPALITY, OrganizationKind.COORDINATING_UNIT)
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nobody listens here: it is asked by the other
_REST: Final = 0.05
_RETRY: Final = RetrySettings(first=1.0, cap=5.0)


@dataclass(frozen=True, slots=True)
class MockOptions:
    """The party that is played, by its name in the settings of the side that is tested, and how.

    What the scripts say is done `after` so many seconds. With `other_machines` the addresses need not be this
    machine's.
    """

    party: str
    policy: Policy = field(default_factory=Policy)
    after: float = 0.0
    other_machines: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """An address at which the mock listens: `path` is that below which its endpoint is, empty for none."""

    host: str
    port: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """The settings of the mock, and where it listens for HTTP; None: it speaks HL7 v2 only, by its listener."""

    settings: Settings
    http: Address | None
    url: str


def opened(tested: Settings, options: MockOptions, folder: Path) -> Opened:
    """Returns the mock's settings; its store is in `folder`.

    Raises `InvalidInput` at the place of the tested side's settings that a mock cannot do with: no such peer, an
    adapter that is neither `fhir-rest` nor `mllp`, an address that is not this machine's, TLS, no token.
    """
    number, played = _played(tested, options.party)
    wires = {"fhir-rest": _over_http, "mllp": _over_mllp}
    if played.adapter not in wires:
        reason = f"the mock speaks over {' and '.join(wires)}: name one of them in settings for tests"
        raise InvalidInput.at(f"peers.{number}.adapter", reason, "not-supported")
    http, line, listeners = wires[played.adapter](tested, number, played, options)
    other = PeerSettings(
        name=TESTED,
        organization=tested.organization,
        units=tested.units,
        adapter=played.adapter,
        timeout=played.timeout,
        hl7v2=played.hl7v2,
        plain_http=True,
        **line,
    )
    settings = Settings(
        role=_role(tested, played),
        organization=played.organization,
        units=played.units,
        database=f"sqlite:///{folder.absolute() / 'mock.sqlite'}",
        http=HttpSettings() if http is None else HttpSettings(host=http.host, port=http.port, base_url=played.url),
        peers=(other,),
        listeners=listeners,
        agreements=tested.agreements,
        limits=tested.limits,
        worker=_worker(tested.worker),
        clock=tested.clock,
        mappings=tested.mappings,
        language=tested.language,
    )
    return Opened(settings, http, played.url)


_Ways: TypeAlias = "tuple[Address | None, dict[str, Any], tuple[ListenerSettings, ...]]"
"""The address for HTTP, the way to the side that is tested as fields of a peer, and the listeners of the mock."""


def _role(tested: Settings, played: PeerSettings) -> Role | None:
    """Returns the other role in the loop, where the party is of the kind that has it; else it takes part in plans."""
    kind = played.organization.kind
    if tested.role is Role.HOSPITAL and kind in _TOWN:
        return Role.MUNICIPALITY
    return Role.HOSPITAL if tested.role is Role.MUNICIPALITY and kind is OrganizationKind.HOSPITAL else None


def _played(tested: Settings, party: str) -> tuple[int, PeerSettings]:
    for number, peer in enumerate(tested.peers):
        if peer.name == party:
            return number, peer
    known = ", ".join(peer.name for peer in tested.peers) or "none"
    raise InvalidInput.at("peers", f"no peer in the settings has this name; there are: {known}", "not-found")


def _over_http(tested: Settings, number: int, played: PeerSettings, options: MockOptions) -> _Ways:
    """Returns where the mock listens for HTTP, and how it reaches the side that is tested."""
    url, place = urlsplit(played.url), f"peers.{number}"
    if url.scheme != "http" or tested.http.tls is not None:
        reason = "the mock speaks no TLS: give it an address with http in settings for tests, and your side no http.tls"
        raise InvalidInput.at(f"{place}.url", reason, "not-supported")
    if played.token is None or not played.accepts:
        reason = "the mock shows and asks for tokens: give this peer token and accepts in settings for tests"
        raise InvalidInput.at(place, reason, "required")
    host = url.hostname or ""
    _check_host(host, f"{place}.url", options)
    ours = _EVERYWHERE.get(tested.http.host, tested.http.host)
    _check_host(ours, "http.host", options)
    line = {
        "url": f"http://{_in_url(ours)}:{_known(tested.http.port, 'http.port')}{_path(tested.http)}",
        "token": played.accepts[0],
        "accepts": (played.token,),
    }
    return Address(host, url.port or 80, url.path.rstrip("/")), line, ()


def _path(http: HttpSettings) -> str:
    """The path below which a side has its endpoint, by the address that it gives out."""
    return urlsplit(http.base_url or "").path.rstrip("/")


def _over_mllp(tested: Settings, number: int, played: PeerSettings, options: MockOptions) -> _Ways:
    """Returns the listener of the mock, and how it reaches the listener of the side that is tested."""
    place = f"peers.{number}.url"
    url = urlsplit(played.url)
    if url.scheme != "mllp" or url.port is None:
        raise InvalidInput.at(place, "the mock speaks no TLS: mllp://host:port in settings for tests", "not-supported")
    host = url.hostname or ""
    _check_host(host, place, options)
    said, ours = _listener(tested, played.name)
    target = _EVERYWHERE.get(ours.host, ours.host)
    _check_host(target, f"{said}.host", options)
    reason = {"plain_reason": "a test"} if options.other_machines else {}
    listener = {"use": "mllp", "host": host, "port": url.port, "peer": TESTED, **reason}
    line = {"url": f"mllp://{_in_url(target)}:{_known(ours.port, f'{said}.port')}", "options": reason}
    return None, line, (ListenerSettings.model_validate(listener),)


def _listener(tested: Settings, party: str) -> tuple[str, ListenerOptions]:
    """Returns the listener by which the side that is tested hears the party, and its place in the settings."""
    for number, named in enumerate(tested.listeners):
        if named.use == "mllp" and party in tested.brought_by(named):
            options = ListenerOptions.model_validate(named.options)
            if options.certificate is not None:
                reason = "the mock speaks no TLS: settings for tests without it"
                raise InvalidInput.at(f"listeners.{number}.certificate", reason, "not-supported")
            return f"listeners.{number}", options
    raise InvalidInput.at("listeners", f"none that uses mllp brings the messages of {party}", "not-found")


def _check_host(host: str, place: str, options: MockOptions) -> None:
    if not options.other_machines and not is_loopback(host):
        reason = "is not this machine's: a mock is for tests on one machine, unless --other-machines says otherwise"
        raise InvalidInput.at(place, reason, "forbidden")


def _known(port: int, place: str) -> int:
    if port == 0:
        raise InvalidInput.at(place, "the mock has to know the port: name one in settings for tests", "required")
    return port


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _worker(tested: WorkerSettings) -> WorkerSettings:
    """The worker of a mock: it does not let a test wait, and tries again soon."""
    return WorkerSettings(rest=_REST, lease=tested.lease, grace=2.0, retry=_RETRY)

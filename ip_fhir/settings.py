"""Settings: one TOML file, overridden by the environment, checked as a whole with every error at once.

    role = "municipality"
    database = "sqlite:///municipality.sqlite"
    [organization]
    id = "ke"
    name = "Koordinerende enhet"
    kind = "coordinating-unit"
    her_id = "8094866"
    [http]
    port = 8082
    [[peers]]
    name = "hospital"
    url = "https://hospital.example/fhir"
    token = { env = "HOSPITAL_TOKEN" }              # the token that we show them
    accepts = [{ file = "secrets/from-hospital" }]  # the token that they show us; two while one is being replaced
    organization = { id = "trust", name = "Sykehuset", kind = "hospital", organization_number = "983971636" }
    [[agreements]]                                  # or: agreements = "agreements.toml"
    answer_days = 15
    [[carriers]]                                    # who brings the messages of several parties, and is none itself
    name = "engine"
    accepts = [{ env = "ENGINE_PASSWORD" }]
    parties = ["hospital"]
    [[listeners]]                                   # plug-ins that wait or poll; other keys are the plug-in's options
    use = "our-queue"
    speaks_for = "hospital"                         # whose messages it brings: a peer or a carrier
    password = { env = "QUEUE_PASSWORD" }

`IP_FHIR_HTTP__PORT=9000` overrides `http.port`, `IP_FHIR_PEERS__0__URL` the first peer's url. Paths are relative to the
file. A token is its text, `{ env = "NAME" }` or `{ file = "path" }`.
"""

from __future__ import annotations

import os
import tomllib
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, IPvAnyNetwork, SecretStr, ValidationInfo, model_validator

from ip_fhir.domain.agreement import Agreement, load_agreements
from ip_fhir.domain.parties import OURS, Parties, check_names
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.value import Id, Text, Value
from ip_fhir.errors import InvalidInput, place_in_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENV_PREFIX = "IP_FHIR_"
_SHORTEST_TOKEN = 16
_MAY_PASS_ON = (OrganizationKind.COORDINATING_UNIT, OrganizationKind.MUNICIPALITY)


def _kept_elsewhere(value: Any, info: ValidationInfo) -> Any:
    """The text that `{ env = "NAME" }` or `{ file = "path" }` stands for; anything else as it is."""
    context = info.context or {}
    if isinstance(value, dict) and set(value) == {"env"}:
        text = context.get("environ", {}).get(str(value["env"]))
        if text is None:
            message = "the environment variable named here is not set"
            raise ValueError(message)
        return text
    if isinstance(value, dict) and set(value) == {"file"}:
        try:
            return _beside(value["file"], info).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, TypeError):
            message = "the file named here cannot be read"
            raise ValueError(message) from None
    return value


def _read_option(value: Any, info: ValidationInfo) -> Any:
    """An option of a listener: a secret from where it is kept, or a path beside the settings file."""
    if isinstance(value, dict) and set(value) == {"path"} and isinstance(value["path"], str):
        return str(_beside(value["path"], info))
    text = _kept_elsewhere(value, info)
    return value if text is value else SecretStr(text)


def _read_secret(value: Any, info: ValidationInfo) -> Any:
    """The text of a token from where it is kept."""
    value = _kept_elsewhere(value, info)
    if isinstance(value, str) and len(value) < _SHORTEST_TOKEN:
        message = f"a token has at least {_SHORTEST_TOKEN} characters"
        raise ValueError(message)
    return value


def _beside(value: Any, info: ValidationInfo) -> Path:
    """A path, relative to the settings file."""
    return Path((info.context or {}).get("base", "."), value)


def _read_agreements(value: Any, info: ValidationInfo) -> Any:
    """The agreements; if the value is a path, from the file there."""
    if not isinstance(value, str):
        return value
    try:
        return load_agreements(_beside(value, info).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        message = "the file named here cannot be read"
        raise ValueError(message) from None


def _read_list(value: Any) -> Any:
    """The entries of a list; of a text, as the environment has it, those between commas."""
    return [entry.strip() for entry in value.split(",")] if isinstance(value, str) else value


Secret = Annotated[SecretStr, BeforeValidator(_read_secret)]
Beside = Annotated[Path, BeforeValidator(_beside)]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class HttpSettings(Value):
    """The address where we listen, and the one that others use (`base_url`), which is written in receipts.

    `metrics_token` is the token for reading /metrics; without it only a program on this machine may read them.
    `proxies` are the addresses of the proxies in front of us, the only senders whose `X-Forwarded-For` is believed.
    The rest are bounds: seconds for the head of a request, for its body and between two requests of a connection;
    connections in all and of one client's address; bytes of the bodies that are read or worked on at a time.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    base_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#@]+$")
    metrics_token: Secret | None = None
    proxies: Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(_read_list)] = ()
    header_seconds: float = Field(default=10.0, gt=0, le=600)
    body_seconds: float = Field(default=60.0, gt=0, le=3600)
    idle_seconds: float = Field(default=20.0, gt=0, le=3600)
    connections: int = Field(default=512, ge=1, le=100_000)
    connections_per_client: int = Field(default=64, ge=1, le=100_000)
    bytes_in_flight: int = Field(default=16_000_000, ge=1_000)

    @property
    def url(self) -> str:
        """Our address, without a slash at the end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")


class PeerSettings(Value):
    """Another party: its organisations, its address and adapter, and the tokens by which it authenticates.

    Its numbers are those of `organization` and `units` (its departments, its service units). `passes_on` are the names
    of the parties whose notices it may bring. In stored loops the party is known by its `name`.
    """

    name: Id
    organization: Organization
    units: tuple[Organization, ...] = ()
    adapter: str = "fhir-rest"
    url: str = Field(pattern=r"^[a-z][a-z0-9+.\-]*://[^\s?#@]+$")
    token: Secret | None = None
    accepts: tuple[Secret, ...] = ()
    passes_on: tuple[Id, ...] = ()
    plain_http: bool = False  # something else encrypts the way there: a tunnel, a sidecar
    timeout: float = Field(default=30.0, gt=0)
    options: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        address = urlsplit(self.url)
        if address.scheme == "http" and not self.plain_http and not _is_loopback(address.hostname or ""):
            message = "http carries a person's affairs in the clear: use https, or plain_http where a tunnel encrypts"
            raise ValueError(message)
        return self


class CarrierSettings(Value):
    """A system that brings the messages of several `parties` (names of peers) under one credential, and is none itself.

    A message of its must name its sender by a number that is that party's alone.
    """

    name: Id
    accepts: tuple[Secret, ...] = ()
    parties: tuple[Id, ...] = Field(min_length=1)


class ListenerSettings(Value):
    """A listener: the name `use` under which the plug-in is installed, and the plug-in's own options.

    `speaks_for` is the name of the peer or carrier whose messages it brings. Without it, it is the option `peer`, or
    the only one that settings name.

    An option `{ env = "NAME" }` or `{ file = "path" }` is the text there, and is shown in no `repr`; an option
    `{ path = "inbox" }` is that path, relative to the settings file.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, BeforeValidator(_read_option)]] = Field(init=False)

    use: Text
    speaks_for: Id | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options as the plug-in is given them, secrets as text."""
        options = self.model_extra or {}
        return {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in options.items()}


class LimitSettings(Value):
    """Bounds of a message: bytes of a body, levels of nesting, number of objects and lists, and bounds of its date.

    It may be dated at most `max_skew` seconds ahead of our clock and `max_age` days ago: an older one was replayed, or
    is too old to act on. Of the messages of one peer that are not taken in, `max_refusals` different ones are recorded;
    further ones are counted.
    """

    max_bytes: int = Field(default=5_000_000, ge=1_000)
    max_depth: int = Field(default=64, ge=8, le=200)
    max_parts: int = Field(default=200_000, ge=100)
    max_skew: float = Field(default=300.0, ge=0, le=86_400)
    max_age: float = Field(default=180.0, gt=0, le=36_500)
    max_refusals: int = Field(default=1000, ge=1, le=1_000_000)

    def replayable(self, now: datetime) -> datetime:
        """The time (UTC) before which received messages are too old to be taken in again, with a day to spare."""
        return now - timedelta(days=self.max_age + 1, seconds=self.max_skew)


class RetrySettings(Value):
    """The waits after a failed sending: `first` seconds, doubled up to `cap` seconds; parked after `attempts`."""

    first: float = Field(default=30.0, gt=0)
    cap: float = Field(default=3600.0, gt=0)
    attempts: int = Field(default=100, ge=1)


class WorkerSettings(Value):
    """The worker: seconds it rests when nothing is due, seconds a claim holds, rows a claim takes.

    It sends `per_peer` rows at a time to one peer, and `parallel` in all; those whose peer takes long to answer are not
    counted in that, so that they hold up no other peer's. With `parallel` 1 `run_due` sends one row after another.
    `grace` is how many seconds the process has to end when it is told to.
    """

    rest: float = Field(default=1.0, gt=0)
    lease: float = Field(default=120.0, gt=0)
    batch: int = Field(default=20, ge=1, le=1000)
    parallel: int = Field(default=32, ge=1, le=1000)
    per_peer: int = Field(default=4, ge=1, le=64)
    grace: float = Field(default=10.0, gt=0)
    retry: RetrySettings = RetrySettings()


class ClockSettings(Value):
    """The clock: `file` is a file with an ISO 8601 instant, for simulated time; without it, the system's clock."""

    file: Beside | None = None


class MappingSettings(Value):
    """The mapping tables: `overlay` is a TOML file with the site's own rows and codes."""

    overlay: Beside | None = None


class EvidenceSettings(Value):
    """The signed heads of the chain of evidence: the directory they go to, the private key (PEM), minutes between two.

    Keep the directory where those who may write the database may not write.
    """

    heads: Beside | None = None
    key: Secret | None = None
    every_minutes: int = Field(default=60, ge=1, le=10_080)

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.heads is None) != (self.key is None):
            message = "heads and key: each needs the other"
            raise ValueError(message)
        return self


class Settings(Value):
    """All settings of one side of the loop."""

    LISTS_FIELDS = True

    role: Role
    organization: Organization
    units: tuple[Organization, ...] = ()
    database: str = "sqlite:///ip-fhir.sqlite"
    http: HttpSettings = HttpSettings()
    unit_list: Literal["open", "closed"] = "open"
    peers: tuple[PeerSettings, ...] = ()
    carriers: tuple[CarrierSettings, ...] = ()
    listeners: tuple[ListenerSettings, ...] = ()
    agreements: Annotated[tuple[Agreement, ...], BeforeValidator(_read_agreements)] = ()
    limits: LimitSettings = LimitSettings()
    worker: WorkerSettings = WorkerSettings()
    clock: ClockSettings = ClockSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    mappings: MappingSettings = MappingSettings()
    language: Text = "nb"

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.role not in (Role.HOSPITAL, Role.MUNICIPALITY):
            message = "role: a side is the hospital or the municipality"
            raise ValueError(message)
        if self.http.bytes_in_flight < 2 * self.limits.max_bytes:
            message = "http.bytes_in_flight: at least twice limits.max_bytes, or one party's message stops all others'"
            raise ValueError(message)
        longest = max((peer.timeout for peer in self.peers), default=0.0)
        if self.worker.lease < 2 * longest:
            message = "worker.lease: at least twice the longest timeout of a peer, or two workers send the same row"
            raise ValueError(message)
        credentials: tuple[PeerSettings | CarrierSettings, ...] = (*self.peers, *self.carriers)
        check_names(one.name for one in credentials)
        tokens = [token.get_secret_value() for one in credentials for token in one.accepts]
        if len(set(tokens)) < len(tokens):
            message = "peers: two show the same token, so nobody can tell which of them it is"
            raise ValueError(message)
        for problem in (*_carrier_problems(self), *_passing_on_problems(self), *_listener_problems(self)):
            raise ValueError(problem)
        return self

    @property
    def parties(self) -> Parties:
        """The parties: we ourselves, and each peer by its name."""
        peers = {peer.name: (peer.organization, *peer.units) for peer in self.peers}
        return Parties({OURS: (self.organization, *self.units), **peers}, closed=self.unit_list == "closed")

    def brought_by(self, listener: ListenerSettings) -> str | None:
        """The name of the peer or carrier whose messages a listener brings; None: settings do not say."""
        names = [*(peer.name for peer in self.peers), *(carrier.name for carrier in self.carriers)]
        named = listener.speaks_for or listener.options.get("peer")
        if named is not None:
            return named if named in names else None
        return names[0] if len(names) == 1 else None


def _carrier_problems(settings: Settings) -> Iterator[str]:
    unknown = set(settings.parties.without_own_number())
    for carrier in settings.carriers:
        for party in carrier.parties:
            yield from _party_problems(settings, f"carriers: {carrier.name}", party, unknown)


def _passing_on_problems(settings: Settings) -> Iterator[str]:
    unknown = set(settings.parties.without_own_number())
    for peer in settings.peers:
        if peer.passes_on and peer.organization.kind not in _MAY_PASS_ON:
            yield f"peers: {peer.name}: only a coordinating unit or a municipality passes on notices"
        for party in peer.passes_on:
            yield from _party_problems(settings, f"peers: {peer.name}", party, unknown)


def _party_problems(settings: Settings, place: str, party: str, unknown: set[str]) -> Iterator[str]:
    if party not in {peer.name for peer in settings.peers}:
        yield f"{place}: no peer has the name {party}"
    if party in unknown:
        yield f"{place}: {party} has no number of its own (her_id, organization_number, resh_id) to tell it by"


def _listener_problems(settings: Settings) -> Iterator[str]:
    for number, listener in enumerate(settings.listeners):
        if listener.speaks_for is not None and settings.brought_by(listener) is None:
            yield f"listeners.{number}.speaks_for: no peer or carrier has this name"


def read_settings(path: Path | str, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings file and the overrides. Raises `InvalidInput` with every problem and its place."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput.at(path.name, f"no TOML: {place_in_toml(error)}", "structure") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise InvalidInput.at(path.name, f"cannot be read: {reason}", "not-found") from None
    return settings_of(data, path.parent, environ)


def settings_of(data: Mapping[str, Any], base: Path = Path(), environ: Mapping[str, str] | None = None) -> Settings:
    """The settings from data as TOML gives it; `base` is where relative paths start."""
    environ = os.environ if environ is None else environ
    return Settings.model_validate(_overridden(dict(data), environ), context={"base": base, "environ": environ})


def _overridden(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The data with `IP_FHIR_A__B=x` set as a.b. A name whose first part is no setting is ignored."""
    for name, value in sorted(environ.items()):
        first, *rest = name.removeprefix(ENV_PREFIX).lower().split("__")
        if name.startswith(ENV_PREFIX) and first in Settings.model_fields:
            data = _with(data, [first, *rest], value)
    return data


def _with(node: Any, path: list[str], value: str) -> Any:
    """A copy of `node` with the value at that path."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
        return [_with(item, rest, value) if n == int(key) else item for n, item in enumerate(node)]
    inner = node if isinstance(node, dict) else {}
    return {**inner, key: _with(inner.get(key), rest, value)}

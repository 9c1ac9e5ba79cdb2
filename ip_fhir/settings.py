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
    [[listeners]]                                   # plug-ins that wait or poll; other keys are the plug-in's options
    use = "our-queue"
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
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo, model_validator

from ip_fhir.domain.agreement import Agreement, load_agreements
from ip_fhir.domain.people import Organization
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.value import Id, Text, Value
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV_PREFIX = "IP_FHIR_"
_SHORTEST_TOKEN = 16


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
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    base_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#@]+$")
    metrics_token: Secret | None = None

    @property
    def url(self) -> str:
        """Our address, without a slash at the end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")


class PeerSettings(Value):
    """Another party: its organisations, its address and adapter, and the tokens by which it authenticates.

    `units` are the organisations that speak for it besides `organization` (its departments, its service units).
    """

    name: Id
    organization: Organization
    units: tuple[Organization, ...] = ()
    adapter: str = "fhir-rest"
    url: str = Field(pattern=r"^[a-z][a-z0-9+.\-]*://[^\s?#@]+$")
    token: Secret | None = None
    accepts: tuple[Secret, ...] = ()
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


class ListenerSettings(Value):
    """A listener: the name `use` under which the plug-in is installed, and the plug-in's own options.

    An option `{ env = "NAME" }` or `{ file = "path" }` is the text there, and is shown in no `repr`; an option
    `{ path = "inbox" }` is that path, relative to the settings file.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, BeforeValidator(_read_option)]] = Field(init=False)

    use: Text

    @property
    def options(self) -> dict[str, Any]:
        """The options as the plug-in is given them, secrets as text."""
        options = self.model_extra or {}
        return {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in options.items()}


class LimitSettings(Value):
    """Bounds of a message: bytes of a body, levels of nesting, number of objects and lists, and bounds of its date.

    It may be dated at most `max_skew` seconds ahead of our clock and `max_age` days ago: an older one was replayed, or
    is too old to act on.
    """

    max_bytes: int = Field(default=5_000_000, ge=1_000)
    max_depth: int = Field(default=64, ge=8, le=200)
    max_parts: int = Field(default=500_000, ge=100)
    max_skew: float = Field(default=300.0, ge=0, le=86_400)
    max_age: float = Field(default=180.0, gt=0, le=36_500)

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


class Settings(Value):
    """All settings of one side of the loop."""

    NAMES_UNKNOWN_FIELDS = True

    role: Role
    organization: Organization
    units: tuple[Organization, ...] = ()
    database: str = "sqlite:///ip-fhir.sqlite"
    http: HttpSettings = HttpSettings()
    peers: tuple[PeerSettings, ...] = ()
    listeners: tuple[ListenerSettings, ...] = ()
    agreements: Annotated[tuple[Agreement, ...], BeforeValidator(_read_agreements)] = ()
    limits: LimitSettings = LimitSettings()
    worker: WorkerSettings = WorkerSettings()
    clock: ClockSettings = ClockSettings()
    mappings: MappingSettings = MappingSettings()
    language: Text = "nb"

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.role not in (Role.HOSPITAL, Role.MUNICIPALITY):
            message = "role: a side is the hospital or the municipality"
            raise ValueError(message)
        longest = max((peer.timeout for peer in self.peers), default=0.0)
        if self.worker.lease < 2 * longest:
            message = "worker.lease: at least twice the longest timeout of a peer, or two workers send the same row"
            raise ValueError(message)
        names = [peer.name for peer in self.peers]
        tokens = [token.get_secret_value() for peer in self.peers for token in peer.accepts]
        if len(set(names)) < len(names):
            message = "peers: two have the same name"
            raise ValueError(message)
        if len(set(tokens)) < len(tokens):
            message = "peers: two show the same token, so nobody can tell which of them it is"
            raise ValueError(message)
        return self


def read_settings(path: Path | str, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings file and the overrides. Raises `InvalidInput` with every problem and its place."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput.at(path.name, f"no TOML: {error}", "structure") from None
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

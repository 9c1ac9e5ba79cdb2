"""The sections of the settings: endpoint, peers, carriers, listeners, limits, worker, clock, evidence, mappings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, IPvAnyNetwork, SecretStr, model_validator

from ip_fhir.domain.people import Organization
from ip_fhir.domain.values.value import Id, Text, Value
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.line import NO_SETTINGS, Hl7v2Line
from ip_fhir.ports.hosts import is_loopback
from ip_fhir.settings.auth import AuthSettings, IssuerSettings
from ip_fhir.settings.kept import Beside, Secret, read_command, read_list, read_option, read_peer_option


class TlsSettings(Value):
    """TLS at the endpoint, 1.2 or later: the files of our certificate, with those above it, and of its key, in PEM.

    Without `key` it is in the same file. With `trusted`, the certificates of authorities, clients may show one that
    such an authority has signed (`clients = "asked"`), or must. The files are read again when they are replaced.
    """

    certificate: Beside
    key: Beside | None = None
    trusted: Beside | None = None
    clients: Literal["asked", "required"] = "asked"

    @model_validator(mode="after")
    def _trusts_somebody(self) -> Self:
        if self.clients == "required" and self.trusted is None:
            message = "clients: nobody gets in where trusted names no authorities"
            raise ValueError(message)
        return self


class RateSettings(Value):
    """The requests of one client: so many a second on average, and `burst` of them at once after a pause.

    0 a second sets no limit. The default is less than half of what one process takes in on two cores (some 250 notices
    a second), so that no single client stops the others, and more than any sender of this library asks for.
    """

    per_second: float = Field(default=100.0, ge=0, le=100_000)
    burst: int = Field(default=1_000, ge=1, le=1_000_000)


class HttpSettings(Value):
    """The address where we listen, and the one that others use (`base_url`), which is written in receipts.

    `metrics_token` is the token for reading /metrics; without it only a program on this machine may read them.
    `proxies` are the addresses of the proxies in front of us, the only senders whose `X-Forwarded-For` is believed.
    `issuer` is the authorisation server whose tokens are taken beside those of the settings. `inner_hooks` are the
    addresses of our own network that clients may have notified by a Subscription. With `tls` the endpoint speaks TLS
    itself, without a proxy. `rate` bounds how often one client may ask. The rest are bounds: seconds for the head of a
    request, for its body and between two requests of a connection; connections in all and of one client's address;
    bytes of the bodies that are read or worked on at a time.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    base_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#@]+$")
    metrics_token: Secret | None = None
    issuer: IssuerSettings | None = None
    tls: TlsSettings | None = None
    rate: RateSettings = RateSettings()
    proxies: Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(read_list)] = ()
    inner_hooks: Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(read_list)] = ()
    header_seconds: float = Field(default=10.0, gt=0, le=600)
    body_seconds: float = Field(default=60.0, gt=0, le=3600)
    idle_seconds: float = Field(default=20.0, gt=0, le=3600)
    connections: int = Field(default=512, ge=1, le=100_000)
    connections_per_client: int = Field(default=64, ge=1, le=100_000)
    bytes_in_flight: int = Field(default=64_000_000, ge=1_000)

    @property
    def url(self) -> str:
        """Our address, without a slash at the end."""
        scheme = "http" if self.tls is None else "https"
        return (self.base_url or f"{scheme}://{self.host}:{self.port}").rstrip("/")


class PeerSettings(Value):
    """Another party: its organisations, its address and adapter, and the tokens by which it authenticates.

    Its numbers are those of `organization` and `units` (its departments, its service units). `passes_on` are the names
    of the parties whose notices it may bring. In stored loops the party is known by its `name`.

    `clients` are its names at the authorisation server, `certificates` the names in its certificates: with these it is
    let in by its certificate, without a token, and its tokens count only together with one of them.

    With `by_person` a plan is shared with each of its people who takes part, not with the party as a whole. `absent`
    says what a part means that its changes of a plan do not have. `readers` are the names of the other peers that read
    the server at `url`: none, if the list is empty; without it, nobody has said. `auth` are our credentials with its
    authorisation server, instead of a `token`. `hl7v2` has the settings of its line for HL7 v2.
    """

    name: Id
    organization: Organization
    units: tuple[Organization, ...] = ()
    adapter: str = "fhir-rest"
    url: str = Field(pattern=r"^[a-z][a-z0-9+.\-]*://[^\s?#@]+$")
    token: Secret | None = None
    accepts: tuple[Secret, ...] = ()
    clients: tuple[Text, ...] = ()
    certificates: tuple[Text, ...] = ()
    passes_on: tuple[Id, ...] = ()
    by_person: bool = False
    absent: Literal["unchanged", "removed"] = "unchanged"
    readers: tuple[Id, ...] | None = Field(default=None, max_length=100)
    plain_http: bool = False  # something else encrypts the way there: a tunnel, a sidecar
    traceparent: bool = False
    timeout: float = Field(default=30.0, gt=0)
    options: dict[str, Annotated[str | SecretStr, BeforeValidator(read_peer_option)]] = Field(default_factory=dict)
    auth: AuthSettings | None = None
    hl7v2: Hl7v2Line = NO_SETTINGS

    @model_validator(mode="after")
    def _one_word_about_us(self) -> Self:
        if self.auth is not None and self.token is not None:
            message = "has both token and auth: we show one of them"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        address = urlsplit(self.url)
        if address.scheme == "http" and not self.plain_http and not is_loopback(address.hostname or ""):
            message = "http carries a person's affairs in the clear: use https, or plain_http where a tunnel encrypts"
            raise ValueError(message)
        return self


class CarrierSettings(Value):
    """A system that brings the messages of several `parties` (names of peers) under one credential, and is none itself.

    A message of its must name its sender by a number that is that party's alone.
    """

    name: Id
    accepts: tuple[Secret, ...] = ()
    clients: tuple[Text, ...] = ()
    certificates: tuple[Text, ...] = ()
    parties: tuple[Id, ...] = Field(min_length=1)


class ListenerSettings(Value):
    """A listener: the name `use` under which the plug-in is installed, and the plug-in's own options.

    `speaks_for` is the name of the peer or carrier whose messages it brings, or a list of them. Without it, it is the
    option `peer`, those of the option `peers`, or the only one that settings name.

    An option `{ env = "NAME" }` or `{ file = "path" }` is the text there, and is shown in no `repr`; an option
    `{ path = "inbox" }` is that path, relative to the settings file.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, BeforeValidator(read_option)]] = Field(init=False)

    use: Text
    speaks_for: Id | Annotated[tuple[Id, ...], Field(min_length=1)] | None = None

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

    max_bytes: int = Field(default=DEFAULT_LIMITS.max_bytes, ge=1_000)
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


class TellSettings(Value):
    """The command that tells our people: the program and its arguments, and the seconds that it has to end.

    It is run without a shell, with the worklist item as JSON on its standard input, without a person's data. Without a
    command a line in the log tells them. A program with a slash in its name is found beside the settings file.
    """

    command: Annotated[tuple[Text, ...], BeforeValidator(read_command)] = Field(default=(), max_length=100)
    timeout: float = Field(default=10.0, gt=0, le=600)


class LogSettings(Value):
    """The log of `serve` and `work`: lines as text or as JSON, and the lowest level of our own lines."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


class ClockSettings(Value):
    """The clock: `file` is a file with an ISO 8601 instant, for simulated time; without it, the system's clock."""

    file: Beside | None = None


class MappingSettings(Value):
    """The mapping tables: `overlay` is a TOML file with the site's own rows and codes."""

    overlay: Beside | None = None


class EvidenceSettings(Value):
    """The signed heads of the chain of evidence: the directory they go to, the private key (PEM), minutes between two.

    Keep the directory where those who may write the database may not write.

    `reads_years` is for how many years it can be told who has read something; no purge takes out a younger row of the
    log of reads. The person may ask who had access (pasientjournalloven § 18), but no Norwegian law known here gives
    the years. The default is that of the European Health Data Space (Regulation (EU) 2025/327, article 9: at least
    three years after each access), from memory: let the site's own counsel set it.
    """

    heads: Beside | None = None
    key: Secret | None = None
    every_minutes: int = Field(default=60, ge=1, le=10_080)
    reads_years: int = Field(default=3, ge=1, le=100)

    def reads_kept(self) -> timedelta:
        """The time for which rows of the log of reads are kept, with the leap days."""
        return timedelta(days=self.reads_years * 365 + self.reads_years // 4 + 1)

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.heads is None) != (self.key is None):
            message = "heads and key: each needs the other"
            raise ValueError(message)
        return self

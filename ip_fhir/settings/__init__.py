"""Settings: one TOML file, overridden by the environment, checked as a whole with every error at once.

    role = "municipality"                           # its role in the green form loop; a school or a GP has none
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
    [[told]]                                        # our own people: by e-mail, a webhook, or a command
    name = "intake"
    way = "webhook"
    url = "https://ehr.example/told"
    keys = [{ env = "WEBHOOK_KEY" }]
    [[listeners]]                                   # plug-ins that wait or poll; other keys are the plug-in's options
    use = "our-queue"
    speaks_for = "hospital"                         # whose messages it brings: a peer or a carrier, or a list
    password = { env = "QUEUE_PASSWORD" }

`IP_FHIR_HTTP__PORT=9000` overrides `http.port`, `IP_FHIR_PEERS__0__URL` the first peer's url. Paths, also that
of a SQLite database, are relative to the file. A token is its text, `{ env = "NAME" }` or `{ file = "path" }`.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.parties import OURS, Parties, check_names
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.value import Text, Value
from ip_fhir.errors import InvalidInput, place_in_toml
from ip_fhir.settings.kept import DatabaseUrl, read_agreements
from ip_fhir.settings.own import OwnSettings as OwnSettings
from ip_fhir.settings.sections import CarrierSettings as CarrierSettings
from ip_fhir.settings.sections import ClockSettings as ClockSettings
from ip_fhir.settings.sections import EvidenceSettings as EvidenceSettings
from ip_fhir.settings.sections import HttpSettings as HttpSettings
from ip_fhir.settings.sections import LimitSettings as LimitSettings
from ip_fhir.settings.sections import ListenerSettings as ListenerSettings
from ip_fhir.settings.sections import LogSettings as LogSettings
from ip_fhir.settings.sections import MappingSettings as MappingSettings
from ip_fhir.settings.sections import PeerSettings as PeerSettings
from ip_fhir.settings.sections import RetrySettings as RetrySettings
from ip_fhir.settings.sections import TellSettings as TellSettings
from ip_fhir.settings.sections import TlsSettings as TlsSettings
from ip_fhir.settings.sections import WorkerSettings as WorkerSettings
from ip_fhir.settings.telling import SmtpSettings as SmtpSettings
from ip_fhir.settings.telling import ToldSettings as ToldSettings
from ip_fhir.settings.unfilled import check_filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENV_PREFIX = "IP_FHIR_"
_MAY_PASS_ON = (OrganizationKind.COORDINATING_UNIT, OrganizationKind.MUNICIPALITY)


class Settings(Value):
    """All settings of one side. Without a `role` it has no part in the green form loop, but may take part in plans."""

    LISTS_FIELDS = True

    role: Role | None = None
    organization: Organization
    units: tuple[Organization, ...] = ()
    database: DatabaseUrl = Field(default="sqlite:///ip-fhir.sqlite", validate_default=True)
    http: HttpSettings = HttpSettings()
    own: OwnSettings | None = None
    unit_list: Literal["open", "closed"] = "open"
    peers: tuple[PeerSettings, ...] = ()
    carriers: tuple[CarrierSettings, ...] = ()
    listeners: tuple[ListenerSettings, ...] = ()
    agreements: Annotated[tuple[Agreement, ...], BeforeValidator(read_agreements)] = ()
    limits: LimitSettings = LimitSettings()
    worker: WorkerSettings = WorkerSettings()
    clock: ClockSettings = ClockSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    mappings: MappingSettings = MappingSettings()
    tell: TellSettings = TellSettings()
    told: tuple[ToldSettings, ...] = ()
    smtp: SmtpSettings | None = None
    log: LogSettings = LogSettings()
    language: Text = "nb"

    @model_validator(mode="before")
    @classmethod
    def _units_in_a_word(cls, data: Any) -> Any:
        """Reads `units = "closed"`, for a side without units of its own, as `unit_list = "closed"`."""
        if isinstance(data, dict) and isinstance(data.get("units"), str):
            return {**data, "units": (), "unit_list": data["units"]}
        return data

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.role not in (Role.HOSPITAL, Role.MUNICIPALITY, None):
            message = (
                "role: in the loop a side is the hospital or the municipality; without a role it has no part in it"
            )
            raise ValueError(message)
        if self.http.bytes_in_flight < 2 * self.limits.max_bytes:
            message = "http.bytes_in_flight: at least twice limits.max_bytes, or one party's message stops all others'"
            raise ValueError(message)
        timed: tuple[PeerSettings | ToldSettings | SmtpSettings, ...] = (*self.peers, *self.told)
        timed += () if self.smtp is None else (self.smtp,)
        if self.worker.lease < 2 * max((one.timeout for one in timed), default=0.0):
            message = "worker.lease: at least twice the longest timeout of a peer, or two workers send the same row"
            raise ValueError(message)
        credentials: tuple[PeerSettings | CarrierSettings, ...] = (*self.peers, *self.carriers)
        check_names(one.name for one in credentials)
        tokens = [token.get_secret_value() for one in credentials for token in one.accepts]
        if len(set(tokens)) < len(tokens):
            message = "peers: two show the same token, so nobody can tell which of them it is"
            raise ValueError(message)
        clients = [client for one in credentials for client in one.clients]
        if len(set(clients)) < len(clients):
            message = "peers: two have the same client, so nobody can tell which of them it is"
            raise ValueError(message)
        if clients and self.http.issuer is None:
            message = "peers: clients are known by the tokens of an authorisation server: name http.issuer"
            raise ValueError(message)
        trusts = self.http.tls is not None and self.http.tls.trusted is not None
        if any(one.certificates for one in credentials) and not trusts:
            message = (
                "peers: certificates are shown where the endpoint speaks TLS and trusts authorities: http.tls.trusted"
            )
            raise ValueError(message)
        checks = (
            _own_problems,
            _carrier_problems,
            _passing_on_problems,
            _reader_problems,
            _listener_problems,
            _told_problems,
        )
        for check in checks:
            for problem in check(self):
                raise ValueError(problem)
        return self

    @property
    def parties(self) -> Parties:
        """The parties: we ourselves, and each peer by its name."""
        peers = {peer.name: (peer.organization, *peer.units) for peer in self.peers}
        return Parties({OURS: (self.organization, *self.units), **peers}, closed=self.unit_list == "closed")

    def brought_by(self, listener: ListenerSettings) -> tuple[str, ...]:
        """The names of the peers and carriers whose messages a listener brings; empty: settings do not say."""
        names = [*(peer.name for peer in self.peers), *(carrier.name for carrier in self.carriers)]
        said = listener.speaks_for or listener.options.get("peer") or listener.options.get("peers")
        if said is None:
            return tuple(names) if len(names) == 1 else ()
        named = tuple(said) if isinstance(said, (tuple, list, dict)) else (said,)
        return named if all(name in names for name in named) else ()


def _own_problems(settings: Settings) -> Iterator[str]:
    ours = [program.token.get_secret_value() for program in (settings.own.programs if settings.own is not None else ())]
    shown = [*(peer.accepts for peer in settings.peers), *(carrier.accepts for carrier in settings.carriers)]
    theirs = {token.get_secret_value() for tokens in shown for token in tokens}
    if len(set(ours)) < len(ours) or not theirs.isdisjoint(ours):
        yield "own.programs: a token is one program's alone, and no peer's"


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


def _reader_problems(settings: Settings) -> Iterator[str]:
    unknown = set(settings.parties.without_own_number())
    for peer in settings.peers:
        for party in peer.readers or ():
            yield from _party_problems(settings, f"peers: {peer.name}: readers", party, unknown)
        if peer.name in (peer.readers or ()):
            yield f"peers: {peer.name}: readers: names the peers that read it beside {peer.name} itself"


def _party_problems(settings: Settings, place: str, party: str, unknown: set[str]) -> Iterator[str]:
    if party not in {peer.name for peer in settings.peers}:
        yield f"{place}: no peer has the name {party}"
    if party in unknown:
        yield f"{place}: {party} has no number of its own (her_id, organization_number, resh_id) to tell it by"


def _listener_problems(settings: Settings) -> Iterator[str]:
    for number, listener in enumerate(settings.listeners):
        if listener.speaks_for is not None and not settings.brought_by(listener):
            yield f"listeners.{number}.speaks_for: no peer or carrier has this name"


def _told_problems(settings: Settings) -> Iterator[str]:
    names = [OURS, *(peer.name for peer in settings.peers), *(carrier.name for carrier in settings.carriers)]
    for told in settings.told:
        if told.name in names:
            yield f"told: {told.name}: a peer, a carrier or another of told has this name"
        if told.way == "e-mail" and settings.smtp is None:
            yield f"told: {told.name}: e-mail needs a server: smtp"
        names.append(told.name)


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
    """The settings from data as TOML gives it; `base` is where relative paths start.

    Raises `InvalidInput` with every problem; of a file that is not filled in yet, with every place to fill in.
    """
    environ = os.environ if environ is None else environ
    data = _overridden(dict(data), environ)
    check_filled(data)
    return Settings.model_validate(data, context={"base": base, "environ": environ})


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

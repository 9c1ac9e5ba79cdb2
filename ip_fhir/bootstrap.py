"""Builds a working exchange from settings: the only place where all parts are put together."""

from __future__ import annotations

import logging
import os
import random
import socket
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.exchange.clock import FileClock, SystemClock
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.exchange import Exchange
from ip_fhir.exchange.formats import Formats, can_write
from ip_fhir.exchange.heads import HeadKeeper
from ip_fhir.exchange.listeners import BoundListener, at_listener
from ip_fhir.exchange.peers import Carrier, Peer, Peers, lines_in_common
from ip_fhir.exchange.subscriptions.endpoints import Endpoints
from ip_fhir.exchange.telling.command import TellCommand
from ip_fhir.exchange.telling.opening import Words, check_program, recipients_of
from ip_fhir.fhir.reading import Limits
from ip_fhir.mapping import Mapper
from ip_fhir.plugins import adapters, broken, listener
from ip_fhir.ports import CheckingAdapter, Endpoint
from ip_fhir.report.words.codes import word
from ip_fhir.report.words.told import Told, told_letter
from ip_fhir.store import open_store
from ip_fhir.wire.tls import as_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic import SecretStr

    from ip_fhir.domain.effects import Reason
    from ip_fhir.domain.sharing.events import PlanEventKind
    from ip_fhir.exchange.formats import Format
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.hl7v2.line import Hl7v2Line
    from ip_fhir.ports import Adapter, Clock, Listener, OutboxRow, Store, WireFormat
    from ip_fhir.report.words.codes import Language
    from ip_fhir.settings import EvidenceSettings, PeerSettings, Settings
    from ip_fhir.wire.auth import BackendService
    from ip_fhir.wire.auth.keys import TextKey

log = logging.getLogger("ip_fhir")

_ON_A_SERVER: Final = "fhir-resources"
"""The format of what is stored on a server, where others than the receiver may read it."""


def open_exchange(
    settings: Settings,
    *,
    store: Store | None = None,
    clock: Clock | None = None,
    tell: Callable[[OutboxRow], None] | None = None,
    plan_moved: Callable[[PlanEventKind, PlanChange], None] | None = None,
    wires: dict[str, Adapter] | None = None,
    formats: Iterable[Format] = (),
) -> Exchange:
    """Open one side. An EHR may pass its own `store`, its `clock`, and `tell`, which alerts its people.

    `plan_moved` is called after the commit of each event of a plan, with the shares and changes that it moved.

    `wires` are the EHR's own adapters, by the name that peers give as `adapter`, and `formats` its own wire formats;
    all others are installed plug-ins. The listeners that the settings name are made by `open_listeners`.

    Raises `InvalidInput` (a setting that cannot be met, a broken plug-in), `MappingError` (a wrong overlay) and
    `StoreError`.
    """
    spoken = Formats(formats)
    peers = _peers(settings, wires or {}, spoken)
    limits = settings.limits
    context = Context(
        role=settings.role,
        organizations=(settings.organization, *settings.units),
        clock=clock or (FileClock(settings.clock.file) if settings.clock.file else SystemClock()),
        peers=peers,
        agreements=settings.agreements,
        url=settings.http.url,
        jitter=random.SystemRandom().random,
        tell=tell or _tell(settings),
        plan_moved=plan_moved or (lambda _event, _change: None),
        worker=f"{socket.gethostname()}-{os.getpid()}",
        limits=Limits(limits.max_bytes, limits.max_depth, limits.max_parts),
        settings=settings.worker,
        mapper=Mapper.load(settings.mappings.overlay),
        formats=spoken,
        skew=timedelta(seconds=limits.max_skew),
        oldest=timedelta(days=limits.max_age),
        closed=settings.unit_list == "closed",
        basis=_basis(settings),
        refusals_kept=limits.max_refusals,
        endpoints=Endpoints(settings.http.inner_hooks),
        recipients=recipients_of(settings, _words),
        store=store or open_store(settings.database),  # last: whatever else is wrong must not leave one open
    )
    return Exchange(context)


_NOT_OF_PARTIES = {
    "database",
    "evidence",
    "http",
    "listeners",
    "agreements",
    "limits",
    "worker",
    "clock",
    "mappings",
    "tell",
    "told",
    "smtp",
    "log",
    "language",
}


def _basis(settings: Settings) -> str:
    """The digest of all that says whom a referral concerns: the settings but for other parts, and our own version."""
    said = settings.model_dump_json(exclude=_NOT_OF_PARTIES)  # secrets are masked
    return sha256(f"{version('ip-fhir')} {said}".encode()).hexdigest()[:20]


def open_listeners(settings: Settings) -> list[Listener]:
    """The listeners that the settings name, in that order, not started: `ip_fhir.exchange.listeners` runs them.

    Each is bound to the peers or carriers whose messages it brings, and can hand in no other's. The last writes signed
    heads of the evidence, if settings want any. Raises `InvalidInput` with every problem: a plug-in that is missing
    or broken at `listeners.N.use`, an option that it does not know or cannot use at `listeners.N.OPTION`, at
    `listeners.N.speaks_for` if settings do not say whose messages it brings, a key that cannot sign at `evidence.key`.
    """
    made: list[Listener] = []
    problems: list[Problem] = []
    for number, named in enumerate(settings.listeners):
        try:
            made.append(BoundListener(listener(named.use, named.options), *_brought_by(settings, number)))
        except InvalidInput as error:
            problems += at_listener(error, f"listeners.{number}").problems
    try:
        made += _head_keepers(settings.evidence)
    except InvalidInput as error:
        problems += at_listener(error, "evidence.key").problems
    if problems:
        raise InvalidInput(problems)
    return made


def _brought_by(settings: Settings, number: int) -> tuple[str, ...]:
    """The names of the peers and carriers that a listener is bound to."""
    names = settings.brought_by(settings.listeners[number])
    if not names:
        raise InvalidInput.at("speaks_for", "name the peer or carrier whose messages it brings", "required")
    return names


def _head_keepers(settings: EvidenceSettings) -> list[Listener]:
    if settings.heads is None or settings.key is None:
        return []
    return [HeadKeeper(settings.heads, settings.key.get_secret_value(), timedelta(minutes=settings.every_minutes))]


def _peers(settings: Settings, wires: dict[str, Adapter], formats: Formats) -> Peers:
    named = {peer.adapter for peer in settings.peers}
    loaded = {**adapters(named - set(wires)), **wires}
    problems = [problem for name in sorted(named) for problem in _unwritten(name, loaded[name], formats)]
    made = [_peer(number, peer, loaded) for number, peer in enumerate(settings.peers)]
    problems += [problem for number, peer in enumerate(made) for problem in _unusable(peer, number)]
    if problems:
        raise InvalidInput(problems)
    carriers = (
        Carrier(
            one.name,
            one.parties,
            _texts(one.accepts),
            one.clients,
            certificates=_certificates(f"carriers.{number}", one.certificates),
        )
        for number, one in enumerate(settings.carriers)
    )
    return Peers(made, carriers)


def _certificates(place: str, names: Iterable[str]) -> tuple[str, ...]:
    """Names in certificates as they are compared. Raises `InvalidInput` for what is none."""
    found: list[str] = []
    for number, name in enumerate(names):
        try:
            found.append(as_name(name))
        except InvalidInput as error:
            raise InvalidInput.at(f"{place}.certificates.{number}", error.problems[0].reason) from None
    return tuple(found)


def open_peer(settings: Settings, name: str) -> Peer:
    """One peer of the settings, with its installed adapter: to reach it without an exchange.

    Raises `InvalidInput` if settings name none, or it cannot be used.
    """
    for number, named in enumerate(settings.peers):
        if named.name == name:
            peer = _peer(number, named, adapters([named.adapter]))
            if problems := _unusable(peer, number):
                raise InvalidInput(problems)
            return peer
    raise InvalidInput.at("peers", f"no peer in the settings has the name {name}", "not-found")


def _unusable(peer: Peer, number: int) -> tuple[Problem, ...]:
    """The problems that the peer's adapter has with its address or options, if it is one that looks at them."""
    try:
        if isinstance(peer.adapter, CheckingAdapter):
            peer.adapter.check(peer.endpoint)
    except InvalidInput as error:
        own = f"peers.{number}"
        return tuple(
            replace(p, path=f"{own}.url" if p.path == "url" else f"{own}.options.{p.path}".rstrip("."))
            for p in error.problems
        )
    return ()


def _unwritten(name: str, adapter: Adapter, formats: Formats) -> tuple[Problem, ...]:
    """The problem of an adapter whose format is not installed or cannot be sent, told before anything is sent."""
    try:
        spoken = formats.named(adapter.format)
    except InvalidInput as error:
        return broken(f"adapters.{name}", f"speaks a format that cannot be used: {error}").problems
    if can_write(spoken):
        return ()
    return broken(f"adapters.{name}", f"speaks {adapter.format}, which is only taken in, never sent").problems


def _peer(number: int, peer: PeerSettings, loaded: dict[str, Adapter]) -> Peer:
    token = peer.token.get_secret_value() if peer.token else None
    return Peer(
        name=peer.name,
        organizations=(peer.organization, *peer.units),
        adapter=loaded[peer.adapter],
        endpoint=Endpoint(
            peer.url,
            token,
            peer.timeout,
            _options(peer),
            {"hl7v2": line_of(peer)},
            credentials=credentials_of(number, peer),
            traceparent=peer.traceparent,
        ),
        accepts=_texts(peer.accepts),
        passes_on=peer.passes_on,
        by_person=peer.by_person,
        absent=peer.absent,
        clients=peer.clients,
        certificates=_certificates(f"peers.{number}", peer.certificates),
        readers=peer.readers or (),
        readers_known=peer.readers is not None or loaded[peer.adapter].format != _ON_A_SERVER,
    )


def credentials_of(number: int, peer: PeerSettings) -> BackendService | None:
    """Our credentials with a peer's authorisation server. Raises `InvalidInput` for a key that cannot be used."""
    auth = peer.auth
    if auth is None:
        return None
    from ip_fhir.wire.auth import BackendService
    from ip_fhir.wire.auth.keys import FileKey

    try:
        key = FileKey(auth.key, auth.key_id) if isinstance(auth.key, Path) else _kept(auth.key, auth.key_id)
        return BackendService(peer.url, auth.client_id, key, auth.scope, auth.token_url, auth.dpop)
    except InvalidInput as error:
        raise InvalidInput([replace(p, path=f"peers.{number}.auth.{p.path}") for p in error.problems]) from None


def _kept(text: SecretStr, key_id: str | None) -> Callable[[], TextKey]:
    from ip_fhir.wire.auth.keys import TextKey

    key = TextKey(text.get_secret_value(), key_id)
    return lambda: key


def line_of(peer: PeerSettings) -> Hl7v2Line:
    """The settings of a peer's line for HL7 v2: the meaning of absence is the peer's on every wire."""
    # A copy remembers which settings were written, as `evolve` does not.
    return peer.hl7v2.model_copy(update={"absent": "removed"}) if peer.absent == "removed" else peer.hl7v2


def lines_by_name(settings: Settings) -> dict[str, Mapping[WireFormat, object]]:
    """The settings of the lines of each peer and carrier by its name, without an exchange: as `Peers.lines_of`."""
    lines: dict[str, Mapping[WireFormat, object]] = {one.name: {"hl7v2": line_of(one)} for one in settings.peers}
    carried = {one.name: lines_in_common([lines[name] for name in one.parties]) for one in settings.carriers}
    return {**lines, **carried}


def _options(peer: PeerSettings) -> dict[str, str]:
    """The options as the adapter is given them, secrets as text."""
    return {k: v if isinstance(v, str) else v.get_secret_value() for k, v in peer.options.items()}


def _texts(secrets: Iterable[SecretStr]) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in secrets)


def _tell(settings: Settings) -> Callable[[OutboxRow], None]:
    """The `tell` of an EHR that passes none: the command of the settings, else a line in the log.

    Raises `InvalidInput` when there is no such program.
    """
    words, command = _words(settings.language).reason, settings.tell.command
    if not command:
        return partial(_log_row, words)
    check_program(command, "tell.command")
    return TellCommand(command, settings.tell.timeout, settings.role, words)


def _words(spoken: str) -> Words:
    """The words for our own people in a language; Norwegian, if it is not English."""
    language: Language = "en" if spoken == "en" else "nb"

    def letter(items: Sequence[tuple[Reason | None, str]], *, digest: bool) -> Told:
        return told_letter(items, language, digest=digest)

    return Words(partial(word, language=language), letter)


def _log_row(words: Callable[[Reason], str], row: OutboxRow) -> None:
    """Logs why our people must look, and at what, without the words that others wrote."""
    reason = row.effect.reason
    said = words(reason) if reason else "?"
    fields = {"reason": reason and str(reason), "loop": row.correlation_id}
    log.warning("for our people: %s (%s %s)", said, row.aggregate_kind, row.correlation_id, extra=fields)

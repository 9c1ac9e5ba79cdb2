"""From settings to a working exchange: the one place where the parts are put together."""

from __future__ import annotations

import logging
import os
import random
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

from ip_fhir.exchange.clock import FileClock, SystemClock
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.exchange import Exchange
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.fhir.reading import Limits
from ip_fhir.mapping import Mapper
from ip_fhir.plugins import adapters
from ip_fhir.ports import Endpoint
from ip_fhir.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.ports import Adapter, Clock, OutboxRow, Store
    from ip_fhir.settings import PeerSettings, Settings

log = logging.getLogger("ip_fhir")


def open_exchange(
    settings: Settings,
    *,
    store: Store | None = None,
    clock: Clock | None = None,
    tell: Callable[[OutboxRow], None] | None = None,
    wires: dict[str, Adapter] | None = None,
) -> Exchange:
    """One side of the loop, ready. An EHR passes its own `store`, `clock`, or what to do when its people must look.

    `wires` are adapters of its own by name, for peers whose `adapter` says so; the others are installed plug-ins.

    Raises `InvalidInput` (a setting that cannot be met, a broken adapter), `MappingError` (a wrong overlay) and
    `StoreError`.
    """
    mapper = Mapper.load(settings.mappings.overlay)  # first: a wrong overlay opens no store
    limits = settings.limits
    context = Context(
        role=settings.role,
        organizations=(settings.organization, *settings.units),
        store=store or open_store(settings.database),
        clock=clock or (FileClock(settings.clock.file) if settings.clock.file else SystemClock()),
        peers=_peers(settings, wires or {}),
        agreements=settings.agreements,
        url=settings.http.url,
        jitter=random.SystemRandom().random,
        tell=tell or _log_row,
        worker=f"{socket.gethostname()}-{os.getpid()}",
        limits=Limits(limits.max_bytes, limits.max_depth, limits.max_parts),
        settings=settings.worker,
        mapper=mapper,
        skew=timedelta(seconds=limits.max_skew),
        oldest=timedelta(days=limits.max_age),
    )
    return Exchange(context)


def _peers(settings: Settings, wires: dict[str, Adapter]) -> Peers:
    loaded = {**adapters({peer.adapter for peer in settings.peers} - set(wires)), **wires}
    return Peers(_peer(peer, loaded) for peer in settings.peers)


def _peer(peer: PeerSettings, loaded: dict[str, Adapter]) -> Peer:
    token = peer.token.get_secret_value() if peer.token else None
    return Peer(
        name=peer.name,
        organizations=(peer.organization, *peer.units),
        adapter=loaded[peer.adapter],
        endpoint=Endpoint(peer.url, token, peer.timeout, peer.options),
        accepts=tuple(secret.get_secret_value() for secret in peer.accepts),
    )


def _log_row(row: OutboxRow) -> None:
    """Until a worklist takes it: that something is to be looked at, not what."""
    log.warning("for our people: effect %s of referral %s", row.id, row.correlation_id)

"""One side of the exchange: its store, its clock, its peers, its formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from ip_fhir.domain.agreement import Agreement, find_agreement
from ip_fhir.domain.people import same_organization
from ip_fhir.exchange.counts import Counts
from ip_fhir.exchange.formats import Formats
from ip_fhir.exchange.peers import counterpart, takes_part
from ip_fhir.exchange.sending.circuits import Circuits
from ip_fhir.fhir.reading import DEFAULT_LIMITS, Limits
from ip_fhir.mapping import Mapper, default
from ip_fhir.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Referral, Role
    from ip_fhir.exchange.peers import Peer, Peers
    from ip_fhir.ports import Clock, OutboxRow, Store


@dataclass(frozen=True, slots=True)
class Context:
    """One side of the loop. `organizations` are those we speak for; `url` is our own address on the wire.

    `jitter` returns 0.0 to 1.0. `tell` is called with each outbox row that is for our own people, before the row is
    closed, from any of the threads that send. A message may be dated at most `skew` ahead of our clock, and at most
    `oldest` ago. One that arrives before the message it follows is answered "not yet" until it is `early` old, and then
    refused.
    """

    role: Role
    organizations: tuple[Organization, ...]
    store: Store
    clock: Clock
    peers: Peers
    agreements: tuple[Agreement, ...]
    url: str
    jitter: Callable[[], float]
    tell: Callable[[OutboxRow], None]
    worker: str = "worker"
    limits: Limits = DEFAULT_LIMITS
    settings: WorkerSettings = field(default_factory=WorkerSettings)
    mapper: Mapper = field(default_factory=default)
    formats: Formats = field(default_factory=Formats)
    skew: timedelta = timedelta(minutes=5)
    oldest: timedelta = timedelta(days=180)
    early: timedelta = timedelta(hours=1)
    counts: Counts = field(default_factory=Counts)
    circuits: Circuits = field(default_factory=Circuits)

    def is_us(self, organization: Organization) -> bool:
        """True if we speak for that organisation."""
        return any(same_organization(own, organization) for own in self.organizations)

    def peer_of(self, referral: Referral, effect: Effect) -> Peer:
        """The party that an effect which leaves this side goes to. Raises `InvalidInput` when settings name none."""
        return self.peers.of(effect.recipient or counterpart(referral))

    def parties_of(self, referral: Referral) -> frozenset[str]:
        """The names of the parties that a referral concerns: only they may read and change it."""
        return frozenset(peer.name for peer in self.peers if takes_part(peer, referral))

    def agreement(self, notice: Notice) -> Agreement:
        """The agreement between the sender and the recipient of a notice."""
        return find_agreement(
            self.agreements, notice.organization(notice.sender), notice.organization(notice.recipient)
        )

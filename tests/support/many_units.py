"""A hospital with as many coordinating units as a test wants, each a peer of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.ids import HerId
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.clock import SystemClock
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.ports import Adapter, Clock, Endpoint, Store
from ip_fhir.settings import RetrySettings, WorkerSettings
from tests.support.two_sides import notice

if TYPE_CHECKING:
    from ip_fhir.exchange.sending.circuits import Way
    from ip_fhir.ports import OutboxRow


def unit(name: str) -> Organization:
    """The coordinating unit of a name, with a number that only it has."""
    number = sum(ord(letter) * 31**place for place, letter in enumerate(name)) % 1_000_000
    return Organization(
        id=name, name=name, kind=OrganizationKind.COORDINATING_UNIT, her_id=HerId.parse(str(8_000_000 + number))
    )


def notice_to(name: str, ident: str) -> Notice:
    """An example notice to the unit of that name, under an id of its own."""
    made = notice("01")
    others = tuple(one for one in made.organizations if one.id != made.recipient)
    return made.evolve(
        id=f"notice-{ident}", correlation_id=f"loop-{ident}", recipient=name, organizations=(*others, unit(name))
    )


@dataclass
class Town:
    """The hospital's side."""

    exchange: Exchange
    told: list[OutboxRow] = field(default_factory=list)

    def send(self, name: str, ident: str) -> None:
        """Open a loop with the unit of that name."""
        self.exchange.send_notice(notice_to(name, ident))

    def state(self, ident: str) -> str:
        """Where that loop stands."""
        stored = self.exchange.store.referral(f"loop-{ident}")
        return str(stored.referral.state) if stored else "none"

    def way(self, name: str) -> Way:
        """The way to the unit of that name."""
        (found,) = [way for way in self.exchange.ways() if way.peer == name]
        return found


def town(
    store: Store,
    units: Mapping[str, tuple[Adapter, str]],
    clock: Clock | None = None,
    timeout: float = 1.0,
    tell: Callable[[OutboxRow], None] = lambda _row: None,
    **worker: Any,
) -> Town:
    """The hospital; `units` are adapter and url by name, `worker` settings of the worker.

    `tell` is called with each row that is for our own people, before it counts as told.
    """
    made = notice("01")
    settings = WorkerSettings(**{"rest": 0.05, "lease": 5.0, "grace": 1.0, "retry": RetrySettings(first=60), **worker})
    told: list[OutboxRow] = []

    def keep(row: OutboxRow) -> None:
        tell(row)
        told.append(row)

    context = Context(
        role=Role.HOSPITAL,
        organizations=(made.organization(made.sender),),
        store=store,
        clock=clock or SystemClock(),
        peers=Peers(Peer(n, (unit(n),), adapter, Endpoint(url, None, timeout)) for n, (adapter, url) in units.items()),
        agreements=(),
        url="https://hospital.example/fhir",
        jitter=lambda: 1.0,
        tell=keep,
        settings=settings,
    )
    return Town(Exchange(context), told)

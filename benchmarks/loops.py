"""Sides of the loop for benchmarks: an exchange on a store, and a peer that answers."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.notice import Notice, NoticeKind
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, PlanOwner
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.ids import HerId, OrganizationNumber
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.ports import Endpoint, Outgoing, Receipt, WireFormat
from ip_fhir.settings import WorkerSettings

if TYPE_CHECKING:
    from ip_fhir.store import SqlStore

HOSPITAL = Organization(
    id="hospital", name="Sykehuset", kind=OrganizationKind.HOSPITAL, organization_number=OrganizationNumber("983971636")
)
UNIT = Organization(
    id="unit", name="Koordinerende enhet", kind=OrganizationKind.COORDINATING_UNIT, her_id=HerId("80001")
)
SENT = datetime(2026, 1, 12, 9, tzinfo=UTC)
"""When the notices were sent: a Monday."""

DUE = datetime(2026, 1, 19, 23, tzinfo=UTC)
"""A moment after the first deadline: it has been waited for the unit's acceptance for five working days."""


def notice(number: str) -> Notice:
    """A notice that says no more than it must; with `number` in its ids."""
    return Notice(
        id=f"notice-{number}",
        correlation_id=f"referral-{number}",
        kind=NoticeKind.COORDINATOR,
        authored=SENT,
        owner=PlanOwner(id="owner", name=PersonName(family="Prøve", given="Eksempel")),
        sender="hospital",
        recipient="unit",
        organizations=(HOSPITAL, UNIT),
        legal_basis=(LegalBasis.HOL_7_2,),
    )


@dataclass
class SetClock:
    """A clock that stands still."""

    at: datetime = SENT

    def now(self) -> datetime:
        """As set."""
        return self.at


class Answering:
    """A peer that has stored whatever it is sent, after a while (seconds)."""

    name: str = "answering"
    format: WireFormat = "fhir-message"

    def __init__(self, after: float = 0.0) -> None:
        self._after = after
        self.sent: list[str] = []
        self.contents: list[bytes] = []

    def send(self, outgoing: Outgoing) -> Receipt:
        """Wait, remember the id, say ok."""
        if self._after:
            time.sleep(self._after)
        self.sent.append(outgoing.message_id)
        self.contents.append(outgoing.content)
        return Receipt(outgoing.message_id, "ok")


def side(role: Role, store: SqlStore, adapter: Answering, clock: SetClock, **settings: Any) -> Exchange:
    """One side of the loop, with the other as its only peer; `settings` are the worker's."""
    ours, theirs = (HOSPITAL, UNIT) if role is Role.HOSPITAL else (UNIT, HOSPITAL)
    context = Context(
        role=role,
        organizations=(ours,),
        store=store,
        clock=clock,
        peers=Peers([Peer("other", (theirs,), adapter, Endpoint("none:"), ("token",))]),
        agreements=(),
        url="https://example.org/fhir",
        jitter=lambda: 1.0,
        tell=lambda _row: None,
        settings=WorkerSettings(**settings),
    )
    return Exchange(context)


def bare(file: str) -> sqlite3.Connection:
    """A connection to a file of its own, as durable as the store's, with nothing in between."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection

"""Several parties around one plan in one process, each with its own store, over a network that a test can break.

The municipality holds the plan; hospital, school and general practice take part; another municipality may take it over.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from ip_fhir.domain.agreement import Agreement, ContentLevel, Party
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, PlanOwner, Professional
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure, Need, PlanStatus
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.case import SharedPlan
from ip_fhir.domain.sharing.terms import ShareStart, SharingTerms
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.team import CareTeam, Coordinator, Membership, TeamRole
from ip_fhir.domain.values.ids import HerId, PersonId
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.errors import IpFhirError, Unavailable
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.fhir.reading import read_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.ports import Endpoint, OutboxRow, Outgoing, Receipt, Store, WireFormat
from ip_fhir.settings import WorkerSettings
from ip_fhir.store import open_store
from tests.support.dropped import open_dropped
from tests.support.two_sides import START, SetClock, as_peer_error

NINA = Author(id="nina01", name="Nina Koordinatortest")
"""The coordinator, who does what the holder's people do."""

OLE = Author(id="ole02", name="Ole Sykehustest")
"""Somebody of a participant."""

PERSON = PersonId("12057900499")

KINDS = {
    "municipality": OrganizationKind.MUNICIPALITY,
    "hospital": OrganizationKind.HOSPITAL,
    "school": OrganizationKind.SCHOOL,
    "practice": OrganizationKind.GENERAL_PRACTICE,
    "elsewhere": OrganizationKind.MUNICIPALITY,
}
"""The parties by name; the first holds the plan."""

PARTIES = tuple(KINDS)


def organization(name: str) -> Organization:
    """The organisation of a party, with a number of its own."""
    return Organization(id=name, name=f"{name} (test)", kind=KINDS[name], her_id=HerId(f"8{PARTIES.index(name):03}"))


def make_plan() -> IndividualPlan:
    """A plan with people of every party but `elsewhere`, and items in several areas; the school may not see housing."""
    people = {"municipality": "Nina", "hospital": "Ole", "school": "Siri", "practice": "Per"}
    return IndividualPlan(
        id="plan-of-the-ring",
        owner=PlanOwner(id="owner", name=PersonName(family="Ringtest", given="Ada"), identifier=PERSON),
        status=PlanStatus.ACTIVE,
        created=START,
        organizations=tuple(organization(name) for name in people),
        professionals=tuple(
            Professional(id=given.lower(), name=PersonName(family="Fagtest", given=given), organization=name)
            for name, given in people.items()
        ),
        needs=(Need(id="need-1", text="Å bo for seg selv", area=LifeArea.HOUSING),),
        goals=(
            Goal(id="goal-1", text="Å svømme hver uke", areas=(LifeArea.LEISURE,)),
            Goal(id="goal-2", text="Å få egen bolig", areas=(LifeArea.HOUSING,)),
        ),
        measures=(
            Measure(id="measure-1", what="Svømmetrening", goals=("goal-1",), responsible="ole"),
            Measure(id="measure-2", what="Søke om bolig", goals=("goal-2",), responsible="nina"),
            Measure(id="measure-3", what="Kroppsøving tilpasset", goals=("goal-1",), responsible="siri"),
        ),
        team=CareTeam(
            id="team",
            memberships=tuple(
                Membership(id=f"member-{given.lower()}", member=given.lower(), role=TeamRole.SERVICE_PROVIDER)
                for given in ("Ole", "Siri", "Per")
            ),
            coordinators=(Coordinator(id="coordinator", holder="nina"),),
        ),
        consents=(
            Consent(id="consent-plan", kind=ConsentKind.PLAN, given_on=date(2026, 1, 2)),
            Consent(
                id="consent-sharing",
                kind=ConsentKind.SHARING,
                given_on=date(2026, 1, 2),
                provisions=(
                    Provision(access=Access.DENY, recipients=("school",), areas=(LifeArea.HOUSING,)),
                    Provision(access=Access.PERMIT),
                ),
            ),
        ),
    )


def agreement(one: str, other: str, level: ContentLevel = ContentLevel.PLAN, **terms: object) -> Agreement:
    """An agreement between two parties."""
    parties = tuple(Party(her_id=organization(name).her_id) for name in (one, other))
    return Agreement(parties=parties, content_level=level, sharing=SharingTerms.model_validate(terms))


@dataclass
class Network:
    """The way between all: messages are delivered at once, in the same thread, unless `fate` says otherwise.

    `fate` is asked for each attempt: `deliver`, `lose` (the message), `lose-receipt`, `double` (it comes a second time,
    after all that is under way), `delay` (it comes later, and the sender learns nothing).
    """

    sides: dict[str, Exchange] = field(default_factory=dict)
    sent: list[tuple[str, str, bytes]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    fate: Callable[[], str] = lambda: "deliver"
    late: deque[tuple[str, str, bytes]] = field(default_factory=deque)

    def carry(self, sender: str, to: str, outgoing: Outgoing) -> Receipt:
        """Carry a message by its fate. Raises `PeerError`."""
        content = outgoing.content
        self.sent.append((sender, to, content))
        fate = self.fate()
        if to in self.down or fate == "lose":
            raise Unavailable("nobody answers")
        if fate in ("delay", "double"):
            self.late.append((sender, to, content))
        if fate == "delay":
            raise Unavailable("no answer in time")
        receipt = self.deliver(sender, to, content)
        if fate == "lose-receipt":
            raise Unavailable("the answer was lost")
        return receipt

    def deliver(self, sender: str, to: str, content: bytes) -> Receipt:
        """Hand the bytes to a side. Raises `PeerError` for what its HTTP answer would become."""
        peer = self.sides[to].peer_by_token(f"token-of-{sender}")
        assert peer is not None
        try:
            return receipt_from_fhir(read_json(self.sides[to].receive(content, peer, "fhir-message")))
        except IpFhirError as error:
            raise as_peer_error(error) from None

    def come_late(self) -> None:
        """Deliver what was delayed or doubled, to whoever is up."""
        while self.late:
            sender, to, content = self.late.popleft()
            if to not in self.down:
                with _whatever_comes():
                    self.deliver(sender, to, content)


@contextmanager
def _whatever_comes() -> Iterator[None]:
    """Nobody waits for the answer to what comes late."""
    try:
        yield
    except IpFhirError:
        return


class Line:
    """The adapter of one side to one other."""

    name: str = "ring"
    format: WireFormat = "fhir-message"

    def __init__(self, network: Network, sender: str, to: str) -> None:
        self._network, self._sender, self._to = network, sender, to

    def send(self, outgoing: Outgoing) -> Receipt:
        """Carry it."""
        return self._network.carry(self._sender, self._to, outgoing)


@dataclass
class Ring:
    """All parties and the time they live in."""

    network: Network
    clock: SetClock
    told: dict[str, list[OutboxRow]]

    def __getitem__(self, name: str) -> Exchange:
        return self.network.sides[name]

    @property
    def holder(self) -> Exchange:
        """The side that holds the plan at first."""
        return self.network.sides[PARTIES[0]]

    def settle(self) -> None:
        """Let all do what is due, letting time pass for what is tried again, until nobody has anything to do."""
        for _ in range(200):
            ran = [side.run_due() for side in self.network.sides.values()]
            if not any(one.anything for one in ran):
                if not self.network.late and not any(self._waits(side) for side in self.network.sides.values()):
                    return
                self.network.come_late()
                self.clock.forward(hours=1)
        message = "the ring does not come to rest"
        raise AssertionError(message)

    @staticmethod
    def _waits(side: Exchange) -> bool:
        return bool(side.store.outbox("waiting", 1))

    def copy(self, name: str, share_id: str) -> PlanView | None:
        """The view that a party has of its share; None if it has none, or it was withdrawn."""
        plan = self.plan(name)
        found = plan.copy_of(share_id) if plan is not None else None
        return found.view if found is not None else None

    def plan(self, name: str, plan_id: str = "plan-of-the-ring") -> SharedPlan | None:
        """The plan as a party has it."""
        stored = self[name].store.shared_plan(plan_id)  # type: ignore[attr-defined]
        return stored.plan if stored is not None else None

    def close(self) -> None:
        """Close all stores."""
        for side in self.network.sides.values():
            side.close()


def make_ring(
    directory: Path,
    *,
    begin: ShareStart = ShareStart.BY_NAME,
    levels: dict[str, ContentLevel] | None = None,
    open_: Callable[[str], Store] | None = None,
) -> Ring:
    """All parties, each with an agreement with every other one; `levels` are those of the agreements by party."""
    network, clock, told = Network(), SetClock(), defaultdict[str, list[OutboxRow]](list)
    for name in PARTIES:
        others = [other for other in PARTIES if other != name]
        peers = [
            Peer(other, (organization(other),), Line(network, name, other), Endpoint("ring://"), (f"token-of-{other}",))
            for other in others
        ]
        agreements = [
            agreement(name, other, (levels or {}).get(other, ContentLevel.PLAN), shares_begin=begin) for other in others
        ]
        store = open_(name) if open_ is not None else empty_store(directory / f"{name}.sqlite")
        context = Context(
            role=None,
            organizations=(organization(name),),
            store=store,
            clock=clock,
            peers=Peers(peers),
            agreements=tuple(agreements),
            url=f"https://{name}.example/fhir",
            jitter=lambda: 1.0,
            tell=told[name].append,
            settings=WorkerSettings(parallel=1),
        )
        network.sides[name] = Exchange(context)
    return Ring(network, clock, told)


def with_settings(ring: Ring, *, levels: dict[str, ContentLevel], begin: ShareStart = ShareStart.BY_NAME) -> Exchange:
    """The holder's side started again with agreements of these levels, and with no other party; it takes its place."""
    context = ring.holder._context
    agreed = (agreement(PARTIES[0], other, level, shares_begin=begin) for other, level in levels.items())
    ring.network.sides[PARTIES[0]] = Exchange(replace(context, agreements=tuple(agreed)))
    return ring.holder


@lru_cache(maxsize=1)
def _empty_database() -> bytes:
    """A database with all tables and nothing in them: to make one takes longer than most tests."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "empty.sqlite"
        open_store(f"sqlite:///{path}").close()
        return path.read_bytes()


def empty_store(path: Path) -> Store:
    """A new store in this file."""
    path.write_bytes(_empty_database())
    return open_dropped(f"sqlite:///{path}")

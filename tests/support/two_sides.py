"""A hospital and a municipality in one process, each with its own store, over an adapter without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Organization
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.value import read
from ip_fhir.errors import IpFhirError, PeerError, Rejected, StoreError, Unavailable
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.fhir.outcome import status_of
from ip_fhir.fhir.reading import read_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.ports import Endpoint, OutboxRow, Outgoing, Receipt, Store, Transaction, WireFormat
from ip_fhir.settings import Settings, WorkerSettings, settings_of
from tests.support.dropped import open_dropped

if TYPE_CHECKING:
    from ip_fhir.domain.agreement import Agreement

EXAMPLES = Path(__file__).parents[2] / "examples"
TOKENS = {"hospital": "token-of-the-hospital", "municipality": "token-of-the-municipality"}
START = datetime(2026, 1, 12, 13, 0, tzinfo=UTC)


def notice(name: str) -> Notice:
    """An example notice, by the beginning of its file name: `03`."""
    return read(Notice, _only(EXAMPLES / "notices", name).read_bytes())


def form(name: str) -> GreenForm:
    """An example green form, by the beginning of its file name: `03-stroke-patient-1`."""
    return read(GreenForm, _only(EXAMPLES / "green_forms", name).read_bytes())


def _only(directory: Path, name: str) -> Path:
    (path,) = directory.glob(f"{name}*.json")
    return path


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        """As set."""
        return self.at

    def forward(self, **by: float) -> None:
        """Let time pass: `days=1`."""
        self.at += timedelta(**by)


class Breakable:
    """A store that can be cut off inside a transaction: at a method of it (`append`, `save` ...) or at the commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.cut_at: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def begin(self) -> Iterator[Any]:
        """A transaction that ends in a `StoreError` where it was told to."""
        with self._store.begin() as transaction:
            yield _Cut(transaction, self.cut_at) if self.cut_at else transaction
            if self.cut_at == "commit":
                raise StoreError("cut off")


class _Cut:
    def __init__(self, transaction: Transaction, at: str) -> None:
        self._transaction, self._at = transaction, at

    def __getattr__(self, name: str) -> Any:
        if name == self._at:
            raise StoreError("cut off")
        return getattr(self._transaction, name)


class Wire:
    """An adapter that hands the bytes to the other side, in the same thread, and can be broken."""

    name: str = "in-memory"
    format: WireFormat = "fhir-message"

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self.to: Exchange | None = None
        self.sent: list[bytes] = []
        self.break_with: Exception | None = None
        self.lose_receipts = False

    def send(self, outgoing: Outgoing) -> Receipt:
        """Deliver, and turn what the other side raises into what its HTTP answer would become."""
        self.sent.append(outgoing.content)
        if self.break_with is not None:
            raise self.break_with
        assert self.to is not None
        peer = self.to.peer_by_token(TOKENS[self._sender])
        assert peer is not None
        try:
            reply = self.to.receive(outgoing.content, peer)
        except IpFhirError as error:
            raise as_peer_error(error) from None
        if self.lose_receipts:
            raise Unavailable("the answer was lost")
        return receipt_from_fhir(read_json(reply))


def as_peer_error(error: IpFhirError) -> PeerError:
    """What the HTTP answer to an error would become at the sender."""
    status = status_of(error)
    return Unavailable(f"HTTP {status}") if status >= 500 else Rejected(f"HTTP {status}: {error}")


@dataclass
class Side:
    """One side: its exchange, its wire to the other, and what its people were told."""

    exchange: Exchange
    wire: Wire
    store: Breakable
    told: list[OutboxRow] = field(default_factory=list)


@dataclass
class Loop:
    """Both sides and the time they live in."""

    hospital: Side
    municipality: Side
    clock: SetClock

    def settle(self) -> None:
        """Let both sides do what is due until neither has anything to do."""
        for _ in range(50):
            ran = [side.exchange.run_due() for side in (self.hospital, self.municipality)]
            if not any(one.anything for one in ran):
                return
        message = "the two sides do not come to rest"
        raise AssertionError(message)

    def state(self, side: Side, correlation_id: str) -> str:
        """Where a referral stands on one side."""
        stored = side.exchange.store.referral(correlation_id)
        return str(stored.referral.state) if stored else "none"

    def states(self, correlation_id: str) -> tuple[str, str]:
        """Where it stands on both: hospital, municipality."""
        return self.state(self.hospital, correlation_id), self.state(self.municipality, correlation_id)


def organizations(of: Notice) -> tuple[Organization, Organization]:
    """The hospital and the coordinating unit."""
    return of.organization(of.sender), of.organization(of.recipient)


def make_side(
    role: Role, clock: SetClock, store: Breakable, agreements: tuple[Agreement, ...] = (), **more: Any
) -> Side:
    """One side with the example organisations; the other one is its peer."""
    hospital, unit = organizations(notice("03"))
    ours, theirs = (hospital, unit) if role is Role.HOSPITAL else (unit, hospital)
    other = "municipality" if role is Role.HOSPITAL else "hospital"
    wire = Wire(str(role))
    peer = Peer(other, (theirs,), wire, Endpoint("memory://"), (TOKENS[other],))
    told: list[OutboxRow] = []
    more = {"settings": WorkerSettings(parallel=1), **more}  # one row after another, so that a test can tell the order
    context = Context(
        role=role,
        organizations=(ours,),
        store=cast("Store", store),
        clock=clock,
        peers=Peers([peer]),
        agreements=agreements,
        url=f"https://{role}.example/fhir",
        jitter=lambda: 1.0,
        tell=told.append,
        **more,
    )
    return Side(Exchange(context), wire, store, told)


def make_loop(
    directory: Path,
    agreements: tuple[Agreement, ...] = (),
    wrap: Callable[[Store], Breakable] = Breakable,
    **more: Any,
) -> Loop:
    """Two sides on two SQLite files; `more` goes into the context of both, and `wrap` makes their stores breakable."""
    clock = SetClock()
    sides = [
        make_side(role, clock, wrap(open_dropped(f"sqlite:///{directory / role}.sqlite")), agreements, **more)
        for role in (Role.HOSPITAL, Role.MUNICIPALITY)
    ]
    hospital, municipality = sides
    hospital.wire.to, municipality.wire.to = municipality.exchange, hospital.exchange
    return Loop(hospital, municipality, clock)


def side_settings(directory: Path, role: Role, **peer: Any) -> Settings:
    """The settings of one side with the example organisations, whose one peer is the other side."""
    hospital, unit = (organization.to_data() for organization in organizations(notice("03")))
    ours, theirs = (hospital, unit) if role is Role.HOSPITAL else (unit, hospital)
    other = Role.MUNICIPALITY if role is Role.HOSPITAL else Role.HOSPITAL
    data = {
        "role": str(role),
        "organization": ours,
        "database": f"sqlite:///{directory / role}.sqlite",
        "peers": [{"name": str(other), "organization": theirs, "url": f"test://{other}", **peer}],
        "worker": {"parallel": 1},
    }
    return settings_of(data, directory, environ={})


def unsent(loop: Loop, name: str) -> bytes:
    """The bytes that the hospital sends for an example notice, caught on the wire."""
    wire = loop.hospital.wire
    wire.break_with = TimeoutError()
    loop.hospital.exchange.send_notice(notice(name))
    loop.hospital.exchange.run_due()
    wire.break_with = None
    return wire.sent[-1]


def all_examples(loop: Loop) -> list[str]:
    """Let weeks pass in which all example notices are sent and answered; returns their numbers."""
    names = ["01", "02", "03", "04", "05"]
    for name in names:
        loop.hospital.exchange.send_notice(notice(name))
    loop.settle()
    answers = {
        "01-child": START + timedelta(days=2),
        "03-stroke-patient-1": START + timedelta(days=8),
        "04-": START + timedelta(days=9),
        "05-": START + timedelta(days=10),
        "03-stroke-patient-2": START + timedelta(days=11),
        "02-": START + timedelta(days=30),
    }
    for _ in range(35):
        loop.clock.forward(days=1)
        for name in [name for name, at in answers.items() if at <= loop.clock.at]:
            del answers[name]
            loop.municipality.exchange.answer(form(name))
        loop.settle()
    return names

"""One side of the exchange: its store, its clock, its peers, its formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from ip_fhir.domain.agreement import default_of, find_agreement
from ip_fhir.domain.consent.release import is_strict
from ip_fhir.domain.loop.units import other_side, passed_on_in, units
from ip_fhir.domain.parties import OURS, Parties, Unit
from ip_fhir.domain.referral import KnownParty, Role, role_in_loop
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.log import ReadLog
from ip_fhir.exchange.counts import Counts
from ip_fhir.exchange.formats import Formats
from ip_fhir.exchange.plans.known_views import KnownViews
from ip_fhir.exchange.sending.circuits import Circuits
from ip_fhir.exchange.subscriptions.endpoints import Endpoints
from ip_fhir.exchange.telling.recipients import Recipients
from ip_fhir.fhir.reading import DEFAULT_LIMITS, Limits
from ip_fhir.mapping import Mapper, default
from ip_fhir.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Referral
    from ip_fhir.domain.sharing.events import PlanEventKind
    from ip_fhir.domain.sharing.life.surroundings import SettingsBasis
    from ip_fhir.exchange.peers import Credential, Peer, Peers
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports import Clock, OutboxRow, Store


@dataclass(frozen=True, slots=True)
class Context:
    """One side of an exchange. `organizations` are those we speak for; `url` is our own address on the wire.

    `role` is the side's role in the green form loop; None for a side that takes part in plans only.

    `jitter` returns 0.0 to 1.0. `tell` is called with each outbox row that is for our own people, before the row is
    closed, from any of the threads that send. `plan_moved` is called after the commit of each event of a plan, with
    what moved, from any thread; a crash between the two loses the call. A message may be dated at most `skew` ahead of
    our clock, and at most `oldest` ago. One that arrives before the message it follows is answered "not yet" until it
    is `early` old, and then refused. With `closed`, an organisation with a number that settings give nobody is refused.
    `parties` is made of `organizations` and `peers`; `basis` is the digest of the settings from which `parties_of`
    follows. `refusals_kept` is the most refused messages of one peer that are recorded one by one. `endpoints` says
    which addresses clients may have notified. `recipients` are our own people that are told beside `tell`.
    """

    role: Role | None
    organizations: tuple[Organization, ...]
    store: Store
    clock: Clock
    peers: Peers
    agreements: tuple[Agreement, ...]
    url: str
    jitter: Callable[[], float]
    tell: Callable[[OutboxRow], None]
    plan_moved: Callable[[PlanEventKind, PlanChange], None] = lambda _event, _change: None
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
    reads: ReadLog = field(default_factory=ReadLog)
    views: KnownViews = field(default_factory=KnownViews)
    basis: str = "0"
    refusals_kept: int = 1000
    closed: bool = False
    endpoints: Endpoints = field(default_factory=Endpoints)
    recipients: Recipients = field(default_factory=Recipients)
    parties: Parties = field(init=False)
    _agreed: dict[str, Agreement | None] = field(init=False, repr=False, compare=False)
    known_basis: list[SettingsBasis] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parties", Parties(self.organizations_of(), closed=self.closed))
        object.__setattr__(self, "_agreed", {})

    def organizations_of(self) -> dict[str, tuple[Organization, ...]]:
        """The organisations of all parties by their names in the settings; our own first."""
        return {OURS: self.organizations} | {peer.name: peer.organizations for peer in self.peers}

    def enterprises(self) -> dict[str, Organization]:
        """The enterprises of all parties by their names in the settings; our own first."""
        return {OURS: self.organizations[0]} | {peer.name: peer.organizations[0] for peer in self.peers}

    def is_us(self, organization: Organization) -> bool:
        """True if a number of our own says that this organisation is our party."""
        return self.parties.find(organization) == OURS

    def other_party(self, referral: Referral) -> str | None:
        """The party on the other side of a referral; None if settings know none (any longer)."""
        return self._party(other_side(referral))

    def owner(self, referral: Referral) -> str | None:
        """The party whose notice it is: the hospital's; None if settings know it not."""
        return OURS if referral.role is Role.HOSPITAL else self.other_party(referral)

    def known_in(self, notice: Notice, owner: str) -> tuple[KnownParty, ...]:
        """The organisations of a notice that are parties; its sender is the party whose notice it is."""
        found = ((o.id, owner if o.id == notice.sender else self.parties.find(o)) for o in notice.organizations)
        return tuple(KnownParty(organization=ident, party=party) for ident, party in found if party is not None)

    def party_given(self, form: GreenForm | None) -> str | None:
        """The party that a form passes the notice on to; None: nobody, or nobody whom settings know."""
        unit = passed_on_in(form) if form is not None else None
        return self.parties.find(unit) if unit is not None else None

    def peer_of(self, referral: Referral, effect: Effect) -> Peer:
        """The party that an effect which leaves this side goes to. Raises `InvalidInput` when settings name none."""
        unit = Unit(effect.recipient, effect.party) if effect.recipient is not None else other_side(referral)
        party = self._party(unit)
        if party is None:
            ident = unit.organization.id if unit.organization is not None else "that it is for"
            reason = f"no peer in the settings has a number of its own that identifies the organisation {ident}"
            raise InvalidInput.at("peers", reason, "not-found")
        return self.peers.party(party)

    def parties_of(self, referral: Referral) -> frozenset[str]:
        """The names of the parties that a referral concerns: only they may read and change it."""
        concerned = {self._party(unit) for unit in (other_side(referral), *units(referral))}
        return frozenset(party for party in concerned if party is not None and party != OURS)

    def speaking(self, credential: Credential, referral: Referral) -> tuple[str, ...]:
        """The parties that a credential may speak for and that the referral concerns, in the order of the settings.

        None, where an address is strictly confidential: what is read has no person's yes. It goes by message only.
        """
        concerned = frozenset[str]() if is_strict(referral) else self.parties_of(referral)
        return tuple(party for party in credential.speaks_as if party in concerned)

    def loop_role(self) -> Role:
        """Our role in the green form loop. Raises `LoopError` if settings give us none."""
        return role_in_loop(self.role)

    def agreement(self, referral: Referral) -> Agreement:
        """The agreement between hospital and municipality, by the numbers that settings give these two parties."""
        return self._of_loop(self.other_party(referral), referral.notice, referral.role)

    def agreement_with(self, party: str | None, notice: Notice) -> Agreement:
        """The agreement with this party for a loop; for None, between the organisations that the notice names.

        Raises `LoopError` if we have no role in the loop.
        """
        return self._of_loop(party, notice, self.loop_role())

    def agreement_between_us_and(self, party: str | None) -> Agreement:
        """The agreement with a party about plans, whichever of us is named first; else, and for None, the default."""
        return self._naming(party) or default_of(self.agreements)

    def agreed_with(self, party: str) -> bool:
        """True if an agreement names both us and this party: only then may a share with it begin."""
        return self._naming(party) is not None

    def _of_loop(self, party: str | None, notice: Notice, role: Role) -> Agreement:
        if party is None:
            sender, recipient = notice.organization(notice.sender), notice.organization(notice.recipient)
            return find_agreement(self.agreements, sender, recipient)
        hospital, municipality = (OURS, party) if role is Role.HOSPITAL else (party, OURS)
        found = (one for one in self.agreements if one.is_for_loops_of(hospital, municipality, self.parties))
        return next(found, None) or default_of(self.agreements)

    def _naming(self, party: str | None) -> Agreement | None:
        """The agreement that names us and this party, in any order; None if there is none."""
        if party is None or party not in self.parties:
            return None
        if party not in self._agreed:
            found = (one for one in self.agreements if one.is_between(OURS, party, self.parties))
            self._agreed[party] = next(found, None)
        return self._agreed[party]

    def _party(self, unit: Unit) -> str | None:
        """The party that was stored beside a unit, or the one that its numbers identify.

        A stored name that settings have given to another party since, as the unit's numbers tell, counts for nothing.
        """
        party, said = unit.party, unit.organization
        if party is not None and party in self.parties and not (said and self.parties.belongs_to_others(said, party)):
            return party
        return self.parties.find(said) if said is not None else None

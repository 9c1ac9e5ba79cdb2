"""The surroundings of a decision about a plan: parties, agreements, keys, and the view that a change was made on."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import TypeAdapter

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.parties import OURS, numbers_of
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.sharing.life.surroundings import Base, PartyTerms, SettingsBasis, Surroundings
from ip_fhir.domain.sharing.participants import nearest_parties
from ip_fhir.domain.values.aggregate import Aggregate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.change import Change
    from ip_fhir.domain.sharing.events import PlanEvent
    from ip_fhir.exchange.context import Context
    from ip_fhir.ports.plans import PlanTransaction

_MOST_LOOPS = 100


def surroundings(context: Context, tx: PlanTransaction, before: SharedPlan | None, event: PlanEvent) -> Surroundings:
    """Return all that a decision needs to know beside the plan and the event."""
    plan, asks = event.plan or _known(before), event.kind is PlanEventKind.REQUEST
    return Surroundings(
        party_of=nearest_parties(plan, context.parties.find) if plan is not None else {},
        terms=_Terms(context),
        new_key=lambda: secrets.token_hex(32),
        base=_base(tx, before, event.change) if before is not None and event.change is not None else None,
        loop_parties=_loop_parties(context, tx, plan) if plan is not None and asks else frozenset(),
        basis=settings_basis(context),
    )


class _Terms(Mapping[str, PartyTerms]):
    """The terms of all parties by name, each worked out when it is first asked for: a plan has few of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[str, PartyTerms] = {}

    def __getitem__(self, party: str) -> PartyTerms:
        known = self._known.get(party)
        if known is None:
            if party not in self._context.parties:
                raise KeyError(party)
            known = self._known[party] = party_terms(self._context, party)
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self._context.parties)

    def __len__(self) -> int:
        return len(tuple(self._context.parties))


_TERMS: Final = TypeAdapter(PartyTerms)


def settings_basis(context: Context) -> SettingsBasis:
    """Return the settings by which we decide what is shared, in use since this was first asked."""
    if not context.known_basis:
        context.known_basis.append(SettingsBasis(_digest(context), context.clock.now()))
    return context.known_basis[0]


def _digest(context: Context) -> str:
    """Return a digest of all by which settings decide what is shared: the terms and numbers of every party.

    Our own version counts, too: by another one a view may look otherwise. Closed days do not: they set deadlines only.
    """
    said: list[Any] = [version("ip-fhir"), context.closed]
    for party, organizations in sorted(context.organizations_of().items()):
        terms = _TERMS.dump_python(party_terms(context, party), mode="json", exclude={"closed"})
        said.append((party, terms, [numbers_of(one) for one in organizations]))
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _known(before: SharedPlan | None) -> IndividualPlan | None:
    """Return the plan that is here: the newest version, or the one that is handed over to us."""
    if before is None:
        return None
    offered = before.handover.offered if before.handover is not None else None
    return before.plan or (offered.plan if offered is not None else None)


def party_terms(context: Context, party: str) -> PartyTerms:
    """Return what settings and agreement say about a party; with ourselves nothing need be agreed."""
    agreement = context.agreement_between_us_and(party)
    peer = context.peers.party(party) if party != OURS else None
    return PartyTerms(
        level=ContentLevel.PLAN if party == OURS else agreement.content_level,
        ages=agreement.ages,
        agreed=party == OURS or context.agreed_with(party),
        by_person=peer is not None and peer.by_person,
        on_wire=peer is not None,
        absent=peer.absent if peer is not None else "unchanged",
        readers=peer.readers if peer is not None else (),
        readers_known=peer is None or peer.readers_known,
        sharing=agreement.sharing,
        closed=agreement.closed,
    )


def _base(tx: PlanTransaction, before: SharedPlan, change: Change) -> Base | None:
    """Return the version and the day that the view was made of on which a change was made; None: not known any more."""
    made = tx.view_made(change.share, change.base)
    version = tx.plan_version(before.id, made.version) if made is not None else None
    return None if made is None or version is None else Base(version.plan, made.day)


def _loop_parties(context: Context, tx: PlanTransaction, plan: IndividualPlan) -> frozenset[str]:
    """Return the parties of loops about the same person that are not over."""
    if plan.owner.identifier is None:
        return frozenset()
    about = Aggregate.of_plan(plan.id)
    loops = (tx.load(key) for key in tx.others_about(about, str(plan.owner.identifier), _MOST_LOOPS))
    return frozenset(party for loop in loops if loop is not None for party in context.parties_of(loop.referral))

"""A plan of four parties, and the sides that share it: each with its case, its decisions and what waits to be sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.effects import Effect, EffectKind
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.case import Invitation, SharedPlan
from ip_fhir.domain.sharing.change import Change
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.letters import Letter
from ip_fhir.domain.sharing.life.decision import decide_plan
from ip_fhir.domain.sharing.life.surroundings import Base, PartyTerms, Surroundings
from ip_fhir.domain.sharing.messages import CONTENT
from ip_fhir.domain.sharing.terms import ShareStart, SharingTerms
from ip_fhir.domain.values.value import read
from ip_fhir.errors import NotTaken

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.domain.sharing.life.step import PlanDecision
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.domain.sharing.view import PlanView

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BY = Author(id="kari01", name="Kari Testesen")
BY_RULE = SharingTerms(shares_begin=ShareStart.BY_RULE)
AGREED = PartyTerms(agreed=True, sharing=BY_RULE)
BY_NAME = PartyTerms(agreed=True)
OURS = PartyTerms(agreed=True, on_wire=False)

PARTIES = {"unit": "us", "hospital": "hospital", "school": "school", "gp": "gp"}
"""The party of each organisation of the plan, at the coordinating unit that holds it."""

PLAN: IndividualPlan = read(
    IndividualPlan,
    """{
    "id": "plan-1", "created": "2026-01-12T08:40:00Z", "status": "active",
    "owner": {"id": "owner", "name": {"family": "Testesen", "given": "Tor"}, "birth_date": "1990-05-04"},
    "organizations": [
        {"id": "unit", "name": "Koordinerende enhet", "kind": "coordinating-unit"},
        {"id": "hospital", "name": "Sykehuset", "kind": "hospital"},
        {"id": "school", "name": "Skolen", "kind": "school"},
        {"id": "gp", "name": "Legekontoret", "kind": "general-practice"}],
    "professionals": [
        {"id": "kari", "name": {"family": "Koordinator"}, "organization": "unit"},
        {"id": "helge", "name": {"family": "Lege"}, "organization": "hospital"},
        {"id": "sissel", "name": {"family": "Lærer"}, "organization": "school"},
        {"id": "geir", "name": {"family": "Fastlege"}, "organization": "gp"}],
    "goals": [
        {"id": "goal-1", "text": "Lese", "areas": ["education"]},
        {"id": "goal-2", "text": "Gå", "areas": ["treatment"]},
        {"id": "goal-3", "text": "Klare meg selv"}],
    "measures": [
        {"id": "train", "what": "Trening", "goals": ["goal-2"], "responsible": "helge", "status": "scheduled"},
        {"id": "read", "what": "Leseøving", "goals": ["goal-1"], "responsible": "sissel", "status": "scheduled"},
        {"id": "visit", "what": "Hjemmebesøk", "goals": ["goal-3"], "responsible": "kari"}],
    "reviews": [{"id": "review-1", "kind": "follow-up", "planned": "2026-09-01", "responsible": "kari"}],
    "follow_up": {"every_months": 6}, "evaluation": {"every_months": 12},
    "team": {"id": "team", "memberships": [
        {"id": "of-helge", "member": "helge", "role": "service-provider"},
        {"id": "of-sissel", "member": "sissel", "role": "service-provider"},
        {"id": "of-geir", "member": "geir", "role": "general-practitioner"}],
        "coordinators": [{"id": "place", "holder": "kari"}]},
    "consents": [{"id": "yes", "kind": "sharing", "given_on": "2026-01-12", "access": "permit",
        "provisions": [{"access": "deny", "recipients": ["school"], "areas": ["treatment"]}, {"access": "permit"}]}]
    }""",
)


def key_of(number: int) -> str:
    """The secret that is given as the `number`-th."""
    return hashlib.sha256(str(number).encode()).hexdigest()


@dataclass
class Side:
    """One side: `terms` are those of each party that it knows, `found` its name for each organisation of the plan."""

    name: str
    terms: dict[str, PartyTerms]
    found: dict[str, str]
    cases: dict[str, SharedPlan] = field(default_factory=dict)
    versions: dict[int, IndividualPlan] = field(default_factory=dict)
    views: dict[tuple[str, int], tuple[int, date]] = field(default_factory=dict)
    told: list[Effect] = field(default_factory=list)
    waiting: list[Effect] = field(default_factory=list)
    count: int = 0

    @property
    def case(self) -> SharedPlan | None:
        """The case of the plan, if there is one."""
        return self.cases.get(PLAN.id)

    def around(self, event: PlanEvent, loop_parties: tuple[str, ...] = ()) -> Surroundings:
        """What settings, agreements and store say."""
        change, base = event.change, None
        if change is not None and (change.share, change.base) in self.views:
            version, day = self.views[change.share, change.base]
            base = Base(self.versions[version], day)
        return Surroundings(self.found, self.terms, self._new_key, base, loop_parties)

    def _new_key(self) -> str:
        self.count += 1
        return key_of(self.count)

    def apply(self, event: PlanEvent, loop_parties: tuple[str, ...] = ()) -> PlanDecision:
        """Decides, and keeps what follows, as a store would in one commit."""
        decision = decide_plan(self.case, event, self.around(event, loop_parties))
        if not decision.records:
            return decision
        self.cases[decision.plan.id] = decision.plan
        if decision.plan.plan is not None:
            self.versions[decision.plan.plan.version] = decision.plan.plan
        self.views |= {(one.share, one.number): (one.version, one.day) for one in decision.views}
        give_way = (PlanMessageKind.PLAN, PlanMessageKind.PLAN_WITHDRAWN, PlanMessageKind.PLAN_CHANGE)
        kept = [
            row
            for row in self.waiting
            if decision.drops is None and not (row.plan_message in give_way and row.about in decision.superseded)
        ]
        self.waiting = kept + [effect for effect in decision.effects if effect.kind is EffectKind.SEND]
        self.told += [effect for effect in decision.effects if effect.kind is EffectKind.TELL]
        return decision

    def do(self, kind: str, at: datetime = NOW, *, by_participant: bool = False, **given: Any) -> PlanDecision:
        """Lets a person of this side do something."""
        self.count += 1
        source = PlanSource.PARTICIPANT if by_participant else PlanSource.HOLDER
        ident = f"{self.name}-{self.count}"
        return self.apply(PlanEvent(id=ident, kind=PlanEventKind(kind), at=at, raised_by=source, by=BY, **given))

    def message(self, effect: Effect, at: datetime) -> PlanMessage:
        """The message of a row, as it is made when it is sent."""
        assert self.case is not None
        ours = _organization(self.name)
        parties = {*self.terms, *self.found.values(), "us"}
        organizations = {party: _organization(party) for party in parties}
        return Letter(self.case, effect, at, organizations).message(ours, organizations[str(effect.party)])

    def receipt(self, effect: Effect, at: datetime, *, ok: bool = True, text: str | None = None) -> PlanDecision:
        """Applies the receipt of a row."""
        kind = PlanEventKind.RECEIPT_OK if ok else PlanEventKind.RECEIPT_ERROR
        return self.apply(
            PlanEvent(
                id=f"{effect.id}-{kind}",
                kind=kind,
                at=at,
                raised_by=PlanSource.TRANSPORT,
                message_id=effect.id,
                party=effect.party,
                about=effect.about,
                number=effect.number,
                message=effect.plan_message,
                text=text,
            )
        )

    def turn(self, at: datetime) -> PlanDecision:
        """Applies the clocks."""
        self.count += 1
        ident = f"{self.name}-{self.count}"
        return self.apply(PlanEvent(id=ident, kind=PlanEventKind.TIME, at=at, raised_by=PlanSource.CLOCK))


_BY_HOLDER = {
    PlanMessageKind.PLAN: PlanEventKind.VIEW,
    PlanMessageKind.PLAN_WITHDRAWN: PlanEventKind.WITHDRAW,
    PlanMessageKind.PLAN_CHANGE_ANSWER: PlanEventKind.CHANGE_ANSWERED,
    PlanMessageKind.INVITATION: PlanEventKind.INVITE,
    PlanMessageKind.HANDOVER: PlanEventKind.HAND_OVER,
    PlanMessageKind.PLAN_GONE: PlanEventKind.GONE,
    PlanMessageKind.PLAN_STATE_REQUEST: PlanEventKind.STATE_ASKED,
}
_BY_PARTICIPANT = {
    PlanMessageKind.PLAN_CHANGE: PlanEventKind.CHANGE,
    PlanMessageKind.INVITATION_ANSWER: PlanEventKind.ANSWER_INVITATION,
    PlanMessageKind.HANDOVER_ANSWER: PlanEventKind.ANSWER_HANDOVER,
    PlanMessageKind.PLAN_REQUEST: PlanEventKind.REQUEST,
    PlanMessageKind.PLAN_STATE: PlanEventKind.RESTORED,
}


def event_of(message: PlanMessage, party: str, at: datetime, names: dict[str, str] | None = None) -> PlanEvent:
    """The event of a message that came from `party`; `names` are the receiver's names of organisations."""
    by_holder = message.kind in _BY_HOLDER
    content = CONTENT[message.kind]
    given = {"epoch": message.epoch} | _GIVEN[content](getattr(message, content))
    if message.gone is not None:
        given["to_party"] = (names or {}).get(message.gone.holder.id)
    if message.invitation is not None:
        asked = message.invitation.invitation
        given["invitation"] = Invitation(id=asked, party=party, membership=asked, sent=at)
    return PlanEvent(
        id=message.id,
        kind=_BY_HOLDER[message.kind] if by_holder else _BY_PARTICIPANT[message.kind],
        at=at,
        raised_by=PlanSource.HOLDER if by_holder else PlanSource.PARTICIPANT,
        party=party,
        message_id=message.id,
        **given,
    )


_GIVEN: dict[str, Callable[[Any], dict[str, Any]]] = {
    "view": lambda one: {"view": one, "share": one.share, "number": one.number, "digest": one.digest()},
    "withdrawal": lambda one: {"share": one.share, "number": one.number},
    "change": lambda one: {"change": one, "share": one.share, "about": one.id},
    "answer": lambda one: {"answer": one, "share": one.share, "about": one.change},
    "invitation": lambda one: {"about": one.invitation, "plan_id": one.plan},
    "reply": lambda one: {"about": one.about, "accepts": one.accepts, "text": one.reason},
    "handover": lambda one: {"handed_over": one.content, "about": one.handover, "epoch": one.content.epoch},
    "gone": lambda one: {"epoch": one.epoch, "holder": one.holder},
    "held": lambda one: {"share": one.share, "number": one.number, "digest": one.digest},
    "question": lambda one: {"about": one.request, "text": one.reason},
}


def _organization(name: str) -> Organization:
    return Organization(id=name, name=name, kind=OrganizationKind.OTHER)


def holder(**terms: PartyTerms) -> Side:
    """The coordinating unit, with its agreements; by default shares begin by rule."""
    known = {"us": OURS, "hospital": AGREED, "school": AGREED, "gp": AGREED} | terms
    return Side("unit", known, dict(PARTIES))


def participant(name: str) -> Side:
    """A participant, to which the coordinating unit is the party `unit`."""
    return Side(name, {"unit": AGREED, "us": OURS}, {})


def saved(side: Side, plan: IndividualPlan = PLAN, at: datetime = NOW) -> PlanDecision:
    """Saves a plan at its holder; `version` is put right."""
    stored = side.case.plan.version if side.case is not None and side.case.plan is not None else plan.version
    return side.do("save", at, plan=plan.evolve(version=stored), based_on=stored)


def exchanged(
    sender: Side, receiver: Side, at: datetime = NOW, names: dict[str, str] | None = None
) -> list[PlanDecision]:
    """Delivers all that waits for the receiver, with the receipts; returns what each message led to there."""
    found = []
    for row in [row for row in sender.waiting if _is_to(row, receiver)]:
        sender.waiting.remove(row)
        message = sender.message(row, at)
        try:
            decision = receiver.apply(event_of(message, sender.name, at, names))
        except NotTaken as error:
            sender.receipt(row, at, ok=False, text=str(error))
            continue
        found.append(decision)
        sender.receipt(row, at, ok=not decision.problems)
    return found


def _is_to(row: Effect, receiver: Side) -> bool:
    return row.party == receiver.name


def shared(*names: str, at: datetime = NOW, **terms: PartyTerms) -> tuple[Side, ...]:
    """The holder, and these participants, each with its first view."""
    unit = holder(**terms)
    saved(unit, at=at)
    others = tuple(participant(name) for name in names)
    for side in others:
        exchanged(unit, side, at)
    return unit, *others


def view_of(side: Side) -> PlanView:
    """The view that a participant has."""
    assert side.case is not None
    (copy,) = side.case.copies
    assert copy.view is not None
    return copy.view


def wanted(
    side: Side,
    ident: str,
    plan: IndividualPlan,
    *,
    whole: bool = True,
    unchanged: tuple[str, ...] = (),
    at: datetime = NOW,
) -> PlanDecision:
    """Lets a participant want its plan so: `plan` is made of its view."""
    view = view_of(side)
    change = Change(
        id=ident, share=view.share, base=view.number, wanted=plan, whole=whole, unchanged=unchanged, made=at
    )
    return side.do("change", at, by_participant=True, change=change, about=ident, share=view.share)


def named(plan: IndividualPlan, name: str, text: str) -> Any:
    """The item of a list with these words: in a view, ids are others."""
    return next(
        item for item in getattr(plan, name) if text in (getattr(item, "what", None), getattr(item, "text", None))
    )


def share_of(side: Side, party: str) -> Any:
    """The share of a party."""
    assert side.case is not None
    return next(share for share in side.case.shares if share.party == party)


def reasons(decision: PlanDecision) -> list[str]:
    """The reasons for which people are told, sorted."""
    return sorted(str(effect.reason) for effect in decision.effects if effect.kind is EffectKind.TELL)


def sent(decision: PlanDecision) -> list[tuple[str, str | None, int | None]]:
    """The messages that are sent: kind, party and number, sorted."""
    rows = [effect for effect in decision.effects if effect.kind is EffectKind.SEND]
    return sorted((str(row.plan_message), row.party, row.number) for row in rows)


def with_item(plan: IndividualPlan, name: str, ident: str, **changes: Any) -> IndividualPlan:
    """The plan with an item changed."""
    items = tuple(item.evolve(**changes) if item.id == ident else item for item in getattr(plan, name))
    return plan.evolve(**{name: items})


def days(number: float) -> timedelta:
    """So many days."""
    return timedelta(days=number)

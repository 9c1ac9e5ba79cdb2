"""Hypothesis strategies for every domain value: valid ones only, every field and enum member within reach.

References resolve and ids are unique; lists are short, so that an example takes milliseconds. No number
here belongs to anybody (see `basic_strategies`, whose strategies may be taken from here as well).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import Access, Consent, ConsentForm, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.green_form import (
    Declined,
    FormDecision,
    GreenForm,
    Missing,
    PlanState,
    Rejection,
    RejectionReason,
)
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice, NoticeKind, Urgency
from ip_fhir.domain.people import Organization, Professional, RelatedPerson
from ip_fhir.domain.plan import (
    Achievement,
    Arrangement,
    Contribution,
    Contributor,
    Cooperation,
    Goal,
    GoalStatus,
    IndividualPlan,
    Measure,
    MeasureStatus,
    Need,
    PlanStatus,
    Resource,
    Review,
    ReviewKind,
    ReviewStatus,
)
from ip_fhir.domain.plan_rules import is_refused
from ip_fhir.domain.team import (
    CareTeam,
    Coordinator,
    CoordinatorKind,
    Membership,
    MembershipStatus,
    TeamRole,
    TeamStatus,
    two_at_once,
)
from ip_fhir.domain.values.terms import LegalBasis, LifeArea
from ip_fhir.domain.values.value import Value
from tests.support import pools
from tests.support.basic_strategies import (
    addresses,
    areas,
    attachments,
    contact_points,
    dates,
    her_ids,
    hpr_numbers,
    ids,
    mandates,
    maybe,
    moments,
    municipality_numbers,
    one_of,
    organization_numbers,
    organizations,
    owners,
    periods,
    person_ids,
    person_names,
    professionals,
    related_persons,
    resh_ids,
    reused,
    several,
    some,
    texts,
)
from tests.support.pools import AREAS, optional, some_of, up_to_two

__all__ = [
    "addresses",
    "areas",
    "arrangements",
    "attachments",
    "care_teams",
    "consents",
    "contact_points",
    "contributions",
    "cooperations",
    "coordinators",
    "dates",
    "goals",
    "green_forms",
    "her_ids",
    "hpr_numbers",
    "ids",
    "legal_bases",
    "mandates",
    "measures",
    "memberships",
    "messages",
    "moments",
    "municipality_numbers",
    "needs",
    "notices",
    "organization_numbers",
    "organizations",
    "owners",
    "periods",
    "person_ids",
    "person_names",
    "plans",
    "professionals",
    "provisions",
    "rejections",
    "related_persons",
    "resh_ids",
    "resources",
    "reviews",
    "texts",
]

V = TypeVar("V", bound=Value)
_UP_TO_TWO = st.integers(0, 2)


@dataclass(frozen=True)
class Actors:
    """Everybody whom a plan, notice or form may name."""

    related: tuple[RelatedPerson, ...]
    organizations: tuple[Organization, ...]
    professionals: tuple[Professional, ...]

    @property
    def names(self) -> Names:
        """Their ids."""
        return Names(
            tuple(related.id for related in self.related),
            tuple(sorted(organization.id for organization in self.organizations)),
            tuple(professional.id for professional in self.professionals),
        )


@dataclass(frozen=True)
class Names:
    """The ids that may be referred to, by what they are the ids of."""

    related: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    professionals: tuple[str, ...] = ()

    @property
    def people(self) -> tuple[str, ...]:
        """All who are no organisation, the owner first."""
        return ("owner", *self.related, *self.professionals)

    @property
    def everybody(self) -> tuple[str, ...]:
        """All ids."""
        return (*self.people, *self.organizations)


NOBODY = Names()


def _list(draw: st.DrawFn, make: Callable[..., st.SearchStrategy[V]], *known: Any) -> tuple[V, ...]:
    """Up to two values, with the ids `goal-1`, `goal-2` where `make` is `goals`."""
    name = make.__name__.strip("_").removesuffix("s").replace("_", "-")
    return tuple(draw(make(f"{name}-{n + 1}", *known)) for n in range(draw(_UP_TO_TWO)))


def _actors(draw: st.DrawFn, least: int, most: int, *, related: bool = True) -> Actors:
    """Related persons, professionals, and from `least` to `most` organisations."""
    names = tuple(f"organization-{n + 1}" for n in range(draw(st.integers(least, most))))
    units = [draw(organizations(name, names[:n])) for n, name in enumerate(names)]
    if draw(st.booleans()):
        units.reverse()  # the whole may stand after its part
    return Actors(
        related=_list(draw, related_persons) if related else (),
        organizations=tuple(units),
        professionals=_list(draw, professionals, names),
    )


# --- parts of a plan ---------------------------------------------------------------------------------


@reused
def legal_bases() -> st.SearchStrategy[tuple[LegalBasis, ...]]:
    """Some sections, each once."""
    return st.sampled_from(up_to_two(LegalBasis))


@reused
def resources(ident: str = "resource-1") -> st.SearchStrategy[Resource]:
    """What the person has to build on."""
    return st.builds(partial(Resource, id=ident), text=texts(), area=maybe(tuple(LifeArea)))


@reused
def needs(ident: str = "need-1") -> st.SearchStrategy[Need]:
    """Needs for services."""
    return st.builds(partial(Need, id=ident), text=texts(), area=maybe(tuple(LifeArea)))


_GOALS = some_of(
    text=pools.TEXTS,
    areas=AREAS,
    period=pools.PERIODS,
    target=optional(pools.TEXTS),
    status_date=optional(pools.DAYS),
    status_reason=optional(pools.TEXTS),
    note=optional(pools.TEXTS),
)
_MEASURES = some_of(
    what=pools.TEXTS,
    areas=AREAS,
    extent=optional(pools.TEXTS),
    how=optional(pools.TEXTS),
    where=optional(pools.TEXTS),
    period=pools.PERIODS,
    status_reason=optional(pools.TEXTS),
)
_REVIEWS = some_of(planned=pools.DAYS, how=optional(pools.TEXTS), outcome=optional(pools.TEXTS))


@reused
def goals(
    ident: str = "goal-1", parents: tuple[str, ...] = (), people: tuple[str, ...] = ()
) -> st.SearchStrategy[Goal]:
    """A main goal, or perhaps a sub-goal of one of `parents`."""
    return st.builds(
        lambda said, **more: Goal(id=ident, **said, **more),
        st.sampled_from(_GOALS),
        status=st.sampled_from(GoalStatus),
        part_of=one_of(parents),
        achievement=maybe(tuple(Achievement)),
        expressed_by=one_of(people),
    )


@reused
def _sub_goals(ident: str, parents: tuple[str, ...], people: tuple[str, ...]) -> st.SearchStrategy[Goal]:
    return goals(ident, parents, people)


def _goal_tree(draw: st.DrawFn, people: tuple[str, ...]) -> tuple[Goal, ...]:
    """Main goals and sub-goals; a sub-goal may stand before its goal."""
    main = _list(draw, goals, (), people)
    sub = _list(draw, _sub_goals, tuple(goal.id for goal in main), people) if main else ()
    return (*sub, *main) if draw(st.booleans()) else (*main, *sub)


@reused
def measures(
    ident: str = "measure-1", towards: tuple[str, ...] = (), actors: tuple[str, ...] = ()
) -> st.SearchStrategy[Measure]:
    """What is done towards goals."""
    return st.builds(
        lambda said, **more: Measure(id=ident, **said, **more),
        st.sampled_from(_MEASURES),
        goals=several(towards),
        responsible=one_of(actors),
        takes_part=several(actors),
        status=st.sampled_from(MeasureStatus),
    )


@reused
def contributions(ident: str = "contribution-1", actors: tuple[str, ...] = ()) -> st.SearchStrategy[Contribution]:
    """What person, services and relatives contribute."""
    return st.builds(
        partial(Contribution, id=ident), by=st.sampled_from(Contributor), text=texts(), actor=one_of(actors)
    )


@reused
def cooperations(ident: str = "cooperation-1", units: tuple[str, ...] = ()) -> st.SearchStrategy[Cooperation]:
    """Cooperation with others."""
    return st.builds(
        partial(Cooperation, id=ident),
        with_whom=texts(),
        organization=one_of(units),
        text=maybe(pools.TEXTS),
    )


@reused
@st.composite
def reviews(draw: st.DrawFn, ident: str = "review-1", actors: tuple[str, ...] = ()) -> Review:
    """Follow-ups and evaluations; those that were held say when."""
    status = draw(st.sampled_from(ReviewStatus))
    return Review(
        id=ident,
        **draw(st.sampled_from(_REVIEWS)),
        kind=draw(st.sampled_from(ReviewKind)),
        status=status,
        held=draw(dates()) if status is ReviewStatus.HELD else None,
        responsible=draw(one_of(actors)),
        participants=draw(several(actors)),
    )


@reused
def arrangements(actors: tuple[str, ...] = ()) -> st.SearchStrategy[Arrangement]:
    """When and how reviews are done."""
    return st.builds(Arrangement, every_months=st.integers(1, 60), how=maybe(pools.TEXTS), responsible=one_of(actors))


# --- team and consent --------------------------------------------------------------------------------


@reused
@st.composite
def memberships(
    draw: st.DrawFn,
    ident: str = "membership-1",
    actors: tuple[str, ...] = ("owner",),
    units: tuple[str, ...] = (),
) -> Membership:
    """Places in a team; those that ended say when."""
    status = draw(st.sampled_from(MembershipStatus))
    period = draw(periods())
    if status is MembershipStatus.ENDED and period.end is None:
        period = period.evolve(end=period.start or draw(dates()))
    return Membership(
        id=ident,
        member=draw(st.sampled_from(actors)),
        role=draw(st.sampled_from(TeamRole)),
        role_text=draw(maybe(pools.TEXTS)),
        status=status,
        period=period,
        on_behalf_of=draw(one_of(units)),
        task=draw(maybe(pools.TEXTS)),
    )


@reused
@st.composite
def coordinators(
    draw: st.DrawFn, ident: str = "coordinator-1", people: tuple[str, ...] = (), units: tuple[str, ...] = ()
) -> Coordinator:
    """Coordinators' places, held and vacant."""
    honoured = draw(st.sampled_from((None, False, True)))
    return Coordinator(
        id=ident,
        kind=draw(st.sampled_from(CoordinatorKind)),
        holder=draw(one_of(people)),
        period=draw(periods()),
        appointed_by=draw(one_of(units)),
        mentor=draw(one_of(people)),
        wish_honoured=honoured,
        wish_reason=draw(texts() if honoured is False else maybe(pools.TEXTS)),
    )


@reused
@st.composite
def care_teams(draw: st.DrawFn, names: Names = NOBODY) -> CareTeam:
    """Teams; where there are two coordinators at once, the reason is there."""
    places = _list(draw, coordinators, names.professionals, names.organizations)
    reason = texts() if two_at_once(places) else maybe(pools.TEXTS)
    return CareTeam(
        id="team-1",
        status=draw(st.sampled_from(TeamStatus)),
        name=draw(maybe(pools.TEXTS)),
        memberships=_list(draw, memberships, names.everybody, names.organizations),
        coordinators=places,
        two_coordinators_reason=draw(reason),
    )


@reused
def provisions(recipients: tuple[str, ...] = ()) -> st.SearchStrategy[Provision]:
    """Exceptions to a consent."""
    return st.builds(
        Provision,
        access=st.sampled_from(Access),
        recipients=several(recipients),
        areas=areas(),
        period=periods(),
    )


@reused
@st.composite
def consents(
    draw: st.DrawFn,
    ident: str = "consent-1",
    by: tuple[str, ...] = (),
    recipients: tuple[str, ...] = (),
) -> Consent:
    """Consents of every kind; withdrawn ones say when, which is not before they were given."""
    status = draw(st.sampled_from(ConsentStatus))
    given = draw(dates())
    return Consent(
        id=ident,
        kind=draw(st.sampled_from(ConsentKind)),
        status=status,
        given_on=given,
        given_by=draw(one_of(by)),
        form=draw(maybe(tuple(ConsentForm))),
        verified_on=draw(maybe(pools.DAYS)),
        withdrawn_on=max(given, draw(dates())) if status is ConsentStatus.WITHDRAWN else None,
        period=draw(periods()),
        access=draw(st.sampled_from(Access)),
        provisions=draw(some(provisions(recipients))),
        document=draw(maybe(pools.ATTACHMENTS)),
    )


# --- the whole ---------------------------------------------------------------------------------------

_PLANS = some_of(
    id=pools.IDS,
    version=range(1, 100),
    title=optional(pools.TEXTS),
    period=pools.PERIODS,
    created=pools.MOMENTS,
    updated=optional(pools.MOMENTS),
    replaces=optional(pools.IDS),
    note=optional(pools.TEXTS),
)
_NOTICES = some_of(
    id=pools.IDS,
    authored=pools.MOMENTS,
    reason=optional(pools.TEXTS),
    wished_coordinator=optional(pools.TEXTS),
    discharge=optional(pools.DAYS),
    attachments=(*[()] * len(pools.ATTACHMENTS), *((one,) for one in pools.ATTACHMENTS)),
)
_FORMS = some_of(
    id=pools.IDS,
    authored=pools.MOMENTS,
    plan_starts=optional(pools.DAYS),
    declined_on=optional(pools.DAYS),
    note=optional(pools.TEXTS),
)
_MESSAGES = some_of(id=pools.IDS, sent=pools.MOMENTS, answers=optional(pools.IDS), text=optional(pools.TEXTS))


@reused
@st.composite
def plans(draw: st.DrawFn) -> IndividualPlan:
    """Whole plans, from nearly empty to all parts filled."""
    actors = _actors(draw, 0, 2)
    names = actors.names
    everybody, units = names.everybody, names.organizations
    tree = _goal_tree(draw, names.people)
    towards = tuple(goal.id for goal in tree)
    status = draw(st.sampled_from(PlanStatus))
    plan = IndividualPlan(
        **draw(st.sampled_from(_PLANS)),
        owner=draw(owners()),
        legal_basis=draw(legal_bases()),
        author=draw(one_of(everybody)),
        coordinating_unit=draw(one_of(units)),
        related_persons=actors.related,
        organizations=actors.organizations,
        professionals=actors.professionals,
        resources=_list(draw, resources),
        needs=_list(draw, needs),
        goals=tree,
        measures=_list(draw, measures, towards, everybody),
        contributions=_list(draw, contributions, everybody),
        cooperation=_list(draw, cooperations, units),
        follow_up=draw(st.none() | arrangements(everybody)),
        evaluation=draw(st.none() | arrangements(everybody)),
        reviews=_list(draw, reviews, names.people),
        team=draw(st.none() | care_teams(names)),
        consents=_list(draw, consents, names.related, everybody),
    )
    refused = status is PlanStatus.ACTIVE and is_refused(plan.model_copy(update={"status": status}))
    return plan.evolve(status=PlanStatus.REVOKED if refused else status)


@reused
@st.composite
def notices(draw: st.DrawFn, correlation_id: str | None = None) -> Notice:
    """Whole notices; sender and recipient are two organisations."""
    actors = _actors(draw, 2, 3)
    names = actors.names
    sender, recipient, *_ = draw(st.permutations(names.organizations))
    return Notice(
        **draw(st.sampled_from(_NOTICES)),
        correlation_id=correlation_id or draw(ids()),
        kind=draw(st.sampled_from(NoticeKind)),
        owner=draw(owners()),
        sender=sender,
        recipient=recipient,
        author=draw(one_of(names.professionals)),
        urgency=draw(st.sampled_from(Urgency)),
        legal_basis=draw(legal_bases()),
        related_persons=actors.related,
        organizations=actors.organizations,
        professionals=actors.professionals,
        consents=_list(draw, consents, names.related, names.everybody),
        needs=_list(draw, needs),
    )


@reused
def rejections() -> st.SearchStrategy[Rejection]:
    """A no, with and without what it must say."""
    return st.builds(
        Rejection,
        reason=st.sampled_from(RejectionReason),
        text=maybe(pools.TEXTS),
        legal_basis=maybe(tuple(LegalBasis)),
        told_of_right_to_complain=st.sampled_from((None, False, True)),
        complaint_to=maybe(pools.TEXTS),
    )


@reused
@st.composite
def green_forms(draw: st.DrawFn, answers: str | None = None) -> GreenForm:
    """Green forms, complete or half filled in, to the loop `answers`."""
    actors = _actors(draw, 1, 3, related=False)
    people, units = actors.names.professionals, actors.names.organizations
    return GreenForm(
        **draw(st.sampled_from(_FORMS)),
        answers=answers or draw(ids()),
        sender=draw(st.sampled_from(units)),
        decision=draw(maybe(tuple(FormDecision))),
        signed_by=draw(one_of(people)),
        organizations=actors.organizations,
        professionals=actors.professionals,
        coordinators=_list(draw, coordinators, people, units),
        plan_state=draw(maybe(tuple(PlanState))),
        declined=draw(maybe(tuple(Declined))),
        rejection=draw(st.none() | rejections()),
        forwarded_to=draw(one_of(units)),
    )


@reused
@st.composite
def messages(draw: st.DrawFn, kind: MessageKind | None = None) -> Message:
    """Messages of every kind, with what the kind carries; the sender is the notice's or form's own."""
    kind = kind or draw(st.sampled_from(MessageKind))
    correlation_id = draw(ids())
    notice = draw(notices(correlation_id)) if kind is MessageKind.NOTICE else None
    form = draw(green_forms(correlation_id)) if kind is MessageKind.GREEN_FORM else None
    sender, recipient = draw(organizations("sender")), draw(organizations("recipient"))
    if notice is not None:
        sender, recipient = notice.organization(notice.sender), notice.organization(notice.recipient)
    if form is not None:
        sender = next(o for o in form.organizations if o.id == form.sender)
    numbered = kind in (MessageKind.REMINDER, MessageKind.ESCALATION)
    lacking = st.lists(st.sampled_from(Missing), max_size=3, unique=True).map(tuple)
    return Message(
        **draw(st.sampled_from(_MESSAGES)),
        kind=kind,
        correlation_id=correlation_id,
        sender=sender,
        recipient=recipient,
        notice=notice,
        form=form,
        missing=draw(lacking) if kind is MessageKind.FORM_INCOMPLETE else (),
        number=draw(st.none() | st.integers(1, 9)) if numbered else None,
    )

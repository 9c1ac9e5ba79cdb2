"""Plans with a share, and plans that are alike for it: the rules of what a participant sees, told once more.

`Rules` asks `permits` for each person and area, and looks at each item by itself. It shares nothing with the library's
own way but the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, permits
from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, Professional
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure, Need, Review, ReviewKind, ReviewStatus
from ip_fhir.domain.plan_rules import references
from ip_fhir.domain.sharing.share import IdPair, Share
from ip_fhir.domain.team import CareTeam, Coordinator, Membership, MembershipStatus, TeamRole
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from tests.support.canaries import CANARY
from tests.support.strategies import plans

ON = date(2026, 6, 1)
DAYS = tuple(ON + timedelta(days=days) for days in (-400, -30, -1, 0, 1, 30, 400))
AREAS = tuple(LifeArea)
KEYS = ("0f" * 32, "a7" * 32)


@dataclass(frozen=True)
class Case:
    """A plan, a share of it and a day."""

    plan: IndividualPlan
    share: Share
    on: date


@dataclass(frozen=True)
class Rules:
    """What a share may see of a plan on a day."""

    plan: IndividualPlan
    share: Share
    on: date

    @property
    def people(self) -> set[tuple[str, tuple[str, ...]]]:
        """All of whom consent is asked, with the organisations above them."""
        plan, found = self.plan, set()
        works_for = {person.id: person.organization for person in plan.professionals}
        units = {unit.id for unit in plan.organizations}
        team = plan.team or CareTeam(id="none")
        places = [
            (m.member, m.on_behalf_of or (works_for.get(m.member, m.member)), m.period)
            for m in team.memberships
            if m.status in (MembershipStatus.ACCEPTED, MembershipStatus.RETURNED) and m.member in {*works_for, *units}
        ]
        places += [(c.holder, works_for[c.holder], c.period) for c in team.coordinators if c.holder is not None]
        for person, unit, period in places:
            if period.covers(self.on) and unit in self.share.organizations:
                within = self.above(unit)
                found.add((person, within[1:] if person == unit else within))
        return {one for one in found if self.share.person in (None, one[0])}

    def above(self, unit: str | None) -> tuple[str, ...]:
        """The organisation and those above it."""
        parents = {one.id: one.part_of for one in self.plan.organizations}
        return (unit, *self.above(parents[unit])) if unit is not None else ()

    def is_open(self, area: LifeArea | None) -> bool:
        """True if all persons are allowed to see content of this area, or (None) of none."""
        plan, areas = self.plan, () if area is None else (area,)
        answers = [
            permits(
                plan.consents,
                AccessRequest(ConsentKind.SHARING, person, self.on, within, areas),
                plan.related_persons,
                plan.owner,
                self.share.ages,
            )
            for person, within in self.people
        ]
        return bool(answers) and all(isinstance(answer, Allowed) for answer in answers)

    @property
    def open(self) -> frozenset[LifeArea | None]:
        """All that is open."""
        return frozenset(area for area in (None, *AREAS) if self.is_open(area))

    def areas(self, item: Any) -> set[LifeArea]:
        """The areas that an item counts as."""
        own = {area for area in (*getattr(item, "areas", ()), getattr(item, "area", None)) if area is not None}
        goals = {goal.id: goal for goal in self.plan.goals}
        served = [item.part_of] if getattr(item, "part_of", None) else getattr(item, "goals", ())
        return own or {area for ident in served for area in self.areas(goals[ident])}

    def sees(self, item: Any) -> bool:
        """True if a resource, need, goal or measure is in the view."""
        level = ContentLevel.NEEDS if isinstance(item, Need | Goal) else ContentLevel.PLAN
        areas = self.areas(item)
        return self.reaches(level) and (areas <= self.open if areas else None in self.open)

    def reaches(self, level: ContentLevel) -> bool:
        """True if the agreement lets through this much."""
        levels = list(ContentLevel)
        return levels.index(self.share.level) >= levels.index(level)

    @property
    def general(self) -> bool:
        """True if what has neither goal nor area is seen."""
        return self.reaches(ContentLevel.PLAN) and None in self.open

    @property
    def sees_others(self) -> bool:
        """True if others' memberships are seen."""
        return self.general and len(self.open) == 1 + len(AREAS)

    def is_own(self, membership: Membership) -> bool:
        """True for a membership in the name of the share's organisations."""
        works_for = {person.id: person.organization for person in self.plan.professionals}
        units = {unit.id for unit in self.plan.organizations}
        if membership.member not in {*works_for, *units} or self.share.person not in (None, membership.member):
            return False
        name = membership.on_behalf_of or works_for.get(membership.member, membership.member)
        return name in self.share.organizations


def only_seen(case: Case) -> IndividualPlan:
    """An alike plan: without all that the share does not see, but for what policy is made of."""
    rules, plan = Rules(case.plan, case.share, case.on), case.plan
    goals = {goal.id for goal in plan.goals if rules.sees(goal)}
    changes: dict[str, Any] = {
        name: tuple(item for item in getattr(plan, name) if rules.sees(item)) for name in ("resources", "needs")
    }
    changes["goals"] = tuple(
        goal.evolve(
            part_of=goal.part_of if goal.part_of in goals else None,
            **({} if rules.reaches(ContentLevel.PLAN) else {"target": None, "expressed_by": None, "note": None}),
        )
        for goal in plan.goals
        if goal.id in goals
    )
    changes["measures"] = tuple(
        one.evolve(goals=tuple(ident for ident in one.goals if ident in goals))
        for one in plan.measures
        if rules.sees(one)
    )
    if not rules.general:
        changes |= dict.fromkeys(("contributions", "cooperation", "legal_basis"), ())
        changes |= dict.fromkeys(("title", "coordinating_unit", "follow_up", "evaluation", "note"))
    bare = {} if rules.general else {"how": None, "responsible": None, "participants": (), "outcome": None}
    changes["reviews"] = tuple(
        review.evolve(**bare)
        for review in plan.reviews
        if rules.reaches(ContentLevel.PLAN)
        or (rules.reaches(ContentLevel.NEEDS) and review.status is ReviewStatus.PLANNED)
    )
    changes["team"] = _team_seen(rules)
    bare_plan = plan.evolve(
        **changes, author=None, replaces=None, version=7, updated=None, created="2020-01-01T00:00:00Z"
    )
    return _without_strangers(bare_plan)


def _team_seen(rules: Rules) -> CareTeam | None:
    team = rules.plan.team
    if team is None:
        return None
    held = tuple(
        place.evolve(mentor=None, wish_honoured=None, wish_reason=None)
        for place in team.coordinators
        if place.holder is not None and place.period.covers(rules.on)
    )
    members = tuple(one for one in team.memberships if rules.sees_others or rules.is_own(one))
    name = team.name if rules.general else None
    return team.evolve(memberships=members, coordinators=held, name=name)


def _without_strangers(plan: IndividualPlan) -> IndividualPlan:
    """Without those whom nothing names and whose grading decides nothing; the others without what no view shows."""
    named = {ident for path, ident in references(plan) if not path.startswith(("organizations", "professionals"))}
    for _ in range(4):
        named |= {p.organization for p in plan.professionals if p.id in named and p.organization}
        named |= {o.part_of for o in plan.organizations if o.id in named and o.part_of}
    return plan.evolve(
        related_persons=tuple(
            one.evolve(identifier=None, next_of_kin=False)
            for one in plan.related_persons
            if one.id in named or one.protection is not None
        ),
        professionals=tuple(
            one.evolve(hpr_number=None, her_id=None)
            for one in plan.professionals
            if one.id in named or one.protection is not None
        ),
        organizations=tuple(
            one for one in plan.organizations if one.id in named or any(p.protection for p in plan.professionals)
        ),
        owner=plan.owner.evolve(gender=None, language=None, needs_interpreter=None, dead=None, deceased=None),
    )


def with_more(case: Case, text: str = CANARY) -> IndividualPlan:
    """An alike plan: with other words in all that the share does not see, and more of it."""
    rules, plan = Rules(case.plan, case.share, case.on), case.plan
    changes: dict[str, Any] = {}
    for name, field in (("resources", "text"), ("needs", "text"), ("goals", "text"), ("measures", "what")):
        changes[name] = tuple(
            item if rules.sees(item) else _reworded(item, text, field) for item in getattr(plan, name)
        )
    closed = [area for area in AREAS if area not in rules.open]
    if closed:
        changes["goals"] = (Goal(id="goal-hidden", text=text, areas=(closed[0],)), *changes["goals"])
        own = Measure(id="measure-hidden", what=text, goals=("goal-hidden",), responsible="owner")
        changes["measures"] = (
            own,
            *(
                one.evolve(goals=("goal-hidden", *one.goals)) if one.areas and rules.sees(one) else one
                for one in changes["measures"]
            ),
        )
        changes["needs"] = (*changes["needs"], Need(id="need-hidden", text=text, area=closed[-1]))
    if not rules.general:
        changes |= {"title": text, "note": text, "coordinating_unit": None}
        changes["contributions"] = tuple(one.evolve(text=text) for one in plan.contributions)
        changes["cooperation"] = tuple(one.evolve(with_whom=text, text=text) for one in plan.cooperation)
        changes["reviews"] = tuple(one.evolve(outcome=text, how=text) for one in plan.reviews)
    if not rules.reaches(ContentLevel.PLAN):
        changes["goals"] = tuple(one.evolve(target=text, note=text) for one in changes["goals"])
    changes["consents"] = tuple(
        one if one.document is None else one.evolve(document=one.document.evolve(title=text)) for one in plan.consents
    )
    changes["team"] = _team_with_more(rules, text)
    stranger = Professional(id="stranger", name=PersonName(family=text), title=text)
    more = plan.evolve(**changes, professionals=(stranger, *plan.professionals), author="stranger", replaces=text)
    language = "se" if plan.owner.language is None else None
    return more.evolve(version=plan.version + 1, owner=plan.owner.evolve(language=language))


def _reworded(item: Any, text: str, field: str) -> Any:
    others = [name for name in ("note", "target", "status_reason", "extent", "how", "where") if hasattr(item, name)]
    return item.evolve(**{field: text}, **dict.fromkeys(others, text))


def _team_with_more(rules: Rules, text: str) -> CareTeam | None:
    team = rules.plan.team
    if team is None:
        return None
    past = Coordinator(
        id="coordinator-past",
        holder="stranger",
        period=Period(end=rules.on - timedelta(days=1)),
        wish_reason=text,
    )
    clashes = any(place.period.overlaps(past.period) for place in team.coordinators)
    others = Membership(id="membership-hidden", member="owner", role=TeamRole.OWNER, task=text)
    return team.evolve(
        memberships=(
            *(
                one if rules.sees_others or rules.is_own(one) else one.evolve(task=text, role_text=text)
                for one in team.memberships
            ),
            *(() if rules.sees_others else (others,)),
        ),
        coordinators=(
            *(place.evolve(wish_reason=text, mentor="stranger") for place in team.coordinators),
            *(() if clashes else (past,)),
        ),
        name=team.name if rules.general else text,
    )


# --- cases ---------------------------------------------------------------------------------------------------

SCHOOL = Organization(id="school", name="Nordvik skole", kind=OrganizationKind.SCHOOL)
TEACHER = Professional(id="teacher", name=PersonName(family="Lærer"), organization="school")
_SOME_AREAS = st.lists(st.sampled_from(AREAS), unique=True, max_size=4).map(tuple)


@st.composite
def _sharing(draw: st.DrawFn) -> tuple[Consent, ...]:
    """A yes with exceptions for some areas, or a no with some; perhaps only for some days; perhaps a second word."""
    access = draw(st.sampled_from((Access.PERMIT, Access.PERMIT, Access.DENY)))
    other = Access.DENY if access is Access.PERMIT else Access.PERMIT
    recipients = st.sampled_from(((), ("school",), ("teacher",)))
    starts, ends = (st.sampled_from((None, *DAYS)) for _ in range(2))
    exceptions = []
    for areas in draw(st.lists(_SOME_AREAS, max_size=2)):
        start, end = draw(starts), draw(ends)
        period = Period(start=start, end=end if start is None or end is None or start <= end else None)
        exceptions.append(Provision(access=other, recipients=draw(recipients), areas=areas, period=period))
    end = draw(st.sampled_from((None, None, *DAYS)))
    first = Consent(
        id="sharing-1",
        kind=ConsentKind.SHARING,
        given_on=DAYS[0],
        access=access,
        provisions=tuple(exceptions),
        period=Period(end=end),
    )
    more = draw(st.sampled_from((None, None, Access.PERMIT)))
    if more is None:
        return (first,)
    return (first, first.evolve(id="sharing-2", given_on=draw(st.sampled_from(DAYS)), access=more, provisions=()))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A plan in which a school takes part, as a rule by a teacher, its share, and a day."""
    plan = draw(plans())
    team = plan.team or CareTeam(id="team-1")
    own = Membership(
        id="membership-own",
        member=draw(st.sampled_from(("teacher", "teacher", "school"))),
        role=TeamRole.SERVICE_PROVIDER,
        period=Period(start=draw(st.sampled_from((None, *DAYS[:3]))), end=draw(st.sampled_from((None, *DAYS[4:])))),
    )
    others = [consent for consent in plan.consents if consent.kind is not ConsentKind.SHARING]
    shared = plan.evolve(
        organizations=(*plan.organizations, SCHOOL.evolve(part_of=draw(st.sampled_from(_units(plan))))),
        professionals=(*plan.professionals, TEACHER),
        team=team.evolve(memberships=(*team.memberships, own)),
        consents=(*others, *draw(_sharing())),
        **_more_items(draw, plan),
    )
    return Case(shared, draw(shares(shared)), draw(st.sampled_from((ON, ON, *DAYS))))


_FEW_AREAS = st.sampled_from(((), (), *((area,) for area in AREAS[:3]), AREAS[:2], AREAS[2:4]))


def _more_items(draw: st.DrawFn, plan: IndividualPlan) -> dict[str, Any]:
    """The plan's lists with a goal, a sub-goal, two measures, a need and a review more, of few areas."""
    goals = (
        Goal(id="goal-x", text="Svømme", areas=draw(_FEW_AREAS)),
        Goal(id="goal-y", text="Dykke", areas=draw(_FEW_AREAS), part_of="goal-x"),
    )
    serves = st.sampled_from((("goal-x",), ("goal-y",), ("goal-x", "goal-y"), ()))
    measures = tuple(
        Measure(id=ident, what="Svømmehall", areas=draw(_FEW_AREAS), goals=draw(serves), responsible="teacher")
        for ident in ("measure-x", "measure-y")
    )
    need = Need(id="need-x", text="Skyss", area=draw(st.sampled_from((None, *AREAS[:3]))))
    review = Review(id="review-x", kind=ReviewKind.FOLLOW_UP, planned=DAYS[-1], outcome="Godt")
    return {
        "goals": (*goals, *plan.goals),
        "measures": (*measures, *plan.measures),
        "needs": (need, *plan.needs),
        "reviews": (review, *plan.reviews),
    }


def _units(plan: IndividualPlan) -> tuple[str | None, ...]:
    return (None, *(unit.id for unit in plan.organizations))


@st.composite
def shares(draw: st.DrawFn, plan: IndividualPlan) -> Share:
    """A share of the school, at any level, and with ids that it gave itself."""
    given = draw(st.sampled_from(((), ("needs", "measures"))))
    book = tuple(
        IdPair(view=f"their-{n}", plan=item.id) for name in given for n, item in enumerate(getattr(plan, name)[:1])
    )
    book = tuple({pair.view: pair for pair in book}.values())
    parts = draw(st.sampled_from(((), (LocatingPart.PLACES,), tuple(LocatingPart))))
    return Share(
        id="share-1",
        plan=plan.id,
        party="nordvik-skole",
        person=draw(st.sampled_from((None, None, None, "teacher"))),
        organizations=("school", *draw(st.sampled_from(((), tuple(unit for unit in _units(plan) if unit)[:1])))),
        level=draw(st.sampled_from((ContentLevel.PLAN, ContentLevel.PLAN, *reversed(ContentLevel)))),
        released=parts,
        key=draw(st.sampled_from(KEYS)),
        book=book,
        began=draw(st.sampled_from(DAYS[:4])),
        number=draw(st.integers(0, 3)),
    )

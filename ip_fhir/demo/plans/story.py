"""The story of one shared plan: the plan as it is saved first, and what its parties do, day by day.

A child with cerebral palsy. The school may not see what concerns the family, and the general practice not yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ip_fhir.demo.plans.parties import HOSPITAL, MUNICIPALITY, NEWTOWN, PARTICIPANTS, PRACTICE, SCHOOL, SOLVIK
from ip_fhir.demo.sides import DemoFailed
from ip_fhir.domain.consent.consent import Access, Provision
from ip_fhir.domain.people import PersonName, Professional
from ip_fhir.domain.plan import MeasureStatus
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.change import ChangeStatus, Outcome, PartDecision
from ip_fhir.domain.team import Membership, MembershipStatus, TeamRole
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.demo.plans.parties import PlanPeople
    from ip_fhir.domain.plan import IndividualPlan, Measure
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.report.words.codes import Language

T = TypeVar("T")

MARIT: Final = Author(id="marit01", name="Marit Bjørgum")  # the coordinator
INGRID: Final = Author(id="ingrid02", name="Ingrid Testmo")  # of the hospital
ODDNY: Final = Author(id="oddny03", name="Oddny Prøvestad")  # of the other municipality

_MEASURE = "person-01-measure-2"
_PLACE, _INVITED = "person-01-member-7", "person-01-member-11"
_CONSENT = "person-01-consent-3"

_OURS: Final = "To uker i oktober og tre i november"
_THEIRS: Final = "Tre uker i mai og fire i november"
_HOW: Final = "Gruppe med fire barn, i bassenget og i salen; foreldre får veiledning underveis."


@dataclass(frozen=True, slots=True)
class Act:
    """One step at a time: who does it, in words (Norwegian, English), and what must be so when all are at rest."""

    at: datetime
    said: tuple[tuple[str, dict[Language, str]], ...]
    do: Callable[[], object]
    holds: Callable[[], bool]


def first_version(plan: IndividualPlan) -> IndividualPlan:
    """Returns the example plan as the coordinator saves it: the hospital takes part, and the practice waits."""
    team = _there(plan.team)
    members = tuple(
        one.evolve(status=MembershipStatus.ACCEPTED, period=Period(start=date(2026, 9, 1))) if one.id == _PLACE else one
        for one in team.memberships
    )
    practice = ("org-nordvik-gp",)
    until = Period(end=date(2026, 9, 13))
    not_yet = Provision(access=Access.DENY, recipients=practice, areas=(LifeArea.FAMILY,), period=until)
    never = Provision(access=Access.DENY, recipients=practice, areas=(LifeArea.EDUCATION,))
    return _with_provisions(plan.evolve(team=team.evolve(memberships=members)), not_yet, never)


def withheld_from_school(plan: IndividualPlan) -> tuple[str, ...]:
    """Returns the words of the plan that the school is never to have: those of the goals that concern the family."""
    return tuple(goal.text for goal in plan.goals if LifeArea.FAMILY in goal.areas)


def acts(people: PlanPeople, plan: IndividualPlan, referral: str) -> tuple[Act, ...]:
    """Returns all that happens, in order of time. `referral` is the loop that the plan comes of."""
    teller = _Story(people)
    return (
        _act("2026-09-08 08:30", MUNICIPALITY, "made", lambda: teller.make(plan, referral), teller.is_made),
        _act("2026-09-08 08:45", MUNICIPALITY, "shared", teller.share, teller.all_have_it),
        Act(
            _at("2026-09-09 10:00"), _said((HOSPITAL, "status"), (MUNICIPALITY, "how")), teller.both, teller.both_stand
        ),
        Act(
            _at("2026-09-10 09:00"),
            _said((MUNICIPALITY, "ours"), (HOSPITAL, "theirs")),
            teller.clash,
            teller.waits_for_a_person,
        ),
        _act("2026-09-10 13:00", MUNICIPALITY, "decided", teller.decide, teller.is_decided),
        _act("2026-09-11 09:00", MUNICIPALITY, "withdrawn", teller.withdraw, teller.school_has_nothing),
        _act("2026-09-14 00:00", MUNICIPALITY, "midnight", lambda: None, teller.practice_sees_more),
        _act("2026-09-15 10:00", MUNICIPALITY, "invited", teller.invite, teller.is_invited),
        _act("2026-09-15 14:00", HOSPITAL, "declined", teller.decline, teller.is_declined),
        _act("2026-09-16 09:00", MUNICIPALITY, "offered", teller.hand_over, teller.is_offered),
        _act("2026-09-17 10:00", NEWTOWN, "taken", teller.take_over, teller.is_taken),
        _act("2026-09-18 09:00", NEWTOWN, "goes-on", teller.go_on, teller.has_gone_on),
    )


class _Story:
    """The acts of the people, and what must be so after each."""

    def __init__(self, people: PlanPeople) -> None:
        self._people = people

    # --- the plan is made and shared

    def make(self, plan: IndividualPlan, referral: str) -> None:
        self._people.exchanges[MUNICIPALITY].save_plan(plan, by=MARIT, referral=referral)

    def is_made(self) -> bool:
        return self._people.holders == [MUNICIPALITY]

    def share(self) -> None:
        for party in PARTICIPANTS:
            self._people.exchanges[MUNICIPALITY].share(self._people.plan_id, party, by=MARIT)

    def all_have_it(self) -> bool:
        return all(self._view(party) is not None for party in PARTICIPANTS) and not self._family_goals(PRACTICE)

    # --- two change it at once

    def both(self) -> None:
        view = self._shown(HOSPITAL)
        self._save(how=_HOW)
        self._ask(view, status=MeasureStatus.ON_HOLD, status_reason="Nytt behandlingsrom i høst")

    def both_stand(self) -> bool:
        measure = self._measure(self._people.current())
        return (measure.status, measure.how) == (MeasureStatus.ON_HOLD, _HOW)

    def clash(self) -> None:
        view = self._shown(HOSPITAL)
        self._save(extent=_OURS)
        self._ask(view, extent=_THEIRS)

    def waits_for_a_person(self) -> bool:
        conflict = self._people.held().changes[-1].status is ChangeStatus.CONFLICT
        return conflict and self._measure(self._people.current()).extent == _OURS

    def decide(self) -> None:
        kept = self._people.held().changes[-1]
        parts = [part for part in kept.decisions if part.outcome is Outcome.CONFLICT]
        answers = [PartDecision(field=part.field, id=part.id, outcome=Outcome.ACCEPTED) for part in parts]
        self._people.exchanges[MUNICIPALITY].answer_change(kept.change.id, answers, by=MARIT)

    def is_decided(self) -> bool:
        case = self._people.case(HOSPITAL)
        answered = case is not None and case.changes[-1].status is ChangeStatus.ACCEPTED
        return answered and self._measure(self._people.current()).extent == _THEIRS

    # --- consents

    def withdraw(self) -> None:
        no = Provision(access=Access.DENY, recipients=("org-nordvik-school",))
        self._people.exchanges[MUNICIPALITY].save_plan(_with_provisions(self._people.current(), no), by=MARIT)

    def school_has_nothing(self) -> bool:
        return self._view(SCHOOL) is None

    def practice_sees_more(self) -> bool:
        return bool(self._family_goals(PRACTICE))

    # --- somebody is asked, and the family moves

    def invite(self) -> None:
        plan = self._people.current()
        team = _there(plan.team)
        dietitian = Professional(
            id="pro-dietitian",
            name=PersonName(family="Lilleprøve", given="Tuva"),
            title="Klinisk ernæringsfysiolog",
            organization="org-fjellregionen-habilitation",
        )
        asked = Membership(
            id=_INVITED, member=dietitian.id, role=TeamRole.SERVICE_PROVIDER, status=MembershipStatus.PROPOSED
        )
        team = team.evolve(memberships=(*team.memberships, asked))
        exchange = self._people.exchanges[MUNICIPALITY]
        exchange.save_plan(plan.evolve(team=team, professionals=(*plan.professionals, dietitian)), by=MARIT)
        exchange.invite(plan.id, _INVITED, by=MARIT)

    def is_invited(self) -> bool:
        case = self._people.case(HOSPITAL)
        return case is not None and len(case.invitations) == 1

    def decline(self) -> None:
        ident = _there(self._people.case(HOSPITAL)).invitations[0].id
        self._people.exchanges[HOSPITAL].answer_invitation(ident, accepts=False, by=INGRID, reason="Venteliste")

    def is_declined(self) -> bool:
        team = self._people.current().team
        found = [one.status for one in team.memberships if one.id == _INVITED] if team is not None else []
        return found == [MembershipStatus.DECLINED]

    def hand_over(self) -> None:
        plan = self._people.current()
        exchange = self._people.exchanges[MUNICIPALITY]
        exchange.save_plan(plan.evolve(organizations=(*plan.organizations, SOLVIK)), by=MARIT)
        exchange.hand_over(plan.id, NEWTOWN, by=MARIT, reason="Familien flytter til Solvik")

    def is_offered(self) -> bool:
        case = self._people.case(NEWTOWN)
        return case is not None and case.handover is not None and self._people.holders == [MUNICIPALITY]

    def take_over(self) -> None:
        handover = _there(_there(self._people.case(NEWTOWN)).handover)
        self._people.exchanges[NEWTOWN].answer_handover(handover.id, accepts=True, by=ODDNY)

    def is_taken(self) -> bool:
        cases = [self._people.case(party) for party in (HOSPITAL, PRACTICE)]
        follow = all(case is not None and case.holder == NEWTOWN for case in cases)
        return follow and self._people.holders == [NEWTOWN]

    def go_on(self) -> None:
        plan = self._people.current()
        changed = _with_measure(plan, _MEASURE, where="Solvik, og tre uker i Fjellby")
        self._people.exchanges[NEWTOWN].save_plan(changed, by=ODDNY)

    def has_gone_on(self) -> bool:
        seen = [view for party in (HOSPITAL, PRACTICE) if (view := self._view(party)) is not None]
        return len(seen) == 2 and all("Solvik, og tre uker" in view.to_json() for view in seen)

    # --- what they have in hand

    def _view(self, party: str) -> PlanView | None:
        copy = self._people.copy(party)
        return copy.view if copy is not None else None

    def _shown(self, party: str) -> PlanView:
        return _there(self._view(party))

    def _family_goals(self, party: str) -> list[str]:
        return [goal.id for goal in self._shown(party).plan.goals if LifeArea.FAMILY in goal.areas]

    def _measure(self, plan: IndividualPlan) -> Measure:
        return next(one for one in plan.measures if one.id == _MEASURE)

    def _save(self, **changes: Any) -> None:
        plan = _with_measure(self._people.current(), _MEASURE, **changes)
        self._people.exchanges[MUNICIPALITY].save_plan(plan, by=MARIT)

    def _ask(self, view: PlanView, **changes: Any) -> None:
        """Lets the hospital ask for a change of its measure, made on this view of it."""
        what = self._measure(self._people.current()).what
        ident = next(one.id for one in view.plan.measures if one.what == what)
        wanted = view.evolve(plan=_with_measure(view.plan, ident, **changes))
        self._people.exchanges[HOSPITAL].change_plan(wanted, by=INGRID)


def _with_measure(plan: IndividualPlan, ident: str, **changes: Any) -> IndividualPlan:
    return plan.evolve(measures=tuple(one.evolve(**changes) if one.id == ident else one for one in plan.measures))


def _with_provisions(plan: IndividualPlan, *added: Provision) -> IndividualPlan:
    return plan.evolve(
        consents=tuple(
            one.evolve(provisions=(*one.provisions, *added)) if one.id == _CONSENT else one for one in plan.consents
        )
    )


def _there(found: T | None) -> T:
    """Returns what must be there. Raises `DemoFailed` if it is not: the story cannot go on."""
    if found is None:
        raise DemoFailed("what a step before was to bring is not there")
    return found


def _act(at: str, party: str, key: str, do: Callable[[], object], holds: Callable[[], bool]) -> Act:
    return Act(_at(at), _said((party, key)), do, holds)


def _said(*said: tuple[str, str]) -> tuple[tuple[str, dict[Language, str]], ...]:
    return tuple((party, _WORDS[key]) for party, key in said)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO)


_WORDS: Final[dict[str, dict[Language, str]]] = {
    "made": {
        "nb": "lager planen, etter det grønne skjemaet",
        "en": "makes the plan, after the green form",
    },
    "shared": {
        "nb": "deler planen med sykehuset, skolen og fastlegen. Skolen ser ikke det som gjelder familien",
        "en": "shares the plan with hospital, school and practice. The school does not see what concerns the family",
    },
    "status": {
        "nb": "setter sitt tiltak på vent",
        "en": "puts its measure on hold",
    },
    "how": {
        "nb": "endrer samtidig hvordan tiltaket gjøres. Begge deler blir stående",
        "en": "changes at the same time how the measure is carried out. Both stand",
    },
    "ours": {
        "nb": "endrer omfanget av tiltaket",
        "en": "changes the extent of the measure",
    },
    "theirs": {
        "nb": "vil ha et annet omfang. Kommunens blir stående, og koordinator ser begge",
        "en": "wants another extent. The municipality's stands, and the coordinator sees both",
    },
    "decided": {
        "nb": "velger sykehusets",
        "en": "chooses the hospital's",
    },
    "withdrawn": {
        "nb": "mor trekker samtykket til deling med skolen",
        "en": "the mother withdraws the consent to sharing with the school",
    },
    "midnight": {
        "nb": "ved midnatt åpner samtykket det som gjelder familien, for fastlegen. Ingen trenger å gjøre noe",
        "en": "at midnight the consent opens what concerns the family to the practice. Nobody has to do anything",
    },
    "invited": {
        "nb": "spør en ernæringsfysiolog ved sykehuset om å være med",
        "en": "asks a dietitian at the hospital to take part",
    },
    "declined": {
        "nb": "takker nei for henne, med grunn. Ingen ble med av å bli spurt",
        "en": "declines for her, with a reason. Nobody became a member by being asked",
    },
    "offered": {
        "nb": "familien flytter: tilbyr Solvik kommune å overta planen",
        "en": "the family moves: offers the plan to the municipality of Solvik",
    },
    "taken": {
        "nb": "overtar planen. De andre får vite hvem som har den",
        "en": "takes the plan over. The others are told who holds it",
    },
    "goes-on": {
        "nb": "endrer et tiltak, og alle som skal se det, ser det",
        "en": "changes a measure, and all who are to see it see it",
    },
}

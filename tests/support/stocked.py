"""A hospital and a municipality that have of everything something, for tests that ask for whatever there is.

Each holds a plan that is shared with the other and offered to it, with a change, an invitation and a question of the
other's that wait; a loop is open, one is confirmed, one has come to nobody; messages are parked.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ip_fhir.domain.agreement import Agreement, Party
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.people import Organization, PersonName, PlanOwner, Professional
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure, PlanStatus
from ip_fhir.domain.referral import Author, EventKind
from ip_fhir.domain.sharing.terms import SharingTerms
from ip_fhir.domain.team import CareTeam, Coordinator, Membership, MembershipStatus, TeamRole
from ip_fhir.domain.values.ids import PersonId
from tests.support.ring import NINA
from tests.support.two_sides import START, Loop, Side, form, make_loop, notice, organizations

_OURS, _OTHERS = "nina", "ole"
_PERSONS = {"hospital": "05827500285", "municipality": "12057900499"}


def plan_held_by(name: str, ours: Organization, other: Organization) -> IndividualPlan:
    """A plan that this side holds: somebody of the other takes part, and somebody else of it is to be asked in."""
    owner = PlanOwner(id="owner", name=PersonName(family="Lagertest", given="Ada"), identifier=PersonId(_PERSONS[name]))
    people = ((_OURS, ours), (_OTHERS, other), ("siri", other))
    member = TeamRole.SERVICE_PROVIDER
    return IndividualPlan(
        id=f"plan-of-{name}",
        title="Plan på lager",
        owner=owner,
        status=PlanStatus.ACTIVE,
        created=START,
        organizations=(ours, other),
        professionals=tuple(
            Professional(id=ident, name=PersonName(family="Fagtest", given=ident.title()), organization=one.id)
            for ident, one in people
        ),
        goals=(Goal(id="goal-1", text="Å svømme hver uke"),),
        measures=(Measure(id="measure-1", what="Svømmetrening", goals=("goal-1",), responsible=_OTHERS),),
        team=CareTeam(
            id="team",
            memberships=(
                Membership(id="member-ole", member=_OTHERS, role=member),
                Membership(id="member-siri", member="siri", role=member, status=MembershipStatus.PROPOSED),
            ),
            coordinators=(Coordinator(id="coordinator", holder=_OURS),),
        ),
        consents=(
            Consent(id="consent-plan", kind=ConsentKind.PLAN, given_on=date(2026, 1, 2)),
            Consent(
                id="consent-sharing",
                kind=ConsentKind.SHARING,
                given_on=date(2026, 1, 2),
                provisions=(Provision(access=Access.PERMIT),),
            ),
        ),
    )


def make_stocked(directory: Path) -> Loop:
    """Both sides, with stores that are full."""
    hospital, unit = (one.evolve(part_of=None) for one in organizations(notice("03")))
    parties = (Party(her_id=hospital.her_id), Party(her_id=unit.her_id))
    agreements = (Agreement(), Agreement(parties=parties, sharing=SharingTerms()))
    loop = make_loop(directory, agreements)
    _loops(loop)
    for name, ours, other in (("hospital", hospital, unit), ("municipality", unit, hospital)):
        _plan(loop, name, plan_held_by(name, ours, other))
    _parked(loop)
    return loop


def _loops(loop: Loop) -> None:
    sides = loop.hospital.exchange, loop.municipality.exchange
    for name in ("02", "03", "04"):
        sides[0].send_notice(notice(name), by=NINA)
    loop.settle()
    sides[1].act("referral-02", EventKind.ACCEPT, by=NINA)
    sides[1].answer(form("03-stroke-patient-2"), by=NINA)
    loop.settle()


def _plan(loop: Loop, name: str, plan: IndividualPlan) -> None:
    """Save, share and offer it, and let the other side ask and want something."""
    holder, other, party = _two(loop, name)
    ole = Author(id="ole02", name="Ole Test")
    holder.exchange.save_plan(plan, by=NINA)
    holder.exchange.share(plan.id, party, by=NINA)
    loop.settle()
    (copy,) = other.exchange.plan(plan.id).copies
    assert copy.view is not None
    goal = copy.view.plan.goals[0].evolve(text="Å svømme to ganger i uka")
    wanted = copy.view.evolve(plan=copy.view.plan.evolve(goals=(goal,)))
    other.exchange.change_plan(wanted, by=ole, text="Oftere")
    holder.exchange.invite(plan.id, "member-siri", by=NINA)
    other.exchange.ask_for_plan(plan.owner, name, by=ole)
    loop.settle()
    holder.exchange.hand_over(plan.id, party, by=NINA)
    loop.settle()


def _two(loop: Loop, name: str) -> tuple[Side, Side, str]:
    """The side of this name, the other one, and the other's name."""
    if name == "hospital":
        return loop.hospital, loop.municipality, "municipality"
    return loop.municipality, loop.hospital, "hospital"


def _parked(loop: Loop) -> None:
    """A message of each side reaches nobody; one is parked, one goes on waiting."""
    for side in (loop.hospital, loop.municipality):
        side.wire.break_with = TimeoutError()
    loop.hospital.exchange.send_notice(notice("05"), by=NINA)
    for name in ("02", "04"):
        loop.municipality.exchange.act(f"referral-{name}", EventKind.ASK_INFORMATION, by=NINA, text="Hva nå?")
        loop.hospital.exchange.act(f"referral-{name}", EventKind.REMIND, by=NINA)
    for side in (loop.hospital, loop.municipality):
        side.exchange.run_due()
        first, *_ = side.exchange.store.outbox("waiting")
        side.exchange.park(first.id, "parked: feil mottaker", by=NINA)

"""A share by a server that several parties read: its views have what each of them may see, and no trace of more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, Professional
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.sharing.policy import holds_until, openings, policy_of
from ip_fhir.domain.sharing.see import remake, see, settle
from ip_fhir.domain.sharing.share import ServerReader, Share
from ip_fhir.domain.team import Membership, MembershipStatus, TeamRole
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from tests.domain.sharing.alike import AREAS, DAYS, Case, cases, with_more
from tests.domain.sharing.examples import ON, YES, plan_with, share_of
from tests.support.canaries import CANARY

CLINIC = Organization(id="clinic", name="Nordvik klinikk", kind=OrganizationKind.GENERAL_PRACTICE)
DOCTOR = Professional(id="doctor", name=PersonName(family="Lege"), organization="clinic")


@dataclass(frozen=True)
class Several:
    """A plan, the share of each of two parties, and a day. Their ids are made alike, so that views can be compared."""

    plan: IndividualPlan
    school: Share
    clinic: Share
    on: date

    @property
    def through(self) -> Share:
        """The school's share by a server that the clinic reads."""
        return self.school.evolve(readers=(reader(self.clinic),))


def reader(share: Share) -> ServerReader:
    """The party of a share as one that reads a server."""
    names = ("party", "organizations", "level", "ages", "released")
    return ServerReader(**{name: getattr(share, name) for name in names})


@st.composite
def several(draw: st.DrawFn) -> Several:
    """A plan in which school and clinic take part, with words of consent about each, and the share of each."""
    case = draw(cases())
    team = case.plan.team
    assert team is not None
    periods = st.builds(Period, start=st.sampled_from((None, *DAYS[:3])), end=st.sampled_from((None, *DAYS[3:])))
    member = Membership(
        id="membership-clinic",
        member=draw(st.sampled_from(("doctor", "doctor", "clinic"))),
        role=TeamRole.SERVICE_PROVIDER,
        status=draw(st.sampled_from((*[MembershipStatus.ACCEPTED] * 4, MembershipStatus.PROPOSED))),
        period=draw(periods),
    )
    closed = Provision(access=Access.DENY, recipients=("clinic",), areas=draw(_AREAS), period=draw(periods))
    consents = tuple(_with(consent, closed) if draw(st.booleans()) else consent for consent in case.plan.consents)
    plan = case.plan.evolve(
        organizations=(*case.plan.organizations, CLINIC),
        professionals=(*case.plan.professionals, DOCTOR),
        team=team.evolve(memberships=(*team.memberships, member)),
        consents=consents,
    )
    terms: dict[str, Any] = {"party": "clinic", "person": None, "organizations": ("clinic",)}
    terms["level"] = draw(st.sampled_from((ContentLevel.PLAN, ContentLevel.PLAN, *ContentLevel)))
    terms["released"] = draw(st.sampled_from(((), (LocatingPart.CONTACTS,), tuple(LocatingPart))))
    return Several(plan, case.share, case.share.evolve(**terms), case.on)


_AREAS = st.lists(st.sampled_from(AREAS), unique=True, max_size=3).map(tuple)


def _with(consent: Consent, provision: Provision) -> Consent:
    if consent.kind is not ConsentKind.SHARING or consent.access is not Access.PERMIT:
        return consent
    return consent.evolve(provisions=(*consent.provisions, provision))


def items(plan: IndividualPlan) -> set[tuple[str, str]]:
    """All that has an id in a plan, by its list."""
    found = {(name, item.id) for name in LISTS for item in getattr(plan, name)}
    team = plan.team
    places: tuple[Any, ...] = () if team is None else (*team.memberships, *team.coordinators)
    return found | {("team", place.id) for place in places}


@pytest.mark.sharing_promise(2)
@given(several())
def test_no_trace_of_what_one_may_not_see(case: Several) -> None:
    """Other words in, and more of, all that school or clinic does not see: the view is the same to the byte."""
    view = see(case.plan, case.through, case.on).to_json()
    for share in (case.school, case.clinic):
        text = see(with_more(Case(case.plan, share, case.on)), case.through, case.on).to_json()
        assert text == view
        assert CANARY not in text


@given(several())
def test_nothing_that_one_does_not_have(case: Several) -> None:
    """Each item stands in the view of each of them too, and whatever a field says, it says in both."""
    through = see(case.plan, case.through, case.on).plan
    for share in (case.school, case.clinic):
        alone = see(case.plan, share, case.on).plan
        assert items(through) <= items(alone)
        for name in ("title", "note", "coordinating_unit", "follow_up", "evaluation"):
            assert getattr(through, name) in {None, getattr(alone, name)}
        for name, value in through.owner.model_dump().items():
            assert value in (alone.owner.model_dump()[name], None, (), [])


@given(several())
def test_the_terms_are_those_of_all(case: Several) -> None:
    """An area is open on the days on which it is open to both; nothing holds longer than to one of them."""
    policies = [policy_of(case.plan, share, case.on) for share in (case.school, case.clinic)]
    through = policy_of(case.plan, case.through, case.on)
    assert through.areas == policies[0].areas & policies[1].areas
    assert through.general == all(policy.general for policy in policies)
    assert through.released == policies[0].released & policies[1].released
    assert [through.level] == sorted({policy.level for policy in policies}, key=list(ContentLevel).index)[:1]
    for opening in openings(case.plan, case.through, case.on):
        assert opening.until is None or opening.until >= case.on
        for days in (1, 30, 400):
            day = case.on + timedelta(days=days)
            if opening.until is None or day <= opening.until:
                both = (policy_of(case.plan, share, day) for share in (case.school, case.clinic))
                assert all(policy.general if opening.area is None else opening.area in policy.areas for policy in both)
    last = holds_until(case.plan, case.through, case.on)
    if last is not None:
        assert policy_of(case.plan, case.through, last + timedelta(days=1)) != through


@given(cases())
def test_a_reader_with_the_same_terms_takes_nothing(case: Case) -> None:
    """Who may see just as much changes nothing."""
    share = case.share.evolve(person=None)
    assert see(case.plan, share.evolve(readers=(reader(share),)), case.on) == see(case.plan, share, case.on)


@given(several())
def test_a_view_is_made_again(case: Several) -> None:
    """The view by the server is the same when it is made again, and a save that hides nothing makes no new one."""
    settled = settle(None, case.plan, case.through, case.on)
    assert settled.view is not None
    again = remake(case.plan, settled.share, settled.view.number, case.on)
    assert again == settled.view
    more = with_more(Case(case.plan, case.clinic, case.on))
    assert settle((case.plan, case.on), more, settled.share, case.on).view is None


def test_a_reader_of_whom_nobody_takes_part() -> None:
    """Nothing is open to it, so nothing is open to the one whose share it is."""
    share = share_of("school").evolve(readers=(ServerReader(party="clinic"),))
    assert policy_of(plan_with(YES), share, ON).opens_nothing


def test_its_own_place_is_anothers_to_a_reader() -> None:
    """A membership of the school is shown where its reader may see the whole team, and not else."""
    closed = Provision(access=Access.DENY, recipients=("hospital",), areas=(LifeArea.HOUSING,))
    hospital = reader(share_of("hospital", "ward"))
    share = share_of("school").evolve(readers=(hospital,))
    teams = [see(plan_with(consent), share, ON).plan.team for consent in (YES, YES.evolve(provisions=(closed,)))]
    assert [bool(team.memberships) for team in teams if team is not None] == [True, False]

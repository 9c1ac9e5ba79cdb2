"""Read and search of plans by other parties: each has its own view, settled first, and every read is recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.people import Address, AddressProtection
from ip_fhir.domain.plan import MeasureStatus
from ip_fhir.domain.sharing.share import IdPair
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import InvalidInput, NotYet
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.interactions.plan_changes import Wish
from ip_fhir.exchange.peers import Carrier, Credential, Peers
from ip_fhir.exchange.plans.known_views import Shown
from ip_fhir.exchange.plans.rest import SERVED, PlanCriteria
from ip_fhir.exchange.plans.views import HeldElsewhere
from ip_fhir.mapping import default, view_from_fhir
from ip_fhir.ports import ResourceVersion
from ip_fhir.ports.readings import REFUSED, Reading, by_share
from tests.support.ring import NINA, PERSON, Ring, make_plan, make_ring, organization, with_settings
from tests.support.ring_plan import PLAN, share_of, shared

ABOUT = PlanCriteria(person=PERSON)


def peer(side: Exchange, name: str) -> Credential:
    """The credential of a party at a side."""
    found = side.peer_by_token(f"token-of-{name}")
    assert found is not None
    return found


def view(ring: Ring, party: str) -> Shown:
    """The view of a party, as a Bundle."""
    return ring.holder.plan_view(peer(ring.holder, party), PLAN)


def found(ring: Ring, party: str, type_: str = "CarePlan", criteria: PlanCriteria = ABOUT) -> list[ResourceVersion]:
    """The resources that a party finds, all on one page."""
    page = ring.holder.search_plans(peer(ring.holder, party), type_, criteria)
    assert page.after is None
    assert page.total == len(page.found)
    return page.found


def readings(ring: Ring) -> list[Reading]:
    """The log of reads of the plan, the oldest first."""
    made = ring.holder.store.readings(Aggregate(kind="plan", id=PLAN))  # type: ignore[attr-defined]
    return sorted(made, key=lambda reading: reading.number)


def save(ring: Ring, **changes: object) -> None:
    """Save the plan with changes."""
    plan = ring.plan("municipality")
    assert plan is not None
    assert plan.plan is not None
    ring.holder.save_plan(plan.plan.evolve(**changes), by=NINA)


def test_the_bundle_is_the_view_that_was_sent(ring: Ring) -> None:
    """What a party reads is what it was sent by message, to the last field, with the number as version."""
    shared(ring, "hospital", "school")
    for party in ("hospital", "school"):
        read = view(ring, party)
        assert view_from_fhir(read.body) == ring.copy(party, share_of(ring, party).id)
        assert read.version == 1
    assert "bolig" not in str(view(ring, "school").body)
    assert "bolig" in str(view(ring, "hospital").body)


def test_every_type_of_a_view_is_served() -> None:
    """The types that are served are those that plans are written as, but consents and what is derived."""
    assembly = default().compiled.assembly("plan")
    written = {assembly.root.resource, *(part.lens.resource for part in assembly.parts)}
    written |= {part.person.resource for part in assembly.parts if part.person is not None}
    assert set(SERVED) == written - {"Consent"}


def test_each_resource_is_read_and_found(ring: Ring) -> None:
    """Every resource of a view is read by type and id, and found by id, by share and by the person's number."""
    shared(ring, "hospital")
    party, share = peer(ring.holder, "hospital"), share_of(ring, "hospital")
    resources = [entry["resource"] for entry in view(ring, "hospital").body["entry"]]
    for resource in resources:
        type_, ident = resource["resourceType"], resource["id"]
        read = ring.holder.read_plan_resource(party, type_, ident)
        assert read.body == resource
        assert read in found(ring, "hospital", type_, PlanCriteria(ids=("none", ident)))
        assert read in found(ring, "hospital", type_, PlanCriteria(share=share.id))
        assert read in found(ring, "hospital", type_)
    kinds = [resource["resourceType"] for resource in resources]
    assert len(found(ring, "hospital", "PractitionerRole")) == kinds.count("PractitionerRole") == 4


@pytest.mark.parametrize("level", ContentLevel)
def test_does_the_person_have_a_plan_and_a_coordinator(
    level: ContentLevel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One question with one answer, by whatever the agreement lets through: the plan, and who coordinates it."""
    ring = make_ring(tmp_path_factory.mktemp("ring"), levels={"school": level})
    shared(ring, "school")
    (plan,) = found(ring, "school")
    assert plan.body["status"] == "active"
    (team,) = found(ring, "school", "CareTeam")
    coordinator = next(one["member"]["reference"] for one in team.body["participant"] if _coordinates(one))
    type_, _, ident = coordinator.partition("/")
    assert ring.holder.read_plan_resource(peer(ring.holder, "school"), type_, ident).type == "PractitionerRole"
    assert bool(plan.body.get("activity")) == (level is ContentLevel.PLAN)
    ring.close()


def _coordinates(participant: dict[str, list[dict[str, list[dict[str, str]]]]]) -> bool:
    return any(coding["code"] == "8" for role in participant["role"] for coding in role["coding"])


def test_who_has_no_share_finds_nothing(ring: Ring) -> None:
    """Nothing is found, and nothing is there, for a party without a share, whose share ended, and of another's ids."""
    shared(ring, "hospital", "school")
    ring.holder.end_share(share_of(ring, "school").id, by=NINA)
    resources = [entry["resource"] for entry in view(ring, "hospital").body["entry"]]
    for name in ("practice", "school"):
        party = peer(ring.holder, name)
        for type_ in SERVED:
            assert found(ring, name, type_) == []
            assert found(ring, name, type_, PlanCriteria(share=share_of(ring, "hospital").id)) == []
        for resource in resources:
            with pytest.raises(InvalidInput, match="no resource with this id"):
                ring.holder.read_plan_resource(party, resource["resourceType"], resource["id"])
        with pytest.raises(InvalidInput, match="no resource with this id"):
            ring.holder.plan_view(party, PLAN)


def test_a_number_is_that_of_the_last_change(ring: Ring) -> None:
    """The version of a resource is the number of the view in which it changed; what did not change keeps its own."""
    shared(ring, "hospital", "school")
    before = {(one.type, one.id): one for type_ in SERVED for one in found(ring, "school", type_)}
    save(ring, goals=tuple(g.evolve(note="Ny") if g.id == "goal-1" else g for g in make_plan().goals))
    after = {(one.type, one.id): one for type_ in SERVED for one in found(ring, "school", type_)}
    changed = {key for key, one in after.items() if one.version != before[key].version}
    assert {type_ for type_, _ in changed} == {"Goal"}
    assert {one.version for key, one in after.items() if key in changed} == {2}
    assert view(ring, "school").version == 2


def test_a_change_out_of_sight_leaves_no_trace(ring: Ring) -> None:
    """What changes where the party may not look changes no version, time, total or byte of its answers."""
    shared(ring, "hospital", "school")
    before = [view(ring, "school"), *(one for type_ in SERVED for one in found(ring, "school", type_))]
    ring.clock.forward(hours=3)
    measures = make_plan().measures
    save(ring, title=make_plan().title, measures=(measures[0], measures[1].evolve(how="I dag"), measures[2]))
    assert [view(ring, "school"), *(one for type_ in SERVED for one in found(ring, "school", type_))] == before
    assert view(ring, "hospital").version == 2


def test_a_read_settles_the_share_first(ring: Ring) -> None:
    """When the day has turned and nobody has run the clocks, a read gets the view of today, which has a new number."""
    plan = make_plan()
    tomorrow = Period(start=date(2026, 1, 13))
    no = Provision(access=Access.DENY, recipients=("school",), areas=(LifeArea.HOUSING,), period=tomorrow)
    consent = plan.consents[1].evolve(provisions=(no, Provision(access=Access.PERMIT)))
    ring.holder.save_plan(plan.evolve(consents=(plan.consents[0], consent)), by=NINA)
    ring.holder.share(PLAN, "school", by=NINA)
    before = view(ring, "school")
    assert (before.version, "bolig" in str(before.body)) == (1, True)
    ring.clock.forward(days=1)
    after = view(ring, "school")
    assert (after.version, "bolig" in str(after.body)) == (2, False)
    assert after.updated - before.updated == timedelta(days=1)


def test_a_share_that_ends_at_midnight_is_not_read_after_it(ring: Ring) -> None:
    """The last day of a consent is the last day of the view, whether or not anybody has run the clocks."""
    plan = make_plan()
    until = Period(end=date(2026, 1, 12))
    days = Consent(id="consent-days", kind=ConsentKind.SHARING, given_on=date(2026, 1, 2), period=until)
    ring.holder.save_plan(plan.evolve(consents=(plan.consents[0], days)), by=NINA)
    ring.holder.share(PLAN, "school", by=NINA)
    assert "bolig" in str(view(ring, "school").body)
    ring.clock.forward(days=1)
    with pytest.raises(InvalidInput, match="no resource with this id"):
        view(ring, "school")
    assert found(ring, "school") == []
    assert not share_of(ring, "school").goes_on


def test_each_read_is_recorded_before_it_is_shown(ring: Ring) -> None:
    """The log says who was shown what by which share, and who asked in vain; never whom they searched for."""
    shared(ring, "hospital")
    ground = by_share(share_of(ring, "hospital").id)
    view(ring, "hospital")
    found(ring, "hospital", "Goal")
    assert found(ring, "school", "Goal") == []
    with pytest.raises(InvalidInput):
        view(ring, "practice")
    one, *goals, school, practice = readings(ring)
    assert (one.party, one.way, one.type, one.version, one.ground) == ("hospital", "view", "CarePlan", 1, ground)
    assert {(g.way, g.type, g.ground, g.criteria) for g in goals} == {("search", "Goal", ground, ("patient", "share"))}
    assert len(goals) == 2
    assert (school.party, school.way, school.type, school.ground) == ("school", "search", "CarePlan", REFUSED)
    assert (practice.party, practice.way, practice.type, practice.ground) == ("practice", "view", "CarePlan", REFUSED)
    assert PERSON not in repr(readings(ring))


def test_what_is_no_plan_leaves_no_name_in_the_log(ring: Ring) -> None:
    """An id that is none of a plan may be anything, a person's number too: it is counted, and not kept."""
    shared(ring, "hospital")
    for type_, ident in (("CarePlan", PERSON), ("Goal", PERSON), ("CarePlan", "no-such-plan")):
        with pytest.raises(InvalidInput, match="no resource with this id"):
            ring.holder.read_plan_resource(peer(ring.holder, "practice"), type_, ident)
    with pytest.raises(InvalidInput, match="no resource with this id"):
        view_of(ring, "practice", PERSON)
    assert found(ring, "practice", "CarePlan", PlanCriteria(ids=(PERSON,))) == []
    store = ring.holder.store
    assert store.readings() == []  # type: ignore[attr-defined]
    counts = store.reading_counts()  # type: ignore[attr-defined]
    assert [(one.party, one.outcome, one.times) for one in counts] == [("practice", "nothing-found", 5)]


def view_of(ring: Ring, party: str, plan_id: str) -> Shown:
    """The view that a party has of a plan."""
    return ring.holder.plan_view(peer(ring.holder, party), plan_id)


def test_pages(ring: Ring) -> None:
    """Page by page each resource is found once; a change of the view between two pages is told, no other one is."""
    shared(ring, "hospital", "school")
    party = peer(ring.holder, "hospital")
    whole = found(ring, "hospital", "Organization")
    paged: list[ResourceVersion] = []
    page = ring.holder.search_plans(party, "Organization", ABOUT, 1)
    while page.after is not None:
        paged += page.found
        assert page.total == len(whole)
        page = ring.holder.search_plans(party, "Organization", PlanCriteria(), 1, page.after)
    assert [*paged, *page.found] == whole
    first = ring.holder.search_plans(peer(ring.holder, "school"), "Organization", ABOUT, 1)
    measures = make_plan().measures
    save(ring, measures=(measures[0], measures[1].evolve(how="I dag"), measures[2]))
    ring.holder.search_plans(peer(ring.holder, "school"), "Organization", PlanCriteria(), 1, first.after)
    cursor = ring.holder.search_plans(party, "Organization", ABOUT, 1).after
    save(ring, measures=(measures[0], measures[1].evolve(how="I morgen"), measures[2]))
    with pytest.raises(InvalidInput, match="the view has changed since") as caught:
        ring.holder.search_plans(party, "Organization", PlanCriteria(), 1, cursor)
    assert caught.value.status == 412


def test_a_cursor_is_one_partys(ring: Ring) -> None:
    """Another party's cursor, one of another search, and one that nobody gave are all refused alike."""
    shared(ring, "hospital", "school")
    cursor = ring.holder.search_plans(peer(ring.holder, "hospital"), "Goal", ABOUT, 1).after
    assert cursor is not None
    for party, type_, given in (
        ("school", "Goal", cursor),
        ("hospital", "Condition", cursor),
        ("hospital", "Goal", "x"),
    ):
        with pytest.raises(InvalidInput, match="is not the next page of this search"):
            ring.holder.search_plans(peer(ring.holder, party), type_, PlanCriteria(), 1, given)


def test_a_search_says_what_it_wants(ring: Ring) -> None:
    """Without id, share, person or cursor nothing is searched; neither are pages of no or too many resources."""
    shared(ring, "hospital")
    party = peer(ring.holder, "hospital")
    with pytest.raises(InvalidInput, match="say what to search for"):
        ring.holder.search_plans(party, "Goal", PlanCriteria())
    for count in (0, 1001):
        with pytest.raises(InvalidInput, match="is a number from 1 to 1000"):
            ring.holder.search_plans(party, "Goal", ABOUT, count)


@pytest.mark.parametrize("token", [f"urn:oid:2.16.578.1.12.4.1.4.2|{PERSON}", "12057900498", "urn:x|"])
def test_what_is_no_persons_number_is_refused(ring: Ring, token: str) -> None:
    """A wrong number, or another register's system, is refused without being repeated, plan or no plan."""
    with pytest.raises(InvalidInput) as caught:
        found(ring, "hospital", criteria=PlanCriteria(person=token))
    assert "120579" not in str(caught.value)


def test_a_number_with_its_system_is_the_same(ring: Ring) -> None:
    """The system may be given, by its URI or an alias."""
    shared(ring, "hospital")
    for system in ("urn:oid:2.16.578.1.12.4.1.4.1", "http://hl7.no/fhir/NamingSystem/FNR"):
        assert len(found(ring, "hospital", criteria=PlanCriteria(person=f"{system}|{PERSON}"))) == 1


def test_people_kept_apart_name_the_share(ring: Ring) -> None:
    """Where a party keeps its people apart, a request names the share, by its id or by that of a resource."""
    side = _with_peers(ring, by_person=True)
    side.save_plan(make_plan(), by=NINA)
    side.share(PLAN, "hospital", by=NINA)
    share, party = share_of(ring, "hospital"), peer(side, "hospital")
    assert share.person == "ole"
    for request in (
        lambda: side.plan_view(party, PLAN),
        lambda: side.plan_view(party, "no-such-plan"),
        lambda: side.read_plan_resource(party, "CarePlan", PLAN),
        lambda: side.search_plans(party, "Goal", ABOUT),
        lambda: side.search_plans(party, "CarePlan", PlanCriteria(ids=(PLAN,))),
    ):
        with pytest.raises(InvalidInput, match="name the share"):
            request()
    assert side.plan_view(party, PLAN, share.id).version == 1
    goals = side.search_plans(party, "Goal", PlanCriteria(person=PERSON, share=share.id)).found
    assert side.read_plan_resource(party, "Goal", goals[0].id).body == goals[0].body
    assert side.search_plans(party, "Goal", PlanCriteria(person=PERSON, share="another")).found == []
    with pytest.raises(InvalidInput, match="no resource with this id"):
        side.read_plan_resource(party, "Goal", goals[0].id, "another")


def test_a_carrier_of_several_says_whose_view(ring: Ring) -> None:
    """A credential of several parties names the share where two of them have one, and needs not where one has."""
    side = _with_peers(ring, carrier=("hospital", "school"))
    side.save_plan(make_plan(), by=NINA)
    side.share(PLAN, "hospital", by=NINA)
    carrier = side.peer_by_token("token-of-the-engine")
    assert carrier is not None
    assert side.plan_view(carrier, PLAN).version == 1
    side.share(PLAN, "school", by=NINA)
    with pytest.raises(InvalidInput, match="several views are meant"):
        side.plan_view(carrier, PLAN)
    seen = {
        party: str(side.plan_view(carrier, PLAN, share_of(ring, party).id).body) for party in ("hospital", "school")
    }
    assert ["bolig" in seen["hospital"], "bolig" in seen["school"]] == [True, False]


def _with_peers(ring: Ring, *, by_person: bool = False, carrier: tuple[str, ...] = ()) -> Exchange:
    """The holder's side under other settings: the hospital keeps its people apart; a carrier brings for several."""
    context = ring.holder._context
    peers = [replace(one, by_person=by_person and one.name == "hospital") for one in context.peers]
    carriers = [Carrier("engine", carrier, ("token-of-the-engine",))] if carrier else []
    return Exchange(replace(context, peers=Peers(peers, carriers)))


def test_narrower_settings_count_at_once(ring: Ring) -> None:
    """A read after a change of settings is answered by the new ones: of less with the next number, or nothing."""
    shared(ring, "hospital", "school")
    assert view(ring, "school").version == 1
    side = with_settings(ring, levels={"school": ContentLevel.HEADER})
    narrow = side.plan_view(peer(side, "school"), PLAN)
    assert narrow.version == 2
    assert "Kroppsøving" not in str(narrow.body)
    side = _with_peers(ring, by_person=True)
    with pytest.raises(InvalidInput, match="no resource with this id"):
        side.plan_view(peer(side, "hospital"), PLAN, share_of(ring, "hospital").id)


def test_nothing_is_read_before_a_restored_side_knows_what_others_hold(ring: Ring) -> None:
    """After a backup was put back, reads wait as messages do."""
    shared(ring, "hospital", "school")
    list(ring.holder.restore(by=NINA))
    with pytest.raises(NotYet, match="has been compared"):
        view(ring, "hospital")
    with pytest.raises(NotYet, match="has been compared"):
        found(ring, "school")
    ring.settle()
    assert view(ring, "hospital").version == share_of(ring, "hospital").number


def test_a_plan_that_was_handed_over_is_read_at_the_new_holder(ring: Ring) -> None:
    """The old side says who holds the plan now, to those whose share went there, and to nobody else."""
    there = ring["elsewhere"]
    plan = make_plan()
    ring.holder.save_plan(plan.evolve(organizations=(*plan.organizations, organization("elsewhere"))), by=NINA)
    for party in ("hospital", "school"):
        ring.holder.share(PLAN, party, by=NINA)
    ring.settle()
    ring.holder.end_share(share_of(ring, "school").id, by=NINA)
    ring.settle()
    handed = ring.holder.hand_over(PLAN, "elsewhere", by=NINA)
    ring.settle()
    assert handed.handover is not None
    there.answer_handover(handed.handover.id, accepts=True, by=NINA)
    ring.settle()
    by_id = PlanCriteria(ids=(PLAN,))
    for request in (lambda: view(ring, "hospital"), lambda: found(ring, "hospital", criteria=by_id)):
        with pytest.raises(HeldElsewhere, match=r"another side holds this plan now: elsewhere \(test\)") as caught:
            request()
        assert caught.value.status == 410
    assert found(ring, "school") == found(ring, "practice") == []
    assert "bolig" in str(there.plan_view(peer(there, "hospital"), PLAN).body)


def test_of_a_strictly_confidential_person_the_last_view_let_go_is_read(ring: Ring) -> None:
    """Nothing before somebody has let a view go; then that one, until a newer one was let go, or part of it closed."""
    plan = make_plan()
    strict = AddressProtection.STRICTLY_CONFIDENTIAL
    owner = plan.owner.evolve(protection=strict, address=Address(lines=("Hemmelig vei 1",), city="Nordvik"))
    ring.holder.save_plan(plan.evolve(owner=owner), by=NINA)
    ring.holder.share(PLAN, "hospital", by=NINA)
    ring.settle()
    with pytest.raises(InvalidInput, match="no resource with this id"):
        view(ring, "hospital")
    _acknowledge(ring, 1)
    save(ring, goals=tuple(goal.evolve(note="Nytt") for goal in plan.goals))
    assert share_of(ring, "hospital").number == 2
    read = view(ring, "hospital")
    assert (read.version, "Nytt" in str(read.body), "Hemmelig" in str(read.body)) == (1, False, False)
    assert {one.version for type_ in SERVED for one in found(ring, "hospital", type_)} == {1}
    _acknowledge(ring, 2)
    assert "Nytt" in str(view(ring, "hospital").body)
    closed = Provision(access=Access.DENY, recipients=("hospital",), areas=(LifeArea.HOUSING,))
    consent = plan.consents[1].evolve(provisions=(closed, Provision(access=Access.PERMIT)))
    save(ring, consents=(plan.consents[0], consent))
    assert found(ring, "hospital") == []


def test_who_became_protected_is_not_read_from_an_older_view(ring: Ring) -> None:
    """An older view may have the address that is strictly confidential by now: it is not given out once more."""
    plan = make_plan()
    owner = plan.owner.evolve(address=Address(lines=("Hemmelig vei 1",), city="Nordvik"))
    ring.holder.save_plan(plan.evolve(owner=owner), by=NINA)
    ring.holder.share(PLAN, "hospital", by=NINA)
    ring.settle()
    save(ring, owner=owner.evolve(protection=AddressProtection.STRICTLY_CONFIDENTIAL))
    assert found(ring, "hospital", "Patient") == []


def _acknowledge(ring: Ring, number: int) -> None:
    """Keep that the hospital has a view, as its receipt would after somebody let the message go."""
    with ring.holder.store.begin() as tx:
        stored = tx.load_plan(PLAN)  # type: ignore[attr-defined]
        shares = tuple(share.evolve(acknowledged=number) for share in stored.plan.shares)
        tx.save_plan(stored.plan.evolve(shares=shares), stored.revision)  # type: ignore[attr-defined]


def test_what_a_party_added_itself_has_its_own_id(ring: Ring) -> None:
    """A resource that the party added keeps its id there: it is read and changed by it, and is nobody else's."""
    shared(ring, "hospital", "school")
    copy = ring.copy("hospital", share_of(ring, "hospital").id)
    assert copy is not None
    goal = copy.plan.goals[0].evolve(id="our-goal", text="Å sykle", status_reason=None)
    ring["hospital"].change_plan(copy.evolve(plan=copy.plan.evolve(goals=(*copy.plan.goals, goal))), by=NINA)
    ring.settle()
    held = ring.plan("municipality")
    assert held is not None
    for kept in held.changes:
        waiting = [one.evolve(outcome="accepted") for one in kept.decisions if one.outcome == "proposed"]
        if waiting:
            ring.holder.answer_change(kept.change.id, waiting, by=NINA)
    ring.settle()
    party, share = peer(ring.holder, "hospital"), share_of(ring, "hospital").id
    one = ring.holder.read_plan_resource(party, "Goal", "our-goal")
    assert one.body["description"]["text"] == "Å sykle"
    assert ring.holder.read_plan_resource(party, "Goal", "our-goal", share) == one
    for criteria in (PlanCriteria(ids=("our-goal",)), PlanCriteria(ids=("our-goal",), share=share)):
        assert found(ring, "hospital", "Goal", criteria) == [one]
    for asks, type_, ident, named in (
        (peer(ring.holder, "school"), "Goal", "our-goal", None),
        (party, "Condition", "our-goal", None),
        (party, "Goal", "our-goal", share_of(ring, "school").id),
        (party, "Goal", "our-goal", "no-share"),
        (party, "Goal", "their-goal", share),
    ):
        with pytest.raises(InvalidInput) as refused:
            ring.holder.read_plan_resource(asks, type_, ident, named)
        assert refused.value.problems[0].code == "not-found"
    wish = Wish(
        "Goal", "our-goal", one.version, lambda body: {**body, "lifecycleStatus": "on-hold"}, b"{}", whole=False
    )
    assert ring.holder.change_plan_resources(party, [wish]).plan_id == PLAN


def test_an_own_id_in_two_plans(ring: Ring) -> None:
    """The request must name the share; an id of its own names none, where people are kept apart."""
    shared(ring, "hospital")
    with ring.holder.store.begin() as tx:
        stored = tx.load_plan(PLAN)  # type: ignore[attr-defined]
        (share,) = stored.plan.shares
        goal = stored.plan.plan.goals[0].id
        book = (IdPair(view="our-goal", plan=goal),)
        tx.save_plan(stored.plan.evolve(shares=(share.evolve(book=book),)), stored.revision)  # type: ignore[attr-defined]
        other = share.evolve(id="other-share", plan="other-plan", key="0" * 64, book=book)
        plan = stored.plan.plan.evolve(id="other-plan")
        tx.save_plan(stored.plan.evolve(id="other-plan", plan=plan, shares=(other,)), None)  # type: ignore[attr-defined]
    party = peer(ring.holder, "hospital")
    with pytest.raises(InvalidInput) as refused:
        ring.holder.read_plan_resource(party, "Goal", "our-goal")
    assert refused.value.problems[0].code == "multiple-matches"
    for ident, plan_id in ((share.id, PLAN), ("other-share", "other-plan")):
        assert ring.holder.read_plan_resource(party, "Goal", "our-goal", ident).correlation_id == plan_id


def test_others_see_a_status_by_the_next_read(ring: Ring) -> None:
    """A change that took effect is in every other party's view at its next read."""
    shared(ring, "hospital", "practice")
    copy = ring.copy("hospital", share_of(ring, "hospital").id)
    assert copy is not None
    measures = tuple(
        one.evolve(status=MeasureStatus.IN_PROGRESS) if one.what == "Svømmetrening" else one
        for one in copy.plan.measures
    )
    ring["hospital"].change_plan(copy.evolve(plan=copy.plan.evolve(measures=measures)), by=NINA)
    ring["hospital"].run_due()
    ring.clock.at += timedelta(minutes=1)
    assert view_from_fhir(view(ring, "practice").body).plan.measures[0].status is MeasureStatus.IN_PROGRESS

"""A shared plan between sides that speak HL7 v2 alone: PPG with views, a change back, its answer, and the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test

from ip_fhir.domain.plan import IndividualPlan, MeasureStatus, Need
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.team import Membership, MembershipStatus, TeamRole
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats import Formats
from ip_fhir.exchange.plans.verbs import ASKED_BY_PEOPLE
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.check import check
from ip_fhir.hl7v2.message import read
from ip_fhir.mapping import default, plan_with_hl7v2
from ip_fhir.mapping.hl7v2.sharing import CARRIED, IN_WORDS
from tests.exchange.plans.test_wild_network_of_plans import Around
from tests.support.ring import NINA, OLE, Ring, make_ring, organization
from tests.support.ring_plan import PLAN, copy, current, share_of, shared
from tests.support.two_sides import START
from tests.support.v2_ring import speak_v2

EXAMPLES = int(os.environ.get("IP_FHIR_V2_RING_EXAMPLES", "12"))
HIDDEN = ("Å få egen bolig", "Søke om bolig", "Å bo for seg selv", "goal-2", "measure-2", "need-1")
"""All that the school may not see, and the plan's own ids of it."""


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """All parties; each sends HL7 v2 to every other one."""
    made = speak_v2(make_ring(tmp_path))
    yield made
    made.close()


def read_back(content: bytes) -> PlanMessage:
    """A message as the format reads it."""
    message = Formats().named("hl7v2").open(content, DEFAULT_LIMITS).message(default())
    assert isinstance(message, PlanMessage)
    return message


def events(ring: Ring) -> list[str]:
    """The trigger and the kind of each message that was sent, in order."""
    return [
        f"{read(content, DEFAULT_LIMITS).event[1]} {read_back(content).kind}" for _, _, content in ring.network.sent
    ]


def begin_measure(ring: Ring, how: MeasureStatus = MeasureStatus.IN_PROGRESS) -> str:
    """The hospital changes the status of its own measure; return the id of the change."""
    view = copy(ring, "hospital")
    measures = tuple(one.evolve(status=how) if one.what == "Svømmetrening" else one for one in view.plan.measures)
    after = ring["hospital"].change_plan(view.evolve(plan=view.plan.evolve(measures=measures)), by=OLE)
    return after.changes[-1].change.id


def test_a_plan_is_shared_changed_and_ended(ring: Ring) -> None:
    """View, change, answer, next view, end, each by its event; each copy's digest is the holder's."""
    shared(ring, "hospital")
    assert copy(ring, "hospital").digest() == share_of(ring, "hospital").digest
    begin_measure(ring)
    ring.settle()
    assert current(ring).measures[0].status is MeasureStatus.IN_PROGRESS
    at_hospital = ring.plan("hospital")
    assert at_hospital is not None
    assert [kept.status for kept in at_hospital.changes] == [ChangeStatus.ACCEPTED]
    assert copy(ring, "hospital").number == 2
    assert copy(ring, "hospital").digest() == share_of(ring, "hospital").digest
    share = share_of(ring, "hospital")
    ring.holder.end_share(share.id, by=NINA)
    ring.settle()
    assert ring.copy("hospital", share.id) is None
    first, change, *answered, end = events(ring)
    assert (first, change, end) == ("PCG plan", "PCH plan-change", "PCJ plan-withdrawn")
    assert sorted(answered) == ["PCH plan", "PCH plan-change-answer"]
    for _, _, content in ring.network.sent:
        assert check(read(content, DEFAULT_LIMITS), strict=True) == ()


def shortened(content: bytes) -> bytes:
    """A change as another system may write it: what it leaves has its id alone, and no row names the team."""
    made = []
    for line in content.decode().replace("|Y|change-whole", "|N|change-whole").split("\r"):
        fields = line.split("|")
        if fields[0] == "NTE" and "^team.1" in fields[4]:
            continue
        if fields[0] in ("GOL", "PRB"):
            made.append("|".join([fields[0], "UC", fields[2], "", fields[4]]))
        else:
            made.append(line.replace("|UP|", "|UC|") if fields[0] == "ROL" else line)
    return "\r".join(made).encode()


def test_a_change_that_leaves_most_by_its_id_alone(ring: Ring) -> None:
    """Goals and needs without words, roles without a team: the measure is changed, and nothing else."""
    shared(ring, "hospital")
    before = current(ring)
    begin_measure(ring)
    ring.network.fate = lambda: "lose"
    ring["hospital"].run_due()
    sender, to, content = ring.network.sent[-1]
    ring.network.fate = lambda: "deliver"
    assert before.goals[0].text.encode() in content
    short = shortened(content)
    words = [*(goal.text for goal in before.goals), *(need.text for need in before.needs)]
    assert not [text for text in words if text.encode() in short]
    assert ring.network.deliver(sender, to, short).code == "ok"
    after = current(ring)
    assert after.measures[0].status is MeasureStatus.IN_PROGRESS
    first = after.measures[0].evolve(status=before.measures[0].status)
    same = {"version": before.version, "updated": before.updated, "author": before.author}
    assert after.evolve(measures=(first, *after.measures[1:]), **same) == before


def test_the_end_of_a_share_names_nobody(ring: Ring) -> None:
    """Share and number alone: no name, no number of the person, nothing of the plan."""
    shared(ring, "hospital")
    ring.holder.end_share(share_of(ring, "hospital").id, by=NINA)
    ring.settle()
    text = ring.network.sent[-1][2].decode()
    assert "PCJ" in text
    assert not any(said in text for said in ("Ringtest", "Ada", "12057900499", PLAN, "Svømmetrening"))


def test_what_comes_twice_counts_once(ring: Ring) -> None:
    """Every message doubled, with its answer lost the first time: one change, one view each."""
    fates = ["double", "lose-receipt"] * 20
    ring.network.fate = lambda: fates.pop() if fates else "deliver"
    shared(ring, "hospital")
    begin_measure(ring)
    ring.settle()
    plan = ring.plan("municipality")
    assert plan is not None
    assert [kept.status for kept in plan.changes] == [ChangeStatus.ACCEPTED]
    assert share_of(ring, "hospital").number == 2
    assert copy(ring, "hospital").digest() == share_of(ring, "hospital").digest


def test_what_is_hidden_is_in_no_byte(ring: Ring) -> None:
    """Goal, need and measure of a closed area, and their ids: neither in views nor in answers to the school."""
    shared(ring, "hospital", "school")
    begin_measure(ring)
    ring.settle()
    plan = current(ring)
    ring.holder.save_plan(plan.evolve(measures=(*plan.measures[:2], plan.measures[2].evolve(how="Ute"))), by=NINA)
    ring.settle()
    to_school = [content.decode() for _, to, content in ring.network.sent if to == "school"]
    to_hospital = [content.decode() for _, to, content in ring.network.sent if to == "hospital"]
    assert len(to_school) >= 3
    assert not [said for said in HIDDEN for content in to_school if said in content]
    assert any("Søke om bolig" in content for content in to_hospital)


def test_what_people_must_say_in_words(ring: Ring) -> None:
    """Invitation, handover and question are refused to whoever asks for them: nothing is kept, nothing is sent."""
    shared(ring, "school")
    plan = current(ring)
    assert plan.team is not None
    asked = Membership(id="member-new", member="ole", role=TeamRole.OTHER, status=MembershipStatus.PROPOSED)
    team = plan.team.evolve(memberships=(*plan.team.memberships, asked))
    organizations = (*plan.organizations, organization("elsewhere"))
    ring.holder.save_plan(plan.evolve(team=team, organizations=organizations), by=NINA)
    ring.settle()
    sent, before = len(ring.network.sent), ring.plan("municipality")
    deeds: tuple[Callable[[], object], ...] = (
        lambda: ring.holder.invite(PLAN, "member-new", by=NINA),
        lambda: ring.holder.hand_over(PLAN, "elsewhere", by=NINA),
        lambda: ring["hospital"].ask_for_plan(plan.owner, "municipality", by=OLE),
    )
    for deed in deeds:
        with pytest.raises(InvalidInput, match="in words") as caught:
            deed()
        assert [(one.path, one.code) for one in caught.value.problems] == [("party", "not-supported")]
    ring.settle()
    assert len(ring.network.sent) == sent
    assert ring.plan("municipality") == before


def parked(ring: Ring) -> list[str]:
    """What waits for a person on any side, by kind and reason."""
    rows = (row for side in ring.network.sides.values() for row in side.store.outbox("parked"))
    return [f"{row.effect.plan_message}: {row.last_error}" for row in rows]


def test_only_what_people_ask_for_is_not_on_hl7v2() -> None:
    """Whatever a machine sends by itself goes over it: nothing of it can wait for a person who does not know."""
    assert set(PlanMessageKind) - set(CARRIED) == set(ASKED_BY_PEOPLE)


def test_after_a_restored_backup_the_machines_agree_by_themselves(ring: Ring) -> None:
    """The holder asks each participant what it holds, and is told; views and changes go on, and nothing is parked."""
    shared(ring, "hospital")
    shared(ring, "school")
    sent = len(ring.network.sent)
    list(ring.holder.restore(by=NINA))
    assert not share_of(ring, "hospital").in_step
    ring.settle()
    assert share_of(ring, "hospital").in_step
    assert share_of(ring, "school").in_step
    kinds = [event.partition(" ")[2] for event in events(ring)[sent:]]
    assert sorted(kinds) == ["plan-state", "plan-state", "plan-state-request", "plan-state-request"]
    assert not [content for *_, content in ring.network.sent[sent:] if b"Ringtest" in content]
    change = begin_measure(ring)
    ring.settle()
    at_hospital = ring.plan("hospital")
    assert at_hospital is not None
    assert [one.status for one in at_hospital.changes if one.change.id == change] == [ChangeStatus.ACCEPTED]
    assert parked(ring) == []


def left_in(content: bytes) -> set[tuple[str, str]]:
    """What a view names as left: the segment, and the id."""
    found = set()
    for segment in read(content, DEFAULT_LIMITS).segments:
        fields = segment.text.split("|")
        if segment.name in ("GOL", "PRB") and fields[1] == "DE":
            found.add((segment.name, fields[4]))
        elif segment.name == "ROL" and fields[2] == "DE":
            found.add(("ROL", fields[1]))
        elif segment.name == "ORC" and fields[1] == "CA":
            found.add(("ORC", fields[2]))
        elif segment.name == "NTE" and fields[4:] == ["left^^99IP"]:
            found.add(("NTE", fields[3]))
    return found


def without_housing(plan: IndividualPlan) -> IndividualPlan:
    """The plan without goal, need and measure of the area that is closed to the school, and one member fewer."""
    assert plan.team is not None
    team = plan.team.evolve(memberships=plan.team.memberships[:2])
    return plan.evolve(
        goals=plan.goals[:1], needs=plan.needs[1:], measures=(*plan.measures[:1], *plan.measures[2:]), team=team
    )


def views_to(ring: Ring, party: str) -> list[bytes]:
    """The views that were sent to a party, in order."""
    found = [content for _, to, content in ring.network.sent if to == party]
    return [content for content in found if read_back(content).view is not None]


def test_a_view_names_what_left_it(ring: Ring) -> None:
    """By the ids of the view before, to whoever had it: a system that keeps what it has then has the new view."""
    shared(ring, "hospital", "school")
    before = copy(ring, "hospital")
    ring.holder.save_plan(without_housing(current(ring)), by=NINA)
    ring.settle()
    content, after = views_to(ring, "hospital")[-1], copy(ring, "hospital")
    assert before.plan.team is not None
    segments = {"goals": "GOL", "needs": "PRB", "measures": "ORC"}
    expected = {(segments.get(one.field, "NTE"), one.id) for one in after.left_since(before)}
    expected |= {("ROL", one.id) for one in after.left_since(before) if one.field.startswith("team.")}
    assert ("ROL", before.plan.team.memberships[2].id) in expected
    ended = (before.plan.goals[1], before.plan.needs[0], before.plan.measures[1], before.plan.team.memberships[2])
    assert {one.id for one in ended} <= {ident for _, ident in expected}
    assert left_in(content) == expected
    message = read(content, DEFAULT_LIMITS)
    assert check(message, strict=True) == ()
    kept = plan_with_hl7v2(before.plan.evolve(id=before.share), message.value)
    assert (kept.goals, kept.needs, kept.measures) == (after.plan.goals, after.plan.needs, after.plan.measures)
    assert after.digest() == share_of(ring, "hospital").digest
    ring.holder.save_plan(current(ring).evolve(title="Ny"), by=NINA)
    ring.settle()
    assert left_in(views_to(ring, "hospital")[-1]) == set()


@pytest.mark.sharing_promise(2)
def test_what_a_participant_never_saw_is_not_named_as_left(ring: Ring) -> None:
    """Neither what is closed to it, nor what stood only in a view that was never sent."""
    shared(ring, "school")
    seen = copy(ring, "school")
    plan = current(ring)
    unsent = Need(id="need-unsent", text="Ny skyss")
    ring.holder.save_plan(plan.evolve(needs=(*plan.needs, unsent), title="Usendt"), by=NINA)
    assert see(current(ring), share_of(ring, "school"), START.date()).plan.needs
    ring.holder.save_plan(without_housing(plan.evolve(version=current(ring).version, title="Ny")), by=NINA)
    ring.settle()
    views = views_to(ring, "school")
    left = {ident for content in views for _, ident in left_in(content)}
    assert len(views) == 2
    assert left == {one.id for one in copy(ring, "school").left_since(seen)}
    assert not [said for said in (*HIDDEN, "Ny skyss") for content in views if said in content.decode()]
    hidden = {view_id for view_id in left if view_id not in str(seen.to_json())}
    assert hidden == set()


class AroundV2(Around):
    """The parties act in any order, over HL7 v2, on which no plan is handed over; a backup may be put back."""

    def __init__(self) -> None:
        super().__init__()
        speak_v2(self.ring)

    def move(self) -> None:
        """Nobody moves: a handover is said in words."""

    def _move_at_last(self) -> None:
        """Nor at last."""

    @rule()
    def restored(self) -> None:
        """The holder was told that its backup was put back, and asks what others hold."""
        list(self.holder.restore(by=NINA))

    def _look(self) -> None:
        super()._look()
        assert [said for said in parked(self.ring) if IN_WORDS in said] == []


@pytest.mark.slow
@pytest.mark.sharing_promise(1, 2, 3)
@pytest.mark.timeout(300 + 60 * EXAMPLES)
def test_around_over_hl7v2() -> None:
    """Whatever people and network do, each copy is its view in the end, and nothing withheld was ever sent.

    `IP_FHIR_V2_RING_EXAMPLES` says how many runs (12; `make soak ARGS="sharing"`: 100).
    """
    run_state_machine_as_test(AroundV2, settings=settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None))

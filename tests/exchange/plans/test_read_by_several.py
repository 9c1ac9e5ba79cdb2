"""Shares by a server that several parties read: nothing goes there that one of them may not see, and it is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.plan import IndividualPlan, MeasureStatus
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.domain.sharing.terms import ShareStart
from ip_fhir.domain.team import Membership, MembershipStatus, TeamRole
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.peers import Peers
from tests.exchange.plans.test_kept_data import CANARY, a_change_of_another_system
from tests.support.ring import NINA, OLE, PARTIES, Ring, make_plan, make_ring
from tests.support.ring_plan import PLAN, copy, current, share_of, shared, shares
from tests.support.through_fhir import read_by
from tests.support.two_sides import Loop, make_loop, notice

CLOSED_TO_THE_SCHOOL = ("Å bo for seg selv", "Å få egen bolig", "Søke om bolig")


def through(ring: Ring, peer: str, *readers: str) -> None:
    """The holder reaches a peer by a server that these read."""
    ring.network.sides[PARTIES[0]] = read_by(ring.holder, peer, *readers)


def unknown(ring: Ring, peer: str) -> None:
    """The holder reaches a peer by a server, and its settings do not say who reads that."""
    context = ring.holder._context
    peers = [replace(one, readers_known=False) if one.name == peer else one for one in context.peers]
    ring.network.sides[PARTIES[0]] = Exchange(replace(context, peers=Peers(peers)))


def told(ring: Ring) -> list[Reason | None]:
    """The reasons for which the holder's people were told of something."""
    return [row.effect.reason for row in ring.told[PARTIES[0]]]


def test_a_view_has_what_all_of_them_may_see(ring: Ring) -> None:
    """The hospital may see housing, the school may not: nothing of it leaves for a server that both read."""
    through(ring, "hospital", "school")
    shared(ring, "hospital")
    assert [one.what for one in copy(ring, "hospital").plan.measures] == ["Svømmetrening", "Kroppsøving tilpasset"]
    sent = b"".join(content for _, to, content in ring.network.sent if to == "hospital").decode()
    assert "Svømmetrening" in sent
    assert [words for words in CLOSED_TO_THE_SCHOOL if words in sent] == []
    assert [reader.party for reader in share_of(ring, "hospital").readers] == ["school"]


def test_what_is_hidden_from_a_reader_moves_nothing(ring: Ring) -> None:
    """A change of what the school may not see makes no new view, and no message."""
    through(ring, "hospital", "school")
    shared(ring, "hospital")
    count, plan = len(ring.network.sent), current(ring)
    first, housing, *rest = plan.measures
    ring.holder.save_plan(plan.evolve(measures=(first, housing.evolve(what="Leie bolig"), *rest)), by=NINA)
    ring.settle()
    assert len(ring.network.sent) == count
    assert share_of(ring, "hospital").number == 1


def test_named_after_the_share_began(ring: Ring) -> None:
    """At the next start the hospital gets a smaller view, with the next number; when it is alone again, the whole."""
    shared(ring, "hospital", "school")
    through(ring, "hospital", "school")
    ring.settle()
    view = copy(ring, "hospital")
    assert (view.number, len(view.plan.goals)) == (2, 1)
    through(ring, "hospital")
    ring.settle()
    assert (copy(ring, "hospital").number, len(copy(ring, "hospital").plan.goals)) == (3, 2)


def test_a_reader_who_has_no_part_in_the_plan(ring: Ring) -> None:
    """The share is refused with words; a share that went on ends, and the participant gets the withdrawal."""
    shared(ring, "school")
    through(ring, "hospital", "elsewhere")
    with pytest.raises(InvalidInput, match="read by elsewhere, too, and nothing of the plan is open to all of them"):
        ring.holder.share(PLAN, "hospital", by=NINA)
    through(ring, "school", "elsewhere")
    ring.settle()
    assert share_of(ring, "school").end_reason is EndReason.READERS
    assert ring.copy("school", share_of(ring, "school").id) is None


def test_a_reader_whose_share_was_ended(ring: Ring) -> None:
    """Somebody has said that the school shall see no more: nothing goes where it reads, until it is shared again."""
    through(ring, "hospital", "school")
    shared(ring, "hospital", "school")
    ring.holder.end_share(share_of(ring, "school").id, by=NINA)
    ring.settle()
    assert share_of(ring, "hospital").end_reason is EndReason.READERS
    ring.holder.share(PLAN, "school", by=NINA)
    ring.holder.share(PLAN, "hospital", by=NINA)
    ring.settle()
    assert len(copy(ring, "hospital").plan.goals) == 1


def test_the_forecast_says_who_reads_it(ring: Ring) -> None:
    """Before it begins: what the hospital would see, and with whom; and why nothing can be shared."""
    through(ring, "hospital", "school")
    (one,) = [one for one in ring.holder.forecast(PLAN, make_plan()).shares if one.party == "hospital"]
    assert one.share is not None
    assert one.view is not None
    assert [reader.party for reader in one.share.readers] == ["school"]
    assert len(one.view.plan.goals) == 1
    through(ring, "hospital", "elsewhere")
    (one,) = [one for one in ring.holder.forecast(PLAN, make_plan()).shares if one.party == "hospital"]
    assert one.view is None
    assert "read by elsewhere" in str(one.refusal)


def test_nobody_has_said_who_reads_it(ring: Ring) -> None:
    """No share begins, and the error names the setting; it is foretold; `[]` is enough."""
    unknown(ring, "hospital")
    with pytest.raises(InvalidInput, match=r"nobody has said who reads the server on its way: .*`readers`"):
        shared(ring, "hospital")
    (one,) = [one for one in ring.holder.forecast(PLAN, make_plan()).shares if one.party == "hospital"]
    assert one.view is None
    assert "nobody has said who reads" in str(one.refusal)
    through(ring, "hospital")
    ring.holder.share(PLAN, "hospital", by=NINA)
    ring.settle()
    assert len(copy(ring, "hospital").plan.goals) == 2


def test_a_share_by_rule_waits_for_the_settings(tmp_path: Path) -> None:
    """It does not begin by the agreement's rule either; it does when settings say that nobody else reads it."""
    ring = make_ring(tmp_path, begin=ShareStart.BY_RULE)
    unknown(ring, "hospital")
    ring.holder.save_plan(make_plan(), by=NINA)
    ring.settle()
    assert "hospital" not in shares(ring)
    assert "school" in shares(ring)
    through(ring, "hospital")
    ring.settle()
    assert copy(ring, "hospital").number == 1
    ring.close()


def test_a_share_that_goes_on_waits_for_the_settings(ring: Ring) -> None:
    """Nothing of it leaves meanwhile, but that it ends; what waits says for what, and goes when settings say it."""
    shared(ring, "hospital")
    unknown(ring, "hospital")
    ring.network.sent.clear()
    plan = current(ring)
    ring.holder.save_plan(plan.evolve(measures=(plan.measures[0].evolve(what="Ridning"), *plan.measures[1:])), by=NINA)
    ring.holder.run_due()
    assert [content for _, to, content in ring.network.sent if to == "hospital"] == []
    (row,) = ring.holder.store.outbox("waiting")
    assert "nobody has said who reads the server" in str(row.last_error)
    (one,) = [one for one in ring.holder.forecast(PLAN).shares if one.party == "hospital"]
    assert not one.readers_known
    through(ring, "hospital")
    ring.clock.at += timedelta(hours=1)
    ring.settle()
    assert copy(ring, "hospital").number == 2
    unknown(ring, "hospital")
    ring.holder.end_share(share_of(ring, "hospital").id, by=NINA)
    ring.settle()
    assert ring.copy("hospital", share_of(ring, "hospital").id) is None


def test_changes_and_answers(ring: Ring) -> None:
    """A change is answered through it: a yes has no words. The participant's next view follows."""
    through(ring, "hospital", "school")
    shared(ring, "hospital")
    view = copy(ring, "hospital")
    first, *rest = view.plan.measures
    measures = (first.evolve(status=MeasureStatus.IN_PROGRESS), *rest)
    ring["hospital"].change_plan(view.evolve(plan=view.plan.evolve(measures=measures)), by=OLE)
    ring.settle()
    assert current(ring).measures[0].status is MeasureStatus.IN_PROGRESS
    assert copy(ring, "hospital").number == 2
    assert ring.holder.store.outbox("parked") == []


def test_kept_data_stays_here(ring: Ring) -> None:
    """What the hospital's own system wrote, and no table names, is not given back where the school reads it."""
    through(ring, "hospital", "school")
    share = shared(ring, "hospital")["hospital"]
    assert ring.network.deliver("hospital", PARTIES[0], a_change_of_another_system(ring, share.id)).code == "ok"
    ring.network.sent.clear()
    ring.settle()
    assert ring.network.sent
    assert not any(CANARY.encode() in content for _, to, content in ring.network.sent if to == "hospital")
    assert share_of(ring, "hospital").kept


def test_what_nobody_can_tell_stays_here(ring: Ring) -> None:
    """An invitation names the person: by a server that others read it is parked with the reason, and told."""
    through(ring, "hospital", "school")
    ring.holder.save_plan(invited(make_plan()), by=NINA)
    ring.holder.invite(PLAN, "member-new", by=NINA)
    ring.settle()
    (row,) = ring.holder.store.outbox("parked")
    assert row.last_error is not None
    assert "read by school, who may not see this message" in row.last_error
    assert ring.network.sent == []
    assert told(ring)


def invited(plan: IndividualPlan) -> IndividualPlan:
    """The plan with a place that is proposed to the hospital."""
    assert plan.team is not None
    place = Membership(
        id="member-new", member="hospital", role=TeamRole.SERVICE_PROVIDER, status=MembershipStatus.PROPOSED
    )
    return plan.evolve(team=plan.team.evolve(memberships=(*plan.team.memberships, place)))


# --- the loop


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """A hospital and a municipality."""
    return make_loop(tmp_path)


def test_a_notice_is_for_those_whom_it_concerns(loop: Loop) -> None:
    """A reader whom the loop does not concern: the notice is parked with the reason, and nothing of it leaves."""
    loop.hospital.exchange = read_by(loop.hospital.exchange, "municipality", "school")
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    (row,) = loop.hospital.exchange.store.outbox("parked")
    assert row.last_error is not None
    assert "read by school" in row.last_error
    assert (row.content, loop.hospital.wire.sent) == (None, [])
    assert loop.hospital.told


def test_a_reader_whom_it_concerns(loop: Loop) -> None:
    """The other side of the loop reads its own server: the notice goes."""
    loop.hospital.exchange = read_by(loop.hospital.exchange, "municipality", "municipality")
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    assert loop.hospital.exchange.store.outbox("parked") == []
    assert loop.municipality.store.referrals()

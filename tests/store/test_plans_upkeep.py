"""The purge of plans: one that ended goes whole, of one that goes on what no share can come back to."""

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.sharing.case import Handover, Invitation, InvitationStatus, PlanRequest
from ip_fhir.domain.sharing.change import Change, ChangeStatus, KeptChange
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.share import EndReason, Share
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.store import Purged, SqlStore, open_store
from ip_fhir.store.chain import digest_of
from ip_fhir.testing.store_samples import (
    MINUTE,
    NOON,
    NURSE,
    PERSON,
    PERSON_NUMBER,
    after,
    plan_row,
    plan_version,
    received_plan,
    share,
    shared_plan,
    task,
    view_made,
    work_item,
)
from tests.store.integrity_damage import fill_plan
from tests.store.places import Place
from tests.store.test_upkeep import holds

LATER = after(days=400)
DAY = timedelta(days=1)


def end(store: SqlStore, ident: str = "p", **more: object) -> None:
    """A plan with one of each thing, that is over and has nothing unsent."""
    fill_plan(store, ident)
    with store.begin() as tx:
        kept = tx.load_plan(ident)
        assert kept is not None
        tx.save_plan(kept.plan.evolve(over=True, timers=(), **more), kept.revision)
        tx.finish(f"{ident}-second", NOON)


# --- whole plans


def test_a_plan_that_ended_goes_whole(store: SqlStore, place: Place) -> None:
    """Nothing of it is left but digests in the chain; another plan is as it was; all verifies."""
    end(store)
    fill_plan(store, "q")
    before = store.shared_plan("q")
    assert (store.count_expired(LATER, PLAN), store.count_expired(LATER)) == (1, 0)
    purged = store.purge(LATER, LATER)
    assert (purged.plans, purged.referrals, purged.records) == (1, 0, 2)
    for table in ("plan", "plan_version", "plan_view", "plan_name", "outbox", "worklist", "about_person", "given_id"):
        rows = place.sql(f"SELECT * FROM {table}")  # noqa: S608 - our own names
        assert rows
        assert all("p" not in row and "p-s" not in row for row in rows)
    assert store.records(Aggregate(kind=PLAN, id="p")) == []
    assert len(store.records(Aggregate(kind=PLAN, id="q"))) == 2
    assert store.shared_plan("q") == before
    assert store.plans_about(str(PERSON_NUMBER)) == ["q"]
    assert store.verify() == ()
    assert store.purge(LATER, LATER) == Purged()


def test_what_goes_on_stays(store: SqlStore) -> None:
    """A plan that is not over, that has a clock, an unsent message, or changed since: none is purged."""
    fill_plan(store, "goes-on")
    end(store, "changed", changed=after(days=399))
    end(store, "waits")
    with store.begin() as tx:
        tx.enqueue([plan_row("unsent", "waits")])
    end(store, "clock")
    with store.begin() as tx:
        tx.save_plan(shared_plan("clock", due=LATER, plan=plan_version("clock", 2), over=True), 3)
    assert store.count_expired(after(days=300), PLAN) == 0
    assert store.purge(after(days=300), LATER).plans == 0
    assert len(store.plans()) == 4


def test_what_is_not_here_any_more(store: SqlStore) -> None:
    """At a side that holds the plan no more, and has no view of it, it goes as one that ended; not if it waits."""
    gone = received_plan("gone", "s1").evolve(copies=())
    waiting: dict[str, dict[str, Any]] = {
        "invited": {"invitations": (Invitation(id="i", party="town", membership="m", sent=NOON),)},
        "asks": {"requests": (PlanRequest(id="r", party="town", asked=NOON),)},
        "offered": {"handover": Handover(id="h", party="town", epoch=2, sent=NOON)},
    }
    with store.begin() as tx:
        tx.save_plan(gone, None)
        tx.save_plan(received_plan("shown", "s2"), None)
        for ident, given in waiting.items():
            tx.save_plan(gone.evolve(id=ident, **given), None)
    assert store.purge(LATER, LATER) == Purged(plans=1)
    assert {plan.id for plan in store.plans()} == {"shown", *waiting}
    answered = Invitation(id="i", party="town", membership="m", sent=NOON, status=InvitationStatus.DECLINED)
    with store.begin() as tx:
        tx.save_plan(gone.evolve(id="invited", invitations=(answered,)), 1)
    assert store.purge(LATER, LATER) == Purged(plans=1)


def test_words_taken_out_of_a_plans_evidence(store: SqlStore, place: Place) -> None:
    """Only a purge may: taken out past the store, or after a purge of an earlier plan of that id, it is named."""
    end(store)
    store.purge(LATER, LATER)
    assert store.verify() == ()
    fill_plan(store)
    assert store.verify() == ()
    last = store.records(Aggregate(kind=PLAN, id="p"))[-1].number
    place.sql(
        "UPDATE evidence SET body = '', purged_at = 1, digest = :d WHERE number = :n", d=words(place, last), n=last
    )
    problems = [problem for problem in store.verify() if problem.path == f"evidence.{last}"]
    assert [problem.reason for problem in problems][:1] == ["its words were taken out, and not by a purge"]


def words(place: Place, number: int) -> str:
    """The digest of a record's words."""
    ((body,),) = place.sql("SELECT body FROM evidence WHERE number = :number", number=number)
    return digest_of(body)


def test_nothing_is_left_in_the_file(sqlite: Place, file: Path) -> None:
    """Not even on pages that are free now, or in the log."""
    with closing(open_store(sqlite.url)) as store:
        for number in range(30):
            end(store, f"p{number}")
        assert holds(file, PERSON)
        store.purge(LATER, LATER)
        assert not holds(file, PERSON)
        assert not holds(file, str(PERSON_NUMBER))


# --- plans that go on


def plan_with(store: SqlStore, versions: int, shares: Sequence[Share], **more: Any) -> None:
    """A plan with so many versions, one a day, each with a view of every share and a message that was sent."""
    revision = None
    for version in range(1, versions + 1):
        day = after(days=version)
        with store.begin() as tx:
            shared = shared_plan("p", day, plan=plan_version("p", version), shares=tuple(shares), **more)
            revision = tx.save_plan(shared, revision, NURSE)
            tx.add_views("p", [view_made(one.id, version, version, day.date()) for one in shares])
            tx.enqueue([plan_row(f"{one.id}-{version}", about=one.id, due=day, number=version) for one in shares])
        for row in store.claim("w", day, MINUTE, 99):
            store.sent(row.id, day)


def left(store: SqlStore, share_id: str) -> tuple[list[int], list[int]]:
    """The numbers of the versions, and of a share's views."""
    with store.begin() as tx:
        views = [number for number in range(1, 20) if tx.view_made(share_id, number) is not None]
    return [version.version for version in store.plan_versions("p")][::-1], views


def test_what_no_share_can_come_back_to_goes(store: SqlStore) -> None:
    """Versions before the oldest that a share's last view is of, earlier views, and messages with them, all old."""
    plan_with(store, 9, [share("s1", "p", number=9, version=9), share("s2", "p", "doctor", number=9, version=5)])
    assert store.purge(LATER, LATER) == Purged(versions=4, views=16, messages=16)
    assert left(store, "s1") == ([5, 6, 7, 8, 9], [9])
    assert left(store, "s2")[1] == [9]
    with store.begin() as tx:
        assert tx.row("s1-9") is not None
        assert tx.row("s1-8") is None
    assert store.verify() == ()
    assert store.purge(LATER, LATER) == Purged()


@pytest.mark.parametrize(("before", "now"), [(LATER, after(days=94)), (after(days=4), LATER)])
def test_it_is_as_old_as_both_say(store: SqlStore, before: object, now: object) -> None:
    """Neither younger than what the operator says, nor than a change may be based on; and the newest stays always."""
    plan_with(store, 9, [share("s1", "p", number=9, version=9)])
    store.purge(before, now)  # type: ignore[arg-type]
    assert left(store, "s1") == ([4, 5, 6, 7, 8, 9], [4, 5, 6, 7, 8, 9])
    store.purge(LATER, after(days=94), base=DAY)
    assert left(store, "s1") == ([9], [9])


def test_items_that_were_done_long_ago_go(store: SqlStore) -> None:
    """Of a plan that goes on: not what is open, was done lately, or is about a loop of the same id."""
    plan_with(store, 1, [share("s1", "p", number=1, version=1)])
    items = [work_item(ident, "p", kind=PLAN, about=ident) for ident in ("open", "old", "late")]
    with store.begin() as tx:
        tx.open_items([*items, work_item("of-loop", "p")])
    with store.begin() as tx:
        for ident, day in (("old", 1), ("of-loop", 1), ("late", 300)):
            tx.finish_item(ident, after(days=day), NURSE, None)
    assert store.purge(after(days=200), LATER) == Purged(items=1)
    assert {item.id for item in store.worklist(open_only=False)} == {"open", "late", "of-loop"}
    assert store.verify() == ()


def test_a_change_that_waits_keeps_its_base(store: SqlStore) -> None:
    """The view that it was made on, and the versions since; once it is decided they go."""
    made = Change(id="c", share="s1", base=3, wanted=plan_version("p", 3), made=NOON)
    waits = KeptChange(change=made, status=ChangeStatus.PROPOSED, received=NOON)
    plan_with(store, 9, [share("s1", "p", number=9, version=9)], changes=(waits,))
    store.purge(LATER, LATER)
    assert left(store, "s1") == ([3, 4, 5, 6, 7, 8, 9], [3, 9])
    with store.begin() as tx:
        kept = tx.load_plan("p")
        assert kept is not None
        tx.save_plan(kept.plan.evolve(changes=(waits.evolve(status=ChangeStatus.ACCEPTED),)), kept.revision)
    store.purge(LATER, LATER)
    assert left(store, "s1") == ([9], [9])
    assert store.verify() == ()


def test_a_share_that_ended_keeps_no_version(store: SqlStore) -> None:
    """Begun again, its next view is made of the newest; its last number stays known."""
    ended = share("s1", "p", number=9, version=2, ended=NOON.date(), end_reason=EndReason.BY_HAND)
    plan_with(store, 9, [ended])
    store.purge(LATER, LATER)
    assert left(store, "s1") == ([9], [9])


def test_at_a_participant(store: SqlStore) -> None:
    """It has no versions; what it has of the last view stays."""
    with store.begin() as tx:
        tx.save_plan(received_plan("p", "s1", 3), None)
        tx.enqueue([plan_row("old", about="c1", message=PlanMessageKind.PLAN_CHANGE)])
    store.sent("old", NOON)
    assert store.purge(LATER, LATER) == Purged(messages=1)
    assert store.shared_plan("p") is not None
    assert store.verify() == ()


def test_what_cannot_be_read_stays(store: SqlStore, place: Place) -> None:
    """Nothing of such a plan goes, and others' do."""
    plan_with(store, 3, [share("s1", "p", number=3, version=3)])
    place.sql("UPDATE plan SET body = '{}'")
    assert store.purge(LATER, LATER) == Purged()
    assert left(store, "s1") == ([1, 2, 3], [1, 2, 3])


def test_a_version_that_was_taken_out_is_missed(store: SqlStore, place: Place) -> None:
    """What a purge took out is not missing; what goes besides is named, and what comes back too."""
    plan_with(store, 4, [share("s1", "p", number=4, version=3)])
    (kept,) = place.sql("SELECT digest, saved, body FROM plan_version WHERE version = 1")
    store.purge(LATER, LATER)
    place.sql("DELETE FROM plan_version WHERE version = 3")
    place.sql(
        "INSERT INTO plan_version (plan_id, version, digest, saved, body) VALUES ('p', 1, :digest, :saved, :body)",
        **dict(zip(("digest", "saved", "body"), kept, strict=True)),
    )
    assert [problem.path for problem in store.verify()] == ["version.p.1", "version.p.3"]


def test_resources_and_items_of_a_plan(store: SqlStore, place: Place) -> None:
    """With the plan that ended its FHIR resources and worklist items go, those of a referral of that id stay."""
    end(store)
    with store.begin() as tx:
        tx.put_resource(task("of-loop", correlation_id="p"), None)
        tx.open_items([work_item("of-loop", "p")])
    store.purge(LATER, LATER)
    assert [one.id for one in store.search_resources("Task", {})] == ["of-loop"]
    assert [item.id for item in store.worklist()] == ["of-loop"]
    assert store.verify() == ()

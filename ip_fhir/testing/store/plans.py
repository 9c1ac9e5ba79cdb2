"""The promises of a `PlanStore`: versions are kept, views are numbered, and one of two changes wins."""
# ruff: noqa: S101, PT012 - a contract is asserts; a transaction's block is what must fail

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.loop.worklist import IN_ITS_PLACE
from ip_fhir.domain.plan import PlanStatus
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.sharing.ids import share_tag
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life.surroundings import SettingsBasis
from ip_fhir.domain.sharing.share import IdPair
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.errors import Conflict, InvalidInput
from ip_fhir.ports.plans import SavedVersion
from ip_fhir.testing.store_samples import (
    MINUTE,
    NOON,
    NURSE,
    PERSON,
    PERSON_NUMBER,
    Trouble,
    after,
    at_once,
    enqueue,
    outbox_row,
    plan_row,
    plan_version,
    received_plan,
    share,
    shared_plan,
    view_made,
    whole_plan,
    work_item,
)

if TYPE_CHECKING:
    from ip_fhir.ports import Store
    from ip_fhir.ports.plans import PlanStore

_P = Aggregate(kind=PLAN, id="p")


class PlanContract:
    """The contract suite. The subclass has a fixture `store`, empty for each test."""

    # --- plans and versions

    def test_a_plan_comes_back_equal(self, store: PlanStore) -> None:
        """With shares, clocks and its newest version, from the store and in a transaction; others are not there."""
        plan = whole_plan("p")
        assert _save(store, plan) == 1
        kept = store.shared_plan("p")
        assert kept is not None
        assert (kept.plan, kept.revision) == (plan, 1)
        with store.begin() as tx:
            assert tx.load_plan("p") == kept
            assert tx.load_plan("q") is None
        assert store.shared_plan("q") is None

    def test_a_participants_copy_comes_back_equal(self, store: PlanStore) -> None:
        """It has views and no versions."""
        plan = received_plan("p", "s1", 3)
        _save(store, plan)
        kept = store.shared_plan("p")
        assert kept is not None
        assert kept.plan == plan
        assert store.plan_versions("p") == []

    def test_versions_are_kept(self, store: PlanStore) -> None:
        """Each that was saved, newest first, with its digest, time and author; a save without a new one adds none."""
        first, second = plan_version("p"), plan_version("p", 2, status=PlanStatus.ACTIVE)
        _save(store, shared_plan("p", plan=first))
        _change(store, shared_plan("p", after(hours=1), plan=second), 1, by_nurse=True)
        _change(store, shared_plan("p", after(hours=2), plan=second, over=True), 2)
        heads = [
            SavedVersion("p", 2, sha256(second.to_json().encode()).hexdigest(), after(hours=1), NURSE),
            SavedVersion("p", 1, sha256(first.to_json().encode()).hexdigest(), NOON),
        ]
        assert store.plan_versions("p") == heads
        assert store.plan_versions("p", limit=1) == heads[:1]
        assert store.plan_versions("p", before=2) == heads[1:]
        old = store.plan_version("p", 1)
        assert old is not None
        assert (old.plan, old.digest) == (first, heads[1].digest)
        assert store.plan_version("p", 3) is None
        with store.begin() as tx:
            new = tx.plan_version("p", 2)
            assert new is not None
            assert (new.plan, new.by) == (second, NURSE)
            assert tx.plan_version("q", 1) is None

    def test_a_version_never_changes(self, store: PlanStore) -> None:
        """Neither another content with its number nor an older one is saved; nothing of such a save is kept."""
        first = shared_plan("p", plan=plan_version("p", 2))
        _save(store, first)
        for wrong in (plan_version("p", 2, title="Another"), plan_version("p", 1)):
            with pytest.raises(Conflict):
                _change(store, shared_plan("p", after(hours=1), plan=wrong), 1)
        kept = store.shared_plan("p")
        assert kept is not None
        assert (kept.plan, kept.revision) == (first, 1)

    def test_one_of_two_changes_wins(self, store: PlanStore) -> None:
        """A save on an outdated revision is a conflict, and so is a new plan with an id that is there."""
        _save(store, shared_plan("p"))
        assert _change(store, shared_plan("p", after(hours=1)), 1) == 2
        for revision in (None, 1, 7):
            with pytest.raises(Conflict), store.begin() as tx:
                tx.save_plan(shared_plan("p", after(hours=2)), revision)
        kept = store.shared_plan("p")
        assert kept is not None
        assert (kept.plan.changed, kept.revision) == (after(hours=1), 2)

    def test_writers_at_once(self, store: PlanStore) -> None:
        """Of four that save the next version at the same moment one does, and the others are told."""
        _save(store, shared_plan("p"))

        def save(worker: int) -> bool:
            try:
                with store.begin() as tx:
                    kept = tx.load_plan("p")
                    assert kept is not None
                    title = f"of {worker}"
                    tx.save_plan(kept.plan.evolve(plan=plan_version("p", 2, title=title)), 1)
            except Conflict:
                return False
            return True

        assert sorted(at_once(4, save)) == [False, False, False, True]
        assert [version.version for version in store.plan_versions("p")] == [2, 1]
        assert store.verify() == ()

    def test_undone_plans_are_not_there(self, store: PlanStore) -> None:
        """A failed transaction leaves neither plan nor version, view or name, and the next one may write them."""
        with pytest.raises(Trouble), store.begin() as tx:
            tx.save_plan(whole_plan("p"), None)
            tx.add_views("p", [view_made("p-s1")])
            raise Trouble
        assert (store.shared_plan("p"), store.plan_version("p", 1), store.plans()) == (None, None, [])
        with store.begin() as tx:
            assert (tx.view_made("p-s1", 1), tx.plan_named("share", "p-s1")) == (None, None)
            tx.save_plan(whole_plan("p"), None)
            tx.add_views("p", [view_made("p-s1")])
        assert store.verify() == ()

    # --- lists

    def test_plan_pages(self, store: PlanStore) -> None:
        """Latest changed first, page by page, of one side if asked."""
        for number in range(5):
            _save(store, shared_plan(f"p{number}", after(hours=number // 2)))
        _save(store, received_plan("r", "s", changed=after(hours=9)))
        listed = [plan.id for plan in store.plans()]
        assert listed == ["r", "p4", "p3", "p2", "p1", "p0"]
        paged = [plan.id for plan in store.plans(limit=2)]
        while page := store.plans(limit=2, after=paged[-1]):
            paged += [plan.id for plan in page]
        assert paged == listed
        assert [plan.id for plan in store.plans(PlanSide.HOLDER, 2, "p3")] == ["p2", "p1"]
        assert [plan.plan for plan in store.plans(PlanSide.PARTICIPANT)] == [None]
        assert store.plans(PlanSide.HOLDER, 1)[0] == shared_plan("p4", after(hours=2))
        with pytest.raises(InvalidInput):
            store.plans(after="nobody's")

    def test_due_plans(self, store: PlanStore) -> None:
        """Those with a clock that is due, earliest first; a clock that was stopped is none."""
        _save(store, shared_plan("late", due=after(hours=2)))
        _save(store, shared_plan("soon", due=after(hours=1)))
        _save(store, shared_plan("never"))
        assert store.due_plans(after(hours=1), 10) == ["soon"]
        assert store.due_plans(after(hours=2), 10) == ["soon", "late"]
        assert store.due_plans(after(hours=2), 1) == ["soon"]
        assert store.due_timers(after(days=9), 10) == []
        _change(store, shared_plan("soon"), 1)
        assert store.due_plans(after(hours=2), 10) == ["late"]

    def test_plans_of_other_settings(self, store: PlanStore) -> None:
        """Found while their shares were looked at by other settings, which are not later ones, or by none at all.

        A plan that is over has no share to look at, nor one that another side holds.
        """
        ours, since = "b" * 64, after(hours=1)
        basis = SettingsBasis(ours, since)
        for ident, by, when in (
            ("same", ours, NOON),
            ("earlier", "a" * 64, NOON),
            ("as-early", "c" * 64, since),
            ("later", "a" * 64, since + MINUTE),
        ):
            _save(store, shared_plan(ident, settled_by=by, settled_since=when))
        _save(store, shared_plan("never"))
        _save(store, shared_plan("over", over=True, settled_by="a" * 64, settled_since=NOON))
        _save(store, received_plan("copy", "s"))
        assert set(store.unsettled_plans(basis, 10)) == {"earlier", "as-early", "never"}
        assert len(store.unsettled_plans(basis, 2)) == 2
        _change(store, shared_plan("earlier", settled_by=ours, settled_since=since), 1)
        assert set(store.unsettled_plans(basis, 10)) == {"as-early", "never"}

    def test_whom_a_plan_is_about(self, store: PlanStore) -> None:
        """Found by the person's number on either side, those over last; a number that is corrected finds it no more."""
        _save(store, shared_plan("a", after(hours=3), over=True))
        _save(store, shared_plan("b"))
        _save(store, received_plan("c", "s", changed=after(hours=1)))
        number = str(PERSON_NUMBER)
        assert store.plans_about(number) == ["c", "b", "a"]
        with store.begin() as tx:
            assert tx.plans_about(number, 2) == ["c", "b"]
            assert tx.plans_about("05827500285", 9) == []
            assert tx.others_about(_P, number, 9) == []
        owner = plan_version("b").owner.evolve(identifier=None)
        nobodys = plan_version("b", 2).evolve(owner=owner)
        _change(store, shared_plan("b", plan=nobodys), 1)
        assert store.plans_about(number) == ["c", "a"]

    # --- names and views

    def test_names_find_the_plan(self, store: PlanStore) -> None:
        """By share, change, invitation, request, handover and loop; a name stays when what it named is gone."""
        _save(store, whole_plan("p").evolve(referral="p-l"))
        tag = share_tag(share("p-s1", "p").key)
        names = {"share": "p-s1", "tag": tag, "change": "p-c", "invitation": "p-i", "request": "p-r", "handover": "p-h"}
        names["referral"] = "p-l"
        with store.begin() as tx:
            assert {kind: tx.plan_named(kind, ident) for kind, ident in names.items()} == dict.fromkeys(names, "p")  # type: ignore[arg-type]
            assert tx.plan_named("change", "p-s1") is None
            kept = tx.load_plan("p")
            assert kept is not None
            more = (*kept.plan.shares, share("p-s9", "p"))
            tx.save_plan(kept.plan.evolve(shares=more, changes=(), handover=None), kept.revision)
        with store.begin() as tx:
            assert tx.plan_named("share", "p-s9") == tx.plan_named("change", "p-c") == "p"
        assert store.verify() == ()

    def test_a_name_is_one_plans(self, store: PlanStore) -> None:
        """Another plan with a share of the same id is refused, and finds nothing changed."""
        _save(store, shared_plan("p", shares=(share("s1", "p"),)))
        with pytest.raises(InvalidInput) as refused:
            _save(store, shared_plan("q", shares=(share("s2", "q"), share("s1", "q"))))
        assert refused.value.problems[0].code == "duplicate"
        assert store.shared_plan("q") is None
        with store.begin() as tx:
            assert (tx.plan_named("share", "s1"), tx.plan_named("share", "s2")) == ("p", None)

    def test_an_id_of_a_participants_own_finds_its_plans(self, store: PlanStore) -> None:
        """By party and id, from when it was given; the same id may stand in several plans, also after a share ended."""
        given = (IdPair(view="goal-1", plan="aaa"), IdPair(view="goal-2", plan="bbb"))
        _save(store, shared_plan("p", shares=(share("p-s", "p"),)))
        with store.begin() as tx:
            assert tx.plans_given("school", "goal-1", 9) == []
        _change(store, shared_plan("p", shares=(share("p-s", "p", book=given[:1]),)), 1)
        _change(store, shared_plan("p", shares=(share("p-s", "p", book=given),)), 2)
        _save(store, shared_plan("q", shares=(share("q-s", "q", book=given[1:]), share("q-t", "q", book=given[1:]))))
        with store.begin() as tx:
            assert tx.plans_given("school", "goal-1", 9) == ["p"]
            assert tx.plans_given("school", "goal-2", 9) == ["p", "q"]
            assert tx.plans_given("school", "goal-2", 1) == ["p"]
            assert tx.plans_given("hospital", "goal-1", 9) == tx.plans_given("school", "aaa", 9) == []
        _change(store, shared_plan("p", shares=()), 3)
        with store.begin() as tx:
            assert tx.plans_given("school", "goal-1", 9) == ["p"]

    def test_views_are_numbered_once(self, store: PlanStore) -> None:
        """A view comes back equal; its number is given once, whatever it would say."""
        _save(store, shared_plan("p"))
        made = [view_made("s1", 1), view_made("s1", 2, 4), view_made("s2", 1)]
        with store.begin() as tx:
            tx.add_views("p", made)
            tx.add_views("p", [])
        with store.begin() as tx:
            assert [tx.view_made(view.share, view.number) for view in made] == made
            assert tx.view_made("s2", 2) is None
        with pytest.raises(Conflict), store.begin() as tx:
            tx.add_views("p", [view_made("s3", 1), view_made("s1", 2)])
        with store.begin() as tx:
            assert tx.view_made("s3", 1) is None
        assert store.verify() == ()

    # --- outbox and worklist

    def test_a_participant_that_is_down_holds_up_no_other(self, store: PlanStore) -> None:
        """Messages to one party stay in order; those to another, or about another share, do not wait for them."""
        enqueue(
            store,
            plan_row("a1", about="s1", party="school"),
            plan_row("a2", about="s1", party="school", message=PlanMessageKind.PLAN_WITHDRAWN),
            plan_row("a3", about="c1", party="school", message=PlanMessageKind.PLAN_CHANGE_ANSWER),
            plan_row("b1", about="s2", party="doctor"),
            plan_row("c1", about="s3"),
            plan_row("c2", about="s4"),
        )
        assert _claimed(store) == ["a1", "b1", "c1", "c2"]
        store.sent("a1", NOON)
        assert _claimed(store) == ["a2"]

    def test_a_newer_view_supersedes(self, store: PlanStore) -> None:
        """Unsent rows about one share, of the kinds named, claimed and parked ones too; the others stay."""
        kinds = (PlanMessageKind.PLAN, PlanMessageKind.PLAN_WITHDRAWN)
        rows = [plan_row(ident) for ident in ("sent", "parked", "waits", "keep")]
        answer = plan_row("answer", message=PlanMessageKind.PLAN_CHANGE_ANSWER)
        enqueue(
            store, *rows, answer, plan_row("other", about="s2"), plan_row("twin", plan="q"), outbox_row("loop", "p")
        )
        store.sent("sent", NOON)
        store.failed("parked", "no", None)
        _claimed(store)
        with store.begin() as tx:
            closed = tx.supersede_rows(_P, "s1", kinds, "a newer view", keep=["keep"])
            assert sorted(closed) == ["parked", "waits"]
            assert tx.supersede_rows(_P, "s1", kinds, "a newer view", keep=["keep"]) == []
        assert {row.id: row.last_error for row in store.outbox("superseded")} == dict.fromkeys(closed, "a newer view")
        assert {row.id for row in store.outbox("waiting")} == {"keep", "answer", "other", "twin", "loop"}
        assert store.figures().outbox["superseded"] == 2
        assert store.verify() == ()

    def test_one_row_is_superseded(self, store: PlanStore) -> None:
        """Nothing waits behind it, and it is never sent; one that was sent stays so; one that is not there raises."""
        enqueue(store, plan_row("old"), plan_row("new"))
        (row,) = store.claim("one", NOON, MINUTE, 10)
        with store.begin() as tx:
            tx.supersede_row(row.id, "the view is another now")
        assert _claimed(store) == ["new"]
        with pytest.raises(InvalidInput):
            store.retry("old", NOON)
        store.failed("old", "late", after(hours=1), row.claim)
        store.sent("new", NOON)
        with store.begin() as tx:
            tx.supersede_row("new", "too late")
        assert {row.id: row.status for row in store.outbox()} == {"old": "superseded", "new": "sent"}
        with pytest.raises(InvalidInput), store.begin() as tx:
            tx.supersede_row("nobody's", "x")
        assert store.verify() == ()

    def test_one_item_for_each_share_and_reason(self, store: PlanStore) -> None:
        """A later item takes the place of one about the same; items about another share, or about none, stay open."""
        first, second = work_item("a", "p", kind=PLAN, about="s1"), work_item("b", "p", kind=PLAN, about="s2")
        whole = work_item("c", "p", kind=PLAN)
        later = work_item("d", "p", kind=PLAN, about="s1", opened=after(days=1))
        with store.begin() as tx:
            tx.open_items([first, second, whole])
            tx.open_items([later, work_item("e", "p", kind=PLAN, opened=after(days=2))])
        assert _open_items(store) == {"b": "s2", "d": "s1", "e": None}
        with store.begin() as tx:
            closed = tx.item("a")
            assert closed is not None
            assert (closed.done, closed.note) == (after(days=1), IN_ITS_PLACE)
            tx.finish_items(_P, [Reason.REMINDED], NOON, NURSE, None, about="s1")
        assert _open_items(store) == {"b": "s2", "e": None}
        with store.begin() as tx:
            tx.finish_items(_P, [Reason.REMINDED], NOON, NURSE, None)
        assert _open_items(store) == {}
        assert store.verify() == ()

    def test_plans_are_silent(self, store: PlanStore) -> None:
        """Neither a `repr` nor an error tells of the person."""
        _save(store, whole_plan("p"))
        with pytest.raises(Conflict) as refused:
            _save(store, whole_plan("p"))
        said = f"{store!r} {store.shared_plan('p')!r} {store.plan_version('p', 1)!r} {store.plans()!r} {refused.value}"
        assert PERSON not in said
        assert str(PERSON_NUMBER) not in said
        assert share("p-s1", "p").key not in said


def _save(store: PlanStore, plan: SharedPlan) -> int:
    with store.begin() as tx:
        return tx.save_plan(plan, None)


def _change(store: PlanStore, plan: SharedPlan, revision: int, *, by_nurse: bool = False) -> int:
    with store.begin() as tx:
        return tx.save_plan(plan, revision, NURSE if by_nurse else None)


def _claimed(store: Store) -> list[str]:
    return sorted(row.id for row in store.claim("one", NOON, MINUTE, 10))


def _open_items(store: PlanStore) -> dict[str, str | None]:
    with store.begin() as tx:
        items = [tx.item(ident) for ident in "abcde"]
    return {item.id: item.about for item in items if item is not None and item.done is None}

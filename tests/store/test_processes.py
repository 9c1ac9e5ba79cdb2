"""Several processes on one store: none is lost, none comes twice."""

from contextlib import closing

import pytest

from ip_fhir.store import open_store
from ip_fhir.testing.store_samples import enqueue, outbox_row, referral, shared_plan
from tests.store.children import Children
from tests.store.conftest import Opened
from tests.store.places import Place
from tests.store.test_crash import assert_whole


def test_a_new_store_made_by_many(bare: Place) -> None:
    """Three processes that bring the same empty database up to date, at the same moment, all get the one store."""
    with Children(bare.url) as children:
        started = [children.start("upgrade", name, 1) for name in ("a", "b", "c")]
        children.go()
        assert [child.rest() for child in started] == [([f"{name}-0"], 0) for name in ("a", "b", "c")]
    with closing(open_store(bare.url)) as store:
        assert_whole(store)
        assert len(store.referrals()) == 3


def test_two_writers(place: Place, opened: Opened) -> None:
    """Two processes that write without pause both get through, and make one unbroken chain."""
    with Children(place.url) as children:
        started = [children.start("write", name, 60) for name in ("a", "b")]
        children.go()
        for name, child in zip(("a", "b"), started, strict=True):
            assert child.rest() == ([f"{name}-{number}" for number in range(60)], 0)
    store = opened()
    assert len(store.referrals(limit=1000)) == 120
    assert_whole(store)
    assert store.verify() == ()


@pytest.mark.promise(4)
def test_two_workers(place: Place, opened: Opened) -> None:
    """Two processes that claim without pause send each row once, those of a referral in order."""
    store = opened()
    idents = [f"r{number % 20}-{number:03}" for number in range(200)]
    enqueue(store, *(outbox_row(ident, ident.partition("-")[0]) for ident in idents))
    with Children(place.url) as children:
        started = [children.start("send", name) for name in ("one", "two")]
        children.go()
        said = [child.rest() for child in started]
    assert [code for _, code in said] == [0, 0]
    sent = [ident for words, _ in said for ident in words]
    assert sorted(sent) == sorted(idents)
    assert {row.claim for row in store.outbox(limit=1000)} == {1}


def test_conflicts_lose_no_change(place: Place, opened: Opened) -> None:
    """Two processes that change one referral, starting over after each conflict, lose no change."""
    store = opened()
    with store.begin() as transaction:
        transaction.save(referral("counter"), None)
    with Children(place.url) as children:
        started = [children.start("count", name, 50) for name in ("one", "two")]
        children.go()
        assert [child.rest() for child in started] == [(["done"], 0), (["done"], 0)]
    kept = store.referral("counter")
    assert kept is not None
    assert (kept.referral.reminders, kept.revision) == (100, 101)


def test_two_processes_change_one_plan(place: Place, opened: Opened) -> None:
    """Two processes that save versions of one plan at once: each number is one's, and the other is told and goes on."""
    store = opened()
    with store.begin() as transaction:
        transaction.save_plan(shared_plan("p"), None)
    with Children(place.url) as children:
        started = [children.start("save", name, 30) for name in ("one", "two")]
        children.go()
        said = [child.rest() for child in started]
    assert [code for _, code in said] == [0, 0]
    saved = {int(word.partition(" ")[0]): word.partition(" ")[2] for words, _ in said for word in words}
    assert sorted(saved) == list(range(2, 62))
    kept = {version.version: store.plan_version("p", version.version) for version in store.plan_versions("p")[:-1]}
    assert {number: one.plan.title for number, one in kept.items() if one is not None} == saved
    with store.begin() as transaction:
        assert all(transaction.view_made("s", number) is not None for number in saved)
    assert store.verify() == ()

"""A search finds a party's own, all of it, page by page, and nothing of others; however many they have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.exchange.access import parties
from ip_fhir.exchange.access.cursor import write_cursor
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.interactions.search import search
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.ports import Endpoint, PartyNames, SearchPlace
from ip_fhir.testing.store_samples import referral, task
from tests.exchange.access.conftest import OTHER
from tests.support.two_sides import Loop, Wire, notice

CODE = "feedback-request"


def fill(context: Context, party: str, *idents: str, code: str = CODE) -> None:
    """Loops of a party in the store, each with a Task."""
    with context.store.begin() as tx:
        for ident in idents:
            tx.save(referral(ident), None)
            tx.set_parties(Aggregate.of_referral(ident), PartyNames(frozenset({party}), context.basis))
            coding = {"coding": [{"system": "urn:a", "code": code}]}
            tx.put_resource(task(f"{ident}-1", correlation_id=ident, status="received", code=coding), None)


def walk(context: Context, name: str, most: int, **criteria: str) -> list[list[str | None]]:
    """The loops found by a party, page by page."""
    peer, pages, cursor = context.peers.named(name), list[list[str | None]](), None
    while not pages or cursor is not None:
        page = search(context, peer, "Task", criteria, most, cursor)
        pages.append([one.correlation_id for one in page.found])
        cursor = page.after
    return pages


def test_one_among_many_finds_its_own(context: Context) -> None:
    """With 1,100 loops of one hospital and one of another, each finds its own: 1, and 1,100 page by page."""
    many = [f"h-{number:04}" for number in range(1100)]
    fill(context, "hospital", *many)
    fill(context, "x", "x-1")
    peers = context.peers.named("hospital"), context.peers.named("x")
    for criteria in ({}, {"status": "received"}):
        totals = [search(context, peer, "Task", criteria).total for peer in peers]
        assert totals == [1100, 1]
    assert walk(context, "x", 100) == [["x-1"]]
    pages = walk(context, "hospital", 500, status="received")
    assert [len(page) for page in pages] == [500, 500, 100]
    assert [ident for page in pages for ident in page] == many


def test_a_page_that_is_just_full_is_the_last(context: Context) -> None:
    """No empty page follows, whether by an index or by code."""
    fill(context, "x", "a", "b", "c", "d")
    assert walk(context, "x", 2) == walk(context, "x", 2, code=CODE) == [["a", "b"], ["c", "d"]]
    assert walk(context, "x", 4) == [["a", "b", "c", "d"]]
    assert walk(context, "x", 3, code="other") == [[]]


def test_by_code_among_others(context: Context) -> None:
    """A code is looked for page by page, among a party's own: those with another are passed over."""
    fill(context, "x", *(f"a{number:04}" for number in range(1500)), code="other")
    fill(context, "x", "b1", "b2", "b3")
    fill(context, "hospital", "c")
    assert walk(context, "x", 2, code=f"urn:a|{CODE}") == [["b1", "b2"], ["b3"]]
    page = search(context, context.peers.named("x"), "Task", {"code": CODE})
    assert page.total == len(page.found) == 3


def test_too_many_to_count(context: Context) -> None:
    """A total that would take long to count is left out; it is never a wrong one."""
    fill(context, "x", "a", "b", "c")
    for counted, total in ((2, None), (3, 3)):
        assert search(context, context.peers.named("x"), "Task", {}, 1, counted=counted).total == total


@pytest.mark.parametrize("most", [0, -1, 1001])
def test_a_page_of_a_size_that_is_not_given(context: Context, most: int) -> None:
    """A page has 1 to 1,000 resources."""
    with pytest.raises(InvalidInput, match="from 1 to 1000"):
        search(context, context.peers.named("x"), "Task", {}, most)


def test_a_cursor_is_of_one_search_of_one_party(context: Context) -> None:
    """Another party's, another search's, a changed or made-up one is refused, with its place and not its text."""
    place = SearchPlace("referral", "a", "a-1")
    good = write_cursor(place, "x", "Task", {"status": "received"})
    fill(context, "x", "a", "b")
    found = search(context, context.peers.named("x"), "Task", {"status": "received"}, 10, good).found
    assert [one.correlation_id for one in found] == ["b"]
    others = [
        write_cursor(place, "hospital", "Task", {"status": "received"}),
        write_cursor(place, "x", "ServiceRequest", {"status": "received"}),
        write_cursor(place, "x", "Task", {}),
        good[:-2] + ("AA" if good[-2:] != "AA" else "BB"),
        good[:8],
        "x" * 10_000,
        "æ",
        "",
    ]
    for cursor in others:
        with pytest.raises(InvalidInput, match="_cursor") as caught:
            search(context, context.peers.named("x"), "Task", {"status": "received"}, 10, cursor)
        assert not cursor or cursor not in str(caught.value)


def test_old_loops_are_found_again_after_the_settings_changed(loop: Loop, context: Context) -> None:
    """By the present settings it is worked out anew whom each referral concerns; by no other does anybody find one."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    (sender,) = (one for one in context.peers if one.name == "hospital")
    renamed = [
        replace(sender, name="trust"),
        Peer("hospital", (OTHER,), Wire("h"), Endpoint("memory://"), ("token-y",)),
    ]
    later = replace(context, peers=Peers(renamed), basis="later")
    assert walk(context, "hospital", 10) == [["referral-01"]]
    assert walk(later, "hospital", 10) == [[]], "the name is another's now"
    assert walk(later, "trust", 10) == [["referral-01"]]
    assert walk(replace(context, basis="again"), "hospital", 10) == [["referral-01"]]


def test_until_it_is_known_nobody_is_answered(loop: Loop, context: Context) -> None:
    """While too much is to be worked out, a search says "try again"; the worker gets there, in steps."""
    fill(context, "x", *(f"a{number}" for number in range(250)))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    later = replace(context, basis="later")
    with pytest.raises(StoreError, match="try again"):
        parties.require_all(later, 100)
    assert not parties.catch_up(later, 1)
    assert not parties.catch_up(later, 100, lambda: False)
    assert parties.catch_up(later, 1000)
    assert walk(later, "hospital", 10) == [["referral-01"]]
    assert walk(later, "x", 10) == [[]], "by the settings these referrals are not X's"


def test_a_referral_that_cannot_be_read_stops_no_other(loop: Loop, context: Context) -> None:
    """It concerns nobody until it can be read; the others are worked out."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    with context.store._store._database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("UPDATE referral SET body = '{}' WHERE correlation_id = 'referral-01'")
    assert walk(replace(context, basis="later"), "hospital", 10) == [["referral-03"]]

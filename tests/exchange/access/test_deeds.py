"""Deeds: what is asked for again is done once, and what was decided on an earlier version is not done at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ip_fhir.domain.referral import Author, EventKind
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.exchange.access.deeds import Deed, Repeated, doing
from tests.support.two_sides import Loop, make_loop, notice

NINA = Author(id="nina01", name="Nina Testesen")
KEY = "referral-03"


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """A notice that has arrived."""
    made = make_loop(tmp_path)
    made.hospital.exchange.send_notice(notice("03"))
    made.settle()
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def remind(loop: Loop, deed: Deed) -> None:
    """The hospital reminds, as this deed."""
    with doing(deed):
        loop.hospital.exchange.act(KEY, EventKind.REMIND, by=NINA)


def reminders(loop: Loop) -> int:
    """The number of reminders so far."""
    stored = loop.hospital.exchange.store.referral(KEY)
    assert stored is not None
    return stored.referral.reminders


def test_a_deed_is_done_once(loop: Loop) -> None:
    """The same key again does nothing, and tells if the request was the same; another key is another deed."""
    remind(loop, Deed("k", "one"))
    with pytest.raises(Repeated) as again:
        remind(loop, Deed("k", "one"))
    assert again.value.same
    with pytest.raises(Repeated) as other:
        remind(loop, Deed("k", "two"))
    assert not other.value.same
    assert reminders(loop) == 1
    remind(loop, Deed("l", "one"))
    remind(loop, Deed())
    remind(loop, Deed())
    assert reminders(loop) == 4
    assert loop.hospital.exchange.store.verify() == ()


def test_what_failed_may_be_done_again(loop: Loop) -> None:
    """A deed that was cut off before the commit has used up no key."""
    for cut in ("append", "remember", "commit"):
        loop.hospital.store.cut_at = cut
        with pytest.raises(StoreError):
            remind(loop, Deed("k", "one"))
        loop.hospital.store.cut_at = None
        assert reminders(loop) == 0
    remind(loop, Deed("k", "one"))
    assert reminders(loop) == 1


def test_a_deed_on_an_earlier_version(loop: Loop) -> None:
    """Whoever looked before it was changed is refused; nothing is changed."""
    stored = loop.hospital.exchange.store.referral(KEY)
    assert stored is not None
    with pytest.raises(InvalidInput) as refused:
        remind(loop, Deed(revision=stored.revision - 1))
    assert refused.value.problems[0].code == "conflict"
    remind(loop, Deed(revision=stored.revision))
    assert reminders(loop) == 1


def test_outside_of_the_block_there_is_no_deed(loop: Loop) -> None:
    """Also after an error in it."""
    with pytest.raises(InvalidInput):
        remind(loop, Deed("k", "one", revision=99))
    loop.hospital.exchange.act(KEY, EventKind.REMIND, by=NINA)
    assert reminders(loop) == 1


def test_ids_of_a_deed() -> None:
    """What a deed makes has the same id each time it is asked for; without a key a new one."""
    deed = Deed("k")
    assert deed.new_id("change") == Deed("k", "other", 3).new_id("change")
    assert (
        len({deed.new_id("change"), deed.new_id("request"), Deed("l").new_id("change"), Deed().new_id("change")}) == 4
    )

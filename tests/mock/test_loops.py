"""Each script of a notice, played against a real hospital's side over real sockets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from ip_fhir.demo.place import SimulatedClock
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.referral import EventKind, FormStatus, State
from ip_fhir.mock import MockOptions, NoticeScript, Policy, played
from ip_fhir.mock.forms import NOTE
from ip_fhir.settings import Settings
from tests.mock.conftest import LOOP, SideUnderTest, under_test
from tests.support.two_sides import notice

Against = Callable[..., SideUnderTest]


@pytest.mark.parametrize("hl7v2", [False, True], ids=["fhir", "hl7v2"])
def test_complete(against: Against, *, hl7v2: bool) -> None:
    """The notice is accepted, and answered with a form that closes the loop, over the wire that the peer has."""
    side = against(hl7v2=hl7v2)
    side.exchange.send_notice(notice("03"))
    side.comes_to(State.CONFIRMED)
    form = side.loop().form
    assert form is not None
    assert form.note == NOTE
    side.eventually(lambda: side.said("did") == ["accept", "complete-form"])
    assert side.said("received") == ["new-notice"]
    side.eventually(lambda: [entry["answer"] for entry in side.journal if "sent" in entry] == ["ok", "ok"])


@pytest.mark.parametrize("hl7v2", [False, True], ids=["fhir", "hl7v2"])
def test_incomplete(against: Against, *, hl7v2: bool) -> None:
    """The first form lacks something; the hospital's side says so by itself, and the next one is complete."""
    side = against(Policy(NoticeScript.INCOMPLETE), hl7v2=hl7v2)
    side.exchange.send_notice(notice("03"))
    side.comes_to(State.CONFIRMED)
    assert [kept.status for kept in side.loop().forms] == [FormStatus.INCOMPLETE, FormStatus.COMPLETE]
    assert "form-incomplete" in side.said("received")


def test_refused(against: Against) -> None:
    """The form says no, with all that a no must have."""
    side = against(Policy(NoticeScript.REFUSED))
    side.exchange.send_notice(notice("03"))
    side.comes_to(State.REJECTED)
    assert [kept.status for kept in side.loop().forms] == [FormStatus.COMPLETE]


def test_silent(against: Against) -> None:
    """Nothing is answered but receipts: the clocks of the hospital run out, and its reminders come in."""
    side = against(Policy(NoticeScript.SILENT))
    side.exchange.send_notice(notice("03"))
    side.comes_to(State.DELIVERED)
    side.now += timedelta(days=60)
    side.eventually(lambda: "reminded" in side.said("received"))
    assert side.loop().state is State.DELIVERED
    assert side.said("did") == []


def test_late(against: Against) -> None:
    """Nothing is answered until a reminder comes, which a person of the hospital may send at once."""
    side = against(Policy(NoticeScript.LATE))
    side.exchange.send_notice(notice("03"))
    side.comes_to(State.DELIVERED)
    side.exchange.act(LOOP, EventKind.REMIND)
    side.comes_to(State.CONFIRMED)
    assert side.said("received") == ["new-notice", "reminded"]


def test_after(against: Against) -> None:
    """Every deed waits as long as it was told to."""
    side = against(Policy(), after=1.0)
    side.exchange.send_notice(notice("03"))
    side.eventually(lambda: len(side.said("did")) == 2)
    (received,) = [entry["at"] for entry in side.journal if "received" in entry]
    assert all(entry["at"] - received >= 1.0 for entry in side.journal if "did" in entry)


@pytest.mark.parametrize("hl7v2", [False, True], ids=["fhir", "hl7v2"])
@pytest.mark.parametrize("script", [NoticeScript.UNKNOWN_LOOP, NoticeScript.DAMAGED])
def test_wrong(against: Against, script: NoticeScript, *, hl7v2: bool) -> None:
    """What is wrong is refused by the hospital's side, and the loop closes all the same."""
    side = against(Policy(script), hl7v2=hl7v2)
    side.exchange.send_notice(notice("03"))
    side.comes_to(State.CONFIRMED)
    side.eventually(lambda: side.said("sent").count("message") == 2)
    wrong = [entry["answer"] for entry in side.journal if entry.get("sent") == script]
    assert len(wrong) == 2
    assert all(answer != "ok" for answer in wrong)
    assert [loop.correlation_id for loop in side.exchange.store.referrals()] == [LOOP]


@pytest.mark.parametrize("hl7v2", [False, True], ids=["fhir", "hl7v2"])
def test_duplicate(against: Against, *, hl7v2: bool) -> None:
    """The same bytes again get the same receipt, and nothing happens twice."""
    side = against(Policy(NoticeScript.DUPLICATE), hl7v2=hl7v2)
    side.exchange.send_notice(notice("03"))
    side.comes_to(State.CONFIRMED)
    side.eventually(lambda: side.said("sent").count("duplicate") == 2)
    assert {entry["answer"] for entry in side.journal if "sent" in entry} == {"ok"}
    assert len(side.loop().forms) == 1
    side.eventually(lambda: Reason.CONFIRMED in [row.effect.reason for row in side.told])
    assert [row.effect.reason for row in side.told].count(Reason.CONFIRMED) == 1


def test_below_a_path(settings: Callable[..., Settings], clock: SimulatedClock) -> None:
    """A peer whose address has a path is played there."""
    ours = settings()
    (peer,) = ours.peers
    ours = ours.evolve(peers=(peer.evolve(url=f"{peer.url}/fhir"),))
    with under_test(ours, clock) as side, played(ours, MockOptions("municipality"), side.note):
        side.exchange.send_notice(notice("03"))
        side.comes_to(State.CONFIRMED)


def test_stops_when_asked(against: Against) -> None:
    """A hospital that asks to stop gets a yes."""
    side = against(Policy(NoticeScript.INCOMPLETE), after=0.5)
    side.exchange.send_notice(notice("03"))
    side.comes_to(State.ACCEPTED)
    side.exchange.act(LOOP, EventKind.ASK_ABORT, "no longer needed")
    side.comes_to(State.CANCELLED)

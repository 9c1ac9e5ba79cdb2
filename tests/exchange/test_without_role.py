"""A side without a role in the green form loop: a school, a GP. What belongs to the loop is refused, the rest works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import OrganizationKind
from ip_fhir.domain.referral import Event, EventKind, Role
from ip_fhir.errors import InvalidInput, LoopError
from ip_fhir.exchange import Exchange
from ip_fhir.fhir.outcome import status_of
from ip_fhir.web.app import create_app
from tests.support.town import Post, hand_in, message, opening, organization, peer, seen_by, side
from tests.support.two_sides import START, TOKENS, form, make_loop, notice

SCHOOL = organization("org-school", OrganizationKind.SCHOOL, her_id="90000202")
H = organization("org-h", her_id="90000101")
NO_ROLE = "this side has no role in the green form loop"


@pytest.fixture
def school(tmp_path: Path) -> Iterator[Exchange]:
    """A school without a role, with the number that messages are addressed to."""
    made = side(tmp_path, [peer("h", Post(), H)], us=(SCHOOL,), role=None)
    yield made
    made.close()


LOOP_VERBS: dict[str, Callable[[Exchange], object]] = {
    "send_notice": lambda exchange: exchange.send_notice(notice("01")),
    "answer": lambda exchange: exchange.answer(form("01")),
    "answer of": lambda exchange: exchange.answer(form("01"), of="loop"),
    "act": lambda exchange: exchange.act("loop", EventKind.ACCEPT),
    "submit": lambda exchange: exchange.submit(
        "loop", Event(id="e", kind=EventKind.ACCEPT, at=START, raised_by=Role.MUNICIPALITY)
    ),
}


@pytest.mark.parametrize("verb", LOOP_VERBS)
def test_what_our_people_cannot_do(school: Exchange, verb: str) -> None:
    """Each verb of the loop says that this side has no part in it, and changes nothing."""
    with pytest.raises(LoopError, match=NO_ROLE) as caught:
        LOOP_VERBS[verb](school)
    assert (status_of(caught.value), caught.value.exit_code) == (409, 3)
    assert school.store.evidence() == []


@pytest.mark.parametrize("kind", ["notice", "reminder"])
def test_messages_of_the_loop_are_refused(school: Exchange, kind: str) -> None:
    """A notice, and a message about one, get a fatal error, not one that asks to try again; it is recorded once."""
    content = opening(H) if kind == "notice" else message(MessageKind.REMINDER, H)
    for _ in range(2):
        receipt = hand_in(school, content, "token-of-h")
        (problem,) = receipt.problems
        assert (receipt.code, problem.code) == ("fatal-error", "business-rule")
    (refusal,) = school.store.refusals()
    assert (refusal.peer, refusal.code, refusal.times) == ("h", "business-rule", 2)
    assert NO_ROLE in refusal.reason
    assert (school.store.evidence(), school.store.referrals(), school.store.outbox()) == ([], [], [])


def test_another_party_is_still_refused_as_such(school: Exchange) -> None:
    """Who speaks in another's name is told that, as on any side."""
    with pytest.raises(InvalidInput) as caught:
        hand_in(school, opening(organization("org-x", her_id="90000999")), "token-of-h")
    assert caught.value.status == 403


def test_the_rest_works(school: Exchange) -> None:
    """It runs, has nothing due, says how it stands, and is served: the worklist and searches are empty."""
    assert not school.run_due().anything
    assert (school.health()["role"], school.health()["status"]) == (None, "ok")
    school.check()
    assert (school.worklist(), seen_by(school, "token-of-h")) == ([], [])
    with TestClient(create_app(school), client=("127.0.0.1", 50_000)) as client:
        assert client.get("/health").json()["role"] is None
        assert client.get("/metadata").status_code == 200
        headers = {"Authorization": "Bearer token-of-h", "Content-Type": "application/fhir+json"}
        answer = client.post("/$process-message", content=opening(H), headers=headers)
    assert (answer.status_code, answer.json()["entry"][0]["resource"]["response"]["code"]) == (200, "fatal-error")


def test_clocks_of_loops_from_before_go_on(tmp_path: Path) -> None:
    """A hospital whose role was taken away still reminds by the agreement, but nobody there acts in the loop."""
    agreement = Agreement(answer_days=6, reminder_every_days=30)
    loop = make_loop(tmp_path, (agreement,))
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    object.__setattr__(loop.hospital.exchange._context, "role", None)
    loop.clock.forward(days=8)
    loop.settle()
    received = [record.record.event.kind for record in loop.municipality.exchange.store.evidence("referral-03")]
    assert [kind for kind in received if kind is not EventKind.TIME] == [EventKind.RECEIVE, EventKind.REMIND]
    with pytest.raises(LoopError, match=NO_ROLE):
        loop.hospital.exchange.act("referral-03", EventKind.CANCEL)
    assert loop.state(loop.hospital, "referral-03") == "delivered"
    loop.hospital.exchange.close()
    loop.municipality.exchange.close()


def test_a_read_resource_of_a_loop_from_before_is_not_changed(tmp_path: Path) -> None:
    """A Task that the hospital may still read is not updated here any more."""
    loop = make_loop(tmp_path)
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    unit = loop.municipality.exchange
    object.__setattr__(unit._context, "role", None)
    credential = unit.peer_by_token(TOKENS["hospital"])
    assert credential is not None
    (task,) = unit.search_resources(credential, "Task", {}).found
    with pytest.raises(LoopError, match=NO_ROLE):
        unit.update_resource(credential, "Task", task.id, task.version, {**task.body, "status": "cancelled"})
    assert loop.state(loop.municipality, "referral-03") == "delivered"
    loop.hospital.exchange.close()
    unit.close()

"""Who could not be told: our people learn of it from the worklist, until it went after all, or a person has done it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.loop.worklist import TOLD_AFTER_ALL, WorklistItem
from ip_fhir.domain.referral import Author
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.telling import failures
from tests.exchange.telling.conftest import KEY, Ward, e_mail, smtp, webhook, with_a_recipient_less
from tests.exchange.telling.test_webhook import is_signed
from tests.support.breaking_off import breaking_off
from tests.support.mail_server import mail_server, silent_server
from tests.support.webhook_receiver import WebhookReceiver, webhook_receiver

Make = Callable[..., Ward]
TEAM, LEADER = "team@hospital.example", "leader@hospital.example"


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver of the site's own."""
    with webhook_receiver() as found:
        yield found


def items(ward: Ward, *, open_only: bool = True) -> list[WorklistItem]:
    """The items about somebody who could not be told."""
    return [one for one in ward.exchange.worklist(open_only=open_only) if one.reason is Reason.NOT_TOLD]


def give_up(ward: Ward) -> None:
    """Let time pass until after the last attempt."""
    for _ in range(8):
        ward.run(minutes=20)


def test_after_the_last_attempt(ward: Make, receiver: WebhookReceiver) -> None:
    """One item, with who and why, opened with the parking of the row; it is closed when the row goes after all."""
    made = ward(webhook(receiver.url))
    receiver.answer = 500
    made.item("a")
    made.run()
    assert items(made) == []
    give_up(made)
    (item,) = items(made)
    assert (item.aggregate.kind, item.aggregate.id, item.text) == ("told", "ehr", "ehr: HTTP 500")
    receiver.answer = 204
    (row,) = made.exchange.store.outbox("parked")
    made.exchange.retry(row.id)
    made.run()
    assert items(made) == []
    (closed,) = items(made, open_only=False)
    assert (closed.by, closed.note) == (None, TOLD_AFTER_ALL)


def test_all_of_them_must_go(ward: Make, receiver: WebhookReceiver) -> None:
    """Of several that were parked there is one item; it stays open as long as one of them is parked."""
    made = ward(webhook(receiver.url))
    receiver.answers = [400, 413]
    for ident in ("a", "b", "c"):
        made.item(ident)
    made.run()
    (item,) = items(made)
    assert item.text == "ehr: HTTP 400\nehr: HTTP 413"
    first, second = made.exchange.store.outbox("parked")
    made.exchange.retry(first.id)
    made.run()
    assert len(items(made)) == 1
    made.exchange.retry(second.id)
    made.run()
    assert items(made) == []


def test_others_that_are_parked(ward: Make, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The item stays open for a parked row, however many of others' are parked before it."""
    monkeypatch.setattr(failures, "_PAGE", 1)
    with mail_server() as box:
        box.refuses = {TEAM: "550 no such user"}
        made = ward(e_mail(TEAM), webhook(receiver.url), smtp=smtp(box.port))
        receiver.answer = 400
        for ident in ("a", "b"):
            made.item(ident)
        made.run()
        parked = made.exchange.store.outbox("parked")
        assert parked[0].peer == "team"
        (first, *_) = [row for row in parked if row.peer == "ehr"]
        receiver.answer = 204
        made.exchange.retry(first.id)
        made.run()
        assert "ehr" in [item.aggregate.id for item in items(made)]


def test_a_person_does_it(ward: Make) -> None:
    """Somebody has looked: the item is closed in their name, and what is told later opens none."""
    with mail_server() as box:
        made = ward(e_mail(TEAM), smtp=smtp(box.port))
        box.refuses = {TEAM: "550 no such user"}
        made.item("a")
        made.run()
        (item,) = items(made)
        assert item.text is not None
        assert TEAM not in item.to_json()
        made.exchange.done(item.id, by=Author(id="nina01", name="Nina Testesen"), note="new address")
        box.refuses = {}
        made.item("b")
        made.run()
        assert items(made) == []
        (closed,) = items(made, open_only=False)
        assert (closed.by is not None, closed.note) == (True, "new address")


def test_the_others_are_told(ward: Make, receiver: WebhookReceiver) -> None:
    """Who can be told is told of the item; whom it is about is not, and two who cannot be do not go on for ever."""
    with mail_server() as box:
        box.refuses = {TEAM: "550 no such user", LEADER: "550 no such user"}
        made = ward(e_mail(TEAM, LEADER), webhook(receiver.url), smtp=smtp(box.port))
        made.item("a")
        made.run()
        made.run(days=1)
        assert len(items(made)) == 2
        assert [one["data"]["reason"] for one in receiver.events()] == ["answer-due", "not-told", "not-told"]
        parked = [row.effect.reason for row in made.exchange.store.outbox("parked")]
        assert sorted(map(str, parked)) == ["answer-due", "answer-due", "not-told", "not-told"]


def test_whom_settings_name_no_longer(ward: Make, receiver: WebhookReceiver) -> None:
    """It is parked, and there is an item, too."""
    without = with_a_recipient_less(ward, receiver)
    (item,) = items(without)
    assert item.text == "ehr: settings have no such recipient any longer"


def test_a_trial_of_a_webhook(ward: Make, receiver: WebhookReceiver) -> None:
    """One signed event that says it is a trial; nothing is stored, and no number is used up."""
    made = ward(webhook(receiver.url))
    (tried,) = made.exchange.tellings.trial("ehr")
    assert (tried.key, tried.error) == ("ehr", None)
    (event,) = receiver.events()
    assert (event["type"], event["number"], event["data"]["item"]) == ("trial", 0, "trial")
    assert is_signed(receiver.came[0], KEY)
    assert made.exchange.store.outbox() == []
    made.item("a")
    made.run()
    assert receiver.numbers() == [0, 1]


@pytest.mark.parametrize("digest", [{}, {"digest_at": "07:30"}])
def test_a_trial_of_e_mail(ward: Make, digest: dict[str, str]) -> None:
    """Each address gets one now, which says that there is nothing to look at; a refusal is said, by its key."""
    with mail_server() as box:
        box.refuses = {LEADER: "550 no such user"}
        made = ward(e_mail(TEAM, LEADER, quiet_hours="13:00-15:00", **digest), smtp=smtp(box.port))
        first, second = made.exchange.tellings.trial("team")
        assert (first.error, second.error) == (None, "the mail server refuses the address (SMTP 550)")
        (came,) = box.to(TEAM)
        assert came["subject"] == "Prøve: varsling med e-post"
        assert "Det er ikke noe å se på." in came.get_content()


def test_a_trial_that_fails(ward: Make, receiver: WebhookReceiver) -> None:
    """What went wrong is said, and nothing is parked; a name that settings do not have is refused."""
    receiver.answer = 500
    with silent_server() as port:
        made = ward(webhook(receiver.url), e_mail(TEAM), smtp=smtp(port, timeout=0.5))
        assert [one.error for one in made.exchange.tellings.trial("ehr")] == ["HTTP 500"]
        assert [one.error for one in made.exchange.tellings.trial("team")] == ["no answer in time"]
    assert made.exchange.store.outbox() == []
    with pytest.raises(InvalidInput, match="no recipient"):
        made.exchange.tellings.trial("nobody")


@pytest.mark.parametrize("answer", ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"])
def test_a_receiver_that_closes_in_the_middle_of_its_answer(ward: Make, answer: str) -> None:
    """An answer that ends before its end is none: the event is tried again, under the same id."""
    with breaking_off(answer.encode()) as port, webhook_receiver() as other:
        made = ward(webhook(f"http://127.0.0.1:{port}/told"), webhook(other.url, name="other"))
        made.item("a")
        made.run()
        assert other.items() == ["a"]
        (row,) = made.exchange.store.outbox("waiting")
        assert row.peer == "ehr"


def test_a_receiver_that_sends_50_mb(ward: Make, receiver: WebhookReceiver) -> None:
    """None of it is read beyond a few bytes: what counts is the status, and the next event goes as ever."""
    made = ward(webhook(receiver.url))
    receiver.answer, receiver.content = 200, b"x" * 50_000_000
    for ident in ("a", "b"):
        made.item(ident)
    made.run()
    assert made.rows() == {"a": ("sent", None), "b": ("sent", None)}


@pytest.mark.parametrize("greeting", [b"\x00\xff\xfe rubbish\r\n", b"999 x\r\n", b"554 go away\r\n"])
def test_a_mail_server_that_greets_with_rubbish(ward: Make, greeting: bytes) -> None:
    """It has not taken the e-mail: it is tried again, and nobody else waits for it."""
    with silent_server(greeting) as port, webhook_receiver() as other:
        made = ward(e_mail(TEAM), webhook(other.url), smtp=smtp(port, timeout=3.0))
        made.item("a")
        made.run()
        assert other.items() == ["a"]
        (row,) = made.exchange.store.outbox("waiting")
        assert row.peer == "team"
        assert row.last_error is not None
        assert "rubbish" not in row.last_error

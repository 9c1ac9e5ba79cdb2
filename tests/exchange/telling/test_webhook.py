"""A webhook is told each item once by id, in order, signed; one that hangs, lies or redirects holds up nobody."""

from __future__ import annotations

import hmac
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator

import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.errors import InvalidInput
from tests.exchange.telling.conftest import KEY, OTHER_KEY, Ward, e_mail, smtp, webhook, with_a_recipient_less
from tests.support.mail_server import mail_server
from tests.support.webhook_receiver import Post, WebhookReceiver, webhook_receiver

Make = Callable[..., Ward]


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver of the site's own."""
    with webhook_receiver() as found:
        yield found


def is_signed(post: Post, key: str) -> bool:
    """True if one of the signatures is of this key: written down from the standard, not from our own code."""
    signed = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
    ours = b64encode(hmac.new(b64decode(key.removeprefix("whsec_")), signed, "sha256").digest()).decode()
    return any(hmac.compare_digest(mark, f"v1,{ours}") for mark in post.headers["webhook-signature"].split())


def test_an_event_has_ids_only(ward: Make, receiver: WebhookReceiver) -> None:
    """The item, what it is about, the reason and the time, under a number; no words of anybody's, no contact."""
    made = ward(webhook(receiver.url))
    made.item("item-1", Reason.REMINDED, number=2, text="Kari Testesen", to="Ola Testesen 99 88 77 66")
    made.run()
    (post,) = receiver.came
    assert receiver.events() == [
        {
            "type": "worklist.opened",
            "timestamp": "2026-01-12T13:00:00+00:00",
            "number": 1,
            "data": {
                "item": "item-1",
                "reason": "reminded",
                "aggregate": {"kind": "referral", "id": "loop-of-item-1"},
                "about": None,
                "form": None,
                "count": 2,
                "due": None,
            },
        }
    ]
    assert post.headers["content-type"] == "application/json"
    assert int(post.headers["webhook-timestamp"]) == int(made.clock.at.timestamp())


def test_signed_by_each_key(ward: Make, receiver: WebhookReceiver) -> None:
    """Two keys while one is being replaced: a receiver that has either can tell; one that has neither cannot."""
    made = ward(webhook(receiver.url, keys=[KEY, OTHER_KEY]))
    made.item("item-1")
    made.run()
    (post,) = receiver.came
    assert is_signed(post, KEY)
    assert is_signed(post, OTHER_KEY)
    assert not is_signed(post, "whsec_" + "bm8ta2V5LW9mLW91cnMtYXQtYWxsLTEyMzQ=")
    assert not is_signed(post._replace(body=post.body + b" "), KEY)


def test_in_order_and_each_once(ward: Make, receiver: WebhookReceiver) -> None:
    """Numbers rise by one in the order of the items, whatever loop they are about."""
    made = ward(webhook(receiver.url))
    idents = [f"item-{number:02}" for number in range(12)]
    for ident in idents:
        made.item(ident)
    made.run()
    assert receiver.items() == idents
    assert receiver.numbers() == list(range(1, 13))
    made.run(days=1)
    assert len(receiver.came) == 12


def test_500_then_200(ward: Make, receiver: WebhookReceiver) -> None:
    """The first is tried again, the same bytes under the same id, and the second waits for it."""
    made = ward(webhook(receiver.url))
    receiver.answers = [500, 503]
    for ident in ("a", "b"):
        made.item(ident)
    made.run()
    assert (receiver.items(), made.rows()["a"]) == (["a"], ("waiting", "HTTP 500"))
    made.run(seconds=61)
    made.run(seconds=121)
    assert receiver.items() == ["a", "a", "a", "b"]
    first, second, third, _ = receiver.came
    assert first.body == second.body == third.body
    assert first.headers["webhook-id"] == third.headers["webhook-id"]
    assert first.headers["webhook-signature"] != third.headers["webhook-signature"]
    assert is_signed(third, KEY)


def test_retry_after_is_heard(ward: Make, receiver: WebhookReceiver) -> None:
    """A receiver that asks for time gets it."""
    made = ward(webhook(receiver.url))
    receiver.answers, receiver.also = [429], {"Retry-After": "900"}
    made.item("a")
    made.run()
    made.run(minutes=10)
    assert len(receiver.came) == 1
    made.run(minutes=6)
    assert made.rows()["a"] == ("sent", None)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(ward: Make, receiver: WebhookReceiver, status: int) -> None:
    """It counts as no answer that anybody has it: the event goes nowhere else, and is tried again here."""
    with webhook_receiver() as elsewhere:
        made = ward(webhook(receiver.url))
        receiver.answers, receiver.also = [status], {"Location": elsewhere.url}
        made.item("a")
        made.run()
        assert made.rows()["a"] == ("waiting", f"HTTP {status}, which is not followed")
        made.run(minutes=5)
        assert elsewhere.came == []
        assert made.rows()["a"] == ("sent", None)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_no_for_good_parks_the_event_alone(
    ward: Make, receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """The next one goes out; the gap in the numbers tells the receiver, and the parked one can be repeated."""
    made = ward(webhook(receiver.url))
    receiver.answers = [status]
    for ident in ("a", "b"):
        made.item(ident)
    with caplog.at_level(logging.ERROR):
        made.run()
    assert made.rows() == {"a": ("parked", f"HTTP {status}"), "b": ("sent", None)}
    assert "told ehr: row" in caplog.text
    (parked,) = made.exchange.store.outbox("parked")
    made.exchange.retry(parked.id)
    made.run()
    assert receiver.numbers() == [1, 2, 1]


def test_one_that_lies(ward: Make, receiver: WebhookReceiver) -> None:
    """Its 200 counts, whatever stands in the answer: that is not read, however long it is."""
    made = ward(webhook(receiver.url))
    receiver.answer, receiver.content = 200, b'{"error": "no"}' + b"x" * 1_000_000
    made.item("a")
    made.run()
    assert made.rows()["a"] == ("sent", None)


def test_given_up_after_the_last_attempt(ward: Make, receiver: WebhookReceiver) -> None:
    """The row is parked with its reason, the item is open all the while, and the next event is tried."""
    made = ward(webhook(receiver.url))
    receiver.answer = 500
    made.item("a")
    for _ in range(8):
        made.run(minutes=20)
    assert len(receiver.came) == 4
    assert made.rows()["a"] == ("parked", "HTTP 500")
    assert {one.reason for one in made.exchange.worklist()} == {Reason.ANSWER_DUE, Reason.NOT_TOLD}


def test_one_that_hangs_holds_up_nobody(ward: Make, receiver: WebhookReceiver) -> None:
    """Neither another recipient nor the EHR's own way; it is left after its time, and told later."""
    with webhook_receiver() as other, mail_server() as box:
        team = e_mail("team@hospital.example")
        made = ward(webhook(receiver.url, timeout=1.0), webhook(other.url, name="other"), team, smtp=smtp(box.port))
        receiver.held.set()
        began = time.monotonic()
        made.item("a")
        made.run()
        assert time.monotonic() - began < 60
        assert other.items() == ["a"]
        assert len(box.came) == 1
        (waiting,) = made.exchange.store.outbox("waiting")
        assert (waiting.peer, waiting.last_error) == ("ehr", f"127.0.0.1:{receiver.port}: no answer in time")
        receiver.held.clear()
        made.run(minutes=5)
        assert receiver.items() == ["a", "a"]
        assert other.items() == ["a"]


def test_replayed_from_a_number(ward: Make, receiver: WebhookReceiver) -> None:
    """The same events to the byte, in order, under the same ids; what comes later comes after them."""
    made = ward(webhook(receiver.url))
    for ident in ("a", "b", "c", "d"):
        made.item(ident)
    made.run()
    assert made.exchange.tellings.replay("ehr", 3) == 2
    made.item("e")
    made.run()
    assert receiver.numbers() == [1, 2, 3, 4, 3, 4, 5]
    assert receiver.came[2].body == receiver.came[4].body
    assert receiver.came[2].headers["webhook-id"] == receiver.came[4].headers["webhook-id"]
    assert made.exchange.tellings.replay("ehr", 6) == 0


def test_read_from_a_number(ward: Make, receiver: WebhookReceiver) -> None:
    """What a receiver was sent, or is still to be sent, can be read from a number on."""
    made = ward(webhook(receiver.url))
    receiver.answers = [204, 500]
    for ident in ("a", "b", "c"):
        made.item(ident)
    made.run()
    assert [one["data"]["item"] for one in made.exchange.tellings.since("ehr", 2)] == ["b", "c"]
    assert [one["number"] for one in made.exchange.tellings.since("ehr", 1, 1)] == [1]
    assert made.exchange.tellings.since("ehr", 1) == receiver.events()[:1] + made.exchange.tellings.since("ehr", 2)


def test_nothing_else_is_replayed(ward: Make) -> None:
    """Neither e-mail nor a command, nor what settings do not name."""
    with mail_server() as box:
        made = ward(e_mail("team@hospital.example"), smtp=smtp(box.port))
        for name, code in (("team", "not-supported"), ("nobody", "not-found")):
            with pytest.raises(InvalidInput) as raised:
                made.exchange.tellings.replay(name, 1)
            assert raised.value.problems[0].code == code


def test_what_settings_name_no_longer_is_kept(ward: Make, receiver: WebhookReceiver) -> None:
    """A row to a recipient that settings have lost is parked, and goes out when they have it again."""
    without = with_a_recipient_less(ward, receiver)
    (row,) = without.exchange.store.outbox("parked")
    assert row.last_error == "settings have no such recipient any longer"
    without.exchange.close()
    receiver.answer = 200
    again = ward(webhook(receiver.url))
    again.exchange.retry(row.id)
    again.run(minutes=10)
    assert again.rows()["a"] == ("sent", None)

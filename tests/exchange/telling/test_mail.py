"""An e-mail says that something is to be looked at, and where; whatever the server does, nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ip_fhir.domain.effects import Reason
from tests.exchange.telling.conftest import Ward, e_mail, smtp, webhook
from tests.support.mail_server import MailBox, mail_server, silent_server
from tests.support.webhook_receiver import webhook_receiver

Make = Callable[..., Ward]
TEAM, LEADER = "team@hospital.example", "leader@hospital.example"


@pytest.fixture
def box() -> Iterator[MailBox]:
    """A mail server of the site's own."""
    with mail_server() as found:
        yield found


def test_what_it_says(ward: Make, box: MailBox) -> None:
    """The reason where that says nothing of anybody, the reference, and how to look."""
    made = ward(e_mail(TEAM), smtp=smtp(box.port))
    made.item("item-1", Reason.ANSWER_DUE, text="Kari Testesen", to="Ola Testesen")
    made.run()
    (came,) = box.to(TEAM)
    assert came["subject"] == "Noe skal ses på: svarfristen er ute"
    assert came.get_content().replace("\r\n", "\n") == (
        "Det er kommet noe på arbeidslisten: svarfristen er ute.\n"
        "\n"
        "Referanse: item-1\n"
        "Se det med: ip-fhir worklist show item-1\n"
        "\n"
        "Et program har sendt denne e-posten. Den sier ikke hvem det gjelder, og svar blir ikke lest.\n"
    )
    assert (came["from"], came["to"]) == ("ip-fhir@hospital.example", TEAM)
    assert (came["auto-submitted"], came["content-language"]) == ("auto-generated", "nb")
    assert "Testesen" not in box.everything()


def test_a_reason_that_says_something_of_a_person_is_not_said(ward: Make, box: MailBox) -> None:
    """Then it says only that there is something; in English where settings say so."""
    made = ward(e_mail(TEAM, language="en"), smtp=smtp(box.port))
    made.item("item-1", Reason.DECEASED)
    made.run()
    (came,) = box.to(TEAM)
    assert came["subject"] == "Something is to be looked at"
    assert "dead" not in box.everything()
    assert "closed" not in box.everything()


def test_each_recipient_gets_one(ward: Make, box: MailBox) -> None:
    """Of the reasons that they are told of; nobody sees the other's address."""
    made = ward(e_mail(TEAM, LEADER), e_mail(LEADER, name="leaders", reasons=["escalated"]), smtp=smtp(box.port))
    made.item("item-1")
    made.item("item-2", Reason.ESCALATED)
    made.run()
    made.run(days=1)
    assert (len(box.to(TEAM)), len(box.to(LEADER))) == (2, 3)
    assert all(one["to"] == TEAM for one in box.to(TEAM))
    assert len({one["message-id"] for _, one in box.came}) == 5


def test_quiet_hours(ward: Make, box: MailBox) -> None:
    """What comes on Friday night is told on Monday morning; the webhook beside it at once."""
    with webhook_receiver() as receiver:
        quiet = e_mail(TEAM, quiet_hours="16:00-07:00", working_days_only=True)
        made = ward(quiet, webhook(receiver.url), smtp=smtp(box.port))
        made.clock.forward(days=4, hours=4)  # from Monday 14:00 in Oslo to Friday 18:00
        made.item("item-1")
        made.run()
        made.run(days=1)
        assert (receiver.items(), box.came) == (["item-1"], [])
        made.run(days=1, hours=12, minutes=59)
        assert box.came == []
        made.run(minutes=1)
        assert len(box.to(TEAM)) == 1


def test_a_row_that_is_late_waits_for_the_morning(ward: Make, box: MailBox) -> None:
    """Also when it was due in the day, and nobody could send it until the night."""
    made = ward(e_mail(TEAM, quiet_hours="20:00-07:00"), smtp=smtp(box.port))
    box.refuses = {TEAM: "451 later"}
    made.item("item-1")
    made.run()
    box.refuses = {}
    made.run(hours=8)
    assert (box.came, made.rows()["item-1"][0]) == ([], "waiting")
    made.run(hours=10)
    assert len(box.to(TEAM)) == 1


def test_a_digest(ward: Make, box: MailBox) -> None:
    """One e-mail a day to each recipient, with counts by reason and all references; none where nothing came."""
    made = ward(e_mail(TEAM, LEADER, digest_at="07:30"), smtp=smtp(box.port))
    for ident, reason in (("a", Reason.ANSWER_DUE), ("b", Reason.DECEASED), ("c", Reason.ANSWER_DUE)):
        made.item(ident, reason)
    made.run()
    assert box.came == []
    made.run(hours=18)
    (came,) = box.to(TEAM)
    assert len(box.to(LEADER)) == 1
    assert came["subject"] == "3 saker skal ses på"
    assert came.get_content().replace("\r\n", "\n") == (
        "Dette er kommet på arbeidslisten:\n"
        "\n"
        "svarfristen er ute: 2\n"
        "  a\n"
        "  c\n"
        "\n"
        "noe annet: 1\n"
        "  b\n"
        "\n"
        "Se det med: ip-fhir worklist list\n"
        "\n"
        "Et program har sendt denne e-posten. Den sier ikke hvem det gjelder, og svar blir ikke lest.\n"
    )
    made.run(days=2)
    assert len(box.came) == 2
    made.item("d")
    made.run(days=1)
    assert [one["subject"] for one in box.to(TEAM)] == ["3 saker skal ses på", "Noe skal ses på"]
    assert {status for status, _ in made.rows().values()} == {"sent"}


@pytest.mark.parametrize("digest", [{}, {"digest_at": "07:30"}])
def test_an_address_that_is_refused(ward: Make, box: MailBox, digest: dict[str, str]) -> None:
    """Refused for good, its rows are parked after one attempt, digest or not; the other address gets its own once."""
    made = ward(e_mail(TEAM, LEADER, reasons=["answer-due"], **digest), smtp=smtp(box.port))
    box.refuses = {LEADER: "550 no such user"}
    for ident in ("a", "b"):
        made.item(ident)
    made.run(days=1)
    parked = made.exchange.store.outbox("parked")
    assert [row.last_error for row in parked] == ["the mail server refuses the address (SMTP 550)"] * 2
    assert box.to(LEADER) == []
    assert len(box.to(TEAM)) == (1 if digest else 2)
    box.refuses = {}
    for row in parked:
        made.exchange.retry(row.id)
    made.run()
    assert "a" in box.to(LEADER)[0].get_content()
    assert "b" in box.to(LEADER)[-1].get_content()
    made.run(days=2)
    assert len(box.to(TEAM)) == (1 if digest else 2)


def test_a_message_that_the_server_took_though_it_said_no(ward: Make, box: MailBox) -> None:
    """It comes again, and can be recognised: the same id, the same words."""
    made = ward(e_mail(TEAM), smtp=smtp(box.port))
    box.after_data, box.keeps = "451 lost it", False
    made.item("item-1")
    made.run()
    box.after_data = "250 OK"
    made.run(minutes=5)
    first, second = box.to(TEAM)
    assert first["message-id"] == second["message-id"]
    assert first.get_content() == second.get_content()
    made.run(days=1)
    assert len(box.came) == 2


def test_a_server_that_hangs_holds_up_nobody(ward: Make) -> None:
    """Webhooks are told meanwhile; the e-mail goes when there is a server again."""
    with silent_server() as port, webhook_receiver() as receiver:
        made = ward(e_mail(TEAM), webhook(receiver.url), smtp=smtp(port, timeout=1.0))
        for ident in ("a", "b"):
            made.item(ident)
        made.run()
        assert receiver.items() == ["a", "b"]
        assert made.exchange.store.outbox("waiting")[0].last_error == "no answer in time"
    made.exchange.close()
    with mail_server() as box:
        again = ward(e_mail(TEAM), webhook(receiver.url), smtp=smtp(box.port))
        again.clock.forward(hours=1)
        again.run()
        assert len(box.to(TEAM)) == 2


def test_no_address_stands_in_a_row_or_a_log(ward: Make, box: MailBox, caplog: pytest.LogCaptureFixture) -> None:
    """The store knows recipients by a key."""
    made = ward(e_mail(TEAM), smtp=smtp(box.port))
    with caplog.at_level("DEBUG", "ip_fhir"):
        made.item("item-1")
        made.run()
    rows = made.exchange.store.outbox()
    assert len(rows) == 2
    assert TEAM not in repr(rows)
    assert TEAM not in "".join(one.getMessage() for one in caplog.records if one.name.startswith("ip_fhir"))

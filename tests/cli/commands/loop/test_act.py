"""`act` and `referrals close`: every event of our own people from the command line (findings/users.md 0.2, A, B)."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.loop import OWN_EVENTS
from ip_fhir.domain.referral import Author, EventKind
from ip_fhir.fhir.reading import write_json
from ip_fhir.mapping import message_to_fhir
from ip_fhir.report.words.acts import act_words
from ip_fhir.settings import read_settings
from ip_fhir.store import open_store
from tests.cli.conftest import Run, Sides
from tests.support.loop import by_hospital
from tests.support.two_sides import EXAMPLES, notice

NOTICE = EXAMPLES / "notices" / "03-stroke-patient.json"
COMPLETE = EXAMPLES / "green_forms" / "03-stroke-patient-2-complete.json"
NAMES = ("Bjørnstad", "Håvard")


@pytest.fixture
def sent(run: Run, sides: Sides) -> Path:
    """The settings of a hospital that has sent a notice."""
    assert run("notice", "send", NOTICE, "--config", sides.hospital).code == 0
    return sides.hospital


@pytest.fixture
def received(sides: Sides) -> Path:
    """The settings of a municipality that has received it."""
    with closing(open_exchange(read_settings(sides.municipality))) as exchange:
        sent = by_hospital(notice("03"), notice=notice("03")).evolve(sent=exchange.now())
        exchange.receive(write_json(message_to_fhir(sent)), "hospital")
    return sides.municipality


def test_every_act_has_words() -> None:
    """In both languages, and none for what no person does."""
    for kind in {kind for kinds in OWN_EVENTS.values() for kind in kinds}:
        assert act_words(kind, "nb")
        assert act_words(kind, "en")
        assert act_words(kind, "nb") != act_words(kind, "en")
    with pytest.raises(KeyError):
        act_words(EventKind.TIME, "nb")


def test_what_is_possible(run: Run, sent: Path) -> None:
    """Without an event: what can be done now, withdrawal of consent first, in the reader's language; no name."""
    shown = run("act", "referral-03", "--config", sent, "--lang", "nb")
    assert shown.code == 0
    assert [line.split()[0] for line in shown.text.splitlines()[3:]] == ["withdraw-consent", "cancel", "close"]
    assert "personen har trukket samtykket" in shown.text
    assert "--text WORDS" in shown.text
    assert not [name for name in NAMES if name in shown.text]
    data = run("act", "referral-03", "--config", sent, "--json").data
    assert data == {
        "correlation_id": "referral-03",
        "state": "sent",
        "possible": [
            {"event": "withdraw-consent", "needs": None},
            {"event": "cancel", "needs": None},
            {"event": "close", "needs": "text"},
        ],
    }


def test_consent_is_withdrawn(run: Run, sent: Path) -> None:
    """One word on the command line: the loop is withdrawn, the notice that waited is not sent, the withdrawal is."""
    ran = run("act", "referral-03", "withdraw-consent", "--config", sent, "--by", "7 Nina Testesen")
    assert (ran.code, ran.text.splitlines()) == (
        0,
        [
            "referral-03: stored; the loop is withdrawn",
            "  withdrawal to municipality: waits to be sent; `ip-fhir serve` or `ip-fhir work` sends it",
        ],
    )
    with closing(open_store(read_settings(sent).database)) as store:
        rows = [(str(row.effect.message), row.status) for row in store.outbox()]
        by = store.evidence("referral-03")[-1].record.event.by
    assert rows == [("notice", "refused"), ("withdrawal", "waiting")]
    assert by == Author(id="7", name="Nina Testesen")
    assert "nothing more can be done" in run("act", "referral-03", "--config", sent).text
    assert "ingenting mer kan gjøres" in run("act", "referral-03", "--config", sent, "--lang", "nb").text


def test_the_notice_is_said_to_wait_until_it_is_sent(run: Run, sides: Sides, sent: Path) -> None:
    """What is said of a message is what the outbox says, also when it is sent again (findings/users.md B)."""
    ran = run("notice", "send", NOTICE, "--config", sent)
    assert "notice to municipality: waits to be sent" in ran.text
    run("work", "--once", "--config", sent)  # nobody answers
    again = run("notice", "send", NOTICE, "--config", sides.hospital, "--json").data
    assert [(one["kind"], one["status"], one["peer"]) for one in again["messages"]] == [
        ("notice", "waiting", "municipality")
    ]


def test_the_municipality_works_on_it(run: Run, received: Path) -> None:
    """Accept, assess, ask, and the green form: each stored with its message."""
    for event, more, state, kind in (
        ("accept", (), "accepted", "accepted"),
        ("assess", ("--text", "kartlegging uke 4"), "assessing", "assessing"),
        ("answer", ("--form", COMPLETE), "confirmed", "green-form"),
        ("coordinator-left", (), "vacant", "coordinator-vacant"),
        ("forward", ("--text", "Koordinerende enhet, Dal"), "forwarded", "forwarded"),
    ):
        ran = run("act", "referral-03", event, *more, "--config", received, "--json")
        assert (ran.code, ran.err) == (0, "")
        assert (ran.data["state"], [one["kind"] for one in ran.data["messages"]]) == (state, [kind])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("close",), 2, "referral-03: --text: missing, and close needs it"),
        (("accept",), 3, "referral-03: the loop is sent: accept is not possible for the hospital now; possible now: "),
        (("nonsense",), 2, "EVENT: is one of send, "),
        (("time",), 2, "EVENT: is one of send, "),
        (("answer",), 2, "referral-03: --form: missing, and answer needs it"),
        (("close", "--form", COMPLETE, "--text", "x"), 2, "--form: close takes no form, answer does"),
        (("answer", "--form", NOTICE), 2, "is a notice, and a green-form is needed"),
        (("cancel", "--on", "tomorrow"), 2, "referral-03: --on: a date (2026-03-02) or a time"),
        (("cancel", "--on", "2026-01-11"), 2, "referral-03: --on: before the last change of the loop"),
        (("cancel", "--on", "2026-01-14T09:00"), 2, "ahead of the clock"),
        (("cancel", "--by", " "), 2, "--by: an id, a blank and a name"),
    ],
)
def test_what_is_refused(run: Run, sent: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    """Each refusal is one line with what is missing or possible, and nothing changes."""
    ran = run("act", "referral-03", *arguments, "--config", sent)
    assert (ran.code, ran.out) == (code, b"")
    assert words in ran.err
    assert ran.err.count("\n") == 1
    (still,) = run("referrals", "list", "--config", sent, "--json").data
    assert still["state"] == "sent"


def test_an_unknown_loop(run: Run, sides: Sides) -> None:
    """With an event or without: exit code 2, with its id."""
    for event in ((), ("cancel",)):
        ran = run("act", "nobody", *event, "--config", sides.hospital)
        assert (ran.code, ran.err) == (2, "ip-fhir: nobody: the store has no such referral\n")


def test_when_it_happened(run: Run, sides: Sides, sent: Path) -> None:
    """`--on` is the time of the event in Oslo; the day alone is the first moment at which it can have been."""
    sides.clock.set(datetime(2026, 1, 14, 8, 0, tzinfo=UTC))
    ran = run("act", "referral-03", "cancel", "--on", "2026-01-13T15:30", "--config", sent)
    assert ran.code == 0
    shown = run("referrals", "show", "referral-03", "--config", sent, "--json").data
    assert shown["changed"].startswith("2026-01-13T14:30:00")


def test_the_day_of_the_last_change(run: Run, sent: Path) -> None:
    """The notice was sent that day: what happened on the same day happened after it."""
    assert run("act", "referral-03", "cancel", "--on", "2026-01-12", "--config", sent).code == 0


def test_a_loop_is_closed(run: Run, sent: Path) -> None:
    """`referrals close` says why, tells the other side, and needs words."""
    assert run("referrals", "close", "referral-03", "--config", sent).code == 2
    ran = run("referrals", "close", "referral-03", "--text", "moved", "--config", sent, "--json")
    assert (ran.code, ran.data["state"]) == (0, "closed")
    assert [one["kind"] for one in ran.data["messages"]] == ["closure"]
    last = json.loads(run("referrals", "show", "referral-03", "--config", sent, "--json").out)
    assert last["reason"] == "moved"


def test_remind_on_a_finished_loop(run: Run, sent: Path) -> None:
    """In words, with what can be done instead (findings/users.md B)."""
    run("act", "referral-03", "cancel", "--config", sent)
    ran = run("remind", "referral-03", "--config", sent)
    refused = "the loop is cancelled: remind is not possible for the hospital now; nothing more can be done with it"
    assert (ran.code, ran.err) == (3, f"ip-fhir: referral-03: {refused}\n")

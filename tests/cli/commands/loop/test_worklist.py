"""`ip-fhir worklist`: what is to be done is listed, and done once; `--by` says who, in the evidence too."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.loop import decide
from ip_fhir.domain.message import Message
from ip_fhir.domain.referral import Event, EventKind, Role
from ip_fhir.exchange.commit import write
from ip_fhir.exchange.subscriptions.failures import tell_of_failure
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.mapping import message_to_fhir
from ip_fhir.ports.subscriptions import KeptSubscription, Subscription
from ip_fhir.settings import read_settings
from tests.cli.conftest import Run, Sides
from tests.support.two_sides import EXAMPLES, form, notice

NINA = "nina01 Nina Marie Testesen"


@pytest.fixture
def item(run: Run, sides: Sides) -> str:
    """A notice was parked at the hospital: that it was not delivered is on its worklist, under this id."""
    exchange = open_exchange(read_settings(sides.hospital))
    exchange.send_notice(notice("01"))
    (row,) = exchange.store.outbox("waiting")
    exchange.close()
    run("outbox", "park", row.id, "--config", sides.hospital, "--by", NINA)
    (listed,) = run("worklist", "list", "--config", sides.hospital, "--json").data
    return str(listed["id"])


def test_list_and_done(run: Run, sides: Sides, item: str) -> None:
    """Open, done by somebody with a note, and done only once."""
    (listed,) = run("worklist", "list", "--config", sides.hospital, "--json").data
    assert (listed["reason"], listed["done"]) == ("undelivered", None)
    assert listed["aggregate"] == {"kind": "referral", "id": "referral-01"}
    table = run("worklist", "list", "--config", sides.hospital, "--lang", "nb").text
    assert "meldingen kom ikke fram" in table
    assert notice("01").owner.name.family not in table
    done = run("worklist", "done", item, "--by", NINA, "--note", "ringte", "--config", sides.hospital, "--json")
    assert (done.code, done.data["by"]) == (0, {"id": "nina01", "name": "Nina Marie Testesen"})
    again = run("worklist", "done", item, "--by", "odd Odd", "--config", sides.hospital, "--json")
    assert again.data == done.data
    assert run("worklist", "list", "--config", sides.hospital).text == "nothing is to be done\n"
    (kept,) = run("worklist", "list", "--all", "--config", sides.hospital, "--json").data
    assert kept == done.data
    assert "Nina Marie Testesen ringte" in " ".join(
        run("worklist", "list", "--all", "--config", sides.hospital).text.split()
    )
    assert run("worklist", "done", item, "--by", NINA, "--config", sides.hospital).text.startswith(f"{item}: done 2026")


def test_of_one_loop(run: Run, sides: Sides, item: str) -> None:
    """Another loop has nothing to do."""
    assert len(run("worklist", "list", "--loop", "referral-01", "--config", sides.hospital, "--json").data) == 1
    ran = run("worklist", "list", "--loop", "referral-99", "--all", "--config", sides.hospital)
    assert ran.text == "nothing is on the worklist\n"


def test_an_item_that_is_not_there(run: Run, sides: Sides) -> None:
    """Exit code 2, with the id and the reason."""
    run("db", "upgrade", "--config", sides.hospital)
    ran = run("worklist", "done", "nobody", "--by", NINA, "--config", sides.hospital)
    assert (ran.code, ran.err) == (2, "ip-fhir: nobody: item: the worklist has no such item\n")
    ran = run("worklist", "show", "nobody", "--config", sides.hospital)
    assert (ran.code, ran.err) == (2, "ip-fhir: nobody: item: the worklist has no such item\n")


def test_an_item_about_no_loop_and_no_plan(run: Run, sides: Sides) -> None:
    """A subscription whose notifications failed: listed and shown in the field's words, with client and reason."""
    with closing(open_exchange(read_settings(sides.hospital))) as exchange:
        wanted = Subscription("s-1", "municipality", "Task", {}, "https://x.example", False, {}, exchange.now())
        tell_of_failure(exchange.store, KeptSubscription(wanted, 1, 0), "x.example: HTTP 500", exchange.now())
    (item,) = run("worklist", "list", "--config", sides.hospital, "--json").data
    assert (item["reason"], item["aggregate"]) == ("not-notified", {"kind": "subscription", "id": "s-1"})
    shown = run("worklist", "show", item["id"], "--config", sides.hospital, "--lang", "nb")
    assert shown.code == 0
    assert "et system som abonnerer, tar ikke imot varsler" in shown.text
    assert "municipality: x.example: HTTP 500" in shown.text


@pytest.mark.parametrize("by", ["", "nina01", " ", "nina01 \t", f"x {'y' * 300}"])
def test_who_is_an_id_and_a_name(run: Run, sides: Sides, item: str, by: str) -> None:
    """Half of it is refused, without repeating it."""
    ran = run("worklist", "done", item, "--by", by, "--config", sides.hospital)
    assert (ran.code, ran.err) == (
        2,
        "ip-fhir: --by: an id, a blank and a name, of at most 255 characters each\n",
    )


def test_the_evidence_says_who(run: Run, sides: Sides, item: str, tmp_path: Path) -> None:
    """Who sent the notice and who parked it: in the steps that are shown, and in what is exported."""
    steps = run("referrals", "show", "referral-01", "--config", sides.hospital, "--json").data["evidence"]
    assert [step["by"] for step in steps] == [None, {"id": "nina01", "name": "Nina Marie Testesen"}]
    assert "transport: Nina Marie Testesen" in run("referrals", "show", "referral-01", "--config", sides.hospital).text
    sent = run("notice", "send", EXAMPLES / "notices" / "03-stroke-patient.json", "--by", NINA, "-c", sides.hospital)
    assert (sent.code, "Nina" in sent.text) == (0, False)
    export = tmp_path / "evidence.ndjson"
    assert run("verify", "--export", export, "--config", sides.hospital).code == 0
    assert export.read_text(encoding="utf-8").count('"display":"Nina Marie Testesen"') == 2


def test_what_was_not_read_is_shown(run: Run, sides: Sides) -> None:
    """Beside the steps: the places of what came and was not read, in either language and for machines."""
    about = notice("03")
    with closing(open_exchange(read_settings(sides.municipality))) as exchange:
        said = Message.of_notice(about, "m-1").evolve(sent=exchange.now())
        bundle = message_to_fhir(said)
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == "ServiceRequest":
                entry["resource"]["patientInstruction"] = "Kanarifugl"
        reply = exchange.receive(write_json(bundle), "hospital")
    assert receipt_from_fhir(read_json(reply)).problems == ()
    shown = run("referrals", "show", "referral-03", "--config", sides.municipality, "--lang", "nb").text
    assert "er ikke lest (det er tatt vare på):\n  ServiceRequest.patientInstruction: is not read\n" in shown
    assert "Kanarifugl" not in shown
    data = run("referrals", "show", "referral-03", "--config", sides.municipality, "--json", "--no-names").data
    assert data["not_read"] == [{"path": "ServiceRequest.patientInstruction", "reason": "is not read"}]


def test_remind_and_answer_by_somebody(run: Run, sides: Sides) -> None:
    """The person goes with the other commands too; a wrong one is refused before anything is done."""
    form = EXAMPLES / "green_forms" / "03-stroke-patient-2-complete.json"
    for command in (["remind", "referral-03"], ["green-form", "send", form]):
        ran = run(*command, "--by", "nina01", "--config", sides.municipality)
        assert (ran.code, "--by" in ran.err) == (2, True)
        assert "--by" not in run(*command, "--by", NINA, "--config", sides.municipality).err


@pytest.fixture
def confirmed(sides: Sides) -> str:
    """The hospital has the complete green form of a stroke patient; the id of the item that says so."""
    hospital = open_exchange(read_settings(sides.hospital))
    hospital.send_notice(notice("03"))
    (row,) = hospital.store.claim("test", hospital.now(), timedelta(minutes=2), 10)
    answer = form("03-stroke-patient-2")
    came = Event(
        id="form-came", kind=EventKind.ANSWER, at=hospital.now(), raised_by=Role.MUNICIPALITY, form=answer,
        message_id="message-of-form", party="municipality",
    )  # fmt: skip
    with hospital.store.begin() as tx:
        before = tx.load(row.correlation_id)
        assert before is not None
        decision = decide(before.referral, came, Agreement())
        write(tx, before, decision, hospital.now(), context=hospital._context)
    (item,) = hospital.worklist()
    hospital.close()
    return item.id


def people() -> tuple[str, ...]:
    """Names, numbers and ways to reach that a screen which others see must not show."""
    answer, owner = form("03-stroke-patient-2"), notice("03").owner
    ways = [contact.value for one in answer.professionals for contact in one.contacts]
    return (owner.name.family, *(one.name.family for one in answer.professionals), *ways)


@pytest.mark.parametrize("command", ["referrals", "worklist"])
def test_show_says_who_and_how_to_reach_them(run: Run, sides: Sides, confirmed: str, command: str) -> None:
    """The person, the coordinator with phone and from when, the plan, in Norwegian. Source: users.md 0 (3), B."""
    of = confirmed if command == "worklist" else "referral-03"
    text = run(command, "show", of, "--config", sides.hospital, "--lang", "nb").text
    answer = form("03-stroke-patient-2")
    holder = answer.professional(answer.coordinators[0].holder)
    assert holder is not None
    start = answer.coordinators[0].period.start
    assert start is not None
    for said in (notice("03").owner.name.full, holder.name.full, *(c.value for c in holder.contacts)):
        assert said in text
    assert f"fra {start.isoformat()}" in text
    assert "koordinator bekreftet" in text
    assert "telefon" in text


@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.parametrize("command", [["referrals", "show"], ["worklist", "show"], ["worklist", "list", "--all"]])
def test_a_screen_that_others_see(run: Run, sides: Sides, confirmed: str, command: list[str], more: list[str]) -> None:
    """--no-names leaves out every name and number of a person, and what somebody wrote; the loop is still told."""
    run("worklist", "done", confirmed, "--by", NINA, "--note", "ringte Hansen", "--config", sides.hospital)
    which = [] if "list" in command else ["referral-03" if command[0] == "referrals" else confirmed]
    ran = run(*command, *which, "--no-names", *more, "--config", sides.hospital)
    assert ran.code == 0
    assert "referral-03" in ran.text
    shown = [one for one in (*people(), "Nina", "nina01", "Hansen") if one in ran.text]
    assert shown == []
    assert "Nina" in run("worklist", "show", confirmed, *more, "--config", sides.hospital).text


def test_no_english_among_the_norwegian(run: Run, sides: Sides, confirmed: str) -> None:
    """Events, sides, states and reasons: none is left as a code or in English. Source: users.md B, "half English"."""
    text = run("referrals", "show", "referral-03", "--config", sides.hospital, "--lang", "nb").text
    assert "et fullstendig skjema oppgir koordinatoren" in " ".join(text.split())
    for english in ("hospital:", "answer", "confirmed", "send ", "the notice", "consent", "complete"):
        assert english not in text.replace("hospital.", "")

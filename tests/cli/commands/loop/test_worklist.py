"""`ip-fhir worklist`: what is to be done is listed, and done once; `--by` says who, in the evidence too."""

from pathlib import Path

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.settings import read_settings
from tests.cli.conftest import Run, Sides
from tests.support.two_sides import EXAMPLES, notice

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


def test_remind_and_answer_by_somebody(run: Run, sides: Sides) -> None:
    """The person goes with the other commands too; a wrong one is refused before anything is done."""
    form = EXAMPLES / "green_forms" / "03-stroke-patient-2-complete.json"
    for command in (["remind", "referral-03"], ["green-form", "send", form]):
        ran = run(*command, "--by", "nina01", "--config", sides.municipality)
        assert (ran.code, "--by" in ran.err) == (2, True)
        assert "--by" not in run(*command, "--by", NINA, "--config", sides.municipality).err

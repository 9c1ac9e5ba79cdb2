"""`agreement`: what a file holds, what is wrong with it, and when things fall."""

import json
from pathlib import Path

import pytest

from ip_fhir.domain.agreement import Agreement, Contact, Party, load_agreements
from ip_fhir.domain.sharing.rights import Rights
from ip_fhir.domain.sharing.terms import RequestRule, ShareStart, SharingTerms
from tests.cli.conftest import Run
from tests.support.two_sides import EXAMPLES

FILE = EXAMPLES / "agreements" / "fjellregionen-nordvik.toml"
OF_ANY_TWO = EXAMPLES / "agreements" / "nordvik-skole-og-fastlege.toml"


def test_the_example_has_every_field() -> None:
    """The example shows all that an agreement can say, so that nobody has to look for it."""
    first, general = load_agreements(FILE.read_text(encoding="utf-8"))
    assert first.model_fields_set == set(Agreement.model_fields) - {"parties"}
    assert first.sharing.model_fields_set == set(SharingTerms.model_fields)
    assert first.sharing.rights.model_fields_set == set(Rights.model_fields)
    assert first.hospital is not None
    assert first.hospital.model_fields_set == set(Party.model_fields)
    assert {name for contact in first.ladder for name in contact.model_fields_set} == set(Contact.model_fields)
    assert general.between == ()
    assert [len(one.parties) for one in load_agreements(OF_ANY_TWO.read_text(encoding="utf-8"))] == [2, 2]


def test_what_is_agreed_on_sharing(run: Run) -> None:
    """Any two parties are named, with the terms on which they share plans; the default says that it lets none begin."""
    told = run("agreement", "check", OF_ANY_TWO, "--lang", "en").text
    for words in (
        "1. Nordvik kommune og Fjellby videregående skole",
        "   Party                       Fjellby videregående skole, org. 312028778",
        "   Plan received               told unacknowledged after 10 working days",
        "   To be decided               measures.period, reviews.status",
        "   Plan is shared              when the coordinator says so, for each party",
    ):
        assert words in told
    both = run("agreement", "check", FILE, "--lang", "nb").text
    assert "når parten er med i ansvarsgruppen og samtykket åpner for det" in both
    assert both.count("ikke: det krever en avtale som nevner begge parter") == 1


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_every_way_of_sharing_has_words(run: Run, tmp_path: Path, lang: str) -> None:
    """Whatever two parties agree on sharing, it is told in words."""
    parties = "parties = [{ her_id = '1' }, { her_id = '2' }]"
    file, said = tmp_path / "agreements.toml", set()
    for shares in ShareStart:
        for requests in RequestRule:
            terms = f"shares_begin = '{shares}'\nrequests = '{requests}'\nrequest_days = 77"
            file.write_text(f"[[agreement]]\n{parties}\n[agreement.sharing]\n{terms}\n")
            ran = run("agreement", "check", file, "--lang", lang)
            assert (ran.code, ran.text.count(" 77 ")) == (0, 1)
            said.add(ran.text)
    assert len(said) == 4


def test_checked(run: Run) -> None:
    """Everything an agreement holds is told, defaults included; as JSON, it is the agreement itself."""
    ran = run("agreement", "check", FILE, "--lang", "en")
    assert ran.code == 0
    for words in ("312001373", "within 3 working days", "00 00 01 02", "not allowed", "15 minutes", "§ 7-2"):
        assert words in ran.text
    assert [row["answer_days"] for row in run("agreement", "check", FILE, "--json").data] == [15, 15]


def test_every_mistake_with_file_and_field(run: Run, tmp_path: Path) -> None:
    """A line for each mistake, with file, table and field; exit code 2."""
    file = tmp_path / "agreements.toml"
    file.write_text("[[agreement]]\nanswer_days = -1\nanswer_dayz = 3\n[[agreement]]\nreminders = 'two'\n")
    ran = run("agreement", "check", file)
    assert (ran.code, ran.text) == (2, "")
    assert "answer_dayz" not in ran.err, "a word where a key belongs may be anything"
    assert "perhaps answer_days is meant" in ran.err
    for place in ("agreement.0.answer_days", "agreement.0", "agreement.1.reminders"):
        assert f"{file}: {place}: " in ran.err
    file.write_bytes(b"name = '\xff'")
    assert "is not UTF-8" in run("agreement", "check", file).err
    assert "No such file" in run("agreement", "explain", tmp_path / "none.toml").err


def test_explained(run: Run) -> None:
    """A day means noon in Norway; the table has the steps, the line has their numbers."""
    ran = run("agreement", "explain", FILE, "--sent", "2026-03-30", "--number", "1", "--lang", "nb")
    assert ran.code == 0
    assert "Meldingen er levert ma. 30. mars 2026 kl. 12:00" in ran.text
    assert "fr. 8. mai" in ran.text
    assert "Langfredag 3. april" in ran.text
    assert "For alle uten egen avtale" not in ran.text


@pytest.mark.parametrize(
    ("sent", "due"),
    [
        ("2026-03-30T09:15", "2026-04-07T07:15:00Z"),
        ("2026-03-30 09:15:00", "2026-04-07T07:15:00Z"),
        ("2026-03-30T09:15:00Z", "2026-04-07T09:15:00Z"),
    ],
)
def test_for_machines(run: Run, sent: str, due: str) -> None:
    """A moment may have a zone; all that comes out is in UTC, with the days counted and the holidays."""
    (told,) = run("agreement", "explain", FILE, "--sent", sent, "--number", "1", "--json").data
    first = told["steps"][0]
    assert (first["due"], first["day"], first["working_days"]) == (due, "2026-04-07", 3)
    assert [holiday["day"] for holiday in first["holidays"]] == ["2026-04-02", "2026-04-03", "2026-04-06"]
    assert "+" not in json.dumps(told)


def test_from_today_on(run: Run) -> None:
    """Without a day it is now."""
    told = run("agreement", "explain", FILE, "--json").data
    assert len(told) == 2
    assert all(step["due"] > one["sent"] for one in told for step in one["steps"])


def test_drawn(run: Run, tmp_path: Path) -> None:
    """The picture is written beside what is printed."""
    picture = tmp_path / "ladder.svg"
    assert run("agreement", "explain", FILE, "--sent", "2026-03-30", "--number", "1", "--svg", picture).code == 0
    assert picture.read_text(encoding="utf-8").startswith("<svg xmlns=")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--sent", "soon"), "--sent: is no day"),
        (("--number", "3"), "--number: there are 2 agreements"),
        (("--number", "0"), "--number: there are 2 agreements"),
        (("--svg", "x.svg"), "--svg: one picture shows one agreement of 2"),
        (("--number", "1", "--svg", "/no/such/place.svg"), "cannot be written"),
    ],
)
def test_what_cannot_be_done(run: Run, arguments: tuple[str, ...], reason: str) -> None:
    """One clear line, exit code 2."""
    ran = run("agreement", "explain", FILE, *arguments)
    assert ran.code == 2
    assert reason in ran.err

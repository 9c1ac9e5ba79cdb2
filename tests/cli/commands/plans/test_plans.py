"""`plan list`, `show`, `shares`: what a side has of plans, in words and for machines."""

from datetime import date
from pathlib import Path

import pytest

from ip_fhir.domain.people import Mandate, MandateKind, PersonName, RelatedPerson, Relationship
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.value import read
from tests.cli.commands.conftest import BY, PLAN, Around
from tests.cli.conftest import Run
from tests.support.ring import PERSON, make_plan


def test_a_plan_is_listed_without_a_name(run: Run, shared: Around) -> None:
    """At the holder with whom it is shared, at a participant with the number of its view."""
    (here,) = run("plan", "list", "--config", shared["municipality"], "--json").data
    assert (here["plan"], here["side"], here["shared_with"]) == (PLAN, "holder", ["hospital", "school"])
    (there,) = run("plan", "list", "--config", shared["hospital"], "--json").data
    assert (there["side"], there["holder"], list(there["views"].values())) == ("participant", "municipality", [1])
    shown = run("plan", "list", "--config", shared["municipality"], "--lang", "nb")
    assert "hospital, school" in shown.text
    assert "Ringtest" not in shown.text
    assert run("plan", "list", "--side", "participant", "--config", shared["municipality"]).text == "no plans\n"


def test_the_holder_reads_the_plan_and_with_whom_it_is_shared(run: Run, shared: Around) -> None:
    """In words: the plan, then each share with the number that its participant has; JSON is the plan itself."""
    shown = run("plan", "show", PLAN, "--config", shared["municipality"], "--lang", "nb")
    assert "Ada Ringtest" in shown.text
    assert "Søke om bolig" in shown.text
    assert "har utsnitt nr. 1" in shown.text
    assert all(len(line) <= 80 for line in shown.text.partition("\nId ")[0].splitlines())
    data = run("plan", "show", PLAN, "--config", shared["municipality"], "--json")
    assert read(IndividualPlan, data.out) == shared.current()


def test_a_participant_reads_its_view(run: Run, shared: Around) -> None:
    """What it was sent, with the terms on top; JSON is the view, as `plan change` reads it."""
    shown = run("plan", "show", PLAN, "--config", shared["school"], "--lang", "nb")
    assert "Utsnitt" in shown.text
    assert "bolig" not in shown.text.replace("unntatt bolig", "")
    data = run("plan", "show", PLAN, "--config", shared["school"], "--json")
    on = local_day(shared.ring.clock.now())
    assert read(PlanView, data.out) == see(shared.current(), shared.share("school"), on)


def test_the_holder_sees_what_a_participant_sees(run: Run, shared: Around) -> None:
    """`--as` a party is the view that it has; of a party without a share what it would see, which is told."""
    theirs = run("plan", "show", PLAN, "--config", shared["school"], "--json").data
    ours = run("plan", "show", PLAN, "--as", "school", "--config", shared["municipality"], "--json")
    assert (ours.data, ours.err) == (theirs, "")
    would = run("plan", "show", PLAN, "--as", "practice", "--config", shared["municipality"], "--lang", "nb")
    assert "Søke om bolig" in would.text
    assert "is not shared with it" in would.err
    nobody = run("plan", "show", PLAN, "--as", "elsewhere", "--config", shared["municipality"])
    assert (nobody.code, nobody.out) == (2, b"")
    assert run("plan", "show", PLAN, "--as", "school", "--config", shared["hospital"]).code == 2


def test_a_representative_sees_all_but_what_was_denied_them(run: Run, around: Around) -> None:
    """`--as` a person with a mandate: rule 8. Without a mandate there is nothing to see."""
    mother = RelatedPerson(
        id="mother",
        name=PersonName(family="Ringtest", given="Eva"),
        relationship=Relationship.MOTHER,
        mandate=Mandate(kind=MandateKind.WRITTEN),
    )
    plan = make_plan()
    file = around.write(plan.evolve(related_persons=(mother,)))
    ran = run("plan", "save", file, "--config", around["municipality"], *BY)
    assert ran.code == 0, ran.err
    shown = run("plan", "show", PLAN, "--as", "mother", "--config", around["municipality"], "--lang", "nb")
    assert "Søke om bolig" in shown.text
    own = run("plan", "show", PLAN, "--as", "owner", "--config", around["municipality"], "--json")
    assert read(IndividualPlan, own.out).goals == plan.goals


@pytest.mark.parametrize(
    ("agreed", "code"), [("", 0), ("[[agreements]]\nages = { health_consent = 15 }\n", 2)], ids=["law", "site"]
)
def test_the_sites_ages_end_a_parents_mandate(run: Run, around: Around, agreed: str, code: int) -> None:
    """`--as` the mother of a child of 15: she sees the plan, unless the site's own agreement lets it consent alone.

    The ages of an agreement with a party are for what that party sees.
    """
    mother = RelatedPerson(
        id="mother",
        name=PersonName(family="Ringtest", given="Eva"),
        relationship=Relationship.MOTHER,
        mandate=Mandate(kind=MandateKind.PARENT),
    )
    settings = around["municipality"]
    text = settings.read_text(encoding="utf-8")
    with_school = text.replace('content_level = "plan"\n', 'content_level = "plan"\nages = { health_consent = 13 }\n')
    settings.write_text(f"{with_school}\n{agreed}", encoding="utf-8")
    plan = make_plan()
    child = plan.owner.evolve(identifier=None, birth_date="2010-06-01")
    file = around.write(plan.evolve(owner=child, related_persons=(mother,)))
    assert run("plan", "save", file, "--config", settings, *BY).code == 0
    shown = run("plan", "show", PLAN, "--as", "mother", "--config", settings, "--lang", "nb")
    assert (shown.code, "Søke om bolig" in shown.text) == (code, code == 0)


def test_a_view_that_holds_no_longer_is_not_shown(run: Run, around: Around) -> None:
    """After the last day of a view its terms are shown, and nothing of its content, in words and as JSON."""
    plan = make_plan()
    permit = plan.consents[1].provisions[1].evolve(period={"end": date(2026, 1, 20)})
    deny = plan.consents[1].provisions[0]
    consent = plan.consents[1].evolve(provisions=(deny, permit), access="deny")
    run(
        "plan",
        "save",
        around.write(plan.evolve(consents=(plan.consents[0], consent))),
        "--config",
        around["municipality"],
        *BY,
    )
    run("plan", "share", PLAN, "hospital", "--yes", "--config", around["municipality"], *BY)
    around.settle()
    assert "Svømmetrening" in run("plan", "show", PLAN, "--config", around["hospital"]).text
    around.ring.clock.forward(days=9)
    around.keep_time()
    shown = run("plan", "show", PLAN, "--config", around["hospital"])
    assert shown.code == 0
    assert "Svømmetrening" not in shown.text
    assert "plan" not in run("plan", "show", PLAN, "--config", around["hospital"], "--json").data


def test_a_plan_is_found_by_the_persons_number(run: Run, shared: Around) -> None:
    """The number comes from stdin or a file, never from the command line, and stands in no error."""
    by_number = run("plan", "show", "--person", "-", "--config", shared["municipality"], stdin=f"{PERSON}\n".encode())
    assert "Ada Ringtest" in by_number.text
    file = shared.place / "number"
    file.write_text(str(PERSON), encoding="ascii")
    assert run("plan", "shares", "--person", file, "--config", shared["hospital"], "--json").data["plan"] == PLAN
    nobody = run("plan", "show", "--person", "-", "--config", shared["practice"], stdin=str(PERSON).encode())
    assert (nobody.code, nobody.out) == (2, b"")
    wrong = run("plan", "show", "--person", "-", "--config", shared["practice"], stdin=b"12057900490")
    assert wrong.code == 2
    assert "12057900490" not in wrong.err
    assert str(PERSON) not in nobody.err


@pytest.mark.parametrize("arguments", [(), (PLAN, "--person", "-"), ("no-such-plan",)])
def test_one_plan_has_to_be_named(run: Run, shared: Around, arguments: tuple[str, ...]) -> None:
    """Neither, both, or an unknown one: exit code 2."""
    assert run("plan", "show", *arguments, "--config", shared["municipality"], stdin=str(PERSON).encode()).code == 2


def test_no_names_shows_no_word_of_the_plan(run: Run, shared: Around) -> None:
    """For a screen that others see: ids, states and numbers only, in words and as JSON."""
    for more in ((), ("--json",)):
        shown = run("plan", "show", PLAN, "--no-names", *more, "--config", shared["municipality"])
        assert shown.code == 0
        assert PLAN in shown.text
        assert not [word for word in ("Ringtest", "Nina", "Svømme", "bolig") if word in shown.text]


def test_no_secret_of_a_share_is_shown(run: Run, shared: Around) -> None:
    """The key from which a share's ids are made leaves no command."""
    key = shared.share("school").key
    for command in (("show", PLAN), ("shares", PLAN), ("list",), ("access-log", PLAN), ("history", PLAN)):
        assert key not in run("plan", *command, "--config", shared["municipality"], "--json").text


def test_an_earlier_version(run: Run, saved: Around, tmp_path: Path) -> None:
    """`--version` shows what was saved then."""
    later = saved.current().evolve(title="Planen min")
    run("plan", "save", saved.write(later), "--config", saved["municipality"], *BY)
    first = run("plan", "show", PLAN, "--version", "1", "--config", saved["municipality"], "--json")
    assert read(IndividualPlan, first.out) == make_plan()
    assert run("plan", "show", PLAN, "--version", "9", "--config", saved["municipality"]).code == 2

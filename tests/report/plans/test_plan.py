"""The plan and a view of it in words: all of it is there, on lines that fit, without codes and numbers of persons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings

from ip_fhir.domain.consent.protection import EVERY_PART, LocatingPart
from ip_fhir.domain.people import AddressProtection
from ip_fhir.domain.plan import IndividualPlan, Measure, MeasureStatus, Review, ReviewKind
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.sharing.view import Opening
from ip_fhir.domain.team import CareTeam, Coordinator
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from ip_fhir.report.plans.layout import WIDTH, short
from ip_fhir.report.plans.plan import plan_lines
from ip_fhir.report.plans.preview import preview_lines, previews
from ip_fhir.report.plans.view import view_lines
from ip_fhir.report.plans.warnings import seen_by, warnings
from ip_fhir.report.words.codes import LANGUAGES, Language
from tests.report.plans.texts import ON, TEXTS, UNTIL, example, file_of, school_view, text_of
from tests.support import strategies as make


def words_of(lines: Iterable[str]) -> str:
    """All the words of a text, with one blank between them."""
    return " ".join("\n".join(lines).split())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TEXTS)
def test_as_it_was_read(name: str, language: Language) -> None:
    """The text is the one that somebody has read and found good (`python -m tests.report.plans.texts`)."""
    assert text_of(name, language) == file_of(name, language).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@given(plan=make.plans())
@settings(max_examples=30)
def test_any_plan(language: Language, plan: IndividualPlan) -> None:
    """Any plan is told whole, on lines that fit a screen, without the numbers of persons."""
    lines = list(plan_lines(plan, language, ON, EVERY_PART))
    said = words_of(lines)
    for text in (
        *(goal.text for goal in plan.goals),
        *(measure.what for measure in plan.measures),
        *(need.text for need in plan.needs),
        *(resource.text for resource in plan.resources),
        *(item.text for item in plan.contributions),
        *(person.name.full for person in plan.related_persons),
    ):
        assert " ".join(text.split()) in said
    unbroken = 40  # letters that a word, a day or a phone number may have where a line has room for it
    for line in lines:
        assert len(line) <= WIDTH or max(len(word) for word in line.split(" ")) > unbroken
    assert plan.owner.identifier is None or str(plan.owner.identifier) not in said


def test_each_measure_is_told_once() -> None:
    """A measure stands under the first of its goals; the others refer to it by its number."""
    lines = list(plan_lines(example(2), "nb", ON))
    assert len([line for line in lines if line.strip().startswith("Tiltak ")]) == len(example(2).measures)
    place = lines.index("   2.1  Møte til hver time hos psykologen")
    assert "   Se også tiltak: 1, 5" in lines[:place]
    assert "        Tiltak 5: Samtaler med psykolog" in lines[place:]


def test_a_measure_without_a_goal() -> None:
    """It stands in a section of its own, with its life areas."""
    plan = example(1).evolve(measures=(Measure(id="m", what="Drosje", areas=(LifeArea.TRANSPORT,)),))
    lines = list(plan_lines(plan, "nb", ON))
    place = lines.index("Andre tiltak")
    assert lines[place + 2 : place + 5] == ["Tiltak 1: Drosje", "   Ikke begynt.", "   Livsområder: transport"]


def test_a_status_with_its_reason() -> None:
    """The reason stands beside the status that it explains."""
    said = words_of(plan_lines(example(2), "nb", ON))
    assert "Satt på vent: Stanset etter tilbakefall; ny avtale i september. Fra 7. mars 2026." in said
    stopped = example(2).measures[0].evolve(status=MeasureStatus.STOPPED, status_reason=None)
    said = words_of(plan_lines(example(2).evolve(measures=(stopped,)), "en", ON))
    assert "Stopped. From 15 Jan 2026." in said


def test_who_coordinates_depends_on_the_day() -> None:
    """Those of the day with the ways to reach them; the others as earlier or later ones; else that nobody does."""
    then, now = (list(plan_lines(example(5), "nb", day)) for day in (date(2024, 9, 15), ON))
    assert "Ingen for tiden." in then
    assert "Senere: Inger Lise Balto (Avdelingssykepleier), koordinator. Fra 15. okt. 2024." in then
    assert "Koordinator: Inger Lise Balto (Avdelingssykepleier)" in now
    assert any(line.startswith("   Kontakt: telefon +47 ") for line in now[now.index("Koordinator") :])
    assert "Tidligere: Kåre Myhre (Sykepleier i hjemmetjenesten), koordinator. Fra" in now


def test_nobody_coordinates() -> None:
    """A plan without a team says so, and how to reach the coordinating unit."""
    lines = list(plan_lines(example(1).evolve(team=None), "en", ON))
    place = lines.index("Coordinator")
    assert lines[place + 2] == "Nobody at present."
    assert lines[place + 3].startswith("Coordinating unit: Koordinerende enhet Nordvik, phone")


def test_two_coordinators_and_a_vacant_place() -> None:
    """The reason for two at once is told; a place that nobody holds yet is told as nobody's."""
    plan = example(1)
    holder = plan.professionals[0].id
    places = (
        Coordinator(id="c-1", holder=holder),
        Coordinator(id="c-2", holder=plan.professionals[1].id, wish_honoured=False, wish_reason="Bor langt unna."),
        Coordinator(id="c-3", period=Period(start=date(2030, 1, 1))),
    )
    team = CareTeam(id="t", coordinators=places[:2], two_coordinators_reason="Opplæring.")
    said = words_of(plan_lines(plan.evolve(team=team), "nb", ON))
    assert "To koordinatorer samtidig fordi: Opplæring." in said
    assert "Personens ønske er ikke fulgt: Bor langt unna." in said
    later = team.evolve(coordinators=(places[0].evolve(period=Period(end=UNTIL)), places[2]))
    assert "Senere: Ingen for tiden, koordinator. Fra 1. jan. 2030." in words_of(
        plan_lines(plan.evolve(team=later), "nb", ON)
    )


def test_a_review_that_was_not_held() -> None:
    """A planned review whose day has passed is marked."""
    review = Review(id="r", kind=ReviewKind.FOLLOW_UP, planned=ON - timedelta(days=1))
    said = words_of(plan_lines(example(1).evolve(reviews=(review,)), "nb", ON))
    assert "31. aug. 2026: oppfølging, planlagt (dagen er passert)" in said


def test_a_protected_address_is_not_shown() -> None:
    """Parts that lead to the person are shown only where they are released; the text says which are not."""
    plan = example(1)
    plan = plan.evolve(owner=plan.owner.evolve(protection=AddressProtection.STRICTLY_CONFIDENTIAL))
    said = words_of(plan_lines(plan, "nb", ON))
    for hidden in ("Furulia", "+47 00 00 05 01", "Hos mormor"):
        assert hidden not in said
    assert (
        "Vises ikke her: adresse, bostedskommune, telefon og e-post og steder for tiltak (strengt fortrolig adresse)"
    ) in said
    ticked = words_of(plan_lines(plan, "nb", ON, (LocatingPart.PLACES,)))
    assert "Hos mormor" in ticked
    assert "Furulia" not in ticked
    assert "Vises ikke her" not in words_of(plan_lines(plan, "nb", ON, EVERY_PART))


def test_consents_in_words() -> None:
    """Who said what, with exceptions; a refusal, a draft; and where there is none."""
    said = words_of(plan_lines(example(4), "nb", date(2026, 4, 1)))
    assert "- Samtykke til deling 26. mars 2026, personen selv. Elektronisk. Utkast, gjelder ikke." in said
    assert "Muntlig. Personen har sagt nei." in said
    assert "- Ingenting:" in said
    assert "Det er ikke registrert noe samtykke." in words_of(plan_lines(example(1).evolve(consents=()), "nb", ON))


def test_a_view_has_its_terms_on_top() -> None:
    """Number, since when, until when, level and open areas; that it is not the whole plan; no consents."""
    said = words_of(view_lines(school_view(3), "nb", ON))
    assert said.startswith(
        "Utsnitt av individuell plan for Ylva Solbakk Nordås, født 17. mai 2019 Utsnitt nr.: 3, "
        "delt siden 1. mai 2026, sist endret 21. aug. 2026 Gjelder: til og med 30. juni 2028 Avtalen åpner for: "
        "hele planen Åpent for oss: alt unntatt behov hos foreldre, ektefelle, barn (til og med 30. juni 2028) "
        "Dette er ikke hele planen."
    )
    assert "Nattevakt i hjemmet" not in said
    assert "Samtykker" not in said


def test_a_view_that_holds_no_longer() -> None:
    """After its last day nothing of its content is shown; on that day all of it is."""
    view = school_view()
    assert "klatrestativet" in words_of(view_lines(view, "nb", UNTIL))
    after = words_of(view_lines(view, "nb", UNTIL + timedelta(days=1)))
    assert after.endswith("Utsnittet gjelder ikke lenger, og vises derfor ikke.")
    assert "klatrestativet" not in after
    assert "Åpent for oss: ingen livsområder" in after


def test_a_view_without_an_end_and_with_an_area_that_opens() -> None:
    """It holds until a newer one comes; what opens later is told with its day."""
    later = Opening(area=LifeArea.FAMILY, since=ON + timedelta(days=30))
    view = school_view(until=None)
    said = words_of(view_lines(view.evolve(openings=(*view.openings, later)), "en", ON))
    assert "Holds: until a newer one comes" in said
    assert "Open to us: all but needs of parents, spouse, children" in said
    assert "Opens later: needs of parents, spouse, children (from 1 Oct 2026)" in said


@pytest.mark.parametrize("language", LANGUAGES)
@given(plan=make.plans())
@settings(max_examples=20)
def test_any_view_and_its_preview(language: Language, plan: IndividualPlan) -> None:
    """The view of any plan is told by its terms and content, and its preview with a line for each item."""
    units = tuple(organization.id for organization in plan.organizations)
    share = Share(id="s", plan=plan.id, party="p", organizations=units, key="1b" * 32, began=ON)
    view = see(plan, share, ON)
    said = words_of(view_lines(view, language, ON))
    assert all(" ".join(goal.text.split()) in said for goal in view.plan.goals)
    seen = {"A": seen_by(plan, share, view, ON)}
    (found,) = previews(plan, {"A": view}, {"A": None}, seen)
    hidden = [item for item in found.hidden if item.field == "goals"]
    assert len(hidden) + len(view.plan.goals) == len(plan.goals)
    lines = list(preview_lines(plan, (found,), warnings(plan, seen), language, ON))
    assert all(short(goal.text, 76) in words_of(lines) for goal in plan.goals)

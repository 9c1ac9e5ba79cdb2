"""The readable difference of two versions: every field that differs is told, in words, and no person's number is."""

from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from ip_fhir.domain.merge.difference import difference
from ip_fhir.domain.merge.places import BOOKKEEPING, ITEMS, PARTS
from ip_fhir.domain.people import Address, ContactPoint, ContactSystem, PersonName
from ip_fhir.domain.plan import IndividualPlan, MeasureStatus, PlanStatus
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period, Value
from ip_fhir.errors import InvalidInput
from ip_fhir.report.plan_difference import plan_difference
from ip_fhir.report.words.codes import LANGUAGES
from ip_fhir.report.words.plan_fields import FIELD_WORDS

EXAMPLES = sorted(Path("examples/plans").glob("*.json"))


@pytest.fixture
def plan() -> IndividualPlan:
    """The first example."""
    return IndividualPlan.from_json(EXAMPLES[0].read_text(encoding="utf-8"))


def lines(before: IndividualPlan, after: IndividualPlan, language: Any = "nb") -> list[str]:
    """The lines, with ordinary blanks."""
    return [line.replace("\xa0", " ") for line in plan_difference(before, after, language)]


def test_a_measure_begins(plan: IndividualPlan) -> None:
    """Status, reason, period and areas, by the title that the measure had; in both languages."""
    measure = plan.measures[0].evolve(
        what="Trening",
        status=MeasureStatus.IN_PROGRESS,
        status_reason="Bassenget er åpnet",
        period=Period(start=date(2026, 3, 1)),
        areas=tuple(LifeArea)[:2],
        responsible=plan.professionals[1].id,
    )
    after = plan.evolve(version=plan.version + 1, measures=(measure, *plan.measures[1:]))
    name, treatment = "Tiltak «Styrke- og balansetrening»", "behandling, trening, medisiner"
    assert lines(plan, after) == [
        f"{name}: tiltak fra «Styrke- og balansetrening» til «Trening»",
        f"{name}: livsområder fra «{treatment}» til «sosialt nettverk; {treatment}»",
        f"{name}: ansvarlig fra «Håkon Løvås» til «{plan.professionals[1].name.full}»",
        f"{name}: periode fra «fra 2. mars 2026 til 14. aug. 2026» til «fra 1. mars 2026»",
        f"{name}: status fra «gjennomført» til «i gang»",
        f"{name}: grunn for status satt til «Bassenget er åpnet»",
    ]
    assert "Measure “Styrke- og balansetrening”: status from “carried out” to “in progress”" in lines(plan, after, "en")


def test_items_come_and_go(plan: IndividualPlan) -> None:
    """What is new, what is gone, another order; and a plan that did not change, or only in its bookkeeping."""
    without = plan.evolve(measures=plan.measures[1:], goals=plan.goals)
    title = plan.measures[0].what
    assert lines(plan, without) == [f"Tiltak «{title}»: fjernet"]
    assert lines(without, plan) == [f"Tiltak «{title}»: lagt til"]
    assert lines(plan, plan.evolve(measures=plan.measures[::-1])) == ["Tiltak: ny rekkefølge"]
    assert lines(plan, plan) == lines(plan, plan.evolve(version=99, author=None)) == []


def test_the_plan_and_the_person(plan: IndividualPlan) -> None:
    """Fields that no item has are told of the plan, the person or the team."""
    owner = plan.owner.evolve(name=PersonName(given="Ylva", family="Nyen"), language="en", needs_interpreter=True)
    after = plan.evolve(title=None, owner=owner, status=PlanStatus.ENDED, note="Ny")
    told = lines(plan, after)
    assert "Planen selv: tittel «Ylvas plan» tatt bort" in told
    assert "Planen selv: status fra «i bruk» til «avsluttet»" in told
    assert "Personen: navn fra «Ylva Solbakk Nordås» til «Ylva Nyen»" in told
    assert "Personen: språk fra «bokmål» til «engelsk»" in told
    assert "Personen: behov for tolk satt til «ja»" in told


def test_a_team_that_was_not_there(plan: IndividualPlan) -> None:
    """Each member and coordinator is told as new, or as gone."""
    assert plan.team is not None
    nobody = plan.evolve(team=None)
    number = len(plan.team.memberships) + len(plan.team.coordinators)
    assert [line.rpartition(": ")[2] for line in lines(nobody, plan)] == ["lagt til"] * number
    assert [line.rpartition(": ")[2] for line in lines(plan, nobody)] == ["fjernet"] * number


def test_numbers_and_addresses_are_not_told(plan: IndividualPlan) -> None:
    """Only that they changed."""
    number = PersonId("14826121549")
    address = Address(lines=("Hemmeligveien 7",), postal_code="0001", city="Oslo")
    phone = ContactPoint(system=ContactSystem.PHONE, value="+47 99 99 99 99")
    owner = plan.owner.evolve(identifier=number, address=address, contacts=(phone,))
    after = plan.evolve(owner=owner)
    told = "\n".join(lines(plan, after))
    assert "fødselsnummer eller annet nummer endret" in told
    assert "adresse endret" in told
    assert "kontaktopplysninger endret" in told
    for secret in (str(number), str(plan.owner.identifier), "Hemmeligveien", "99 99"):
        assert secret not in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_difference_is_told(language: str) -> None:
    """Of any two example plans, however different, each difference is a line at least, and no line is without words."""
    plans = [IndividualPlan.from_json(file.read_text(encoding="utf-8")) for file in EXAMPLES]
    for before in plans:
        for after in plans:
            told = lines(before, after, language)
            changes = [one for one in difference(before, after) if one.field not in (*BOOKKEEPING, "id")]
            assert len(told) >= len(changes)
            assert all(line.partition(": ")[2] for line in told)
            assert not any("None" in line or "()" in line for line in told)


def test_every_field_has_words() -> None:
    """Each field of a plan, of its parts and of its items, so that a new one is told from the beginning."""
    models: list[type[Value]] = [IndividualPlan]
    for model in models:
        for name in (*ITEMS.get(model, ()), *PARTS.get(model, ())):
            found = model.model_fields[name].annotation
            inner = next(one for one in (*get_args(found), found) if isinstance(one, type) and issubclass(one, Value))
            models.append(inner)
    assert len(models) > 12
    fields = {name for model in models for name in model.model_fields} - {*BOOKKEEPING, "id"}
    assert fields == set(FIELD_WORDS)
    assert all(norwegian and english for norwegian, english in FIELD_WORDS.values())


def test_what_is_no_plan() -> None:
    """A wrong argument is told by its name."""
    with pytest.raises(InvalidInput, match="before: is no IndividualPlan"):
        plan_difference({}, {}, "nb")  # type: ignore[arg-type]

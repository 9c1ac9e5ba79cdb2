"""Places and values of a change in words: what it is about, and both values, without ways to reach people."""

from __future__ import annotations

from ip_fhir.domain.plan import Measure, MeasureStatus
from ip_fhir.report.plans.values import place_words, told_value
from ip_fhir.report.plans.wording import Wording
from tests.report.plans.texts import ON, example

PLAN = example(1)
NOW = Wording(PLAN, "nb", ON)
MORE = PLAN.evolve(measures=(*PLAN.measures, Measure(id="more", what="Ridning")))
WISHED = Wording(MORE, "nb", ON)


def test_the_place_of_a_part() -> None:
    """An item by kind and title and its field; one that is added; a field of the plan; one that is gone by its kind."""
    both = (NOW, WISHED)
    assert place_words(both, "measures.status", "person-01-measure-1") == "Tiltak «Styrke- og balansetrening»: status"
    assert place_words(both, "measures", "more") == "Tiltak «Ridning»"
    assert place_words(both, "measures.period", "gone") == "Tiltak: periode"
    assert place_words(both, "title", None) == "Planen selv: tittel"
    assert place_words(both, "owner.language", None) == "Personen: språk"
    assert place_words((Wording(PLAN, "en", ON),), "note", None) == "The plan itself: note"


def test_the_value_of_a_part() -> None:
    """Words, codes, days, people and items in words; none as a hyphen."""
    assert told_value(NOW, "measures.what", "Ridning") == "«Ridning»"
    assert told_value(NOW, "measures.status", MeasureStatus.ON_HOLD) == "«satt på vent»"
    assert told_value(NOW, "measures.period", PLAN.measures[0].period) == "«fra 2. mars 2026 til 14. aug. 2026»"
    assert told_value(NOW, "measures.responsible", "pro-ppt") == "«Kjersti Vågå»"
    assert told_value(WISHED, "measures", MORE.measures[-1]) == "Ridning"
    assert told_value(NOW, "measures.where", None) == told_value(NOW, "measures.goals", ()) == "-"


def test_what_leads_to_a_person_is_not_told() -> None:
    """A number, an address, a way to reach somebody: only that there is one."""
    assert told_value(NOW, "owner.identifier", PLAN.owner.identifier) == "vises ikke her"
    assert told_value(NOW, "owner.address", PLAN.owner.address) == "vises ikke her"
    assert told_value(NOW, "professionals.contacts", PLAN.professionals[0].contacts) == "vises ikke her"

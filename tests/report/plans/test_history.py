"""The history of a plan: each version with its time, its author, and what changed in a few words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from ip_fhir.domain.plan import IndividualPlan, MeasureStatus
from ip_fhir.domain.referral import Author
from ip_fhir.report.plans.history import history_headings, history_rows
from ip_fhir.report.words.codes import LANGUAGES, Language
from tests.report.plans.texts import example

AT = datetime(2026, 8, 21, 22, 30, tzinfo=UTC)
NINA = Author(id="nina01", name="Nina Testesen")


@dataclass(frozen=True)
class Saved:
    """A version as a store keeps it."""

    version: int
    plan: IndividualPlan
    saved: datetime = AT
    by: Author | None = NINA


def test_what_changed_in_a_few_words() -> None:
    """Items by kind and number, fields of the plan by name; version, day and author of the writing are no change."""
    first = example(1)
    measures = (*first.measures[:-2], first.measures[-1].evolve(status=MeasureStatus.ON_HOLD))
    second = first.evolve(version=4, measures=measures, needs=first.needs[:1], note="Ny", author=None)
    added = second.evolve(
        version=5, needs=first.needs, team=second.team.evolve(memberships=()) if second.team else None
    )
    moved = added.evolve(version=6, goals=(*first.goals[1:], first.goals[0]), status="ended")
    versions = [Saved(3, first), Saved(5, added, by=None), Saved(4, second), Saved(6, moved), Saved(7, moved)]
    assert history_rows(versions, "nb") == [
        ("7", "2026-08-22 00:30", "Nina Testesen", "Ingenting."),
        ("6", "2026-08-22 00:30", "Nina Testesen", "Planen selv: status; Ny rekkefølge: Mål"),
        ("5", "2026-08-22 00:30", "", "Behov: 3 lagt til; Team: 10 fjernet"),
        (
            "4",
            "2026-08-22 00:30",
            "Nina Testesen",
            "Tiltak: 1 endret, 1 fjernet; Behov: 3 fjernet; Planen selv: merknad",
        ),
        ("3", "2026-08-22 00:30", "Nina Testesen", "Versjonen før finnes ikke her."),
    ]


def test_the_first_version() -> None:
    """It says that the plan was made; without names nobody is named."""
    assert history_rows([Saved(1, example(2))], "en", names=False) == [
        ("1", "2026-08-22 00:30", "", "The plan was made.")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_row_has_its_headings(language: Language) -> None:
    """A heading for each column."""
    (row,) = history_rows([Saved(1, example(2))], language)
    assert len(row) == len(set(history_headings(language)))

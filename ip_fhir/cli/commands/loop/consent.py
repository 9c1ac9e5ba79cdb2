"""`consent matrix`: a table of who may see which life areas of a plan, until when, and by which rule not."""

from __future__ import annotations

from datetime import date, datetime
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from ip_fhir.cli.options import File, Json, Lang, spoken

if TYPE_CHECKING:
    from rich.table import Table

    from ip_fhir.domain.consent.matrix import Cell, ConsentMatrix
    from ip_fhir.domain.values.terms import LifeArea
    from ip_fhir.report.words.codes import Language

app = typer.Typer(help="Consent to sharing what a plan says.", no_args_is_help=True)

_WIDTH = 100
_NAME = 38  # what twelve columns of four letters leave of a hundred


@app.callback()
def top() -> None:
    """Keep `matrix` a command of its own, though it is the only one."""


@app.command("matrix")
def matrix(
    file: File,
    on: Annotated[
        str | None, typer.Option("--on", help="The day that is asked about. By default today.", show_default=False)
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Say who may see what.

    A row for everybody that the plan names, a column for each life area: yes, yes until a day, or no by which rule.
    """
    from ip_fhir.cli.files import expect, read_file, read_value
    from ip_fhir.cli.output import emit
    from ip_fhir.domain.consent.matrix import consent_matrix
    from ip_fhir.domain.plan import IndividualPlan

    content = read_file(file)
    expect(content, "plan")
    found = consent_matrix(read_value(IndividualPlan, content), _day(on))
    if as_json:
        emit(found.to_data())
    else:
        _show(found, spoken(lang))


def _day(text: str | None) -> date:
    from ip_fhir.domain.values.calendar import OSLO
    from ip_fhir.errors import InvalidInput

    if text is None:
        return datetime.now(OSLO).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput.at("--on", "is no day (2026-03-30)") from None


def _show(found: ConsentMatrix, language: Language) -> None:
    from ip_fhir.cli.output import console, say
    from ip_fhir.report.words.codes import day_words

    words = _WORDS[language]
    notes: dict[tuple[date | None, str | None], str] = {}
    made = _table(found, notes, language)
    say(words["title"].format(plan=found.plan, day=day_words(found.on, language, year=True)))
    say()
    console().print(made)
    say()
    for (until, rule), mark in sorted(notes.items(), key=lambda note: (note[0][1] is not None, note[1])):
        meaning = words["until"].format(day=day_words(until, language, year=True)) if until else rule
        say(f"{mark:<4}{meaning or words['yes']}")
    say()
    kept = "\N{NO-BREAK SPACE}"
    heads = (f"{_short(area, language)}: {_area(area, language)}".replace(" ", kept) for area in _areas())
    for line in wrap("; ".join(heads), _WIDTH, break_long_words=False):
        say(line.replace(kept, " "))


def _table(found: ConsentMatrix, notes: dict[tuple[date | None, str | None], str], language: Language) -> Table:
    """Returns the table, and fills `notes` with the mark that stands for each last day or refusing rule."""
    from rich.text import Text

    from ip_fhir.cli.output import table

    made = table(_WORDS[language]["who"])
    made.padding = 0
    made.columns[0].no_wrap = True
    made.columns[0].overflow = "ellipsis"
    made.columns[0].max_width = _NAME
    for area in _areas():
        made.add_column(_short(area, language), min_width=4, no_wrap=True)
    group = None
    for seer in found.seers:
        if seer.group is not group:
            made.add_row(Text(_WORDS[language][seer.group], style="bold"))
            group = seer.group
        marks = (Text(_mark(cell, notes, language), style="green" if cell.allowed else "red") for cell in seer.cells)
        made.add_row(Text(f"  {seer.name}"), *marks)
    return made


def _mark(cell: Cell, notes: dict[tuple[date | None, str | None], str], language: Language) -> str:
    """Returns a cell's mark: `✓`, `✓` with a letter for a last day, or a number for a rule. Same reason, same mark."""
    from ip_fhir.report.words.codes import word

    key = (cell.until, None if cell.rule is None else f"{word(cell.rule, language)} ({cell.rule})")
    if key not in notes:
        same = sum(1 for until, rule in notes if (rule is None) is cell.allowed and (until or rule))
        letter = chr(ord("a") + same)
        notes[key] = str(same + 1) if not cell.allowed else f"✓{letter}" if cell.until else "✓"
    return notes[key]


def _areas() -> tuple[LifeArea | None, ...]:
    from ip_fhir.domain.consent.matrix import AREAS

    return AREAS


def _area(area: LifeArea | None, language: Language) -> str:
    from ip_fhir.report.words.codes import word

    return _WORDS[language]["general"] if area is None else word(area, language)


def _short(area: LifeArea | None, language: Language) -> str:
    """Returns the life area's column heading, of four letters at most."""
    return _SHORT[language][_areas().index(area)]


_SHORT: dict[Language, tuple[str, ...]] = {
    "nb": ("Alm", "Nett", "Beh", "Utd", "Øko", "Tran", "Hjem", "Mat", "Arb", "Bo", "Fri", "Fam"),
    "en": ("Gen", "Net", "Care", "Edu", "Econ", "Tran", "Home", "Food", "Work", "Hous", "Leis", "Fam"),
}
_WORDS: dict[Language, dict[str, str]] = {
    "nb": {
        "title": "Hvem som får se hva av {plan}, {day}",
        "who": "Hvem",
        "team": "Deltar nå",
        "named": "Nevnt i planen",
        "organization": "Virksomheter",
        "yes": "ja, uten sluttdato",
        "until": "ja, til og med {day}",
        "general": "det som ikke hører til noe livsområde",
    },
    "en": {
        "title": "Who may see what of {plan}, {day}",
        "who": "Who",
        "team": "Taking part now",
        "named": "Named in the plan",
        "organization": "Organisations",
        "yes": "yes, without an end",
        "until": "yes, until {day}",
        "general": "what belongs to no life area",
    },
}

"""The mapping tables as one HTML page, for readers who know the field and not the code."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ip_fhir.fhir.data import root
from ip_fhir.report.table_review import code_lines, in_words, sheets

if TYPE_CHECKING:
    from ip_fhir.mapping import Mapper
    from ip_fhir.report.table_review import ReviewedRow, Sheet
    from ip_fhir.report.words.codes import Language

_GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("The plan", "What the plan says, its goals, measures and reviews.", ("CarePlan", "Goal", "Need", "Appointment")),
    ("The care team and consent", "Who takes part, who coordinates, what may be shared.", ("CareTeam", "Consent")),
    (
        "People and organisations",
        "Actors follow the Norwegian base profiles (no-basis).",
        ("Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization"),
    ),
    (
        "Notice, green form and messages",
        "What hospital and municipality tell each other.",
        ("Notice", "NoticeForm", "GreenForm", "MessageHeader", "Communication", "Task"),
    ),
    (
        "Sharing of the plan",
        "What a participant sees, and what holder and participant tell each other.",
        (
            *("PlanView", "PlanMessageHeader", "PlanWithdrawn", "PlanChange", "PlanChangeAnswer", "PlanInvitation"),
            *("PlanReply", "PlanRequest", "PlanHandover", "PlanGone", "PlanState"),
        ),
    ),
    (
        "The same over HL7 v2",
        "REF, RRI and PPG, for who connects a system that speaks HL7 v2: what has no field of its own is a row of OBX.",
        (
            *("V2Referral", "V2Response", "V2Notice", "V2GreenForm", "V2Standard"),
            *("V2Pathway", "V2Goal", "V2Problem", "V2Order"),
        ),
    ),
)


def mappings_page(mapper: Mapper, language: Language = "en") -> str:
    """Returns the page as HTML. Needs the extra `report` (jinja2)."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ip_fhir.report", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("pages/mappings.html.j2")
    codes = {name: code_lines(mapper, name) for name in mapper.tables.codes}
    used = {name: _users(mapper, name) for name in codes}
    any_own = any(line.own for table in sheets(mapper) for line in table.lines)
    any_own = any_own or any(line.own for lines in codes.values() for line in lines)
    sources = tomllib.loads((root() / "sources.toml").read_text(encoding="utf-8"))
    speech = _Speech(language, sources)
    return template.render(groups=_groups(mapper), codes=codes, used=used, any_own=any_own, sources=sources, s=speech)


class _Speech:
    """The page's words in its language. Raises `KeyError` for words that have no Norwegian translation."""

    def __init__(self, language: Language, sources: dict[str, dict[str, str]]) -> None:
        self.language = language
        self._sources = sources

    def text(self, english: str) -> str:
        """Returns a sentence of the page."""
        return english if self.language == "en" else str(_norwegian()["text"][english])

    def words(self, english: str) -> str:
        """Returns the words for a field or a kind of value: one or several, joined by `or`."""
        if self.language == "en":
            return english
        whole = _norwegian()["words"]
        return str(whole[english] if english in whole else " eller ".join(whole[w] for w in english.split(" or ")))

    def kind(self, table: Sheet) -> str:
        """Returns a table's subject as a heading."""
        words = self.words(in_words(table.domain))
        return words[:1].upper() + words[1:]

    def about(self, table: Sheet) -> str:
        """Returns a table's subject as part of a sentence."""
        return table.about if self.language == "en" else str(_norwegian()["about"][table.domain])

    def where(self, english: str) -> str:
        """Returns the words for an entry of a list, an extension or a fixed value."""
        if self.language == "en":
            return english
        for piece, said in _norwegian()["pieces"].items():
            english = english.replace(piece, said)
        return english

    def fixed(self, value: str) -> str:
        """Returns the words for a value that is always written."""
        return self.text(value) if value in _norwegian()["text"] else self.where(value)

    def notes(self, line: ReviewedRow) -> str:
        """Returns the remaining notes about a row."""
        return "; ".join(map(self.text, line.note.split("; "))) if line.note else ""

    def law(self, law: str) -> str:
        """Returns the clauses behind a row and the reason; a site's own words stay as they are."""
        return law if self.language == "en" else "; ".join(map(self._cited, law.split("; ")))

    def _cited(self, part: str) -> str:
        if self._source(part) is None:
            return _why().get(part, part)
        cited, colon, words = part.partition(": ")
        return f"{self._named(cited)}{colon}{_why().get(words, words)}"

    def source(self, name: str) -> str:
        """Returns a source's name as a clause cites it."""
        return self._sources[name].get("nb_name", name) if self.language == "nb" else name

    def _source(self, part: str) -> str | None:
        return next((name for name in self._sources if part.startswith(name)), None)

    def _named(self, cited: str) -> str:
        name = self._source(cited) or ""
        rest = cited.removeprefix(name).replace(" to ", " til ").replace(" and ", " og ")
        return f"{self.source(name)}{rest}"


@cache
def _norwegian() -> dict[str, dict[str, str]]:
    return _read("mappings_nb.toml")


@cache
def _why() -> dict[str, str]:
    return _read("mappings_why_nb.toml")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("ip_fhir.report.pages") / name).read_text(encoding="utf-8"))


def _groups(mapper: Mapper) -> list[dict[str, Any]]:
    """Returns the tables in groups by subject; a table used inside others follows the first that uses it."""
    found = {table.name: table for table in sheets(mapper)}
    placed: set[str] = set()
    groups = []
    for title, about, names in _GROUPS:
        tables: list[Sheet] = []
        for name in names:
            fresh = [n for n in dict.fromkeys(_with_inner(mapper, name)) if n in found and n not in placed]
            tables += [found[n] for n in fresh]
            placed |= set(fresh)
        groups.append({"title": title, "about": about, "tables": tables})
    rest = [table for name, table in found.items() if name not in placed]
    return [*groups, {"title": "More", "about": "Parts of several of them.", "tables": rest}] if rest else groups


def _with_inner(mapper: Mapper, name: str) -> list[str]:
    table = mapper.tables.fields.get(name)
    inner = [row.of for row in table.rows if row.kind == "table"] if table else []
    return [name, *(n for one in inner for n in _with_inner(mapper, one))]


def _users(mapper: Mapper, codes: str) -> list[tuple[str, str]]:
    """Returns pairs of table and field for each row that uses a code table."""
    return [(t.name, row.field) for t in mapper.tables.fields.values() for row in t.rows if row.of == codes]

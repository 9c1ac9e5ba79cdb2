"""The mapping tables as one page for who knows the field and not the code: HTML that needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.review import code_lines, in_words, sheets

if TYPE_CHECKING:
    from ip_fhir.mapping import Mapping
    from ip_fhir.mapping.review import Sheet

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
        ("Notice", "GreenForm", "MessageHeader", "Communication", "Task"),
    ),
)


def mappings_page(mapping: Mapping, title: str = "Individual plan in FHIR") -> str:
    """The page. Needs the extra `report` (jinja2)."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ip_fhir.report", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("mappings.html.j2")
    codes = {name: code_lines(mapping, name) for name in mapping.tables.codes}
    used = {name: _users(mapping, name) for name in codes}
    any_own = any(line.own for table in sheets(mapping) for line in table.lines)
    any_own = any_own or any(line.own for lines in codes.values() for line in lines)
    return template.render(
        title=title, groups=_groups(mapping), codes=codes, used=used, any_own=any_own, in_words=in_words
    )


def _groups(mapping: Mapping) -> list[dict[str, Any]]:
    """The tables by what they are about; a table that stands inside others comes after the first that has it."""
    found = {table.name: table for table in sheets(mapping)}
    placed: set[str] = set()
    groups = []
    for title, about, names in _GROUPS:
        tables: list[Sheet] = []
        for name in names:
            fresh = [n for n in dict.fromkeys(_with_inner(mapping, name)) if n in found and n not in placed]
            tables += [found[n] for n in fresh]
            placed |= set(fresh)
        groups.append({"title": title, "about": about, "tables": tables})
    rest = [table for name, table in found.items() if name not in placed]
    return [*groups, {"title": "More", "about": "Parts of several of them.", "tables": rest}] if rest else groups


def _with_inner(mapping: Mapping, name: str) -> list[str]:
    table = mapping.tables.fields.get(name)
    inner = [row.of for row in table.rows if row.kind == "table"] if table else []
    return [name, *(n for one in inner for n in _with_inner(mapping, one))]


def _users(mapping: Mapping, codes: str) -> list[tuple[str, str]]:
    """Table and field, wherever a code table is used."""
    return [(t.name, row.field) for t in mapping.tables.fields.values() for row in t.rows if row.of == codes]

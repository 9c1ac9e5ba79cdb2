"""The mapping tables as one HTML page, for readers who know the field and not the code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.report.table_review import code_lines, sheets
from ip_fhir.report.table_speech import TableSpeech

if TYPE_CHECKING:
    from ip_fhir.mapping import Mapper
    from ip_fhir.report.table_review import Sheet
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
            *("V2Pathway", "V2Goal", "V2Problem", "V2Order", "V2RoleCoordinator", "V2RoleMember"),
        ),
    ),
    (
        "Sharing of the plan over HL7 v2",
        "PPG between the holder of a plan and those who take part: what has no field of its own is a row of NTE.",
        (
            *("V2PlanMessage", "V2PlanView", "V2PlanWithdrawal", "V2PlanChange", "V2PlanAnswer", "V2PlanState"),
            *("V2PlanGone", "V2PlanReply"),
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
    speech = TableSpeech(language)
    groups, sources = _groups(mapper), speech.sources
    tables = frozenset(mapper.tables.fields)
    return template.render(
        groups=groups, tables=tables, codes=codes, used=used, any_own=any_own, sources=sources, s=speech
    )


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

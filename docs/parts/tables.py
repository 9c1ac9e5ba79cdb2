"""The mapping tables: keys of rows, leaf kinds, paths, converters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ip_fhir.mapping.tables.model import Check


def row_keys() -> str:
    """The keys of a row."""
    from ip_fhir.mapping.tables.row_keys import ROW_KEYS

    lines = ["| key | meaning | default | example |", "|---|---|---|---|"]
    lines += [f"| `{key.name}` | {key.meaning} | {key.default} | `{key.example}` |" for key in ROW_KEYS]
    return "\n".join(lines) + "\n"


def check_keys() -> str:
    """The keys of a check."""
    from ip_fhir.mapping.tables.row_keys import CHECK_KEYS

    lines = ["| key | meaning | default | example |", "|---|---|---|---|"]
    lines += [f"| `{key.name}` | {key.meaning} | {key.default} | `{key.example}` |" for key in CHECK_KEYS]
    return "\n".join(lines) + "\n"


def lawful_tables() -> str:
    """The tables for which the laws are proved: by what they are about, those of FHIR beside those of HL7 v2."""
    from ip_fhir.mapping.tables.loading import load_tables

    found: dict[str, dict[str, list[str]]] = {}
    for table in load_tables().fields.values():
        beside = found.setdefault(table.domain, {"fhir": [], "hl7v2": []})
        beside[table.dialect].append(f"{table.name} ({len(table.rows)})")
    lines = ["| about | FHIR, with the number of rows | HL7 v2, with the number of rows |", "|---|---|---|"]
    lines += [
        f"| `{domain}` | {', '.join(of['fhir']) or '-'} | {', '.join(of['hl7v2']) or '-'} |"
        for domain, of in found.items()
    ]
    return "\n".join(lines) + "\n"


def modifiers() -> str:
    """For each table of a resource, its checks: what is read, and what becomes of the rest."""
    from ip_fhir.mapping.tables.loading import load_tables

    lines = ["| table | element | what is read | anything else |", "|---|---|---|---|"]
    for table in (table for table in load_tables().fields.values() if table.dialect == "fhir"):
        for check in table.checks:
            fate = "out of sight, kept" if check.left or check.kind == "order" else "refused"
            lines.append(f"| {table.name} | `{check.place}` | {read_as(check)} | {fate} |")
    return "\n".join(dict.fromkeys(lines)) + "\n"


def read_as(check: Check) -> str:
    """The values of a check in words."""
    values = [_value(value) for value in check.values]
    return {
        "refuse": "nothing",
        "only": ", ".join(values),
        "some": f"one of it is {', '.join(values)}",
        "never": f"all but {', '.join(values)}",
        "order": f"first {', then '.join(values)}",
        "last": "after those without it",
        "ranked": "in this order",
        "read": str(check.told) or "see the table",
    }[check.kind] + (" (required)" if check.required else "")


def _value(value: object) -> str:
    """A value of a check: a code without its system, true or false, or none."""
    return str(value).lower() if isinstance(value, bool) else f"`{str(value).rpartition('#')[2]}`" if value else "none"


def leaf_kinds() -> str:
    """The leaf kinds of FHIR."""
    return _kinds("fhir")


def v2_leaf_kinds() -> str:
    """The leaf kinds of HL7 v2."""
    return _kinds("hl7v2")


def v2_events() -> str:
    """The event and the status that each kind of message has in HL7 v2."""
    from ip_fhir.mapping.hl7v2.events import SENT

    lines = ["| kind | message | RF1-1 |", "|---|---|---|"]
    lines += [f"| `{kind}` | {sent.code}^{sent.trigger} | {sent.status} |" for kind, sent in SENT.items()]
    return "\n".join(lines) + "\n"


def _kinds(dialect: str) -> str:
    from ip_fhir.mapping.dialects import DIALECTS
    from ip_fhir.mapping.tables.loading import load_tables

    tables = load_tables()
    lines = ["| kind | reads and writes | element | stands for |", "|---|---|---|---|"]
    for name, kind in DIALECTS[dialect].kinds.items():
        lens = kind.lens(next(iter(tables.codes.values())) if kind.coded else tables.systems)
        about = (type(lens).__doc__ or "").strip().splitlines()[0]
        lines.append(f"| `{name}` | {about} | {kind.element or name} | {_IN_WORDS[kind.holds.__name__]} |")
    return "\n".join(lines) + "\n"


_IN_WORDS = {
    "str": "text, or an id",
    "bool": "yes or no",
    "int": "a number",
    "date": "a day",
    "datetime": "a moment",
    "StrEnum": "a word of an enumeration",
    "PersonId": "a person's number",
    "dict": "a value of several fields",
}


def paths() -> str:
    """The path language."""
    from ip_fhir.mapping.tables import paths as grammar

    return "\n".join(["```text", *_indented(grammar.__doc__), "```"]) + "\n"


def _indented(text: str | None) -> list[str]:
    """The indented lines of a docstring."""
    return [line[4:] for line in (text or "").splitlines() if line.startswith("    ")]


def converters() -> str:
    """The converters."""
    from ip_fhir.mapping.lenses import converters as module
    from ip_fhir.mapping.lenses.converters import ROW_LENSES

    lines = ["```toml", *_indented(module.__doc__), "```", "", "| converter | meaning |", "|---|---|"]
    for name, lens in ROW_LENSES.items():
        if name:
            lines.append(f"| `{name}` | {' '.join((lens.__doc__ or '').split())} |")
    return "\n".join(lines) + "\n"


def old_keys() -> str:
    """The row keys of earlier versions."""
    from ip_fhir.mapping.tables.old_keys import CONVERTED, RENAMED

    lines = ["| earlier | now |", "|---|---|", *(f"| `{old}` | `{new}` |" for old, new in RENAMED.items())]
    lines += [f'| `{old} = {{ … }}` | `converter = {{ name = "{new}", … }}` |' for old, new in CONVERTED.items()]
    return "\n".join(lines) + "\n"

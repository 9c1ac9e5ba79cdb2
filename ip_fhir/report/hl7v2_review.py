"""The tables of HL7 v2 for review: places as its users write them (PRD-7.1), and conditions in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.mapping.dialects.hl7v2.dialect import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.tables.model import Row, Table, Tables
    from ip_fhir.mapping.tables.paths import Condition, Segment


def segment_of(table: Table, tables: Tables) -> str:
    """Returns the segment that a table reads as a part of a message; empty for a table of whole messages.

    A table for groups of rows reads OBX.
    """
    if table.resource is not None:
        return ""
    above = ((other, row) for other in tables.fields.values() for row in other.rows if row.of == table.name)
    found = next(above, None)
    return "" if found is None else _last_segment(found[1].path) or segment_of(found[0], tables)


def place(path: tuple[Segment, ...], segment: str) -> str:
    """Returns the place of a path: `PID-5`, `PRD-4.9`, `OBX-5 (reason)`.

    `segment` is that of the table, where the path begins with a field.
    """
    name = _last_segment(path) or segment
    fields = [s.name[1:] for s in path if _is(s.name, "f")]
    components = [s.name[1:].replace("s", ".") for s in path if _is(s.name, "c")]
    if name == "OBX":
        return f"OBX-5 ({_link_id(path)})" if _link_id(path) else "OBX"
    return f"{name}-{fields[0]}{''.join(f'.{c}' for c in components)}" if fields else name


def where(path: tuple[Segment, ...]) -> Iterator[str]:
    """Yields which segment, repetition or row a path means, in words."""
    for step in path:
        if step.entries == "first" and _is(step.name, "f"):
            yield "the first repetition"
        elif step.entries == "own":
            yield "the repetition with a code of the table"
        elif step.entries == "each" and not step.conditions:
            yield "each repetition" if _is(step.name, "f") else f"each {step.name}"
        elif step.entries == "each":
            yield f"each {step.name}"
        for condition in step.conditions:
            yield _condition(step, condition)


def data_type(row: Row) -> str:
    """Returns the data type of HL7 v2 in a row's place, or the table that reads it."""
    return row.of if row.is_table else KINDS[row.kind].element or row.kind


def _condition(step: Segment, condition: Condition) -> str:
    name = step.name if not _is(step.name, "f") else ""
    member = f"{name}-{condition.member[1:]}" if name and condition.member else name or "code"
    if condition.kind == "group":
        return f"each group of rows, OBX-4 {condition.value}.1, {condition.value}.2"
    if condition.kind == "coding":
        code, _, system = condition.value.partition("@")
        if step.name == "OBX" or condition.member == "OBX.f3":
            return f"OBX-3 {code}^^{system}"
        return f"{member} with the code {code} ({f'table {system}' if system.isdigit() else system})"
    if condition.value == "*":
        return f"{member} {'valued' if condition.kind == 'member' else 'empty'}"
    return f"component {condition.member[1:]} is {condition.value}"


def _last_segment(path: tuple[Segment, ...]) -> str:
    names = [step.name for step in path if len(step.name) == 3 and step.name.isupper()]
    return names[-1] if names else ""


def _link_id(path: tuple[Segment, ...]) -> str:
    conditions = [c for step in path for c in step.conditions if step.name == "OBX" or c.member == "OBX.f3"]
    return next((c.value.partition("@")[0] if c.kind == "coding" else f"group {c.value}" for c in conditions), "")


def _is(name: str, kind: str) -> bool:
    return name[0] == kind and name[1:2].isdigit()

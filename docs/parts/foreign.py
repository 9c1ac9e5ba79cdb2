"""Plans of other systems: what is read, checked and refused, table by table; the options that help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.main import get_command

from ip_fhir.cli.app import app
from ip_fhir.mapping.compiled import shipped

from .tables import read_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.tables.model import Const, Row, Table

_OPTIONS = ("created", "owner", "plan", "care_plan", "told_is_error")
_COMMANDS = ("map", "put", "check")


def tables() -> str:
    """Returns, for each table that reads another system's plan, the elements that it reads and checks."""
    found = shipped().varied("neighbour", "requests").tables
    measures = shipped().varied("neighbour").tables.fields["Measure"]
    (plan,) = (bundle for bundle in found.bundles if bundle["name"] == "plan")
    names = [plan["root"], *(part["table"] for part in plan["part"]), "Practitioner"]
    shown = [name for name in _with_inner(names, found.fields) if found.fields[name].rows]
    sections = [_section(found.fields[name]) for name in shown]
    inside = _section(measures, "`Measure`: a measure inside CarePlan.activity")
    return "\n".join([*sections, inside])


def options() -> str:
    """Returns the options by which the caller says what a Bundle leaves out, with the commands that have them."""
    commands = get_command(app).commands  # type: ignore[attr-defined]  # the application is a group
    seen: dict[str, tuple[str, list[str]]] = {}
    for name in _COMMANDS:
        for option in commands[name].params:
            if option.param_type_name == "option" and option.name in _OPTIONS:
                seen.setdefault(option.opts[0], (option.help, []))[1].append(f"`{name}`")
    lines = ["| option | commands | meaning |", "|---|---|---|"]
    lines += [f"| `{option}` | {', '.join(used)} | {meaning} |" for option, (meaning, used) in seen.items()]
    return "\n".join(lines) + "\n"


def _with_inner(names: list[str], fields: Any) -> list[str]:
    """The tables, each followed by those that read an object inside its resources."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        found[name] = None
        rows = fields[name].rows
        inner = [row.of for row in rows if row.is_table]
        inner += [row.converter.second.of for row in rows if row.converter.second is not None]
        waiting = [one for one in inner if one in fields] + waiting
    return list(found)


def _section(table: Table, title: str = "") -> str:
    of = f"{table.resource}" if table.resource else "a part of another resource"
    lines = [f"### {title or f'`{table.name}`: {of}'}", ""]
    lines += ["| element | becomes | where it is empty |", "|---|---|---|"]
    lines += [f"| {_place(row)} | {_becomes(row)} | {_empty(row)} |" for row in table.rows]
    checked = [*_checks(table), *_fixed(table)]
    if checked:
        lines += ["", "| element | what is read | anything else |", "|---|---|---|"]
        lines += [f"| `{place}` | {must} | {then} |" for place, must, then in checked]
    return "\n".join([*lines, ""])


def _place(row: Row) -> str:
    places = [row.place, *([row.converter.place] if row.converter.place else [])]
    return ", ".join(f"`{place}`" for place in places)


def _becomes(row: Row) -> str:
    what = f"`{row.field}`"
    if row.coded:
        return f"{what}, by the codes `{row.of}`"
    return f"{what}, by the table `{row.of}`" if row.is_table else what


def _empty(row: Row) -> str:
    if row.required:
        return "refused"
    return f"taken as `{row.default}`, told" if isinstance(row.default, str) else "left empty"


def _checks(table: Table) -> Iterator[tuple[str, str, str]]:
    """The elements that are checked: the place, what is read, the result for anything else."""
    for check in table.checks:
        then = "-" if check.kind in ("read", "last", "ranked") else "refused"
        yield check.place, read_as(check), "out of sight, told" if check.left or check.kind == "order" else then


def _fixed(table: Table) -> Iterator[tuple[str, str, str]]:
    """The fixed parts by which an entry is recognized, and the references to the person."""
    for const in table.consts:
        if const.owner:
            yield const.place, "the person whom the plan is about", "refused"
        elif const.match:
            yield const.place, _value(const), "no part of the plan, told"


def _value(const: Const) -> str:
    return "as it stands in the path" if const.value is None else f"`{const.value}`"

"""`mappings list|show|check|export`: the mapping tables, as they ship or with a site's overlay."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ip_fhir.cli.options import Json, Lang, Overlay, spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.mapping import Mapper
    from ip_fhir.report.table_review import ReviewedCode, Sheet

app = typer.Typer(no_args_is_help=True, help="The mapping tables: look at them, check them, hand them to reviewers.")


@app.command("list")
def list_(overlay: Overlay = None, as_json: Json = False) -> None:
    """List the tables.

    Field tables with what they map and how many rows they have, then code tables.
    """
    from ip_fhir.cli.output import emit, say, show

    mapper = _load(overlay)
    fields, codes = mapper.tables.fields, mapper.tables.codes
    if as_json:
        emit(
            {
                "tables": [
                    {"name": t.name, "domain": t.domain, "resource": t.resource, "rows": len(t.rows)}
                    for t in fields.values()
                ],
                "codes": [{"name": c.name, "rows": len(c.rows)} for c in codes.values()],
            }
        )
        return
    rows = [(t.name, t.domain, t.resource or "(part of another)", str(len(t.rows))) for t in fields.values()]
    show(("Table", "Domain", "FHIR or HL7 v2", "Rows"), rows)
    say()
    show(("Code table", "Words", "Rows"), [(c.name, str(len(c.codings)), str(len(c.rows))) for c in codes.values()])


@app.command("show")
def show_(
    table: Annotated[str, typer.Argument(help="A table or a code table, as `list` names it.", show_default=False)],
    code: Annotated[bool, typer.Option("--code", help="The code that was made of it, instead of its rows.")] = False,
    overlay: Overlay = None,
) -> None:
    """Show the rows of a table.

    What the domain says, where it stands in FHIR, as what, and by which law; of a code table, the codes both ways.
    """
    from ip_fhir.cli.output import say
    from ip_fhir.errors import InvalidInput
    from ip_fhir.report.table_review import code_lines, sheet

    mapper = _load(overlay)
    if table not in {*mapper.tables.fields, *mapper.tables.codes}:
        raise InvalidInput.at(table, f"is no table{_meant(table, mapper)}; `ip-fhir mappings list` names them")
    if code and table in mapper.tables.codes:
        raise InvalidInput.at(table, "is a code table: no code is made of it alone")
    if code:
        codes = (mapper.compiled.writer_code(table), mapper.compiled.reader_code(table))
        say("\n\n".join(code.rstrip() for code in codes if code is not None))
    elif table in mapper.tables.codes:
        _show_codes(code_lines(mapper, table))
    else:
        _show_rows(sheet(mapper, table))


@app.command()
def check(overlay: Overlay = None) -> None:
    """Check the tables, and a site's overlay.

    Every path, word and code, and the three laws of the lenses on made-up values: for R4, R5 and the ways in which
    other systems write plans. Exit code 6, with a line for each problem, where something is wrong. An overlay may be
    for R4 alone: where it does not go over another set, that is told on stderr.
    """
    from ip_fhir.cli.output import say
    from ip_fhir.errors import MappingError
    from ip_fhir.mapping.overlays.overlay import check_sets

    codes = len(_load(overlay).tables.codes)
    checked = list(check_sets(overlay))
    if problems := [f"{one.name}: {problem}" for one in checked for problem in one.problems]:
        raise MappingError(*problems)
    for one in checked:
        sys.stderr.writelines(f"ip-fhir: warning: not for {one.name}: {reason}\n" for reason in one.unfit)
    counted = ", ".join(f"{one.name} ({one.rows} rows)" for one in checked)
    say(f"{counted}; {codes} code tables: every row can be read and written, every word has a code, every law holds")


@app.command()
def export(
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="Rows, in the columns of the v2-to-FHIR review sheets; beside it -hl7v2 and -codes, for these.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="A page to read with somebody who knows the field.")
    ] = None,
    overlay: Overlay = None,
    lang: Lang = None,
) -> None:
    """Write the tables for reviewers.

    As CSV for those who review mappings, as one HTML page for those who know plans and coordination, in their language.
    """
    from ip_fhir.cli.opening import require_extra
    from ip_fhir.errors import InvalidInput
    from ip_fhir.report.table_review import codes_csv, fields_csv, hl7v2_csv

    if csv is None and html is None:
        raise InvalidInput.at("mappings export", "needs --csv FILE or --html FILE")
    mapper = _load(overlay)
    if csv is not None:
        _write(csv, fields_csv(mapper))
        _write(csv.with_name(f"{csv.stem}-hl7v2{csv.suffix}"), hl7v2_csv(mapper))
        _write(csv.with_name(f"{csv.stem}-codes{csv.suffix}"), codes_csv(mapper))
    if html is not None:
        require_extra("mappings export --html", "report")
        from ip_fhir.report.pages.mappings import mappings_page

        _write(html, mappings_page(mapper, spoken(lang)))


def _load(overlay: Path | None) -> Mapper:
    from ip_fhir.mapping import Mapper

    return Mapper.load(overlay)


def _meant(name: str, mapper: Mapper) -> str:
    import difflib

    close = difflib.get_close_matches(name, [*mapper.tables.fields, *mapper.tables.codes], n=1)
    return f"; perhaps {close[0]} is meant" if close else ""


def _show_rows(sheet: Sheet) -> None:
    from ip_fhir.cli.output import say

    say(f"{sheet.name}: {sheet.domain} <-> {sheet.resource or 'part of another resource'}. {sheet.about}")
    say()
    rows = [
        (f"{line.field}{'*' if line.required else ''}", line.path, _type_and_codes(line.type, line.of), line.law)
        for line in sheet.lines
    ]
    _print(
        ("Domain (* required)", f"{sheet.standard} path", "Type, codes", "Why"),
        rows,
        [line.own for line in sheet.lines],
    )
    for element, value in sheet.fixed:
        say(f"always written: {element} = {value}")


def _type_and_codes(type_: str, codes: str) -> str:
    return f"{type_}, {codes}" if codes else type_


def _show_codes(lines: Sequence[ReviewedCode]) -> None:
    rows = [(line.word, line.use, line.name, line.code, line.display, line.note) for line in lines]
    _print(("Word", "Use", "System", "Code", "Display", "Note"), rows, [line.own for line in lines])


def _print(headings: Sequence[str], rows: Sequence[Sequence[str]], own: Sequence[bool]) -> None:
    """Prints the rows as a table, with a mark beside those that the site's overlay changed."""
    from ip_fhir.cli.output import show

    if any(own):
        show(("", *headings), [("site" if mine else "", *row) for mine, row in zip(own, rows, strict=True)])
    else:
        show(headings, rows)


def _write(path: Path, text: str) -> None:
    from ip_fhir.cli.output import say
    from ip_fhir.errors import InvalidInput

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput.at(str(path), f"cannot be written: {error.strerror}", "not-found") from None
    say(f"wrote {path}")

"""The mapping tables for review: each row in words, with FHIRPath, codes and the law behind it; also as CSV.

The CSV's columns are those of the HL7 v2-to-FHIR project's review sheets, with the domain in the place of v2.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.mapping import default
from ip_fhir.mapping.dialects.fhir.conditions import uri_of
from ip_fhir.mapping.dialects.fhir.dialect import KINDS
from ip_fhir.mapping.dialects.fhir.members import choice_of
from ip_fhir.mapping.lenses.building import based
from ip_fhir.mapping.tables.domain_fields import domain_types, field_at, plain_types
from ip_fhir.report import hl7v2_review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.mapping import Mapper
    from ip_fhir.mapping.tables.model import Const, Row, Systems, Table
    from ip_fhir.mapping.tables.paths import Condition, Segment


@dataclass(frozen=True, slots=True)
class ReviewedRow:
    """One row of a table as a reviewer reads it."""

    field: str  # as the domain says it: status_reason
    words: str  # as people say it: status reason
    path: str  # as the table says it
    element: str  # Goal.statusReason
    where: str  # which entry of a list, or which extension, in words
    fhirpath: str
    domain_type: str
    type: str  # in FHIR
    of: str  # the code table
    many: bool
    required: bool
    default: str
    law: str
    note: str
    own: bool  # the site's: not as it ships


@dataclass(frozen=True, slots=True)
class ReviewedCode:
    """One row of a code table as a reviewer reads it."""

    word: str
    use: str  # in words
    name: str  # of the system, in systems.toml
    system: str
    code: str
    display: str
    note: str
    own: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its subject, its rows, and the values that are always written."""

    name: str
    domain: str
    about: str
    resource: str
    lines: tuple[ReviewedRow, ...]
    fixed: tuple[tuple[str, str], ...]  # element, value
    standard: str = "FHIR"  # or HL7 v2


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one format: for a path its element, the entries it means, its FHIRPath; for a row its type."""

    element: Callable[[tuple[Segment, ...]], str]
    where: Callable[[tuple[Segment, ...]], Iterator[str]]
    path: Callable[[tuple[Segment, ...]], str]
    type: Callable[[Row], str]


def _fhir_words(table: Table, systems: Systems) -> _Words:
    return _Words(
        element=lambda path: _element(table, path),
        where=lambda path: (words for segment in path for words in _segment_words(segment, systems)),
        path=lambda path: ".".join([table.resource or table.name, *(_fhirpath(s, systems) for s in path)]),
        type=lambda row: row.of if row.is_table else KINDS[row.kind].element or row.kind,
    )


def _v2_words(segment: str) -> _Words:
    return _Words(
        element=lambda path: hl7v2_review.place(path, segment),
        where=hl7v2_review.where,
        path=lambda path: hl7v2_review.place(path, segment),
        type=hl7v2_review.data_type,
    )


_USES = {
    "both": "read and written",
    "read": "read, not written",
    "beside": "written beside, not read",
    "none": "no counterpart",
}
_DOMAIN_TYPES = {"str": "text", "date": "day", "AwareDatetime": "moment", "bool": "yes or no", "int": "number"}


def sheets(mapper: Mapper) -> list[Sheet]:
    """Returns every table, in the order of the files."""
    return [sheet(mapper, name) for name in mapper.tables.fields]


def sheet(mapper: Mapper, name: str) -> Sheet:
    """Returns one table. Raises `MappingError` for an unknown name."""
    table = mapper.lens(name).inner.table
    shipped = default().tables.fields[name].rows
    is_v2, systems = table.dialect == "hl7v2", mapper.compiled.systems
    segment = hl7v2_review.segment_of(table, mapper.tables) if is_v2 else ""
    words = _v2_words(segment) if is_v2 else _fhir_words(table, systems)
    lines = tuple(_line(table, row, words, own=row not in shipped) for row in table.rows)
    fixed = tuple((words.element(const.path), _fixed_value(const, words, systems)) for const in table.consts)
    about = (domain_types()[table.domain].__doc__ or "").strip().splitlines()[0].replace("`", "")
    standard = "HL7 v2" if is_v2 else "FHIR"
    return Sheet(name, table.domain, about, table.resource or segment, lines, fixed, standard)


def code_lines(mapper: Mapper, name: str) -> tuple[ReviewedCode, ...]:
    """Returns the rows of a code table."""
    shipped = default().tables.codes.get(name)
    known = shipped.rows if shipped else ()
    systems = mapper.compiled.systems
    return tuple(_code_line(dict(r), systems, own=r not in known) for r in mapper.tables.codes[name].rows)


def _code_line(row: dict[str, str], systems: Systems, *, own: bool) -> ReviewedCode:
    word = "(any other)" if row["domain"] == "*" else row["domain"]
    system = systems.uri(row["system"]) if row["system"] else ""
    return ReviewedCode(word, _USES[row["use"]], row["system"], system, row["code"], row["display"], row["note"], own)


def _line(table: Table, row: Row, words: _Words, *, own: bool) -> ReviewedRow:
    return ReviewedRow(
        field=row.field,
        words=row.field.replace("_", " ").replace(".", ", "),
        path=row.place,
        element=words.element(row.path),
        where="; ".join(words.where(row.path)),
        fhirpath=words.path(row.path),
        domain_type=_domain_type(table, row),
        type=words.type(row),
        of=row.of if row.coded else "",
        many=row.is_list,
        required=row.required,
        default="" if row.default is None else str(row.default).lower(),
        law=row.law,
        note="; ".join(_notes(row)),
        own=own,
    )


def _domain_type(table: Table, row: Row) -> str:
    if not row.is_table and table.dialect == "fhir" and KINDS[row.kind].refers:
        return "reference"
    found = field_at(table.domain, row.domain)
    names = [] if found is None else [kind.__name__ for kind in plain_types(found.annotation)]
    return " or ".join(_DOMAIN_TYPES.get(name) or in_words(name) for name in names) or "text"


def in_words(name: str) -> str:
    """Returns a type's name in small letters, with spaces.

    >>> in_words("IndividualPlan")
    'individual plan'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _notes(row: Row) -> Iterator[str]:
    converter = row.converter
    if row.check_only:
        yield "written with the field, and only compared when read"
    if converter.name == "only-where":
        yield f"only where {converter.field} is {converter.word}"
    if converter.name == "set-by-another" and converter.second is not None:
        yield f"{converter.second.path[0].name} counts first, where another system has set it"
    if row.match:
        yield "tells whether an entry is ours"
    if row.key:
        yield f"entries keep their {row.key}"


def _element(table: Table, path: tuple[Segment, ...]) -> str:
    """Returns the element's path without conditions: `Goal.target.extension.value`."""
    return ".".join([table.resource or table.name, *(_plain(segment.name) for segment in path)])


def _plain(name: str) -> str:
    return choice_of(name) or name.lstrip("_")


def _segment_words(segment: Segment, systems: Systems) -> Iterator[str]:
    if segment.name == "extension" and segment.conditions and segment.conditions[0].kind == "named":
        every = "each " if segment.entries == "each" else ""
        yield f"{every}extension {segment.conditions[0].value.removeprefix('=')}"
        return
    if segment.entries == "first":
        yield f"the first {segment.name}"
    elif segment.entries == "current":
        yield f"the {segment.name} that counts now"
    elif segment.entries == "own":
        yield f"the {segment.name} with a code of the table"
    elif segment.entries == "each":
        yield f"each {segment.name}"
    for condition in segment.conditions:
        yield _condition_words(segment, condition, systems)


def _condition_words(segment: Segment, condition: Condition, systems: Systems) -> str:
    if condition.kind == "member" and condition.value == "*":
        return f"{segment.name} with a {condition.member}"
    if condition.kind == "member":
        value = systems.uri(condition.value[1:]) if condition.value.startswith("@") else condition.value
        return f"{segment.name} with {condition.member} {value}"
    if condition.kind == "not-member":
        return f"{segment.name} with another {condition.member} than {condition.value}"
    if condition.kind == "coding":
        name, _, code = condition.value.partition("#")
        of = f" of its {condition.member}" if condition.member else ""
        return f"{segment.name} with the code {code}{of} ({systems.uri(name)})"
    return (
        f"{segment.name} {'with' if condition.kind == 'flag' else 'without'} the flag {systems.uri(condition.member)}"
    )


def _fhirpath(segment: Segment, systems: Systems) -> str:
    name = _plain(segment.name)
    if segment.name in ("extension", "modifierExtension") and segment.conditions:
        return f"{name}('{uri_of(segment.conditions[0], systems)}')"
    if segment.entries == "first":
        return f"{name}[0]"
    if not segment.conditions:
        return name
    return f"{name}.where({' and '.join(_test(condition, systems) for condition in segment.conditions)})"


def _test(condition: Condition, systems: Systems) -> str:
    if condition.kind == "member":
        if condition.value == "true":
            return f"{condition.member} = true"
        if condition.value == "*":
            return f"{condition.member}.exists()"
        accepted = _accepted(condition.value, systems)
        among = " | ".join(f"'{value}'" for value in accepted)
        return f"{condition.member} = {among}" if len(accepted) == 1 else f"{condition.member} in ({among})"
    if condition.kind == "not-member":
        return f"({condition.member} = '{condition.value}').not()"
    if condition.kind == "coding":
        name, _, code = condition.value.partition("#")
        prefix = f"{condition.member}." if condition.member else ""
        return f"{prefix}coding.where(system = '{systems.uri(name)}' and code = '{code}').exists()"
    flag = f"extension('{systems.uri(condition.member)}').value = true"
    return flag if condition.kind == "flag" else f"({flag}).not()"


def _accepted(value: str, systems: Systems) -> list[str]:
    return sorted(systems.accepted(value[1:])) if value.startswith("@") else [value]


def _fixed_value(const: Const, words: _Words, systems: Systems) -> str:
    if const.owner:
        return "the person whose plan it is"
    if const.value is not None:
        return str(based(const.value, systems))
    return "; ".join(words.where(const.path))


_GROUPS = ["Domain", *[""] * 5, "Condition (IF True)", "", "", "HL7 FHIR", *[""] * 8, "Comments"]
_COLUMNS = [
    *("Sort Order", "Identifier", "Name", "Data Type", "Cardinality - Min", "Cardinality - Max"),
    *("Computable ANTLR", "Computable FHIRPath", "Narrative", "FHIR Attribute", "Extension", "Data Type"),
    *("Cardinality - Min", "Cardinality - Max", "Data Type Mapping", "Vocabulary Mapping", "Assignment", "", ""),
]
_CODE_GROUPS = ["Domain", "", "", "Condition (IF True)", "", "", "HL7 FHIR", "", "", "", "", "Comments"]
_CODE_COLUMNS = [
    *("Code", "Text", "Code System", "Computable ANTLR", "Computable FHIRPath", "Narrative"),
    *("Code", "", "Display", "Code System", "", ""),
]


def fields_csv(mapper: Mapper) -> str:
    """Returns every row of every table of FHIR as CSV, in the columns of the v2-to-FHIR sheets of segments."""
    made = _Csv(_GROUPS, _COLUMNS)
    for table in (table for table in sheets(mapper) if table.standard == "FHIR"):
        for number, line in enumerate(table.lines, start=1):
            made.write([str(number), *_csv_line(table, line)])
        for number, (element, value) in enumerate(table.fixed, start=len(table.lines) + 1):
            made.write(
                [str(number), table.name, "", *[""] * 6, element, "", "", "", "", "", "", value, "", "always written"]
            )
    return made.text()


def hl7v2_csv(mapper: Mapper) -> str:
    """Returns every row of every table of HL7 v2 as CSV, in the columns of the v2-to-FHIR sheets of segments.

    Where the same field of the domain has a row in a table of FHIR too, its element stands beside.
    """
    made = _Csv(["HL7 v2", *_GROUPS[1:]], _COLUMNS)
    found = sheets(mapper)
    derived = {row["table"] for bundle in mapper.tables.bundles for row in bundle.get("derived", ())}
    written = [table for table in reversed(found) if table.standard == "FHIR" and table.name not in derived]
    fhir = {(table.domain, line.field): line for table in written for line in reversed(table.lines)}
    for table in (table for table in found if table.standard == "HL7 v2"):
        for number, line in enumerate(table.lines, start=1):
            made.write([str(number), *_hl7v2_line(line, fhir.get((table.domain, line.field)))])
        for number, (element, value) in enumerate(table.fixed, start=len(table.lines) + 1):
            made.write([str(number), element, *[""] * 14, value, "", "always written"])
    return made.text()


def _hl7v2_line(line: ReviewedRow, beside: ReviewedRow | None) -> list[str]:
    many = "-1" if line.many else "1"
    urls = [] if beside is None else re.findall(r"extension\('([^']*)'\)", beside.fhirpath)
    fhir = ["", "", "", "", "", ""] if beside is None else [
        *(beside.element, " ".join(urls), beside.type, str(int(beside.required)), "-1" if beside.many else "1"),
        f"{line.type}[{beside.type}]",
    ]  # fmt: skip
    comments = "; ".join(filter(None, (line.law, line.note, "own row of the site" if line.own else "")))
    return [
        *(line.element, line.words, line.type, str(int(line.required)), many, "", "", line.where),
        *(*fhir, line.of, f"default: {line.default}" if line.default else "", "", comments),
    ]


def _csv_line(table: Sheet, line: ReviewedRow) -> list[str]:
    found = [str(int(line.required)), "-1" if line.many else "1"]
    urls = re.findall(r"extension\('([^']*)'\)", line.fhirpath)
    comments = "; ".join(filter(None, (line.law, line.note, "own row of the site" if line.own else "")))
    return [
        *(f"{table.name}.{line.field}", line.words, line.domain_type, *found),
        *("", line.fhirpath, line.where, line.element, " ".join(urls), line.type, *found),
        *(
            f"{line.domain_type}[{line.type}]",
            line.of,
            f"default: {line.default}" if line.default else "",
            "",
            comments,
        ),
    ]


def codes_csv(mapper: Mapper) -> str:
    """Returns every row of every code table as CSV, in the columns of the v2-to-FHIR sheets of code systems."""
    made = _Csv(_CODE_GROUPS, _CODE_COLUMNS)
    for name in mapper.tables.codes:
        for line in code_lines(mapper, name):
            made.write([line.word, line.use, name, "", "", "", line.code, "", line.display, line.system, "", line.note])
    return made.text()


class _Csv:
    """A CSV text with two lines of headings."""

    def __init__(self, groups: list[str], columns: list[str]) -> None:
        self._file = io.StringIO()
        self._writer = csv.writer(self._file, lineterminator="\n")
        self.width = len(columns)
        self.write(groups)
        self.write(columns)

    def write(self, row: list[str]) -> None:
        """Writes a row. A cell that a spreadsheet would take for a formula is made text."""
        if len(row) != self.width:
            message = f"a row has {len(row)} columns, not {self.width}"
            raise ValueError(message)
        self._writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "@") else cell for cell in row])

    def text(self) -> str:
        """Returns the whole CSV text."""
        return self._file.getvalue()

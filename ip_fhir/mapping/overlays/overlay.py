"""A site's overlay: rows and codes of its own over the tables as they ship, in one TOML file.

    [system]                                  # new names; more aliases for a known one
    nordvik-goal = { uri = "https://nordvik.example/fhir/CodeSystem/goal" }

    [[codes]]                                 # rows of a code table; a new table says what it is `like`
    name = "nordvik-goal-category"
    like = "life-area"
    row = [{ domain = "housing", system = "nordvik-goal", code = "B", display = "Bolig", use = "beside" }]

    [[table]]                                 # rows of a field table, by domain field
    name = "Goal"
    row = [{ domain = "areas", codes = "nordvik-goal-category" }]

Nothing else can be overlaid. A row of a known field changes what it says and keeps what it does not say. A code row
with `use = "both"` replaces the code that is written; the old code is still read. All problems are reported at once.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ip_fhir.errors import MappingError, place_in_toml
from ip_fhir.mapping.overlays.laws import broken_laws
from ip_fhir.mapping.overlays.row_check import row_problems
from ip_fhir.mapping.tables.completeness import check_tables
from ip_fhir.mapping.tables.loading import build_tables, code_table, read_source, systems_of
from ip_fhir.mapping.tables.model import USES, Source
from ip_fhir.mapping.tables.old_keys import modern
from ip_fhir.mapping.tables.variants import SETS, varied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.mapping.tables.model import Systems, Tables

Overlay: TypeAlias = "Path | str | dict[str, Any]"
"""A file, or what such a file holds."""

_KEYS = {"name", "system", "codes", "table"}
_CODE_KEYS = {"domain", "system", "code", "display", "use", "note"}
_KIND_KEYS = {"type", "codes", "as", "table"}


@dataclass(slots=True)
class _Merging:
    """An overlay being merged: the tables so far, the tables and codes it touched, and its problems."""

    source: Source
    problems: list[str] = field(default_factory=list)
    rows: dict[str, list[str]] = field(default_factory=dict)  # by table, the domain fields of the overlay's rows
    codes: set[str] = field(default_factory=set)

    def wrong(self, where: str, reason: str) -> None:
        """Note a problem."""
        self.problems.append(f"{where}: {reason}")


def overlaid(overlay: Overlay, shipped: Source | None = None) -> Tables:
    """The tables with an overlay, over those that ship or a variant of them.

    Raises `MappingError` with every problem: table, row, reason.
    """
    data = overlay if isinstance(overlay, dict) else _read(Path(overlay))
    name = "overlay" if isinstance(overlay, dict) else Path(overlay).name
    try:
        return _merged(data, read_source() if shipped is None else shipped)
    except MappingError as error:
        raise MappingError(*(f"{name}: {problem}" for problem in error.problems)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{path.name}: no TOML: {place_in_toml(error)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path.name}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None


def _merged(data: dict[str, Any], shipped: Source) -> Tables:
    merging = _Merging(replace(shipped, codes=dict(shipped.codes), tables=dict(shipped.tables)))
    for key in sorted(set(data) - _KEYS):
        merging.wrong(key, f"is nothing that an overlay has; it has {', '.join(sorted(_KEYS))}")
    _add_systems(merging, data.get("system", {}))
    systems = systems_of(merging.source.systems)
    for entry in _entries(merging, data, "codes"):
        _add_codes(merging, entry, systems)
    for entry in _entries(merging, data, "table"):
        _add_rows(merging, entry)
    _raise(merging.problems)
    tables = build_tables(merging.source)
    before = build_tables(shipped)
    known = set(check_tables(before))
    _raise(problem for problem in check_tables(tables, before) if problem not in known)
    _raise(broken_laws(tables, merging.rows, merging.codes))
    return tables


def _raise(problems: Iterable[str]) -> None:
    found: tuple[str, ...] = tuple(dict.fromkeys(problems))
    if found:
        raise MappingError(*found)


def _entries(merging: _Merging, data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The [[codes]] or [[table]] entries that have a name and rows."""
    found = data.get(key, [])
    entries = [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []
    for entry in entries:
        rows = entry.get("row", [])
        if not isinstance(entry.get("name"), str) or not _are_rows(rows):
            merging.wrong(f"[[{key}]]", "needs a name, and rows that are tables, each with its domain")
    if not isinstance(found, list) or len(entries) < len(found):
        merging.wrong(key, f"is written [[{key}]]")
    return [e for e in entries if isinstance(e.get("name"), str) and _are_rows(e.get("row", []))]


def _are_rows(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(r, dict) and isinstance(r.get("domain"), str) for r in rows)


def _add_systems(merging: _Merging, named: Any) -> None:
    if not isinstance(named, dict):
        merging.wrong("system", "is written [system], with a name and its uri in each line")
        return
    known = merging.source.systems["system"]
    added: dict[str, Any] = {}
    for name, entry in named.items():
        where = f"system {name}"
        aliases: Any = entry.get("aliases", []) if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or set(entry) - {"uri", "aliases"} or not _texts(aliases):
            merging.wrong(where, "has a uri, a list of aliases, and nothing else")
        elif name.partition("-")[0] in ("cs", "id", "ip"):
            merging.wrong(where, "names that begin with cs-, id- or ip- are our own")
        elif name in known:
            old = known[name]
            if entry.get("uri", old["uri"]) != old["uri"]:
                merging.wrong(where, "is known with another uri; what is written stays the same, add an alias")
            added[name] = {**old, "aliases": [*old.get("aliases", ()), *aliases]}
        elif not _texts([entry.get("uri")]):
            merging.wrong(where, "is new and needs a uri")
        else:
            added[name] = entry
    merging.source = replace(merging.source, systems={**merging.source.systems, "system": {**known, **added}})


def _texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) and v.strip() for v in values)


def _add_codes(merging: _Merging, entry: dict[str, Any], systems: Systems) -> None:
    name, codes = entry["name"], merging.source.codes
    where = f"codes {name}"
    like = entry.get("like", name)
    if set(entry) - {"name", "like", "row"}:
        merging.wrong(where, f"unknown key {', '.join(sorted(set(entry) - {'name', 'like', 'row'}))}")
    if like not in codes:
        merging.wrong(where, f"there is no code table {like!r}{_meant(like, codes)}; a new one says what it is `like`")
        return
    if "like" in entry and name in codes:
        merging.wrong(where, "is there already; only a new code table says what it is `like`")
        return
    known = {row["domain"] for row in codes[like]}
    rows = [_code_row(merging, f"{where}, row {row['domain']}", row, known) for row in entry.get("row", [])]
    written = [row["domain"] for row in rows if row["use"] == "both"]
    for word in sorted({word for word in written if written.count(word) > 1}):
        merging.wrong(f"{where}, row {word}", "has two codes to write")
    kept = [{**row, "use": "read"} if row["domain"] in written and row["use"] == "both" else row for row in codes[like]]
    try:
        code_table(name, [*kept, *_first(rows)], systems)
    except MappingError as error:
        merging.problems += error.problems
        return
    codes[name] = [*kept, *rows]
    merging.codes.add(name)


def _first(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows without a second one that writes the same word, which is reported elsewhere."""
    first = {row["domain"]: row for row in reversed(rows) if row["use"] == "both"}
    return [row for row in rows if row["use"] != "both" or first[row["domain"]] is row]


def _code_row(merging: _Merging, where: str, row: dict[str, Any], known: set[str]) -> dict[str, str]:
    made = {"display": "", "note": "", "use": "both", **row}
    if set(row) - _CODE_KEYS or not all(isinstance(value, str) for value in row.values()):
        merging.wrong(where, f"has texts, and no others than {', '.join(sorted(_CODE_KEYS))}")
    elif made["use"] not in USES:
        merging.wrong(where, f"use is {made['use']!r}, not {', '.join(USES)}")
    elif made["use"] == "none" and row["domain"] != "*":
        merging.wrong(where, "would leave the word without a code to write")
    elif row["domain"] not in known | {"*"}:
        merging.wrong(where, f"there is no such word{_meant(row['domain'], known)}")
    elif not row.get("code", "").strip() and row["domain"] != "*":
        merging.wrong(where, "needs a code")
    return {key: str(value) for key, value in {"system": "", "code": "", **made}.items()}


def _add_rows(merging: _Merging, entry: dict[str, Any]) -> None:
    name, tables = entry["name"], merging.source.tables
    if name not in tables and name in read_source().tables:
        return  # a table that the variant does not have
    if name not in tables:
        merging.wrong(f"table {name}", f"there is no such table{_meant(name, tables)}")
        return
    if set(entry) - {"name", "row"}:
        merging.wrong(f"table {name}", "only rows can be overlaid")
    rows = list(tables[name]["row"])
    seen: set[tuple[str, bool]] = set()
    for given in entry.get("row", []):
        where = f"table {name}, row {given['domain']}"
        row = modern(given, f"overlay, {where}")
        if _which(row) in seen:
            merging.wrong(where, "stands twice in the overlay")
        seen.add(_which(row))
        at = next((n for n, r in enumerate(rows) if _which(r) == _which(row)), len(rows))
        old = rows[at] if at < len(rows) else {}
        kept = {k: v for k, v in old.items() if not (_KIND_KEYS & set(row) and k in _KIND_KEYS)}
        if "fhir" in row and old and not _stands_as_in_r4(name, old):
            merging.wrong(where, f"stands at {old['fhir']} here: the overlay's place is one of R4, as we write it")
        rows[at:] = [{**kept, **row}, *rows[at + 1 :]]
        for reason in row_problems(tables[name], {**kept, **row}, old, merging.source):
            merging.wrong(where, reason)
        merging.rows.setdefault(name, []).append(row["domain"])
    tables[name] = {**tables[name], "row": rows}


def _stands_as_in_r4(table: str, row: dict[str, Any]) -> bool:
    """True if a row has the place that the tables as they ship give it."""
    shipped = read_source().tables.get(table, {"row": []})["row"]
    return (*_which(row), row["fhir"]) in [(*_which(r), r["fhir"]) for r in shipped]


def _which(row: dict[str, Any]) -> tuple[str, bool]:
    """The key of a row in its table: its field, and if the row only checks that field."""
    return row["domain"], bool(row.get("check_only"))


@dataclass(frozen=True, slots=True)
class CheckedTables:
    """The result of checking one set of tables: number of rows, problems, and why the overlay does not fit, if so."""

    name: str
    rows: int
    problems: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()


def check_sets(overlay: Overlay | None = None) -> Iterator[CheckedTables]:
    """Check each set of tables that is used (R4, R5, other systems' plans) for completeness and laws.

    An overlay that does not fit the R4 tables, which are used on the wire, raises `MappingError`. If it does not fit
    another set, because the site's row has another place there, the result says so, and the set is checked without it.
    """
    shipped = {name: build_tables(varied(*names)) for name, names in SETS.items()}
    for name, names in SETS.items():
        tables, unfit = shipped[name], tuple[str, ...]()
        try:
            tables = tables if overlay is None else overlaid(overlay, varied(*names))
        except MappingError as error:
            if not names:
                raise
            unfit = error.problems
        others = [other for known, other in shipped.items() if known != name]
        missing = check_tables(tables, *others, assumes=bool(names))
        rows = {table.name: [row.field for row in table.rows] for table in tables.fields.values()}
        broken = broken_laws(tables, rows, ())
        yield CheckedTables(name, sum(map(len, rows.values())), (*missing, *broken), unfit)


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; perhaps {close[0]} is meant" if close else ""

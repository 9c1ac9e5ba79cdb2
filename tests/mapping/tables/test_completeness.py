"""What makes a set of tables complete, and that a set that is not is refused by name: table, row, reason."""

import re
import tomllib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from ip_fhir.errors import MappingError
from ip_fhir.fhir.data import root
from ip_fhir.mapping.dialects import DIALECTS
from ip_fhir.mapping.lenses.building import build_lenses
from ip_fhir.mapping.tables.completeness import check_tables
from ip_fhir.mapping.tables.loading import build_tables, load_tables, read_source
from ip_fhir.mapping.tables.model import Source, Tables
from ip_fhir.mapping.tables.variants import SETS, varied

NAMES = [name for name, variants in SETS.items() if variants]
VARIANTS = tuple(build_tables(varied(*SETS[name])) for name in NAMES)
SOURCES = tomllib.loads((root() / "sources.toml").read_text(encoding="utf-8"))

Change = Callable[[Source], None]


def changed(change: Change) -> Tables:
    """The tables as they ship, with a change."""
    source = deepcopy(read_source())
    change(source)
    return build_tables(source)


def row(source: Source, table: str, domain: str) -> dict[str, Any]:
    """One row as it stands in the file."""
    found: dict[str, Any] = next(row for row in source.tables[table]["row"] if row["domain"] == domain)
    return found


def without_row(table: str, domain: str) -> Change:
    """Take a row out."""
    return lambda source: source.tables[table]["row"].remove(row(source, table, domain))


def with_row(table: str, domain: str, /, **keys: Any) -> Change:
    """Change a row; None takes a key out."""

    def change(source: Source) -> None:
        found = row(source, table, domain)
        found.update(keys)
        for key in [key for key, value in found.items() if value is None]:
            del found[key]

    return change


def with_codes(name: str, *rows: dict[str, str] | str) -> Change:
    """Add rows to a code table; a text takes out the rows of that word."""

    def change(source: Source) -> None:
        for added in rows:
            if isinstance(added, str):
                source.codes[name] = [row for row in source.codes[name] if row["domain"] != added]
            else:
                source.codes[name].append({"system": "", "code": "", "display": "", "note": "", **added})

    return change


def test_what_ships_is_complete() -> None:
    """Every domain field has a row, is a part of a bundle or says where else it is; every word has a code."""
    assert check_tables(load_tables(), *VARIANTS) == ()


def test_every_variant_is_used() -> None:
    """A file under mappings/variants that no set is made with would never be checked."""
    files = {entry.name.removesuffix(".toml") for entry in (root() / "variants").iterdir()}
    assert files == {name for names in SETS.values() for name in names}


@pytest.mark.parametrize("tables", [load_tables(), *VARIANTS], ids=["R4", *NAMES])
def test_every_row_names_its_clause(tables: Tables) -> None:
    """Each row of each set cites a source that mappings/sources.toml names, and says where in it."""
    for table in tables.fields.values():
        for row in table.rows:
            cited = re.match(r"([A-Za-z][A-Za-z0-9-]*?)(?:-[A-Z]\w+)?(?:[ .:]|$)", row.law)
            assert cited is not None, f"{table.name}, {row.field}"
            assert cited[1] in SOURCES, f"{table.name}, {row.field}: {row.law}"
            assert re.search(r"\w[:.)].*\w|\w \w", row.law), f"{table.name}, {row.field}: {row.law}"


def test_every_source_is_cited() -> None:
    """A source that no row cites has no place in the list; each is named in both languages."""
    laws = [row.law for tables in (load_tables(), *VARIANTS) for table in tables.fields.values() for row in table.rows]
    assert {name for name in SOURCES if not any(re.search(rf"(^|; |and ){name}\b", law) for law in laws)} == set()
    assert all(source["en"].strip() and source["nb"].strip() for source in SOURCES.values())


INCOMPLETE: list[tuple[str, Change, str]] = [
    ("a field without a row", without_row("Goal", "note"), "Goal, note: has no row"),
    ("half a period", without_row("Measure", "period.end"), "Measure, period.end: has no row"),
    ("a row for no field", with_row("Goal", "note", domain="remark"), "Goal, remark: Goal has no such field"),
    ("no domain type", lambda s: s.tables["Goal"].update(domain="Aim"), "Goal: there is no domain type Aim"),
    ("a default unsaid", with_row("Membership", "status", default=None), "Membership, status: the domain's default is"),
    (
        "another default",
        with_row("CarePlan", "version", default=2),
        "CarePlan, version: default is 2, the domain's is 1",
    ),
    ("a default too many", with_row("Goal", "note", default="-"), "Goal, note: default is '-', the domain has none"),
    ("a word without a code", with_codes("gender", "other"), "Patient, gender: codes gender has no code to write for"),
    (
        "a code for no word",
        with_codes("gender", {"domain": "unsaid", "code": "unsaid", "use": "both"}),
        "Patient, gender: codes gender has 'unsaid', which Gender has not",
    ),
    ("an enumeration as text", with_row("Patient", "gender", codes=None), "Patient, gender: is an enumeration without"),
    ("text by codes", with_row("Goal", "note", codes="gender"), "Goal, note: has the code table gender, and is no"),
    (
        "a table of another type",
        with_row("Patient", "name", table="Address"),
        "Patient, name: the table Address is for",
    ),
    (
        "an unused table",
        lambda s: s.tables.update(Shoe={**s.tables["Address"], "name": "Shoe"}),
        "Shoe: no row and no bundle uses it",
    ),
    (
        "an unused code table",
        lambda s: s.codes.update(shoes=s.codes["gender"]),
        "codes shoes: no row uses it",
    ),
    (
        "elsewhere, and no field",
        lambda s: s.tables["Task"]["elsewhere"].update(colour="the sky"),
        "Task, elsewhere colour: Referral has no such field",
    ),
    (
        "elsewhere, and no reason",
        lambda s: s.tables["Task"]["elsewhere"].update(told=" "),
        "Task, elsewhere told: says no reason",
    ),
    (
        "elsewhere, and here",
        lambda s: s.tables["Task"]["elsewhere"].update(reason="both"),
        "Task, elsewhere reason: has a row here",
    ),
    (
        "derived, and a field",
        lambda s: s.tables["Task"]["derived"].update(reason="both"),
        "Task, reason: is listed as derived, and is a field of Referral",
    ),
    (
        "a part of another type",
        lambda s: s.bundles[0]["part"][1].update(table="Organization"),
        "bundles plan, related_persons: Organization is for another type than the field",
    ),
    ("a row without a clause", with_row("Goal", "note", law=None), "Goal, note: names no clause of law or standard"),
    ("a blank clause", with_row("Task", "focus", law=" "), "Task, focus: names no clause of law or standard"),
    (
        "a name of the wrong kind",
        with_row("Goal", "target", fhir="target[0].extension(cs-goal-target).valueString"),
        "Goal, target[0].extension(cs-goal-target).valueString: 'cs-goal-target' is no name for a extension",
    ),
    (
        "a name that is not in small letters",
        with_row("Goal", "target", fhir="target[0].extension(ip-goalTarget).valueString"),
        "Goal, target[0].extension(ip-goalTarget).valueString: 'ip-goalTarget' is no name",
    ),
]


@pytest.mark.parametrize(("change", "told"), [pytest.param(c, t, id=i) for i, c, t in INCOMPLETE])
def test_what_is_missing_is_named(change: Change, told: str) -> None:
    """Each gap is told with table, row and reason."""
    assert any(problem.startswith(told) for problem in check_tables(changed(change), *VARIANTS))


def test_one_name_in_two_spellings() -> None:
    """Our own names are made where they are used: two that are nearly the same are a slip of the pen."""
    tables = changed(with_row("Membership", "task", fhir="extension(ip-membership-state).valueString"))
    assert [p for p in check_tables(tables, *VARIANTS) if "look like one name" in p] == []
    tables = changed(with_row("Membership", "task", fhir="extension(ip-membership-statuss).valueString"))
    assert len([p for p in check_tables(tables, *VARIANTS) if "look like one name spelled in two ways" in p]) == 1


BROKEN: list[tuple[str, Change, str]] = [
    ("unknown key of a row", with_row("Goal", "note", colour="red"), "table Goal row 14: unknown key colour"),
    ("a clause that is no text", with_row("Goal", "note", law=7), "table Goal row 14: 'law' is no text"),
    ("no path", with_row("Goal", "note", fhir=None), "table Goal row 14: 'fhir' is missing, or no text"),
    ("a path that cannot be read", with_row("Goal", "note", fhir="note[0"), "table Goal row 14: path 'note[0'"),
    ("unknown key of a table", lambda s: s.tables["Goal"].update(colour="red"), "table Goal: unknown key colour"),
    ("no rows", lambda s: s.tables["Goal"].pop("row"), "table Goal: 'row' is missing"),
    (
        "unknown key of a constant",
        lambda s: s.tables["Goal"]["const"][0].update(colour="red"),
        "table Goal const 1: unknown key colour",
    ),
    (
        "a constant's path",
        lambda s: s.tables["Goal"]["const"][0].update(fhir="subject."),
        "table Goal const 1: path 'subject.'",
    ),
    (
        "a table of a bundle",
        lambda s: s.bundles[0]["part"][0].update(table="Person"),
        "bundles row 1: there is no table 'Person' of a resource",
    ),
    (
        "a key of a bundle's part",
        lambda s: s.bundles[0]["part"][0].update(all=True),
        "bundles row 1: unknown key all",
    ),
    (
        "two names for one system",
        lambda s: s.systems["system"].update(second={"uri": s.systems["system"]["fnr"]["aliases"][0]}),
        "is also",
    ),
    ("a system without a URI", lambda s: s.systems["system"].update(bare={}), "systems bare: has no uri"),
    ("no base", lambda s: s.systems.pop("base"), "systems: has no base"),
    (
        "two codes to write",
        with_codes("gender", {"domain": "male", "code": "M", "use": "both"}),
        "codes gender, row 5 (male): 'male' has two codes to write",
    ),
    (
        "one code for two words",
        with_codes("gender", {"domain": "other", "code": "male", "use": "read"}),
        "codes gender, row 5 (other): code 'male' stands for 'male' too",
    ),
    (
        "no such use",
        with_codes("gender", {"domain": "other", "code": "x", "use": "sometimes"}),
        "codes gender, row 5 (other): use is 'sometimes'",
    ),
    ("a column too many", with_codes("gender", {"domain": "other", "colour": "red"}), "does not have the columns"),
]


@pytest.mark.parametrize(("change", "told"), [pytest.param(c, t, id=i) for i, c, t in BROKEN])
def test_a_broken_set_is_not_read(change: Change, told: str) -> None:
    """What cannot be understood is refused when the tables are loaded, with table, row and reason."""
    with pytest.raises(MappingError) as caught:
        changed(change)
    assert told in str(caught.value)


UNBUILDABLE: list[tuple[str, Change, str]] = [
    ("no such type", with_row("Goal", "note", type="colour"), "Goal, row note: there is no type 'colour'; there are"),
    ("no such table", with_row("Patient", "name", table="Person"), "Patient, row name: there is no table 'Person'"),
    ("no such codes", with_row("Patient", "gender", codes="x"), "Patient, row gender: there is no code table 'x'"),
    ("a default without a code", with_row("CareTeam", "status", default="x"), "CareTeam, row status: the default 'x'"),
    ("a bare code with a system", with_row("Consent", "kind", **{"as": "code"}), "Consent, row kind: is a bare code"),
    ("a key of no list", with_row("Patient", "name", key="id"), "Patient, row name: has a key, and is no list"),
    (
        "a key that the table has not",
        with_row("CarePlan", "measures", key="number"),
        "CarePlan, row measures: the table Measure has no row for the key 'number'",
    ),
    ("no such system", with_row("Patient", "language", fhir="x[system=@xyz].code"), "Patient, row language: "),
    (
        "a constant's system",
        lambda s: s.tables["Consent"]["const"][-1].update(fhir="scope{~xyz#a}"),
        "Consent, const scope{~xyz#a}: systems.toml has no name 'xyz'",
    ),
]


@pytest.mark.parametrize(("change", "told"), [pytest.param(c, t, id=i) for i, c, t in UNBUILDABLE])
def test_a_broken_set_makes_no_lenses(change: Change, told: str) -> None:
    """What can be read and makes no sense is refused before the first lens is used, with table, row and reason."""
    with pytest.raises(MappingError) as caught:
        build_lenses(changed(change), DIALECTS)
    assert str(caught.value).startswith(told)

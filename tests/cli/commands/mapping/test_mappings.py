"""`mappings list|show|check|export`: what the tables say, for people, for reviewers and for the gate."""

import csv
import re
import tomllib
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ip_fhir.fhir.data import root
from ip_fhir.mapping import Mapper, default
from ip_fhir.mapping.tables.variants import SETS
from ip_fhir.report.pages import mappings
from tests.cli.conftest import Run
from tests.support.two_sides import EXAMPLES

OVERLAY = EXAMPLES / "overlays" / "nordvik.toml"
TABLES = default().tables
SOURCES = tomllib.loads((root() / "sources.toml").read_text(encoding="utf-8"))


def test_list_names_every_table(run: Run) -> None:
    """Every table and code table is listed, with the number of its rows; --json says the same."""
    ran = run("mappings", "list")
    assert (ran.code, ran.err) == (0, "")
    listed = dict(re.findall(r"^(\S+) .*?(\d+)\s*$", ran.text, re.MULTILINE))
    assert set(listed) == {*TABLES.fields, *TABLES.codes}
    assert all(int(listed[name]) == len(table.rows) for name, table in TABLES.fields.items())
    data = run("mappings", "list", "--json").data
    assert {t["name"]: t["rows"] for t in data["tables"]} == {n: len(t.rows) for n, t in TABLES.fields.items()}
    assert {c["name"] for c in data["codes"]} == set(TABLES.codes)


@pytest.mark.parametrize("name", sorted(TABLES.fields))
def test_show_has_every_row(run: Run, name: str) -> None:
    """Each row is shown with its field, its place and the clause it serves."""
    ran = run("mappings", "show", name)
    assert ran.code == 0
    shown = "".join(ran.text.split())
    assert all("".join(row.law.split()) in shown for row in TABLES.fields[name].rows)
    assert all("".join(f"{row.field}{'*' * row.required}".split()) in shown for row in TABLES.fields[name].rows)


def test_show_codes_both_ways(run: Run) -> None:
    """A code table is shown with what is written, what is only read, and what has no counterpart."""
    text = run("mappings", "show", "consent-kind").text
    assert "read and written" in text
    assert run("mappings", "show", "team-role").text.count("no counterpart") == 1


def test_show_marks_what_is_the_sites(run: Run) -> None:
    """With an overlay, its rows are marked and no others."""
    lines = [x for x in run("mappings", "show", "Goal", "--overlay", OVERLAY).text.splitlines() if x.startswith("site")]
    assert len(lines) == 1
    assert "nordvik-goal-category" in lines[0]
    assert "site" not in run("mappings", "show", "Goal").text.splitlines()[2]


def test_show_code_is_python_that_compiles(run: Run) -> None:
    """--code shows the function that writes a resource, with the overlay's codes in its names."""
    shipped = run("mappings", "show", "Goal", "--code").text
    with_site = run("mappings", "show", "Goal", "--code", "--overlay", OVERLAY).text
    for code, has_site in ((shipped, False), (with_site, True)):
        compile(code, "shown", "exec")
        assert code.startswith("def write_Goal(")
        assert ("nordvik_goal_category" in code.partition("def read_")[0]) is has_site


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["Gaol"], "Gaol: is no table; perhaps Goal is meant"),
        (["qqq"], "qqq: is no table; `ip-fhir mappings list` names them"),
        (["life-area", "--code"], "life-area: is a code table"),
    ],
)
def test_show_what_is_not_there(run: Run, arguments: list[str], reason: str) -> None:
    """A name that is no table is refused, with the one that is meant."""
    ran = run("mappings", "show", *arguments)
    assert (ran.code, ran.out) == (2, b"")
    assert reason in ran.err


@pytest.mark.slow
def test_check(run: Run) -> None:
    """The tables as they ship, and with the example overlay, are right: each set is named."""
    for arguments in ((), ("--overlay", OVERLAY)):
        ran = run("mappings", "check", *arguments)
        assert (ran.code, ran.err) == (0, "")
        assert all(f"{name} (" in ran.text for name in SETS)


@pytest.mark.slow
def test_check_tells_what_an_overlay_is_not_for(run: Run, tmp_path: Path) -> None:
    """A place of R4 in a site's row: fine, and a warning for the sets that have the field elsewhere."""
    overlay = tmp_path / "site.toml"
    overlay.write_text(
        '[[table]]\nname = "Measure"\nrow = [{ domain = "how", fhir = "detail.extension(ip-how).valueString" }]\n',
        encoding="utf-8",
    )
    ran = run("mappings", "check", "--overlay", overlay)
    assert ran.code == 0
    assert "warning: not for R5: site.toml: table Measure, row how: stands at description here" in ran.err


def test_check_refuses(run: Run, tmp_path: Path) -> None:
    """A bad overlay: exit code 6, and a line for each problem with file, table, row and reason."""
    bad = tmp_path / "bad.toml"
    bad.write_text(
        '[[table]]\nname = "Goal"\nrow = [{ domain = "tekst", fhir = "x" }, { domain = "note", fhir = "a..b" }]\n',
        encoding="utf-8",
    )
    ran = run("mappings", "check", "--overlay", bad)
    assert (ran.code, ran.out) == (6, b"")
    first, second = ran.err.splitlines()
    assert first.startswith("ip-fhir: bad.toml: table Goal, row tekst: Goal has no field tekst")
    assert second.startswith("ip-fhir: bad.toml: table Goal, row note: path 'a..b' cannot be read")


def read_csv(path: Path) -> list[list[str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))


def test_csv_has_the_review_columns(run: Run, tmp_path: Path) -> None:
    """One line for each row and each fixed part, in the columns of the v2-to-FHIR sheets; codes in a file beside."""
    out = tmp_path / "tables.csv"
    ran = run("mappings", "export", "--csv", out)
    assert ran.code == 0
    written = ("tables.csv", "tables-hl7v2.csv", "tables-codes.csv")
    assert ran.text.splitlines() == [f"wrote {tmp_path / name}" for name in written]
    groups, columns, *rows = read_csv(out)
    assert (groups[0], groups[6], groups[9], groups[18]) == ("Domain", "Condition (IF True)", "HL7 FHIR", "Comments")
    assert columns[:6] == ["Sort Order", "Identifier", "Name", "Data Type", "Cardinality - Min", "Cardinality - Max"]
    assert {len(row) for row in (groups, columns, *rows)} == {19}
    _has_every_row(rows, "fhir")
    v2_groups, v2_columns, *v2 = read_csv(tmp_path / "tables-hl7v2.csv")
    assert (v2_groups[0], v2_groups[1:], v2_columns) == ("HL7 v2", groups[1:], columns)
    _has_every_row(v2, "hl7v2")
    assert [row[:4] + row[9:10] for row in v2 if row[1:3] == ["PID-5", "name"]] == [
        ["1", "PID-5", "name", "XPN", "Patient.name"]
    ]
    _, codes_columns, *codes = read_csv(tmp_path / "tables-codes.csv")
    assert codes_columns[0] == "Code"
    assert len(codes) == sum(len(table.rows) for table in TABLES.codes.values())


def _has_every_row(rows: list[list[str]], dialect: str) -> None:
    """One line for each row and each fixed part of the tables of a dialect, with the clause behind it."""
    tables = [table for table in TABLES.fields.values() if table.dialect == dialect]
    assert {len(row) for row in rows} == {19}
    assert len(rows) == sum(len(table.rows) + len(table.consts) for table in tables)
    laws = [row.law for table in tables for row in table.rows]
    comments = [row[18] for row in rows if row[18] != "always written"]
    assert all(law in comment for law, comment in zip(laws, comments, strict=True))


@pytest.mark.parametrize("group", ["segments", "codesystems"])
def test_csv_columns_are_theirs(run: Run, tmp_path: Path, shared_data: Path, group: str) -> None:
    """The columns are those of the HL7 v2-to-FHIR project, but for the side that is v2 there and the domain here."""
    run("mappings", "export", "--csv", tmp_path / "t.csv")
    sheet = "PID[Patient]" if group == "segments" else "AdministrativeSex"
    theirs = read_csv(shared_data / "closed-loop" / "v2-to-fhir" / group / f"{sheet}.csv")[1]
    ours = read_csv(tmp_path / ("t.csv" if group == "segments" else "t-codes.csv"))[1]
    same = [a.split("\n")[0] for a in theirs]
    assert [a for a, b in zip(same, ours, strict=True) if a] == [b for a, b in zip(same, ours, strict=True) if a]


class Page(HTMLParser):
    """What a page refers to, and its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect ids, links and whatever would be fetched."""
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if tag == "a" else []
        self.outside += [tag] if tag in ("script", "link", "img", "iframe") or "src" in found else []


def test_html_for_people(run: Run, tmp_path: Path) -> None:
    """One page that needs nothing else: every table and code table has its place, and every link leads to one."""
    out = tmp_path / "tables.html"
    assert run("mappings", "export", "--html", out, "--overlay", OVERLAY).code == 0
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    assert page.outside == []
    assert "@import" not in text
    assert {*TABLES.fields, *(f"codes-{name}" for name in TABLES.codes), "codes-nordvik-goal-category"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert [link for link in page.links if link.removeprefix("#") not in page.ids] == []
    laws = {row.law for row in Mapper.load(OVERLAY).tables.fields["Goal"].rows}
    laws |= {row.law for table in TABLES.fields.values() if table.name != "Goal" for row in table.rows}
    assert {law for law in laws if law not in unescape(text)} == set()
    assert "Nordvik: yearly report by category" in laws
    assert text.count('<tr class="own">') == 1 + 2 + 11 + 10  # the new code table: like life-area, and ten rows
    assert "differ from what the library ships" in text


def test_html_in_norwegian(run: Run, tmp_path: Path) -> None:
    """--lang nb: the same tables, rows and links; the page's words are Norwegian, and why a row is there too."""
    pages = {}
    for lang in ("en", "nb"):
        out = tmp_path / f"{lang}.html"
        assert run("mappings", "export", "--html", out, "--lang", lang, "--overlay", OVERLAY).code == 0
        pages[lang] = out.read_text(encoding="utf-8")
    english, norwegian = Page(pages["en"]), Page(pages["nb"])
    assert (english.ids, english.links) == (norwegian.ids, norwegian.links)
    assert pages["en"].count("<tr") == pages["nb"].count("<tr")
    assert '<html lang="nb">' in pages["nb"]
    body = unescape(pages["nb"].partition("</style>")[2])
    assert "<td>forskrift a): behov for tjenester; FHIR CarePlan.addresses</td>" in body
    assert "<td>praksis (Malvik): kopier av planen tas vare på, hver versjon med sitt nummer</td>" in body
    assert "Nordvik: yearly report by category" in body  # the site's own words
    chrome = body.partition('id="codes"')[0]
    rule = r"\b(the|with the|each|of its|which|what|why|several|always|part of another|period, (start|end))\b"
    assert re.findall(rule, chrome, re.IGNORECASE) == []


def test_why_each_row_is_there_is_said_in_norwegian_too() -> None:
    """Every explanation in the tables has Norwegian words, and none of those is for a row that there is not."""
    parts = {part for table in TABLES.fields.values() for row in table.rows for part in row.law.split("; ")}
    cited = {part for part in parts if part.startswith(tuple(SOURCES))}
    told = tomllib.loads((Path(mappings.__file__).parent / "mappings_why_nb.toml").read_text(encoding="utf-8"))
    assert {part.partition(": ")[2] for part in cited if ": " in part} | (parts - cited) == set(told)
    assert all(words.strip() for words in told.values())


def test_html_without_an_overlay_marks_nothing(run: Run, tmp_path: Path) -> None:
    """As it ships, no row is marked as a site's."""
    run("mappings", "export", "--html", tmp_path / "t.html")
    assert '<tr class="own">' not in (tmp_path / "t.html").read_text(encoding="utf-8")


def test_export_needs_a_place(run: Run, tmp_path: Path) -> None:
    """Without a file to write, or with one that cannot be written: exit code 2 and why."""
    nowhere = run("mappings", "export")
    assert (nowhere.code, nowhere.err) == (2, "ip-fhir: mappings export: needs --csv FILE or --html FILE\n")
    missing = run("mappings", "export", "--csv", tmp_path / "none" / "t.csv")
    assert missing.code == 2
    assert "cannot be written: No such file" in missing.err

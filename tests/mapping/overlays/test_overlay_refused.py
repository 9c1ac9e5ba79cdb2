"""A bad overlay is refused when it is loaded, with table, row and reason; every problem at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.errors import MappingError
from ip_fhir.mapping import Mapper


def table(name: str, **row: Any) -> dict[str, Any]:
    """An overlay of one row."""
    return {"table": [{"name": name, "row": [row]}]}


def codes(name: str, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An overlay of code rows."""
    return {"codes": [{"name": name, "row": list(rows), **more}]}


def code(domain: str, value: str = "99", **more: Any) -> dict[str, Any]:
    """A code row of list 9034."""
    return {"domain": domain, "system": "9034", "code": value, **more}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown table": (table("Gaol", domain="text"), "table Gaol: there is no such table; perhaps Goal is meant"),
    "unknown field": (
        table("Goal", domain="tekst", fhir="note[0].text"),
        "table Goal, row tekst: Goal has no field tekst",
    ),
    "no path": (table("Goal", domain="period.length"), "row period.length: 'fhir' is missing"),
    "unparsable path": (
        table("Goal", domain="target", fhir="note[0]..text"),
        "row target: path 'note[0]..text' cannot be",
    ),
    "unknown name in a path": (table("Goal", domain="target", fhir="extension(mine).valueString"), "no name 'mine'"),
    "unknown type": (table("Goal", domain="target", type="strnig"), "row target: there is no type 'strnig'"),
    "type that does not fit": (
        table("Goal", domain="text", type="boolean"),
        "row text: a row of this field has the type",
    ),
    "code table for a text": (table("Goal", domain="text", codes="life-area"), "row text: a row of this field has"),
    "unknown code table": (table("Goal", domain="areas", codes="mine"), "row areas: there is no code table 'mine'"),
    "unknown inner table": (table("CarePlan", domain="measures", table="Mesure"), "there is no table 'Mesure'"),
    "list as one": (table("Goal", domain="areas", fhir="category[0]"), "row areas: path 'category[0]' needs [*]"),
    "one as list": (table("Goal", domain="text", fhir="note[*].text"), "row text: path 'note[*].text' has [*]"),
    "unknown key": (table("Goal", domain="text", where="note"), "row text: unknown key where"),
    "a row of its own without a clause": (
        table("Goal", domain="text", fhir="note[0].text", check_only=True),
        "Goal, text: names no clause of law or standard",
    ),
    "two rows": ({"table": [{"name": "Goal", "row": [{"domain": "note"}] * 2}]}, "row note: stands twice"),
    "a constant": (
        {"table": [{"name": "Goal", "const": [{"fhir": "x"}], "row": []}]},
        "Goal: only rows can be overlaid",
    ),
    "a table without name": ({"table": [{"row": []}]}, "[[table]]: needs a name"),
    "a row without domain": ({"table": [{"name": "Goal", "row": [{"fhir": "x"}]}]}, "each with its domain"),
    "not [[table]]": ({"table": {"name": "Goal"}}, "table: is written [[table]]"),
    "two fields at one place": (
        table("Goal", domain="target", fhir="note[0].text"),
        "table Goal, row target: get(put(d, r)) == d is broken: target is not read as it was written; note stands at",
    ),
    "wrong word for the field": (
        table("Membership", domain="role", codes="life-area"),
        "Membership, role: codes life-area",
    ),
    "codes of another shape": (
        table("Goal", domain="status", codes="life-area"),
        "status: codes life-area has no code",
    ),
    "unknown word": (codes("team-role", code("bestfriend")), "codes team-role, row bestfriend: there is no such word"),
    "nearly a word": (codes("team-role", code("volunter")), "perhaps volunteer is meant"),
    "two codes to write": (codes("team-role", code("owner", "98"), code("owner")), "row owner: has two codes to write"),
    "a code of another word": (codes("team-role", code("owner", "6")), "stands for 'general-practitioner' too"),
    "one code for two words": (codes("team-role", code("owner"), code("relative")), "stands for 'owner' too"),
    "no code left": (codes("team-role", code("owner", use="none")), "row owner: would leave the word without a code"),
    "unknown use": (codes("team-role", code("owner", use="written")), "row owner: use is 'written', not both, read"),
    "unknown system": (codes("team-role", {**code("owner"), "system": "mine"}), "has no name 'mine'"),
    "a code row with more": (codes("team-role", code("owner", weight="2")), "row owner: has texts, and no others"),
    "a number for a code": (codes("team-role", {**code("owner"), "code": 9}), "row owner: has texts"),
    "an empty code": (codes("team-role", code("owner", " ")), "row owner: needs a code"),
    "unknown codes": (codes("team-rolle", code("owner")), "no code table 'team-rolle'; perhaps team-role is meant"),
    "known codes made new": (codes("team-role", code("owner"), like="life-area"), "team-role: is there already"),
    "new codes like nothing": (
        codes("mine", code("owner"), like="other"),
        "codes mine: there is no code table 'other'",
    ),
    "unused codes": (codes("mine", like="life-area"), "codes mine: no row uses it"),
    "codes with more": (codes("team-role", code("owner"), table="x"), "codes team-role: unknown key table"),
    "a bare code with a system": (codes("gender", code("female", "f")), "gender"),
    "another uri": ({"system": {"hpr": {"uri": "urn:x"}}}, "system hpr: is known with another uri"),
    "our own name": ({"system": {"cs-mine": {"uri": "urn:x"}}}, "system cs-mine: names that begin with cs-"),
    "no uri": ({"system": {"mine": {}}}, "system mine: is new and needs a uri"),
    "an alias that is no list": ({"system": {"hpr": {"aliases": "urn:x"}}}, "system hpr: has a uri, a list of aliases"),
    "a uri of another name": ({"system": {"mine": {"uri": "urn:oid:2.16.578.1.12.4.1.4.4"}}}, "is also"),
    "no systems": ({"system": 1}, "system: is written [system]"),
    "another thing": ({"tables": []}, "tables: is nothing that an overlay has"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_with_table_row_and_reason(case: str) -> None:
    """Every kind of mistake names its table, its row and what is wrong with it."""
    overlay, reason = BAD[case]
    with pytest.raises(MappingError) as refused:
        Mapper.load(overlay)
    assert any(reason in problem for problem in refused.value.problems), refused.value.problems
    assert all(problem.startswith("overlay: ") for problem in refused.value.problems)


def test_all_at_once() -> None:
    """An overlay with many mistakes is told of all of them, each once."""
    parts = ("unknown table", "unparsable path", "unknown word", "no uri", "another thing")
    merged: dict[str, Any] = {}
    for case in parts:
        for key, value in BAD[case][0].items():
            merged[key] = [*merged.get(key, ()), *value] if isinstance(value, list) else value
    with pytest.raises(MappingError) as refused:
        Mapper.load(merged)
    problems = refused.value.problems
    assert len(problems) == len(set(problems)) == len(parts)
    for case in parts:
        assert any(BAD[case][1] in problem for problem in problems)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[[table]\n", "no TOML"),
        (b"name = '\xff'", "cannot be read: not UTF-8"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """A file that is not there, no UTF-8 or no TOML is named, and why."""
    path = tmp_path / "site.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MappingError, match=r"site\.toml: ") as refused:
        Mapper.load(path)
    assert reason in str(refused.value)


def test_an_empty_overlay_changes_nothing(tmp_path: Path) -> None:
    """An overlay with nothing in it gives the tables as they ship."""
    path = tmp_path / "site.toml"
    path.write_text('name = "nothing"\n', encoding="utf-8")
    assert Mapper.load(path).tables == Mapper.load().tables


def test_loading_is_quick() -> None:
    """The laws are tried in well under the seconds that a server has to start."""
    started = time.perf_counter()
    Mapper.load(table("Goal", domain="target", fhir="target[0].detailString"))
    assert time.perf_counter() - started < 10

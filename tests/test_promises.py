"""The promises of the loop and of sharing: each in the words that were agreed, each held by a test that says so."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.loop.promises import PROMISES
from ip_fhir.domain.sharing.life.promises import PROMISES as PROMISES_OF_SHARING

_TEST = '''import pytest


@pytest.mark.promise({marks})
{what}:
    """One."""
'''


@pytest.fixture(scope="module")
def build(checkout: Path) -> dict[str, Any]:
    """The part of the documents that lists the promises."""
    return runpy.run_path(str(checkout / "docs" / "parts" / "promises.py"))


def test_each_has_a_test(build: dict[str, Any], checkout: Path) -> None:
    """Every promise is held by at least one test, and no test holds a promise that there is not."""
    assert sorted(build["held"](checkout / "tests")) == [promise.number for promise in PROMISES] == list(range(1, 19))


def test_each_promise_of_sharing_has_a_test(build: dict[str, Any], checkout: Path) -> None:
    """Every promise of sharing is held by at least one test, and the document has them all."""
    held = build["held"](checkout / "tests", "sharing_promise")
    assert sorted(held) == [promise.number for promise in PROMISES_OF_SHARING] == list(range(1, 12))
    text = (checkout / "docs" / "sharing.md").read_text(encoding="utf-8")
    for promise in PROMISES_OF_SHARING:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {promise.number} | {promise.text} |")]
        assert re.search(r"\]\(\.\./tests/\S+\.py\): `test_", row, re.IGNORECASE), promise.number


def test_the_tests_are_run(request: pytest.FixtureRequest, build: dict[str, Any], checkout: Path) -> None:
    """What the table names is what pytest runs: of the modules read in this run, every mark is on a collected item."""
    collected = {(item.path, re.split(r"[\[@]", item.nodeid.split("::")[1])[0]) for item in request.session.items}
    read = {path for path, _ in collected}
    marks = ("promise", "sharing_promise")
    found = [tests for mark in marks for tests in build["held"](checkout / "tests", mark).values()]
    named = {test for tests in found for test in tests}
    chosen = request.config.option
    if not (chosen.markexpr or chosen.keyword or any("::" in argument for argument in request.config.args)):
        assert {test for test in named if test[0] in read} <= collected


def test_in_the_words_that_were_agreed(shared_data: Path) -> None:
    """Number by number, the wording is the one of the description of the loop."""
    text = (shared_data.parent / "LOOP.md").read_text(encoding="utf-8")
    section = text.partition("## What must hold")[2].partition("\n## ")[0]
    agreed = re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", section, re.MULTILINE | re.DOTALL)
    assert [(p.number, p.text) for p in PROMISES] == [
        (int(number), " ".join(words.split())) for number, words in agreed
    ]


def test_those_of_sharing_in_the_words_that_were_agreed(shared_data: Path) -> None:
    """Number by number, the wording is the one of the description of sharing."""
    text = (shared_data.parent / "SHARING.md").read_text(encoding="utf-8")
    section = text.partition("## What must hold")[2].partition("\n## ")[0]
    agreed = re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", section, re.MULTILINE | re.DOTALL)
    assert [(p.number, p.text) for p in PROMISES_OF_SHARING] == [
        (int(number), " ".join(words.split())) for number, words in agreed
    ]


def test_the_table_names_them_all(checkout: Path) -> None:
    """In the document, each number has its row, with a link to each file."""
    text = (checkout / "docs" / "loop.md").read_text(encoding="utf-8")
    for promise in PROMISES:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {promise.number} | {promise.text} |")]
        assert re.search(r"\]\(\.\./tests/\S+\.py\): `test_", row, re.IGNORECASE), promise.number


@pytest.mark.parametrize(
    ("name", "marks", "what", "found"),
    [
        ("test_a.py", "3, 4", "def test_a() -> None", {3: "test_a", 4: "test_a"}),
        ("test_a.py", "3", "class TestA", {3: "TestA"}),
        ("test_a.py", "3", "def helper() -> None", None),
        ("helper.py", "3", "def test_a() -> None", None),
        ("test_a.py", "NUMBER", "def test_a() -> None", None),
    ],
)
def test_a_mark_is_read_or_refused(
    build: dict[str, Any], tmp_path: Path, name: str, marks: str, what: str, found: dict[int, str] | None
) -> None:
    """A mark on what pytest does not run, or without a number, fails: it would hold nothing."""
    (tmp_path / name).write_text(_TEST.format(marks=marks, what=what), encoding="utf-8")
    if found is None:
        with pytest.raises(ValueError, match=r"marked|malformed"):
            build["held"](tmp_path)
    else:
        assert build["held"](tmp_path) == {number: [(tmp_path / name, test)] for number, test in found.items()}


@pytest.mark.parametrize("marks", ["", "99", "1"])
def test_a_gap_is_found(build: dict[str, Any], tmp_path: Path, marks: str) -> None:
    """The check can fail: one test alone leaves the others without any, and a number that is none is refused."""
    (tmp_path / "test_a.py").write_text(_TEST.format(marks=marks, what="def test_a() -> None"), encoding="utf-8")
    numbers = sorted(build["held"](tmp_path))
    assert numbers != [promise.number for promise in PROMISES]
    if marks == "99":
        with pytest.raises(ValueError, match="there are not"):
            build["promises_table"](tmp_path)

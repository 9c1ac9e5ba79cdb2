"""A package is required by what imports it, and by nothing else; the gate that holds this can fail."""

import shutil
import tomllib
from pathlib import Path

import pytest

from ip_fhir.cli.opening import EXTRAS
from tests.house import dependency_gate

PURE = {"pydantic", "holidays", "tzdata"}
"""What the domain may import of the core's packages: values, and the calendar."""


def test_every_requirement_is_needed(checkout: Path) -> None:
    """Each package of the core and of an extra is imported by the rooms it is for, and nothing else is imported."""
    assert dependency_gate.problems(checkout) == []


@pytest.fixture
def broken(checkout: Path, tmp_path: Path) -> Path:
    """A copy of everything that the gate looks at, to break."""
    for room in (*dependency_gate.LIBRARY, *dependency_gate.SCRIPTS):
        shutil.copytree(checkout / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    for name in ("pyproject.toml", "Makefile", "CONTRIBUTING.md"):
        shutil.copy(checkout / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "broken_line", "problem"),
    [
        ('    "rich>', '    "lxml>=5",\n    "rich>', "lxml: required by the core"),
        ('"jinja2>', '"matplotlib>=3", "jinja2>', "matplotlib: required by report"),
        ('    "ruff>', '    "build>=1",\n    "ruff>', "build: required by dev"),
        ('    "msgspec>=0.21",\n', "", "imports msgspec, which is not required"),
    ],
)
def test_gate_sees_a_wrong_requirement(broken: Path, line: str, broken_line: str, problem: str) -> None:
    """A package that nothing imports is named, in the core, an extra or dev; so is an import without one."""
    settings = broken / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    assert line in text
    settings.write_text(text.replace(line, broken_line, 1), encoding="utf-8")
    found = dependency_gate.problems(broken)
    assert found
    assert [one for one in found if problem not in one] == []


def test_gate_sees_an_extra_outside_its_room(broken: Path) -> None:
    """A package of the extra `web` that the exchange imports is named with the file: it may not be installed there."""
    (broken / "ip_fhir" / "exchange" / "shortcut.py").write_text("import starlette\n", encoding="utf-8")
    assert dependency_gate.problems(broken) == [
        "ip_fhir/exchange/shortcut.py: imports starlette, which only the extra web brings"
    ]


def test_doctor_knows_every_extra(checkout: Path) -> None:
    """The extras that `doctor` looks for are those that a caller can install, with all their packages."""
    extras = {
        extra: tuple(sorted(map(dependency_gate.import_name, packages)))
        for extra, packages in dependency_gate.requirements(checkout).items()
        if extra not in {"", "dev", "bench"}
    }
    assert extras == EXTRAS


def test_the_domain_may_import_no_other_package(checkout: Path) -> None:
    """The contract that keeps the domain pure forbids each required package by name, but for the pure ones."""
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(c for c in settings["tool"]["importlinter"]["contracts"] if c["id"] == "domain-is-pure")
    listed = dependency_gate.requirements(checkout)
    packages = {package for extra in listed if extra not in {"dev", "bench"} for package in listed[extra]}
    assert {dependency_gate.import_name(package) for package in packages - PURE} <= set(contract["forbidden_modules"])

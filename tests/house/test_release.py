"""A release: the same to the byte wherever it is built, with pinned versions from nowhere and licences one may use."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from release import build, licences, matrix
from release.constraints import HEAD
from release.project import CONSTRAINTS, extras, project
from tests.house import wheel_gate

EPOCH = "1767225600"
_PIN = re.compile(
    r"^([a-z0-9-]+)==([^ ;]+)(?: ; (.+?))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def pins() -> dict[str, Version]:
    """The packages of constraints.txt and their versions."""
    return {found[0]: Version(found[1]) for found in _PIN.findall(CONSTRAINTS.read_text(encoding="utf-8"))}


def required() -> list[Requirement]:
    """What the core and every extra that a site may install require."""
    listed = project()
    lines = [*listed["dependencies"], *(line for extra in extras() for line in listed["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


def runtime() -> list[Distribution]:
    """Every package that is installed here because the library needs it, with every extra."""
    found = wheel_gate.closure([str(one) for one in required()])
    assert len(found) > 30
    return found


def normalized(name: str) -> str:
    """The name of a package as lists of versions have it."""
    return re.sub(r"[-_.]+", "-", name).lower()


# --- constraints ---------------------------------------------------------------------------------


def test_constraints_name_no_address() -> None:
    """Nothing but packages, versions, markers and hashes: no address of whoever serves them, no option that has one."""
    text = CONSTRAINTS.read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    assert _PIN.sub("", text.removeprefix(HEAD)) == ""
    assert not re.search(r"://|--(extra-)?index-url|--find-links|@|\bpypi\b", text)


def test_constraints_satisfy_our_bounds() -> None:
    """Each requirement of ours has a version there, which is within its bounds, and its files' hashes."""
    listed = pins()
    wrong = [str(one) for one in required() if not one.specifier.contains(listed[normalized(one.name)])]
    assert wrong == []


def test_a_version_outside_our_bounds_is_seen() -> None:
    """The check can fail: a version below a bound does not satisfy it."""
    bounds = {one.name: one.specifier for one in required()}
    assert not bounds["msgspec"].contains("0.20.0")


# --- licences ------------------------------------------------------------------------------------


def test_everything_the_library_needs_may_be_used() -> None:
    """Each package that is needed at run time names licences that licences.toml allows."""
    rules = licences.rules()
    components = [{"name": one.metadata["Name"], "version": one.version, **_licensed(one)} for one in runtime()]
    packages = licences.licensed({"components": components}, rules.names)
    assert licences.problems(packages, rules.allowed) == []


def _licensed(one: Distribution) -> dict[str, list[dict[str, dict[str, str]]]]:
    """The licences of a package as its metadata have them, in the form of an SBOM."""
    said = one.metadata.get_all("License-Expression") or [
        line for line in one.metadata.get_all("Classifier") or () if line.startswith("License ::")
    ]
    said = said or [text for text in one.metadata.get_all("License") or () if len(text) < 100]
    return {"licenses": [{"license": {"name": text}} for text in said]}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ([], ["it: names no licence"]),
        ([{"license": {"id": "AGPL-3.0-only"}}], ["it: AGPL-3.0-only is not allowed"]),
        ([{"expression": "MIT OR GPL-2.0-only"}], ["it: GPL-2.0-only is not allowed"]),
        ([{"expression": "MPL-2.0 AND (Apache-2.0 OR MIT)"}], []),
        ([{"license": {"name": "License :: OSI Approved :: MIT License"}}], []),
        ([{"license": {"name": "Our own: ask us"}}], ["it: Our own: ask us is not allowed"]),
    ],
)
def test_a_licence_that_is_not_allowed_is_named(said: list[dict[str, object]], problem: list[str]) -> None:
    """A package without a licence, or with one that nobody has allowed, is named; a choice must be allowed whole."""
    rules = licences.rules()
    packages = licences.licensed({"components": [{"name": "it", "version": "1", "licenses": said}]}, rules.names)
    assert licences.problems(packages, rules.allowed) == problem
    assert "| it | 1 |" in licences.table(packages, "us")


# --- the build -----------------------------------------------------------------------------------


@pytest.fixture
def copies(checkout: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two copies of what a release is built from, in folders of other names."""
    return (
        wheel_gate.copy_for_build(checkout, tmp_path / "one"),
        wheel_gate.copy_for_build(checkout, tmp_path / "another" / "place"),
    )


def test_two_builds_are_the_same(copies: tuple[Path, Path]) -> None:
    """In another folder, with files of another time, in another time zone: wheel and sdist are the same to the byte."""
    built = build.build_twice(*copies, EPOCH)
    assert [file.suffix for file in built] == [".whl", ".gz"]


def test_two_builds_that_differ_are_named(copies: tuple[Path, Path]) -> None:
    """The check can fail: a byte more in one of the copies, and both files are named."""
    with (copies[1] / "ip_fhir" / "errors.py").open("a", encoding="utf-8") as file:
        file.write("\n")
    with pytest.raises(build.NotReproducibleError, match=r"ip_fhir-\S+\.whl, ip_fhir-\S+\.tar\.gz"):
        build.build_twice(*copies, EPOCH)


def test_checksums_are_those_of_the_files(tmp_path: Path) -> None:
    """`sha256sum --check` accepts what is laid down; what another release left there is gone."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "ip_fhir-0.0.1.tar.gz").write_bytes(b"old")
    (tmp_path / "ip_fhir-9.tar.gz").write_bytes(b"new")
    build.laid_down([tmp_path / "ip_fhir-9.tar.gz"], tmp_path / "dist")
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(command, cwd=tmp_path / "dist", check=True)
    assert {file.name for file in (tmp_path / "dist").iterdir()} == {"SHA256SUMS", "ip_fhir-9.tar.gz"}


def test_the_sbom_names_what_is_installed(tmp_path: Path) -> None:
    """The SBOM of this environment is valid CycloneDX, and has each package that we need, with its licence."""
    files, _ = build.documents(Path(sys.executable), tmp_path, EPOCH)
    document = json.loads(files[0].read_bytes())
    assert (document["bomFormat"], document["metadata"]["component"]["name"]) == ("CycloneDX", "ip-fhir")
    listed = {normalized(one["name"]): one for one in document["components"]}
    for one in runtime():
        found = listed[normalized(one.metadata["Name"])]
        assert (found["version"], bool(found.get("licenses"))) == (one.version, True)
    assert str(tmp_path) not in files[0].read_text(encoding="utf-8")


# --- versions ------------------------------------------------------------------------------------


def test_the_matrix_tries_every_python_that_we_name(checkout: Path) -> None:
    """Each Python that pyproject.toml names is tried, the oldest first, which is the least that it asks for."""
    listed = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [line.rpartition(" :: ")[2] for line in listed["classifiers"] if ":: Python ::" in line]
    assert list(matrix.PYTHONS)[: len(named)] == named
    assert listed["requires-python"] == f">={matrix.PYTHONS[0]}"


def test_a_python_that_is_not_there_is_skipped_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no failure, but where everything is required."""
    assert matrix.interpreter("3.99") is None
    how = matrix.Entry("3.99", "3.99").tried()
    assert how == "skipped: this machine has no such Python"
    monkeypatch.delenv("IP_FHIR_REQUIRE_ALL", raising=False)
    assert not matrix.is_red(how)
    monkeypatch.setenv("IP_FHIR_REQUIRE_ALL", "1")
    assert matrix.is_red(how)
    assert matrix.is_red("failed: part 1 of the tests (3 s)")
    assert not matrix.is_red("ok (3 s)")


def test_the_matrix_knows_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not there is refused, with what there is."""
    assert matrix.main(["3.10"]) == 2
    assert "there are: oldest, 3.11, 3.12, 3.13, 3.14" in capsys.readouterr().err

"""Build a release into dist/: wheel, sdist, SBOM (CycloneDX), licences, checksums. `make release`.

The last commit is built, twice: in two folders, with files of other times, in another time zone. The two must be the
same to the byte. The wheel is then installed into a new environment with the packages of constraints.txt, each known
by its hash, and must work there; SBOM and licences are those of that environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from release import licences
from release.project import CONSTRAINTS, ROOT, project, run, uv

DIST: Final = ROOT / "dist"
_DAY: Final = 86_400
_EXAMPLE: Final = ROOT / "examples" / "plans" / "03-stroke-patient.json"


class NotReproducibleError(Exception):
    """The two builds differ; the message names the files."""


def main() -> int:
    """Build, check and say what there is; 1 with a line for each thing that is not as it should be."""
    epoch = run("git", "log", "-1", "--format=%ct").strip()
    if run("git", "status", "--porcelain", "--untracked-files=no"):
        sys.stdout.write("The last commit is built; what was changed since is not in it.\n")
    with tempfile.TemporaryDirectory() as place:
        try:
            built = build_twice(exported(Path(place) / "one"), exported(Path(place) / "another" / "place"), epoch)
        except NotReproducibleError as error:
            sys.stdout.write(f"{error}\n")
            return 1
        python = installed(next(file for file in built if file.suffix == ".whl"), Path(place) / "environment")
        papers, wrong = documents(python, Path(place), epoch)
        if wrong:
            sys.stdout.write("".join(f"{line}\n" for line in wrong))
            return 1
        laid_down([*built, *papers, CONSTRAINTS], DIST)
    sys.stdout.write("".join(f"{file.relative_to(ROOT)}\n" for file in sorted(DIST.iterdir())))
    return 0


def exported(into: Path) -> Path:
    """The files of the last commit, in a folder of their own."""
    into.mkdir(parents=True)
    archive = into.with_suffix(".tar")
    run("git", "archive", "--format=tar", f"--output={archive}", "HEAD")
    with tarfile.open(archive) as opened:
        opened.extractall(into, filter="data")
    return into


def build_twice(one: Path, other: Path, epoch: str) -> list[Path]:
    """Build two copies of the same files, each in its own circumstances; returns the first's sdist and wheel.

    `epoch` is the time that goes into the files, in seconds since 1970 (UTC). Raises `NotReproducibleError`.
    """
    for file in other.rglob("*"):
        if not file.is_symlink():
            os.utime(file, (int(epoch) - 400 * _DAY, int(epoch) - 400 * _DAY))
    first = _build(one, epoch, TZ="UTC", PYTHONHASHSEED="1")
    second = _build(other, epoch, TZ="Pacific/Auckland", PYTHONHASHSEED="2")
    if differing := [file.name for file in first if _sha256(file) != _sha256(second[0].parent / file.name)]:
        message = f"two builds of the same files differ: {', '.join(differing)}"
        raise NotReproducibleError(message)
    return first


def installed(wheel: Path, at: Path) -> Path:
    """The Python of a new environment that holds the wheel and the packages of constraints.txt, each of its hash.

    Raises `CalledProcessError` if one cannot be had, has another hash, or if the wheel does not work there.
    """
    uv("venv", "--quiet", "--python", sys.executable, at)
    python = at / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", CONSTRAINTS)
    uv("pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
    uv("pip", "check", "--quiet", "--python", python)
    command = at / "bin" / "ip-fhir"
    assert run(command, "--version", at=at) == f"ip-fhir {project()['version']}\n"
    assert json.loads(run(command, "map", _EXAMPLE, "--to", "fhir", at=at))["type"] == "transaction"
    return python


def documents(python: Path, into: Path, epoch: str) -> tuple[list[Path], list[str]]:
    """Write the SBOM and the licences of an environment; returns the files, and what is wrong with the licences."""
    name = f"ip_fhir-{project()['version']}"
    bom, listed = into / f"{name}.cdx.json", into / f"{name}.licences.md"
    run(
        *(sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject", ROOT / "pyproject.toml"),
        *("--mc-type", "library", "--output-reproducible", "--validate", "-o", bom, python),
        environment={"SOURCE_DATE_EPOCH": epoch},
    )
    rules = licences.rules()
    packages = licences.licensed(json.loads(bom.read_bytes()), rules.names)
    listed.write_text(licences.table(packages, name), encoding="utf-8")
    return [bom, listed], licences.problems(packages, rules.allowed)


def laid_down(files: list[Path], into: Path) -> None:
    """Copy the files into a folder, with `SHA256SUMS` beside them; what another release left there goes."""
    into.mkdir(exist_ok=True)
    for old in (*into.glob("ip_fhir-*"), into / "SHA256SUMS"):
        old.unlink(missing_ok=True)
    for file in files:
        shutil.copyfile(file, into / file.name)
    sums = "".join(f"{_sha256(into / file.name)}  {file.name}\n" for file in sorted(files, key=lambda one: one.name))
    (into / "SHA256SUMS").write_text(sums, encoding="ascii")


def _build(checkout: Path, epoch: str, **variables: str) -> list[Path]:
    """The sdist and the wheel of a checkout."""
    into = checkout.parent / f"{checkout.name}-dist"
    command = (sys.executable, "-m", "hatchling", "build", "-d", into)
    run(*command, at=checkout, environment={"SOURCE_DATE_EPOCH": epoch, **variables})
    return sorted(into.iterdir())


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())

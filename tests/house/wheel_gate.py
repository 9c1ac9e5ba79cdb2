"""The wheel gate: what an installed wheel must hold and must not; a clean environment to install it in."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

# What `import ip_fhir` may not load: most who import it use none of these, and each costs time.
HEAVY = frozenset(
    {"alembic", "fhir", "jinja2", "psycopg", "requests", "sqlalchemy", "starlette", "typer", "uvicorn", "xml"}
)


def build_wheel(checkout: Path, into: Path) -> Path:
    """The wheel of `checkout`, built without network with the hatchling that is installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True)
    (wheel,) = into.glob("*.whl")
    return wheel


def new_environment(at: Path, requirements: list[str]) -> Path:
    """An environment at `at` that holds what `requirements` need, and nothing else; its site-packages.

    The packages are linked from the environment the tests run in: exact, quick and without network.
    """
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(at)],
        check=True,
        capture_output=True,
    )
    (site_packages,) = at.glob("lib/python*/site-packages")
    for found in closure(requirements):
        _link(found, site_packages)
    return site_packages


def install_wheel(wheel: Path, environment: Path) -> None:
    """Install `wheel` alone, as an installer does it: scripts, RECORD and all."""
    python = environment / "bin" / "python"
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        "--no-config",
    ]
    subprocess.run([*command, "--python", str(python), str(wheel)], check=True, capture_output=True, text=True)


def closure(requirements: list[str]) -> list[Distribution]:
    """Everything that `requirements` need in this environment, each once, extras as asked for."""
    todo = [Requirement(line) for line in requirements]
    seen: dict[tuple[str, str], Distribution] = {}
    while todo:
        wanted = todo.pop()
        for extra in ("", *sorted(wanted.extras)):
            key = (re.sub(r"[-_.]+", "-", wanted.name).lower(), extra)
            if key in seen:
                continue
            seen[key] = distribution(wanted.name)
            needed = [Requirement(line) for line in seen[key].requires or ()]
            todo += [one for one in needed if one.marker is None or one.marker.evaluate({"extra": extra})]
    return [found for (_, extra), found in seen.items() if not extra]


def core_requirements(checkout: Path) -> list[str]:
    """What pyproject.toml says the library needs, extras left out."""
    return list(project(checkout)["dependencies"])


def project(checkout: Path) -> dict[str, Any]:
    """The `[project]` table of pyproject.toml."""
    found: dict[str, Any] = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def missing_tables(checkout: Path, site_packages: Path) -> list[str]:
    """Each file under mappings/ that is not installed, byte for byte; documents (*.md) stay behind."""
    mappings, installed = checkout / "mappings", site_packages / "ip_fhir" / "_mappings"
    names = [path.relative_to(mappings) for path in sorted(mappings.rglob("*")) if _ships(path)]
    return [
        str(name)
        for name in names
        if not (installed / name).is_file() or (installed / name).read_bytes() != (mappings / name).read_bytes()
    ]


def strangers(site_packages: Path) -> list[str]:
    """What our wheel put into site-packages that is neither `ip_fhir*` nor the console script."""
    (info,) = site_packages.glob("ip_fhir-*.dist-info")
    recorded = [line.split(",")[0] for line in (info / "RECORD").read_text(encoding="utf-8").splitlines()]
    return [
        name
        for name in recorded
        if not re.match(r"ip_fhir(_[a-z0-9_]+)?/|ip_fhir-[^/]+\.dist-info/", name)
        and not re.fullmatch(r"(\.\./)+bin/ip-fhir", name)
    ]


def heavy_imports(python: Path, code: str) -> set[str]:
    """The heavy packages that running `code` loads, from `-X importtime`."""
    ran = subprocess.run(
        [str(python), "-I", "-X", "importtime", "-c", code], check=True, capture_output=True, text=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")}
    return {name.partition(".")[0] for name in loaded} & HEAVY


def _ships(path: Path) -> bool:
    return path.is_file() and path.suffix != ".md" and "__pycache__" not in path.parts


def _link(found: Distribution, site_packages: Path) -> None:
    """Link what a distribution put into site-packages; packages that several share are made of links."""
    for file in found.files or ():
        source, target = Path(str(found.locate_file(file))), site_packages / file
        if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            target.symlink_to(source)


def copy_for_build(checkout: Path, into: Path) -> Path:
    """A copy of what the wheel is built from, to be broken on purpose."""
    into.mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(checkout / name, into / name)
    for name in ("ip_fhir", "mappings", "adapters"):
        shutil.copytree(checkout / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
    return into

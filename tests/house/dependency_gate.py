"""The dependency gate: a package is required by the code that imports it, and by nothing else.

A requirement of the core is imported in ip_fhir/ or adapters/; one of an extra is imported in the rooms that the extra
is for, and in no other; one of `dev` or `bench` is imported by a test or a benchmark. A package that works without
being imported has its place in `NAMED`. And the other way: nothing is imported that is not required.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

LIBRARY = ("ip_fhir", "adapters")
SCRIPTS = ("tests", "benchmarks", "docs", "examples", "release")
ROOMS_OF_EXTRA = {
    "web": ("ip_fhir/web",),
    "report": ("ip_fhir/report",),
    "postgres": ("ip_fhir/store",),
    "hl7v2": ("ip_fhir/hl7v2",),
    "evidence": ("ip_fhir/store/integrity",),
    "auth": ("ip_fhir/wire/auth", "ip_fhir/web/issuer"),
    "tracing": ("ip_fhir/tracing",),
    "bench": ("benchmarks", "tests"),  # a benchmark starts its servers as the tests do
    "dev": ("tests",),
}
# Packages that work without an import: the file that makes use of them, and the words there that do.
NAMED = {
    "tzdata": ("ip_fhir/domain/values/calendar.py", "ZoneInfo("),  # the time zones where the system has none
    "fhir-resources": ("ip_fhir/fhir/strict.py", '"fhir.resources.R4B"'),  # loaded by name, when asked for
    "psycopg": ("ip_fhir/store/engine.py", "postgresql+psycopg"),  # SQLAlchemy loads it by the URL
    "hatchling": ("pyproject.toml", 'build-backend = "hatchling.build"'),  # the wheel is built without network
    "httpx2": ("tests/web/test_app.py", "starlette.testclient"),  # what Starlette's test client is made of
    "hl7v2-fhir-bridge": ("benchmarks/bare_servers.py", '"-m", "v2fhir"'),  # run as a program
    "import-linter": ("Makefile", "lint-imports"),
    "mypy": ("Makefile", "run mypy"),
    "pytest-cov": ("pyproject.toml", "[tool.coverage.run]"),
    "pytest-timeout": ("pyproject.toml", "\ntimeout = "),
    "pytest-xdist": ("CONTRIBUTING.md", 'ARGS="-n '),
    "ruff": ("Makefile", "run ruff"),
    "types-psutil": ("pyproject.toml", '"psutil>'),
    "types-requests": ("pyproject.toml", '"requests>'),
    "types-pyyaml": ("pyproject.toml", '"pyyaml>'),
    "cyclonedx-bom": ("release/build.py", '"-m", "cyclonedx_py"'),  # run as a program
    "uv": ("tests/house/wheel_gate.py", '"uv",'),
}
# The name that code imports, where it is not the package's own; and parts that a package brings with it.
IMPORTED_AS = {
    "fhir-resources": "fhir",
    "fhirpy-types-r4b": "fhirpy_types_r4b",
    "openapi-spec-validator": "openapi_spec_validator",
    "opentelemetry-api": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "prometheus-client": "prometheus_client",
    "promql-parser": "promql_parser",
    "pyyaml": "yaml",
}
PARTS = {"_pytest": "pytest", "jsonschema_rs": "schemathesis", "pydantic_core": "pydantic"}
# The contract suites run in somebody's tests: pytest is there already.
GIVEN = {("ip_fhir/testing/", "pytest")}


def problems(checkout: Path) -> list[str]:
    """One line for each requirement that nothing needs, and each import that nothing requires."""
    extras = requirements(checkout)
    library = {room: imported(checkout / room, checkout) for room in LIBRARY}
    scripts = {room: imported(checkout / room, checkout) for room in SCRIPTS}
    return [
        *_unused(checkout, extras, {**library, **scripts}),
        *_in_wrong_rooms(checkout, extras),
        *_undeclared(library, {name for extra in extras if extra not in ("dev", "bench") for name in extras[extra]}),
        *_undeclared(scripts, {name for names in extras.values() for name in names}),
    ]


def requirements(checkout: Path) -> dict[str, list[str]]:
    """The packages that each extra requires, by normalized name; those of the core under an empty name."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: [_normalized(Requirement(line).name) for line in lines] for extra, lines in listed.items()}


def import_name(package: str) -> str:
    """The top-level name that code imports from a package."""
    return IMPORTED_AS.get(package, package)


def imported(room: Path, checkout: Path) -> dict[str, list[str]]:
    """The top-level names of other people's packages that a room imports, each with the files that do."""
    found: dict[str, list[str]] = {}
    for file in sorted(room.rglob("*.py")):
        for name in _names(ast.parse(file.read_text(encoding="utf-8"))):
            top = PARTS.get(name, name)
            if not _is_ours(top, file.parent) and top not in sys.stdlib_module_names:
                found.setdefault(top, []).append(file.relative_to(checkout).as_posix())
    return found


def _is_ours(name: str, folder: Path) -> bool:
    """True for our packages, and for a module or package beside the file that imports it."""
    beside = (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()
    return beside or name in {"ip_fhir", "tests", "release"} or name.startswith("ip_fhir_")


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _unused(checkout: Path, extras: dict[str, list[str]], rooms: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    for extra, packages in extras.items():
        looked_in = ROOMS_OF_EXTRA.get(extra, LIBRARY)
        names = {name for room in looked_in for name in (rooms.get(room) or imported(checkout / room, checkout))}
        for package in packages:
            if import_name(package) not in names and not _is_named(checkout, package):
                yield f"{package}: required by {extra or 'the core'}, and nothing in {', '.join(looked_in)} imports it"


def _is_named(checkout: Path, package: str) -> bool:
    file, words = NAMED.get(package, ("", ""))
    return bool(file) and words in (checkout / file).read_text(encoding="utf-8")


def _in_wrong_rooms(checkout: Path, extras: dict[str, list[str]]) -> Iterator[str]:
    """Imports of an extra's package outside the extra's rooms: there, the package may not be installed."""
    bringing: dict[str, list[str]] = {}
    for extra in sorted(set(extras) - {"", "dev", "bench"}):
        for package in extras[extra]:
            bringing.setdefault(import_name(package), []).append(extra)
    for file in (file for room in LIBRARY for file in sorted((checkout / room).rglob("*.py"))):
        path = file.relative_to(checkout).as_posix()
        for name in sorted(set(_names(ast.parse(file.read_text(encoding="utf-8")))) & set(bringing)):
            rooms = [f"{room}/" for extra in bringing[name] for room in ROOMS_OF_EXTRA.get(extra, ())]
            if not path.startswith(tuple(rooms)):
                yield f"{path}: imports {name}, which only the extra {' or '.join(bringing[name])} brings"


def _undeclared(rooms: dict[str, dict[str, list[str]]], packages: set[str]) -> Iterator[str]:
    names = {import_name(package) for package in packages}
    for name, file in ((n, f) for found in rooms.values() for n, files in found.items() for f in sorted({*files})):
        given = any(name == package and file.startswith(room) for room, package in GIVEN)
        if name not in names and not given:
            yield f"{file}: imports {name}, which is not required"

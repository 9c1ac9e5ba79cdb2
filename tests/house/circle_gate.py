"""The gate of circles: no modules that import one another, but those that pyproject.toml lists with a reason.

Imports for types only count too: who reads one module of a circle has to read the others. A listed circle that is no
longer there, or has grown or shrunk, fails as well. Each is `[[tool.ip_fhir.circles]]` with `modules` and `reason`.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import grimp

Imports = Mapping[str, frozenset[str]]


def problems(checkout: Path) -> list[str]:
    """One line for each circle without a reason, and each listed one that is not there."""
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    listed: list[dict[str, Any]] = settings["ip_fhir"].get("circles", [])
    return compared(circles(imports(settings["importlinter"]["root_packages"])), listed)


def compared(found: list[frozenset[str]], listed: list[dict[str, Any]]) -> list[str]:
    """The differences between the circles found and those listed, and the listed ones without a reason."""
    allowed = {frozenset(one["modules"]) for one in listed}
    return [
        *(f"a circle without a reason: {_words(circle)}" for circle in found if circle not in allowed),
        *(f"listed, and no circle: {_words(circle)}" for circle in allowed if circle not in found),
        *(f"the reason is empty: {_words(one['modules'])}" for one in listed if not one.get("reason", "").strip()),
    ]


def imports(packages: list[str]) -> Imports:
    """Each module of the packages with the modules of theirs that it imports, for types or at run time."""
    graph = grimp.build_graph(packages[0], *packages[1:], cache_dir=None)
    return {module: frozenset(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def circles(found: Imports) -> list[frozenset[str]]:
    """The sets of modules that import one another, directly or through others; sorted."""
    reached = {module: _reached(module, found) for module in found}
    sets = {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in found
        if module in reached[module]
    }
    return sorted(sets, key=sorted)


def _reached(module: str, found: Imports) -> frozenset[str]:
    """Every module that one imports, directly or through others."""
    seen: set[str] = set()
    waiting = list(found[module])
    while waiting:
        if (one := waiting.pop()) not in seen:
            seen.add(one)
            waiting += found[one]
    return frozenset(seen)


def _words(modules: Iterable[str]) -> str:
    return ", ".join(sorted(modules))

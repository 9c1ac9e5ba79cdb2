"""The floors and the rooms of the library, from the layer contract and the rooms' own first lines."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path


def layers(root: Path) -> str:
    """Returns a diagram for each contract of layers. What is not built yet has a dashed frame."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = [one for one in settings["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    return "\n".join(_diagram(root, one["name"], one["containers"][0], one["layers"]) for one in contracts)


def _diagram(root: Path, name: str, container: str, contract: list[str]) -> str:
    place = root.joinpath(*container.split("."))
    floors = [[room.strip("() ") for room in re.split("[|:]", floor)] for floor in contract]
    lines = [f"{name}:", "", "```mermaid", "flowchart TD"]
    for number, floor in enumerate(floors, 1):
        lines.append(f'    subgraph floor{number}[" "]')
        lines += [f'        {room}["{room}"]' for room in floor]
        lines.append("    end")
    lines += [f"    floor{number} --> floor{number + 1}" for number in range(1, len(floors))]
    planned = [room for floor in floors for room in floor if not _is_built(place / room)]
    if planned:
        lines += ["    classDef planned stroke-dasharray: 5 5", f"    class {','.join(planned)} planned"]
    return "\n".join([*lines, "```", ""])


def _is_built(place: Path) -> bool:
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def rooms(root: Path) -> str:
    """Returns every room, top module and adapter, each with the first line of its docstring."""
    packages = [path for path in sorted((root / "ip_fhir").rglob("__init__.py")) if "migrations" not in path.parts]
    modules = sorted((root / "ip_fhir").glob("[a-z]*.py"))
    adapters = sorted((root / "adapters").glob("*/__init__.py"))
    lines = [f"| `{_name(path, root)}` | {_first_line(path)} |" for path in (*packages, *modules, *adapters)]
    return "\n".join(["| room | holds |", "|---|---|", *lines]) + "\n"


def _name(path: Path, root: Path) -> str:
    return (path.parent if path.name == "__init__.py" else path).relative_to(root).as_posix()


def _first_line(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]

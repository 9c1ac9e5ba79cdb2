"""The licences of the packages in a CycloneDX document, as a table, and those that are not allowed.

Every licence that a package names must be allowed, also where it offers a choice: so nobody need choose.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from release.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Licensed:
    """A package, its version, and its licences as SPDX expressions; as the package has them where they are none."""

    name: str
    version: str
    licences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """Allowed SPDX ids with their reasons, and the SPDX expressions of names that are none."""

    allowed: Mapping[str, str]
    names: Mapping[str, str]


def rules() -> Rules:
    """The rules of licences.toml."""
    return Rules(**tomllib.loads((ROOT / "release" / "licences.toml").read_text(encoding="utf-8")))


def licensed(document: Mapping[str, Any], names: Mapping[str, str]) -> list[Licensed]:
    """The packages of a CycloneDX document (JSON), by name, ours left out."""
    found = [
        Licensed(one["name"], one["version"], tuple(dict.fromkeys(_said(one, names)))) for one in document["components"]
    ]
    return sorted(found, key=lambda one: one.name.lower())


def problems(packages: Iterable[Licensed], allowed: Iterable[str]) -> list[str]:
    """A line for each package without a licence, and for each licence that is not allowed."""
    known, found = set(allowed), []
    for one in packages:
        ids = {id_ for said in one.licences for id_ in _ids(said)}
        found += [] if ids else [f"{one.name}: names no licence"]
        found += [f"{one.name}: {id_} is not allowed" for id_ in sorted(ids - known)]
    return found


def table(packages: Iterable[Licensed], of: str) -> str:
    """The packages as a table in Markdown, with a line of `of` which release they are for."""
    rows = [f"| {one.name} | {one.version} | {', '.join(one.licences)} |" for one in packages]
    head = [f"# Licences of what {of} needs at run time, with every extra", ""]
    return "\n".join([*head, "| package | version | licence |", "|---|---|---|", *rows, ""])


def _said(component: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    for said in component.get("licenses", ()):
        word = said.get("expression") or said["license"].get("id") or said["license"]["name"]
        yield names.get(word, word)


def _ids(expression: str) -> set[str]:
    """The ids of an SPDX expression. A text that is none stays whole, so that it is seen and not allowed."""
    if not re.fullmatch(r"[\w.+() -]+", expression):
        return {expression}
    return set(re.findall(r"[\w.+-]+", expression)) - {"AND", "OR", "WITH"}

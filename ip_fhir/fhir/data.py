"""The data that ships with the package: the directory mappings/, and the names of FHIR's elements in it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def root() -> Traversable:
    """The directory of tables: inside the package when installed, else beside it in a checkout."""
    packaged = resources.files("ip_fhir") / "_mappings"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "mappings"


@cache
def element_names() -> frozenset[str]:
    """The names of all elements of FHIR R4B and R5."""
    lines = (root() / "element-names.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def is_element(name: str) -> bool:
    """True if FHIR has an element of this name; also for what belongs to a primitive one, such as `_birthDate`."""
    return name.removeprefix("_") in element_names()

"""The directory of the tables, in the package or beside it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def root() -> Traversable:
    """The directory of tables: inside the package when installed, else beside it in a checkout."""
    packaged = resources.files("ip_fhir") / "_mappings"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "mappings"

"""Row keys of earlier versions: still read in a site's tables, with a warning that names the new one."""

from __future__ import annotations

import warnings
from typing import Any, Final

from ip_fhir.errors import RenamedWarning

RENAMED: Final = {"echo": "check_only", "always": "write_default", "closed": "strict"}
"""Keys that have another name now."""

CONVERTED: Final = {"also": "second-place", "when": "only-where", "lead": "set-by-another", "unless": "table-by-word"}
"""Keys that are a converter now; that of `lead` takes over the row's `when`."""


def modern(row: dict[str, Any], where: str) -> dict[str, Any]:
    """The row with today's keys, in their order; the same row if it has no old ones.

    Warns (`RenamedWarning`) of each old key, with `where` the row stands. Nothing is checked here.
    """
    old = [key for key in row if key in RENAMED or key in CONVERTED]
    if not old:
        return row
    made = {RENAMED.get(key, key): value for key, value in row.items() if key not in CONVERTED}
    named = next((key for key in ("lead", "also", "unless", "when") if key in row), None)
    if named is not None:
        options = [row[key] for key in ("when", named) if isinstance(row.get(key), dict)]
        made["converter"] = {"name": CONVERTED[named]} | {k: v for given in options for k, v in given.items()}
    for key in old:
        new = RENAMED.get(key, f"converter = {{ name = {CONVERTED.get(key)!r}, … }}")
        warnings.warn(f"{where}: the key {key!r} is called {new} now", RenamedWarning, stacklevel=2)
    return made

"""Write the generated parts of the documents: what stands between `<!-- generated: name -->` and `<!-- end -->`.

`python docs/build.py` writes, `--check` says which documents are stale and exits with 1. `parts/` has a function for
each part.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from parts import (
    architecture,
    bounds,
    commands,
    er7,
    events,
    foreign,
    glossary,
    interoperability,
    loop,
    promises,
    rights,
    settings,
    sharing,
    tables,
    wire,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

PARTS: dict[str, Callable[[], str]] = {
    "loop": loop.loop,
    "loop-short": loop.loop_short,
    "transitions": loop.transitions,
    "task-status": loop.task_status,
    "events": events.events,
    "reasons": events.reasons,
    "promises": lambda: promises.promises_table(ROOT / "tests"),
    "sharing-events": sharing.events,
    "sharing-states": sharing.states,
    "sharing-levels": sharing.levels,
    "sharing-reasons": sharing.reasons,
    "sharing-promises": lambda: promises.of_sharing(ROOT / "tests"),
    "cli": commands.cli,
    "exit-codes": commands.exit_codes,
    "settings": settings.settings,
    "mllp-peer": wire.peer_options,
    "mllp-listener": wire.listener_options,
    "fhirmessage-peer": wire.message_peer_options,
    "fhirserver-peer": wire.server_peer_options,
    "fhirserver-listener": wire.server_listener_options,
    "sharing-terms": rights.terms,
    "rights": rights.rights,
    "row-keys": tables.row_keys,
    "check-keys": tables.check_keys,
    "modifiers": tables.modifiers,
    "leaf-kinds": tables.leaf_kinds,
    "v2-leaf-kinds": tables.v2_leaf_kinds,
    "lawful-tables": tables.lawful_tables,
    "v2-events": tables.v2_events,
    "paths": tables.paths,
    "converters": tables.converters,
    "old-keys": tables.old_keys,
    "er7-events": er7.events,
    "er7-charsets": er7.charsets,
    "er7-bounds": er7.bounds,
    "er7-refusals": er7.refusals,
    "interoperability": interoperability.observed,
    "interoperability-clients": interoperability.clients,
    "interoperability-fhir": interoperability.servers,
    "foreign-options": foreign.options,
    "foreign-tables": foreign.tables,
    "codes": glossary.codes,
    "bounds": bounds.bounds,
    "layers": lambda: architecture.layers(ROOT),
    "rooms": lambda: architecture.rooms(ROOT),
}


def documents() -> list[Path]:
    """Every document that may hold a generated part."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def fresh(text: str) -> str:
    """The text with every generated part made anew. An unknown name raises `KeyError`."""
    return _PART.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}{match[3]}", text)


def main() -> int:
    """Write, or with `--check` only compare."""
    stale = [path for path in documents() if fresh(text := path.read_text(encoding="utf-8")) != text]
    for path in stale:
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is stale: make docs")
        else:
            path.write_text(fresh(path.read_text(encoding="utf-8")), encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())

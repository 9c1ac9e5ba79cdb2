"""Software that others wrote, and what the tests observed with each: docs/interoperability*.json."""

from __future__ import annotations

import json
from pathlib import Path

_DOCS = Path(__file__).parents[1]


def observed() -> str:
    """Returns the table of engines for HL7 v2: a row for each engine, direction and mode of acknowledgement."""
    return _table("interoperability.json", ("engine", "version", "direction", "mode", "result"))


def servers() -> str:
    """Returns the table of FHIR servers: a row for each server and feature."""
    return _table("interoperability-fhir.json", ("server", "version", "feature", "result", "way"), way="way round")


def clients() -> str:
    """Returns the table of clients of our endpoint: a row for each client and thing that it asks for."""
    return _table("interoperability-clients.json", ("client", "version", "feature", "result"))


def _table(file: str, columns: tuple[str, ...], **titles: str) -> str:
    """The rows of a file; a column has the title that is given for it, else its own name."""
    lines = [f"| {' | '.join(titles.get(name, name) for name in columns)} |", f"|{'---|' * len(columns)}"]
    rows = json.loads((_DOCS / file).read_text(encoding="utf-8"))
    lines += (f"| {' | '.join(row[name] for name in columns)} |" for row in rows)
    return "\n".join(lines) + "\n"

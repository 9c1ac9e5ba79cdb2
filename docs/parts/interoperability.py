"""The engines for HL7 v2 that others wrote, and what the tests observed with each: docs/interoperability.json."""

from __future__ import annotations

import json
from pathlib import Path

_FILE = Path(__file__).parents[1] / "interoperability.json"


def observed() -> str:
    """Returns the table of what was observed, a row for each engine, direction and mode of acknowledgement."""
    lines = ["| engine | version | direction | mode | result |", "|---|---|---|---|---|"]
    for row in json.loads(_FILE.read_text(encoding="utf-8")):
        cells = (row[name] for name in ("engine", "version", "direction", "mode", "result"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"

"""The rows of docs/interoperability.md, as the tests of this room observe them.

Each test compares what it observed with the row that is kept in `docs/interoperability.json`, of which docs/build.py
makes the page. `IP_FHIR_WRITE_ROWS=1` writes the rows, and the bytes in `kept/`, instead.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = Path(__file__).parents[2] / "docs" / "interoperability.json"
KEPT = Path(__file__).with_name("kept")
_WRITES = os.environ.get("IP_FHIR_WRITE_ROWS") == "1"


@dataclass(frozen=True, order=True)
class Row:
    """What came of one direction in one mode of acknowledgement, with an engine of a version."""

    engine: str
    direction: str
    mode: str
    result: str
    version: str


def observe(row: Row) -> None:
    """Compare a row with the one that is kept for its engine, direction and mode. The version may be a newer one."""
    if _WRITES:
        _write(row)
    kept = [one for one in rows() if _key(one) == _key(row)]
    assert [one.result for one in kept] == [row.result], "IP_FHIR_WRITE_ROWS=1 writes the rows anew"


def observe_bytes(name: str, content: bytes) -> None:
    """Compare what an engine wrote with the bytes that are kept under that name."""
    if _WRITES:
        (KEPT / name).write_bytes(content)
    assert (KEPT / name).read_bytes() == content


def rows() -> list[Row]:
    """The rows that are kept."""
    return [Row(**one) for one in json.loads(FILE.read_text(encoding="utf-8"))]


def _key(row: Row) -> tuple[str, str, str]:
    return row.engine, row.direction, row.mode


def _write(row: Row) -> None:
    with FILE.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # tests run side by side
        file.seek(0)
        kept = {_key(one): one for one in (Row(**one) for one in json.loads(file.read() or "[]"))} | {_key(row): row}
        file.truncate(0)
        file.write(json.dumps([asdict(one) for one in sorted(kept.values())], indent=1, ensure_ascii=False) + "\n")

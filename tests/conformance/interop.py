"""The rows of docs/interoperability.md, as the tests of this room observe them.

Each test compares what it observed with the row that is kept in a JSON file of docs/, of which docs/build.py makes the
page. `IP_FHIR_WRITE_ROWS=1` writes the rows, and the bytes in `kept/`, instead.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

DOCS = Path(__file__).parents[2] / "docs"
KEPT = Path(__file__).with_name("kept")
_WRITES = os.environ.get("IP_FHIR_WRITE_ROWS") == "1"


@dataclass(frozen=True, order=True)
class Row:
    """What came of one direction in one mode of acknowledgement, with an engine of a version."""

    FILE: ClassVar = DOCS / "interoperability.json"
    KEY: ClassVar = ("engine", "direction", "mode")

    engine: str
    direction: str
    mode: str
    result: str
    version: str


@dataclass(frozen=True, order=True)
class ServerRow:
    """What came of one feature on a FHIR server of a version, and the way round that it took, if any."""

    FILE: ClassVar = DOCS / "interoperability-fhir.json"
    KEY: ClassVar = ("server", "feature")

    server: str
    feature: str
    result: str
    way: str
    version: str


@dataclass(frozen=True, order=True)
class ClientRow:
    """What came of one thing that a client of a version asks of our endpoint."""

    FILE: ClassVar = DOCS / "interoperability-clients.json"
    KEY: ClassVar = ("client", "feature")

    client: str
    feature: str
    result: str
    version: str


AnyRow: TypeAlias = Row | ServerRow | ClientRow


def observe(row: AnyRow) -> None:
    """Compare a row with the one that is kept for the same key. The version may be a newer one."""
    if _WRITES:
        _write(row)
    kept = [_seen(one) for one in rows(type(row)) if _key(one) == _key(row)]
    assert kept == [_seen(row)], "IP_FHIR_WRITE_ROWS=1 writes the rows anew"


def observe_bytes(name: str, content: bytes) -> None:
    """Compare what an engine wrote with the bytes that are kept under that name."""
    if _WRITES:
        (KEPT / name).write_bytes(content)
    assert (KEPT / name).read_bytes() == content


def rows(kind: type[AnyRow] = Row) -> list[AnyRow]:
    """The rows of a kind that are kept."""
    return [kind(**one) for one in json.loads(kind.FILE.read_text(encoding="utf-8"))]


def _key(row: AnyRow) -> tuple[str, ...]:
    return tuple(getattr(row, name) for name in row.KEY)


def _seen(row: AnyRow) -> dict[str, str]:
    return {name: value for name, value in asdict(row).items() if name != "version"}


def _write(row: AnyRow) -> None:
    kind = type(row)
    with kind.FILE.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # tests run side by side
        file.seek(0)
        there = [kind(**one) for one in json.loads(file.read() or "[]")]
        kept: dict[tuple[str, ...], AnyRow] = {_key(one): one for one in there} | {_key(row): row}
        file.truncate(0)
        ordered = [asdict(kept[key]) for key in sorted(kept)]
        file.write(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")

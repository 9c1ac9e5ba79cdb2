"""Writes evidence to a file, as one Bundle or as NDJSON, without holding all of it in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import evidence_to_fhir

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ip_fhir.ports import EvidenceRecord


def write_evidence(path: Path, records: Iterable[EvidenceRecord]) -> None:
    """Writes the records as FHIR: NDJSON if the name ends in .ndjson, else one Bundle. Holds one record at a time.

    Raises `InvalidInput` if the file exists already or cannot be written.
    """
    try:
        with path.open("xb") as file:
            path.chmod(0o600)  # the reasons are as people wrote them
            file.writelines(_lines(records) if path.suffix == ".ndjson" else _bundle(records))
    except FileExistsError:
        raise InvalidInput.at("--export", "there is a file of this name already", "duplicate") from None
    except OSError as error:
        raise InvalidInput.at("--export", f"the file cannot be written: {error.strerror}") from None


def _lines(records: Iterable[EvidenceRecord]) -> Iterator[bytes]:
    for resource in evidence_to_fhir(records):
        yield orjson.dumps(resource, option=orjson.OPT_APPEND_NEWLINE)


def _bundle(records: Iterable[EvidenceRecord]) -> Iterator[bytes]:
    yield b'{"resourceType":"Bundle","type":"collection"'
    before = b',"entry":[\n'  # FHIR has no empty lists
    for resource in evidence_to_fhir(records):
        yield before + orjson.dumps({"resource": resource})
        before = b",\n"
    yield b"]}\n" if before == b",\n" else b"}\n"

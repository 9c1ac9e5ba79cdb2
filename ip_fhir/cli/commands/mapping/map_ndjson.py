"""`map --ndjson`: maps a plan or Bundle per line, on all cores, while reading; errors name the line's number."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ip_fhir.cli.output import emit_bytes
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.errors import Problem
    from ip_fhir.mapping.ndjson import Target
    from ip_fhir.mapping.tables.variants import FhirVersion


def map_ndjson(
    file: str,
    to: Target,
    *,
    overlay: Path | None = None,
    version: FhirVersion | None = None,
    released: frozenset[LocatingPart] = frozenset(),
    told_is_error: bool = False,
) -> int:
    """Map every line of a file (`-`: stdin) to stdout, in order. Returns 2 if a line could not be mapped, else 0."""
    from ip_fhir.mapping.ndjson import map_lines

    name = "stdin" if file == "-" else file
    done = failed = 0
    with _opened(file, name) as stream, _progress(stream) as read:
        lines = _lines(stream, name, read)
        for mapped in map_lines(
            lines, to, overlay=overlay, version=version, released=released, told_is_error=told_is_error
        ):
            done += 1
            failed += mapped.content is None
            if mapped.content is not None:
                emit_bytes(mapped.content + b"\n")
            _tell(f"ip-fhir: {name}: line {mapped.number}: ", mapped.problems)
            _tell(f"ip-fhir: {name}: line {mapped.number}: warning: ", mapped.warnings)
    if failed:
        sys.stderr.write(f"ip-fhir: {name}: {failed} of {done} lines could not be mapped\n")
    return 2 if failed else 0


def _tell(where: str, problems: Iterable[Problem]) -> None:
    """Writes each problem as one line on stderr."""
    sys.stderr.writelines(f"{where}{' '.join(str(problem).split())}\n" for problem in problems)


@contextmanager
def _opened(file: str, name: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - closed below; what goes wrong later is not about opening
    except OSError as error:
        raise InvalidInput.at(name, f"cannot be read: {error.strerror or type(error).__name__}", "not-found") from None
    with stream:
        yield stream


def _lines(stream: BinaryIO, name: str, read: Callable[[int], None]) -> Iterator[bytes]:
    from ip_fhir.mapping.ndjson import LONGEST

    while line := stream.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise InvalidInput.at(name, f"has a line of more than {LONGEST // 1_000_000} MB", "too-long")
        read(len(line))
        yield line


@contextmanager
def _progress(stream: BinaryIO) -> Iterator[Callable[[int], None]]:
    """Shows a progress bar on stderr if it is a terminal; input without a known length is only counted."""
    if not sys.stderr.isatty():
        yield lambda _size: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    try:
        total = os.fstat(stream.fileno()).st_size or None
    except OSError:
        total = None
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda size: progress.advance(task, size)

"""Maps many plans, one on each line (NDJSON), on all cores, in order and in constant memory.

A bad line does not stop the others. However long the input is, only a few chunks are under way at a time: reading
waits for writing.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Literal, TypeAlias

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.reading import Limits, read_json
from ip_fhir.mapping.fhir_version import version_of
from ip_fhir.mapping.foreign.reading import is_plain
from ip_fhir.mapping.mapper import Mapper

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.mapping.tables.variants import FhirVersion

    NumberedLine: TypeAlias = tuple[int, bytes]
    Make: TypeAlias = Callable[[bytes], tuple[bytes, tuple[Problem, ...]]]

Target: TypeAlias = Literal["fhir", "plan"]

LONGEST = 100_000_000
"""The longest line that is mapped, in bytes."""

_LINES, _BYTES = 64, 2_000_000  # a chunk ends at either
_AHEAD = 2  # chunks under way for each process
_LIMITS = Limits(max_bytes=LONGEST)


@dataclass(frozen=True, slots=True)
class Mapped:
    """The result of one line: its number from 1, and the JSON text without a line break, or None and `problems`.

    `warnings` name the places of another system's plan that were not read.
    """

    number: int
    content: bytes | None = field(repr=False)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def map_lines(
    lines: Iterable[bytes],
    to: Target,
    processes: int | None = None,
    *,
    overlay: Path | str | None = None,
    version: FhirVersion | None = None,
    released: Collection[LocatingPart] = (),
    told_is_error: bool = False,
) -> Iterator[Mapped]:
    """Map each line (a plan, or for `to="plan"` a Bundle, ours or another system's); empty lines are passed over.

    `processes` is by default the number of cores; input of a single chunk is mapped in this process. `overlay` is a
    site's file. `version` is by default R4 for writing, and for reading the version that each Bundle shows. What leads
    to persons with a protected address is left out both ways, but for the parts in `released`. A bad line raises
    nothing: its `Mapped` has the problems. With `told_is_error`, a line with places that are not read is bad; every
    line is looked through for them, which is slow. Raises `MappingError` for a bad overlay, before the first line.
    """
    if overlay is not None:
        _site(overlay, version or "R4")
    make = _written if to == "fhir" else _read_whole if told_is_error else _read
    made = partial(make, overlay=overlay, version=version, released=frozenset(released))
    work = partial(_map_chunk, make=made)
    return _mapped(lines, work, processes or os.cpu_count() or 1)


def _mapped(lines: Iterable[bytes], work: Callable[[list[NumberedLine]], list[Mapped]], count: int) -> Iterator[Mapped]:
    chunks = _chunks((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    first = list(islice(chunks, 2))
    if count == 1 or len(first) < 2:  # one chunk is not worth a process
        for chunk in chain(first, chunks):
            yield from work(chunk)
        return
    # Spawned, not forked: a lock that another thread holds at that moment would stay locked in the copies.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[list[Mapped]]] = deque()
        for chunk in chain(first, chunks):
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > count * _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _chunks(lines: Iterator[NumberedLine]) -> Iterator[list[NumberedLine]]:
    chunk: list[NumberedLine] = []
    size = 0
    for number, line in lines:
        chunk.append((number, line))
        size += len(line)
        if len(chunk) == _LINES or size >= _BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _map_chunk(chunk: list[NumberedLine], make: Make) -> list[Mapped]:
    return [_map_line(number, line, make) for number, line in chunk]


def _map_line(number: int, line: bytes, make: Make) -> Mapped:
    try:
        content, warnings = make(line)
    except InvalidInput as error:
        return Mapped(number, None, error.problems)
    return Mapped(number, content, (), warnings)


def _written(
    line: bytes, overlay: Path | str | None, version: FhirVersion | None, released: frozenset[LocatingPart]
) -> tuple[bytes, tuple[Problem, ...]]:
    site = _site(overlay, version or "R4").releasing(released)
    return site.to_fhir_json(read(IndividualPlan, line)), ()


def _read(
    line: bytes, overlay: Path | str | None, version: FhirVersion | None, released: frozenset[LocatingPart]
) -> tuple[bytes, tuple[Problem, ...]]:
    plan, warnings = _plan_in(line, overlay, version)
    return withheld(plan, released).to_json().encode(), warnings


def _plan_in(
    line: bytes, overlay: Path | str | None, version: FhirVersion | None
) -> tuple[IndividualPlan, tuple[Problem, ...]]:
    plan = _site(overlay, version or "R4").read_fast(line)
    if plan is not None:
        return plan, ()
    bundle = read_json(line, _LIMITS)
    site = _site(overlay, version_of(bundle, version))
    if is_plain(bundle, site.compiled):
        return site.from_fhir(bundle), ()
    reading = site.read_fhir(bundle)
    return reading.plan, reading.warnings


def _read_whole(
    line: bytes, overlay: Path | str | None, version: FhirVersion | None, released: frozenset[LocatingPart]
) -> tuple[bytes, tuple[Problem, ...]]:
    bundle = read_json(line, _LIMITS)
    reading = _site(overlay, version_of(bundle, version)).read_fhir(bundle, told_is_error=True)
    return withheld(reading.plan, released).to_json().encode(), ()


@cache
def _site(overlay: Path | str | None, version: FhirVersion) -> Mapper:
    """The mapper for an overlay and version, loaded once in each process."""
    return Mapper.load(overlay, version)

"""Many plans, a line each (NDJSON): mapped on all cores in constant memory, in order; a bad line stops no other.

At most a few chunks are under way at a time, however long the input is: reading waits for writing.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Literal, TypeAlias

import orjson

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.value import read
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping.plan import from_fhir, to_fhir_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

Target: TypeAlias = Literal["fhir", "plan"]

_LINES, _BYTES = 64, 2_000_000  # a chunk ends at either
_AHEAD = 2  # chunks under way for each process


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of a line: its number from 1, the JSON text without a line break, or why there is none."""

    number: int
    content: bytes | None = field(repr=False)
    problems: tuple[Problem, ...] = ()


def map_lines(lines: Iterable[bytes], to: Target, processes: int | None = None) -> Iterator[Mapped]:
    """Map each line (a plan, or for `to="plan"` a Bundle); empty lines are passed over.

    `processes` is the number of cores if not said. Input of a single chunk is mapped right here. Raises nothing for a
    bad line: its `Mapped` has the problems.
    """
    chunks = _chunks((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    count = processes or os.cpu_count() or 1
    first = list(islice(chunks, 2))
    if count == 1 or len(first) < 2:  # one chunk is not worth a process
        for chunk in chain(first, chunks):
            yield from _map_chunk(chunk, to)
        return
    # Not forked: what the caller's threads hold at that moment would be held for ever in the copies.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[list[Mapped]]] = deque()
        for chunk in chain(first, chunks):
            waiting.append(pool.submit(_map_chunk, chunk, to))
            if len(waiting) > count * _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _chunks(lines: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for number, line in lines:
        chunk.append((number, line))
        size += len(line)
        if len(chunk) == _LINES or size >= _BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _map_chunk(chunk: list[tuple[int, bytes]], to: Target) -> list[Mapped]:
    return [_map_line(number, line, to) for number, line in chunk]


def _map_line(number: int, line: bytes, to: Target) -> Mapped:
    try:
        if to == "fhir":
            return Mapped(number, to_fhir_json(read(IndividualPlan, line)))
        return Mapped(number, orjson.dumps(from_fhir(read_json(line)).to_data()))
    except InvalidInput as error:
        return Mapped(number, None, error.problems)

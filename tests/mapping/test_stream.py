"""Many plans, a line each: in order, on several processes, in constant memory, and a bad line stops no other."""

from __future__ import annotations

import subprocess
import sys
from itertools import repeat
from typing import TYPE_CHECKING

import orjson
import pytest

from ip_fhir.mapping import from_fhir
from ip_fhir.mapping.stream import map_lines
from tests.support.data import example

if TYPE_CHECKING:
    from pathlib import Path


def _plans(count: int) -> list[bytes]:
    plan = example("plans", "03")
    return [orjson.dumps({**plan, "title": f"Plan {number}"}) for number in range(count)]


@pytest.mark.parametrize("processes", [1, 2])
def test_order_and_content_are_kept(processes: int) -> None:
    """Line by line what goes in comes out, in the same order, however many processes map; and back again."""
    plans = _plans(200)
    mapped = list(map_lines(plans, "fhir", processes))
    assert [m.number for m in mapped] == list(range(1, 201))
    bundles = [m.content for m in mapped if m.content is not None]
    assert [from_fhir(orjson.loads(bundle)).title for bundle in bundles] == [f"Plan {n}" for n in range(200)]
    back = list(map_lines(bundles, "plan", processes))
    assert [orjson.loads(m.content or b"")["title"] for m in back] == [f"Plan {n}" for n in range(200)]


def test_a_bad_line_stops_no_other() -> None:
    """A line that is no plan is told by its number, with place and reason; empty lines are passed over."""
    good = _plans(1)[0]
    wrong = orjson.dumps({**orjson.loads(good), "status": "secret-word"})
    mapped = list(map_lines([good, b"\n", b"{", wrong, good], "fhir"))
    assert [m.number for m in mapped] == [1, 3, 4, 5]
    assert [m.content is None for m in mapped] == [False, True, True, False]
    assert [problem.path for problem in mapped[2].problems] == ["status"]
    assert "secret-word" not in str(mapped[2].problems)


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    """Ten times the input takes no more memory: 8,000 plans, some 90 MB of FHIR, within a few MB of 800."""

    def peak(count: int) -> int:
        source = tmp_path / f"{count}.ndjson"
        line = _plans(1)[0] + b"\n"
        with source.open("wb") as file:
            file.writelines(repeat(line, count))
        code = (
            "import resource, sys; from ip_fhir.mapping.stream import map_lines\n"
            f"done = sum(m.content is not None for m in map_lines(open({str(source)!r}, 'rb'), 'fhir', 1))\n"
            "print(done, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        done, kilobytes = map(int, result.stdout.split())
        assert done == count
        return kilobytes

    assert peak(8_000) - peak(800) < 10_000

"""Many plans, a line each: in order, on several processes, in constant memory, and a bad line stops no other."""

from __future__ import annotations

import subprocess
import sys
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, MappingError, Problem
from ip_fhir.mapping import Mapper, from_fhir, read_fhir, to_fhir_json
from ip_fhir.mapping.foreign.reading import Reading
from ip_fhir.mapping.ndjson import Mapped, map_lines
from tests.support.data import example

if TYPE_CHECKING:
    from ip_fhir.mapping.tables.variants import FhirVersion


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


_RUN = """
import json, resource, sys
import psutil
from ip_fhir.mapping.ndjson import map_lines

def spent():
    return {child.pid: sum(child.cpu_times()[:2]) for child in psutil.Process().children()}

done, before = 0, {}
with open(sys.argv[1], "rb") as lines:
    for mapped in map_lines(lines, sys.argv[2], 2):
        before = before or spent()
        after = spent() if done % 1_000 == 999 else {}
        if after:
            worked = [seconds - before.get(pid, 0) for pid, seconds in after.items()]
        done += mapped.content is not None
peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
json.dump({"done": done, "peaks": peaks, "worked": sorted(worked)}, sys.stdout)
"""


def _streamed(source: Path, line: bytes, count: int, to: str) -> dict[str, Any]:
    """Map that many lines in a process of its own: how many came, the peaks in kB, the seconds of each worker."""
    with source.open("wb") as file:
        file.writelines(repeat(line + b"\n", count))
    command = [sys.executable, "-c", _RUN, str(source), to]
    result = subprocess.run(command, capture_output=True, check=True)
    found: dict[str, Any] = orjson.loads(result.stdout)
    assert found["done"] == count
    return found


def _short(to: str) -> bytes:
    """A plan of little more than a person, or its Bundle."""
    owner = {"id": "o", "name": {"family": "Nes"}}
    plan = {"id": "p", "owner": owner, "created": "2026-01-12T08:00:00Z", "note": "x" * 2_000}
    return orjson.dumps(plan) if to == "fhir" else to_fhir_json(read(IndividualPlan, plan))


@pytest.mark.parametrize("to", ["fhir", "plan"])
def test_memory_does_not_grow_with_the_input_and_both_cores_work(tmp_path: Path, to: str) -> None:
    """20,000 lines of short plans (some 50 MB of FHIR) take no more memory than 2,000, in any process.

    Two processes map, and both have work to the end.
    """
    few, many = (_streamed(tmp_path / "lines", _short(to), count, to) for count in (2_000, 20_000))
    for less, more in zip(few["peaks"], many["peaks"], strict=True):
        assert more - less < 10_000
    less, more = many["worked"][-2:]  # another child tracks resources, and does nothing
    assert less > more / 4 > 0


OVERLAY = Path(__file__).parents[2] / "examples" / "overlays" / "nordvik.toml"
NEIGHBOURS = sorted((OVERLAY.parents[1] / "neighbours").glob("*.json"))


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("version", [None, "R4", "R5"])
@pytest.mark.parametrize("overlay", [None, OVERLAY], ids=["shipped", "nordvik"])
def test_a_site_and_a_version_hold_for_every_line(
    overlay: Path | None, version: FhirVersion | None, processes: int
) -> None:
    """With a site's overlay and in the FHIR version that was asked for, line by line what `Mapper` gives by itself."""
    site = Mapper.load(overlay, version or "R4")
    plans = [orjson.dumps(example("plans", f"0{1 + n % 5}")) for n in range(130)]  # more than one chunk
    expected = [site.to_fhir_json(read(IndividualPlan, plan)) for plan in plans[:5]]
    mapped = list(map_lines(plans, "fhir", processes, overlay=overlay, version=version))
    assert [m.content for m in mapped] == [expected[n % 5] for n in range(130)]
    back = list(map_lines(expected, "plan", processes, overlay=overlay, version=version))
    assert [orjson.loads(m.content or b"") for m in back] == [read(IndividualPlan, p).to_data() for p in plans[:5]]


def test_a_neighbours_plan_is_read_as_alone() -> None:
    """As `read_fhir` reads it, with what was left unread, also under a site's overlay; what it refuses is refused."""
    lines = [orjson.dumps(orjson.loads(file.read_bytes())) for file in NEIGHBOURS]
    for overlay in (None, OVERLAY):
        for line, mapped in zip(lines, map_lines(lines, "plan", overlay=overlay), strict=True):
            alone = _alone(line, Mapper.load(overlay))
            if isinstance(alone, Reading):
                assert orjson.loads(mapped.content or b"") == alone.plan.to_data()
                assert mapped.warnings == alone.warnings != ()
            else:
                assert mapped == Mapped(mapped.number, None, alone)
        assert sum(isinstance(_alone(line, Mapper.load(overlay)), Reading) for line in lines) >= 2


def _alone(line: bytes, site: Mapper) -> Reading | tuple[Problem, ...]:
    """The national plan API's example has no Patient, and nobody says here who was asked for: it is refused."""
    try:
        return read_fhir(orjson.loads(line), mapper=site)
    except InvalidInput as error:
        return error.problems


def test_a_line_of_another_version_is_refused() -> None:
    """Where a version is said, a Bundle that shows another one is told by its place."""
    plan = read(IndividualPlan, orjson.dumps(example("plans", "03")))
    r4, r5 = to_fhir_json(plan), to_fhir_json(plan, version="R5")
    assert [m.content is None for m in map_lines([r4, r5], "plan")] == [False, False]
    assert [m.content is None for m in map_lines([r4, r5], "plan", version="R5")] == [True, False]
    (refused,) = next(map_lines([r5], "plan", version="R4")).problems
    assert refused.path.startswith("Bundle.entry[")


def test_a_bad_overlay_is_told_before_the_first_line(tmp_path: Path) -> None:
    """With table, row and reason, once, and not for each line."""
    bad = tmp_path / "bad.toml"
    bad.write_text('[[table]]\nname = "Gaol"\nrow = []\n', encoding="utf-8")
    with pytest.raises(MappingError, match="table Gaol: there is no such table; perhaps Goal is meant"):
        map_lines([], "fhir", overlay=bad)

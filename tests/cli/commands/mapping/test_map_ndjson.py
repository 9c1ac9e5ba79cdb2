"""`ip-fhir map --ndjson`: streams, names bad lines, and says so in its exit code."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import orjson

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from tests.support.data import EXAMPLES, example

if TYPE_CHECKING:
    from pathlib import Path


def _map(content: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "ip_fhir.cli", "map", "-", *arguments, "--ndjson"]
    return subprocess.run(command, input=content, capture_output=True, check=False)


def test_lines_in_lines_out() -> None:
    """Plans in, Bundles out, a line each; and back again, the same plans."""
    plans = [orjson.dumps(example("plans", number)) for number in ("01", "02", "03")]
    there = _map(b"\n".join(plans), "--to", "fhir")
    assert (there.returncode, there.stderr) == (0, b"")
    back = _map(there.stdout, "--to", "plan")
    assert [orjson.loads(line)["id"] for line in back.stdout.splitlines()] == ["plan-01", "plan-02", "plan-03"]


def test_a_bad_line_is_named() -> None:
    """The line's number, the place and the reason on stderr, the others mapped, exit code 2."""
    good = orjson.dumps(example("plans", "01"))
    result = _map(good + b"\n{}\n" + good, "--to", "fhir")
    assert result.returncode == 2
    assert len(result.stdout.splitlines()) == 2
    assert b"stdin: line 2: id: field required" in result.stderr
    assert b"1 of 3 lines could not be mapped" in result.stderr


def test_what_does_not_go_together_is_refused() -> None:
    """Pretty JSON has line breaks, so it is no NDJSON."""
    assert _map(b"{}", "--to", "fhir", "--pretty").returncode == 2
    refused = _map(b"{}", "--to", "plan", "--created", "2026-01-13")
    assert refused.returncode == 2
    assert b"no two lines say the same" in refused.stderr


def test_told_is_error() -> None:
    """A line of which something would be told is not mapped; the others are, and the exit code is 2."""
    ours = _map(orjson.dumps(example("plans", "01")), "--to", "fhir").stdout
    theirs = orjson.dumps(orjson.loads((EXAMPLES / "neighbours" / "kommunefhir.json").read_bytes()))
    result = _map(ours + theirs, "--to", "plan", "--told-is-error")
    assert result.returncode == 2
    assert [orjson.loads(line)["id"] for line in result.stdout.splitlines()] == ["plan-01"]
    assert b"line 2: Bundle.entry[6].resource: " in result.stderr
    assert b"warning" not in result.stderr


def test_a_site_and_a_version(tmp_path: Path) -> None:
    """--overlay and --fhir-version hold for every line; a bad overlay is told once, with exit code 6."""
    plan = orjson.dumps(example("plans", "03"))
    overlay = ("--overlay", str(EXAMPLES / "overlays" / "nordvik.toml"))
    there = _map(plan, "--to", "fhir", "--fhir-version", "R5", *overlay)
    assert (there.returncode, there.stderr) == (0, b"")
    assert b"plannedActivityReference" in there.stdout
    assert b"nordvik" in there.stdout
    back = _map(there.stdout, "--to", "plan", *overlay)
    assert orjson.loads(back.stdout) == read(IndividualPlan, plan).to_data()
    (tmp_path / "bad.toml").write_text('[[table]]\nname = "Gaol"\nrow = []\n', encoding="utf-8")
    bad = _map(plan + b"\n" + plan, "--to", "fhir", "--overlay", str(tmp_path / "bad.toml"))
    assert (bad.returncode, bad.stdout) == (6, b"")
    assert bad.stderr.count(b"table Gaol: there is no such table") == 1


def test_what_is_left_unread_of_a_neighbours_plan_is_told() -> None:
    """With the line's number, as a warning: the plan is there, and the exit code is 0."""
    line = orjson.dumps(orjson.loads((EXAMPLES / "neighbours" / "kommunefhir.json").read_bytes()))
    result = _map(line, "--to", "plan")
    assert result.returncode == 0
    assert orjson.loads(result.stdout)["goals"]
    assert b"ip-fhir: stdin: line 1: warning: Bundle.entry[" in result.stderr

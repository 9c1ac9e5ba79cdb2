"""`ip-fhir map --ndjson`: streams, names bad lines, and says so in its exit code."""

from __future__ import annotations

import subprocess
import sys

import orjson

from tests.support.data import example


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

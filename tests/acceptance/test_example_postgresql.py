"""The example with three workers does what it says, on a real server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgres import Server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]


def test_three_workers(server: Server, checkout: Path, tmp_path: Path) -> None:
    """Every message is sent once, and every worker has sent some."""
    script = checkout / "examples" / "08_three_workers_on_postgresql.py"
    database = server.new_database()
    for _ in range(2):  # also where its tables are there already
        ran = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            cwd=tmp_path,
            env={**os.environ, "IP_FHIR_EXAMPLE_DATABASE": database},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        lines = ran.stdout.splitlines()
        assert lines[-1].endswith("messages, each sent once")
        assert [line.split()[:2] for line in lines[:3]] == [["worker", "1"], ["worker", "2"], ["worker", "3"]]

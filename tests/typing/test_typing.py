"""The typed API is what `api.py` says: mypy, as strict as it gets, accepts it, and would notice if it were not so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

pytestmark = pytest.mark.slow

FILE = Path(__file__).with_name("api.py")


def _check(file: Path, cache: Path) -> str:
    """What mypy says of a caller's file, with no configuration of ours. Empty if it has nothing to say."""
    told, failed, _ = api.run(
        [
            "--strict",
            "--config-file=",
            "--follow-imports=silent",
            "--no-error-summary",
            f"--cache-dir={cache}",
            str(file),
        ]
    )
    assert not failed
    return told


def test_a_callers_file_is_accepted(tmp_path: Path) -> None:
    """With types alone, without pydantic's plug-in or our settings: what a caller's own checker sees."""
    assert _check(FILE, tmp_path) == ""


def test_a_wrong_type_would_be_noticed(tmp_path: Path) -> None:
    """Each line that must not be accepted is refused when its `type: ignore` is taken away."""
    text = FILE.read_text(encoding="utf-8")
    refused = len(re.findall(r"# type: ignore\[[^]]*\]", text))
    bare = tmp_path / "bare.py"
    bare.write_text(re.sub(r"  # type: ignore\[[^]]*\]", "", text), encoding="utf-8")
    assert refused > 5
    assert len(_check(bare, tmp_path / "cache").splitlines()) >= refused

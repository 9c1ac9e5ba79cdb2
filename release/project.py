"""The `[project]` table of pyproject.toml, and the extras that a site installs."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parents[1]
CONSTRAINTS: Final = ROOT / "release" / "constraints.txt"
FOR_DEVELOPERS: Final = frozenset({"dev", "bench"})


def project() -> dict[str, Any]:
    """The `[project]` table."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def extras() -> list[str]:
    """The extras that a site may install, in the file's order."""
    return [name for name in project()["optional-dependencies"] if name not in FOR_DEVELOPERS]


def run(*command: str | Path, at: Path = ROOT, environment: Mapping[str, str] | None = None) -> str:
    """What a command wrote to stdout; stderr is shown. Raises `CalledProcessError` for any exit code but 0."""
    variables = {**os.environ, **(environment or {})}
    ran = subprocess.run([str(part) for part in command], cwd=at, env=variables, check=True, stdout=subprocess.PIPE)
    return ran.stdout.decode()


def uv(*arguments: str | Path, at: Path = ROOT) -> str:
    """What uv wrote to stdout. It installs no Python, and looks at no other project's settings."""
    return run(sys.executable, "-m", "uv", "--no-config", *arguments, at=at)

"""Try every Python with the newest packages, and the oldest Python with the oldest packages. `make matrix`.

`python -m release.matrix [NAME ...]`: `oldest`, or a version of Python. An environment for each in `.venv-matrix/`.
The oldest packages are the lower bounds of pyproject.toml; what those need in turn is the newest that fits, and so are
the tools of the tests. A Python that is not on this machine is skipped, in words; where `IP_FHIR_REQUIRE_ALL=1` it
is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from release.project import ROOT, extras, uv

PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
OLDEST: Final = "oldest"
PLACE: Final = ROOT / ".venv-matrix"
# Everything that is not slow and starts nothing; then what rests on databases, servers and the command line.
PARTS: Final = (
    ("-m", "not processes and not slow"),
    ("-m", "processes and not slow", *(f"tests/{room}" for room in ("adapters", "cli", "store", "web", "wire"))),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One Python with one choice of packages, and how its tests ended."""

    name: str
    python: str

    def tried(self) -> str:
        """`ok`, or which part failed, or `skipped` where this Python is not there."""
        if (found := interpreter(self.python)) is None:
            return "skipped: this machine has no such Python"
        try:
            environment = installed(found, self)
        except subprocess.CalledProcessError:
            return "failed: the packages could not be installed"
        red = [number for number, part in enumerate(PARTS, 1) if not passed(environment, part)]
        return f"failed: part {', '.join(map(str, red))} of the tests" if red else "ok"


def main(names: list[str]) -> int:
    """Try what is named, or all, and say how each went; 1 if one failed, 2 for a name that there is not."""
    entries = {one.name: one for one in (Entry(OLDEST, PYTHONS[0]), *(Entry(name, name) for name in PYTHONS))}
    if unknown := [name for name in names if name not in entries]:
        sys.stderr.write(f"nothing is called {unknown[0]}; there are: {', '.join(entries)}\n")
        return 2
    ended = {}
    for name in names or entries:
        sys.stdout.write(f"== {name}\n")
        sys.stdout.flush()
        began = time.monotonic()
        ended[name] = f"{entries[name].tried()} ({time.monotonic() - began:.0f} s)"
    sys.stdout.write("".join(f"{name:<8}{how}\n" for name, how in ended.items()))
    return 1 if any(is_red(how) for how in ended.values()) else 0


def is_red(how: str) -> bool:
    """True for a failure, and for what was skipped where everything is required."""
    return how.startswith("failed") or (how.startswith("skipped") and os.environ.get("IP_FHIR_REQUIRE_ALL") == "1")


def interpreter(version: str) -> Path | None:
    """A Python of this version that the machine has; none is fetched."""
    command = [sys.executable, "-m", "uv", "--no-config", "python", "find", "--no-python-downloads", "--system"]
    ran = subprocess.run([*command, version], check=False, capture_output=True, text=True, cwd=ROOT)
    if ran.returncode == 0:
        return Path(ran.stdout.strip())
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"  # uv looks at its shims alone
    return next(iter(sorted(versions.glob(f"{version}.*/bin/python"))), None)


def installed(python: Path, entry: Entry) -> Path:
    """The Python of a new environment with this checkout, its extras and the tools of its tests.

    Raises `CalledProcessError` if they cannot be installed.
    """
    at = PLACE / entry.name
    shutil.rmtree(at, ignore_errors=True)
    uv("venv", "--quiet", "--python", python, at)
    bounds = at / "bounds.txt"
    asked = [part for extra in extras() for part in ("--extra", extra)]
    how = "lowest-direct" if entry.name == OLDEST else "highest"
    resolved = ("pip", "compile", "pyproject.toml", *asked, "--resolution", how, "--python-version", entry.python)
    uv(*resolved, "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "-o", bounds)
    everything = f".[{','.join([*extras(), 'dev'])}]"
    uv("pip", "install", "--quiet", "--python", at / "bin" / "python", "-c", bounds, "-e", everything)
    return at / "bin" / "python"


def passed(python: Path, part: tuple[str, ...]) -> bool:
    """True if a part of the tests is green in an environment. A test that may be skipped there may be skipped."""
    command = [str(python), "-Im", "pytest", "-q", "-n", "logical", "--dist", "loadgroup", *part]
    variables = {**os.environ, "HYPOTHESIS_PROFILE": os.environ.get("HYPOTHESIS_PROFILE", "quick")}
    variables.pop("IP_FHIR_REQUIRE_ALL", None)
    return subprocess.run(command, check=False, cwd=ROOT, env=variables).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`make` and `.ci/run` work on a machine that has Python, make and git, and say so where it has not."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def bare(checkout: Path, tmp_path: Path) -> Path:
    """A checkout that nothing has been installed in, and a `bin` to put first on the PATH."""
    (tmp_path / "bin").mkdir()
    shutil.copytree(checkout / ".ci", tmp_path / ".ci")
    for name in ("pyproject.toml", "Makefile"):
        shutil.copy(checkout / name, tmp_path)
    return tmp_path


def program(file: Path, text: str) -> None:
    """Write a shell script that can be started."""
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def run(bare: Path, *command: str) -> tuple[int, str]:
    """The exit code and the words of a command in the bare checkout, make's own variables left out."""
    kept = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "VENV"}}
    ran = subprocess.run(
        command,
        cwd=bare,
        env={**kept, "PATH": f"{bare / 'bin'}:{os.environ['PATH']}"},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ran.returncode, ran.stdout


@pytest.mark.parametrize(
    ("target", "environment"),
    [*((target, ".venv") for target in ("demo", "test", "lint", "docs")), ("bench", ".venv-bench")],
)
def test_each_target_makes_its_environment(bare: Path, target: str, environment: str) -> None:
    """Each target makes and fills its environment where there is none, and not again where there is one."""
    code, words = run(bare, "make", "--dry-run", target)
    assert code == 0, words
    assert f"-m venv {environment}" in words
    assert "pip install" in words
    (bare / environment).mkdir()
    (bare / environment / ".stamp").touch()
    assert "pip install" not in run(bare, "make", "--dry-run", target)[1]
    os.utime(bare / environment / ".stamp", (0, 0))
    assert "pip install" in run(bare, "make", "--dry-run", target)[1], "pyproject.toml is newer"


def test_an_old_python_is_refused_in_words(bare: Path) -> None:
    """A Python that is too old stops `make` with the version that was found and the one that is needed."""
    program(bare / "bin" / "old-python", 'if [ "$1" = -V ]; then echo Python 3.9.2; else exit 1; fi')
    code, words = run(bare, "make", "test", "PYTHON=old-python")
    assert code != 0
    assert "old-python: Python 3.9.2" in words
    assert "Python 3.11 or newer is needed" in words
    assert not (bare / ".venv").exists()


def test_a_python_without_venv_is_refused_in_words(bare: Path) -> None:
    """A Python without its venv module (Debian ships it apart) stops `make` with the package's name."""
    program(bare / "bin" / "half-python", 'if [ "$2" = venv ]; then mkdir -p .venv; exit 1; fi')
    code, words = run(bare, "make", "test", "PYTHON=half-python")
    assert code != 0
    assert "python3-venv" in words
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize("red", ["lint", "test", ""])
def test_ci_runs_lint_and_test_and_requires_all(bare: Path, red: str) -> None:
    """`.ci/run` calls `make lint`, then `make test`, with everything required, and is red if either is."""
    program(bare / "bin" / "make", f'echo "$1 $IP_FHIR_REQUIRE_ALL $VENV" >> calls; [ "$1" != "{red}" ]')
    (bare / ".venv-ci").mkdir()
    (bare / ".venv-ci" / "old").touch()
    code, words = run(bare, ".ci/run")
    assert (code != 0) == bool(red), words
    assert (bare / "calls").read_text(encoding="utf-8").splitlines() == ["lint 1 .venv-ci", "test 1 .venv-ci"]
    assert not (bare / ".venv-ci").exists(), "it starts from nothing"

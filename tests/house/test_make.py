"""`make` and `.ci/run` work on a machine that has Python, make and git, and say so where it has not."""

import os
import shutil
import stat
import subprocess
import sys
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


_OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARGS", "VENV", "WORKERS"}


def run(bare: Path, *command: str) -> tuple[int, str]:
    """The exit code and the words of a command in the bare checkout, make's own variables left out."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
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
    [
        *(
            (target, ".venv")
            for target in ("demo", "check", "test", "soak", "lint", "docs", "package", "release", "matrix")
        ),
        ("bench", ".venv-bench"),
    ],
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
    """`.ci/run` calls `make lint`, then `make test`, all required, 100 kills, 500 plans, and is red if either is."""
    program(
        bare / "bin" / "make",
        f'echo "$1 $IP_FHIR_REQUIRE_ALL $IP_FHIR_KILLS $IP_FHIR_PLANS $VENV" >> calls; [ "$1" != "{red}" ]',
    )
    program(bare / "bin" / "apt-get", "exit 0")  # a test installs nothing on the machine
    (bare / ".venv-ci").mkdir()
    (bare / ".venv-ci" / "old").touch()
    code, words = run(bare, ".ci/run")
    assert (code != 0) == bool(red), words
    assert (bare / "calls").read_text(encoding="utf-8").splitlines() == [
        "lint 1 100 500 .venv-ci",
        "test 1 100 500 .venv-ci",
    ]
    assert not (bare / ".venv-ci").exists(), "it starts from nothing"


@pytest.fixture
def told(bare: Path) -> Path:
    """The bare checkout under git, with programs in its environment that only write down what they were told."""
    for name in ("python", "ruff", "mypy"):
        (bare / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
        program(bare / ".venv" / "bin" / name, f'echo "{name} $*" >> calls')
    (bare / ".venv" / ".stamp").touch()
    for name in ("kept.py", "changed.py", "gone.py", "words.txt"):
        (bare / name).write_text("1\n", encoding="utf-8")
    (bare / ".gitignore").write_text(".venv\ncalls\nbin\n", encoding="utf-8")
    git = ("git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    for command in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message=first")):
        code, words = run(bare, *git, *command)
        assert code == 0, words
    return bare


def calls(told: Path) -> list[str]:
    """What was started since the last time."""
    file = told / "calls"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.unlink()
    return lines


def test_check_lints_what_changed(told: Path) -> None:
    """`make check` lints the files that are changed or new, and none where none is; it always tests, in parallel."""
    code, words = run(told, "make", "check")
    assert code == 0, words
    (tests,) = calls(told)
    assert tests == "python -Im pytest -n logical --dist loadgroup -q -m not processes and not slow"
    for name in ("changed.py", "new.py", "words.txt"):
        (told / name).write_text("2\n", encoding="utf-8")
    (told / "gone.py").unlink()
    code, words = run(told, "make", "check", "ARGS=tests/domain -x")
    assert code == 0, words
    assert calls(told) == [
        "ruff check --quiet changed.py new.py",
        "ruff format --quiet --check changed.py new.py",
        "mypy ",
        f"{tests} tests/domain -x",
    ]


@pytest.mark.parametrize("red", ["ruff", "mypy", "python"])
def test_check_is_red_if_anything_is(told: Path, red: str) -> None:
    """Whatever of `make check` is red, all of it is run and the end is red."""
    (told / "new.py").write_text("2\n", encoding="utf-8")
    program(told / ".venv" / "bin" / red, f'echo "{red} $*" >> calls; exit 1')
    assert run(told, "make", "check")[0] != 0
    assert [line.partition(" ")[0] for line in calls(told)] == ["ruff", "ruff", "mypy", "python"]


def test_test_runs_in_parallel(told: Path) -> None:
    """`make test` has a worker for each core, and what is asked for comes last, so that it counts: `-n 0`."""
    assert run(told, "make", "test", "ARGS=tests/domain -n 0")[0] == 0
    assert calls(told) == ["python -Im pytest -n logical --dist loadgroup tests/domain -n 0"]


def soak(checkout: Path, *arguments: str) -> tuple[int, str]:
    """What `make soak` starts, asked to collect and no more."""
    return run(checkout, sys.executable, "tests/soak.py", *arguments, "--collect-only", "--quiet")


def test_soak_takes_names(checkout: Path) -> None:
    """`make soak` runs all there are, or those that are named, which must be known; options are handed on to pytest."""
    assert "soak.py killed -x" in run(checkout, "make", "--dry-run", "soak", "ARGS=killed -x")[1]
    for names in ((), ("killed",)):
        code, words = soak(checkout, *names)
        assert code == 0, words
        assert "test_killed.py::test_killed_at_random[sqlite]" in words
    code, words = soak(checkout, "kiled")
    assert code != 0
    assert words.strip() == "no soak is called kiled; there are: killed, sharing, frames, hostile, own"

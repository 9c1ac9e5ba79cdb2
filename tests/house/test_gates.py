"""Each gate of `make lint` and `make test` can fail: it is broken on purpose, and is red."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.house import size_gate

CLEAN = '"""A module of no purpose."""\n\nANSWER = 42\n'
TESTED = '"""A test of no purpose."""\n\n\ndef test_it() -> None:\n    """It holds."""\n'


@pytest.fixture
def small(checkout: Path, tmp_path: Path) -> Path:
    """A small checkout with our settings: one clean module in each room, one test, one document, one example."""
    shutil.copy(checkout / "pyproject.toml", tmp_path)
    scripts = ("tests/test_clean.py", "docs/clean.py", "examples/01_clean.py")
    for name in ("ip_fhir/clean.py", "adapters/ip_fhir_clean/clean.py", *scripts):
        write(tmp_path / name, CLEAN)
    for name in ("ip_fhir/__init__.py", "adapters/ip_fhir_clean/__init__.py"):
        write(tmp_path / name, '"""A package of no purpose."""\n')
    return tmp_path


def write(file: Path, text: str) -> None:
    """Write `text`, making the directories on the way."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def gate(checkout: Path, *command: str, **environment: str) -> tuple[int, str]:
    """The exit code and the words of a gate's command, run in `checkout`."""
    program = Path(sys.executable).parent / command[0]
    ran = subprocess.run(
        [str(program), *command[1:]],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", **environment},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ran.returncode, ran.stdout


# --- ruff, mypy ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("room", "line", "rule"),
    [
        ("ip_fhir", "import os\n", "F401"),
        ("ip_fhir", "def shout(word: str) -> None:\n    print(word)\n", "T201"),
        ("adapters/ip_fhir_clean", "from datetime import datetime\n\nNOW = datetime.now()\n", "DTZ005"),
        ("tests", "def test_it() -> None:\n    assert 1 == 1\n", "D103"),
    ],
)
def test_ruff_sees_a_broken_rule(small: Path, room: str, line: str, rule: str) -> None:
    """A broken lint rule is seen in each room: library, adapters, tests."""
    assert gate(small, "ruff", "check", "--no-cache")[0] == 0
    write(small / room / "bad.py", f'"""Bad."""\n\n{line}')
    code, words = gate(small, "ruff", "check", "--no-cache")
    assert code == 1
    assert rule in words


def test_every_exception_from_a_rule_has_a_reason(checkout: Path) -> None:
    """Each ruff rule that is switched off has its reason beside it, on the same line."""
    lines = (checkout / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    start, end = lines.index("[tool.ruff.lint]"), lines.index("[tool.ruff.lint.flake8-builtins]")
    rules = [line for line in lines[start:end] if line.startswith('    "')]
    assert len(rules) > 10
    assert [line for line in rules if not line.partition("#")[2].strip()] == []


def test_formatter_sees_an_unformatted_file(small: Path) -> None:
    """A file that the formatter would write otherwise is seen."""
    assert gate(small, "ruff", "format", "--check", "--no-cache")[0] == 0
    write(small / "ip_fhir" / "bad.py", "ANSWER   =   42\n")
    code, words = gate(small, "ruff", "format", "--check", "--no-cache")
    assert code == 1
    assert "bad.py" in words


def test_mypy_sees_an_untyped_or_wrong_line(small: Path) -> None:
    """A wrong type is seen in library, adapters, tests, documents, examples, release; so is a function without."""
    write(small / "ip_fhir" / "bad.py", 'ANSWER: int = "42"\n')
    write(small / "adapters" / "ip_fhir_clean" / "bad.py", "from ip_fhir import clean\n\nclean.ANSWER.upper()\n")
    write(small / "tests" / "test_bad.py", "def test_it():\n    pass\n")
    write(small / "docs" / "wrong.py", "1 + ''\n")
    write(small / "examples" / "02_bad.py", "from ip_fhir import clean\n\nclean.ANSWER.upper()\n")
    write(small / "release" / "wrong.py", "1 + ''\n")
    code, words = gate(small, "mypy")
    assert code == 1
    red = {line.partition(":")[0] for line in words.splitlines() if ": error:" in line}
    scripts = {"tests/test_bad.py", "docs/wrong.py", "examples/02_bad.py", "release/wrong.py"}
    assert red == {"ip_fhir/bad.py", "adapters/ip_fhir_clean/bad.py", *scripts}


# --- pytest --------------------------------------------------------------------------------------


def pytest_in(small: Path, test: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run one test file under our settings."""
    write(small / "tests" / "test_it.py", f"import warnings\n\nimport pytest\n\n\n{test}")
    command = ("python", "-Im", "pytest", "-p", "no:cacheprovider", *arguments, "tests/test_it.py")
    return gate(small, *command, **environment)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("def test_it():\n    warnings.warn('old', DeprecationWarning)\n", "DeprecationWarning: old"),
        ("def test_it():\n    open(__file__)\n", "ResourceWarning"),
        ("@pytest.mark.acceptence\ndef test_it():\n    pass\n", "'acceptence' not found in `markers`"),
        ("@pytest.mark.xfail\ndef test_it():\n    pass\n", "XPASS(strict)"),
        ("def test_it():\n    '''\n    >>> 1 + 1\n    3\n    '''\n", "Expected:\n    3\nGot:\n    2"),
    ],
)
def test_pytest_is_strict(small: Path, test: str, words: str) -> None:
    """A warning, an open file, a misspelt marker, an unexpected pass, a wrong doctest: each fails the run."""
    assert pytest_in(small, "def test_it():\n    pass\n")[0] == 0
    code, said = pytest_in(small, test)
    assert code != 0
    assert words in said


SKIPPED = {
    "call": "def test_it():\n    pytest.skip('no peer')\n",
    "mark": "@pytest.mark.skip(reason='no peer')\ndef test_it():\n    pass\n",
    "setup": "@pytest.fixture\ndef peer():\n    pytest.skip('no peer')\n\ndef test_it(peer):\n    pass\n",
    "module": "pytest.skip('no peer', allow_module_level=True)\n",
    "require": "from tests.support.gate import require\n\ndef test_it():\n    require(False, 'no peer')\n",
}
ALLOWED = {
    "marked": "@pytest.mark.may_skip('why')\ndef test_it():\n    pytest.skip('no peer')\n",
    "shared data": "def test_it(shared_data):\n    pass\n",
    "expected failure": "@pytest.mark.xfail\ndef test_it():\n    raise OSError\n",
}


@pytest.fixture
def with_gate(checkout: Path, small: Path) -> Path:
    """The small checkout with the skip gate."""
    shutil.copytree(checkout / "tests" / "support", small / "tests" / "support")
    shutil.copy(checkout / "tests" / "conftest.py", small / "tests")
    return small


@pytest.mark.parametrize("test", SKIPPED.values(), ids=SKIPPED)
def test_a_skip_fails_where_everything_is_required(with_gate: Path, test: str) -> None:
    """Whichever way a test is skipped, it is a skip for a developer and a failure in the gate."""
    assert pytest_in(with_gate, test)[0] in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    code, said = pytest_in(with_gate, test, IP_FHIR_REQUIRE_ALL="1")
    assert code != 0
    assert "did not run, and IP_FHIR_REQUIRE_ALL=1 asks for all" in said
    assert "no peer" in said


@pytest.mark.parametrize("test", ALLOWED.values(), ids=ALLOWED)
def test_an_allowed_skip_stands(with_gate: Path, test: str) -> None:
    """A skip that is marked as right, and one for want of the shared data, are no failures."""
    code, said = pytest_in(with_gate, test, IP_FHIR_REQUIRE_ALL="1")
    assert code == 0, said


def test_a_hidden_process_is_seen(with_gate: Path) -> None:
    """A test that starts a process is left out of `make check` by what it imports; one that hides it fails."""
    assert pytest_in(with_gate, "import subprocess\n\ndef test_it():\n    subprocess.run(['true'])\n")[0] == 0
    code, said = pytest_in(with_gate, "def test_it():\n    __import__('subprocess').run(['true'])\n")
    assert code != 0
    assert "it starts a process and is not marked `processes`" in said


@pytest.mark.parametrize(("scope", "made"), [("module", 1), ("function", 8)])
def test_what_is_shared_is_made_once(with_gate: Path, scope: str, made: int) -> None:
    """With several workers, tests that share what their file makes run in one of them; others are spread."""
    shared = (
        f"import os, pathlib, time\n\n@pytest.fixture(scope='{scope}')\ndef dear():\n"
        "    with pathlib.Path(os.environ['MADE']).open('a') as file:\n        print('made', file=file)\n\n"
        "@pytest.mark.parametrize('n', range(8))\ndef test_it(dear, n):\n    time.sleep(0.1)\n"
    )
    code, said = pytest_in(with_gate, shared, "-n", "2", "--dist", "loadgroup", MADE=str(with_gate / "made"))
    assert code == 0, said
    assert len((with_gate / "made").read_text(encoding="utf-8").splitlines()) == made


def test_shared_data_that_were_named_must_be_there(with_gate: Path) -> None:
    """Who names a place for the shared data gets an error where it is wrong, not a quiet skip."""
    code, said = pytest_in(with_gate, ALLOWED["shared data"], IP_FHIR_SHARED_DATA="/not/there")
    assert code != 0
    assert "IP_FHIR_SHARED_DATA names /not/there" in said


# --- size ----------------------------------------------------------------------------------------

LONG_FUNCTION = "def count() -> None:\n" + "    pass\n" * 50
NESTED = "class Outer:\n    def method(self) -> None:\n" + "        pass\n" * 50


def with_reasons(small: Path, lines: str) -> None:
    """Give reasons in the small checkout's pyproject.toml."""
    settings = small / "pyproject.toml"
    head, table, tail = settings.read_text(encoding="utf-8").partition("[tool.ip_fhir.size]\n")
    tail = tail[tail.index("\n# --- ") :]
    settings.write_text(f"{head}{table}{lines}{tail}", encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x = 1\n" * 401, "ip_fhir/bad.py"),
        (LONG_FUNCTION, "ip_fhir/bad.py::count"),
        (f"async {LONG_FUNCTION}", "ip_fhir/bad.py::count"),
        (NESTED, "ip_fhir/bad.py::Outer.method"),
    ],
)
def test_size_gate_sees_what_is_too_large(small: Path, text: str, name: str) -> None:
    """A file of 401 lines and a function of 51 are seen, unless a reason is written down."""
    with_reasons(small, "")
    assert size_gate.problems(small) == []
    write(small / "ip_fhir" / "bad.py", text)
    assert [problem.partition(": ")[0] for problem in size_gate.problems(small)] == [name]
    assert size_gate.main([str(small)]) == 1
    with_reasons(small, f'"{name}" = "A table reads best in one piece."\n')
    assert size_gate.main([str(small)]) == 0


def test_size_gate_allows_the_limits(small: Path) -> None:
    """400 lines and 50 lines are not too large; tests are not measured."""
    with_reasons(small, "")
    write(small / "ip_fhir" / "just.py", "x = 1\n" * 349 + "def count() -> None:\n" + "    pass\n" * 49 + "\n")
    write(small / "tests" / "test_long.py", "x = 1\n" * 900)
    assert size_gate.problems(small) == []


def test_size_gate_sees_a_crowded_folder(small: Path) -> None:
    """A sixteenth module in a folder is seen, unless a reason is written down; a room within it is not counted."""
    with_reasons(small, "")
    for number in range(15):
        write(small / "ip_fhir" / "room" / f"module_{number}.py", CLEAN)
    for name in ("__init__.py", "inner/__init__.py", "inner/more.py"):
        write(small / "ip_fhir" / "room" / name, CLEAN)
    assert size_gate.problems(small) == []
    write(small / "ip_fhir" / "room" / "one_more.py", CLEAN)
    assert size_gate.problems(small) == ["ip_fhir/room/: 16 modules, more than 15, and no reason given"]
    with_reasons(small, '"ip_fhir/room/" = "One module for each of sixteen kinds."\n')
    assert size_gate.problems(small) == []


def test_size_gate_sees_a_reason_without_need_or_words(small: Path) -> None:
    """A reason that nothing needs any longer, and one without words, fail."""
    with_reasons(small, '"ip_fhir/clean.py" = "It was long once."\n')
    assert size_gate.problems(small) == ["ip_fhir/clean.py: a reason is given, but it is not too large"]
    write(small / "ip_fhir" / "bad.py", LONG_FUNCTION)
    with_reasons(small, '"ip_fhir/bad.py::count" = " "\n')
    assert size_gate.problems(small) == ["ip_fhir/bad.py::count: the reason is empty"]


# --- layers --------------------------------------------------------------------------------------


@pytest.fixture
def skeleton(checkout: Path, tmp_path: Path) -> Path:
    """Every module that the layers name, and the adapters, all empty."""
    shutil.copy(checkout / "pyproject.toml", tmp_path)
    for layers in (contract(checkout, name) for name in ("layers", "mapping-rooms", "hl7v2-rooms")):
        (container,) = layers["containers"]
        room = tmp_path.joinpath(*container.split("."))
        for name in {part.strip(" ()") for floor in layers["layers"] for part in floor.split("|")}:
            write(room / name / "__init__.py", "")
        write(room / "__init__.py", "")
    for name in set(settings_of(checkout)["root_packages"]) - {"ip_fhir"}:
        write(tmp_path / "adapters" / name / "__init__.py", "")
    return tmp_path


def lint_imports(skeleton: Path) -> tuple[int, str]:
    """Run the import contracts on the skeleton."""
    command = ("lint-imports", "--no-cache", "--no-logo")
    return gate(skeleton, *command, PYTHONPATH=f"{skeleton}:{skeleton / 'adapters'}")


def settings_of(checkout: Path) -> dict[str, Any]:
    """import-linter's settings."""
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, Any] = settings["tool"]["importlinter"]
    return found


def contract(checkout: Path, name: str) -> dict[str, Any]:
    """One import contract."""
    found: dict[str, Any] = next(one for one in settings_of(checkout)["contracts"] if one["id"] == name)
    return found


def adapters(checkout: Path) -> set[str]:
    """The adapter packages in the checkout."""
    return {path.parent.name for path in (checkout / "adapters").glob("*/__init__.py")}


KEPT = {
    "ip_fhir/cli": "import ip_fhir.web, ip_fhir.domain",
    "ip_fhir/domain": "import ip_fhir.errors, pydantic, datetime",
    "adapters/ip_fhir_fhir_rest": "import ip_fhir.ports, ip_fhir.errors, ip_fhir.fhir, requests",
}
BROKEN = {
    "upwards": ("ip_fhir/domain", "import ip_fhir.ports", "Imports go down only"),
    "upwards, far": ("ip_fhir/fhir", "from ip_fhir.cli import main", "Imports go down only"),
    "siblings": ("ip_fhir/mapping", "import ip_fhir.store", "Imports go down only"),
    "formats": ("ip_fhir/hl7v2", "import ip_fhir.fhir", "Imports go down only"),
    "a new module": ("ip_fhir/shortcut", "", "Imports go down only"),
    "upwards in mapping": ("ip_fhir/mapping/lenses", "import ip_fhir.mapping.bundle", "Inside the mapping"),
    "siblings in mapping": ("ip_fhir/mapping/plan", "import ip_fhir.mapping.foreign", "Inside the mapping"),
    "a new room in mapping": ("ip_fhir/mapping/shortcut", "", "Inside the mapping"),
    "upwards in hl7v2": ("ip_fhir/hl7v2/text", "import ip_fhir.hl7v2.message", "Inside HL7 v2"),
    "database in domain": ("ip_fhir/domain", "import sqlalchemy", "The domain imports pydantic"),
    "FHIR models in domain": (
        "ip_fhir/domain",
        "from fhir.resources.R4B import task",
        "The domain imports pydantic",
    ),
    "clock in domain": ("ip_fhir/domain", "import time", "The domain imports pydantic"),
    "adapter in core": ("ip_fhir/exchange", "import ip_fhir_fhir_rest", "The core imports no adapter"),
    "core in adapter": ("adapters/ip_fhir_fhir_rest", "import ip_fhir.exchange", "An adapter imports only"),
    "store in adapter": (
        "adapters/ip_fhir_fhir_rest",
        "from ip_fhir.store import sql",
        "An adapter imports only",
    ),
}


def test_layers_allow_what_goes_down(skeleton: Path) -> None:
    """Imports that go down, and an adapter's imports of ports and formats, are kept."""
    for package, line in KEPT.items():
        write(skeleton / package / "more.py", f"{line}\n")
    code, words = lint_imports(skeleton)
    assert code == 0, words


@pytest.mark.parametrize(("package", "line", "name"), BROKEN.values(), ids=BROKEN)
def test_layers_see_a_forbidden_import(skeleton: Path, package: str, line: str, name: str) -> None:
    """An import upwards or sideways, a module on no floor and an impure domain are each seen, by name."""
    write(skeleton / package / "__init__.py", "")
    write(skeleton / package / "more.py", f"{line}\n")
    code, words = lint_imports(skeleton)
    assert code == 1
    broken = [line for line in words.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(name) for line in broken), words


def test_every_adapter_is_under_contract(checkout: Path) -> None:
    """Each package in adapters/ is named by every contract that concerns adapters, and is an entry point."""
    found = adapters(checkout)
    assert found
    assert set(settings_of(checkout)["root_packages"]) == {"ip_fhir", *found}
    assert set(contract(checkout, "core-knows-no-adapter")["forbidden_modules"]) == found
    assert set(contract(checkout, "adapters-see-ports")["source_modules"]) == found
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    registered = project["entry-points"]["ip_fhir.adapters"].values()
    assert {target.partition(":")[0] for target in registered} == found

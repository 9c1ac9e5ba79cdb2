"""How commands end: exit codes, one line for an error, no trace, no person's data, a quick start."""

import io
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ip_fhir
from ip_fhir import errors
from ip_fhir.cli.exits import EXIT_CODES, REFUSED_BY_MACHINE
from ip_fhir.cli.running import INTERRUPTED, UNREAD
from tests.cli.conftest import Run, Sides
from tests.house import wheel_gate
from tests.support.two_sides import EXAMPLES

PLAN = EXAMPLES / "plans" / "01-child-with-cerebral-palsy.json"
COMMANDS = [
    *("demo", "map", "put", "check", "schema", "serve", "work", "remind", "verify", "adapters", "doctor"),
    *("support-bundle", "notice send", "green-form send", "referrals list", "referrals show"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    """Every command of the issue is there and says what it does."""
    ran = run(*command.split(), "--help")
    assert ran.code == 0
    assert f"Usage: ip-fhir {command}" in ran.text
    assert ran.err == ""


def test_help_names_every_exit_code(run: Run) -> None:
    """`--help` says what each exit code means, and every error of the library has one of them."""
    shown = run("--help").text
    assert all(f"{code:<4}{meaning}" in " ".join(shown.split(" ")) for code, meaning in EXIT_CODES.items())
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.IpFhirError)]
    assert len(kinds) > 8
    assert {kind.exit_code for kind in kinds} <= set(EXIT_CODES)


def test_version(run: Run) -> None:
    """`--version` is the package's."""
    assert run("--version").text == f"ip-fhir {ip_fhir.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Usage: ip-fhir"),
        (("nonsense",), "No such command"),
        (("map",), "Missing argument"),
        (("map", str(PLAN)), "--to"),
        (("map", str(PLAN), "--to", "xml"), "is not one of"),
        (("map", "not-there.json", "--to", "fhir"), "not-there.json: cannot be read: No such file or directory"),
        (("map", str(EXAMPLES), "--to", "fhir"), "examples: cannot be read: Is a directory"),
        (("map", str(PLAN), "--to", "plan"), ".json: is a plan, and a bundle is needed"),
        (("put", "-", "--onto", "-"), "stdin: can be the plan or the Bundle, not both"),
        (("referrals", "list"), "--config"),
        (("referrals", "list", "--config", "not-there.toml"), "not-there.toml: cannot be read: No such file"),
        (("notice",), "Missing command"),
    ],
)
def test_wrong_use(run: Run, arguments: tuple[str, ...], words: str) -> None:
    """What cannot be done as it is asked for: exit code 2, a line on stderr, nothing on stdout."""
    ran = run(*arguments)
    assert ran.code == 2
    assert ran.out == b""
    assert words in ran.err
    if arguments:
        assert ran.err.count("\n") == 1
        assert ran.err.startswith("ip-fhir: ")


# The parser of Python 3.13 and later goes deeper: there it is refused by what it holds.
TOO_DEEP = "nested too deep" if sys.version_info < (3, 13) else "resourceType: missing, so this is no FHIR resource"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "stdin: is empty"),
        (b"  \n", "stdin: is empty"),
        (b"{", "stdin: not JSON: line 1"),
        (b"[]", "stdin: is not a JSON object"),
        (b"{}", "stdin: is no plan (owner), view (share)"),
        ("Åse".encode("latin-1"), "stdin: not UTF-8 at byte 0"),
        (b"\xff\xfe{\x00}\x00", "stdin: the text is UTF-16"),
        pytest.param(b'{"a":' * 5000 + b"1" + b"}" * 5000, f"stdin: {TOO_DEEP}", id="5000 deep"),
        pytest.param(b'{"owner":' * 300 + b"1" + b"}" * 300, "stdin: ", id="300 deep"),
        (b'{"resourceType": "Patient"}', "stdin: resourceType: is not Bundle"),
        (b'{"resourceType": "Bundle", "entry": 3}', "stdin: Bundle.entry: is not a list"),
    ],
)
def test_what_is_no_input(run: Run, content: bytes, words: str) -> None:
    """Whatever comes in instead of a file of ours is refused in one line, with exit code 2."""
    ran = run("check", "-", stdin=content)
    assert (ran.code, ran.out) == (2, b"")
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_a_byte_order_mark_is_ignored(run: Run) -> None:
    """Windows programs put one first."""
    assert run("check", "-", stdin=b"\xef\xbb\xbf" + PLAN.read_bytes()).code == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(st.binary(max_size=200) | st.builds(lambda n, b: PLAN.read_bytes()[:n] + b, st.integers(0, 9000), st.binary()))
def test_damage_is_never_unforeseen(run: Run, content: bytes) -> None:
    """Random bytes and cut-off or damaged files give exit code 0, 1 or 2, and never a word of a trace."""
    ran = run("check", "-", stdin=content)
    assert ran.code in (0, 1, 2)
    assert "unforeseen" not in ran.err
    assert "Traceback" not in ran.err


def test_the_unforeseen_is_one_line_without_its_words(run: Run) -> None:
    """An error of ours that nobody foresaw: its type and place, not its text, which may be a person's data."""

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise KeyError("Kari Nordmann")

    ran = run("map", "-", "--to", "fhir", stdin=Broken())
    assert ran.code == 1
    assert ran.err.startswith("ip-fhir: unforeseen KeyError at ip_fhir/")
    assert ran.err.count("\n") == 1
    assert "Kari" not in ran.err


# --- as processes --------------------------------------------------------------------------------


def command(*arguments: str) -> list[str]:
    """A command as a process's arguments."""
    return [sys.executable, "-m", "ip_fhir.cli", *arguments]


@pytest.mark.parametrize(
    "arguments", [("map", str(PLAN), "--to", "fhir", "--pretty"), ("check", str(PLAN)), ("--help",), ("doctor",)]
)
def test_nobody_reads_the_output(arguments: tuple[str, ...]) -> None:
    """`ip-fhir ... | head` ends quietly when head has had enough."""
    with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == UNREAD
    assert said == b""


def test_ctrl_c() -> None:
    """Ctrl-C while it waits for stdin ends it with 130 and one line."""
    with subprocess.Popen(
        command("check", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        time.sleep(1)  # until it waits for stdin
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (INTERRUPTED, b"")
    assert err == b"ip-fhir: interrupted\n"


def test_a_wrong_locale_does_no_harm() -> None:
    """Names come out in UTF-8 whatever the terminal's locale is."""
    ran = subprocess.run(
        command("map", str(PLAN), "--to", "fhir"),
        env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    assert "Nordås".encode() in ran.stdout


HEAVY_FOR_HELP = {"pydantic", "orjson", "sqlalchemy", "fhir", "xml", "starlette", "uvicorn", "requests", "jinja2"}


def loaded(code: str) -> Iterator[str]:
    """The top-level packages that running `code` loads."""
    ran = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", "-c", code], check=True, capture_output=True, text=True
    )
    for line in ran.stderr.splitlines():
        if line.startswith("import time:"):
            yield line.rpartition("|")[2].strip().partition(".")[0]


def test_help_loads_nothing_heavy() -> None:
    """`ip-fhir --help` and a wrong command line load neither pydantic nor anything heavier; the gate can fail."""
    assert set(loaded("from ip_fhir.cli import main; main(['--help'])")) & HEAVY_FOR_HELP == set()
    assert set(loaded("from ip_fhir.cli import main; main(['schema', 'plan'])")) & HEAVY_FOR_HELP >= {"pydantic"}


def test_import_is_light() -> None:
    """`import ip_fhir` loads no web, XML, database or FHIR model package."""
    assert wheel_gate.heavy_imports(Path(sys.executable), "import ip_fhir") == set()


# --- what the machine refuses --------------------------------------------------------------------


def test_a_port_in_use(sides: Sides) -> None:
    """`serve` at an address that somebody listens at: its own exit code, one line with address and reason.

    Before, it was 3, which says that the loop does not allow it (findings/users.md B).
    """
    port = tomllib.loads(sides.hospital.read_text(encoding="utf-8"))["http"]["port"]
    with socket.create_server(("127.0.0.1", port)):
        ran = subprocess.run(
            command("serve", "--config", str(sides.hospital)), capture_output=True, text=True, timeout=60, check=False
        )
    assert ran.returncode == REFUSED_BY_MACHINE
    assert ran.stderr.splitlines()[-1] == f"ip-fhir: 127.0.0.1:{port}: address already in use"
    assert "Traceback" not in ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk() -> None:
    """Output that cannot be written ends with one line and the machine's exit code."""
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(command("schema", "plan"), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (REFUSED_BY_MACHINE, "ip-fhir: no space left on device\n")


def test_a_file_that_may_not_be_written(run: Run, sides: Sides) -> None:
    """A store's copy into a folder that is not there: refused by the machine, in words, nothing unforeseen."""
    ran = run("db", "backup", sides.hospital.parent / "nowhere" / "copy.sqlite", "--config", sides.hospital)
    assert ran.code in (7, REFUSED_BY_MACHINE)
    assert "unforeseen" not in ran.err
    assert ran.err.count("\n") == 1

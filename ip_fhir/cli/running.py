"""Runs a command and returns its exit code. An error is a line on stderr, never a trace or a person's data."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any, cast

import typer

from ip_fhir.cli.exits import REFUSED_BY_MACHINE, lines_of, machine_line
from ip_fhir.errors import IpFhirError, RenamedWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INTERRUPTED, UNREAD = 130, 141

# What typer raises for a wrong command line; its own click or an installed one, by version.
_WRONG_USE = cast(
    "type[typer.BadParameter]", next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
)


def run(arguments: Sequence[str] | None) -> int:
    """Runs the command, writes its error to stderr if it has one, and returns the exit code."""
    from ip_fhir.cli.app import app

    _speak_utf8()
    with warnings.catch_warnings():
        warnings.simplefilter("default", RenamedWarning)
        warnings.showwarning = _warn
        return _run(app, arguments)


def _run(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Run the command, and return the exit code by which it ended."""
    try:
        code = app(args=arguments, prog_name="ip-fhir", standalone_mode=False)
        sys.stdout.flush()
    except IpFhirError as error:
        return _report(lines_of(error), error.exit_code)
    except _WRONG_USE as error:
        return _report([f"{' '.join(error.format_message().split())} (see --help)"], 2)
    except (KeyboardInterrupt, typer.Abort):
        return _report(["interrupted"], INTERRUPTED)
    except OSError as error:  # before all others: the library's own errors are none of these
        return _refused_by_machine(error)
    except SystemExit as end:  # a signal's, with 0; or typer's and rich's way to say that nobody reads, with 1
        return _discard_output() if end.code == 1 else int(end.code or 0)
    except Exception as error:  # noqa: BLE001 - the last door: nobody sees a trace with a person's data in it
        return _report([_unforeseen(error)], 1)
    if code == INTERRUPTED:  # typer's own answer to Ctrl-C, by version
        return _report(["interrupted"], INTERRUPTED)
    return code if isinstance(code, int) else 0


def _warn(message: Warning | str, *_where: Any, **_more: Any) -> None:
    """Write a warning as one line: the place in our code means nothing to whoever wrote the file."""
    _report([f"warning: {message}"], 0)


def _report(lines: Sequence[str], code: int) -> int:
    try:
        for line in lines:
            sys.stderr.write(f"ip-fhir: {line}\n")
    except OSError:  # nobody listens; the exit code says it
        pass
    return code


def _refused_by_machine(error: OSError) -> int:
    """Report an error of the operating system. What is left of stdout goes nowhere if it cannot be written."""
    if isinstance(error, BrokenPipeError):
        return _discard_output()
    try:
        sys.stdout.flush()
    except OSError:
        _discard_output()
    line = machine_line(error)
    return _report([_unforeseen(error)], 1) if line is None else _report([line], REFUSED_BY_MACHINE)


def _unforeseen(error: Exception) -> str:
    """Returns the type and the place of an unforeseen error. Its own text is left out: it may quote a person's data."""
    if os.environ.get("IP_FHIR_DEBUG") == "1":
        traceback.print_exc()
    where = [frame for frame in _frames(error) if "ip_fhir" in frame] or ["?"]
    return f"unforeseen {type(error).__name__} at {where[-1]}; please report it (IP_FHIR_DEBUG=1 shows the trace)"


def _frames(error: Exception) -> Iterator[str]:
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{frame.filename.rpartition('ip_fhir/')[1]}{frame.filename.rpartition('ip_fhir/')[2]}:{frame.lineno}"


def _discard_output() -> int:
    """Sends the rest of stdout nowhere, so that Python does not try to write it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return UNREAD


def _speak_utf8() -> None:
    """Sets stdout and stderr to UTF-8 whatever the locale is, since names have æ, ø, å and more."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")

"""The exit codes of `ip-fhir`, and an error's lines on stderr.

The codes are those of `ip_fhir.errors`, so that a script can tell whose fault it was, and one more for what the
operating system refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import MOST_PROBLEMS, InvalidInput, MappingError

if TYPE_CHECKING:
    from ip_fhir.errors import IpFhirError

EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "done, and what was asked about is not as it should be; or something unforeseen on our side",
    2: "the command or a file cannot be used as it is",
    3: "the loop does not allow this now, or not by this side",
    4: "the other system would not or could not",
    5: "consent forbids it: nothing was sent",
    6: "a mapping table or overlay is wrong",
    7: "the store could not be read or written: trying again is safe",
    8: "the machine would not: a port in use, a file or folder that may not be written, a full disk",
    130: "interrupted (Ctrl-C)",
    141: "whoever read our output stopped reading",
}
"""Every exit code and what it means; shown by --help."""


REFUSED_BY_MACHINE: Final = 8
"""The exit code of an error that the operating system gave."""


def machine_line(error: OSError) -> str | None:
    """Returns the line for an error of the operating system: the file or address, and its reason; None without one."""
    if error.errno is None or not error.strerror:
        return None
    name = error.filename if isinstance(error.filename, str) else None
    return ": ".join(filter(None, (name, error.strerror[:1].lower() + error.strerror[1:])))


def lines_of(error: IpFhirError) -> list[str]:
    """Returns an error's lines for stderr: one per problem, few of them, or the error after its notes."""
    if not isinstance(error, InvalidInput | MappingError):
        return [": ".join([*getattr(error, "__notes__", ()), " ".join(str(error).split())])]
    lines = [" ".join(str(problem).split()) for problem in error.problems]
    more = len(lines) - MOST_PROBLEMS - 1  # the last of an error's own problems may tell of others
    return lines if more <= 0 else [*lines[:MOST_PROBLEMS], f"and {more + 1} more"]


def in_file(error: InvalidInput, name: str) -> InvalidInput:
    """Returns the error with the file's name before the path of each problem."""
    return InvalidInput(replace(p, path=f"{name}: {p.path}" if p.path else name) for p in error.problems)

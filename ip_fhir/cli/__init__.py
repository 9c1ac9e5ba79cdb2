"""The command line `ip-fhir`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the console script hands it to `sys.exit`.

    `arguments` are those after the program's name; without them, the process's own.
    """
    from ip_fhir.cli.running import run

    return run(arguments)

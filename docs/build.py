"""Write the generated parts of the documents: what stands between `<!-- generated: name -->` and `<!-- end -->`.

`python docs/build.py` writes, `--check` says which documents are stale and exits with 1.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _loop() -> str:
    from ip_fhir.domain.loop_diagram import diagram

    return f"```mermaid\n{diagram()}```\n"


def _transitions() -> str:
    from ip_fhir.domain.loop_table import TRANSITIONS

    lines = ["| from | event | raised by | when | to | why |", "|---|---|---|---|---|---|"]
    for row in TRANSITIONS:
        states = ", ".join(row.states)
        lines.append(f"| {states} | {row.event} | {row.role} | {row.outcome} | {row.to or '(stays)'} | {row.why} |")
    return "\n".join(lines) + "\n"


def _task_status() -> str:
    from ip_fhir.domain.loop_table import TASK_STATUS

    lines = ["| state | Task.status | businessStatus | the ball is with |", "|---|---|---|---|"]
    for state, shown in TASK_STATUS.items():
        lines.append(f"| {state} | {shown.status} | {shown.business_status or '-'} | {shown.ball or '-'} |")
    return "\n".join(lines) + "\n"


def _cli() -> str:
    import typer
    from click import Context, Group

    from ip_fhir.cli import app

    command = typer.main.get_command(app)
    lines: list[str] = []

    def add(name: str, command: object) -> None:
        if isinstance(command, Group):
            for child in sorted(command.commands):
                add(f"{name} {child}", command.commands[child])
            return
        usage = command.get_usage(Context(command, info_name=name)).removeprefix("Usage: ")  # type: ignore[attr-defined]
        lines.append(f"### `{name}`\n\n{(command.help or '').strip()}\n\n    {usage}\n")  # type: ignore[attr-defined]

    add("ip-fhir", command)
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "loop": _loop,
    "transitions": _transitions,
    "task-status": _task_status,
    "cli": _cli,
}


def documents() -> list[Path]:
    """Every document that may hold a generated part."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def fresh(text: str) -> str:
    """The text with every generated part made anew. An unknown name raises `KeyError`."""
    return _PART.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}{match[3]}", text)


def main() -> int:
    """Write, or with `--check` only compare."""
    stale = [path for path in documents() if fresh(text := path.read_text(encoding="utf-8")) != text]
    for path in stale:
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is stale: make docs")
        else:
            path.write_text(fresh(path.read_text(encoding="utf-8")), encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())

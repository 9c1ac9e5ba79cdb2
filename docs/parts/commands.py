"""The commands of `ip-fhir`, from the application itself."""

from __future__ import annotations

from typing import Any

from typer.main import get_command

from ip_fhir.cli.app import app
from ip_fhir.cli.exits import EXIT_CODES


def cli() -> str:
    """Returns every command with its usage and its options."""
    lines: list[str] = []

    def add(name: str, command: Any) -> None:
        children: dict[str, Any] = getattr(command, "commands", {})
        for child in sorted(children):
            add(f"{name} {child}", children[child])
        if children:
            return
        shown = " ".join((p.name or "").upper() if p.param_type_name == "argument" else "" for p in command.params)
        lines.append(f"### `{' '.join([name, *shown.split()])}`\n\n{(command.help or '').strip()}\n")
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        lines.extend(f"- `{', '.join(option.opts)}`: {option.help}" for option in options)
        lines.append("")

    add("ip-fhir", get_command(app))
    return "\n".join(lines)


def exit_codes() -> str:
    """Returns the exit codes with their meaning."""
    lines = ["| code | meaning |", "|---|---|", *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())]
    return "\n".join(lines) + "\n"

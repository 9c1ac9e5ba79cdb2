"""`init`: writes a settings file to fill in."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Side(StrEnum):
    """The sides that settings describe. A participant has no role in the green form loop: a school, a GP."""

    HOSPITAL = "hospital"
    MUNICIPALITY = "municipality"
    PARTICIPANT = "participant"


def init(
    side: Annotated[
        Side, typer.Argument(help="The side that you are; a participant takes part in plans only.", show_default=False)
    ],
    file: Annotated[
        Path | None,
        typer.Argument(help="The file to write, or a folder; by default SIDE.toml here.", show_default=False),
    ] = None,
) -> None:
    """Write a settings file to fill in.

    Every setting is in it, with its default and its meaning, and a fresh token for the other side to show. It is
    readable by its owner alone, and never written over a file that is there. `ip-fhir doctor` says what is missing.
    """
    from ip_fhir.cli.output import say
    from ip_fhir.domain.referral import Role
    from ip_fhir.settings.template import template

    target = Path(f"{side}.toml") if file is None else file / f"{side}.toml" if file.is_dir() else file
    role = None if side is Side.PARTICIPANT else Role(side.value)
    write_new(target, template(role, target.name))
    say(f"wrote {target}; fill in where FILL IN stands, then: ip-fhir doctor --config {target}")


def write_new(target: Path, text: str) -> None:
    """Writes a file that only its owner may read. Raises `InvalidInput` if there is one already, `OSError`."""
    from ip_fhir.errors import InvalidInput

    try:
        handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise InvalidInput.at(str(target), "is there already, and is not written over", "duplicate") from None
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)

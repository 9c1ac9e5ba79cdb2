"""Words that the shell offers after Tab, beside commands and options: the names of the peers in the settings.

Nothing is checked and nothing is said here: settings that cannot be read offer no names.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import typer


def peer_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the peers in the settings file of `--config` that begin so; none where it cannot be read."""
    named = ctx.params.get("config") or os.environ.get("IP_FHIR_CONFIG")
    if not named:
        return []
    try:
        peers: Any = tomllib.loads(Path(named).read_text(encoding="utf-8")).get("peers")
    except (OSError, ValueError):
        return []
    names = [one.get("name") for one in peers if isinstance(one, dict)] if isinstance(peers, list) else []
    return [name for name in names if isinstance(name, str) and name.startswith(incomplete)]

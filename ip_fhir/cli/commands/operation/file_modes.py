"""Files of one side that others on the machine can read or change: database, settings, tokens and keys."""

from __future__ import annotations

import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_READ = stat.S_IRGRP | stat.S_IROTH
_WRITE = stat.S_IWGRP | stat.S_IWOTH
_SECRETS = ("token", "accepts", "metrics_token")


@dataclass(frozen=True, slots=True)
class LooseFile:
    """A file that its group or everybody can read or, if `writable`, change; `mode` is its permissions."""

    what: str
    path: Path
    mode: int

    @property
    def writable(self) -> bool:
        """True if others than the owner can change the file."""
        return bool(self.mode & _WRITE)


def loose_files(config: Path, database: str) -> Iterator[LooseFile]:
    """Yields the files of the side that a settings file describes which others than their owner can use.

    Settings without a token in them may be read by anybody, and changed by nobody else. A file that is not there is
    passed over: other checks say so.
    """
    data = tomllib.loads(config.read_text(encoding="utf-8"))
    yield from _loose("the settings", config, _READ | _WRITE if _holds_secret(data) else _WRITE)
    kind, _, place = database.partition(":///")
    if kind == "sqlite":
        for side in ("", "-wal", "-shm"):
            yield from _loose("the store", Path(f"{place.partition('?')[0]}{side}"), _READ | _WRITE)
    for file in _secret_files(data):
        yield from _loose("a token or key", config.parent / file, _READ | _WRITE)


def _loose(what: str, path: Path, bits: int) -> Iterator[LooseFile]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    if mode & bits:
        yield LooseFile(what, path, mode)


def _holds_secret(node: Any, name: str = "") -> bool:
    """True if a token stands in the settings as text."""
    if isinstance(node, dict):
        return any(_holds_secret(value, key) for key, value in node.items())
    if isinstance(node, list):
        return any(_holds_secret(value, name) for value in node)
    return isinstance(node, str) and name in _SECRETS


def _secret_files(node: Any, name: str = "") -> Iterator[str]:
    """Yields the files that settings name: `{ file = "path" }`, and the text or path under a name that ends in key."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str) and (key == "file" and len(node) == 1 and name != "clock"):
                yield value
            else:
                yield from _secret_files(value, name if key == "path" else key)
    elif isinstance(node, list):
        for value in node:
            yield from _secret_files(value, name)
    elif isinstance(node, str) and name.lower().endswith(("key", "key_file")):
        yield node

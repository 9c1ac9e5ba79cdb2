"""Canaries: a word of its own in every field of words of a plan, and the search for them wherever they may have got."""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from re import findall
from typing import Any

from ip_fhir.domain.values.value import Value

CANARY = "kanarifugl"

_WORDS = {
    *("text", "what", "note", "title", "name", "family", "given", "outcome", "how", "where", "extent", "status_reason"),
    *("target", "task", "role_text", "wish_reason", "with_whom", "value", "city", "postal_code", "scope"),
}


def with_canaries(value: Any, ident: str = "") -> Any:
    """The value with a canary in every field of words, which tells the field and the item."""
    ident = getattr(value, "id", ident)
    changes: dict[str, Any] = {}
    for name in type(value).model_fields:
        found = getattr(value, name)
        if isinstance(found, Value):
            changes[name] = with_canaries(found, ident)
        elif isinstance(found, tuple) and found and isinstance(found[0], Value):
            changes[name] = tuple(with_canaries(one, ident) for one in found)
        elif name in _WORDS and not isinstance(found, Value):
            changes[name] = f"{CANARY}:{type(value).__name__}.{name}:{ident}:"
    return value.evolve(**changes)


def canaries_in(text: str) -> list[tuple[str, str]]:
    """The field and the item of each canary in a text."""
    return findall(f"{CANARY}:([A-Za-z._]+):([A-Za-z0-9-]*):", text)


@dataclass
class Heard:
    """All that was caught, by the place where it was: texts as they were, bytes as well as they can be read."""

    texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def hear(self, where: str, *what: str | bytes) -> None:
        """Keep what was caught."""
        self.texts[where] += [one if isinstance(one, str) else one.decode("utf-8", "replace") for one in what]

    def hear_database(self, where: str, file: Path) -> None:
        """Keep every value of every table, and the bytes of the file and of what is not yet in it."""
        connection = sqlite3.connect(file)
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - names of its own tables
                self.hear(f"{where}.{table}", *(one for one in row if isinstance(one, str | bytes)))
        connection.close()
        for part in (file, file.with_name(f"{file.name}-wal")):
            if part.exists():
                self.hear(f"{where}: bytes of {part.suffix}", part.read_bytes())

    def places_of(self, word: str) -> list[str]:
        """The places where a word stands, as it is or in base64."""
        forms = [word, *_in_base64(word)]
        return sorted({where for where, texts in self.texts.items() for one in texts if any(f in one for f in forms)})

    def canaries(self) -> dict[tuple[str, str], set[str]]:
        """The places of each canary, by its field and item."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for where, texts in self.texts.items():
            for one in texts:
                for canary in canaries_in(one):
                    found[canary].add(where)
        return found


def _in_base64(word: str) -> list[str]:
    """The middle of a word as it stands in base64, by the three places at which it may begin."""
    return [b64encode(b"\0" * shift + word.encode())[4:-4].decode() for shift in range(3)]

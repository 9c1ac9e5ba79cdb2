"""Every code that has words for people, in English and Norwegian."""

from __future__ import annotations

from enum import StrEnum

from ip_fhir.report.table_review import in_words
from ip_fhir.report.words.codes import _WORDS, word


def codes() -> str:
    """Returns a table for each enumeration that people meet: code, English, Norwegian."""
    return "\n".join(_table(kind) for kind in _WORDS)


def _table(kind: type[StrEnum]) -> str:
    lines = [f"### {in_words(kind.__name__).capitalize()} (`{kind.__name__}`)", ""]
    lines += ["| code | English | bokmål |", "|---|---|---|"]
    lines += [f"| `{code}` | {word(code, 'en')} | {word(code, 'nb')} |" for code in kind]
    return "\n".join([*lines, ""])

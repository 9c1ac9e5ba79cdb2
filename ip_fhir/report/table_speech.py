"""The words with which the mapping tables are shown to people, in Norwegian (bokmål) and English.

The English ones stand in the tables and in code; the Norwegian ones in files beside the page of tables.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.fhir.data import root
from ip_fhir.report.table_review import in_words

if TYPE_CHECKING:
    from ip_fhir.report.table_review import ReviewedRow, Sheet
    from ip_fhir.report.words.codes import Language


SUBJECTS: Final = {
    "V2Referral": "every message of the hospital",
    "V2Response": "every message of the municipality",
    "V2Standard": "message of a sender that knows no rows of ours",
    "V2Protection": "the grading of somebody's address",
    "V2PlanMessage": "every message about a shared plan",
}
"""The subjects of tables by name, where the type of the domain does not say them."""


class TableSpeech:
    """The words of the tables in one language. Raises `KeyError` for words that have no Norwegian translation."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.sources: dict[str, dict[str, str]] = tomllib.loads((root() / "sources.toml").read_text(encoding="utf-8"))

    def text(self, english: str) -> str:
        """Returns a sentence about the tables."""
        return english if self.language == "en" else str(_norwegian()["text"][english])

    def words(self, english: str) -> str:
        """Returns the words for a field or a kind of value: one or several, joined by `or`."""
        if self.language == "en":
            return english
        whole = _norwegian()["words"]
        return str(whole[english] if english in whole else " eller ".join(whole[w] for w in english.split(" or ")))

    def subject(self, table: Sheet) -> str:
        """Returns a table's subject: of two with one subject, which message or sender it is about."""
        return self.text(SUBJECTS[table.name]) if table.name in SUBJECTS else self.words(in_words(table.domain))

    def kind(self, table: Sheet) -> str:
        """Returns a table's subject as a heading."""
        words = self.subject(table)
        return words[:1].upper() + words[1:]

    def about(self, table: Sheet) -> str:
        """Returns a table's subject as part of a sentence."""
        return table.about if self.language == "en" else str(_norwegian()["about"][table.domain])

    def where(self, english: str) -> str:
        """Returns the words for an entry of a list, an extension or a fixed value."""
        if self.language == "en":
            return english
        for piece, said in _norwegian()["pieces"].items():
            english = english.replace(piece, said)
        return english

    def fixed(self, value: str) -> str:
        """Returns the words for a value that is always written."""
        return self.text(value) if value in _norwegian()["text"] else self.where(value)

    def notes(self, line: ReviewedRow) -> str:
        """Returns the remaining notes about a row."""
        return "; ".join(map(self.text, line.note.split("; "))) if line.note else ""

    def law(self, law: str) -> str:
        """Returns the clauses behind a row and the reason; a site's own words stay as they are."""
        return law if self.language == "en" else "; ".join(map(self._cited, law.split("; ")))

    def _cited(self, part: str) -> str:
        if self._source(part) is None:
            return _why().get(part, part)
        cited, colon, words = part.partition(": ")
        return f"{self._named(cited)}{colon}{_why().get(words, words)}"

    def source(self, name: str) -> str:
        """Returns a source's name as a clause cites it."""
        return self.sources[name].get("nb_name", name) if self.language == "nb" else name

    def _source(self, part: str) -> str | None:
        return next((name for name in self.sources if part.startswith(name)), None)

    def _named(self, cited: str) -> str:
        name = self._source(cited) or ""
        rest = cited.removeprefix(name).replace(" to ", " til ").replace(" and ", " og ")
        rest = rest.replace(", table ", ", tabell ")
        return f"{self.source(name)}{rest}"


@cache
def _norwegian() -> dict[str, dict[str, str]]:
    return _read("mappings_nb.toml")


@cache
def _why() -> dict[str, str]:
    return _read("mappings_why_nb.toml")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("ip_fhir.report.pages") / name).read_text(encoding="utf-8"))

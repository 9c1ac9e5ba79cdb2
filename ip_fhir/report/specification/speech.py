"""The words of a specification in one language: its sentences, and the words of the tables that it lists."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from ip_fhir.report.table_speech import TableSpeech

if TYPE_CHECKING:
    from ip_fhir.report.words.codes import Language


class Speech:
    """Says English sentences of the specification in its language. `tables` has the words of the mapping tables."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.tables = TableSpeech(language)

    def __call__(self, english: str, **parts: str) -> str:
        """Returns a sentence with its parts, such as `{version}`, filled in.

        Raises `KeyError` for one that has no Norwegian translation.

        >>> Speech("nb")("Table {name}.", name="V2Goal")
        'Tabell V2Goal.'
        """
        said = english if self.language == "en" else norwegian()[english]
        return said.format(**parts) if parts else said

    def all(self, *english: str) -> tuple[str, ...]:
        """Returns several sentences, such as the headings of columns."""
        return tuple(map(self, english))


@cache
def norwegian() -> dict[str, str]:
    """Returns the Norwegian sentence of each English one."""
    told = (resources.files("ip_fhir.report.specification") / "specification_nb.toml").read_text(encoding="utf-8")
    sentences: dict[str, str] = tomllib.loads(told)
    return sentences

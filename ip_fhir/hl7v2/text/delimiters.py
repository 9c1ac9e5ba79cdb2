"""The delimiters of a message, from MSH-1 and MSH-2 (HL7 v2.9 section 2.5.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from ip_fhir.errors import InvalidInput

_NAMES = ("component", "repetition", "escape", "subcomponent", "truncation")
_FEWEST = 3


@dataclass(frozen=True)
class Delimiters:
    """The characters that part a message; `subcomponent` and `truncation` are empty where MSH-2 does not name them."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def msh_2(self) -> str:
        """The text of MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation

    @cached_property
    def as_bytes(self) -> bytes:
        """All delimiters, the escape character too, as bytes."""
        return (self.field + self.msh_2).encode("ascii")

    @cached_property
    def special(self) -> re.Pattern[str]:
        """Finds a character that is not written as it is: a delimiter, the escape character, or a control character."""
        return re.compile(rf"[\x00-\x1f\x7f{re.escape(self.field + self.msh_2)}]")


OURS: Final = Delimiters()
"""The delimiters of every message that is written here: `|^~\\&`."""


@lru_cache(maxsize=256)
def delimiters_of(field: bytes, msh_2: bytes, segment: str = "MSH") -> Delimiters:
    r"""Returns the delimiters that the bytes of MSH-1 and MSH-2, or those of another `segment`, name.

    Raises `InvalidInput` (`structure`, at field 1 or 2) unless they are 3, 4 or 5 characters beside MSH-1, all
    different, none a letter, digit, blank or quotation mark.

    >>> delimiters_of(b"#", b"!@%*").repetition
    '@'
    """
    if len(field) != 1 or not _parts(field):
        raise InvalidInput.at(f"{segment}-1", "is no delimiter", "structure")
    if not _FEWEST <= len(msh_2) <= len(_NAMES):
        raise InvalidInput.at(f"{segment}-2", "has not 3, 4 or 5 characters", "structure")
    if len({*field, *msh_2}) <= len(msh_2):
        raise InvalidInput.at(f"{segment}-2", "names one delimiter twice", "structure")
    if not _parts(msh_2):
        raise InvalidInput.at(f"{segment}-2", "names a character that is no delimiter", "structure")
    named = dict(zip(_NAMES, msh_2.decode("ascii"), strict=False))
    return Delimiters(field.decode("ascii"), **{"subcomponent": "", **named})


def _parts(characters: bytes) -> bool:
    """True if each may be a delimiter: printable ASCII, no letter or digit, and no quotation mark (`""` is null)."""
    return all(33 <= code < 127 and code != 0x22 and not chr(code).isalnum() for code in characters)

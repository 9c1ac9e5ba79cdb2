"""Bounds of a message, counted on its bytes before anything is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.text.lines import count_of

if TYPE_CHECKING:
    from ip_fhir.hl7v2.text.delimiters import Delimiters

MOST_SEGMENTS: Final = 10_000
"""The number of segments that a message or a batch may have."""

MOST_REPETITIONS: Final = 1_000
"""The number of repetitions that one field may have."""

LARGE: Final = 65_536
"""The bytes from which on a segment or field is cut out of the message's bytes by its ends, not split."""


class Bounds(Protocol):
    """The part of `ip_fhir.fhir.reading.Limits` that counts here: bytes, and parts (fields, components and so on)."""

    @property
    def max_bytes(self) -> int:
        """The largest number of bytes."""
        ...

    @property
    def max_parts(self) -> int:
        """The largest number of delimiters, so of the parts that they part."""
        ...


def check_bytes(content: bytes, bounds: Bounds) -> None:
    """Raises `InvalidInput` (`too-long`) for more bytes than the bound."""
    if len(content) > bounds.max_bytes:
        raise InvalidInput.at("", f"the message is larger than {bounds.max_bytes} bytes", "too-long")


def check_parts(content: bytes, delimiters: Delimiters, bounds: Bounds) -> None:
    """Raises `InvalidInput` (`too-costly`) for more delimiters than the bound has parts."""
    if len(content) > bounds.max_parts and count_of(content, delimiters.as_bytes) > bounds.max_parts:
        raise InvalidInput.at("", f"more than {bounds.max_parts} parts", "too-costly")

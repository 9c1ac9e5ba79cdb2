"""Events and the structures that they use, and versions (HL7 v2.9 chapters 2, 11 and 12).

The structure follows from type and event: MSH-9.3 is often missing or wrong (`REF_I14` does not exist).
"""

from __future__ import annotations

from typing import Final

VERSIONS: Final = (
    "2.1",
    "2.2",
    "2.3",
    "2.3.1",
    "2.4",
    "2.5",
    "2.5.1",
    "2.6",
    "2.7",
    "2.7.1",
    "2.8",
    "2.8.1",
    "2.8.2",
    "2.9",
)
"""The versions that are read, in order."""

_EVENTS: Final = {
    "REF": ("REF_I12", ("I12", "I13", "I14", "I15")),
    "RRI": ("RRI_I12", ("I12", "I13", "I14", "I15")),
    "PPR": ("PPR_PC1", ("PC1", "PC2", "PC3")),
    "PGL": ("PGL_PC6", ("PC6", "PC7", "PC8")),
    "PPP": ("PPP_PCB", ("PCB", "PCC", "PCD")),
    "PPG": ("PPG_PCG", ("PCG", "PCH", "PCJ")),
    "PTR": ("PTR_PCF", ("PCF",)),
    "CCM": ("CCM_I21", ("I21",)),
    "CCR": ("CCR_I16", ("I16", "I17", "I18")),
    "CCU": ("CCU_I20", ("I20",)),
}
STRUCTURES: Final = {(kind, event): name for kind, (name, events) in _EVENTS.items() for event in events}
"""The structure of each type and event that is read."""


KINDS: Final = frozenset(_EVENTS)
"""The types of which some events are read."""


def structure_of(kind: str, event: str) -> str:
    """Returns the structure of a type and event, empty for one that is not read here. An ACK has one for all events.

    >>> structure_of("REF", "I14"), structure_of("ADT", "A01")
    ('REF_I12', '')
    """
    return "ACK" if kind == "ACK" else STRUCTURES.get((kind, event), "")


def is_before(version: str, other: str) -> bool:
    """True if `version` is an earlier one than `other`; both are in `VERSIONS`."""
    return VERSIONS.index(version) < VERSIONS.index(other)

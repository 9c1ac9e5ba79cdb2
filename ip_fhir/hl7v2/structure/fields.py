"""The rules of fields in one version: required, repeating, and of which data type. From the data of hl7apy."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

from ip_fhir.hl7v2.structure.events import VERSIONS
from ip_fhir.hl7v2.structure.grammar import data_of
from ip_fhir.hl7v2.text.escapes import FORMATTED

_SAME_AS: Final = {**{version: version for version in VERSIONS}, "2.7.1": "2.7", "2.9": "2.8.2"}
_USUAL: Final = "2.5.1"
_UNKNOWN: Final = "varies"


class FieldRule(NamedTuple):
    """The rule of one field: it must be there, it may repeat, and its data type."""

    required: bool
    repeats: bool
    data_type: str


def data_version(version: str) -> str:
    """Returns the version whose data are used for `version`: hl7apy lacks 2.7.1 and 2.9. For an unknown one 2.5.1."""
    return _SAME_AS.get(version, _USUAL)


@lru_cache(maxsize=1024)
def rules_of(segment: str, version: str) -> tuple[FieldRule, ...]:
    """Returns the rules of a segment's fields, field 1 first; none for a segment that the version does not have."""
    known: Any = data_of(data_version(version)).SEGMENTS.get(segment)
    fields = known[1] or () if known else ()
    return tuple(FieldRule(fewest > 0, most != 1, content[2] or _UNKNOWN) for _, content, (fewest, most), *_ in fields)


def is_formatted(segment: str, version: str, field: int, value_type: str) -> bool:
    """True if a field holds formatted text (FT, TX); OBX-5 has the type that OBX-2 names: `value_type`."""
    if segment == "OBX" and field == 5:
        return value_type in FORMATTED
    rules = rules_of(segment, version)
    return field <= len(rules) and rules[field - 1].data_type in FORMATTED

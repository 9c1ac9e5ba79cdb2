"""The referral that an answer is about, where its sender has left RF1-6 empty: by whatever else it cites.

The exchange finds the loop by all ids that are cited, and puts the loop's own id in place of this one.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ip_fhir.hl7v2.acknowledgement import control_id

_IS_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def with_cited_id(value: dict[str, Any]) -> dict[str, Any]:
    """The value with an id in RF1-6, if it has none that can be one of ours, and cites something.

    A request that opens a referral (REF^I12) is left: its id is its sender's own.
    """
    event = _first(value, "MSH", "f9")
    rf1 = value.get("RF1")
    if (event.get("c1"), event.get("c2")) == ("REF", "I12") or type(rf1) is not dict:
        return value
    said = [_first(value, *place).get("c1", "") for place in (("RF1", "f6"), ("MSA", "f2"), ("RF1", "f11"))]
    found = [text for text in said if text and text != '""']
    if not found or _IS_ID.fullmatch(said[0]):
        return value
    fit = next(
        (text for text in found if _IS_ID.fullmatch(text)), control_id(f"the referral that is cited as {found[0]}")
    )
    first, *others = rf1.get("f6") or [{}]
    return {**value, "RF1": {**rf1, "f6": [{**first, "c1": fit}, *others]}}


def _first(value: dict[str, Any], segment: str, field: str) -> dict[str, str]:
    """The first repetition of a field of the message's own segment; empty without one."""
    found: dict[str, str] = ((value.get(segment) or {}).get(field) or [{}])[0]
    return found

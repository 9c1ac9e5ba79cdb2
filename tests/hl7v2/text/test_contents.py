"""The fields of a segment: short and plain ones are parted in a faster way, which finds the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.hl7v2.text.contents import Contents, contents_of
from ip_fhir.hl7v2.text.delimiters import OURS, Delimiters
from ip_fhir.hl7v2.text.escapes import unescape

BARE = Delimiters(subcomponent="")
TEXTS = st.lists(st.sampled_from(["|", "^", "~", "&", "\\", "\\T\\", "\\F\\", "a", "Åse", '""', " "]), max_size=40)


def parted(text: str, delimiters: Delimiters) -> Contents:
    """The same by the plain rule, one delimiter after the other."""
    found: Contents = {}
    for number, raw in enumerate(text.split("|")[1:], 1):
        repetitions = [repetition(one, delimiters) for one in raw.split("~")]
        while repetitions and not repetitions[-1]:
            repetitions.pop()
        if repetitions:
            found[f"f{number}"] = repetitions
    return found


def repetition(raw: str, delimiters: Delimiters) -> dict[str, str]:
    """The components and subcomponents that say something."""
    found = {}
    for number, component in enumerate(raw.split("^"), 1):
        parts = component.split("&") if delimiters.subcomponent else [component]
        for at, part in enumerate(parts, 1):
            if text := unescape(part, delimiters, "utf-8"):
                found[f"c{number}s{at}" if at > 1 else f"c{number}"] = text
    return found


@given(TEXTS.map("".join), st.sampled_from([OURS, BARE]))
def test_every_way_finds_the_same(text: str, delimiters: Delimiters) -> None:
    """With and without repetitions, subcomponents and escapes."""
    assert contents_of(f"OBX|{text}", delimiters, "utf-8") == parted(f"OBX|{text}", delimiters)


@pytest.mark.parametrize("number", [1, 2, 996, 997, 998, 999, 1000, 1001, 1500])
@pytest.mark.parametrize("form", ["OBX{fields}x", "OBX|{components}x", "OBX|{components}x&y", "OBX|a~{components}x"])
def test_fields_and_components_without_end(number: int, form: str) -> None:
    """Around the length from which on a segment is no short one: none is lost, none gets another's number."""
    text = form.format(fields="|" * number, components="^" * number)
    assert contents_of(text, OURS, "utf-8") == parted(text, OURS)


def test_a_header_names_its_delimiters() -> None:
    """MSH-1 is the character that parts the fields, and MSH-2 is not parted by the delimiters in it."""
    found = contents_of("MSH|^~\\&|A^B||C", OURS, "utf-8")
    assert found == {"f1": [{"c1": "|"}], "f2": [{"c1": "^~\\&"}], "f3": [{"c1": "A", "c2": "B"}], "f5": [{"c1": "C"}]}

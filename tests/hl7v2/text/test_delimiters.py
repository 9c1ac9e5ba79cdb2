"""Delimiters: those of MSH-1 and MSH-2, all different, none of them text."""

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.text.delimiters import Delimiters, delimiters_of


def test_three_four_or_five_characters() -> None:
    """MSH-2 names component, repetition and escape, then subcomponent, then truncation."""
    assert delimiters_of(b"|", b"^~\\") == Delimiters(subcomponent="")
    assert delimiters_of(b"|", b"^~\\&") == Delimiters()
    assert delimiters_of(b"|", b"^~\\&#") == Delimiters(truncation="#")
    assert Delimiters(truncation="#").msh_2 == "^~\\&#"


@pytest.mark.parametrize(
    ("field", "msh_2", "place"),
    [
        (b"", b"", "MSH-1"),
        (b"A", b"^~\\&", "MSH-1"),
        (b"\xc2", b"^~\\&", "MSH-1"),
        (b"|", b"^~", "MSH-2"),
        (b"|", b"^~\\&#!", "MSH-2"),
        (b"|", b"^~\\\\&", "MSH-2"),
        (b"|", b"^~|&", "MSH-2"),
        (b"|", b"^~\\a", "MSH-2"),
        (b"|", b"^~\\ ", "MSH-2"),
        (b"|", b'^~\\"', "MSH-2"),
        (b"|", b"^~\\\xe5", "MSH-2"),
    ],
)
def test_others_are_refused(field: bytes, msh_2: bytes, place: str) -> None:
    """Too few, too many, one twice, a letter, a blank, a quotation mark, what is no ASCII."""
    with pytest.raises(InvalidInput) as refused:
        delimiters_of(field, msh_2)
    assert [(one.path, one.code) for one in refused.value.problems] == [(place, "structure")]

"""Character sets: those that are named are used; nothing is replaced, and nothing is guessed."""

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.text.charsets import ASCII, UTF_8, charset_named, first_wrong_byte


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("UNICODE UTF-8", "UNICODE UTF-8"),
        ("utf-8", "UNICODE UTF-8"),
        ("UTF8", "UNICODE UTF-8"),
        ("8859/1", "8859/1"),
        ("8859-1", "8859/1"),
        ("ISO-8859-1", "8859/1"),
        ("ISO8859/15", "8859/15"),
        ("iso_8859-9", "8859/9"),
        ("ASCII", "ASCII"),
    ],
)
def test_names_and_usual_misspellings_are_known(name: str, known: str) -> None:
    """Table 0211, and what others write for it."""
    assert charset_named(name).name == known


@pytest.mark.parametrize("name", ["UNICODE UTF-16", "UNICODE", "GB18030", "8859/12", "8859/16", "windows-1252", ""])
def test_others_are_not_supported(name: str) -> None:
    """Any other name is refused where it stands."""
    with pytest.raises(InvalidInput) as refused:
        charset_named(name)
    assert [(one.path, one.code) for one in refused.value.problems] == [("MSH-18", "not-supported")]


@pytest.mark.parametrize("before", [0, 5, 65_535, 65_536, 131_073])
def test_a_wrong_byte_is_found_wherever_it_stands(before: int) -> None:
    """In UTF-8, ASCII and ISO 8859, also where a character lies across two chunks."""
    start = b"a" * before
    assert first_wrong_byte(start + "å".encode() + b"\xf8", UTF_8) == before + 2
    assert first_wrong_byte(start + "å".encode(), UTF_8) is None
    assert first_wrong_byte(start + b"\xc3", UTF_8) == before
    assert first_wrong_byte(start + b"\xc3", ASCII) == before
    assert first_wrong_byte(start + b"\xe5\x80", charset_named("8859/1")) == before + 1
    assert first_wrong_byte(start + b"\xe5", charset_named("8859/1")) is None


def test_bytes_that_a_part_of_8859_leaves_open_are_wrong() -> None:
    """Part 3 has no character at A5, part 1 has one."""
    assert first_wrong_byte(b"\xa5", charset_named("8859/3")) == 0
    assert first_wrong_byte(b"\xa5", charset_named("8859/1")) is None


def test_text_without_other_characters_is_in_any_set() -> None:
    """ASCII is text in each of them."""
    assert first_wrong_byte(b"plain", charset_named("8859/15")) is None

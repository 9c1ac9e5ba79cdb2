"""Segments in bytes: CR ends one; LF does where no CR stands alone."""

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.text.lines import MOST_LINES, first_control, has_control, spans_of


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\rb\r", [b"a", b"b"]),
        (b"a\rb", [b"a", b"b"]),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a\r\nb\nc", [b"a", b"b", b"c"]),
        (b"a\nA\rb\r", [b"a\nA", b"b"]),
        (b"a\r\nb\rc\r\n", [b"a", b"b", b"c"]),
        (b"a\rb\n", [b"a", b"b"]),
        (b"a\rb\n\r", [b"a", b"b\n"]),
        (b"\r\r \t\ra \r\r", [b"a "]),
        (b"\n\n a\n", [b" a"]),
        (b"a\r b\r", [b"a", b" b"]),
        (b"a\r\n\n\r", [b"a"]),
        (b"", []),
    ],
)
def test_lines(content: bytes, lines: list[bytes]) -> None:
    """Blank lines are left out, trailing blanks belong to the line, a last end mark may be missing."""
    assert [content[start:end] for start, end in spans_of(content)] == lines


def test_too_many_lines_are_refused_before_they_are_parted() -> None:
    """A content of end marks alone costs nothing."""
    assert spans_of(b"\r" * MOST_LINES) == []
    with pytest.raises(InvalidInput) as refused:
        spans_of(b"\r" * (MOST_LINES + 1))
    assert refused.value.problems[0].code == "too-costly"


@pytest.mark.parametrize("before", [0, 65_535, 65_536, 200_000])
def test_control_characters_are_found(before: int) -> None:
    """The first one, wherever it stands; TAB, CR and LF are none."""
    start = b"\t\r\na"[:before] + b"a" * (before - 4)
    assert first_control(start + b"\x0b\x00") == len(start)
    assert first_control(start + b"\x7f") == len(start)
    assert first_control(start + "å".encode()) is None


def test_controls_in_text() -> None:
    """The same characters, in text."""
    assert has_control("a\x1c")
    assert not has_control("å\t\r\n\u2028")

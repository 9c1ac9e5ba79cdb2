r"""Escape sequences: each is undone once, and what is written stays within its place."""

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.text.delimiters import OURS, Delimiters
from ip_fhir.hl7v2.text.escapes import escape, leaves_out, local_sequences, unescape

FIVE = Delimiters(truncation="#")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r"\F\\S\\T\\R\\E\ ", "|^&~\\ "),
        (r"\E\F\E\ ", "\\F\\ "),
        (r"a\.br\b\.sp\c\.sp3\d\.SP+2\e", "a\nb\nc\n\n\nd\n\ne"),
        (r"\.in+4\a\.sp100\b\.br7\c", "abc"),
        (r"\H\loud\N\ ", "loud "),
        (r"\XC3A5\\X0D0A\\X09\ ", "å\r\n\t "),
        (r"\XC3\\XC\\X\\Xzz\\X0B\\X41 42\ ", r"\XC3\\XC\\X\\Xzz\\X0B\\X41 42\ "),
        (r"\C2842\ \M2842AA\ \Z1\ \Z-\ ", r"\C2842\ \M2842AA\ \Z1\ \Z-\ "),
        (r"C:\data \ \\ \Q\ \P\ ", r"C:\data \ \\ \Q\ \P\ "),
        (r"C:\T", r"C:\T"),
    ],
)
def test_each_sequence_is_undone_once(raw: str, text: str) -> None:
    """Delimiters, line breaks and bytes become text; what is no sequence, or somebody's own, stays as it stands."""
    assert unescape(raw, OURS, "utf-8") == text


def test_truncation_is_a_delimiter_where_msh_2_names_it() -> None:
    """From 2.7 a fifth character may be a delimiter; it is read, and escaped when written."""
    assert unescape(r"\P\ ", FIVE, "utf-8") == "# "
    assert escape("#", FIVE, "OBX-5") == r"\P\ ".strip()
    assert escape("#", OURS, "OBX-5") == "#"


def test_subcomponents_without_delimiter_are_text() -> None:
    """Where MSH-2 names three characters, `&` is one like any other."""
    three = Delimiters(subcomponent="")
    assert escape("A & B | C", three, "PID-5") == r"A & B \F\ C"
    assert unescape(r"a\T\b", three, "utf-8") == r"a\T\b"
    assert escape("a&b", three, "OBX-5") == "a&b"


def test_formatting_that_is_left_out_is_known() -> None:
    """Indents and the like are told of; line breaks and highlighting are not left out."""
    assert leaves_out(r"a\.in+4\b", OURS, "utf-8")
    assert not leaves_out(r"a\.br\b\H\c\N\d\.e", OURS, "utf-8")


def test_local_sequences_are_found() -> None:
    r"""Those that stay are found as they stand, and the text `\Z1\` that was escaped is none of them."""
    assert local_sequences(r"\Z1\a\E\Z1\E\ \C2842\ \F\ \Z", OURS, "utf-8") == [r"\Z1\ ".strip(), r"\C2842\ ".strip()]


def test_line_breaks_are_written_as_the_type_has_them() -> None:
    """Formatted text has a command for a line break, other text the byte; no control character is ever written."""
    assert escape("a\nb\tc\rd", OURS, "OBX-5") == r"a\X0A\b\X09\c\X0D\d"
    assert escape("a\nb\\", OURS, "OBX-5", formatted=True) == r"a\.br\b\E\ ".strip()


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x0c", "\x1c", "\x7f"])
def test_control_characters_are_refused(character: str) -> None:
    """A character that would end a frame, or that no message can hold, is refused with the place, not the text."""
    with pytest.raises(InvalidInput, match=r"^OBX-5: has a control character that no message can hold$"):
        escape(f"secret{character}", OURS, "OBX-5")

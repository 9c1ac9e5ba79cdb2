"""MSH by itself: all that an answer needs, also where the rest of a message cannot be read."""

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.header import head
from tests.hl7v2.messages import MSH, NOTICE


def test_a_header_tells_whom_to_answer() -> None:
    """Sender, receiver, event and message id, without the rest."""
    header = head(NOTICE.encode())
    assert header.text(3) == "EPJ"
    assert header.text(10) == "M1"
    assert header.text(9, 2) == "I12"
    assert header.text(8) == header.text(60) == ""
    assert header.event == ("REF", "I12", "REF_I12")


def test_it_is_read_where_the_rest_is_not() -> None:
    """A character set that is not read, or bytes that are none of it: fields in ASCII are there, others are not."""
    msh = MSH.replace("UNICODE UTF-8", "GB18030").replace("EPJ", "Åse")
    header = head(f"{msh}\rPIDX\r".encode())
    assert (header.text(3), header.text(10), header.charset.name) == ("", "M1", "ASCII")
    assert head(MSH.encode().replace(b"EPJ", b"\xc5se")).text(3) == ""
    assert head(MSH.replace("UNICODE UTF-8", "").replace("EPJ", "\xc5se").encode("latin-1"), "8859/1").text(3) == "Åse"


@pytest.mark.parametrize(
    "content",
    [b"", b"PID|1\r", b"BHS|^~\\&\r", b"MSH", b"MSH|\r", b"MSHA^~\\&|\r", b"\xff\xfeM\x00", b"MSH|" + b"x" * 70_000],
)
def test_what_is_no_header_is_refused(content: bytes) -> None:
    """Without MSH and its delimiters there is nobody to answer."""
    with pytest.raises(InvalidInput) as refused:
        head(content)
    assert refused.value.problems[0].path.startswith("MSH")


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n", b"\xef\xbb\xbf \r\n"])
def test_a_byte_order_mark_and_blank_lines_stand_before_it(before: bytes) -> None:
    """Windows systems write them; they are passed over."""
    assert head(before + NOTICE.encode()).text(10) == "M1"


def test_an_lf_in_a_field_does_not_end_it() -> None:
    """Where segments end with CR, MSH does."""
    msh = MSH.replace("EPJ", "E\nPJ")
    assert head(f"{msh}\rPID|1\r".encode()).text(10) == "M1"
    assert head(f"{MSH}\r\nPID|1\r\n".encode()).text(18) == "UNICODE UTF-8"

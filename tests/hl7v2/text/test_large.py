"""Large segments: a document of many megabytes is cut out once, and read as any other field."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import read
from ip_fhir.hl7v2.text.contents import contents_of
from ip_fhir.hl7v2.text.delimiters import OURS, Delimiters
from ip_fhir.hl7v2.text.large import large_contents
from tests.hl7v2.messages import NOTICE

SIZE = 20_000_000


@given(
    st.lists(st.sampled_from([*"|^~&\\a å", "\\T\\", "\\H\\", '""']), max_size=25).map("".join),
    st.sampled_from([OURS, Delimiters(subcomponent="")]),
)
def test_it_is_read_as_a_small_one(fields: str, delimiters: Delimiters) -> None:
    """Cutting out of bytes and splitting of text give the same."""
    text = f"OBX|{fields}"
    content = f"xx{text}yy".encode()
    found = large_contents(content, (2, len(content) - 2), delimiters, "utf-8")
    assert found == contents_of(text, delimiters, "utf-8")


def test_a_document_of_20_mb_is_one_slice() -> None:
    """It is read with one copy, the text that is asked for, and written back as the same bytes."""
    document = b"JVBERi0x" * (SIZE // 8)
    obx = b"OBR|1\rOBX|1|ED|attachment^^99IP||^application^pdf^Base64^" + document + b"||||||F\r"
    content = NOTICE.encode() + obx
    read(NOTICE.encode(), DEFAULT_LIMITS)  # so that the grammar is there
    tracemalloc.start()
    message = read(content, DEFAULT_LIMITS)
    held = message.field("OBX-5.5")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(held) == SIZE
    assert message.field("OBX-11") == "F"
    assert most < 1.1 * SIZE
    assert message.to_bytes() is content

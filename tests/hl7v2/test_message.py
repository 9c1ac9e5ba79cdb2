"""One message: read to the byte, its value, and the same message with another value."""

import copy

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import Er7, new, read

MSH = r"MSH|^~\&|EPJ|90000101|KE|90000202|20260112100500+0100||REF^I12^REF_I12|M1|P|2.5.1|||||NOR|UNICODE UTF-8"
NOTICE = (
    f"{MSH}\r"
    "RF1|P|R|||O|referral-03^FJELL|20260112\r"
    "PRD|RP|Fjørtoft^Berit\r"
    "PRD|RT\r"
    "PID|1||14826121549^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR||Bjørnstad^Håvard||19610214|M\r"
)


def er7(text: str) -> Er7:
    """The message of a text in UTF-8."""
    return read(text.encode(), DEFAULT_LIMITS)


def test_value_has_groups_segments_and_fields() -> None:
    """Groups and segments are members, fields lists of repetitions, components and subcomponents flat keys."""
    message = er7(NOTICE)
    assert list(message.value) == ["MSH", "RF1", "PROVIDER_CONTACT", "PID"]
    assert message.value["PROVIDER_CONTACT"][0] == {
        "PRD": {"f1": [{"c1": "RP"}], "f2": [{"c1": "Fjørtoft", "c2": "Berit"}]}
    }
    assert message.value["PID"]["f3"] == [
        {"c1": "14826121549", "c4s2": "2.16.578.1.12.4.1.4.1", "c4s3": "ISO", "c5": "NNNOR"}
    ]
    assert message.event == ("REF", "I12", "REF_I12")
    assert message.field("MSH-10") == "M1"
    assert message.field("PRD[2]-1") == "RT"
    assert message.to_bytes() == NOTICE.encode()


def test_what_differs_is_written_and_nothing_else() -> None:
    """Writing what was read changes no byte; a changed field changes that field."""
    message = er7(NOTICE)
    assert message.put(message.value) is message
    value = copy.deepcopy(message.value)
    value["PID"]["f5"][0]["c1"] = "Bjørn|stad\rPID|x"
    assert message.put(value).to_bytes().decode() == NOTICE.replace("Bjørnstad", r"Bjørn\F\stad\X0D\PID\F\x")


def test_message_made_of_a_value_is_read_back_as_it() -> None:
    """A message that is made has our delimiters and says what the value says."""
    message = er7(NOTICE)
    assert new(message.value).to_bytes() == NOTICE.encode()


def test_missing_message_id_is_told_with_its_place() -> None:
    """A message without MSH-10 is refused there."""
    with pytest.raises(InvalidInput, match="MSH-10: is missing"):
        er7(NOTICE.replace("|M1|", "||"))

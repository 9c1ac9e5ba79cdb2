"""Messages from and to hl7apy: what it can hold comes over, what it cannot is refused."""

import sys
from typing import Any

import pytest
from hl7apy.core import Message
from hl7apy.parser import parse_message

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.interchange import from_hl7apy, to_hl7apy
from tests.hl7v2.messages import MSH, NOTICE, REST, er7


def test_a_message_goes_there_and_back() -> None:
    """Groups and fields are hl7apy's, and the bytes come back."""
    made = to_hl7apy(er7(*REST))
    assert made.name == "REF_I12"
    assert made.pid.pid_5.pid_5_2.value == "Håvard"
    assert from_hl7apy(made, DEFAULT_LIMITS).to_bytes() == NOTICE.encode()


@pytest.mark.parametrize("event", ["REF^I13", "REF^I14^REF_I14", "REF^I15"])
def test_the_structure_is_that_of_the_event(event: str) -> None:
    """hl7apy alone ends in an error on these."""
    assert to_hl7apy(er7(*REST, msh=MSH.replace("REF^I12^REF_I12", event))).name == "REF_I12"


def test_other_types_go_there_by_their_own_structure() -> None:
    """A type that is not mapped here may be one that hl7apy knows; else its segments stand without groups."""
    msh = MSH.replace("REF^I12^REF_I12", "ADT^A01^ADT_A01")
    assert to_hl7apy(er7("EVN||20260112", REST[3], "PV1|1|O", msh=msh)).name == "ADT_A01"
    unnamed = to_hl7apy(er7(REST[3], msh=msh.replace("^ADT_A01", "")))
    assert [segment.name for segment in unnamed.children] == ["MSH", "PID"]


def test_other_delimiters_and_character_sets_come_over() -> None:
    """Five delimiters of 2.7, and a message in ISO 8859."""
    msh = MSH.replace("2.5.1", "2.7").replace(r"|^~\&|", r"|^~\&#|").replace("UNICODE UTF-8", "8859/1")
    message = from_hl7apy(to_hl7apy(er7(*REST, msh=msh.replace("8859/1", "UNICODE UTF-8"))), DEFAULT_LIMITS)
    assert message.delimiters.truncation == "#"
    latin = parse_message(NOTICE.replace("UNICODE UTF-8", "8859/1"))
    assert b"Bj\xf8rnstad" in from_hl7apy(latin, DEFAULT_LIMITS).to_bytes()


@pytest.mark.parametrize("text", ["to\rlinjer", "to\nlinjer", "A\rPID|x"])
def test_a_line_break_in_a_value_is_refused(text: str) -> None:
    """hl7apy would let it end the segment (segment injection)."""
    message = parse_message(NOTICE)
    message.pid.pid_5.pid_5_2.value = text
    with pytest.raises(InvalidInput, match="has a line break in a value"):
        from_hl7apy(message, DEFAULT_LIMITS)


def test_characters_that_the_named_set_lacks_are_refused() -> None:
    """MSH-18 says what may stand in the message."""
    message = parse_message(NOTICE.replace("UNICODE UTF-8", "8859/5"))
    with pytest.raises(InvalidInput, match="cannot hold"):
        from_hl7apy(message, DEFAULT_LIMITS)


class _Broken:
    def to_er7(self) -> str:
        raise AttributeError("Bjørnstad")


@pytest.mark.parametrize("message", [_Broken(), Message("REF_I12"), None], ids=["broken", "empty", "none"])
def test_every_error_of_hl7apy_is_told_without_its_words(message: Any) -> None:
    """It ends in errors of every kind, and some quote the message."""
    with pytest.raises(InvalidInput) as refused:
        from_hl7apy(message, DEFAULT_LIMITS)
    assert "Bjørnstad" not in str(refused.value)


def test_what_hl7apy_does_not_take_is_told() -> None:
    """A structure that does not exist, of a type that is not read here."""
    with pytest.raises(InvalidInput, match=r"hl7apy does not take it \(InvalidName\)"):
        to_hl7apy(er7(REST[3], msh=MSH.replace("REF^I12^REF_I12", "ADT^A01^ADT_A99")))


def test_the_package_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hl7apy the error says what to install."""
    monkeypatch.setitem(sys.modules, "hl7apy.parser", None)
    with pytest.raises(InvalidInput, match=r"need ip-fhir\[hl7v2\]"):
        to_hl7apy(er7(*REST))

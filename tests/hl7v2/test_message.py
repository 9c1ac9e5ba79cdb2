"""One message: read to the byte, its value, and the same message with another value."""

import copy

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS, Limits
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


def test_nothing_of_a_person_is_in_its_representation() -> None:
    """A message in a log names its event and its size, a segment its name."""
    message = er7(NOTICE)
    assert repr(message) == "<Er7 REF^I12, 5 segments>"
    assert repr(message.segments[4]) == "<Segment PID, 85 bytes>"


@pytest.mark.parametrize(
    ("old", "new_text", "problem"),
    [
        ("|REF^I12^REF_I12|", "||", "MSH-9: is missing"),
        ("|2.5.1|", "||", "MSH-12: is missing"),
        ("|2.5.1|", "|3.0|", "MSH-12: is a version that is not read here"),
        ("UNICODE UTF-8", "UNICODE UTF-8~8859/1", "MSH-18: names more than one character set"),
        ("UNICODE UTF-8", "ASCII", "PRD[1]-2: is no text in ASCII"),
        ("PRD|RT", "PRD|", "PRD[2]-1: is missing: the role"),
        ("PRD|RT", 'PRD|""', "PRD[2]-1: is missing: the role"),
        ("PRD|RT", "Prd|RT", "segment 4: does not begin with a segment's name"),
        ("PRD|RT", "PR", "segment 4: does not begin with a segment's name"),
        ("PRD|RT", "1RD|RT", "segment 4: does not begin with a segment's name"),
        ("PRD|RT", "PRDX|RT", "segment 4: does not begin with a segment's name"),
        ("PRD|RT", "PRÅ|RT", "segment 4: does not begin with a segment's name"),
        ("PRD|RT", "PRD|RT\rPRD|RT\x1c", "PRD[3]-1: has a control character"),
        ("EPJ", "E\x00J", "MSH-3: has a control character"),
        ("PRD|RT", "MSH|RT", "MSH[2]: stands within a message: a batch, where one message is read"),
        ("PRD|RT", "BTS|1", "BTS: stands within a message: a batch, where one message is read"),
        ("PID|", "PID|1\rPID|", "PID[2]: stands twice, where one may stand"),
        ("PID|", "ZID|", "PID: is missing"),
    ],
)
def test_damage_is_refused_with_its_place(old: str, new_text: str, problem: str) -> None:
    """Each error names the place and the reason, and nothing of the content."""
    with pytest.raises(InvalidInput) as refused:
        er7(NOTICE.replace(old, new_text))
    assert str(refused.value) == problem


def test_an_acknowledgement_may_lack_what_other_messages_need() -> None:
    """Some systems leave out MSH-10 or MSH-12 in their answers; MSA is what counts."""
    message = er7("MSH|^~\\&|||||||ACK\rMSA|AA|M1\r")
    assert message.value["MSA"] == {"f1": [{"c1": "AA"}], "f2": [{"c1": "M1"}]}
    assert message.warnings == ()
    with pytest.raises(InvalidInput, match="MSA: is missing"):
        er7("MSH|^~\\&|||||||ACK\r")


def test_a_batch_is_not_one_message() -> None:
    """A batch's header before the message is told as what it is."""
    with pytest.raises(InvalidInput, match="MSH: does not stand first: a batch, where one message is read"):
        er7(f"BHS|^~\\&\r{NOTICE}")


def test_bounds_are_kept() -> None:
    """Bytes, parts, segments and repetitions of a field; each refusal is told before anything is made of them."""
    observed = f"{NOTICE}OBR|1\rOBX|1|TX|x||"
    for text, limits, code in (
        (NOTICE, Limits(max_bytes=len(NOTICE)), "too-long"),
        (NOTICE, Limits(max_parts=40), "too-costly"),
        (NOTICE + "NTE\r" * 10_000, DEFAULT_LIMITS, "too-costly"),
        (observed + "~" * 1_000, DEFAULT_LIMITS, "too-costly"),
        (NOTICE + "\r" * 100_001, DEFAULT_LIMITS, "too-costly"),
        (NOTICE.replace("\r", "\r\n") + "\r\n" * 100_001, DEFAULT_LIMITS, "too-costly"),
    ):
        with pytest.raises(InvalidInput) as refused:
            read(text.encode(), limits)
        assert [problem.code for problem in refused.value.problems] == [code]
    assert read((observed + "~" * 999 + "x").encode(), DEFAULT_LIMITS).field("OBX-5[1000]") == "x"
    spread = "\r".join(f"OBX|{number}|TX|x||{'~' * 600}|{'~' * 600}" for number in range(3))
    assert read(f"{NOTICE}OBR|1\r{spread}".encode(), DEFAULT_LIMITS).segments


def test_many_wrong_segments_cost_little_and_are_told_in_short() -> None:
    """Thousands of problems are counted, and the first ones are named."""
    with pytest.raises(InvalidInput) as refused:
        er7(NOTICE + "PRD\r" * 9_000)
    assert len(refused.value.problems) == 51
    assert refused.value.problems[-1].reason == "and 8950 more problems"


def test_warnings_of_other_types_are_those_of_their_fields() -> None:
    """A message that is not mapped has no structure to deviate from."""
    text = NOTICE.replace("REF^I12^REF_I12", "ADT^A01").replace("||19610214|M", "||19610214|M~F")
    assert [problem.path for problem in er7(text).warnings] == ["PID-8"]

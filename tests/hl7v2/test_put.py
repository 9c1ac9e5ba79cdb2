"""The same message with another value: what differs is written, at its place, and nothing else is touched."""

import copy
from typing import Any

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import Er7, new, read
from tests.hl7v2.messages import MSH, NOTICE, REST, er7

OBR = "OBR|1|||ip-notice^^99IP"


def changed(message: Er7, *path: str | int, to: Any) -> list[str]:
    """The segments of a message in which one place of the value became another."""
    value = copy.deepcopy(message.value)
    held: Any = value
    for step in path[:-1]:
        held = held[step]
    held[path[-1]] = to
    return message.put(value).to_bytes().decode().split("\r")[:-1]


def test_only_the_field_that_differs_is_written() -> None:
    """Other fields keep their bytes: local escapes, empty parts at the end, escapes that we would write otherwise."""
    message = er7(*REST, OBR, r"OBX|1|TX|reason^^99IP^^||\Z1\a\X41\^^~~|kg^^|||||F||")
    found = changed(message, "OBSERVATION", 0, "RESULTS_NOTES", 0, "OBX", "f11", to=[{"c1": "C"}])
    assert found[-1] == r"OBX|1|TX|reason^^99IP^^||\Z1\a\X41\^^~~|kg^^|||||C||"


def test_local_escapes_stay_in_a_field_that_changes() -> None:
    """Where they were, they are written as they stood; the same letters that were text are escaped."""
    message = er7(*REST, OBR, r"OBX|1|TX|reason^^99IP||\Z1\a")
    assert message.field("OBX-5") == r"\Z1\a"
    path = ("OBSERVATION", 0, "RESULTS_NOTES", 0, "OBX", "f5")
    assert (
        changed(message, *path, to=[{"c1": r"b\Z1\c\Z1\d\Z2\e"}])[-1] == r"OBX|1|TX|reason^^99IP||b\Z1\c\Z1\d\E\Z2\E\e"
    )
    assert changed(message, "PID", "f5", 0, "c1", to=r"\Z1\a")[4].endswith(r"||\E\Z1\E\a^Håvard||19610214|M")


def test_fields_that_are_gone_are_emptied_and_new_ones_added() -> None:
    """A field without repetitions says nothing; a new one stands where its number is."""
    message = er7(*REST)
    assert changed(message, "PID", "f8", to=[])[4].endswith("||19610214|")
    assert changed(message, "PID", "f40", to=[{}])[4] == REST[3]
    assert changed(message, "PID", "f7", to=[])[4].endswith("^Håvard|||M")
    assert changed(message, "PID", "f10", to=[{"c2": "x", "c4s3": "y"}, {}, {"c1": "z"}])[4].endswith("|M||^x^^&&y~~z")


def test_segments_are_added_and_taken_out_at_their_place() -> None:
    """New ones stand behind what precedes them and unknown segments there; those that are gone leave no trace."""
    message = er7("ZKO|1|lokal", *REST, "ZPI|1", OBR)
    value = copy.deepcopy(message.value)
    value["SFT"] = [{"f1": [{"c1": "x"}]}]
    value["NK1"] = [{"f1": [{"c1": "1"}]}, {"f1": [{"c1": "2"}]}]
    value["PROVIDER_CONTACT"].insert(1, {"PRD": {"f1": [{"c1": "org"}]}})
    found = message.put(value)
    names = [segment.name for segment in found.segments]
    assert names == ["MSH", "ZKO", "SFT", "RF1", "PRD", "PRD", "PRD", "PID", "ZPI", "NK1", "NK1", "OBR"]
    assert found.put(message.value).to_bytes() == message.to_bytes()


def test_what_says_nothing_is_not_written() -> None:
    """Empty texts, repetitions, fields and groups change nothing; a segment without fields is one."""
    message = er7(*REST)
    value = copy.deepcopy(message.value)
    value["PID"] |= {"f9": [], "f10": [{}], "f11": [{"c1": ""}, {}]}
    value |= {"OBSERVATION": [{}], "PATIENT_VISIT": {}, "NK1": []}
    assert message.put(value) is message
    assert message.put({**value, "NK1": [{}]}).to_bytes() == NOTICE.encode() + b"NK1\r"


def test_of_several_the_equal_ones_keep_their_bytes() -> None:
    """One of three is taken out: the others stay as they were written, with what stands behind them."""
    message = er7(REST[0], "PRD|RP^^|A", "PRD|RT|B", "ZRT|1", "PRD|org|C", "ZOR|1", REST[3])
    value = copy.deepcopy(message.value)
    del value["PROVIDER_CONTACT"][1]
    value["PROVIDER_CONTACT"][1]["PRD"]["f2"] = [{"c1": "D"}]
    assert message.put(value).to_bytes().decode().split("\r")[2:-2] == ["PRD|RP^^|A", "PRD|org|D", "ZRT|1", "ZOR|1"]
    del value["PROVIDER_CONTACT"][0]
    value["PROVIDER_CONTACT"][0]["PRD"]["f2"] = [{"c1": "C"}]
    assert message.put(value).to_bytes().decode().split("\r")[2:-2] == ["ZRT|1", "PRD|org|C", "ZOR|1"]


@pytest.mark.parametrize("mark", ["\r", "\n", "\r\n"])
def test_line_ends_stay_as_they_are(mark: str) -> None:
    """A file with LF stays one; a last end that was missing is written."""
    content = mark.join((MSH, *REST)).encode()
    message = read(content, DEFAULT_LIMITS)
    value = copy.deepcopy(message.value)
    value["NK1"] = [{"f1": [{"c1": "1"}]}]
    assert message.put(value).to_bytes() == content + f"{mark}NK1|1{mark}".encode()


def test_a_header_alone_is_written_on_with_cr() -> None:
    """A message of one segment without end mark has no line ends of its own."""
    message = read(MSH.replace("REF^I12^REF_I12", "ACK").replace("M1", "M2").encode() + b"\rMSA|AA|M1", DEFAULT_LIMITS)
    value = {**message.value, "ERR": [{"f3": [{"c1": "207"}]}]}
    assert message.put(value).to_bytes().endswith(b"\rMSA|AA|M1\rERR|||207\r")


def test_a_byte_order_mark_and_blank_lines_are_kept() -> None:
    """They are nobody's, and stay."""
    content = b"\xef\xbb\xbf" + NOTICE.replace("\rPRD|RT", "\r\r\nPRD|RT").encode()
    message = read(content, DEFAULT_LIMITS)
    value = copy.deepcopy(message.value)
    value["PID"]["f8"] = [{"c1": "F"}]
    assert message.put(value).to_bytes() == content.replace(b"|M\r", b"|F\r")


def test_a_header_field_changes_too() -> None:
    """MSH-1 counts as field 1; its delimiters cannot be changed."""
    message = er7(*REST)
    assert changed(message, "MSH", "f11", to=[{"c1": "T"}])[0] == MSH.replace("|P|", "|T|")
    for field, text in (("f1", "#"), ("f2", "^~\\&#")):
        with pytest.raises(InvalidInput, match=r"^MSH\.f[12]\.0\.c1: cannot be written so that it is read back"):
            changed(message, "MSH", field, to=[{"c1": text}])


def test_text_is_in_the_message_s_character_set() -> None:
    """A character that it lacks is refused at its place, never replaced."""
    msh = MSH.replace("UNICODE UTF-8", "8859/1")
    message = read("\r".join((msh, *REST)).encode("latin-1"), DEFAULT_LIMITS)
    value = copy.deepcopy(message.value)
    value["PID"]["f5"][0]["c1"] = "Åse"
    assert b"||\xc5se^H\xe5vard" in message.put(value).to_bytes()
    value["PID"]["f5"][0]["c1"] = "Łukasz"
    with pytest.raises(InvalidInput, match=r"^PID-5: has a character that 8859/1 cannot hold$"):
        message.put(value)


def test_a_message_that_names_no_character_set_may_name_one() -> None:
    """ASCII without MSH-18 holds ASCII; with MSH-18 in the value, what that holds. Bytes that were read must fit it."""
    text = NOTICE.replace("UNICODE UTF-8", "").replace("ø", "o").replace("å", "a")
    message = read(text.encode(), DEFAULT_LIMITS)
    assert message.charset == "ASCII"
    value = copy.deepcopy(message.value)
    value["PID"]["f5"][0]["c1"] = "Åse"
    with pytest.raises(InvalidInput, match=r"^PID-5: has a character that ASCII cannot hold$"):
        message.put(value)
    value["MSH"]["f18"] = [{"c1": "UNICODE UTF-8"}]
    assert message.put(value).field("PID-5") == "Åse"
    named = er7(*REST)
    with pytest.raises(InvalidInput, match="is no text in ASCII"):
        changed(named, "MSH", "f18", to=[{"c1": "ASCII"}])
    with pytest.raises(InvalidInput, match="cannot be written so that it is read back"):
        changed(named, "MSH", "f18", to=[{"c1": "8859/1"}])


def test_a_blank_msh_18_names_nothing() -> None:
    """It is read as empty, and stays as it is."""
    message = read(NOTICE.replace("UNICODE UTF-8", " ").encode(), DEFAULT_LIMITS)
    assert changed(message, "PID", "f8", to=[{"c1": "F"}])[0] == MSH.replace("UNICODE UTF-8", " ")


def test_many_local_escapes_cost_little() -> None:
    """Thousands of them in one field that changes."""
    message = er7(*REST, OBR, "OBX|1|TX|x||" + "\\Z1\\a" * 5_000)
    path = ("OBSERVATION", 0, "RESULTS_NOTES", 0, "OBX", "f5")
    found = changed(message, *path, to=[{"c1": message.field("OBX-5") + "&"}])
    assert found[-1] == "OBX|1|TX|x||" + "\\Z1\\a" * 5_000 + "\\T\\"


@pytest.mark.parametrize(
    ("segment", "value", "problem"),
    [
        ("PID", [{}], "PID: is a list, where one may stand"),
        ("PID", "x", "PID: is no object"),
        ("NK1", {}, "NK1: is no list, where it may repeat"),
        ("NK1", ["x"], "NK1: is no object"),
        ("XXX", {}, "REF_I12: has a member that the structure does not have"),
        ("PID", {"f5": {"c1": "x"}}, "PID: has a field that is no list of repetitions with texts"),
        ("PID", {"f5": ["x"]}, "PID: has a field that is no list of repetitions with texts"),
        ("PID", {"f5": [{"c1": 1}]}, "PID: has a field that is no list of repetitions with texts"),
        ("PID", {"x5": [{"c1": "x"}]}, "PID: has a key that is no field"),
        ("PID", {"f0": [{"c1": "x"}]}, "PID: has a key that is no field"),
        ("PID", {"f5": [{"d1": "x"}]}, "PID-5: has a key that is no component"),
        ("PID", {"f5": [{"c1s0": "x"}]}, "PID-5: has a key that is no component"),
        ("PID", {"f5": [{"c1": "a\x0bb"}]}, "PID-5: has a control character that no message can hold"),
        (
            "NTE",
            [{"f3": [{"c1": "x"}]}],
            "OBSERVATION.0.RESULTS_NOTES.0.NTE: cannot be written so that it is read back",
        ),
    ],
)
def test_what_is_no_value_of_the_structure_is_refused(segment: str, value: object, problem: str) -> None:
    """With the place; of what would be read back as another value, the first place where they differ."""
    message = er7(*REST, OBR, "OBX|1|TX|x||y")
    with pytest.raises(InvalidInput) as refused:
        message.put({**message.value, segment: value})
    assert str(refused.value) == problem


def test_subcomponents_need_a_delimiter() -> None:
    """A message whose MSH-2 names none cannot hold them."""
    message = er7(*REST, msh=MSH.replace(r"^~\&", "^~\\"))
    with pytest.raises(InvalidInput, match=r"^PID-5: has subcomponents, and MSH-2 no delimiter"):
        changed(message, "PID", "f5", to=[{"c1": "a", "c1s2": "b"}])


def test_line_breaks_are_written_as_the_type_of_the_field_has_them() -> None:
    r"""`\.br\` in formatted text, by OBX-2 or by the standard (NTE-3), else the byte."""
    value = copy.deepcopy(er7(*REST, OBR, "OBX|1|FT|x||y").value)
    result = value["OBSERVATION"][0]["RESULTS_NOTES"][0]
    result["NTE"] = [{"f3": [{"c1": "a\nb"}], "f99": [{"c1": "a\nb"}]}]
    result["OBX"]["f5"] = [{"c1": "a\nb"}]
    result["OBX"]["f3"] = [{"c1": "a\nb"}]
    text = new(value).to_bytes().decode()
    assert r"OBX|1|FT|a\X0A\b||a\.br\b" in text
    assert r"NTE|||a\.br\b|" in text
    assert text.endswith("|a\\X0A\\b\r")
    result["OBX"]["f2"] = [{"c1": "ST"}]
    assert r"OBX|1|ST|a\X0A\b||a\X0A\b" in new(value).to_bytes().decode()


def test_a_new_message_is_in_the_version_and_character_set_that_are_asked_for() -> None:
    """Our delimiters always; what the value has in MSH-12 and MSH-18 counts before."""
    value = copy.deepcopy(er7(*REST).value)
    del value["MSH"]["f18"]
    assert new(value, charset="8859/1").to_bytes() == NOTICE.replace("UNICODE UTF-8", "8859/1").encode("latin-1")
    del value["MSH"]["f12"]
    assert new(value, version="2.4").version == "2.4"
    other = read(NOTICE.translate(str.maketrans("|^~\\&", "#!@%*")).encode(), DEFAULT_LIMITS)
    assert new(other.value).to_bytes() == NOTICE.encode()


@pytest.mark.parametrize(
    ("msh", "problem"),
    [
        ({}, "MSH-9: is a message that is not written here"),
        ({"f9": [{"c1": "ADT", "c2": "A01"}]}, "MSH-9: is a message that is not written here"),
        ({"f9": [{"c1": "REF", "c2": "I12"}]}, "MSH-10: is missing"),
        ({"f18": [{"c1": "EBCDIC"}]}, "MSH-18: names a character set that is not read here"),
        ({"f9": "REF"}, "MSH: has a field that is no list of repetitions with texts"),
    ],
)
def test_a_new_message_needs_a_header(msh: dict[str, Any], problem: str) -> None:
    """Type, event and id."""
    value = {**er7(*REST).value, "MSH": msh}
    with pytest.raises(InvalidInput) as refused:
        new(value)
    assert str(refused.value) == problem


def test_the_peers_character_set_is_one_that_is_written() -> None:
    """A setting that names another is refused as what it is."""
    value = copy.deepcopy(er7(*REST).value)
    del value["MSH"]["f18"]
    with pytest.raises(InvalidInput, match=r"^charset: names a character set that is not read here$"):
        new(value, charset="EBCDIC")

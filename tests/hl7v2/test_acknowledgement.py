"""Acknowledgements: made from MSH alone, the same for a message that comes again, with the codes of the table."""

from datetime import UTC, datetime
from itertools import starmap
from typing import get_args

import pytest
from hypothesis import given

from ip_fhir.errors import IssueCode, Problem
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.acknowledgement import ERRORS, AckCode, ack, control_id, error_number, verdict
from ip_fhir.hl7v2.check import check
from ip_fhir.hl7v2.header import head
from ip_fhir.hl7v2.message import Er7, read
from ip_fhir.wire.acknowledgement import receipt_in
from tests.hl7v2.messages import MSH, NASTY, NOTICE, REST, er7

AT = datetime(2026, 1, 12, 9, 5, tzinfo=UTC)
TABLE: dict[IssueCode, tuple[str, int]] = {
    "structure": ("AR", 207),
    "required": ("AE", 101),
    "value": ("AE", 102),
    "code-invalid": ("AE", 103),
    "invariant": ("AR", 207),
    "not-found": ("AE", 204),
    "not-supported": ("AR", 207),
    "business-rule": ("AR", 207),
    "conflict": ("AE", 207),
    "duplicate": ("AR", 205),
    "too-long": ("AR", 207),
    "too-costly": ("AR", 207),
    "throttled": ("AE", 207),
    "security": ("AR", 207),
    "forbidden": ("AR", 207),
    "multiple-matches": ("AR", 207),
    "informational": ("AA", 0),
}
"""MSA-1 and ERR-3 for each issue code: what will not do better the next time is no AE 207."""


def answer(message: bytes, code: AckCode, *problems: Problem) -> Er7:
    """The acknowledgement of a message, read."""
    return read(ack(head(message), code, at=AT, problems=problems), DEFAULT_LIMITS)


def test_sender_and_receiver_change_places() -> None:
    """Event, processing id, version and character set are the message's, MSA-2 is its id."""
    content = ack(er7(*REST), "AA", at=AT)
    message_id = read(content, DEFAULT_LIMITS).field("MSH-10")
    assert content.decode() == (
        r"MSH|^~\&|KE|90000202|EPJ|90000101|20260112090500+0000||ACK^I12^ACK|"
        f"{message_id}|P|2.5.1|||NE|NE||UNICODE UTF-8\rMSA|AA|M1\r"
    )
    assert len(message_id) == 20


def test_a_message_that_comes_again_has_the_same_answer() -> None:
    """MSH-10 follows from the message's, its sender, and the code."""
    first, again = (ack(head(NOTICE.encode()), "CA", at=AT) for _ in range(2))
    assert first == again
    other = [NOTICE.replace("|M1|", "|M2|"), NOTICE.replace("EPJ", "EPJ2")]
    ids = {answer(text.encode(), "CA").field("MSH-10") for text in (NOTICE, *other)}
    ids.add(answer(NOTICE.encode(), "AA").field("MSH-10"))
    assert len(ids) == 4


def test_nothing_of_a_person_is_in_it() -> None:
    """The answer to a whole message is that to its header."""
    problems = (Problem("PID-5", "is missing", "required"),)
    content = ack(er7(*REST), "AE", at=AT, problems=problems)
    assert content == ack(head(f"{MSH}\r".encode()), "AE", at=AT, problems=problems)
    assert not any(text in content.decode() for text in ("Bjørnstad", "Håvard", "14826121549", "19610214"))


def test_problems_name_place_code_and_reason() -> None:
    """ERR-2 is the place, ERR-3 the code, ERR-4 the severity, ERR-8 the reason; other paths stand before the reason."""
    found = answer(
        NOTICE.encode(),
        "AE",
        Problem("PID-3[2].4.2", "is wrong", "value"),
        Problem("PRD[2]", "is wrong", "value"),
        Problem("PID-7.1", "is odd", "value", "warning"),
        Problem("sender", "is not known", "not-found"),
        Problem("", "is for your information", "informational"),
    )
    lines = found.to_bytes().decode().split("\r")[2:-1]
    assert lines == [
        "ERR||PID^1^3^2^4^2|102^Data type error^HL70357|E||||is wrong",
        "ERR||PRD^2|102^Data type error^HL70357|E||||is wrong",
        "ERR||PID^1^7^1|102^Data type error^HL70357|W||||is odd",
        "ERR|||204^Unknown key identifier^HL70357|E||||sender: is not known",
        "ERR|||0^Message accepted^HL70357|I||||is for your information",
    ]
    assert not check(found, strict=True)


def test_refused_access_has_no_detail() -> None:
    """Who may not know is not told why."""
    found = answer(NOTICE.encode(), "AR", Problem("PID-3", "is not your patient", "forbidden"))
    assert found.to_bytes().decode().split("\r")[2] == "ERR|||207^Application internal error^HL70357|E"


def test_before_2_5_the_place_and_the_code_are_one_field() -> None:
    """ERR-1 repeats, MSA-3 has the first reason, and warnings have no place there."""
    old = NOTICE.replace("|2.5.1|", "|2.4|").encode()
    problems = (
        Problem("PID-3[2].4", "is wrong", "value"),
        Problem("PID-7", "is odd", "value", "warning"),
        Problem("PID-3", "is not your patient", "forbidden"),
    )
    found = answer(old, "AR", *problems)
    assert found.to_bytes().decode().split("\r")[1:3] == [
        "MSA|AR|M1|is wrong",
        "ERR|PID^1^3^102&Data type error&HL70357~^^^207&Application internal error&HL70357",
    ]
    assert len(answer(old, "AA", problems[1]).segments) == 2
    assert answer(old, "AR", problems[2]).field("MSA-3") == ""


def test_the_table_is_total() -> None:
    """Each issue code has its MSA-1 and ERR-3, and each number its words."""
    assert set(TABLE) == set(get_args(IssueCode))
    for code, (msa, number) in TABLE.items():
        problem = Problem("PID-5", "reason", code)
        assert (verdict([problem]), error_number(problem)) == (msa, number)
    assert {number for _, number in TABLE.values()} <= set(ERRORS)


def test_a_sender_that_repeats_what_may_succeed_repeats_nothing_else() -> None:
    """An AE or CE is another try where ERR-3 does not say that it is for good: so only what passes is tried again."""
    again = set()
    for code in set(get_args(IssueCode)) - {"informational"}:
        problem = Problem("PID-5", "reason", code)
        for commit in (False, True):
            content = ack(head(NOTICE.encode()), verdict([problem], commit=commit), at=AT, problems=[problem])
            receipt = receipt_in(content, "retry")
            assert receipt is not None
            if receipt.code != "fatal-error":
                again.add(code)
    assert again == {"conflict", "throttled"}


@pytest.mark.parametrize(
    ("place", "number"),
    [("MSH-9", 200), ("MSH-9.1", 200), ("MSH-9.2", 201), ("MSH-11", 202), ("MSH-12", 203), ("MSH-18", 207)],
)
def test_what_is_not_supported_is_told_by_its_place(place: str, number: int) -> None:
    """Type, event, processing id, version; a character set has no number of its own."""
    assert error_number(Problem(place, "is not read here", "not-supported")) == number


def test_the_gravest_problem_counts_and_warnings_do_not() -> None:
    """AA, AE, AR in original mode; CA, CE, CR for a commit."""
    warning = Problem("PID-7", "is odd", "structure", "warning")
    error = Problem("PID-5", "is missing", "required")
    refusal = Problem("MSH-12", "is not read here", "not-supported")
    given: tuple[list[Problem], ...] = ([], [warning], [warning, error], [error, refusal])
    assert [verdict(problems) for problems in given] == ["AA", "AA", "AE", "AR"]
    assert [verdict(problems, commit=True) for problems in given] == ["CA", "CA", "CE", "CR"]


def test_a_header_that_is_not_read_whole_is_answered_too() -> None:
    """An unknown character set: the id comes back, in ASCII, and MSH-18 is left empty (ERR-3 207)."""
    content = NOTICE.replace("UNICODE UTF-8", "GB18030").replace("EPJ", "Åse").encode()
    problem = Problem("MSH-18", "is not read here \u2013 nowhere", "not-supported")
    found = answer(content, verdict([problem]), problem)
    assert found.field("MSA-1") == "AR"
    assert found.field("MSA-2") == "M1"
    assert found.field("MSH-5") == found.field("MSH-18") == ""
    assert found.field("ERR-8") == "is not read here  nowhere"


def test_the_character_set_of_the_message_is_kept_as_it_is_spelt() -> None:
    """In its own letters, and the answer's bytes are in it."""
    msh = MSH.replace("UNICODE UTF-8", "iso-8859-1").replace("EPJ", "Åse")
    content = ack(head(f"{msh}\r".encode("latin-1")), "AA", at=AT)
    assert b"|\xc5se|90000101|" in content
    assert b"|iso-8859-1\r" in content


def test_the_answer_has_no_commit_codes_asked_in_original_mode() -> None:
    """Where MSH-15 and -16 are empty, so are they in the answer; without an event there is none in MSH-9."""
    content = ack(head(rb"MSH|^~\&|A|B|C|D|2026||REF|M1|P|2.5.1" + b"\r"), "AA", at=AT)
    assert b"||ACK^^ACK|" in content
    assert content.split(b"\r")[0].endswith(b"|P|2.5.1")


@given(NASTY, NASTY)
def test_no_header_breaks_the_answer(name: str, message_id: str) -> None:
    """Whatever stands in MSH, the answer is one MSH and one MSA, and gives the id back."""
    texts = [text.replace("\r", "").replace("|", "") for text in (name, message_id)]
    header = head(MSH.replace("EPJ", texts[0]).replace("|M1|", f"|a{texts[1]}|").encode() + b"\r")
    found = read(ack(header, "AA", at=AT), DEFAULT_LIMITS)
    assert list(found.names) == ["MSH", "MSA"]
    assert found.field("MSA-2") == header.text(10)


def test_a_version_that_is_not_read_is_answered_in_it() -> None:
    """AR with ERR-3 203; the version comes back as it is, and no data of it are looked for."""
    content = NOTICE.replace("|2.5.1|", "|../9.9|").replace("|M1|", r"|M\.br\1|").encode()
    found = ack(head(content), "AR", at=AT, problems=[Problem("MSH-12", "is not read here", "not-supported")])
    assert b"|P|../9.9|" in found
    assert rb"MSA|AR|M\X0A\1" + b"\r" in found


def test_long_ids_become_twenty_characters() -> None:
    """The same ones each time, and different ones for different ids."""
    ids = ["M-1", "x" * 20, "x" * 21, "x" * 22]
    made = list(starmap(control_id, zip(ids, strict=True)))
    assert made[:2] == ids[:2]
    assert {len(one) for one in made[2:]} == {20}
    assert len(set(made)) == 4


def test_a_control_character_is_not_repeated() -> None:
    """What has one in the header (MSH-11, MSH-12, names) is left out; the answer still says which message it is of."""
    header = head(b"MSH|^~\\&|A\x01B|C|D|E|2026||REF^I12|M-1|P\x02|2.5.1\x03||||||UNICODE UTF-8\r")
    written = ack(header, "AR", at=datetime(2026, 1, 12, tzinfo=UTC))
    fields = written.split(b"\r")[0].split(b"|")
    assert (fields[2], fields[3], fields[4], fields[5]) == (b"D", b"E", b"", b"C")
    assert (fields[10], fields[11]) == (b"", b"")
    assert b"MSA|AR|M-1\r" in written
    assert not {1, 2, 3} & set(written)

"""Batches and files: what belongs together is split, counts must be right, and each message has its answer."""

from datetime import UTC, datetime

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS, Limits
from ip_fhir.hl7v2.acknowledgement import ack
from ip_fhir.hl7v2.batch import Batch, join, split
from ip_fhir.hl7v2.header import head
from ip_fhir.hl7v2.message import read
from tests.hl7v2.messages import NOTICE

AT = datetime(2026, 2, 2, 8, tzinfo=UTC)
FHS = r"FHS|^~\&|EPJ|FJELL|KE|NORDVIK|20260202||||F-1" + "\r"
BHS = r"BHS|^~\&|EPJ|FJELL|KE|NORDVIK|20260202||||B-1" + "\r"


def parts(text: str) -> Batch:
    """The batch of a text."""
    return split(text.encode(), DEFAULT_LIMITS)


def test_one_message_alone_is_no_batch() -> None:
    """It is not copied, and its answer is one acknowledgement."""
    content = NOTICE.encode()
    batch = split(content, DEFAULT_LIMITS)
    assert batch.messages[0] is content
    assert not batch.is_batch
    assert join(batch, [b"MSH|..."], at=AT) == b"MSH|..."


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (f"{NOTICE}{NOTICE}", 2),
        (f"{BHS}{NOTICE}", 1),
        (f"{BHS}{NOTICE}{NOTICE}BTS|2\r", 2),
        (f"{FHS}{BHS}{NOTICE}BTS|1\r{BHS}{NOTICE}BTS|1\rFTS|2\r", 2),
        (f"{FHS}{NOTICE}FTS|1\r", 1),
        (f"{FHS}{BHS}{NOTICE}{BHS}{NOTICE}FTS|2\r", 2),
        (f"{NOTICE}BTS|1\r{NOTICE}BTS|1\rFTS|2\r", 2),
        (f"{FHS}{NOTICE}BTS\rFTS|\r\r", 1),
        (f"{FHS}{BHS}BTS|0\r{NOTICE}FTS|2\r", 1),
        (f"{BHS}{NOTICE}BTS|01|a comment\r", 1),
        (f"\ufeff{BHS}{NOTICE}", 1),
        (f"{FHS}{BHS}{NOTICE}BTS|1\rFTS|1".replace("\r", "\r\n"), 1),
        (f"{BHS}{NOTICE}BTS|1\rBTS|0\rFTS|2\r", 1),
    ],
)
def test_each_header_and_trailer_may_be_missing(text: str, messages: int) -> None:
    """Messages are cut out with the end of their last segment, and are read as any other."""
    batch = parts(text)
    assert batch.is_batch
    assert len(batch.messages) == messages
    for message in batch.messages:
        assert read(message, DEFAULT_LIMITS).field("PID-5") == "Bjørnstad"
        assert message.endswith((b"\r", b"\r\n"))


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("", "MSH", "structure"),
        ("PID|1\r", "MSH", "structure"),
        (f"{FHS}{BHS}BTS\rFTS\r", "MSH", "structure"),
        (f"{BHS}PID|1\r", "BHS", "structure"),
        (f"{BHS}{NOTICE}BTS|1\rPID|1\r", "BTS", "structure"),
        (f"{BHS}{NOTICE}BTS|2\r", "BTS-1", "invariant"),
        (f"{BHS}{NOTICE}BTS|x\r", "BTS-1", "value"),
        (f"{FHS}{BHS}{NOTICE}BTS|1\rFTS|2\r", "FTS-1", "invariant"),
        (f"{FHS}{NOTICE}FTS|1\r{NOTICE}", "FTS", "structure"),
        (f"{NOTICE}{FHS}", "FHS", "structure"),
        (f"BHS|^^\r{NOTICE}", "BHS-2", "structure"),
        (f"BHS\r{NOTICE}", "BHS-1", "structure"),
    ],
)
def test_wrong_counts_and_strays_refuse_the_whole(text: str, place: str, code: str) -> None:
    """A header within a message, a segment outside one, a count that is not right: nothing of it is taken."""
    with pytest.raises(InvalidInput) as refused:
        parts(text)
    assert [(problem.path, problem.code) for problem in refused.value.problems] == [(place, code)]


def test_counts_may_be_left_unread() -> None:
    """For who refuses the messages of a batch one by one: wrong counts of messages and batches are no matter then."""
    text = f"{FHS}{BHS}{NOTICE}{NOTICE}BTS|3\rFTS|7\r".encode()
    assert len(split(text, DEFAULT_LIMITS, counted=False).messages) == 2
    with pytest.raises(InvalidInput):
        split(text, DEFAULT_LIMITS)


def test_a_batch_has_its_bounds() -> None:
    """More bytes than the limit are refused before they are looked at."""
    with pytest.raises(InvalidInput) as refused:
        split(NOTICE.encode(), Limits(max_bytes=10))
    assert refused.value.problems[0].code == "too-long"


def test_the_answer_to_a_batch_is_a_batch_of_answers() -> None:
    """BHS with sender and receiver changed and the batch's own id as reference, an ACK each, BTS with their number."""
    batch = parts(f"{FHS}{BHS}{NOTICE}{NOTICE}BTS|2\rFTS|1\r")
    answers = [ack(head(message), "AA", at=AT) for message in batch.messages]
    lines = join(batch, answers, at=AT).decode().split("\r")
    assert lines[0].startswith(r"BHS|^~\&|KE|NORDVIK|EPJ|FJELL|20260202080000+0000||||")
    assert lines[0].endswith("|B-1")
    assert lines[-2:] == ["BTS|2", ""]
    assert split(join(batch, answers, at=AT), DEFAULT_LIMITS).messages == tuple(answers)


def test_batches_without_a_header_are_answered_too() -> None:
    """Several messages without BHS, and one with FHS alone."""
    answer = ack(head(NOTICE.encode()), "AA", at=AT)
    several = join(parts(f"{NOTICE}{NOTICE}"), [answer, answer], at=AT)
    assert split(several, DEFAULT_LIMITS).messages == (answer, answer)
    assert b"|F-1\r" in join(parts(f"{FHS}{NOTICE}"), [answer], at=AT)

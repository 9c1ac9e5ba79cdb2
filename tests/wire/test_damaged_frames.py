"""Damaged frames by the thousand: each is answered, refused or closed, and nothing of a person is said about it.

`IP_FHIR_DAMAGED_FRAMES` says how many (2,000; `make soak`: 1,000,000), `IP_FHIR_SEED` begins the same chance again.
"""

import os
import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import Limits
from ip_fhir.hl7v2.acknowledgement import ack
from ip_fhir.hl7v2.message import read
from ip_fhir.logs import CountedLog
from ip_fhir.ports import Receipt
from ip_fhir.testing.store_samples import PERSON
from ip_fhir.wire.acknowledgement import read_header
from ip_fhir.wire.dialog import DialogOptions, Hl7Dialog
from ip_fhir.wire.later import LaterAcknowledgements
from ip_fhir.wire.mllp import Fault, Framer, framed
from ip_fhir.wire.server import log

FRAMES = int(os.environ.get("IP_FHIR_DAMAGED_FRAMES", "2000"))
SEED = int(os.environ.get("IP_FHIR_SEED", "20260112"))
LIMITS = Limits(max_bytes=3_000)
WORD = PERSON.split()[0]
NOW = datetime(2026, 1, 12, tzinfo=UTC)


def sample(accept: str, application: str, kind: str = "REF^I12^REF_I12") -> bytes:
    """A message about a person."""
    return (
        f"MSH|^~\\&|EPJ|90000101|KE|90000202|20260112100500+0100||{kind}|M1|P|2.5.1|||{accept}|{application}||"
        f"UNICODE UTF-8\rRF1||R|||O|C1^EPJ\rPRD|RP^^HL70286|Lege^{WORD}|||||\rPID|||1^^^X^NNNOR||{PERSON}\r"
        f"OBX|1|ST|reason^^99IP||{PERSON} falt\r"
    ).encode()


SAMPLES = [
    sample("AL", "NE"),
    sample("", ""),
    sample("NE", "AL"),
    sample("AL", "NE") + sample("", ""),
    b"BHS|^~\\&|EPJ|A|KE|B\r" + sample("", "") + b"BTS|1\r",
    b"MSH|^~\\&|KE|B|EPJ|A|20260112||ACK^I12^ACK|K1|P|2.5.1\rMSA|AE|M9\rERR||PID^1^5|101|E|||"
    + PERSON.encode()
    + b"\r",
]
_WHOLE = b"\x0b\x1c\r\n|^~\\&\x00\xff\xc3M"


class Reading:
    """An exchange that reads each message and stores nothing."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.words: set[str] = set()

    def receive(self, content: bytes, _peer: str, _format_name: str) -> bytes:
        """Read it, and acknowledge it."""
        try:
            message = read(content, LIMITS)
            message.value  # noqa: B018 - all of it is read
        except InvalidInput as error:
            self.outcomes["refused"] += 1
            self.words.update(map(str, error.problems))
            raise
        self.outcomes["read"] += 1
        return ack(message, "AA", at=NOW)

    def receive_receipt(self, receipt: Receipt, _peer: str) -> str:
        """Count it."""
        self.outcomes["receipt"] += 1
        self.words.update(map(str, receipt.problems))
        return "settled"

    def refuse(self, _content: bytes, _peer: str, error: InvalidInput) -> None:
        """Count it."""
        self.outcomes["no message"] += 1
        self.words.update(map(str, error.problems))


class Said(LaterAcknowledgements):
    """Acknowledgements that would be sent later."""

    def __init__(self) -> None:
        super().__init__({}, None, CountedLog(log))
        self.said: list[bytes] = []

    def reaches(self, peer: str) -> bool:
        """Always."""
        return True

    def add(self, peer: str, content: bytes) -> None:
        """Remember it."""
        self.said.append(content)


def damaged(chance: random.Random) -> bytes:
    """A frame with one to four bytes, or pieces, changed, lost, doubled or put in."""
    stream = bytearray(framed(chance.choice(SAMPLES)))
    for _ in range(chance.choice([1, 1, 2, 4])):
        at, length = chance.randrange(len(stream)), chance.choice([1, 1, 2, 10, 60])
        match chance.randrange(5):
            case 0:
                stream[at] = chance.choice(_WHOLE)
            case 1:
                del stream[at : at + length]
            case 2:
                stream[at:at] = stream[at : at + length]
            case 3:
                stream[at:at] = bytes([chance.choice(_WHOLE)])
            case _:
                stream[at:at] = stream[: chance.randrange(len(stream))]
        if not stream:
            break
    return bytes(stream)


def answers_to(stream: bytes, dialog: Hl7Dialog, chance: random.Random) -> list[bytes]:
    """All that a connection would answer to the bytes, cut at any place, until it were closed."""
    framer, found = Framer(LIMITS.max_bytes), list[bytes]()
    cut = chance.randrange(len(stream) + 1)
    for piece in (stream[:cut], stream[cut:]):
        framer.feed(piece)
        while (event := framer.next()) is not None:
            if isinstance(event, Fault):
                last = dialog.fault("hospital", event)
                return [*found, *([] if last is None else [last])]
            answer = dialog.answer("hospital", event.content)
            found += [] if answer.content is None else [answer.content]
            if answer.closes:
                return found
    return found


def in_a_header(stream: bytes) -> bool:
    """True if damage put the name into a header, of which an acknowledgement repeats some fields."""
    return any(b"MSH" in segment and WORD.encode() in segment for segment in stream.split(b"\r"))


@pytest.mark.timeout(60 + FRAMES // 200)
def test_damaged_frames() -> None:
    """No frame ends the listener; each acknowledgement can be read and is framed; no name is in any of them."""
    chance, exchange, later = random.Random(SEED), Reading(), Said()
    dialog = Hl7Dialog(exchange, DialogOptions("hl7v2", LIMITS.max_bytes, "retry"), later, CountedLog(log), lambda: NOW)
    answered = 0
    for number in range(FRAMES):
        stream = damaged(chance)
        for answer in [*answers_to(stream, dialog, chance), *later.said]:
            answered += 1
            framed(answer)
            assert WORD.encode() not in answer or in_a_header(stream), f"frame {number}"
            header = read_header(answer)
            assert answer.startswith(b"BHS") or (header is not None and header.code), f"frame {number}"
        later.said.clear()
        if number % 1_000 == 0:
            assert not [words for words in exchange.words if WORD in words], f"before frame {number}"
            exchange.words.clear()
    assert not [words for words in exchange.words if WORD in words]
    assert answered > FRAMES // 4
    assert min(exchange.outcomes[name] for name in ("read", "refused", "no message", "receipt")) > FRAMES // 500

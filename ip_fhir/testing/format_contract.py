"""The promises that every wire format keeps. The author of one subclasses `FormatContract` and runs it with pytest.

    class TestOurFormat(FormatContract):
        @pytest.fixture
        def wire(self):
            return OurFormat()

A format that is only received overrides the fixture `content` too: the bytes of a notice about the person with the
number `owner`, also a fixture, by default `message_samples.NUMBER`. `kinds` has the kinds of message about a referral
that the format carries, `plan_kinds` those about a plan.
"""

# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

import pytest

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import CONTENT
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.exchange.formats import (
    MESSAGE_FIELDS,
    Answer,
    ChainWriter,
    Earlier,
    Format,
    Reliable,
    Telling,
    Writer,
    can_write,
)
from ip_fhir.fhir.reading import DEFAULT_LIMITS, Limits
from ip_fhir.mapping import Mapper, default
from ip_fhir.plugins import faults
from ip_fhir.ports import Receipt
from ip_fhir.testing.message_samples import NUMBER, message, plan_message
from ip_fhir.testing.store_samples import NOON, PERSON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.exchange.formats import Incoming
    from ip_fhir.ports import ReceiptCode

_NO_CONTENT = [b"", b"\n", b"\x00", b"\xff\xfe\x00", b"{}", b"[]", b"<a/>", b"MSH|", "Åse".encode("latin-1"), b"[" * 99]


class FormatContract:
    """The contract suite. Every test needs the fixture `wire`, the format. The messages are in `message_samples`."""

    kinds: ClassVar[frozenset[MessageKind]] = frozenset(MessageKind)
    plan_kinds: ClassVar[frozenset[PlanMessageKind]] = frozenset(PlanMessageKind)

    @pytest.fixture
    def mapper(self) -> Mapper:
        """The mapper with the shipped tables."""
        return default()

    @pytest.fixture
    def owner(self) -> PersonId:
        """The number of the person that `content` is about."""
        return NUMBER

    @pytest.fixture
    def content(self, wire: Format, mapper: Mapper) -> bytes:
        """The bytes of a notice."""
        return _writer(wire).write(message(MessageKind.NOTICE), mapper)

    def test_it_keeps_the_protocol(self, wire: Format) -> None:
        """It has a name, a media type, `receipts`, `open` and, if it is sent, `write`, all of the right type."""
        assert [*faults(wire, Format)] == []
        assert not can_write(wire) or [*faults(wire, Writer)] == []

    def test_the_sample_is_read(self, wire: Format, content: bytes, mapper: Mapper) -> None:
        """The message in `content` is read as a notice."""
        assert wire.open(content, DEFAULT_LIMITS).message(mapper).kind is MessageKind.NOTICE

    @pytest.mark.parametrize("kind", MessageKind)
    def test_what_is_written_is_read_back(self, wire: Format, mapper: Mapper, kind: MessageKind) -> None:
        """A message of every kind it carries is read back equal, and is written with the same bytes each time."""
        if not can_write(wire) or kind not in self.kinds:
            return
        sample = message(kind)
        written = _writer(wire).write(sample, mapper)
        assert wire.open(written, DEFAULT_LIMITS).message(mapper) == sample
        assert _writer(wire).write(sample, mapper) == written, "the same message gives the same bytes"

    @pytest.mark.parametrize("kind", PlanMessageKind)
    def test_what_is_written_about_a_plan_is_read_back(
        self, wire: Format, mapper: Mapper, kind: PlanMessageKind
    ) -> None:
        """As for a referral. A kind that the format does not carry is refused: nothing is sent that says less."""
        if not can_write(wire):
            return
        sample = plan_message(kind)
        if kind not in self.plan_kinds:
            with pytest.raises(InvalidInput):
                _writer(wire).write(sample, mapper)
            return
        written = _writer(wire).write(sample, mapper)
        assert wire.open(written, DEFAULT_LIMITS).message(mapper) == sample
        assert _writer(wire).write(sample, mapper) == written, "the same message gives the same bytes"

    @pytest.mark.parametrize("kind", PlanMessageKind)
    def test_it_says_whose_plan_it_is_about(
        self, wire: Format, mapper: Mapper, owner: PersonId, kind: PlanMessageKind
    ) -> None:
        """It gives the number of the person in each message that names one, and no number in the others."""
        if not can_write(wire) or kind not in self.plan_kinds:
            return
        named = CONTENT[kind] in ("view", "change", "invitation", "handover", "question")
        incoming = wire.open(_writer(wire).write(plan_message(kind), mapper), DEFAULT_LIMITS)
        assert incoming.persons() == ({owner} if named else frozenset())
        assert len({incoming.reply(_answer(code)) for code in ("ok", "transient-error", "fatal-error")}) == (
            3 if wire.receipts else len({incoming.reply(_answer("ok"))})
        )

    def test_no_bytes_break_it(self, wire: Format, content: bytes, mapper: Mapper) -> None:
        """Any bytes are read or refused with `InvalidInput`; a refusal names nobody."""
        refusals = [refusal for damaged in _damaged(content) if (refusal := _refusal(wire, damaged, mapper))]
        assert refusals, "an eighth of a notice is no notice"
        for refusal in refusals:
            assert refusal.problems, "an error names its problems"
            _says_nothing(str(refusal))

    def test_what_is_no_message_is_refused(self, wire: Format, mapper: Mapper) -> None:
        """Empty content, and content of no format or another, is `InvalidInput`."""
        for nothing in _NO_CONTENT:
            with pytest.raises(InvalidInput):
                wire.open(nothing, DEFAULT_LIMITS).message(mapper)

    def test_no_more_is_read_than_allowed(self, wire: Format, content: bytes) -> None:
        """More bytes than `limits.max_bytes` are refused as too long, before they are parsed."""
        with pytest.raises(InvalidInput) as caught:
            wire.open(content, Limits(max_bytes=len(content) - 1))
        assert [problem.code for problem in caught.value.problems] == ["too-long"]

    def test_the_digest_is_of_the_content(self, wire: Format, content: bytes, mapper: Mapper) -> None:
        """The same bytes have the same digest each time; another message under the same id has another."""
        assert wire.open(content, DEFAULT_LIMITS).digest() == wire.open(content, DEFAULT_LIMITS).digest()
        if can_write(wire):
            samples: list[Message | PlanMessage] = [message(kind) for kind in self.kinds]
            samples += [plan_message(kind) for kind in self.plan_kinds]
            written = [_writer(wire).write(sample, mapper) for sample in samples]
            assert len({wire.open(bytes_, DEFAULT_LIMITS).digest() for bytes_ in written}) == len(samples)

    def test_it_says_whom_it_is_about(self, wire: Format, content: bytes, owner: PersonId) -> None:
        """It gives the numbers of all persons in a notice; without them a message may reach another person's plan."""
        assert owner in wire.open(content, DEFAULT_LIMITS).persons()

    def test_resources_are_fhir(self, wire: Format, content: bytes) -> None:
        """The resources are ServiceRequest and Task as received, or none."""
        types = [resource["resourceType"] for resource in wire.open(content, DEFAULT_LIMITS).resources()]
        assert set(types) <= {"ServiceRequest", "Task"}

    def test_every_field_has_a_place(self, wire: Format, content: bytes) -> None:
        """Each `MessageField` has a place in this format, without a person's data in it."""
        incoming = wire.open(content, DEFAULT_LIMITS)
        for field in MESSAGE_FIELDS:
            assert incoming.place(field).strip(), field
            _says_nothing(incoming.place(field))

    def test_the_answer_tells_yes_from_no(self, wire: Format, content: bytes) -> None:
        """The same answer gives the same reply; with receipts, the three receipt codes give three different ones."""
        incoming = wire.open(content, DEFAULT_LIMITS)
        codes: list[ReceiptCode] = ["ok", "transient-error", "fatal-error"]
        replies = [incoming.reply(_answer(code)) for code in codes]
        assert replies == [incoming.reply(_answer(code)) for code in codes]
        assert len(set(replies)) == (3 if wire.receipts else len(set(replies)))

    def test_warnings_name_nobody(self, wire: Format, content: bytes, mapper: Mapper) -> None:
        """A yes with warnings is a yes, the same each time; neither the warnings nor the reply has a person's data."""
        incoming = wire.open(content, DEFAULT_LIMITS)
        if not isinstance(incoming, Telling):
            return
        warnings = [
            *incoming.warnings(incoming.message(mapper), mapper),
            Problem("", "another thing", "value", "warning"),
        ]
        _says_nothing("; ".join(map(str, warnings)))
        answer = replace(_answer("ok"), warnings=warnings)
        assert incoming.reply(answer) == incoming.reply(answer)
        assert incoming.reply(answer) != incoming.reply(_answer("fatal-error"))
        _says_nothing(incoming.reply(answer).decode())

    def test_every_message_gets_a_receipt(self, wire: Format, content: bytes) -> None:
        """Every message gets a receipt where the format says so, also a refused one; a receipt gets none itself."""
        incoming = wire.open(content, DEFAULT_LIMITS)
        if not isinstance(incoming, Reliable):
            return
        assert (incoming.told_id(), incoming.receipt()) == ("message-1", None)
        codes: list[ReceiptCode] = ["ok", "transient-error", "fatal-error"]
        for code in codes:
            receipt = _receipt(wire, incoming.reply(_answer(code)))
            assert (receipt.message_id, receipt.code) == ("message-1", code)
            assert _receipt(wire, incoming.again(incoming.reply(_answer(code)), NOON)) == receipt
        for damaged in _damaged(content):
            for broken in _opened(wire, damaged):
                if isinstance(broken, Reliable) and broken.told_id() is not None:
                    _says_nothing(broken.reply(_answer("fatal-error")).decode())

    def test_a_chain_is_no_part_of_what_is_said(self, wire: Format, mapper: Mapper) -> None:
        """A message after others is read back equal, whatever is kept of them, and is the same bytes each time."""
        if not isinstance(wire, ChainWriter):
            return
        first, then = message(MessageKind.NOTICE), message(MessageKind.REMINDER, "message-2")
        written = wire.write_after(first, (), mapper)
        assert written == _writer(wire).write(first, mapper)
        for kept in (written, b"", b"{}", b"MSH|"):
            earlier = [Earlier("message-1", NOON, own=True, content=kept)]
            after = wire.write_after(then, earlier, mapper)
            assert wire.open(after, DEFAULT_LIMITS).message(mapper) == then
            assert wire.write_after(then, earlier, mapper) == after

    def test_it_is_silent(self, wire: Format, content: bytes) -> None:
        """Neither the format nor received content shows a person's data in its `repr`."""
        _says_nothing(repr(wire))
        _says_nothing(repr(wire.open(content, DEFAULT_LIMITS)))


def _writer(wire: Format) -> Writer:
    if not can_write(wire):
        pytest.fail("a format that is only taken in overrides the fixture `content`")
    return cast("Writer", wire)


def _opened(wire: Format, content: bytes) -> list[Incoming]:
    """The content, if it is parsed at all."""
    try:
        return [wire.open(content, DEFAULT_LIMITS)]
    except InvalidInput:
        return []


def _receipt(wire: Format, reply: bytes) -> Receipt:
    incoming = wire.open(reply, DEFAULT_LIMITS)
    assert isinstance(incoming, Reliable)
    assert incoming.told_id() is None
    receipt = incoming.receipt()
    assert receipt is not None
    return receipt


def _answer(code: ReceiptCode) -> Answer:
    problems = () if code == "ok" else (Problem("", "not here", "business-rule"),)
    return Answer(Receipt("message-1", code, problems), (), NOON, "https://here.example/fhir")


def _refusal(wire: Format, content: bytes, mapper: Mapper) -> InvalidInput | None:
    try:
        wire.open(content, DEFAULT_LIMITS).message(mapper)
    except InvalidInput as error:
        return error
    return None


def _damaged(content: bytes) -> Iterator[bytes]:
    """Damaged copies of the content: cut off, with a byte changed, with a piece doubled or left out."""
    step = max(1, len(content) // 40)
    for at in range(0, len(content), step):
        yield content[:at]
        yield content[:at] + bytes([content[at] ^ 0x15]) + content[at + 1 :]
        yield content[:at] + content[at + step :]
        yield content[: at + step] + content[at:]


def _says_nothing(words: str) -> None:
    assert PERSON not in words, "a person's name"
    assert str(NUMBER) not in words, "a person's number"

"""A format that does one thing wrong does not keep the contract."""

from collections.abc import Callable
from typing import Any

import pytest
from _pytest.outcomes import Failed

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats import Answer, Format, MessageField
from ip_fhir.fhir.reading import Limits
from ip_fhir.mapping import Mapper, default
from ip_fhir.testing import FakeFormat, FormatContract
from ip_fhir.testing.fake_wire import FakeIncoming
from ip_fhir.testing.message_samples import NUMBER, message

Contract = FormatContract


class _Faulty(FakeFormat):
    """The fake format with another kind of `Incoming`."""

    incoming: type[FakeIncoming] = FakeIncoming

    def open(self, content: bytes, limits: Limits) -> FakeIncoming:
        """As it is, but for the type of what comes in."""
        return self.incoming(super().open(content, limits).message(default()))


def with_incoming(incoming: type[FakeIncoming]) -> Callable[[], FakeFormat]:
    """A format whose `open` returns that."""
    return type("Faulty", (_Faulty,), {"incoming": incoming})


class ReadsAnything(FakeFormat):
    """Takes what it cannot read for a message."""

    def open(self, content: bytes, limits: Limits) -> FakeIncoming:
        """A withdrawal, if nothing else."""
        try:
            return super().open(content, limits)
        except InvalidInput:
            return FakeIncoming(message(MessageKind.WITHDRAWAL))


class BreaksOnBytes(FakeFormat):
    """Lets the parser's own error through."""

    def open(self, content: bytes, limits: Limits) -> FakeIncoming:
        """Decode without looking."""
        content.decode("ascii")
        return super().open(content, limits)


class Quotes(FakeFormat):
    """Repeats in its error what it could not read."""

    def open(self, content: bytes, limits: Limits) -> FakeIncoming:
        """The whole message, for somebody to look at."""
        try:
            return super().open(content, limits)
        except InvalidInput as error:
            raise InvalidInput.at("", f"cannot read {content!r}") from error


class KnowsNoLimit(FakeFormat):
    """Parses whatever it is given."""

    def open(self, content: bytes, limits: Limits) -> FakeIncoming:
        """All of it."""
        return super().open(content, Limits())


class LosesTheText(FakeFormat):
    """Leaves out what people wrote."""

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
        """All but the text."""
        return super().write(message.evolve(text=None), mapper)


class Misshapen(FakeFormat):
    """Cannot be asked to open within limits."""

    def open(self, content: bytes) -> FakeIncoming:  # type: ignore[override]
        """Without limits."""
        return super().open(content, Limits())


class SameDigest(FakeIncoming):
    """Takes every message for a resend."""

    def digest(self) -> str:
        """One for all."""
        return "digest"


class KnowsNobody(FakeIncoming):
    """Does not say whom it is about."""

    def persons(self) -> frozenset[PersonId]:
        """Nobody."""
        return frozenset()


class SaysYes(FakeIncoming):
    """Answers a refusal as if it had been taken in."""

    def reply(self, answer: Answer) -> bytes:
        """All is well."""
        return b"ok"


class HasNoPlace(FakeIncoming):
    """Does not say where a field stands."""

    def place(self, field: MessageField) -> str:
        """Nowhere."""
        return ""


class Talks(FakeIncoming):
    """Shows in its `repr` whom it is about."""

    def __repr__(self) -> str:
        return f"Talks({NUMBER})"


FAULTS: list[tuple[Callable[[], FakeFormat], str]] = [
    (Misshapen, "test_it_keeps_the_protocol"),
    (ReadsAnything, "test_what_is_no_message_is_refused"),
    (BreaksOnBytes, "test_no_bytes_break_it"),
    (Quotes, "test_no_bytes_break_it"),
    (KnowsNoLimit, "test_no_more_is_read_than_allowed"),
    (LosesTheText, "test_what_is_written_is_read_back"),
    (with_incoming(SameDigest), "test_the_digest_is_of_the_content"),
    (with_incoming(KnowsNobody), "test_it_says_whom_it_is_about"),
    (with_incoming(SaysYes), "test_the_answer_tells_yes_from_no"),
    (with_incoming(HasNoPlace), "test_every_field_has_a_place"),
    (with_incoming(Talks), "test_it_is_silent"),
]


def arguments(wire: Format, test: str) -> dict[str, Any]:
    """The fixtures of one of the contract's tests."""
    known = {
        "wire": wire,
        "mapper": default(),
        "content": FakeFormat().write(message(MessageKind.NOTICE), default()),
        "owner": NUMBER,
        "kind": MessageKind.REMINDER,
    }
    names = getattr(Contract, test).__code__.co_varnames[1 : getattr(Contract, test).__code__.co_argcount]
    return {name: known[name] for name in names}


@pytest.mark.parametrize(("faulty", "test"), FAULTS)
def test_a_fault_is_found(faulty: Callable[[], FakeFormat], test: str) -> None:
    """The contract's test passes with the right format, and fails with the faulty one."""
    getattr(Contract(), test)(**arguments(FakeFormat(), test))
    with pytest.raises((AssertionError, Failed, UnicodeDecodeError)):
        getattr(Contract(), test)(**arguments(faulty(), test))

"""The rules by which HL7 v2 messages are acknowledged: at once, later, or not at all.

| MSH-15 / MSH-16 | on the connection | later, on one of our own |
|---|---|---|
| empty / any | AA, AE or AR, after the commit | nothing |
| AL / any | CA, CE or CR, after the commit | nothing |
| NE / AL | nothing | AA, AE or AR |
| ER or SU / any | only an error, or only a success | as MSH-16 says, if nothing was said at once |

A message that cannot be taken in for now (the store fails, it came too early) gets no answer, and the connection is
closed; in the enhanced mode CE. An acknowledgement settles the receipt of what we sent, and is never answered.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput, IpFhirError, Problem
from ip_fhir.fhir.outcome import problems_of
from ip_fhir.fhir.reading import Limits
from ip_fhir.hl7v2.acknowledgement import ack, verdict
from ip_fhir.hl7v2.batch import join, split
from ip_fhir.hl7v2.header import head
from ip_fhir.hl7v2.line import Hl7v2Line
from ip_fhir.ports.lines import LineKnowing
from ip_fhir.wire.acknowledgement import read_header, receipt_in, with_level
from ip_fhir.wire.connection import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ip_fhir.hl7v2.acknowledgement import AckCode
    from ip_fhir.hl7v2.line import ApplicationError
    from ip_fhir.logs import CountedLog
    from ip_fhir.ports import Receiver, WireFormat
    from ip_fhir.wire.acknowledgement import Header
    from ip_fhir.wire.later import LaterAcknowledgements
    from ip_fhir.wire.mllp import Fault

_GOOD = ("AA", "CA")
_FOR_NOW = Problem("", "cannot be taken in at the moment", "business-rule")
_UNREADABLE = InvalidInput.at("MSH", "cannot be read", "structure")
_NOWHERE = InvalidInput.at("MSH-16", "asks for an acknowledgement that nobody knows where to send to", "not-supported")


@dataclass(frozen=True, slots=True)
class DialogOptions:
    """The format of the messages, the bytes of one, and the meaning of an error that says nothing of trying again."""

    format: WireFormat
    max_bytes: int
    application_error: ApplicationError


class Hl7Dialog:
    """Hands messages to the exchange, and returns the acknowledgement that their sender wants."""

    def __init__(
        self,
        receiver: Receiver,
        options: DialogOptions,
        later: LaterAcknowledgements,
        told: CountedLog,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._receiver = receiver
        self._options = options
        self._later = later
        self._told = told
        self._now = now

    def answer(self, peer: str, content: bytes) -> Answer:
        """Return the answer to a frame: an acknowledgement, or a batch of them for a batch."""
        try:
            batch = split(content, Limits(max_bytes=self._options.max_bytes))
            join(batch, (), at=self._now())  # before anything is taken in: BHS may hold what no answer can repeat
        except InvalidInput as error:
            return self._refused_whole(peer, content, error)
        answers = list[bytes]()
        for message in batch.messages:
            answer = self._one(peer, message)
            if answer.closes:  # what of the batch is taken in is known when it comes again
                return Answer(None, closes=True)
            answers += [] if answer.content is None else [answer.content]
        return Answer(join(batch, answers, at=self._now()) if answers else None)

    def fault(self, peer: str, fault: Fault) -> bytes | None:
        """Record the bytes that are no message; return an answer if it was the beginning of one, and is too long."""
        error = InvalidInput([fault.problem])
        self._refuse(peer, fault.content, error)
        header = read_header(fault.content) if fault.problem.code == "too-long" else None
        return None if header is None else self._refused(peer, fault.content, header, error).content

    def _refused_whole(self, peer: str, content: bytes, error: InvalidInput) -> Answer:
        """Return the answer to a frame that is not taken apart: of a batch whose count is wrong, a no to each message.

        Whatever else is wrong, there is an answer if a header stands first that can be read.
        """
        self._refuse(peer, content, error)
        header = read_header(content)
        if header is not None:
            return self._refused(peer, content, header, error)
        try:
            batch = split(content, Limits(max_bytes=self._options.max_bytes), counted=False)
            answers = [self._no_to(message, error) for message in batch.messages]
            written = [answer for answer in answers if answer is not None]
            return _given(join(batch, written, at=self._now()) if written else None)
        except InvalidInput:
            return Answer(None, closes=True)

    def _no_to(self, content: bytes, error: InvalidInput) -> bytes | None:
        """Return the refusal of a message in a batch; None for an acknowledgement, and if none is wanted at once."""
        header = read_header(content)
        if header is None or header.is_acknowledgement or not header.answered_at_once(good=False):
            return None
        return self._ack(content, header, error)

    def _one(self, peer: str, content: bytes) -> Answer:
        header = read_header(content)
        if header is None:
            self._refuse(peer, content, _UNREADABLE)
            return Answer(None, closes=True)
        if header.is_acknowledgement:
            self._settle(peer, content)
            return Answer(None)
        if self._answered_later(header) and not self._later.reaches(peer):
            self._refuse(peer, content, _NOWHERE)
            return _given(self._ack(content, header, _NOWHERE))
        try:
            reply = self._receiver.receive(content, peer, self._options.format)
        except IpFhirError as error:
            return self._for_now(content, header) if error.retry else self._refused(peer, content, header, error)
        except Exception as error:  # noqa: BLE001 - ours to mend: it may come again
            # The error's text is left out: it may quote the message.
            self._told.note("unforeseen", f"a message: unforeseen {type(error).__name__}", logging.ERROR)
            return self._for_now(content, header)
        if not reply:
            return self._for_now(content, header)
        if header.acknowledges:
            self._settle(peer, content)
        return self._said(peer, header, reply)

    def _answered_later(self, header: Header) -> bool:
        """True if what becomes of the message decides that an acknowledgement goes on a connection of our own."""
        return any(header.answered_later(good=good) for good in (True, False))

    def _said(self, peer: str, header: Header, reply: bytes) -> Answer:
        """Return the reply as the answer, or have it sent later, or neither, as the sender wants."""
        acknowledgement = read_header(reply)
        good = acknowledgement is not None and acknowledgement.code in _GOOD
        if header.answered_at_once(good=good):
            return Answer(with_level(reply, "C" if header.enhanced else "A"))
        if header.answered_later(good=good):
            self._later.add(peer, with_level(reply, "A"))
        return Answer(None)

    def _refused(self, peer: str, content: bytes, header: Header, error: IpFhirError) -> Answer:
        reply = self._ack(content, header, error)
        return Answer(None, closes=True) if reply is None else self._said(peer, header, reply)

    def _for_now(self, content: bytes, header: Header) -> Answer:
        """Return the answer to a message that is not taken in, and may come again."""
        if header.enhanced and header.answered_at_once(good=False):
            return _given(self._written(content, "CE", [_FOR_NOW]))
        return Answer(None, closes=True)

    def _ack(self, content: bytes, header: Header, error: IpFhirError) -> bytes | None:
        problems = problems_of(error)
        return self._written(content, verdict(problems, commit=header.enhanced), problems)

    def _written(self, content: bytes, code: AckCode, problems: Sequence[Problem]) -> bytes | None:
        """Return an acknowledgement; None if the header has something that no message may hold."""
        try:
            return ack(head(content), code, at=self._now(), problems=problems)
        except InvalidInput:
            return None

    def _settle(self, peer: str, content: bytes) -> None:
        receipt = receipt_in(content, self._application_error(peer, content))
        if receipt is None:
            self._refuse(peer, content, InvalidInput.at("MSA", "is missing, or has no code of its table", "structure"))
            return
        try:
            self._receiver.receive_receipt(receipt, peer)
        except IpFhirError as error:  # the receipt is awaited: without it the message is sent again, and answered again
            self._told.note("receipt", f"an acknowledgement was not taken in: {type(error).__name__}")

    def _application_error(self, peer: str, content: bytes) -> ApplicationError:
        """Return the meaning of an error of this sender: what its own settings say, else the listener's."""
        if isinstance(self._receiver, LineKnowing):
            try:
                line = self._receiver.line_of(peer, self._options.format, head(content).text(4))
            except InvalidInput:  # no header that can be read, or nobody's: what comes next says so
                line = None
            if isinstance(line, Hl7v2Line) and "application_error" in line.model_fields_set:
                return line.application_error
        return self._options.application_error

    def _refuse(self, peer: str, content: bytes, error: InvalidInput) -> None:
        try:
            self._receiver.refuse(content, peer, error)
        except IpFhirError as failed:
            self._told.note("refusal", f"a refused message was not recorded: {type(failed).__name__}")


def _given(content: bytes | None) -> Answer:
    """The answer with this content; without any the connection is closed."""
    return Answer(content, closes=content is None)

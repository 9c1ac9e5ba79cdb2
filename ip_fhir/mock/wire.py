"""The mock's wire: the installed adapter, which notes what it sends, and sends what is wrong where a script says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ip_fhir.errors import PeerError
from ip_fhir.mock.names import NoticeScript
from ip_fhir.wire.acknowledgement import read_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mock.journal import Journal
    from ip_fhir.ports import Adapter, Outgoing, Receipt, WireFormat

WRONG: Final = (NoticeScript.UNKNOWN_LOOP, NoticeScript.DUPLICATE, NoticeScript.DAMAGED)
"""The scripts by which something wrong is sent."""

_ID: Final = 20
"""Characters of an id that every version of HL7 v2 holds (MSH-10)."""


class MockWire:
    """An adapter. What goes out as it should is not changed: wrong messages go beside it, as bytes of their own.

    `heard_of` returns the ids of messages that came about a loop, or None for what is no loop: only messages about
    loops have wrong ones beside them.
    """

    def __init__(
        self, inner: Adapter, script: NoticeScript, heard_of: Callable[[str], set[str] | None], journal: Journal
    ) -> None:
        self._inner, self._script, self._heard_of, self._journal = inner, script, heard_of, journal
        self.name: str = inner.name
        self.format: WireFormat = inner.format

    def send(self, outgoing: Outgoing) -> Receipt | None:
        """Send, and return the receipt. Raises as the adapter does; how a wrong message is answered is only noted."""
        came = self._heard_of(outgoing.correlation_id) if self._script in WRONG else None
        script = self._script if came is not None else None
        if script is NoticeScript.UNKNOWN_LOOP:
            self._send_beside(about_unknown_loop(outgoing, came or set()))
        if script is NoticeScript.DAMAGED:
            self._send_beside(replace(outgoing, content=cut_off(outgoing.content)))
        receipt = self._send(outgoing, "message")
        if script is NoticeScript.DUPLICATE:
            self._send_beside(outgoing)
        return receipt

    def _send_beside(self, outgoing: Outgoing) -> None:
        try:
            self._send(outgoing, self._script)
        except PeerError:  # noted: no answer to what is wrong is an error of the mock's
            return

    def _send(self, outgoing: Outgoing, what: str) -> Receipt | None:
        try:
            receipt = self._inner.send(outgoing)
        except PeerError as error:
            self._journal.note("sent", what, outgoing.correlation_id, outgoing.message_id, answer=str(error))
            raise
        answer = "handed over" if receipt is None else receipt.code
        self._journal.note("sent", what, outgoing.correlation_id, outgoing.message_id, answer=answer)
        return receipt


def about_unknown_loop(outgoing: Outgoing, came: set[str]) -> Outgoing:
    """Returns the message with an id of its own, about a loop that nobody has opened, in answer to no message.

    `came` are the ids of messages that it may answer.
    """
    loop, message = _new(), _new()
    known = {**dict.fromkeys(came, _new()), **dict.fromkeys(_ids(outgoing), message), outgoing.correlation_id: loop}
    content = outgoing.content
    for there, instead in known.items():
        content = content.replace(there.encode(), instead.encode())
    return replace(outgoing, content=content, correlation_id=loop, message_id=message)


def _new() -> str:
    return uuid4().hex[:_ID]


def _ids(outgoing: Outgoing) -> set[str]:
    """The ids of the message: in HL7 v2 that of its header is a shorter one."""
    header = read_header(outgoing.content)
    return {outgoing.message_id} | ({header.id} if header is not None and header.id else set())


def cut_off(content: bytes) -> bytes:
    """Returns the beginning of a message: in HL7 v2 the header alone, else half of it."""
    end = content.find(b"\r") + 1
    return content[: end or len(content) // 2]

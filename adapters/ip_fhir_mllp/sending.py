"""Sends one message and returns the receipt that its acknowledgement is, or raises one of the errors of a peer.

One message is in flight on each connection. A connection is used again only after a whole exchange; once a byte has
been written nothing is sent again here: the outbox does it, with the same bytes. Error texts name the address, never
what was sent or answered.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import InvalidInput, Rejected, Unavailable
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.line import NO_SETTINGS, Hl7v2Line
from ip_fhir.wire.acknowledgement import Header, read_header, receipt_in
from ip_fhir.wire.address import Address
from ip_fhir.wire.line import Line
from ip_fhir.wire.mllp import framed
from ip_fhir.wire.options import PeerOptions
from ip_fhir.wire.tls import client_context

if TYPE_CHECKING:
    import ssl

    from ip_fhir.ports import Endpoint, Outgoing, Receipt, WireFormat

_NEVER: Final = "NE"  # HL7 table 0155
_SOON: Final = 2.0


@dataclass(slots=True)
class _Way:
    """A way to one peer: its address and options, and the connections that wait for the next message.

    `idle` has them with the times (monotonic) at which they were given back. `keeps` is False once the peer was found
    to end each connection after its answer, as hl7apy does, or to go back to earlier messages of the connection, as
    node-hl7-server does: then every message has one of its own. The end may be on its way while the next message is
    written, and what was handled is handled again with each message after it.
    """

    address: Address
    options: PeerOptions
    context: ssl.SSLContext | None
    line: Hl7v2Line
    idle: list[tuple[Line, float]] = field(default_factory=list)
    keeps: bool = True

    @classmethod
    def to(cls, endpoint: Endpoint) -> _Way:
        """Return the way to an endpoint. Raises `InvalidInput` where settings are wrong."""
        options = PeerOptions.model_validate(dict(endpoint.options))
        address = Address.of(endpoint.url)
        address.check_plain(options.plain_reason)
        said = endpoint.lines.get("hl7v2")
        line = said if isinstance(said, Hl7v2Line) else NO_SETTINGS
        return cls(address, options, client_context(options.tls) if address.tls else None, line)

    def open(self, end: float) -> Line:
        """Return a new connection. Raises `Unavailable`."""
        return Line(
            self.address,
            end,
            context=self.context,
            server_name=self.options.server_name,
            max_bytes=DEFAULT_LIMITS.max_bytes,
        )


class Mllp:
    """The adapter. Keeps, for each peer, the connections that its threads have used and given back."""

    name: str = "mllp"
    format: WireFormat = "hl7v2"

    def __init__(self) -> None:
        self._ways: dict[tuple[object, ...], _Way] = {}
        self._turn = threading.Lock()

    def check(self, endpoint: Endpoint) -> None:
        """Raises `InvalidInput` where the url or an option cannot be used; nothing is connected to."""
        self._way(endpoint)

    def send(self, outgoing: Outgoing) -> Receipt | None:
        """Sends a message and returns its receipt; None if the message asks for none at once (MSH-15 is NE).

        Raises `Rejected` (it cannot be sent) or `Unavailable`. Ends within `endpoint.timeout` seconds whatever the peer
        does; only the look-up of its name may take longer.
        """
        end = time.monotonic() + outgoing.endpoint.timeout
        try:
            framed(outgoing.content)
            way = self._way(outgoing.endpoint)
        except InvalidInput as error:
            raise Rejected(str(error)) from None
        header = read_header(outgoing.content)
        if header is None:
            raise Rejected("what is to be sent has no MSH segment")
        line, used = self._line(way, end)
        try:
            line.send(outgoing.content, end)
            receipt, others = (None, 0) if header.accept == _NEVER else _receipt(line, header, way, end)
        except BaseException:
            line.close()
            if used and time.monotonic() < end:  # it ended, and was not merely slow
                way.keeps = False
            raise
        if used and others:
            way.keeps = False
        self._give_back(way, line)
        return receipt and replace(receipt, message_id=outgoing.message_id)

    def close(self) -> None:
        """Closes the connections that are not in use."""
        with self._turn:
            lines = [line for way in self._ways.values() for line, _ in way.idle]
            self._ways.clear()
        for line in lines:
            line.close()

    def _way(self, endpoint: Endpoint) -> _Way:
        key = (endpoint.url, endpoint.lines.get("hl7v2"), *sorted(endpoint.options.items()))
        with self._turn:
            way = self._ways.get(key)
        if way is None:
            made = _Way.to(endpoint)
            with self._turn:
                way = self._ways.setdefault(key, made)
        return way

    def _line(self, way: _Way, end: float) -> tuple[Line, bool]:
        """Return a connection on which nothing has come since it was last used, and True; or a new one, and False."""
        while True:
            with self._turn:
                found = way.idle.pop() if way.idle else None
            if found is None:
                return way.open(end), False
            line, since = found
            if line.fit:
                return line, True
            line.close()
            if time.monotonic() - since < _SOON:
                way.keeps = False

    def _give_back(self, way: _Way, line: Line) -> None:
        if not way.keeps:
            line.close()
            return
        with self._turn:
            way.idle.append((line, time.monotonic()))


def _receipt(line: Line, sent: Header, way: _Way, end: float) -> tuple[Receipt, int]:
    """Return the receipt for the message that was sent, and the number of frames before it, which are dropped.

    Those are for other messages, or nobody can read them. A message of its own in the receipt is still to be taken in:
    `Receipt.reply`.
    """
    dropped = 0
    while True:
        try:
            content = line.next(end)
        except Unavailable as error:
            others = f" ({dropped} for other messages, or unreadable)" if dropped else ""
            raise Unavailable(f"{error}{others}") from None
        receipt = receipt_in(content, way.line.application_error)
        if receipt is not None and receipt.message_id == sent.id:
            header = read_header(content)
            is_message = header is not None and not header.is_acknowledgement
            return replace(receipt, reply=content if is_message else None), dropped
        dropped += 1

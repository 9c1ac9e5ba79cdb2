"""A wire without a network: an adapter, a format and a listener that keep their contracts and do little else.

    listener = FakeListener({"peer": "hospital"})
    adapter = FakeAdapter(lambda outgoing: read_reply(listener.hand(outgoing.content)))
    exchange = open_exchange(settings, wires={"fake": adapter}, formats=[FakeFormat()])

They are also the shortest example of each kind of plug-in.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from ip_fhir.domain.message import Message
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.reading import too_long
from ip_fhir.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.exchange.formats import Answer, MessageField
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import JsonObject, Outgoing, Receiver, WireFormat


class FakeFormat:
    """The domain's own JSON as a wire format; a reply is a JSON object with `answers`, `code` and `problems`."""

    name: WireFormat = "fake"
    content_type: str = "application/json"
    receipts: bool = True

    def open(self, content: bytes, limits: Limits) -> FakeIncoming:
        """Parse the JSON. The places in errors are the domain's fields."""
        if len(content) > limits.max_bytes:
            raise too_long(limits)
        return FakeIncoming(_message(content))

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:  # noqa: ARG002 - the tables are for FHIR
        """Return the message as JSON."""
        return message.to_json().encode()


def _message(content: bytes) -> Message | PlanMessage:
    """The message in JSON text; the kind says whether it is about a plan."""
    kind = None
    with suppress(orjson.JSONDecodeError):  # `read` says what is wrong with the text
        said = orjson.loads(content)
        kind = said.get("kind") if isinstance(said, dict) else None
    return read(PlanMessage, content) if kind in [*PlanMessageKind] else read(Message, content)


class FakeIncoming:
    """A message that came in as the domain's own JSON."""

    def __init__(self, message: Message | PlanMessage) -> None:
        self._message = message

    def message(self, mapper: Mapper) -> Message | PlanMessage:  # noqa: ARG002 - the tables are for FHIR
        """Return the message."""
        return self._message

    def resources(self) -> Sequence[JsonObject]:
        """Return nothing: the format is not FHIR."""
        return ()

    def persons(self) -> frozenset[PersonId]:
        """Return the number of the person whom a notice or plan is about."""
        number = None if (owner := _owner(self._message)) is None else owner.identifier
        return frozenset() if number is None else frozenset({number})

    def digest(self) -> str:
        """Return a digest of the message without its time of sending, which a sender may renew."""
        said = self._message.to_data()
        del said["sent"]
        return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def reply(self, answer: Answer) -> bytes:
        """Return the receipt as JSON."""
        receipt = answer.receipt
        problems = [[problem.path, problem.reason, problem.code] for problem in receipt.problems]
        return orjson.dumps({"answers": receipt.message_id, "code": receipt.code, "problems": problems})

    def place(self, field: MessageField) -> str:
        """Return the field's own name."""
        return "id" if field == "message.id" else field


def _owner(message: Message | PlanMessage) -> PlanOwner | None:
    """The person whom a message is about, where it says so."""
    if isinstance(message, Message):
        return message.notice.owner if message.notice is not None else None
    plans = [message.view, message.handover.content if message.handover is not None else None]
    wanted = message.change.wanted.owner if message.change is not None else None
    asked = [message.invitation, message.question]
    owners = [*(one.plan.owner for one in plans if one), wanted, *(one.owner for one in asked if one)]
    return next((owner for owner in owners if owner is not None), None)


def read_reply(reply: bytes) -> Receipt:
    """The receipt in a reply of `FakeFormat`."""
    said = orjson.loads(reply)
    return Receipt(said["answers"], said["code"], tuple(Problem(*problem) for problem in said["problems"]))


class FakeAdapter:
    """An adapter that hands each message to the function `deliver`, and remembers it in `sent`.

    `deliver` returns the receipt, or None if it comes later, or raises a `PeerError`, as `Adapter.send` does.
    """

    def __init__(
        self, deliver: Callable[[Outgoing], Receipt | None], name: str = "fake", format_name: WireFormat = "fake"
    ) -> None:
        self.name = name
        self.format = format_name
        self.sent: list[Outgoing] = []
        self._deliver = deliver

    def send(self, outgoing: Outgoing) -> Receipt | None:
        """Remember the message and hand it to `deliver`."""
        self.sent.append(outgoing)
        return self._deliver(outgoing)


class FakeListener:
    """A listener to which a test hands content, from any thread.

    Options: `peer`, the name of the sending party, and `format`, by default `fake`.
    """

    name: str = "fake"
    longest_stop: ClassVar[float] = 10.0

    def __init__(self, options: Mapping[str, Any]) -> None:
        if unknown := sorted(set(options) - {"peer", "format"}):
            raise InvalidInput(Problem(name, "is no option of this listener", "structure") for name in unknown)
        if not isinstance(options.get("peer"), str):
            raise InvalidInput.at("peer", "is required: the name of a peer in the settings", "required")
        self._peer: str = options["peer"]
        self._format: str = options.get("format", FakeFormat.name)
        self._exchange: Receiver | None = None
        self._under_way = 0
        self._moved = threading.Condition()

    def start(self, exchange: Receiver) -> None:
        """Begin to take messages in."""
        with self._moved:
            self._exchange = exchange

    def stop(self) -> None:
        """Take in no more, and wait at most `longest_stop` seconds for messages under way."""
        with self._moved:
            self._exchange = None
            self._moved.wait_for(lambda: self._under_way == 0, self.longest_stop)

    def hand(self, content: bytes) -> bytes:
        """Hand content over as the peer, and return the answer.

        Raises `ConnectionRefusedError` while it is not running, and any error of the exchange.
        """
        with self._moved:
            exchange = self._exchange
            if exchange is None:
                message = "the listener is not running"
                raise ConnectionRefusedError(message)
            self._under_way += 1
        try:
            return exchange.receive(content, self._peer, self._format)
        finally:
            with self._moved:
                self._under_way -= 1
                self._moved.notify_all()

"""What the spine needs of a wire format: bytes to a message, a receipt to bytes; a message to bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import JsonObject, Receipt, WireFormat


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: the receipt, the resources written, when, and our own address."""

    receipt: Receipt
    stored: Sequence[JsonObject]
    at: datetime
    url: str


class Format(Protocol):
    """A wire format as it is taken in. None of its methods does I/O; all raise `InvalidInput` and nothing else.

    With `receipts`, what is not taken in is answered by one; without, by an error.
    """

    name: ClassVar[WireFormat]
    content_type: ClassVar[str]
    receipts: ClassVar[bool]

    def read(self, content: bytes, limits: Limits) -> JsonObject:
        """Parse; the result goes into the methods below."""
        ...

    def message(self, parsed: JsonObject, mapper: Mapper) -> Message:
        """What it says, by the site's tables."""
        ...

    def resources(self, parsed: JsonObject) -> Sequence[JsonObject]:
        """The ServiceRequest and Task as the other side wrote them: what we do not map of them is kept."""
        ...

    def persons(self, parsed: JsonObject) -> frozenset[PersonId]:
        """The numbers of everybody whom it is about, as far as it names any."""
        ...

    def digest(self, parsed: JsonObject) -> str:
        """The same for the same content, however it was laid out; decides whether a repeated key is a resend."""
        ...

    def reply(self, parsed: JsonObject, answer: Answer) -> bytes:
        """The answer to what came in."""
        ...


class Writer(Protocol):
    """A wire format as it is sent."""

    content_type: ClassVar[str]

    def write(self, message: Message, mapper: Mapper) -> bytes:
        """The message as it goes out, by the site's tables."""
        ...

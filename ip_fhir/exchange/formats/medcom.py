"""FHIR messages in the manner of MedCom: each carries the chain of those before it, and each is acknowledged.

A message is a `fhir-message` with both parties as entries and a Provenance for itself and for every message before it
(`ip_fhir.fhir.medcom`). Its acknowledgement is a message, too, and may come as the answer or by itself.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.values.ids import find_person_number
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.fhir_bundles import FhirMessage, IncomingMessage
from ip_fhir.fhir.bundle import BundleContent
from ip_fhir.fhir.medcom.acknowledgement import acknowledgement, is_acknowledgement, receipt_in, renewed
from ip_fhir.fhir.medcom.chain import (
    activity_of,
    before_in,
    carried,
    entries_in,
    gaps,
    links_in,
    own_link,
    provenance,
    targets,
)
from ip_fhir.fhir.medcom.codes import COPY, RETRACTION
from ip_fhir.fhir.medcom.parties import bundled, contained
from ip_fhir.fhir.reading import FHIR_JSON, read_json, write_json
from ip_fhir.fhir.receipt import message_header
from ip_fhir.fhir.subjects import persons_in
from ip_fhir.ports.other_ids import OtherId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.errors import Problem
    from ip_fhir.exchange.formats.protocol import Answer, Earlier, MessageField
    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.fhir.medcom.parties import Contained
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import JsonObject, Receipt, WireFormat

_IS_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


class MedComMessage:
    """FHIR messaging in the manner of MedCom."""

    name: WireFormat = "medcom-message"
    content_type: str = FHIR_JSON
    receipts: bool = True

    def open(self, content: bytes, limits: Limits) -> IncomingMedCom:
        """Parse the Bundle: a message, or the acknowledgement of one."""
        return IncomingMedCom(read_json(content, limits))

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
        """Return a message that follows no other."""
        return self.write_after(message, (), mapper)

    def write_after(self, message: Message | PlanMessage, earlier: Sequence[Earlier], mapper: Mapper) -> bytes:
        """Return a message that carries the Provenances of the earlier ones, and points to the last of them."""
        bundle = bundled(read_json(FhirMessage().write(message, mapper)))
        return write_json(_Chain(bundle, message).of(earlier))


class IncomingMedCom:
    """A Bundle that came in: a message with its chain, or an acknowledgement."""

    def __init__(self, bundle: JsonObject) -> None:
        self._bundle = bundle
        self._content = BundleContent(bundle)

    def message(self, mapper: Mapper) -> Message | PlanMessage:
        """Return the message. Raises `InvalidInput` also for a chain that does not say enough, and for a receipt."""
        if is_acknowledgement(self._bundle):
            raise InvalidInput.at("MessageHeader.response", "is an acknowledgement, and no message", "not-supported")
        inside = self._contained
        if activity_of(own := self._own_link()) == COPY:
            reason = "is a copy of a message to somebody else: copies are not taken in here"
            raise InvalidInput.at(f"{own.at}.activity", reason, "not-supported")
        try:
            return IncomingMessage(inside.bundle).message(mapper)
        except InvalidInput as error:
            raise inside.told(error) from None

    def warnings(self, message: Message | PlanMessage, mapper: Mapper) -> Sequence[Problem]:  # noqa: ARG002 - as it is asked
        """Return a warning for each link that the chain lacks."""
        return gaps(self._links)

    def cited(self) -> Sequence[OtherId]:
        """Return the ids of the messages that this one points to as those before it."""
        return [OtherId("message", ident) for ident in before_in(self._own_link()) if _IS_ID.fullmatch(ident)]

    def retracts(self) -> str | None:
        """Return the id of the message that this one takes back. Raises `InvalidInput` unless it names just one."""
        own = self._own_link()
        if activity_of(own) != RETRACTION:
            return None
        named = before_in(own)
        if len(named) != 1:
            raise InvalidInput.at(f"{own.at}.entity", "must name the one message that is taken back", "required")
        return named[0]

    def own_ids(self) -> Sequence[OtherId]:
        """Return none: its sender's later messages name the loop by our id, too."""
        return ()

    def resources(self) -> Sequence[JsonObject]:
        """Return its ServiceRequest and Task, each with the resources it refers to contained in it."""
        return IncomingMessage(self._contained.bundle).resources()

    def persons(self) -> frozenset[PersonId]:
        """Return the numbers of every Patient in the Bundle, and of every subject that is named by a number."""
        return persons_in(self._content)

    def digest(self) -> str:
        """Return the SHA-256 of the Bundle without its envelope, keys sorted."""
        return IncomingMessage(self._bundle).digest()

    def reply(self, answer: Answer) -> bytes:
        """Return the acknowledgement."""
        return write_json(acknowledgement(answer.receipt, self._bundle, answer.at, answer.url, answer.warnings))

    def place(self, field: MessageField) -> str:
        """Return the FHIRPath of a field; of an acknowledgement, the id is that of the message that it names."""
        if field == "message.id" and is_acknowledgement(self._bundle):
            return "MessageHeader.response.identifier"
        return IncomingMessage(self._bundle).place(field)

    def told_id(self) -> str | None:
        """Return the message's id, by which a refusal is told; None for an acknowledgement, which is not answered."""
        header = next(iter(entries_in(self._bundle)), None)
        if header is None or header.type != "MessageHeader" or self._bundle.get("type") != "message":
            return None
        ident = header.resource.get("id")
        known = isinstance(ident, str) and _IS_ID.fullmatch(ident) and not find_person_number(ident)
        return ident if known and not is_acknowledgement(self._bundle) else None

    def envelope_id(self) -> str:
        """Return the id of the Bundle. Raises `InvalidInput` without one."""
        ident = self._bundle.get("id")
        if not isinstance(ident, str) or not _IS_ID.fullmatch(ident):
            raise InvalidInput.at("Bundle.id", "is required: by it a message is known that comes again", "required")
        return ident

    def receipt(self) -> Receipt | None:
        """Return what an acknowledgement says; None for a message. Raises `InvalidInput` where it says too little."""
        return receipt_in(self._bundle) if is_acknowledgement(self._bundle) else None

    def again(self, reply: bytes, at: datetime) -> bytes:
        """Return the acknowledgement that was given before, with its content, in a Bundle sent at this time (UTC)."""
        return write_json(renewed(read_json(reply), at)) if reply else reply

    def _own_link(self) -> Entry:
        return own_link(self._links, str(message_header(self._bundle).get("id")))

    @cached_property
    def _contained(self) -> Contained:
        return contained(self._content)

    @cached_property
    def _links(self) -> list[Entry]:
        return links_in(self._content.entries)


class _Chain:
    """A message in the making, which gets the chain of those before it."""

    def __init__(self, bundle: JsonObject, message: Message | PlanMessage) -> None:
        self._bundle, self._message = bundle, message
        first = bundle["entry"][0]
        self._url: str = first["fullUrl"]
        self._base = self._url.removesuffix(f"MessageHeader/{first['resource']['id']}")
        self._sender: str = first["resource"]["sender"]["reference"]
        self._receiver: str = first["resource"]["destination"][0]["receiver"]["reference"]
        self._entries = {entry["fullUrl"]: entry for entry in bundle["entry"]}
        self._references: dict[str, str] = {}

    def of(self, earlier: Sequence[Earlier]) -> JsonObject:
        """Return the message with a Provenance for each of the earlier ones, in order, and one for itself."""
        for one in earlier:
            self._carry(one)
            self._know(one)
        before = self._references[earlier[-1].id] if earlier else None
        own = earlier[-1].own if earlier else False
        activity = "new-message" if before is None else "modified-message" if own else "reply-message"
        self._add(provenance(self._url, self._sender, self._bundle["timestamp"], activity, before))
        return {**self._bundle, "entry": [*self._entries.values()]}

    def _carry(self, one: Earlier) -> None:
        """Take over the Provenances that a message carried, and its own, as they were written."""
        for entry in carried(entries_in(_parsed(one.content))):
            url = entry.full_url or f"{self._base}{entry.type}/{entry.id}"
            message = targets(entry.resource)
            if message is None:  # an organisation that a Provenance names
                self._entries.setdefault(url, {"fullUrl": url, "resource": entry.resource})
            elif message not in self._references:
                self._references[message] = entry.resource["target"][0]["reference"]
                self._entries.setdefault(url, {"fullUrl": url, "resource": entry.resource})

    def _know(self, one: Earlier) -> None:
        """Make a Provenance for a message that had none: it went over another wire, or is kept no longer."""
        if one.id in self._references:
            return
        before = next(reversed(self._references.values()), None)
        self._references[one.id] = reference = f"{self._base}MessageHeader/{one.id}"
        who = self._sender if one.own else self._receiver
        activity = "new-message" if before is None else "reply-message"
        self._add(provenance(reference, who, one.sent.isoformat(timespec="milliseconds"), activity, before))

    def _add(self, resource: JsonObject) -> None:
        url = f"{self._base}{resource['resourceType']}/{resource['id']}"
        self._entries[url] = {"fullUrl": url, "resource": resource}


def _parsed(content: bytes) -> JsonObject:
    """The Bundle in what was sent or answered; an empty one where that is no FHIR."""
    try:
        return read_json(content)
    except InvalidInput:
        return {}

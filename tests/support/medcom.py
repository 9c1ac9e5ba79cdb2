"""Two sides that speak FHIR messages in the manner of MedCom, in one process, and readers of what they send."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson

from ip_fhir.errors import IpFhirError, Unavailable
from ip_fhir.fhir.medcom.acknowledgement import receipt_in
from ip_fhir.fhir.reading import read_json
from ip_fhir.ports import Endpoint, Outgoing, Receipt
from tests.support.two_sides import Loop, Wire, as_peer_error, make_loop

MEDCOM = "medcom-message"

Chain = list[tuple[str, list[str]]]
"""The links of a chain in order: the message, and the messages before it."""


class MedComWire(Wire):
    """The wire of a side that speaks in this manner.

    `log` has the id of each message, of both sides, in the order in which they first left. With `later` the sender
    learns nothing from the answer; `tamper` changes what arrives. With `posts` our acknowledgements go to the other
    side by themselves, and `posted` has those that arrived.
    """

    format = MEDCOM
    later: bool
    acknowledged: list[bytes]
    log: list[str]
    tamper: Callable[[bytes], bytes] | None
    posts: bool
    posted: list[bytes]

    def send(self, outgoing: Outgoing) -> Receipt | None:  # type: ignore[override]
        """Deliver, and read the acknowledgement."""
        self.sent.append(outgoing.content)
        if self.break_with is not None:
            raise self.break_with
        if outgoing.message_id not in self.log:
            self.log.append(outgoing.message_id)
        assert self.to is not None
        content = outgoing.content if self.tamper is None else self.tamper(outgoing.content)
        try:
            reply = self.to.receive(content, self._sender, MEDCOM)
        except IpFhirError as error:
            raise as_peer_error(error) from None
        self.acknowledged.append(reply)
        if self.lose_receipts:
            raise Unavailable("the acknowledgement was lost")
        return None if self.later else receipt_in(read_json(reply))

    def wants_acknowledgements(self, _endpoint: Endpoint) -> bool:
        """True if the other side wants them so."""
        return self.posts

    def acknowledge(self, content: bytes, _endpoint: Endpoint) -> None:
        """Deliver an acknowledgement of ours."""
        if self.break_with is not None:
            raise self.break_with
        assert self.to is not None
        self.posted.append(content)
        assert self.to.receive(content, self._sender, MEDCOM) == b""


def medcom_loop(directory: Path) -> Loop:
    """A hospital and a municipality whose wires are of this kind."""
    made = make_loop(directory)
    speak(made)
    return made


def speak(loop: Loop) -> None:
    """Let both sides speak in this manner from now on."""
    log = list[str]()
    for side in (loop.hospital, loop.municipality):
        side.wire.__class__ = MedComWire
        wire = wire_of(side.wire)
        wire.later, wire.acknowledged, wire.log, wire.tamper = False, [], log, None
        wire.posts, wire.posted = False, []


def wire_of(wire: Wire) -> MedComWire:
    """The wire, as of this kind."""
    assert isinstance(wire, MedComWire)
    return wire


def resources(content: bytes, type_: str) -> list[dict[str, Any]]:
    """The resources of a type in a Bundle."""
    entries = orjson.loads(content)["entry"]
    return [entry["resource"] for entry in entries if entry["resource"]["resourceType"] == type_]


def chain(content: bytes) -> Chain:
    """The chain in a Bundle, without the Provenances of its content."""
    links = [one for one in resources(content, "Provenance") if "MessageHeader/" in one["target"][0]["reference"]]
    return [
        (
            _id(link["target"][0]["reference"]),
            [_id(entity["what"]["reference"]) for entity in link.get("entity", ())],
        )
        for link in links
    ]


def header(content: bytes) -> dict[str, Any]:
    """The MessageHeader of a Bundle."""
    (found,) = resources(content, "MessageHeader")
    return found


def with_link(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A message whose last Provenance was changed."""
    bundle = deepcopy(orjson.loads(content))
    links = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Provenance"]
    change(links[-1])
    return orjson.dumps(bundle)


def _id(reference: str) -> str:
    return reference.rpartition("/")[2]

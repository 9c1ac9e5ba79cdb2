"""The ring of parties around one plan, who speak HL7 v2 alone; the acknowledgement is the receipt."""

from __future__ import annotations

from ip_fhir.errors import IpFhirError, Unavailable
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import read
from ip_fhir.ports import Receipt
from tests.support.ring import PARTIES, Line, Network, Ring
from tests.support.two_sides import as_peer_error


class V2Network(Network):
    """The network, with messages of HL7 v2."""

    def deliver(self, sender: str, to: str, content: bytes) -> Receipt:
        """Hand the bytes to a side, and read MSA. Raises `PeerError`; no answer means that it may come again."""
        peer = self.sides[to].peer_by_token(f"token-of-{sender}")
        assert peer is not None
        try:
            answer = self.sides[to].receive(content, peer, "hl7v2")
        except IpFhirError as error:
            raise as_peer_error(error) from None
        if not answer:
            raise Unavailable("no answer: it may come again")
        reply = read(answer, DEFAULT_LIMITS)
        code = "ok" if reply.field("MSA-1") == "AA" else "fatal-error"
        return Receipt(reply.field("MSA-2"), code)  # type: ignore[arg-type]  # one of the two


class V2Line(Line):
    """The adapter of one side to one other, which sends HL7 v2."""

    format = "hl7v2"


def speak_v2(ring: Ring) -> Ring:
    """The ring, in which all parties send HL7 v2."""
    ring.network.__class__ = V2Network
    for name in PARTIES:
        for peer in ring[name]._context.peers:
            peer.adapter.__class__ = V2Line
    return ring

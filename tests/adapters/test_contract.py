"""The adapter that ships, and the fake one, keep the contract that every adapter must keep; a faulty one does not."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest

from ip_fhir.errors import IpFhirError, Rejected, Unavailable
from ip_fhir.ports import Adapter, Outgoing, Receipt
from ip_fhir.testing import AdapterContract, FakeAdapter, PeerDouble
from ip_fhir.testing.adapter_contract import Behaviour
from ip_fhir.testing.store_samples import PERSON
from ip_fhir_fhir_rest import FhirRest
from ip_fhir_fhir_rest import adapter as fhir_rest
from ip_fhir_fhirmessage import FhirMessageAdapter
from ip_fhir_fhirmessage import adapter as fhirmessage
from tests.adapters.peer_double import HttpPeer, http_peer


class TestFhirRest(AdapterContract):
    """Over HTTP, on loopback."""

    @pytest.fixture
    def adapter(self) -> Iterator[FhirRest]:
        """As its entry point makes it."""
        made = fhir_rest()
        yield made
        made.close()

    @pytest.fixture
    def peer(self) -> Iterator[HttpPeer]:
        """A FHIR endpoint."""
        with http_peer() as peer:
            yield peer

    def outgoing(self, peer: PeerDouble, ident: str = "message-1") -> Outgoing:
        """The peer reads the id off the content's first word."""
        made = super().outgoing(peer, ident)
        return dataclasses.replace(made, content=ident.encode() + b" " + made.content)


class TestFhirMessage(TestFhirRest):
    """The same peer, which acknowledges each message in its answer."""

    @pytest.fixture
    def adapter(self) -> Iterator[FhirMessageAdapter]:
        """As its entry point makes it."""
        made = fhirmessage()
        yield made
        made.close()


class TestFhirMessageLater(TestFhirMessage):
    """The acknowledgement comes by itself: whatever else the peer answers, it has the message."""

    hands_over = True
    options: ClassVar[dict[str, str]] = {"receipt": "later", "door": "Bundle"}

    @pytest.fixture
    def peer(self) -> Iterator[HttpPeer]:
        """It answers by the Bundle that it stored."""
        with http_peer() as peer:
            peer.echoes = True
            yield peer


class MemoryPeer:
    """A peer without a network, and the function by which an adapter reaches it."""

    url = "memory://peer"

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self._behaviour: Behaviour = "ok"

    def behave(self, behaviour: Behaviour) -> None:
        """From now on."""
        self._behaviour = behaviour

    def take(self, outgoing: Outgoing) -> Receipt:
        """As a good adapter would tell it."""
        if outgoing.endpoint.url != self.url or self._behaviour in ("down", "silent", "nonsense", "other", "later"):
            raise Unavailable("no answer, or none that can be read")
        self.received.append(outgoing.content)
        return Receipt(outgoing.message_id, "fatal-error" if self._behaviour == "no" else "ok")


class TestFakeAdapter(AdapterContract):
    """With what a vendor's test may give it to deliver by."""

    @pytest.fixture
    def peer(self) -> MemoryPeer:
        """In memory."""
        return MemoryPeer()

    @pytest.fixture
    def adapter(self, peer: MemoryPeer) -> Adapter:
        """Delivers to the peer."""
        return FakeAdapter(peer.take)


class TestHandsOver(AdapterContract):
    """An adapter whose receipts come later, by a listener, returns none."""

    hands_over = True

    @pytest.fixture
    def peer(self) -> MemoryPeer:
        """In memory."""
        return MemoryPeer()

    @pytest.fixture
    def adapter(self, peer: MemoryPeer) -> Adapter:
        """Delivers, and says nothing."""

        def deliver(outgoing: Outgoing) -> None:
            peer.take(outgoing)

        return FakeAdapter(deliver)


# --- each promise can be broken


def _changes(peer: MemoryPeer, outgoing: Outgoing) -> Receipt:
    return peer.take(dataclasses.replace(outgoing, content=outgoing.content.strip() + b"\n"))


def _says_yes(peer: MemoryPeer, outgoing: Outgoing) -> Receipt:
    try:
        return peer.take(outgoing)
    except IpFhirError:
        return Receipt(outgoing.message_id, "ok")


def _says_no(peer: MemoryPeer, outgoing: Outgoing) -> Receipt:
    try:
        return peer.take(outgoing)
    except IpFhirError:
        raise Rejected("gives up at once") from None


def _never_takes_no(peer: MemoryPeer, outgoing: Outgoing) -> Receipt:
    receipt = peer.take(outgoing)
    return receipt if receipt.code == "ok" else Receipt(receipt.message_id, "transient-error")


def _lets_through(peer: MemoryPeer, outgoing: Outgoing) -> Receipt:
    try:
        return peer.take(outgoing)
    except IpFhirError as error:
        message = "the network library's own"
        raise ConnectionError(message) from error


def _quotes(peer: MemoryPeer, outgoing: Outgoing) -> Receipt:
    try:
        return peer.take(outgoing)
    except IpFhirError as error:
        message = f"{PERSON} was not taken"
        raise Unavailable(message) from error


def _mixes_up(peer: MemoryPeer, outgoing: Outgoing) -> Receipt:
    return dataclasses.replace(peer.take(outgoing), message_id="another")


def _hands_over(peer: MemoryPeer, outgoing: Outgoing) -> None:
    peer.take(outgoing)


FAULTS: list[tuple[Callable[[MemoryPeer, Outgoing], Receipt | None], str, tuple[str, ...]]] = [
    (_changes, "test_it_sends_what_it_is_given", ()),
    (_mixes_up, "test_yes_is_a_receipt", ()),
    (_hands_over, "test_yes_is_a_receipt", ()),
    (_never_takes_no, "test_no_is_for_good", ()),
    (_hands_over, "test_no_is_for_good", ()),
    (_says_yes, "test_anything_else_is_tried_again", ("nonsense",)),
    (_says_no, "test_anything_else_is_tried_again", ("later",)),
    (_quotes, "test_anything_else_is_tried_again", ("other",)),
    (_says_yes, "test_a_peer_that_is_not_there", ("down",)),
    (_lets_through, "test_a_peer_that_is_not_there", ("silent",)),
    (_mixes_up, "test_threads_may_share_it", ()),
    (_lets_through, "test_an_address_that_is_none", ()),
]


@pytest.mark.parametrize(("faulty", "test", "more"), FAULTS)
def test_a_fault_is_found(
    faulty: Callable[[MemoryPeer, Outgoing], Receipt | None], test: str, more: tuple[Behaviour, ...]
) -> None:
    """The contract's test passes with the right adapter, and fails with the faulty one."""
    right, wrong = MemoryPeer(), MemoryPeer()
    getattr(AdapterContract(), test)(FakeAdapter(right.take), right, *more)
    adapter = FakeAdapter(lambda outgoing: faulty(wrong, outgoing))
    with pytest.raises((AssertionError, ConnectionError)):
        getattr(AdapterContract(), test)(adapter, wrong, *more)


def test_one_that_breaks_the_protocol_or_talks_is_found() -> None:
    """No name; and a `repr` with what was sent."""

    class Talks(FakeAdapter):
        def __repr__(self) -> str:
            return str(self.sent[0].content.decode("utf-8", "replace"))

    peer = MemoryPeer()
    with pytest.raises(AssertionError):
        AdapterContract().test_it_keeps_the_protocol(FakeAdapter(peer.take, name=""))
    with pytest.raises(AssertionError):
        AdapterContract().test_it_is_silent(Talks(peer.take), peer)

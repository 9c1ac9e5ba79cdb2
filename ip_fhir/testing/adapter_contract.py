"""The promises that every adapter keeps. The author of one subclasses `AdapterContract` and runs it with pytest.

    class TestOurAdapter(AdapterContract):
        @pytest.fixture
        def adapter(self):
            return OurAdapter()

        @pytest.fixture
        def peer(self):
            with OurPeer() as peer:     # a stand-in for the other system, on loopback; see `PeerDouble`
                yield peer

If the receipt comes later, by a listener, `send` returns None, and the subclass sets `hands_over = True`.
"""

# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias

import pytest

from ip_fhir.errors import PeerError
from ip_fhir.plugins import faults
from ip_fhir.ports import Adapter, Endpoint, Outgoing
from ip_fhir.testing.message_samples import NUMBER
from ip_fhir.testing.store_samples import PERSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.ports import Receipt

Behaviour: TypeAlias = Literal["ok", "later", "no", "nonsense", "other", "silent", "down"]
"""The ways in which a peer may answer.

`ok`: stored. `later`: it asks to be tried again. `no`: refused for good; the text may name the person. `nonsense`: an
unreadable answer that names the person. `other`: a receipt for another message. `silent`: no answer for longer than
the endpoint's timeout. `down`: nobody listens.
"""

_TOKEN = "a-token-that-nobody-may-see"  # noqa: S105 - it opens nothing
_TIMEOUT = 1.0
_CONTENT = f"{PERSON} {NUMBER} \x0b\x1c\r\n å".encode()


class PeerDouble(Protocol):
    """A stand-in for the other system, written by the contract's user: it answers as `behave` last told it."""

    @property
    def url(self) -> str:
        """The address that the adapter is given."""
        ...

    @property
    def received(self) -> Sequence[bytes]:
        """The contents of the messages that arrived, in order, as the peer received them."""
        ...

    def behave(self, behaviour: Behaviour) -> None:
        """Answer in this way from now on; the first way is `ok`. An `ok` names the message that was sent."""
        ...


class AdapterContract:
    """The contract suite. Every test needs the fixtures `adapter` and `peer`; `content` is sent, by default any bytes.

    `hands_over`: the peer only confirms that it has the message; the receipt comes later.
    """

    hands_over: ClassVar[bool] = False
    content: ClassVar[bytes] = _CONTENT
    content_type: ClassVar[str] = "application/octet-stream"
    options: ClassVar[dict[str, str]] = {}

    def outgoing(self, peer: PeerDouble, ident: str = "message-1") -> Outgoing:
        """A message to the peer; to be overridden if `content` must contain the message's id."""
        endpoint = Endpoint(peer.url, _TOKEN, _TIMEOUT, self.options)
        return Outgoing(ident, "loop-1", self.content, self.content_type, endpoint)

    def test_it_keeps_the_protocol(self, adapter: Adapter) -> None:
        """It has a name, the name of a format, and `send`."""
        assert [*faults(adapter, Adapter)] == []

    def test_it_sends_what_it_is_given(self, adapter: Adapter, peer: PeerDouble) -> None:
        """The bytes arrive unchanged, also when they are sent again: the peer recognises a resend by them."""
        for _ in range(2):
            _sent(adapter, self.outgoing(peer))
        assert list(peer.received) == [self.outgoing(peer).content] * 2

    def test_yes_is_a_receipt(self, adapter: Adapter, peer: PeerDouble) -> None:
        """`ok` gives a receipt for this message, or None if the receipt comes later."""
        receipt = _sent(adapter, self.outgoing(peer))
        if self.hands_over:
            assert receipt is None
        else:
            assert receipt is not None
            assert (receipt.message_id, receipt.code) == ("message-1", "ok")

    def test_no_is_for_good(self, adapter: Adapter, peer: PeerDouble) -> None:
        """A refusal gives a receipt `fatal-error` or an error that is not retried, neither with a person's name."""
        if not self.hands_over:
            peer.behave("no")
            answer = _answer(adapter, self.outgoing(peer))
            retry = answer.retry if isinstance(answer, PeerError) else answer.code == "transient-error"
            assert not retry
            assert isinstance(answer, PeerError) or answer.code == "fatal-error"
            _says_nothing(str(answer))

    @pytest.mark.parametrize("behaviour", ["later", "nonsense", "other"])
    def test_anything_else_is_tried_again(self, adapter: Adapter, peer: PeerDouble, behaviour: Behaviour) -> None:
        """A request to wait, an unreadable answer and a receipt for another message are all tried again."""
        if not self.hands_over:
            peer.behave(behaviour)
            answer = _answer(adapter, self.outgoing(peer))
            assert answer.retry if isinstance(answer, PeerError) else answer.code == "transient-error"
            _says_nothing(str(answer))

    @pytest.mark.parametrize("behaviour", ["silent", "down"])
    def test_a_peer_that_is_not_there(self, adapter: Adapter, peer: PeerDouble, behaviour: Behaviour) -> None:
        """The error is retried, and comes within a few seconds of the endpoint's timeout."""
        peer.behave(behaviour)
        began = time.monotonic()
        answer = _answer(adapter, self.outgoing(peer))
        assert time.monotonic() - began < _TIMEOUT + 5
        assert isinstance(answer, PeerError)
        assert answer.retry
        _says_nothing(str(answer))

    def test_it_recovers(self, adapter: Adapter, peer: PeerDouble) -> None:
        """After a failure the next message is sent, over a new connection if need be."""
        peer.behave("down" if self.hands_over else "nonsense")
        _answer(adapter, self.outgoing(peer))
        peer.behave("ok")
        self.test_yes_is_a_receipt(adapter, peer)

    def test_threads_may_share_it(self, adapter: Adapter, peer: PeerDouble) -> None:
        """With four threads at a time, each gets the receipt for its own message."""
        idents = [f"message-{number}" for number in range(12)]
        with ThreadPoolExecutor(4) as threads:
            receipts = list(threads.map(lambda ident: _sent(adapter, self.outgoing(peer, ident)), idents))
        assert len(peer.received) == len(idents)
        assert self.hands_over or [receipt and receipt.message_id for receipt in receipts] == idents

    def test_it_is_silent(self, adapter: Adapter, peer: PeerDouble) -> None:
        """Its `repr` shows neither the token nor any part of a message."""
        _sent(adapter, self.outgoing(peer))
        _says_nothing(repr(adapter))

    def test_an_address_that_is_none(self, adapter: Adapter, peer: PeerDouble) -> None:
        """A wrong address is a `PeerError` like any other, without the token."""
        good = self.outgoing(peer)
        bad = replace(good, endpoint=replace(good.endpoint, url="http://127.0.0.1:1/nobody"))
        answer = _answer(adapter, bad)
        assert isinstance(answer, PeerError)
        _says_nothing(str(answer))


def _sent(adapter: Adapter, outgoing: Outgoing) -> Receipt | None:
    return adapter.send(outgoing)


def _answer(adapter: Adapter, outgoing: Outgoing) -> Receipt | PeerError:
    """The receipt or the error; None, and an error of any other kind, fail the test."""
    try:
        receipt = _sent(adapter, outgoing)
    except PeerError as error:
        return error
    assert receipt is not None, "handed over, though nobody took it: `hands_over` is not set"
    return receipt


def _says_nothing(words: str) -> None:
    assert PERSON not in words, "a person's name"
    assert str(NUMBER) not in words, "a person's number"
    assert _TOKEN not in words, "our token"

"""The promises that every listener keeps. The author of one subclasses `ListenerContract` and runs it with pytest.

    class TestOurListener(ListenerContract):
        @pytest.fixture
        def listener(self):
            return OurListener({"peer": "hospital", "port": 0})

        def hand_in(self, listener, content):
            ...     # as the peer does it: connect and send, put a file into the folder; returns when it is done

`hand_in` may raise anything if the listener does not accept the content.
"""

# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

import pytest

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.plugins import faults
from ip_fhir.ports import Listener
from ip_fhir.testing.store_samples import PERSON

if TYPE_CHECKING:
    from ip_fhir.errors import IssueCode
    from ip_fhir.ports import Receipt, WireFormat


class ReceiverDouble:
    """A stand-in for the exchange: it remembers received messages, and answers, raises or waits as the test sets it.

    `came` has (content, peer, format) of each message, `receipts` (receipt, peer), `refused` (content, peer, code). If
    `raises` is set, it is raised at each message and receipt. While `held` is cleared, `receive` waits. `wait_for`
    waits at most `patience` seconds.
    """

    def __init__(self, patience: float = 10.0) -> None:
        self._patience = patience
        self.came: list[tuple[bytes, str, WireFormat]] = []
        self.receipts: list[tuple[Receipt, str]] = []
        self.refused: list[tuple[bytes, str, IssueCode]] = []
        self.done = 0
        self.raises: Exception | None = None
        self.held = threading.Event()
        self.held.set()

    def receive(self, content: bytes, peer: str, format_name: WireFormat) -> bytes:
        """Take a message in; see `Receiver.receive`."""
        self.came.append((content, peer, format_name))
        self.held.wait(60)  # a test that fails must end, too
        self.done += 1
        if self.raises is not None:
            raise self.raises
        return b"taken in"

    def receive_receipt(self, receipt: Receipt, peer: str) -> str:
        """Remember a receipt; see `Receiver.receive_receipt`."""
        self.receipts.append((receipt, peer))
        if self.raises is not None:
            raise self.raises
        return "settled"

    def refuse(self, content: bytes, peer: str, error: InvalidInput) -> None:
        """Remember refused content; see `Receiver.refuse`."""
        self.refused.append((content, peer, error.problems[0].code))

    def wait_for(self, number: int) -> None:
        """Wait until this many messages have come. Raises `AssertionError` if they do not come in time."""
        end = time.monotonic() + self._patience
        while len(self.came) < number:
            assert time.monotonic() < end, f"{number} were handed in, {len(self.came)} came"
            time.sleep(0.005)


class ListenerContract:
    """The contract suite. Every test needs the fixture `listener`, not started, and the method `hand_in`.

    `contents` are four messages, to be overridden if arbitrary bytes will not do. Within `patience` seconds a message
    must have come, and `stop` must have ended; for `quiet` seconds after `stop` nothing may come.
    """

    contents: ClassVar[tuple[bytes, bytes, bytes, bytes]] = (b"one", b"two", PERSON.encode(), b"four")
    patience: ClassVar[float] = 10.0
    quiet: ClassVar[float] = 0.2

    def hand_in(self, listener: Listener, content: bytes) -> None:
        """Hand content to the listener as its peer does; the subclass writes it."""
        raise NotImplementedError

    def test_it_keeps_the_protocol(self, listener: Listener) -> None:
        """It has a name, `start(exchange)` and `stop()`."""
        assert [*faults(listener, Listener)] == []

    def test_stop_without_start(self, listener: Listener) -> None:
        """Stopping it before it was started, or twice, does nothing."""
        listener.stop()
        listener.stop()

    def test_what_comes_in_is_handed_over(self, listener: Listener) -> None:
        """Each message is handed over once, in order, unchanged, in a peer's name and with a format."""
        exchange = self._started(listener)
        try:
            for number, content in enumerate(self.contents, 1):
                self.hand_in(listener, content)
                exchange.wait_for(number)
        finally:
            listener.stop()
        assert [content for content, _, _ in exchange.came] == list(self.contents)
        assert all(peer and format_name for _, peer, format_name in exchange.came)

    @pytest.mark.parametrize(
        "error", [InvalidInput.at("kind", "is wrong"), StoreError("the store is gone"), KeyError(PERSON)], ids=type
    )
    def test_a_refusal_does_not_end_it(
        self, listener: Listener, error: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        """After any error of the exchange the next message is taken in; no person's data is logged."""
        exchange = self._started(listener)
        exchange.raises = error
        try:
            with suppress(Exception):
                self.hand_in(listener, self.contents[2])
            exchange.wait_for(1)
            exchange.raises = None
            self.hand_in(listener, self.contents[0])
            self._wait_for_content(exchange, self.contents[0])
        finally:
            listener.stop()
        assert PERSON not in caplog.text

    def test_nothing_comes_after_stop(self, listener: Listener) -> None:
        """Nothing more is handed over once `stop` has returned."""
        exchange = self._started(listener)
        listener.stop()
        listener.stop()
        with suppress(Exception):
            self.hand_in(listener, self.contents[0])
        time.sleep(self.quiet)
        assert exchange.came == []

    def test_stop_waits_for_what_is_under_way(self, listener: Listener) -> None:
        """A message that is being taken in when `stop` is called is taken in before it returns."""
        exchange = self._started(listener)
        exchange.held.clear()
        peer = threading.Thread(target=self._hand_in, args=(listener,), daemon=True)
        peer.start()
        exchange.wait_for(1)
        stopper = threading.Thread(target=listener.stop, daemon=True)
        stopper.start()
        stopper.join(self.quiet)
        assert stopper.is_alive(), "stop returned while a message was being taken in"
        exchange.held.set()
        stopper.join(self.patience)
        assert not stopper.is_alive()
        assert exchange.done == 1
        peer.join(self.patience)

    def test_stop_is_bounded(self, listener: Listener) -> None:
        """`stop` does not wait for ever for a message that never ends: it was not acknowledged, and may come again."""
        exchange = self._started(listener)
        exchange.held.clear()
        peer = threading.Thread(target=self._hand_in, args=(listener,), daemon=True)
        peer.start()
        exchange.wait_for(1)
        stopper = threading.Thread(target=listener.stop, daemon=True)
        stopper.start()
        stopper.join(self.patience + 1)
        ended = not stopper.is_alive()
        exchange.held.set()
        stopper.join(self.patience)
        peer.join(self.patience)
        assert ended, f"stop had not returned after {self.patience} seconds"

    def test_it_is_silent(self, listener: Listener) -> None:
        """Its `repr` shows nothing of the messages."""
        exchange = self._started(listener)
        try:
            self.hand_in(listener, self.contents[2])
            exchange.wait_for(1)
            assert PERSON not in repr(listener)
        finally:
            listener.stop()

    def _hand_in(self, listener: Listener) -> None:
        with suppress(Exception):
            self.hand_in(listener, self.contents[0])

    def _wait_for_content(self, exchange: ReceiverDouble, content: bytes) -> None:
        """Wait until this content comes; a listener that polls may first hand over an earlier message again."""
        end = time.monotonic() + self.patience
        while content not in [came for came, _, _ in exchange.came]:
            assert time.monotonic() < end, "after a refusal nothing more was handed over"
            time.sleep(0.005)

    def _started(self, listener: Listener) -> ReceiverDouble:
        exchange = ReceiverDouble(self.patience)
        listener.start(exchange)
        return exchange

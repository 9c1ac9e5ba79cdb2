"""Starts a side's listeners in order and stops them in reverse, also when one of them cannot start."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput
from ip_fhir.ports.lines import LineKnowing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ip_fhir.ports import Listener, Receipt, Receiver, WireFormat

log = logging.getLogger("ip_fhir.exchange")


class BoundListener:
    """A listener that can hand in messages of some peers and carriers only: those that settings bind it to, by name."""

    def __init__(self, listener: Listener, *names: str) -> None:
        self._listener = listener
        self._bound_to = names
        self.name = listener.name

    def start(self, exchange: Receiver) -> None:
        """Start the listener, with a receiver that refuses messages of anybody else."""
        self._listener.start(_BoundReceiver(exchange, self._bound_to))

    def stop(self) -> None:
        """Stop the listener."""
        self._listener.stop()


class _BoundReceiver:
    def __init__(self, exchange: Receiver, names: Sequence[str]) -> None:
        self._exchange = exchange
        self._bound_to = names

    def receive(self, content: bytes, peer: str, format_name: WireFormat = "fhir-message") -> bytes:
        self._check(peer)
        return self._exchange.receive(content, peer, format_name)

    def line_of(self, peer: str, format_name: WireFormat, number: str = "") -> object | None:
        self._check(peer)
        return self._exchange.line_of(peer, format_name, number) if isinstance(self._exchange, LineKnowing) else None

    def receive_receipt(self, receipt: Receipt, peer: str) -> str:
        self._check(peer)
        return self._exchange.receive_receipt(receipt, peer)

    def refuse(self, content: bytes, peer: str, error: InvalidInput) -> None:
        self._check(peer)
        self._exchange.refuse(content, peer, error)

    def _check(self, peer: str) -> None:
        if peer not in self._bound_to:
            raise InvalidInput.at("peer", "not a party or carrier that settings bind this listener to", "forbidden")


@contextmanager
def listening(exchange: Receiver, listeners: Sequence[Listener]) -> Iterator[None]:
    """Run the listeners, which hand received messages to `exchange`, until the block ends.

    Raises `InvalidInput` at `listeners.N` when the Nth (from 0) cannot start; those before it are stopped again. An
    error in stopping one is logged, and the others are stopped all the same.
    """
    with ExitStack() as stack:
        for number, listener in enumerate(listeners):
            stack.callback(_stop, listener)  # before the start: one that fails half-way must release its resources, too
            _start(listener, exchange, f"listeners.{number}")
        yield


def _start(listener: Listener, exchange: Receiver, place: str) -> None:
    try:
        listener.start(exchange)
    except InvalidInput as error:
        raise at_listener(error, place) from None
    except Exception as error:
        # Only the operating system's words are told: others may repeat an option, which may be a password.
        why = error.strerror if isinstance(error, OSError) else None
        reason = f"{listener.name} cannot start: {why or type(error).__name__}"
        raise InvalidInput.at(place, reason, "not-supported") from error
    log.info("listener %s: started", listener.name)


def _stop(listener: Listener) -> None:
    try:
        listener.stop()
    except Exception as error:  # noqa: BLE001 - somebody else's code; the others must be stopped
        log.error("listener %s: could not be stopped: %s", listener.name, type(error).__name__)  # noqa: TRY400


def at_listener(error: InvalidInput, place: str) -> InvalidInput:
    """The same error, with the listener's place in the settings (`listeners.0`) before each problem's path."""
    return InvalidInput(replace(p, path=f"{place}.{p.path}" if p.path else place) for p in error.problems)

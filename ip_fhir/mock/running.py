"""Runs a mock: its store in a folder that is taken away in the end, its endpoint or listener, worker and people."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.bootstrap import open_exchange, open_listeners
from ip_fhir.errors import StoreError
from ip_fhir.exchange.listeners import listening
from ip_fhir.exchange.sending.worker import Worker
from ip_fhir.mock.journal import Journal
from ip_fhir.mock.opening import opened
from ip_fhir.mock.people import MockPeople
from ip_fhir.mock.wire import MockWire
from ip_fhir.plugins import adapters
from ip_fhir.web.app import below, create_app
from ip_fhir.web.protection import Protection
from ip_fhir.web.serving import Server, server_config
from ip_fhir.web.sockets import bound_sockets, close_all

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from ip_fhir.exchange import Exchange
    from ip_fhir.mock.opening import MockOptions, Opened
    from ip_fhir.settings import Settings

log = logging.getLogger("ip_fhir.mock")

_SECONDS_TO_START: Final = 120.0
_SECONDS_TO_STOP: Final = 20.0


@contextmanager
def played(
    tested: Settings, options: MockOptions, write: Callable[[dict[str, Any]], None] = lambda _entry: None
) -> Iterator[Exchange]:
    """Yields the mock's side, which listens and answers until the block ends; then nothing of it is left.

    `tested` are the settings of the side that is tested. `write` is given each entry of the journal, in any thread.
    Raises `InvalidInput` as `opened`, and at a listener that cannot start; `OSError` when the address of the endpoint
    cannot be listened at.
    """
    journal = Journal(write)
    people = MockPeople(options.policy, options.after, journal)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ip-fhir-mock-")))
        made = opened(tested, options, folder)
        sockets = bound_sockets(made.http.host, made.http.port) if made.http is not None else []
        stack.callback(close_all, sockets)
        (peer,) = made.settings.peers
        inner = adapters([peer.adapter])[peer.adapter]
        wire = MockWire(inner, options.policy.notices, people.heard_of, journal)
        exchange = open_exchange(made.settings, tell=people.told, wires={peer.adapter: wire})
        stack.callback(exchange.close)
        stack.enter_context(people.at_work(exchange))
        stack.enter_context(listening(exchange, open_listeners(made.settings)))
        stack.enter_context(_working(exchange, made, sockets))
        yield exchange


@contextmanager
def _working(exchange: Exchange, made: Opened, sockets: list[socket.socket]) -> Iterator[None]:
    """Run the worker and, where there is an address for it, the endpoint."""
    worker = Worker(exchange, made.settings.worker.rest)
    if made.http is None:
        worker.start()
        try:
            yield
        finally:
            worker.stop()
        return
    protection = Protection.of(made.settings.http, exchange.limits)
    app = create_app(exchange, worker, None, protection)
    server = Server(server_config(below(made.http.path, app), made.settings.http, protection, 1.0))
    thread = threading.Thread(target=server.run, args=(sockets,), name="ip-fhir-mock-endpoint", daemon=True)
    thread.start()
    try:
        _await_start(server, thread)
        yield
    finally:
        server.should_exit = True
        thread.join(_SECONDS_TO_STOP)


def _await_start(server: Server, thread: threading.Thread) -> None:
    """Wait until the endpoint answers. Raises `StoreError` if it cannot start."""
    end = time.monotonic() + _SECONDS_TO_START
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise StoreError("the endpoint of the mock could not start, the log says why")
        time.sleep(0.01)

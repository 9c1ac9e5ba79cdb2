"""Run one side: endpoint, worker and listeners in one process, until SIGTERM or SIGINT; all end gracefully."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import math
import signal
import socket
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from ip_fhir.bootstrap import open_exchange, open_listeners
from ip_fhir.exchange.listeners import listening
from ip_fhir.exchange.sending.grace import Grace
from ip_fhir.exchange.sending.worker import Worker
from ip_fhir.logs import CountedLog, CountedRepeats
from ip_fhir.web.app import create_app
from ip_fhir.web.entry.handshakes import Handshake
from ip_fhir.web.own.app import create_own_app
from ip_fhir.web.protection import Protection
from ip_fhir.web.protocol import PROTOCOL_LOG, Guarded
from ip_fhir.web.sockets import address_of, bound_file, bound_sockets, close_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from starlette.applications import Starlette

    from ip_fhir.exchange import Exchange
    from ip_fhir.settings import HttpSettings, OwnSettings, Settings

log = logging.getLogger("ip_fhir.web")

_QUEUE = 1_024
_NEW_OBJECTS = 10_000
"""New objects between two looks for garbage; Python's own 700 are made within three messages."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Returns after requests, sendings and received messages under way are finished.

    What is not finished `worker.grace` seconds after the signal is left, and the process ends with code 0.

    Raises `InvalidInput` when a listener that the settings name is missing, broken or cannot start, and `OSError` when
    the address cannot be listened at; then no store was made. Raises `InvalidInput` at `http.tls`, too, where a file of
    it cannot be used; then nobody was listened to.
    """
    listeners = open_listeners(settings)
    sockets = bound_sockets(settings.http.host, settings.http.port)
    try:
        own = _bound_for_ours(settings.own)
        sockets += own
        exchange = open_exchange(settings)
    except BaseException:
        close_all(sockets)
        raise
    try:
        token = settings.http.metrics_token
        worker = Worker(exchange, settings.worker.rest)
        protection = Protection.of(settings.http, exchange.limits)
        app = create_app(exchange, worker, token.get_secret_value() if token else None, protection)
        grace = Grace(settings.worker.grace)
        # uvicorn raises the signal again when it has shut down; that must not cut the clean-up short.
        signal.signal(signal.SIGTERM, partial(_leave, grace))
        seconds = settings.worker.grace / 2
        config = server_config(app, settings.http, protection, seconds)
        logs = [protection.refused, protection.told]
        beside = None
        if settings.own is not None:
            ours = Protection.of(settings.own.http(settings.http), exchange.limits)
            logs += [ours.refused, ours.told]
            beside = (Server(_own_config(settings, settings.own, exchange, ours, seconds)), own)
        with listening(exchange, listeners), _told_in_the_end(*logs), _kept_for_good():
            log.info("listening at %s", ", ".join(map(address_of, sockets)))
            Server(config, grace, beside).run([one for one in sockets if one not in own])
    except KeyboardInterrupt:
        pass
    finally:
        close_all(sockets)
        if settings.own is not None and settings.own.socket is not None:
            settings.own.socket.unlink(missing_ok=True)
        exchange.close()


class Server(uvicorn.Server):
    """uvicorn's server, with a long queue of connections that wait to be accepted.

    asyncio takes the length of the queue for the number of connections that it accepts in one go, too, and more than a
    few of these at once would be more files than the process may open, before one of them is counted.

    A signal to end begins the `grace`. A server `beside` it, with its sockets, begins and ends with it.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        grace: Grace | None = None,
        beside: tuple[Server, list[socket.socket]] | None = None,
    ) -> None:
        super().__init__(config)
        self._grace = grace
        self._beside = beside

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take in no more, and end."""
        if self._grace is not None:
            self._grace.begin()
        if self._beside is not None:
            self._beside[0].should_exit = True
        super().handle_exit(sig, frame)

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        if self._beside is None:
            await super()._serve(sockets)
            return
        other, its_sockets = self._beside
        beside = asyncio.ensure_future(other._serve(its_sockets))  # noqa: SLF001 - its own class; `serve` would take the signals
        beside.add_done_callback(lambda _ended: setattr(self, "should_exit", True))
        try:
            await super()._serve(sockets)
        finally:
            other.should_exit = True
            await beside

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. Raises `OSError` when the application cannot start; the log says why."""
        try:
            await super().startup(sockets)
        except SystemExit:  # its code would say something else about us
            raise OSError(errno.ECANCELED, "the endpoint could not start, the log says why") from None
        names = [listener.getsockname() for server in self.servers for listener in server.sockets]
        log.info("listening on %s", ", ".join(map(_words, names)))
        for listener in (listener for server in self.servers for listener in server.sockets):
            with listener.dup() as same:
                same.listen(_QUEUE)


def _words(name: str | tuple[str, int]) -> str:
    """The name of a socket in words: a file, or an address and a port."""
    return name if isinstance(name, str) else f"{name[0]} port {name[1]}"


def _bound_for_ours(own: OwnSettings | None) -> list[socket.socket]:
    """The sockets where programs of our own ask; none without the section of the settings. Raises `OSError`."""
    if own is None:
        return []
    return [bound_file(own.socket)] if own.socket is not None else bound_sockets(own.host, own.port)


def _own_config(
    settings: Settings, own: OwnSettings, exchange: Exchange, protection: Protection, seconds_to_finish: float
) -> uvicorn.Config:
    """The configuration of the server for programs of our own."""
    programs = {program.name: program.token.get_secret_value() for program in own.programs}
    app = create_own_app(exchange, programs, protection, by_socket=own.socket is not None)
    return server_config(app, own.http(settings.http), protection, seconds_to_finish)


def server_config(
    app: Starlette, http: HttpSettings, protection: Protection, seconds_to_finish: float = 10.0
) -> uvicorn.Config:
    """The server's configuration: HTTP/1.1 by `Guarded`, no websockets, no header about ourselves but the date.

    Where `protection` has certificates, each connection is encrypted first.

    Requests under way have `seconds_to_finish` after a signal to end.
    """
    connections = protection.connections
    connections.bound_by_files()
    protocol: Callable[..., asyncio.Protocol] = partial(Guarded, connections=connections, refused=protection.refused)
    if protection.certificates is not None:
        made = partial(Handshake, certificates=protection.certificates, connections=connections)
        protocol = partial(_encrypted, partial(made, refused=protection.refused), protocol)
    return uvicorn.Config(
        app,
        host=http.host,
        port=http.port,
        loop="asyncio",
        http=cast("type[Guarded]", protocol),
        ws="none",
        interface="asgi3",
        lifespan="on",  # a worker that cannot start ends the process
        backlog=connections.bounds.backlog,
        access_log=False,  # a URL may hold what a caller should not have put there
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the peer is whoever is connected; `Proxies` reads whom a known proxy names
        timeout_keep_alive=math.ceil(http.idle_seconds),
        timeout_graceful_shutdown=max(1, int(seconds_to_finish)),
    )


def _encrypted(
    handshake: Callable[..., Handshake], protocol: Callable[..., asyncio.Protocol], **server: Any
) -> asyncio.Protocol:
    """The handshake of a connection, after which it has the protocol of plain ones."""
    return handshake(then=partial(protocol, **server))


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """Keeps all that is loaded at the start out of the search for garbage, since none of it will be.

    A search through all modules and tables takes longer than ten messages, and they wait for it.
    """
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextmanager
def _told_in_the_end(*logs: CountedLog) -> Iterator[None]:
    """Other libraries' warnings counted; in the end, all counts told that were not."""
    counted = CountedLog(log)
    repeats = CountedRepeats(counted)
    loggers = [logging.getLogger(name) for name in ("asyncio", "uvicorn.error", PROTOCOL_LOG)]
    for logger in loggers:
        logger.addFilter(repeats)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(repeats)
        for one in (*logs, counted):
            one.flush(at_once=True)


def _leave(grace: Grace, _signal: int, _frame: FrameType | None) -> None:
    grace.begin()
    sys.exit(0)

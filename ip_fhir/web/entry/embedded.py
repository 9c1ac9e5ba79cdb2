"""One side in the process of a larger application: its endpoint to be mounted, its worker and its listeners.

    side = embed(settings)
    host = FastAPI(lifespan=side.lifespan)
    host.mount("/fhir", side.app)

Frameworks do not tell a mounted application that the process starts or ends: so the host does, by `lifespan`, or by
`start` and `stop` where it has nothing of the kind. The addresses that are given out are those of `http.base_url` in
the settings, with the prefix in it; never those that a request claims.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from ip_fhir.bootstrap import open_exchange, open_listeners
from ip_fhir.errors import StoreError
from ip_fhir.exchange.listeners import listening
from ip_fhir.exchange.sending.worker import Worker
from ip_fhir.web.app import create_app
from ip_fhir.web.protection import Protection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ip_fhir.exchange import Exchange
    from ip_fhir.ports import Listener
    from ip_fhir.settings import Settings


def embed(settings: Settings, exchange: Exchange | None = None) -> EmbeddedSide:
    """Returns a side that is not started, of an exchange that the host has opened, else by the settings.

    Raises as `open_exchange` and `open_listeners`.
    """
    listeners = open_listeners(settings)
    return EmbeddedSide(settings, exchange or open_exchange(settings), listeners)


class EmbeddedSide:
    """One side: `app` to mount, `exchange` for what the host's people do. Made by `embed`; started and stopped once."""

    def __init__(self, settings: Settings, exchange: Exchange, listeners: list[Listener]) -> None:
        self.exchange = exchange
        self._listeners = listeners
        self._worker = Worker(exchange, settings.worker.rest)
        self._protection = Protection.of(settings.http, exchange.limits)
        self._turn = threading.Lock()
        self._running = 0
        self._over = False
        self._stack = ExitStack()
        token = settings.http.metrics_token
        self.app = create_app(
            exchange,
            self._worker,
            token.get_secret_value() if token else None,
            self._protection,
            lifespan=self.lifespan,
        )

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """Starts the side, and stops it at the end: the host's own lifespan, or entered in it.

        A host that also passes its lifespan on to what it mounts starts it no second time.
        """
        await run_in_threadpool(self.start)
        try:
            yield
        finally:
            await run_in_threadpool(self.stop)

    def start(self) -> None:
        """Starts worker and listeners, in threads of their own: after the process has forked, if it does.

        Raises `InvalidInput` where a listener cannot start, `StoreError` if the side was stopped.
        """
        with self._turn:
            if self._over:
                raise StoreError("this side was stopped: open another")
            if self._running == 0:
                with ExitStack() as stack:
                    stack.callback(self.exchange.close)
                    stack.enter_context(listening(self.exchange, self._listeners))
                    if self._protection.issuer is not None:
                        self._protection.issuer.keys.start()
                        stack.callback(self._protection.issuer.keys.stop)
                    self._worker.start()
                    stack.callback(self._worker.stop)
                    self._stack = stack.pop_all()
            self._running += 1

    def stop(self) -> None:
        """Finishes what is under way, as far as `worker.grace` lets it, and closes the store: after as many starts.

        A side that was never started only closes its store.
        """
        with self._turn:
            self._running -= 1
            if self._running > 0 or self._over:
                return
            self._over = True
            if self._running < 0:
                self.exchange.close()
            self._stack.close()
